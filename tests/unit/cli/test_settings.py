from collections.abc import Mapping
from pathlib import Path

import pytest

from orchestrator.cli.settings import load_settings, server_url
from orchestrator.errors import SettingError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "settings.toml"
    path.write_text("")
    return path


def complaint(
    file: Path,
    text: str = "",
    *,
    environment: Mapping[str, str] | None = None,
    options: Mapping[str, object] | None = None,
) -> str:
    """Return what is said about settings that are wrong; the file is `F`."""
    file.write_text(text)
    with pytest.raises(SettingError) as raised:
        load_settings(file, options, environment or {})
    return str(raised.value).replace(str(file), "F")


def test_without_anything_the_defaults_hold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    settings = load_settings(environment={})

    assert settings.server.port == 5000
    assert settings.server.host == "127.0.0.1"
    assert settings.services == {}


def test_the_command_line_beats_the_environment_which_beats_the_file(
    file: Path,
) -> None:
    file.write_text("[server]\nport = 1\nhost = 'a'\ndirectory = 'x'\n")

    settings = load_settings(
        file,
        {"server.port": 3, "server.host": None},
        {"JOB_ORCHESTRATOR_SERVER_PORT": "2", "JOB_ORCHESTRATOR_SERVER_HOST": "b"},
    )

    assert settings.server.port == 3
    assert settings.server.host == "b"
    assert settings.server.directory == Path("x")


def test_the_environment_names_the_file(file: Path) -> None:
    file.write_text("[server]\nport = 7\n")

    settings = load_settings(environment={"JOB_ORCHESTRATOR_CONFIG": str(file)})

    assert settings.server.port == 7


def test_the_file_in_the_working_directory_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "job-orchestrator.toml").write_text("[client]\nslots = 3\n")
    monkeypatch.chdir(tmp_path)

    assert load_settings(environment={}).client.slots == 3


def test_lists_and_tables_come_from_the_environment_too(file: Path) -> None:
    environment = {
        "JOB_ORCHESTRATOR_CLIENT_SERVICES": "haddock, prodigy",
        "JOB_ORCHESTRATOR_CLIENT_ENVIRONMENT": "OMP_NUM_THREADS=1,MODE=a=b",
        "JOB_ORCHESTRATOR_SERVER_ALLOW_REMOTE": "true",
    }

    settings = load_settings(file, environment=environment)

    assert settings.client.services == ("haddock", "prodigy")
    assert settings.client.environment == {"OMP_NUM_THREADS": "1", "MODE": "a=b"}
    assert settings.server.allow_remote


def test_declaring_a_service_creates_it_with_the_default_limits(file: Path) -> None:
    file.write_text("[services.haddock]\n[services.prodigy]\nmax_runs = 3\n")

    services = load_settings(file, environment={}).services

    assert services["haddock"].runs_per_user == 5
    assert services["haddock"].max_runs == 10
    assert services["prodigy"].max_runs == 3


def test_a_variable_changes_the_service_that_the_file_names(file: Path) -> None:
    file.write_text("[services.'Haddock-3.0']\n")
    environment = {
        "JOB_ORCHESTRATOR_SERVICES_HADDOCK_3_0_MAX_RUNS": "7",
        "JOB_ORCHESTRATOR_SERVICES_NEW_ONE_RUNS_PER_USER": "1",
    }

    services = load_settings(file, environment=environment).services

    assert services["Haddock-3.0"].max_runs == 7
    assert services["new_one"].runs_per_user == 1


def test_a_misspelt_key_is_answered_with_the_right_one(file: Path) -> None:
    text = "[server]\nhost = 'a'\n\n# which\nprot = 1\n"

    said = complaint(file, text)

    assert said == "F:5: server.prot: unknown key; did you mean server.port?"


def test_a_key_like_no_other_is_answered_with_all(file: Path) -> None:
    said = complaint(file, "[services.a]\nzzz = 1\n")

    assert said == (
        "F:2: services.a.zzz: unknown key; known here: runs_per_user, max_runs, "
        "script_policy, script_allow"
    )


def test_an_unknown_section_is_answered_with_the_known_ones(file: Path) -> None:
    said = complaint(file, "[severs]\na = 1\n")

    assert said == (
        "F:2: severs.a: unknown section; known: client, nats, server, services"
    )


