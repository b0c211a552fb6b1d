import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import ZipFile

import pytest

from clients.workspace import Workspace, Workspaces, remove_tree
from orchestrator.errors import BundleBrokenError
from orchestrator.files.archive_check import check_archive
from orchestrator.files.manifest import decode_manifest
from tests.fakes.hub_rules import key

NOBODY = 65534


def prepared(directory: Path) -> Workspace:
    workspace = Workspaces(directory).of(key())
    workspace.prepare()
    with ZipFile(workspace.bundle, "w") as bundle:
        bundle.writestr("run.sh", "true\n")
    workspace.unpack()
    return workspace


def test_inputs_are_unpacked_and_their_bundle_is_gone(tmp_path: Path) -> None:
    workspace = prepared(tmp_path)
    assert (workspace.job / "run.sh").read_text() == "true\n"
    assert not workspace.bundle.exists()
    assert workspace.temporary.is_dir()


def test_preparing_again_begins_from_nothing(tmp_path: Path) -> None:
    workspace = prepared(tmp_path)
    (workspace.job / "left").touch()
    assert not (prepared(tmp_path).job / "left").exists()


def test_a_bundle_that_is_none_is_refused(tmp_path: Path) -> None:
    workspace = Workspaces(tmp_path).of(key())
    workspace.prepare()
    workspace.bundle.write_text("no zip")
    with pytest.raises(BundleBrokenError):
        workspace.unpack()


def test_results_are_made_once(tmp_path: Path) -> None:
    workspace = prepared(tmp_path)
    workspace.stdout.write_text("hello")
    results = workspace.collect(afresh=False)
    assert results is not None
    assert results.files == 2
    (workspace.job / "later").touch()
    assert workspace.collect(afresh=False) == results
    afresh = workspace.collect(afresh=True)
    assert afresh is not None
    assert afresh.files == 3


def test_the_archive_holds_what_the_manifest_says(tmp_path: Path) -> None:
    workspace = prepared(tmp_path)
    workspace.stdout.write_text("out")
    workspace.stderr.write_text("err")
    (workspace.temporary / "scratch").touch()
    results = workspace.collect(afresh=False)
    manifest = decode_manifest(workspace.manifest.read_bytes())
    check_archive(workspace.archive, manifest)
    assert results is not None
    assert manifest.digest() == results.manifest_sha256
    names = {entry.path for entry in manifest.entries}
    assert names == {"run.sh", "stdout", "stderr"}


def test_an_archive_that_a_crash_cut_off_is_made_again(tmp_path: Path) -> None:
    workspace = prepared(tmp_path)
    results = workspace.collect(afresh=False)
    workspace.archive.write_bytes(b"PK")
    assert workspace.collect(afresh=False) == results
    workspace.manifest.write_text("{")
    assert workspace.collect(afresh=False) == results


def test_a_workspace_that_is_not_there_has_no_results(tmp_path: Path) -> None:
    assert Workspaces(tmp_path).of(key()).collect(afresh=False) is None


def test_orphans_are_removed_and_the_others_stay(tmp_path: Path) -> None:
    workspaces = Workspaces(tmp_path)
    for job_id in ("job-1", "job-2"):
        workspaces.of(key(job_id)).prepare()
    assert workspaces.remove_orphans([key("job-2")]) == ["job-1-1"]
    assert [path.name for path in tmp_path.iterdir()] == ["job-2-1"]


def test_an_attempts_directory_stays_below_ours_whatever_its_id(
    tmp_path: Path,
) -> None:
    for job_id in ("../../etc", "..", "a/b", ""):
        path = Workspaces(tmp_path).of(key(job_id)).path
        assert path.parent == tmp_path


@contextmanager
def unprivileged() -> Generator[Path]:
    """Return a context with a directory, in which even root may not do anything."""
    with TemporaryDirectory() as directory:
        if os.geteuid() == 0:
            os.chown(directory, NOBODY, NOBODY)
        me = os.geteuid()
        os.seteuid(NOBODY if me == 0 else me)
        try:
            yield Path(directory)
        finally:
            os.seteuid(me)


def test_a_directory_whose_rights_a_job_took_away_is_removed() -> None:
    with unprivileged() as directory:
        inner = directory / "work" / "closed" / "inner"
        inner.mkdir(parents=True)
        (inner / "file").touch()
        inner.chmod(0o000)
        inner.parent.chmod(0o500)
        with pytest.raises(PermissionError):
            shutil.rmtree(directory / "work")
        remove_tree(directory / "work")
        assert not (directory / "work").exists()
