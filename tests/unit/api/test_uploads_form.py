"""What the parts of a form are, and what their files are called."""

import pytest

from orchestrator.api.multipart_form import (
    FieldBegins,
    FileBegins,
    FormEvent,
    MultipartForm,
    PartEnds,
)
from orchestrator.errors import UploadMalformedError, UploadTooLargeError
from tests.unit.api.multipart_bodies import CONTENT_TYPE, body, file, part


def events(sent: bytes, content_type: str = CONTENT_TYPE) -> list[FormEvent]:
    form = MultipartForm(content_type)
    found = list(form.feed(sent))
    form.finish()
    return found


def first(disposition: str | bytes) -> FormEvent:
    sent = disposition.encode() if isinstance(disposition, str) else disposition
    return events(body(part(sent, b"")))[0]


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("a.pdb", "a.pdb"),
        ("a b;c=d.pdb", "a b;c=d.pdb"),
        ("dir/sub/a.pdb", "a.pdb"),
        ("/etc/passwd", "passwd"),
        ("../../a", "a"),
        ("a/", "a"),
        ("a/.", "a"),
        ("", "file"),
        (".", "file"),
        ("..", "file"),
        ("/", "file"),
        ("a/..", "file"),
        (r"C:\dir\f", r"C:\dir\f"),
        (r"a\b", r"a\b"),
        (r"\\host\share", r"\\host\share"),
        ("100%22.txt", "100%22.txt"),
        ("naïve 文.txt", "naïve 文.txt"),
        (".hidden", ".hidden"),
        ("...", "..."),
        ("-rf", "-rf"),
    ],
)
def test_a_file_is_called_by_the_last_part_of_what_stands_between_the_quotes(
    sent: str, kept: str
) -> None:
    assert events(body(file(sent, b"1"))) == [FileBegins(kept), b"1", PartEnds()]


@pytest.mark.parametrize(
    ("disposition", "event"),
    [
        ('form-data; name="a"', FieldBegins("a")),
        ("form-data; name=a", FieldBegins("a")),
        ("form-data", FieldBegins("")),
        ('form-data; name="a"; filename="f"', FileBegins("f")),
        ('form-data; filename="f"; name="a"', FileBegins("f")),
        ('form-data; filename="f"', FileBegins("f")),
        ('form-data; name="a"; filename=f.txt', FileBegins("f.txt")),
        ('form-data; name="a"; filename=', FileBegins("file")),
        ('form-data; name="a"; FileName="f"', FileBegins("f")),
        ('form-data;name="a";filename="f"', FileBegins("f")),
        ("form-data; name=\"a\"; filename*=UTF-8''f", FieldBegins("a")),
        (
            'form-data; name="a"; filename*=UTF-8\'\'g; filename="f"',
            FileBegins("f"),
        ),
        ('form-data; name="filename=x"', FieldBegins("filename=x")),
        ('form-data; name="; filename=x"', FieldBegins("; filename=x")),
        (r'form-data; name="a"; filename="b\"c"', FileBegins("b\\")),
    ],
)
def test_a_part_is_a_file_when_it_has_a_filename_and_only_then(
    disposition: str, event: FormEvent
) -> None:
    assert first(disposition) == event


@pytest.mark.parametrize("char", ["\t", "\x00", "\x1f", "\x7f", "\x85", "\n", "\r"])
def test_control_characters_in_a_name_are_refused(char: str) -> None:
    with pytest.raises(UploadMalformedError):
        first(f'form-data; name="a"; filename="x{char}y"')


@pytest.mark.parametrize(
    ("content_type", "why"),
    [
        ("", "not multipart"),
        ("application/json", "not multipart"),
        ("multipart/mixed; boundary=x", "not multipart"),
        ("multipart/form-data", "no usable boundary"),
        ("multipart/form-data; boundary=", "no usable boundary"),
        ('multipart/form-data; boundary=""', "no usable boundary"),
        ("multipart/form-data; boundary=" + "x" * 257, "no usable boundary"),
        ('multipart/form-data; boundary="a\nb"', "no usable boundary"),
    ],
)
def test_another_content_type_is_refused(content_type: str, why: str) -> None:
    with pytest.raises(UploadMalformedError, match=why):
        MultipartForm(content_type)


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"just text",
        body(file("a", b"1"))[:-4],  # truncated
        body(file("a", b"1"))[:30],
        b'{"json": true}' * 100,
        b"--xyz123\r\nContent-Type: text/plain\r\n\r\nx\r\n--xyz123--\r\n",
        b"--xyz123\r\nno header\r\n\r\nx\r\n--xyz123--\r\n",
        body(part(b'attachment; filename="a"', b"")),
        body(file(b"\xff\xfe", b"1")),  # a name that is not UTF-8
    ],
)
def test_a_broken_body_is_refused(sent: bytes) -> None:
    with pytest.raises(UploadMalformedError, match="cannot be read"):
        events(sent)


def test_a_header_without_end_is_refused() -> None:
    with pytest.raises(UploadTooLargeError, match=r"part header .* 4096 bytes"):
        events(body(file("x" * 5000, b"")))


def test_a_form_without_parts_is_a_form() -> None:
    assert events(body()) == []