def test_a_value_of_the_wrong_type_is_named_with_its_line(file: Path) -> None:
    said = complaint(file, "[nats]\nurl = 'x'\n[server]\nport = '5'\n")

    assert said == 'F:4: server.port: needs a whole number from 0 to 65535, not "5"'


def test_a_value_that_spans_lines_is_named_with_its_first(file: Path) -> None:
    said = complaint(file, "[nats]\n\nmonitoring_urls = [\n  'a',\n  1,\n]\n")

    assert said.startswith("F:3: nats.monitoring_urls: needs a list of texts")


def test_a_value_out_of_bounds_is_told_the_bounds(file: Path) -> None:
    said = complaint(file, "[services.a]\nmax_runs = 0\n")

    assert said == "F:2: services.a.max_runs: needs a whole number from 1, not 0"


def test_a_choice_is_told_what_there_is_to_choose(file: Path) -> None:
    assert complaint(file, "[nats]\nreplicas = 2\n") == (
        "F:2: nats.replicas: needs 1 or 3 or 5, not 2"
    )


def test_a_key_where_a_section_belongs_is_told_how_to_write_it(file: Path) -> None:
    assert complaint(file, "server = 5\n") == (
        "F:1: server: a section is needed here: write [server]"
    )


def test_a_file_that_is_not_toml_is_told_the_line(file: Path) -> None:
    said = complaint(file, "[server]\nport = \n")

    assert said.startswith("F:2: not TOML: ")


def test_a_file_that_ends_too_early_is_told_its_last_line(file: Path) -> None:
    said = complaint(file, "[nats]\nmonitoring_urls = [\n")

    assert said.startswith("F:2: not TOML: ")


def test_a_file_that_is_not_there_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="cannot be read"):
        load_settings(tmp_path / "absent.toml", environment={})


def test_a_file_that_is_not_text_is_one_clear_error(file: Path) -> None:
    file.write_bytes(b"\xff\xfe")

    with pytest.raises(SettingError, match="it is not UTF-8 text"):
        load_settings(file, environment={})


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("SERVER_PORT", "x", 'needs a whole number from 0 to 65535, not "x"'),
        ("SERVER_PROT", "1", "unknown key; did you mean JOB_ORCHESTRATOR_SERVER_PORT?"),
        ("SERVICES_A", "1", "unknown section; known: client, nats, server, services"),
        ("CLIENT_ENVIRONMENT", "A", 'needs a table of texts, not "A"'),
        ("SERVER_DIRECTORY", "", 'needs a path, not ""'),
        ("NATS_UNSAFE_DURABILITY", "yes", 'needs true or false, not "yes"'),
    ],
)
def test_a_wrong_variable_is_named(
    file: Path, variable: str, value: str, said: str
) -> None:
    name = f"JOB_ORCHESTRATOR_{variable}"

    assert complaint(file, environment={name: value}) == f"{name}: {said}"


def test_a_wrong_option_is_named(file: Path) -> None:
    assert complaint(file, options={"server.port": 99_999}) == (
        "--port: needs a whole number from 0 to 65535, not 99999"
    )


def test_a_password_shows_neither_in_errors_nor_in_a_dump(file: Path) -> None:
    said = complaint(file, "[nats]\npassword = 12345\n")
    file.write_text("[nats]\npassword = 'hunter2'\n")
    settings = load_settings(file, environment={})

    assert said == "F:2: nats.password: needs a text"
    assert "hunter2" not in repr(settings)
    assert settings.nats.reveal_password() == "hunter2"


def test_a_password_may_stand_in_a_file_of_its_own(file: Path) -> None:
    secret = file.with_name("secret")
    secret.write_text("hunter2\n")
    file.write_text(f"[nats]\npassword_file = '{secret}'\n")

    assert load_settings(file, environment={}).nats.reveal_password() == "hunter2"


def test_a_password_file_that_is_missing_is_one_clear_error(file: Path) -> None:
    file.write_text("[nats]\npassword_file = 'absent'\n")
    nats = load_settings(file, environment={}).nats

    with pytest.raises(SettingError, match="absent cannot be read"):
        nats.reveal_password()


def test_commands_find_the_server_by_option_environment_and_default() -> None:
    environment = {"JOB_ORCHESTRATOR_URL": "http://b:1/"}

    assert server_url("http://a:1", environment) == "http://a:1"
    assert server_url(None, environment) == "http://b:1"
    assert server_url(None, {}) == "http://127.0.0.1:5000"
