"""Multipart bodies as clients send them, for the tests of uploads."""

BOUNDARY = "xyz123"
CONTENT_TYPE = f"multipart/form-data; boundary={BOUNDARY}"


def field(name: str, value: str | bytes) -> bytes:
    """Return a part without a filename."""
    content = value.encode() if isinstance(value, str) else value
    return part(f'form-data; name="{name}"'.encode(), content)


def file(filename: str | bytes, content: bytes) -> bytes:
    """Return a part with a filename, put between the quotes as it is."""
    name = filename.encode() if isinstance(filename, str) else filename
    return part(b'form-data; name="files"; filename="' + name + b'"', content)


def part(disposition: bytes, content: bytes) -> bytes:
    """Return a part with this Content-Disposition."""
    header = b"Content-Disposition: " + disposition + b"\r\n\r\n"
    return f"--{BOUNDARY}\r\n".encode() + header + content + b"\r\n"


def body(*parts: bytes) -> bytes:
    """Return a whole body."""
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()
