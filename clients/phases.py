"""The phases of an attempt in a client's hands."""

from enum import Enum, auto

from orchestrator.wire import Fetch, Started


class Phase(Enum):
    """What an attempt waits for."""

    WAITING = auto()  # for a slot
    FETCHING = auto()
    DOWNLOADING = auto()
    CLAIMING = auto()
    STARTING = auto()
    ADOPTED = auto()  # an earlier run left it; what does the log say?
    RUNNING = auto()
    COLLECTING = auto()
    RENEWING = auto()  # the right to deliver
    DELIVERING = auto()
    REPORTING = auto()
    REMOVING = auto()
    GONE = auto()


BEFORE_PROCESS = {Phase.WAITING, Phase.FETCHING, Phase.DOWNLOADING, Phase.CLAIMING}
AWAITED = {
    Phase.FETCHING: Fetch,
    Phase.RENEWING: Fetch,
    Phase.CLAIMING: Started,
}
CAN_FAIL = {
    Phase.DOWNLOADING,
    Phase.STARTING,
    Phase.RUNNING,
    Phase.COLLECTING,
    Phase.DELIVERING,
    Phase.REMOVING,
}
PAST_IT = {Phase.REPORTING, Phase.REMOVING, Phase.GONE}
