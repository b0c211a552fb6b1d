"""Where things are in a data directory, or in the one that servers share."""

from pathlib import Path


def read_model_in(data: Path) -> Path:
    """Return the DuckDB file of a server."""
    return data / "read-models.duckdb"


def files_in(data: Path) -> Path:
    """Return where uploads and results are kept."""
    return data / "files"


def secret_in(data: Path) -> Path:
    """Return the file with the key that transfer tokens are signed with."""
    return data / "transfer-secret"


def nats_in(data: Path) -> Path:
    """Return where the embedded nats-server of `up` keeps the event log."""
    return data / "nats"


def client_in(data: Path) -> Path:
    """Return the state directory of the client of `up`."""
    return data / "client"
