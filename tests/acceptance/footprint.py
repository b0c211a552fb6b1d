"""What processes hold: memory, descriptors, threads and children, as Linux tells it."""

import contextlib
from pathlib import Path

from msgspec import Struct


class Footprint(Struct, frozen=True, kw_only=True):
    """One process, or several together, at a moment."""

    memory_mib: float  # what nobody else shares, and the anonymous rest
    descriptors: int
    threads: int
    children: int
    zombies: int


def footprint_of(*pids: int) -> Footprint:
    """Return what processes hold together; one that has ended holds nothing."""
    held = [_one(pid) for pid in pids]
    return Footprint(
        memory_mib=sum(each.memory_mib for each in held),
        descriptors=sum(each.descriptors for each in held),
        threads=sum(each.threads for each in held),
        children=sum(each.children for each in held),
        zombies=sum(each.zombies for each in held),
    )


def _one(pid: int) -> Footprint:
    path, status = Path(f"/proc/{pid}"), dict[str, str]()
    descriptors = 0
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        lines = (path / "status").read_text().splitlines()
        status = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
        descriptors = len(list((path / "fd").iterdir()))
    children = children_of(pid)
    return Footprint(
        memory_mib=int(status.get("RssAnon", "0 kB").split()[0]) / 1024,
        descriptors=descriptors,
        threads=int(status.get("Threads", "0")),
        children=len(children),
        zombies=sum(_is_zombie(child) for child in children),
    )


def children_of(pid: int) -> list[int]:
    """Return the direct children of a process, of all its threads, zombies too."""
    found: list[int] = []
    for listing in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):  # that thread has ended meanwhile
            found += [int(child) for child in listing.read_text().split()]
    return found


def _is_zombie(pid: int) -> bool:
    with contextlib.suppress(OSError):
        stat = Path(f"/proc/{pid}/stat").read_text()
        return stat.rpartition(")")[2].split()[0] == "Z"
    return False
