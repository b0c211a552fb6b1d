"""The OpenAPI document, and Swagger UI from files that come with us: no internet."""

from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from litestar import MediaType, get
from litestar.datastructures import ResponseHeader
from litestar.exceptions import NotFoundException
from litestar.openapi import OpenAPIConfig, ResponseSpec
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import (
    OpenAPIMediaType,
    OpenAPIType,
    Operation,
    RequestBody,
    Schema,
    Server,
    Tag,
)
from litestar.params import FromPath
from litestar.response import File

from orchestrator.api.injection import Api, Injected
from orchestrator.api.problems import PROBLEM_JSON, Problem

DOCUMENT = "/api-docs/openapi.json"
_ASSETS = "/swagger-ui/assets"
_ASSET_TYPES = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "favicon-32x32.png": "image/png",
}
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>job-orchestrator API</title>
<link rel="icon" href="%(assets)s/favicon-32x32.png">
<link rel="stylesheet" href="%(assets)s/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="%(assets)s/swagger-ui-bundle.js"></script>
<script>
SwaggerUIBundle({url: "%(document)s", dom_id: "#swagger-ui", validatorUrl: null});
</script>
</body>
</html>
"""


def openapi_config(root_path: str) -> OpenAPIConfig:
    """Return how the document is made: descriptions are the handlers' docstrings."""
    return OpenAPIConfig(
        title="job-orchestrator",
        version=version("job-orchestrator"),
        description="Fair, explainable job orchestration for scientific portals.",
        use_handler_docstrings=True,
        servers=[Server(url=root_path or "/")],
        path="/api-docs",
        render_plugins=[JsonRenderPlugin(path="/openapi.json")],
        tags=[
            Tag(name="jobs", description="Submit, follow, cancel, fetch."),
            Tag(name="services", description="Kinds of work and their limits."),
            Tag(name="clients", description="Who runs jobs."),
            Tag(name="health", description="For probes and people."),
            Tag(name="original", description="The contract of the original."),
            Tag(name="imports", description="Jobs of the original, brought over."),
            Tag(name="transfers", description="For clients: inputs and results."),
        ],
    )


AS_OF_HEADERS = (
    ResponseHeader(
        name="Log-Position",
        description="The position in the log that the answer reflects, at least.",
        documentation_only=True,
    ),
    ResponseHeader(
        name="Log-Age",
        description="0: everything that any server had answered before this request "
        "is in the answer. Else the event log is out of reach of this server, and the "
        "answer is as of at most so many seconds ago.",
        documentation_only=True,
    ),
)


def problems(*statuses: int) -> dict[int, ResponseSpec]:
    """Return the documentation of a route's problems."""
    return {
        status: ResponseSpec(
            data_container=Problem,
            media_type=PROBLEM_JSON,
            generate_examples=False,
            description="A problem (RFC 9457).",
        )
        for status in statuses
    }


_BINARY = Schema(
    type=OpenAPIType.STRING,
    content_media_type="application/octet-stream",
)
_FILES = Schema(
    type=OpenAPIType.ARRAY,
    items=_BINARY,
    description="Every part with a filename is a file, whatever its field name.",
)


@dataclass
class JobForm(Operation):
    """The multipart body of `POST /jobs`."""

    def __post_init__(self) -> None:
        """Add what Litestar cannot know: the handler reads the body itself."""
        names = ["service", "user"]
        text = Schema(type=OpenAPIType.STRING)
        job = Schema(
            type=OpenAPIType.OBJECT,
            required=names,
            properties={
                **dict.fromkeys(names, text),
                "labels": Schema(type=OpenAPIType.ARRAY, items=text),
            },
        )
        self.request_body = _form({"job": job, "files": _FILES}, ["job"])


@dataclass
class ImportForm(Operation):
    """The multipart body of `POST /imports`."""

    def __post_init__(self) -> None:
        """Add what Litestar cannot know: the handler reads the body itself."""
        text, number = Schema(type=OpenAPIType.STRING), Schema(type=OpenAPIType.INTEGER)
        needed = {
            "origin": text,
            "number": number,
            "service": text,
            "user": text,
            "state": text,
        }
        job = Schema(
            type=OpenAPIType.OBJECT,
            required=[*needed],
            properties={
                **needed,
                "created_at": text,
                "reason": text,
                "results": Schema(type=OpenAPIType.OBJECT),
            },
        )
        self.request_body = _form({"job": job, "files": _FILES}, ["job"])


@dataclass
class UploadForm(Operation):
    """The multipart body of `POST /upload`."""

    def __post_init__(self) -> None:
        """Add what Litestar cannot know: the handler reads the body itself."""
        user_id = Schema(
            type=OpenAPIType.INTEGER,
            minimum=-(2**31),
            maximum=2**31 - 1,
        )
        service = Schema(type=OpenAPIType.STRING)
        self.request_body = _form(
            {"user_id": user_id, "service": service, "files": _FILES},
            ["user_id", "service"],
        )


@dataclass
class BinaryBody(Operation):
    """A body of plain bytes."""

    def __post_init__(self) -> None:
        """Add what Litestar cannot know: the handler reads the body itself."""
        content = {"application/octet-stream": OpenAPIMediaType(schema=_BINARY)}
        self.request_body = RequestBody(content=content, required=True)


def _form(properties: dict[str, Schema], required: list[str]) -> RequestBody:
    schema = Schema(
        type=OpenAPIType.OBJECT,
        properties=dict(properties),
        required=required,
    )
    content = {"multipart/form-data": OpenAPIMediaType(schema=schema)}
    return RequestBody(content=content, required=True)


@get(
    ["/swagger", "/swagger-ui"],
    include_in_schema=False,
    media_type=MediaType.HTML,
    sync_to_thread=False,
)
def swagger_page(api: Injected[Api]) -> str:
    """Return a page that shows the document and lets people try it."""
    return _PAGE % {
        "assets": api.root_path + _ASSETS,
        "document": api.root_path + DOCUMENT,
    }


@get("/swagger-ui/assets/{name:str}", include_in_schema=False, sync_to_thread=False)
def swagger_asset(name: FromPath[str]) -> File:
    """Return one of the files that the page needs.

    Their package is only looked up: importing it would bring in a template engine.
    """
    found = find_spec("swagger_ui")
    if name not in _ASSET_TYPES or found is None or found.origin is None:
        raise NotFoundException
    return File(
        Path(found.origin).parent / "static" / name,
        media_type=_ASSET_TYPES[name],
        content_disposition_type="inline",
    )
