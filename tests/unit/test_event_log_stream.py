import pytest

from orchestrator.errors import LogTooOldError
from orchestrator.event_log.stream import require_version


@pytest.mark.parametrize("version", ["2.12.0", "2.12.10", "2.15.0", "3.0.0", "v2.12.1"])
def test_a_server_with_atomic_batches_is_taken(version: str) -> None:
    require_version(version)


@pytest.mark.parametrize(
    "version", ["2.11.9", "2.2.0", "1.99.0", "2.12.0-RC.1", "0.0.0-unknown", "", "new"]
)
def test_an_older_or_unreadable_version_is_refused_by_name(version: str) -> None:
    with pytest.raises(LogTooOldError) as refused:
        require_version(version)
    assert f"version {version};" in str(refused.value)


def test_a_preview_of_a_later_version_is_taken() -> None:
    require_version("2.13.0-preview.1")
