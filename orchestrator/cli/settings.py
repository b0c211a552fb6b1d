"""Settings from command line, environment, file and defaults, strongest first.

Between file and defaults come the variables of the original.

The only module that looks at the environment.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import cast

import msgspec
from msgspec import Struct

from orchestrator.cli.settings_original import Notice, OriginalSource
from orchestrator.cli.settings_schema import (
    DEFAULT_URL,
    ClientSettings,
    NatsSettings,
    ServerSettings,
    ServiceSettings,
    Settings,
)
from orchestrator.cli.settings_source import (
    SERVICES,
    EnvironmentSource,
    FileSource,
    Key,
    OptionSource,
    Source,
    suggestion,
)
from orchestrator.cli.settings_value import convert
from orchestrator.errors import SettingError

CONFIG_VARIABLE = "JOB_ORCHESTRATOR_CONFIG"
URL_VARIABLE = "JOB_ORCHESTRATOR_URL"
DEFAULT_CONFIG = Path("job-orchestrator.toml")
SECTIONS: Mapping[str, type[Struct]] = {
    "server": ServerSettings,
    "nats": NatsSettings,
    "client": ClientSettings,
}


def load_settings(
    config: Path | None = None,
    options: Mapping[str, object] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Settings:
    """Return the settings; the command line is stronger than environment than file.

    `options` has dotted keys (`server.port`); what is None there was not given.

    Raises:
        SettingError: something is malformed; says where, which key, and what to do.
    """
    environment = os.environ if environment is None else environment
    file = _file(config, environment)
    declared = file.services if file else []
    variables = EnvironmentSource(
        environment,
        ignored=(CONFIG_VARIABLE, URL_VARIABLE),
        services=declared,
        service_keys=ServiceSettings.__struct_fields__,
    )
    original = OriginalSource(environment)
    sources: list[Source] = [variables, OptionSource(options or {})]
    sources = [original, *([file] if file else []), *sources]
    return _build(sources, [*declared, *original.services], original.notices())


def server_url(option: str | None, environment: Mapping[str, str] | None = None) -> str:
    """Return the server that a command talks to."""
    environment = os.environ if environment is None else environment
    return (option or environment.get(URL_VARIABLE) or DEFAULT_URL).rstrip("/")


def executable_path() -> str:
    """Return the PATH on which jobs find their programs."""
    return os.environ.get("PATH", os.defpath)


def _file(config: Path | None, environment: Mapping[str, str]) -> FileSource | None:
    if config is None and CONFIG_VARIABLE in environment:
        config = Path(environment[CONFIG_VARIABLE])
    if config is None and DEFAULT_CONFIG.exists():
        config = DEFAULT_CONFIG
    return FileSource(config) if config is not None else None


def _build(
    weakest_first: Sequence[Source],
    declared: Sequence[str],
    notices: Sequence[Notice],
) -> Settings:
    given: dict[Key, tuple[Source, object]] = {}
    for source in weakest_first:
        given |= {key: (source, value) for key, value in source.values.items()}
    names = dict.fromkeys([*declared, *_services(given)])
    notices = [*notices, *_notices(given)]
    settings = Settings(
        server=_section(ServerSettings, ("server",), given),
        nats=_section(NatsSettings, ("nats",), given),
        client=_section(ClientSettings, ("client",), given),
        services={
            name: _section(ServiceSettings, (SERVICES, name), given) for name in names
        },
        notices=tuple(notices),
    )
    _refuse_unknown(given, tuple(names))
    return settings


def _services(given: Mapping[Key, object]) -> list[str]:
    # Two parts only: a variable that names no key of a service, refused below.
    return [key[1] for key in given if key[0] == SERVICES and len(key) > 2]  # noqa: PLR2004 - the parts of a service's key


def _notices(given: Mapping[Key, tuple[Source, object]]) -> Iterator[Notice]:
    key = ("server", "max_age_seconds")
    if key in given:
        source, _ = given[key]
        yield Notice(
            event="settings.max_age_unused",
            variables=(source.where(key),),
            why="finished jobs and their files are kept for good, for now",
        )


def _section[S: Struct](
    kind: type[S], prefix: Key, given: dict[Key, tuple[Source, object]]
) -> S:
    """Return the section, and take its keys out of what is given."""
    values: dict[str, object] = {}
    for field in msgspec.structs.fields(kind):
        key = (*prefix, field.name)
        if key in given:
            source, value = given.pop(key)
            values[field.name] = convert(
                value,
                cast("object", field.type),
                is_text=source.is_text,
                where=source.where(key),
            )
    return kind(**values)


def _refuse_unknown(
    given: Mapping[Key, tuple[Source, object]], services: Sequence[str]
) -> None:
    known: list[Key] = [
        (section, key)
        for section, kind in SECTIONS.items()
        for key in kind.__struct_fields__
    ]
    known += [
        (SERVICES, name, key)
        for name in services or ("<name>",)
        for key in ServiceSettings.__struct_fields__
    ]
    for key, (source, _) in given.items():
        raise SettingError(where=source.where(key), why=suggestion(source, key, known))
