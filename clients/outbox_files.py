"""The outbox on disk: one file a report, its number for a name."""

import re
from pathlib import Path

import msgspec
import structlog

from clients.durable import remove_leftovers, sync_directory, write_durably
from clients.inputs import Final
from clients.outputs import Entry

logger = structlog.stdlib.get_logger()

_NAME = re.compile(r"(\d{16})\.json")
_SET_ASIDE = "set-aside"
_DECODER: msgspec.json.Decoder[Final] = msgspec.json.Decoder(Final)


class OutboxFiles:
    """Reports in a directory, which is made at first use."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        sync_directory(directory.parent)

    def load(self) -> list[Entry]:
        """Return the reports that an earlier run left, oldest first.

        What is not a whole report is set aside, and a log line says so.
        """
        remove_leftovers(self._directory)
        names = sorted(path.name for path in self._directory.iterdir())
        found = [self._read(name) for name in names if name != _SET_ASIDE]
        return [entry for entry in found if entry is not None]

    def write(self, entry: Entry) -> None:
        """Keep a report; on return it survives a power loss.

        Raises:
            OSError: it could not be written.
        """
        write_durably(self._path(entry.number), msgspec.json.encode(entry.report))

    def erase(self, number: int) -> None:
        """Remove a report that was answered: should it come back, it is sent again."""
        self._path(number).unlink(missing_ok=True)

    def _path(self, number: int) -> Path:
        return self._directory / f"{number:016d}.json"

    def _read(self, name: str) -> Entry | None:
        matched = _NAME.fullmatch(name)
        if matched is None:
            self._set_aside(name, "not a report's name")
            return None
        try:
            report = _DECODER.decode((self._directory / name).read_bytes())
        except (msgspec.DecodeError, UnicodeDecodeError, OSError) as error:
            self._set_aside(name, str(error))
            return None
        return Entry(number=int(matched[1]), report=report)

    def _set_aside(self, name: str, why: str) -> None:
        aside = self._directory / _SET_ASIDE
        aside.mkdir(mode=0o700, exist_ok=True)
        (self._directory / name).rename(aside / name)
        logger.warning("outbox.set_aside", file=name, why=why)
