"""The environment of the original, as operators have it in their compose files."""

from pathlib import Path

import pytest

from orchestrator.cli.settings import load_settings
from orchestrator.cli.settings_schema import Settings
from orchestrator.errors import SettingError


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def settings(**environment: str) -> Settings:
    return load_settings(environment=environment)


def complaint(**environment: str) -> str:
    with pytest.raises(SettingError) as raised:
        settings(**environment)
    return str(raised.value)


def test_port_data_path_and_age_are_those_of_the_server() -> None:
    server = settings(PORT="8080", DATA_PATH="/opt/data", MAX_AGE="3600").server

    assert server.port == 8080
    assert server.directory == Path("/opt/data")
    assert server.max_age_seconds == 3600


def test_without_them_the_originals_defaults_hold() -> None:
    server = settings().server

    assert (server.port, server.max_age_seconds) == (5000, 864_000)


def test_a_limit_or_an_address_declares_the_service_in_lower_case() -> None:
    services = settings(
        SERVICE_HADDOCK_RUNS_PER_USER="3",
        SERVICE_PRODIGY_MAX_RUNS="7",
        SERVICE_EXAMPLE_UPLOAD_URL="http://client:9000/submit",
    ).services

    assert sorted(services) == ["example", "haddock", "prodigy"]
    assert (services["haddock"].runs_per_user, services["haddock"].max_runs) == (3, 10)
    assert (services["prodigy"].runs_per_user, services["prodigy"].max_runs) == (5, 7)
    assert services["example"].runs_per_user == 5


def test_a_name_of_a_service_may_have_underscores() -> None:
    services = settings(
        SERVICE_HADDOCK_3_MAX_RUNS="2",
        SERVICE_MAX_RUNS_MAX_RUNS="4",
        SERVICE_A_UPLOAD_URL_DOWNLOAD_URL="x",
    ).services

    assert services["haddock_3"].max_runs == 2
    assert services["max_runs"].max_runs == 4
    assert "a_upload_url" in services


def test_addresses_of_clients_are_told_to_be_unused_in_one_notice() -> None:
    (notice,) = settings(
        SERVICE_A_UPLOAD_URL="http://a/submit",
        SERVICE_A_DOWNLOAD_URL="http://a/retrieve",
        SERVICE_A_TERMINATE_URL="http://a/kill",
    ).notices

    assert notice.event == "settings.urls_unused"
    assert notice.variables == (
        "SERVICE_A_DOWNLOAD_URL",
        "SERVICE_A_TERMINATE_URL",
        "SERVICE_A_UPLOAD_URL",
    )


@pytest.mark.parametrize(
    "variable", ["SERVICE_A_COLOUR", "SERVICE_MAX_RUNS", "SERVICE_PORT", "SERVICE_"]
)
def test_what_the_original_did_not_know_either_is_ignored_with_a_notice(
    variable: str,
) -> None:
    found = settings(**{variable: "tcp://10.0.0.1:80"})

    assert found.services == {}
    (notice,) = found.notices
    assert notice.event == "settings.variables_ignored"
    assert notice.variables == (variable,)


def test_a_set_age_is_told_to_have_no_effect_yet() -> None:
    (notice,) = settings(MAX_AGE="60").notices

    assert notice.variables == ("MAX_AGE",)
    assert "kept for good" in notice.why


@pytest.mark.parametrize(
    ("variable", "value", "needs"),
    [
        ("PORT", "http", "a whole number from 0 to 65535"),
        ("PORT", "", "a whole number from 0 to 65535"),
        ("PORT", "65536", "a whole number from 0 to 65535"),
        ("DATA_PATH", "", "a path"),
        ("MAX_AGE", "10d", "a whole number from 1"),
        ("SERVICE_A_MAX_RUNS", "ten", "a whole number from 1"),
        ("SERVICE_A_B_RUNS_PER_USER", "0", "a whole number from 1"),
    ],
)
def test_a_bad_value_is_named_with_its_variable(
    variable: str, value: str, needs: str
) -> None:
    said = complaint(**{variable: value})

    assert said == f'{variable}: needs {needs}, not "{value}"'


def test_whatever_is_said_in_our_own_words_is_stronger(tmp_path: Path) -> None:
    (tmp_path / "job-orchestrator.toml").write_text(
        "[server]\nport = 1\n[services.a]\nmax_runs = 1\n"
    )
    found = settings(
        PORT="2",
        MAX_AGE="2",
        SERVICE_A_MAX_RUNS="2",
        SERVICE_A_RUNS_PER_USER="2",
        DATA_PATH="two",
        JOB_ORCHESTRATOR_SERVER_DIRECTORY="three",
    )

    assert found.server.port == 1
    assert found.server.directory == Path("three")
    assert found.server.max_age_seconds == 2
    assert (found.services["a"].max_runs, found.services["a"].runs_per_user) == (1, 2)


def test_a_root_path_is_a_path_and_does_not_end_in_a_slash() -> None:
    good = settings(JOB_ORCHESTRATOR_SERVER_ROOT_PATH="/portal/jobs-api")
    assert good.server.root_path == "/portal/jobs-api"

    for bad in ("/", "jobs", "/jobs/", "/a b", "http://x/y"):
        said = complaint(JOB_ORCHESTRATOR_SERVER_ROOT_PATH=bad)
        assert said == (
            "JOB_ORCHESTRATOR_SERVER_ROOT_PATH: "
            f'needs a path such as "/jobs-api", not "{bad}"'
        )
