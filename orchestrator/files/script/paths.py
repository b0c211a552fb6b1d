"""Paths as rules see them: absolute, and told apart by what is at stake there."""

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Literal

from orchestrator.files.script.marked import DECODED, HOME, UNKNOWN

# What the job's directory is called here: deep enough that nobody climbs out of it to
# the root by accident.
DATA = "/.data"
WORK = f"{DATA}/.jobs/.work"

_ROOTS_HOME = "/root"

type Place = Literal["root", "home", "system", "outside"]

_SYSTEM_TOPS = "bin boot dev etc home lib lib32 lib64 media mnt opt proc root run sbin"
_TOPS = frozenset(f"/{name}" for name in f"{_SYSTEM_TOPS} srv sys tmp usr var".split())
_SYSTEM = re.compile(
    r"/(bin|boot|dev|etc|lib|lib32|lib64|proc|root|run|sbin|sys|usr|var)/.*"
)
_OURS_TO_USE = re.compile(r"/dev/(shm|fd|pts)/.+|/var/tmp/.+|/run/user/[^/]+/.+")
_HOMES = re.compile(rf"{re.escape(HOME)}[^/]*|/(home|Users)/[^/]+")
_PLAIN_DEVICES = re.compile(r"/dev/(null|zero|full|tty|std(in|out|err)|u?random|ptmx)")
_CONTENTS = re.compile(r"(/\.?\*)+$")

_SENSITIVE = re.compile(
    r"/etc/(passwd|g?shadow|sudoers|krb5\.keytab)-?"
    r"|/etc/(sudoers\.d|ssh|ssl/private)(/.*)?"
    r"|/root(/.*)?"
    r"|.*/\.(ssh|gnupg|aws|kube)(/.*)?"
    r"|.*/\.(netrc|pgpass|git-credentials|docker/config\.json|\w+_history)"
    r"|(/var)?/run/(docker|containerd|podman|crio)(/.*)?\.sock"
    r"|(/var)?/run/secrets(/.*)?"
    r"|/proc/(self|thread-self|\d+)/(environ|mem|maps|root|cwd|fd|task)(/.*)?"
    r"|/proc/(1(/.*)?|kcore|kmem|kallsyms|sysrq-trigger)|/dev/k?mem"
)
# A pattern of file names is held against these.
_EXAMPLES = [
    "/etc/passwd",
    "/etc/shadow",
    "/etc/gshadow",
    "/etc/sudoers",
    f"{_ROOTS_HOME}/.ssh/id_rsa",
    f"{_ROOTS_HOME}/.ssh",
    f"{HOME}/.ssh/id_rsa",
    f"{HOME}/.ssh/authorized_keys",
    f"{HOME}/.ssh",
    f"{HOME}/.aws/credentials",
    "/var/run/docker.sock",
    "/run/docker.sock",
    "/proc/1/environ",
    "/proc/self/environ",
]


def normal(path: str, directory: str = WORK) -> str:
    """Return an absolute path without detours; what is not known stays in it.

    >>> normal("../../../etc//./passwd"), normal("a/../b", "/x")
    ('/etc/passwd', '/x/b')
    """
    if path.startswith(UNKNOWN):
        directory = "/"
    whole = path if path.startswith("/") else f"{directory}/{path}"
    kept: list[str] = []
    for part in whole.split("/"):
        if part == "..":
            # From a place that is not known we do not come to one that is.
            if kept and not is_unknown(kept[-1]):
                kept.pop()
        elif part not in {"", "."}:
            kept.append(part)
    return "/" + "/".join(kept)


def is_unknown(text: str) -> bool:
    """Say whether a part of a text can be told only by running the script."""
    return UNKNOWN in text or DECODED in text


def is_sensitive(path: str, *, glob: bool = False) -> bool:
    """Say whether a path, or a pattern of paths, names what is no job's business."""
    if _SENSITIVE.fullmatch(path):
        return True
    return glob and any(_globs(path, example) for example in _EXAMPLES)


def place(path: str) -> Place | None:
    """Return whose it is that would be lost with a path; none: the job's own.

    >>> place("/"), place("/usr/*"), place("/tmp/mine"), place(f"{WORK}/a")
    ('root', 'system', None, None)
    """
    path = _CONTENTS.sub("", path) or "/"
    if path == "/":
        return "root"
    if _HOMES.fullmatch(path):
        return "home"
    if path in _TOPS or (_SYSTEM.fullmatch(path) and not _OURS_TO_USE.fullmatch(path)):
        return "system"
    if path == DATA or (f"{path}/".startswith(f"{DATA}/") and not _inside_work(path)):
        return "outside"
    return None


def is_protected(path: str) -> bool:
    """Say whether nothing may be put at, or right into, a path.

    >>> is_protected("/usr/bin"), is_protected("/tmp"), is_protected("/var/tmp/a")
    (True, False, False)
    """
    system = _SYSTEM.fullmatch(f"{path}/") and not _OURS_TO_USE.fullmatch(f"{path}/x")
    return bool(system) or place(path) == "outside"


def is_device(path: str) -> bool:
    """Say whether a path is a device that data is lost on."""
    return (
        path.startswith("/dev/")
        and not _PLAIN_DEVICES.fullmatch(path)
        and not _OURS_TO_USE.fullmatch(path)
    )


def is_plain_device(path: str) -> bool:
    """Say whether a path is a device that anybody may use."""
    return bool(_PLAIN_DEVICES.fullmatch(path) or _OURS_TO_USE.fullmatch(path))


def paths_in(argument: str) -> Iterator[str]:
    """Yield what may be a path in an argument: itself, and an option's value.

    >>> [*paths_in("--input=/etc/passwd")], [*paths_in("-T/etc/passwd")]
    (['/etc/passwd'], ['/etc/passwd'])
    """
    if not argument.startswith("-"):
        yield argument
    before, equals, value = argument.partition("=")
    if equals and "/" not in before:
        yield value
    elif argument.startswith("-") and "/" in argument:
        yield argument[argument.index("/") :]


def _inside_work(path: str) -> bool:
    return f"{path}/".startswith(f"{WORK}/")


def _globs(pattern: str, path: str) -> bool:
    wanted, parts = pattern.split("/"), path.split("/")
    return len(wanted) == len(parts) and all(
        fnmatchcase(part, each) and (each[:1] not in {"*", "?"} or part[:1] != ".")
        for each, part in zip(wanted, parts, strict=True)
    )
