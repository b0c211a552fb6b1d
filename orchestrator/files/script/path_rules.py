"""What may not be read, written or removed."""

import re
from collections.abc import Iterator

from orchestrator.files.script.marked import HOME
from orchestrator.files.script.paths import (
    is_device,
    is_plain_device,
    is_protected,
    is_sensitive,
    place,
)

_SOCKET = re.compile(r"/dev/(tcp|udp)/.+")
_CRON = re.compile(r"/etc/(cron.*|anacrontab|at\.(allow|deny))|/var/spool/(cron|at).*")
_UNITS = re.compile(r"(/etc|/usr/lib|/lib|/run)/systemd/.*|.*/\.config/systemd/.*")
_STARTUP = re.compile(
    rf"{HOME}[^/]*/\.(bashrc|bash_profile|bash_login|bash_logout|profile|zshrc"
    r"|zprofile|config/autostart/.*|pam_environment)"
    r"|/etc/(rc\.local|init\.d/.*|profile|profile\.d/.*|ld\.so\.preload|bash\.bashrc)"
)
_KERNEL = re.compile(r"/(proc|sys)/.+")


def reading(path: str, *, glob: bool = False) -> Iterator[str]:
    """Yield the rules that looking at a path breaks."""
    if _SOCKET.fullmatch(path):
        yield "network.dev-tcp"
    elif _CRON.fullmatch(path):
        yield "persistence.cron"
    elif is_sensitive(path, glob=glob):
        yield "sensitive-path"


def writing(path: str) -> Iterator[str]:
    """Yield the rules that changing a path breaks."""
    broken = [*reading(path)]
    if broken:
        yield from broken
    elif is_plain_device(path):
        return
    elif _STARTUP.fullmatch(path):
        yield "persistence.startup-file"
    elif _UNITS.fullmatch(path):
        yield "persistence.systemd"
    elif is_device(path):
        yield "destructive.device"
    elif _KERNEL.fullmatch(path):
        yield "kernel.setting"
    elif is_protected(path):
        yield (
            "destructive.outside"
            if place(path) == "outside"
            else ("destructive.system")
        )


def removing(path: str) -> Iterator[str]:
    """Yield the rules that removing a path breaks."""
    if lost := place(path):
        yield f"destructive.{lost}"
