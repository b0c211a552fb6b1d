from pathlib import Path

import pytest

from clients.identity import hold_directory
from orchestrator.errors import ClientDirectoryError, ClientDirectoryHeldError


def test_an_id_is_made_once_and_kept(tmp_path: Path) -> None:
    with hold_directory(tmp_path / "client") as first:
        pass
    with hold_directory(tmp_path / "client") as again:
        assert again == first
    with hold_directory(tmp_path / "other") as other:
        assert other != first


def test_the_id_is_only_for_its_owner(tmp_path: Path) -> None:
    with hold_directory(tmp_path):
        assert (tmp_path / "client.json").stat().st_mode & 0o777 == 0o600


def test_a_second_agent_on_the_same_directory_is_told_which(tmp_path: Path) -> None:
    with (
        hold_directory(tmp_path),
        pytest.raises(ClientDirectoryHeldError, match=str(tmp_path)),
        hold_directory(tmp_path),
    ):
        pass
    with hold_directory(tmp_path) as client_id:
        assert client_id


def test_a_damaged_identity_is_named_and_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "client.json").write_text("{")
    with (
        pytest.raises(ClientDirectoryError, match=r"client\.json is damaged"),
        hold_directory(tmp_path),
    ):
        pass
    assert (tmp_path / "client.json").read_text() == "{"


def test_a_directory_that_cannot_be_made_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(ClientDirectoryError, match="Not a directory"),
        hold_directory(tmp_path / "file" / "client"),
    ):
        pass
