"""The directories of attempts: what a job sees, and what is kept beside it."""

import hashlib
import shutil
from collections.abc import Iterable
from pathlib import Path

from msgspec import Struct

from clients.inputs import AttemptKey
from orchestrator.domain.events import Results
from orchestrator.domain.subjects import token
from orchestrator.errors import ManifestMalformedError
from orchestrator.files.bundle import collect, unpack_bundle
from orchestrator.files.manifest import Manifest, decode_manifest


class Workspace(Struct, frozen=True):
    """One attempt's directory; only `job` and the captured output become results."""

    path: Path

    @property
    def job(self) -> Path:
        """Return the job's working directory, which is also its HOME."""
        return self.path / "job"

    @property
    def temporary(self) -> Path:
        """Return the job's TMPDIR: beside `job`, so that it is no result."""
        return self.path / "tmp"

    @property
    def stdout(self) -> Path:
        """Return the file that captures the job's standard output."""
        return self.path / "stdout"

    @property
    def stderr(self) -> Path:
        """Return the file that captures the job's standard error."""
        return self.path / "stderr"

    @property
    def bundle(self) -> Path:
        """Return where the inputs are downloaded to."""
        return self.path / "inputs.zip"

    @property
    def archive(self) -> Path:
        """Return the archive of results."""
        return self.path / "results.zip"

    @property
    def manifest(self) -> Path:
        """Return what says what the archive holds; when it is there, so is that."""
        return self.path / "manifest.json"

    def prepare(self) -> None:
        """Make it, empty."""
        remove_tree(self.path)
        self.temporary.mkdir(parents=True, mode=0o700)

    def unpack(self) -> None:
        """Turn the downloaded inputs into the job's working directory.

        Raises:
            BundleUnsafeError: an entry would escape.
            BundleBrokenError: it is no zip.
            OSError: the disk does not take it.
        """
        remove_tree(self.job)
        unpack_bundle(self.bundle, self.job)
        self.bundle.unlink()

    def collect(self, *, afresh: bool) -> Results | None:
        """Make archive and manifest where they are not made yet.

        Return None when the workspace is not there (any more).

        Raises:
            OSError: the disk does not take them.
        """
        if not self.job.is_dir():
            return None
        manifest = None if afresh else self._made()
        return _results(manifest or self._collect())

    def _made(self) -> Manifest | None:
        try:
            manifest = decode_manifest(self.manifest.read_bytes())
        except (FileNotFoundError, ManifestMalformedError):
            return None
        return manifest if self._has_archive(manifest) else None

    def _has_archive(self, manifest: Manifest) -> bool:
        # Neither was flushed: after a power loss its bytes may be others.
        try:
            with self.archive.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except FileNotFoundError:
            return False
        return digest == manifest.sha256

    def _collect(self) -> Manifest:
        self.manifest.unlink(missing_ok=True)
        manifest = collect(
            self.job,
            self.stdout if self.stdout.is_file() else None,
            self.stderr if self.stderr.is_file() else None,
            self.archive,
        )
        # Not flushed: it can be made again, and whoever finds it compares its digest.
        part = self.manifest.with_suffix(".part")
        part.write_bytes(manifest.encode())
        part.rename(self.manifest)
        return manifest


class Workspaces:
    """All workspaces of a client, under one directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)

    def of(self, key: AttemptKey) -> Workspace:
        """Return an attempt's workspace, made or not."""
        return Workspace(self._directory / _name(key))

    def remove(self, key: AttemptKey) -> None:
        """Remove an attempt's workspace, if it is there.

        Raises:
            OSError: something in it cannot be removed.
        """
        remove_tree(self._directory / _name(key))

    def remove_orphans(self, keep: Iterable[AttemptKey]) -> list[str]:
        """Remove what belongs to none of these attempts; return the names."""
        kept = {_name(key) for key in keep}
        orphans = [p for p in self._directory.iterdir() if p.name not in kept]
        for path in orphans:
            remove_tree(path)
        return sorted(path.name for path in orphans)


def remove_tree(path: Path) -> None:
    """Remove a directory, also where a job took away its own rights.

    Raises:
        OSError: something in it cannot be removed.
    """
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.is_dir():
        try:
            shutil.rmtree(path)
        except PermissionError:
            _take_rights(path)
            shutil.rmtree(path)


def _take_rights(root: Path) -> None:
    root.chmod(0o700)
    for directory, names, _ in root.walk():  # top down: before it goes in
        for name in names:
            if not (directory / name).is_symlink():
                (directory / name).chmod(0o700)


def _name(key: AttemptKey) -> str:
    job_id, attempt = key
    return f"{token(job_id)}-{attempt}"


def _results(manifest: Manifest) -> Results:
    return Results(
        manifest_sha256=manifest.digest(),
        size=manifest.size,
        files=sum(entry.kind == "file" for entry in manifest.entries),
    )
