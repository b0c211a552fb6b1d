"""What a drill says to its servers over a socket: one command or outcome a line."""

import msgspec
from msgspec import Struct

from orchestrator.domain.commands import Asked
from orchestrator.errors import OrchestratorError
from orchestrator.writer.commands import Answered
from orchestrator.writer.forwarding import decode_outcome, encode_outcome

LONGEST_LINE = 1 << 20


class Call(Struct, frozen=True):
    """A command, under a number that its reply repeats."""

    number: int
    asked: Asked


class _Reply(Struct, frozen=True):
    number: int
    outcome: msgspec.Raw


class Attempted(Struct, frozen=True):
    """A write that a server tried; noted before it was sent."""

    expected: int
    digests: tuple[int, ...]


def encode_call(call: Call) -> bytes:
    return msgspec.json.encode(call) + b"\n"


def decode_call(line: bytes) -> Call:
    return msgspec.json.decode(line, type=Call)


def encode_reply(number: int, outcome: Answered | OrchestratorError) -> bytes:
    raw = msgspec.Raw(encode_outcome(outcome))
    return msgspec.json.encode(_Reply(number, raw)) + b"\n"


def decode_reply(line: bytes) -> tuple[int, Answered | OrchestratorError]:
    reply = msgspec.json.decode(line, type=_Reply)
    try:
        return reply.number, decode_outcome(bytes(reply.outcome))
    except OrchestratorError as error:
        return reply.number, error
