import pytest
from litestar.types import Receive, Scope, Send

from orchestrator.api.root_path import UnderRootPath


async def path_seen(path: str, root_path: str) -> str:
    """Return the path that an app under a prefix is asked for."""
    seen: list[str] = []

    async def app(scope: Scope, _receive: Receive, _send: Send) -> None:
        seen.append(scope["path"])

    async def nothing(*_message: object) -> None:
        raise AssertionError

    scope: Scope = {"type": "http", "path": path}  # pyright: ignore[reportAssignmentType] - all that it looks at
    await UnderRootPath(app, root_path)(scope, nothing, nothing)  # pyright: ignore[reportArgumentType] - never called
    assert scope["path"] == path
    return seen[0]


@pytest.mark.parametrize(
    ("path", "seen"),
    [
        ("/portal/jobs/7", "/jobs/7"),
        ("/portal/", "/"),
        ("/portal", "/"),
        ("/jobs/7", "/jobs/7"),
        ("/portals/7", "/portals/7"),
        ("/", "/"),
        ("/jobs/portal/x", "/jobs/portal/x"),
    ],
)
async def test_a_prefix_is_taken_off_where_it_is_there(path: str, seen: str) -> None:
    assert await path_seen(path, "/portal") == seen


async def test_without_a_prefix_every_path_is_as_it_came() -> None:
    assert await path_seen("/portal/jobs", "") == "/portal/jobs"
