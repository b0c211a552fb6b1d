"""From settings to script policies."""

import pytest

from orchestrator.cli.script_policies import script_policies
from orchestrator.cli.settings import load_settings
from orchestrator.domain.ids import ServiceName
from orchestrator.errors import SettingError
from orchestrator.files.script_policy import ScriptPolicy

PREFIX = "JOB_ORCHESTRATOR_SERVICES_ECHO_"


def policy_of(**variables: str) -> ScriptPolicy:
    environment = {f"{PREFIX}{key}": value for key, value in variables.items()}
    services = load_settings(environment=environment).services
    return script_policies(services)[ServiceName("echo")]


def test_a_service_denies_unless_its_settings_say_otherwise() -> None:
    assert policy_of(MAX_RUNS="3") == ScriptPolicy(mode="deny")


def test_mode_and_allowed_rules_are_settings_of_a_service() -> None:
    policy = policy_of(SCRIPT_POLICY="warn", SCRIPT_ALLOW="network,privilege.chown")

    assert policy == ScriptPolicy(mode="warn", allow=("network", "privilege.chown"))


def test_allowing_a_rule_that_is_none_is_refused_by_name() -> None:
    with pytest.raises(SettingError, match=r'script_allow.*"curl".*script-policy.md'):
        policy_of(SCRIPT_ALLOW="network,curl")


def test_a_mode_that_is_none_is_refused() -> None:
    with pytest.raises(SettingError, match='"off" or "warn" or "deny"'):
        policy_of(SCRIPT_POLICY="strict")
