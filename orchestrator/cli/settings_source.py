"""Where settings come from, and how to say which one is wrong and where it stands."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Protocol, cast

from orchestrator.errors import SettingError

# As a path into the file: server, port; or services, haddock, max_runs.
type Key = tuple[str, ...]

PREFIX = "JOB_ORCHESTRATOR_"
SERVICES = "services"


class Source(Protocol):
    """Values by key, and the words in which a person finds one again."""

    is_text: bool  # every value is a string, as in the environment

    @property
    def values(self) -> Mapping[Key, object]:
        """Return everything that is set here."""
        ...

    def where(self, key: Key) -> str:
        """Return where the value stands: file, line and key, or the variable."""
        ...

    def name(self, key: Key) -> str:
        """Return what the key is called in this source."""
        ...


class FileSource:
    """One TOML file."""

    is_text = False

    def __init__(self, path: Path) -> None:
        """Read the file.

        Raises:
            SettingError: it cannot be read, is not TOML, or has no sections.
        """
        self._path = path
        self._text = _read(path)
        self.services: list[str] = []
        self.values = self._flat(_parse(path, self._text))

    def where(self, key: Key) -> str:
        """Return file, line and key."""
        return f"{self._path}:{_line(self._text, key)}: {self.name(key)}"

    def name(self, key: Key) -> str:
        """Return the dotted key."""
        return ".".join(key)

    def _flat(self, table: Mapping[str, object]) -> dict[Key, object]:
        flat: dict[Key, object] = {}
        for section, content in table.items():
            for key, value in self._table((section,), content).items():
                if section == SERVICES:
                    flat |= self._service(key, value)
                else:
                    flat[section, key] = value
        return flat

    def _service(self, name: str, content: object) -> dict[Key, object]:
        self.services.append(name)
        path = (SERVICES, name)
        return {(*path, k): v for k, v in self._table(path, content).items()}

    def _table(self, key: Key, value: object) -> dict[str, object]:
        if not isinstance(value, dict):
            why = f"a section is needed here: write [{self.name(key)}]"
            raise SettingError(where=self.where(key), why=why)
        return cast("dict[str, object]", value)


class EnvironmentSource:
    """Variables `JOB_ORCHESTRATOR_<SECTION>_<KEY>`."""

    is_text = True

    def __init__(
        self,
        environment: Mapping[str, str],
        *,
        ignored: Sequence[str],
        services: Sequence[str],
        service_keys: Sequence[str],
    ) -> None:
        self._variables: dict[Key, str] = {}
        self.values: dict[Key, object] = {}
        names = {_variable(service): service for service in services}
        for variable, value in environment.items():
            if variable.startswith(PREFIX) and variable not in ignored:
                key = _key(variable.removeprefix(PREFIX), names, service_keys)
                self._variables[key] = variable
                self.values[key] = value

    def where(self, key: Key) -> str:
        """Return the variable as it is written."""
        return self._variables.get(key, self.name(key))

    def name(self, key: Key) -> str:
        """Return the variable for a key."""
        return PREFIX + "_".join(map(_variable, key))


class OptionSource:
    """What the command line says; options that were not given are None."""

    is_text = False

    def __init__(self, options: Mapping[str, object]) -> None:
        self.values: dict[Key, object] = {
            tuple(key.split(".")): value
            for key, value in options.items()
            if value is not None
        }

    def where(self, key: Key) -> str:
        """Return the option."""
        return self.name(key)

    def name(self, key: Key) -> str:
        """Return the option that sets a key."""
        return "--" + key[-1].replace("_", "-")


def suggestion(source: Source, key: Key, known: Sequence[Key]) -> str:
    """Return what to do about a key that nobody knows."""
    beside = [one for one in known if one[:-1] == key[:-1]]
    if not beside:
        sections = sorted({one[0] for one in known})
        return f"unknown section; known: {', '.join(sections)}"
    near = get_close_matches(key[-1], [one[-1] for one in beside], n=1)
    if near:
        return f"unknown key; did you mean {source.name((*key[:-1], near[0]))}?"
    return f"unknown key; known here: {', '.join(one[-1] for one in beside)}"


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise SettingError(
            where=str(path),
            why=f"the settings file cannot be read ({why}): give another --config",
        ) from error


def _parse(path: Path, text: str) -> dict[str, object]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        why = str(error)
        place = re.search(r" \(at line (\d+), column \d+\)$", why)
        line = int(place[1]) if place else len(text.splitlines())
        why = why[: place.start()] if place else why
        raise SettingError(
            where=f"{path}:{line}",
            why=f"not TOML: {why}; correct this line",
        ) from error


def _line(text: str, key: Key) -> int:
    r"""Return the line on which a key's value begins.

    The parser does not tell, so it is asked how much of the file it takes until it
    knows the key: exact, and needed only for an error.

    >>> _line('[server]\n# text\nhost = "a"\nport = 1\n', ("server", "port"))
    4
    """
    lines = text.splitlines()
    begins = 1
    for count in range(1, len(lines) + 1):
        try:
            table: object = tomllib.loads("\n".join(lines[:count]))
        except tomllib.TOMLDecodeError:
            continue  # the inside of a value that spans lines
        if _holds(table, key):
            return begins
        begins = count + 1
    return begins


def _holds(table: object, key: Key) -> bool:
    for part in key:
        if not isinstance(table, dict) or part not in table:
            return False
        table = cast("dict[str, object]", table)[part]
    return True


def _variable(part: str) -> str:
    return re.sub(r"[^A-Za-z0-9]", "_", part).upper()


def _key(rest: str, names: Mapping[str, str], service_keys: Sequence[str]) -> Key:
    section, _, key = rest.partition("_")
    if section.lower() != SERVICES:
        return section.lower(), key.lower()
    for service_key in service_keys:
        suffix = f"_{_variable(service_key)}"
        if key.endswith(suffix):
            name = key.removesuffix(suffix)
            return SERVICES, names.get(name, name.lower()), service_key
    return SERVICES, key.lower()
