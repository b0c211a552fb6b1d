"""What an upload turns into, however its body is cut."""

from collections.abc import Mapping
from io import BytesIO
from itertools import pairwise
from zipfile import ZipFile

import msgspec
import pytest
from hypothesis import given, strategies as st

from orchestrator.api.upload_intake import (
    BodyLimit,
    Received,
    UploadIntake,
    UploadLimits,
)
from orchestrator.domain.events import Violation
from orchestrator.errors import UploadMalformedError, UploadTooLargeError
from tests.unit.api.multipart_bodies import CONTENT_TYPE, body, field, file

RUN = file("run.sh", b"echo hi\n")
USER = field("user_id", "7")
SERVICE = field("service", "haddock")


def take(
    *pieces: bytes,
    limits: UploadLimits | None = None,
    body_limit: BodyLimit | None = None,
) -> tuple[Received, bytes]:
    intake = UploadIntake(CONTENT_TYPE, limits or UploadLimits(), body_limit)
    try:
        bundle = b"".join(intake.feed(piece) for piece in pieces)
        bundle += intake.finish()
    finally:
        intake.abandon()
    return intake.received(), bundle


def files_of(bundle: bytes) -> dict[str, bytes]:
    with ZipFile(BytesIO(bundle)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_files_go_into_the_bundle_and_fields_beside_it() -> None:
    received, bundle = take(body(USER, RUN, file("a.pdb", b"ATOM"), SERVICE))

    assert files_of(bundle) == {"run.sh": b"echo hi\n", "a.pdb": b"ATOM"}
    assert received.fields == {"user_id": "7", "service": "haddock"}
    assert received.names == ("run.sh", "a.pdb")
    assert received.script is None


def test_an_upload_without_files_is_an_empty_bundle_without_a_script() -> None:
    received, bundle = take(body(USER))

    assert files_of(bundle) == {}
    assert received.names == ()
    assert received.script == Violation(rule="missing-run-sh")


def test_the_last_of_a_name_counts_for_files_fields_and_verdict() -> None:
    bad = file("run.sh", b"\xff")
    received, bundle = take(body(bad, field("a", "1"), RUN, field("a", "2")))
    assert files_of(bundle) == {"run.sh": b"echo hi\n"}
    assert received.fields == {"a": "2"}
    assert received.names == ("run.sh",)
    assert received.script is None

    received, _ = take(body(RUN, bad))
    assert received.script == Violation(rule="not-utf8", line=1)


def test_a_script_over_twenty_mebibytes_is_too_large_but_is_uploaded() -> None:
    script = b"#" * (1 << 20)
    received, _ = take(body(file("run.sh", script * 20)))
    assert received.script is None
    received, _ = take(body(file("run.sh", script * 20 + b"#")))
    assert received.script == Violation(rule="too-large")


def test_a_script_is_the_file_of_that_name_and_no_other() -> None:
    received, _ = take(body(file("RUN.SH", b""), field("run.sh", "echo")))
    assert received.script == Violation(rule="missing-run-sh")


def digest(*parts: bytes) -> str:
    return take(body(*parts))[0].digest


def test_the_digest_is_the_same_whatever_the_order() -> None:
    other = file("a", b"1")
    assert digest(USER, RUN, other, SERVICE) == digest(SERVICE, other, RUN, USER)
    assert digest(USER, RUN) == digest(field("user_id", "8"), USER, RUN)


def test_the_digest_tells_other_names_contents_and_fields_apart() -> None:
    digests = [
        digest(RUN),
        digest(RUN, USER),
        digest(RUN, field("user_id", "8")),
        digest(RUN, field("user", "7")),
        digest(RUN, file("a", b"1")),
        digest(RUN, file("b", b"1")),
        digest(RUN, file("a", b"2")),
        digest(RUN, field("a", "1")),
    ]
    assert len(set(digests)) == len(digests)


@pytest.mark.parametrize(
    ("limits", "what"),
    [
        (UploadLimits(files=1), "number of files passes the limit of 1 files"),
        (UploadLimits(name_bytes=5), "file name passes the limit of 5 bytes"),
        (UploadLimits(text_bytes=6), "field 'service' passes the limit of 6 bytes"),
        (UploadLimits(text_fields=1), "number of text fields passes the limit of 1"),
        (UploadLimits(body_bytes=300), "body passes the limit of 300 bytes"),
    ],
)
def test_each_limit_is_named_when_it_is_passed(limits: UploadLimits, what: str) -> None:
    with pytest.raises(UploadTooLargeError, match=what):
        take(body(USER, RUN, SERVICE, file("a", b"x")), limits=limits)


def test_a_limit_may_be_reached() -> None:
    whole = body(USER, RUN)
    exactly = UploadLimits(
        files=1, name_bytes=6, text_bytes=1, text_fields=1, body_bytes=len(whole)
    )
    take(whole, limits=exactly)
    with pytest.raises(UploadTooLargeError, match="body"):
        take(whole, limits=msgspec.structs.replace(exactly, body_bytes=len(whole) - 1))


def test_a_name_is_measured_in_bytes() -> None:
    whole = body(file("é" * 3, b""))
    take(whole, limits=UploadLimits(name_bytes=6))
    with pytest.raises(UploadTooLargeError, match="file name"):
        take(whole, limits=UploadLimits(name_bytes=5))


@pytest.mark.parametrize("parts", [(SERVICE, RUN), (RUN, SERVICE)])
def test_the_limit_that_the_fields_name_counts_wherever_they_stand(
    parts: tuple[bytes, ...],
) -> None:
    def limit(fields: Mapping[str, str]) -> int:
        return 50 if fields.get("service") == "haddock" else 10_000

    with pytest.raises(UploadTooLargeError, match="limit of 50"):
        take(body(*parts), body_limit=limit)
    take(body(RUN, field("service", "other")), body_limit=limit)


def test_a_field_that_is_not_utf8_is_refused_by_name() -> None:
    with pytest.raises(UploadMalformedError, match="'user_id' is not UTF-8"):
        take(body(field("user_id", b"\xff")))


def test_a_file_may_hold_any_bytes_and_what_looks_like_a_boundary() -> None:
    content = b"\r\n--xyz12\r\n--xyz\xff\r\n\r\n--"
    _, bundle = take(body(file("a", content)))
    assert files_of(bundle) == {"a": content}


def outcome(*pieces: bytes) -> tuple[Received, bytes] | type[Exception]:
    try:
        return take(*pieces, limits=UploadLimits(files=2, text_bytes=20))
    except (UploadMalformedError, UploadTooLargeError) as error:
        return type(error)


PARTS = st.lists(
    st.one_of(
        st.builds(file, st.sampled_from(["run.sh", "a", "x/é", ""]), st.binary()),
        st.builds(field, st.sampled_from(["a", "b"]), st.text()),
        st.builds(file, st.just("x\ny"), st.just(b"")),
    ),
    max_size=4,
)


@given(PARTS, st.lists(st.integers(0, 600)), st.sampled_from([0, 20]))
def test_the_outcome_does_not_depend_on_where_the_body_is_cut(
    parts: list[bytes], cuts: list[int], missing: int
) -> None:
    whole = body(*parts)
    sent = whole[: len(whole) - missing]
    places = [0, *sorted(cuts), len(sent)]
    pieces = [sent[a:b] for a, b in pairwise(places)]

    assert outcome(*pieces) == outcome(sent)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_a_body_may_come_byte_by_byte(size: int) -> None:
    sent = body(USER, RUN, file("naïve", "é€\r\n--xyz".encode() * 3), SERVICE)
    pieces = [sent[start : start + size] for start in range(0, len(sent), size)]
    assert take(*pieces) == take(sent)
