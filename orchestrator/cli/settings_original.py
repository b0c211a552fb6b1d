"""The variables of the original, such as `SERVICE_<NAME>_MAX_RUNS`, still accepted."""

import re
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from orchestrator.cli.settings_source import SERVICES, Key

_VARIABLES: dict[str, Key] = {
    "PORT": ("server", "port"),
    "DATA_PATH": ("server", "directory"),
    "MAX_AGE": ("server", "max_age_seconds"),
}
_PREFIX = "SERVICE_"
_LIMIT = re.compile(r"SERVICE_(.+)_(RUNS_PER_USER|MAX_RUNS)")
_URL = re.compile(r"SERVICE_(.+)_(?:UPLOAD|DOWNLOAD|TERMINATE)_URL")


class Notice(Struct, frozen=True, kw_only=True):
    """Something about the settings that an operator should read once."""

    event: str
    variables: tuple[str, ...]
    why: str


class OriginalSource:
    """What the original would read from its environment: weaker than all that is ours.

    A name of a service may contain underscores, and is lower-cased.
    """

    is_text = True

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.values: dict[Key, object] = {}
        self.services: list[str] = []
        self._variables: dict[Key, str] = {}
        self._urls: list[str] = []
        self._ignored: list[str] = []
        for variable in sorted(environment):
            if variable in _VARIABLES:
                self._set(_VARIABLES[variable], variable, environment)
            elif variable.startswith(_PREFIX):
                self._service(variable, environment)

    def where(self, key: Key) -> str:
        """Return the variable as it is written."""
        return self._variables.get(key, self.name(key))

    def name(self, key: Key) -> str:
        """Return the variable for a key."""
        if key[0] == SERVICES:
            return _PREFIX + "_".join(key[1:]).upper()
        return next(name for name, each in _VARIABLES.items() if each == key)

    def notices(self) -> Sequence[Notice]:
        """Return what is read and has no effect."""
        return [notice for notice in self._all_notices() if notice.variables]

    def _set(self, key: Key, variable: str, environment: Mapping[str, str]) -> None:
        self.values[key] = environment[variable]
        self._variables[key] = variable

    def _service(self, variable: str, environment: Mapping[str, str]) -> None:
        if limit := _LIMIT.fullmatch(variable):
            name = limit[1].lower()
            self._set((SERVICES, name, limit[2].lower()), variable, environment)
        elif url := _URL.fullmatch(variable):
            name = url[1].lower()
            self._urls.append(variable)
        else:
            self._ignored.append(variable)
            return
        if name not in self.services:
            self.services.append(name)

    def _all_notices(self) -> Iterable[Notice]:
        yield Notice(
            event="settings.urls_unused",
            variables=tuple(self._urls),
            why="clients dial in: the service is declared, its addresses are not used",
        )
        yield Notice(
            event="settings.variables_ignored",
            variables=tuple(self._ignored),
            why="no such setting of a service: known are SERVICE_<NAME>_RUNS_PER_USER, "
            "_MAX_RUNS, _UPLOAD_URL, _DOWNLOAD_URL and _TERMINATE_URL",
        )
