"""A work directory as a job leaves it, to be collected."""

import os
from pathlib import Path
from zipfile import ZipFile

from orchestrator.files.bundle import check_archive, collect
from orchestrator.files.manifest import Manifest

NOON_NS = 1_700_000_001_123_456_789  # an odd second, which DOS time cannot say


class Work:
    """A work directory, the captured output beside it, and the archive."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.directory = place / "job"
        self.directory.mkdir()
        self.stdout = place / "control.out"
        self.stderr = place / "control.err"
        self.target = place / "results.zip"
        self.write(self.stdout, b"captured out")
        self.write(self.stderr, b"captured err")

    def write(self, path: str | Path, content: bytes, mode: int = 0o644) -> None:
        """Leave a file, last changed at noon."""
        file = self.directory / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        file.chmod(mode)
        os.utime(file, ns=(NOON_NS, NOON_NS))

    def collect(self) -> Manifest:
        """Collect; return the manifest, which the archive was checked against."""
        manifest = collect(self.directory, self.stdout, self.stderr, self.target)
        check_archive(self.target, manifest)
        return manifest

    def read(self, name: str) -> bytes:
        """Return a file of the archive."""
        with ZipFile(self.target) as archive:
            return archive.read(name)


def paths(manifest: Manifest) -> list[str]:
    """Return the names of what was kept, in order."""
    return [entry.path for entry in manifest.entries]
