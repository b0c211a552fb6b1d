"""Unpacking an archive that may come from anywhere."""

import stat
from pathlib import Path
from zipfile import ZipFile, ZipInfo

import pytest

from orchestrator.errors import BundleBrokenError, BundleUnsafeError
from orchestrator.files.bundle import BundleWriter, unpack_bundle

FILE = stat.S_IFREG | 0o640
LINK = stat.S_IFLNK | 0o777


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "inside" / "job"


def archive_of(tmp_path: Path, *entries: tuple[str, int, str]) -> Path:
    path = tmp_path / "b.zip"
    with ZipFile(path, "w") as archive:
        for name, mode, content in entries:
            info = ZipInfo(name)
            info.external_attr = mode << 16
            archive.writestr(info, content)
    return path


def everything_in(tmp_path: Path) -> set[str]:
    return {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")}


def test_files_get_plain_modes_and_directories_are_made(
    tmp_path: Path, target: Path
) -> None:
    path = archive_of(
        tmp_path,
        ("d/e/f", FILE, "1"),
        ("run", stat.S_IFREG | 0o4711, "2"),
        ("empty/", stat.S_IFDIR | 0o700, ""),
        ("plain", 0, "3"),
    )

    assert unpack_bundle(path, target) == ("d/e/f", "run", "empty/", "plain")

    modes = {name: (target / name).stat().st_mode & 0o7777 for name in ("d/e/f", "run")}
    assert modes == {"d/e/f": 0o644, "run": 0o755}
    assert (target / "d/e/f").read_text() == "1"
    assert (target / "empty").is_dir()


@pytest.mark.parametrize(
    "name", ["/etc/x", "../x", "d/../../x", "..", "d/..", "//x", "x\0y"]
)
def test_a_name_that_leads_out_is_refused_before_anything_is_written(
    tmp_path: Path, target: Path, name: str
) -> None:
    stand_in = "N" * len(name)  # zipfile itself would not write a NUL
    path = archive_of(tmp_path, ("good", FILE, "1"), (stand_in, FILE, "2"))
    path.write_bytes(path.read_bytes().replace(stand_in.encode(), name.encode()))
    before = everything_in(tmp_path)

    with pytest.raises(BundleUnsafeError):
        unpack_bundle(path, target)

    assert everything_in(tmp_path) - before == {"inside", "inside/job"}


@pytest.mark.parametrize("kind", [stat.S_IFIFO, stat.S_IFCHR, stat.S_IFBLK])
def test_what_is_no_file_is_refused(tmp_path: Path, target: Path, kind: int) -> None:
    path = archive_of(tmp_path, ("x", kind | 0o666, ""))
    with pytest.raises(BundleUnsafeError, match="neither file nor"):
        unpack_bundle(path, target)


def test_links_that_stay_inside_are_made(tmp_path: Path, target: Path) -> None:
    path = archive_of(
        tmp_path, ("d/up", LINK, "../a"), ("a", FILE, "1"), ("dangling", LINK, "none")
    )

    unpack_bundle(path, target)

    assert (target / "d/up").read_text() == "1"
    assert (target / "dangling").is_symlink()


@pytest.mark.parametrize(
    "links",
    [
        [("l", "/etc")],
        [("l", "..")],
        [("d/l", "../../x")],
        [("d/up", ".."), ("l", "d/up/..")],  # each looks harmless
        [("l", "d/up/.."), ("d/up", "..")],
        [("ok", "a"), ("l", "../job2")],
    ],
)
def test_links_that_lead_out_are_refused_and_removed(
    tmp_path: Path, target: Path, links: list[tuple[str, str]]
) -> None:
    (target.parent / "job2").mkdir(parents=True)
    entries = [("a", FILE, "1"), ("d/b", FILE, "2")]
    entries += [(name, LINK, to) for name, to in links]

    with pytest.raises(BundleUnsafeError, match="leads out"):
        unpack_bundle(archive_of(tmp_path, *entries), target)

    assert not [path for path in target.rglob("*") if path.is_symlink()]


def test_nothing_is_written_through_a_link(tmp_path: Path, target: Path) -> None:
    path = archive_of(tmp_path, ("d", LINK, ".."), ("d/x", FILE, "1"))

    with pytest.raises(BundleUnsafeError, match="clashes"):
        unpack_bundle(path, target)

    assert not (target.parent / "x").exists()


def test_nothing_is_written_through_a_link_that_is_there_already(
    tmp_path: Path, target: Path
) -> None:
    target.mkdir(parents=True)
    (target / "d").symlink_to("..")
    path = archive_of(tmp_path, ("d/x", FILE, "1"))

    with pytest.raises(BundleUnsafeError, match="clashes"):
        unpack_bundle(path, target)

    assert not (target.parent / "x").exists()


def test_names_that_clash_are_refused(tmp_path: Path, target: Path) -> None:
    for second in ("a/b", "a/"):
        path = archive_of(tmp_path, ("a", FILE, "1"), (second, FILE, "2"))
        with pytest.raises(BundleUnsafeError, match="clashes"):
            unpack_bundle(path, target / second.replace("/", "_"))


def test_what_is_there_already_is_not_overwritten(tmp_path: Path, target: Path) -> None:
    target.mkdir(parents=True)
    (target / "a").write_text("kept")

    with pytest.raises(BundleUnsafeError, match="clashes"):
        unpack_bundle(archive_of(tmp_path, ("a", FILE, "1")), target)

    assert (target / "a").read_text() == "kept"


def test_damage_is_told(tmp_path: Path, target: Path) -> None:
    writer = BundleWriter()
    writer.begin("a")
    writer.write(b"content")
    writer.finish()
    whole = writer.take()
    path = tmp_path / "b.zip"
    for data in (b"", whole[:-30], whole.replace(b"content", b"CONTENT")):
        path.write_bytes(data)
        with pytest.raises(BundleBrokenError, match="cannot be read"):
            unpack_bundle(path, target)
