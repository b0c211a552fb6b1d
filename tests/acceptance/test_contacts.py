"""A real computation, both ways in: contacts between two chains of ubiquitin ligase."""

import json
import subprocess
import zipfile
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.acceptance.site import Site, eventually

DATA = Path(__file__).parents[1] / "data"
RUN_SH = r"""
awk '
substr($0, 1, 4) != "ATOM" { next }
substr($0, 77, 2) ~ /^ *[HD] *$/ { next }
{ x = substr($0, 31, 8); y = substr($0, 39, 8); z = substr($0, 47, 8) }
{ residue = substr($0, 22, 6) }
FNR == NR { n++; X[n] = x; Y[n] = y; Z[n] = z; R[n] = residue; next }
{
  for (i = 1; i <= n; i++) {
    d = (X[i] - x) ^ 2 + (Y[i] - y) ^ 2 + (Z[i] - z) ^ 2
    if (d < 25) { atoms++; pairs[R[i] "|" residue] = 1 }
  }
}
END { for (pair in pairs) residues++; print atoms, residues }
' 2oob_A.pdb 2oob_B.pdb > contacts.txt
cat contacts.txt
"""
RIGHT = "222 28"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Generator[Site]:
    site = Site(tmp_path_factory.mktemp("contacts"), "[services.contacts]")
    try:
        site.start_server()
        site.start_client("first")
        site.start_client("second")
        yield site
    finally:
        site.stop()


@pytest.fixture
def inputs(tmp_path: Path) -> list[str]:
    (tmp_path / "run.sh").write_text(RUN_SH)
    return [
        str(tmp_path / "run.sh"),
        str(DATA / "2oob_A.pdb"),
        str(DATA / "2oob_B.pdb"),
    ]


def test_curl_uploads_a_job_and_downloads_the_right_answer(
    site: Site,
    inputs: list[str],
    tmp_path: Path,
) -> None:
    files = [argument for path in inputs for argument in ("-F", f"file=@{path}")]
    upload = _curl(
        "-F", "user_id=7", "-F", "service=contacts", *files, f"{site.url}/upload"
    )
    job = json.loads(upload)
    assert job["status"] == "Queued"
    assert "successfully uploaded" in job["message"]
    archive = tmp_path / "results.zip"

    def is_zip() -> bool:
        _curl("-o", str(archive), f"{site.url}/download/{job['id']}")
        return zipfile.is_zipfile(archive)

    eventually(is_zip, 20, "the results by curl")
    assert _answer(archive) == RIGHT


def test_the_command_line_submits_waits_and_fetches_the_right_answer(
    site: Site,
    inputs: list[str],
    tmp_path: Path,
) -> None:
    submitted = json.loads(
        site.cli("submit", "--service", "contacts", "--user", "ada", "--json", *inputs),
    )
    site.cli("wait", submitted["job_id"])
    archive = tmp_path / "results.zip"
    site.cli("results", submitted["job_id"], "-o", str(archive), "--verify")
    assert _answer(archive) == RIGHT


def _curl(*arguments: str) -> str:
    done = subprocess.run(
        ["curl", "--silent", "--show-error", "--noproxy", "*", *arguments],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def _answer(archive: Path) -> str:
    with zipfile.ZipFile(archive) as results:
        assert results.testzip() is None
        assert results.read("stdout") == results.read("contacts.txt")
        return results.read("contacts.txt").decode().strip()
