"""The lines of `run.sh` that a job's answer is about: cut out when somebody asks."""

from msgspec import structs

from orchestrator.api.bodies import JobBody
from orchestrator.api.injection import Api
from orchestrator.files.bundled_script import snippets
from orchestrator.files.port import input_key
from projections.read_models.jobs import JobView


async def with_snippets(api: Api, view: JobView, body: JobBody) -> JobBody:
    """Return the answer with its lines, as long as the bundle is kept."""
    asked = {view.line, *(each.line for each in view.warnings)}
    lines = {line for line in asked if line is not None}
    if not lines or not view.bundle.bundle_id:
        return body
    found = await snippets(api.files, input_key(view.bundle.bundle_id), lines)
    return structs.replace(
        body,
        snippet=found.get(view.line),
        warnings=tuple(
            structs.replace(warning, snippet=found.get(warning.line))
            for warning in body.warnings
        ),
    )
