"""An installation of the original, stopped: its database's schema, its directories."""

import sqlite3
import stat
from collections.abc import Mapping
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id INTEGER NOT NULL,
    service TEXT NOT NULL,
    status TEXT NOT NULL,
    loc TEXT NOT NULL,
    dest_id INTEGER,
    created_at DATETIME DEFAULT CURRENT_TIMESTAMP
)
"""
# Of every job: where the original's container had its data.
MOUNTED = Path("/opt/data")
STATUSES = (
    "queued",
    "processing",
    "submitted",
    "prepared",
    "running",
    "completed",
    "failed",
    "invalid",
    "killed",
    "locked",
    "cleaned",
    "unknown",
)


class Original:
    """What it left behind: `database` and `data`."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.name = str(directory)
        self.database = directory / "db.sqlite"
        self.data = directory / "data"
        self.data.mkdir()
        self._execute(SCHEMA)

    def job(
        self,
        status: str,
        files: Mapping[str, bytes] | None = None,
        *,
        service: str = "echo",
        created_at: str = "2026-01-02 03:04:05",
    ) -> int:
        """Add a job with the files of its directory; return its number."""
        number = self._execute(
            "INSERT INTO jobs (user_id, service, status, loc, dest_id, created_at) "
            "VALUES (7, ?, ?, '', 1, ?)",
            (service, status, created_at),
        )
        origin = str(uuid5(NAMESPACE_URL, f"{self.name}/{number}"))
        self._execute(
            "UPDATE jobs SET loc = ? WHERE id = ?", (str(MOUNTED / origin), number)
        )
        if files is not None:
            self.directory(number).mkdir()
            for name, content in files.items():
                (self.directory(number) / name).write_bytes(content)
        return number

    def directory(self, number: int) -> Path:
        """Return where a job's files are."""
        return self.data / str(uuid5(NAMESPACE_URL, f"{self.name}/{number}"))

    def _execute(self, sql: str, values: tuple[object, ...] = ()) -> int:
        connection = sqlite3.connect(self.database)
        try:
            with connection:
                return connection.execute(sql, values).lastrowid or 0
        finally:
            connection.close()


def results(directory: Path, files: Mapping[str, bytes]) -> bytes:
    """Return a zip with the traits of the original's: deflated, everything 755."""
    path = directory / "made.zip"
    with ZipFile(path, "w", ZIP_DEFLATED) as archive:
        for name, content in files.items():
            info = ZipInfo(name, (2026, 1, 2, 3, 4, 6))
            info.create_system, info.compress_type = 3, ZIP_DEFLATED
            kind = stat.S_IFDIR if name.endswith("/") else stat.S_IFREG
            info.external_attr = (kind | 0o755) << 16
            archive.writestr(info, content)
    return path.read_bytes()
