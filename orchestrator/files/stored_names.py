"""Under which names the files of one directory are kept in an archive."""

import os
from collections.abc import Container, Iterable


def shown(name: str) -> str:
    r"""Return a file's name as text; bytes that are not UTF-8 become escapes.

    >>> shown("caf\udce9.txt")
    'caf\\xe9.txt'
    """
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def stored_names(
    names: Iterable[str],
    reserved: Iterable[str],
) -> dict[str, tuple[str, str | None]]:
    """Return each name's stored form, and why it is another, where it is.

    >>> stored_names(["a", "stdout"], ["stdout"])["stdout"]
    ('stdout.user', 'is the name of a captured file')
    """
    reserved = frozenset(reserved)
    kept = {name for name in names if name not in reserved and shown(name) == name}
    taken = set(kept | reserved)
    result: dict[str, tuple[str, str | None]] = {}
    for name in names:
        if name in kept:
            result[name] = name, None
        elif name in reserved:
            result[name] = (
                _free(f"{name}.user", taken),
                "is the name of a captured file",
            )
        else:
            result[name] = _free(shown(name), taken), "has a name that is not UTF-8"
        taken.add(result[name][0])
    return result


def _free(name: str, taken: Container[str]) -> str:
    while name in taken:
        name += ".user"
    return name
