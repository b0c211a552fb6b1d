"""Behind a reverse proxy under a path: whether the proxy takes the path off or not."""

from litestar.types import ASGIApp, Receive, Scope, Send


class UnderRootPath:
    """An app that answers `/prefix/jobs` as it does `/jobs`."""

    def __init__(self, app: ASGIApp, root_path: str) -> None:
        self._app = app
        self._root_path = root_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, as if it had come without the prefix."""
        if scope["type"] == "http" and self._root_path:
            scope = {**scope, "path": self._without_prefix(scope["path"])}
        await self._app(scope, receive, send)

    def _without_prefix(self, path: str) -> str:
        rest = path.removeprefix(self._root_path)
        is_under = path.startswith(self._root_path) and rest[:1] in {"", "/"}
        return (rest or "/") if is_under else path
