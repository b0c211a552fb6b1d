"""Events as bytes and back: JSON that a person can read."""

import msgspec

from orchestrator.domain.events import Event, Recorded
from orchestrator.errors import UndecodableEventError

_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(Recorded[Event])


def encode(recorded: Recorded[Event]) -> bytes:
    """Return the one byte string that stands for a recorded event."""
    return _ENCODER.encode(recorded)


def decode(data: bytes, *, position: int) -> Recorded[Event]:
    """Return the recorded event at a position.

    Raises:
        UndecodableEventError: this version does not know it; nobody may skip it.
    """
    try:
        return _DECODER.decode(data)
    except msgspec.MsgspecError as error:
        raise UndecodableEventError(position=position, why=str(error)) from error
