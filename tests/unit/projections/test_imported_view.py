from msgspec import structs

from orchestrator.domain.events import JobImported, Violation
from orchestrator.domain.job import NO_BUNDLE
from projections.read_models.job_rows import from_row, to_row
from projections.read_models.jobs import JOBS, JobView
from tests.examples import ADA, BUNDLE, ECHO, IMPORTED, JOB, RESULTS, T0
from tests.unit.projections.histories import at, recorded


def view_of(event: JobImported = IMPORTED) -> JobView:
    view = JOBS.evolve(None, 1, recorded(1, event))
    assert view is not None
    return view


def test_an_imported_job_is_as_old_as_it_was_and_names_its_results() -> None:
    assert view_of() == JobView(
        job_id=JOB,
        number=1,
        service=ECHO,
        user=ADA,
        state="completed",
        attempt=1,
        submitted_position=1,
        submitted_at=T0,
        ended_at=at(1),
        bundle=NO_BUNDLE,
        results=RESULTS,
        body_digest="",
        position=1,
        original_number=1,
    )


def test_an_imported_job_of_unknown_age_begins_with_its_import() -> None:
    assert view_of(structs.replace(IMPORTED, created_at=None)).submitted_at == at(1)


def test_an_imported_job_that_is_to_run_waits_with_its_bundle() -> None:
    event = structs.replace(IMPORTED, state="queued", results=None, bundle=BUNDLE)
    view = view_of(event)
    assert (view.state, view.ended, view.ended_at) == ("queued", False, None)
    assert (view.bundle, view.attempt) == (BUNDLE, 0)

    refused = view_of(
        structs.replace(event, violation=Violation(rule="no-sudo", line=4))
    )
    assert (refused.state, refused.reason, refused.line) == ("invalid", "no-sudo", 4)
    assert refused.ended_at == at(1)


def test_an_imported_job_without_files_says_why() -> None:
    event = structs.replace(
        IMPORTED, state="cleaned", results=None, reason="results_missing"
    )
    view = view_of(event)
    assert (view.state, view.ended) == ("cleaned", True)
    assert (view.reason, view.results, view.attempt) == ("results_missing", None, 0)


def test_a_row_keeps_what_the_original_called_a_job() -> None:
    view = view_of(structs.replace(IMPORTED, number=9))
    assert from_row(to_row(view)) == view
    assert view.original_number == 1
