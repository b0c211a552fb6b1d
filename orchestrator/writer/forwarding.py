"""A command on its way to the leader of a term, and the outcome on its way back."""

from collections.abc import Awaitable, Callable

import msgspec
from msgspec import Struct

from orchestrator.domain.commands import Asked
from orchestrator.domain.ids import Position
from orchestrator.errors import OrchestratorError, OutcomeUnknownError
from orchestrator.writer.commands import Answered
from orchestrator.writer.refusals import Refusal, pack, unpack

# Asks the leader of a term; raises what it answers, NotLeadingError where nobody can
# have been reached, OutcomeUnknownError where somebody may have been.
type Forward = Callable[[Position, Asked], Awaitable[Answered]]


class _Outcome(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One of the two."""

    answered: Answered | None = None
    refusal: Refusal | None = None


_COMMAND = msgspec.json.Decoder(Asked)
_OUTCOME = msgspec.json.Decoder(_Outcome)


def encode_command(asked: Asked) -> bytes:
    """Return a command as it travels."""
    return msgspec.json.encode(asked)


def decode_command(data: bytes) -> Asked:
    """Return the command that travelled.

    Raises:
        msgspec.MsgspecError: this version does not know it.
    """
    return _COMMAND.decode(data)


def encode_outcome(outcome: Answered | OrchestratorError) -> bytes:
    """Return what became of a command as it travels."""
    if isinstance(outcome, OrchestratorError):
        return msgspec.json.encode(_Outcome(refusal=pack(outcome)))
    return msgspec.json.encode(_Outcome(answered=outcome))


def decode_outcome(data: bytes) -> Answered:
    """Return the answer that travelled.

    Raises:
        OrchestratorError: the refusal that travelled, as it was raised there.
        OutcomeUnknownError: besides, where this version cannot read the answer.
    """
    try:
        outcome = _OUTCOME.decode(data)
    except msgspec.MsgspecError:
        raise OutcomeUnknownError from None
    if outcome.refusal is not None:
        raise unpack(outcome.refusal)
    if outcome.answered is None:
        raise OutcomeUnknownError
    return outcome.answered
