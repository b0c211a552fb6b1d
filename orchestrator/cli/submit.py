"""`submit`: hand in a job with its files."""

import contextlib
import getpass
from collections.abc import Callable, Generator, Sequence
from io import BufferedReader, FileIO
from pathlib import Path
from typing import BinaryIO, override

import anyio
import httpx
import msgspec
import rich_click as click
from msgspec import Struct

from orchestrator import clock
from orchestrator.cli.answers import Submission
from orchestrator.cli.http_client import open_server, read, retried
from orchestrator.cli.options import json_option, server_option
from orchestrator.cli.output import progress_bar, say, write_json, write_line
from orchestrator.cli.settings import server_url
from orchestrator.cli.wait import wait_for
from orchestrator.errors import LocalFileError

type _Field = tuple[str, tuple[str | None, BinaryIO | bytes, str]]


class Request(Struct, frozen=True, kw_only=True):
    """What is said about a job besides its files."""

    service: str
    user: str
    labels: tuple[str, ...] = ()


@click.command()
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE…"
)
@click.option("--service", required=True, help="The service it is for.")
@click.option("--user", help="Whose job it is (default: your login name).")
@click.option("--label", "labels", multiple=True, help="A short public word.")
@click.option("--wait", "waits", is_flag=True, help="Follow it to its end.")
@server_option
@json_option
def submit(  # noqa: PLR0913 - one parameter an option
    files: tuple[Path, ...],
    service: str,
    user: str | None,
    labels: tuple[str, ...],
    server: str | None,
    *,
    waits: bool,
    as_json: bool,
) -> int:
    """Hand in run.sh and its files; print the job's id and number."""
    require_usable(files)
    request = Request(service=service, user=user or _login(), labels=labels)
    how = _How(waits=waits, as_json=as_json)
    return anyio.run(_submit, server_url(server), files, request, how)


class _How(Struct, frozen=True, kw_only=True):
    waits: bool
    as_json: bool


async def _submit(url: str, files: Sequence[Path], request: Request, how: _How) -> int:
    async with open_server(url) as client:
        submission = await submit_files(client, files, request)
        if how.as_json:
            write_json(submission)
        else:
            write_line(f"job {submission.number} ({submission.job_id})")
        if not how.waits:
            return _accepted(submission)
        return await wait_for(client, submission.job_id, as_json=how.as_json)


async def submit_files(
    client: httpx.AsyncClient, files: Sequence[Path], request: Request
) -> Submission:
    """Return the answer to an upload that is streamed, with a bar on a terminal.

    It is sent again under the same key when the answer was lost.
    """
    key = clock.new_id()
    size = sum(path.stat().st_size for path in files)
    with progress_bar() as bar:
        task = bar.add_task("uploading", total=size)

        async def upload() -> Submission:
            bar.reset(task)
            with _opened(files, lambda count: bar.advance(task, count)) as parts:
                response = await client.post(
                    "/jobs",
                    # First, so that an unknown service is refused early.
                    files=[_described(request), *parts],
                    headers={"Idempotency-Key": key},
                )
                return read(response, Submission)

        return await retried(upload)


def _described(request: Request) -> _Field:
    return "job", (None, msgspec.json.encode(request), "application/json")


def require_usable(files: Sequence[Path]) -> None:
    """Make sure that the files can be sent, before anything is.

    Raises:
        LocalFileError: one cannot be read, or two would have the same name.
    """
    names: set[str] = set()
    for path in files:
        if path.is_dir():
            raise LocalFileError(path=path, why="a directory: name the files in it")
        if path.name in names:
            why = "another file of this name is given: a job's files are in one place"
            raise LocalFileError(path=path, why=why)
        names.add(path.name)
        try:
            path.open("rb").close()
        except OSError as error:
            raise LocalFileError(path=path, why=str(error.strerror)) from error


class _Counted(BufferedReader):
    """A file that tells how much of it was read."""

    def __init__(self, path: Path, advance: Callable[[int], None]) -> None:
        super().__init__(FileIO(path))
        self._advance = advance

    @override
    def read(self, size: int | None = -1, /) -> bytes:
        chunk = super().read(size)
        self._advance(len(chunk))
        return chunk


@contextlib.contextmanager
def _opened(
    files: Sequence[Path], advance: Callable[[int], None]
) -> Generator[list[_Field]]:
    with contextlib.ExitStack() as stack:
        parts: list[_Field] = []
        for path in files:
            file = stack.enter_context(_Counted(path, advance))
            parts.append(("file", (path.name, file, "application/octet-stream")))
        yield parts


def _accepted(submission: Submission) -> int:
    if submission.state == "invalid":
        say(f"error: it is invalid and will not run: see 'status {submission.number}'")
        return 1
    return 0


def _login() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError) as error:
        raise click.UsageError("say whose job it is with --user") from error
