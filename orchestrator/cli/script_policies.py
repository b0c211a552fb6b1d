"""From the settings of services to the policies that their scripts are judged by."""

from collections.abc import Mapping

from orchestrator.cli.settings_schema import ServiceSettings
from orchestrator.domain.ids import ServiceName
from orchestrator.errors import SettingError
from orchestrator.files.script.rule_ids import names_a_rule
from orchestrator.files.script_policy import ScriptPolicy


def script_policies(
    services: Mapping[str, ServiceSettings],
) -> dict[ServiceName, ScriptPolicy]:
    """Return the policy of each service that the settings declare.

    Raises:
        SettingError: an allowed rule is none.
    """
    return {
        ServiceName(name): _policy(name, service) for name, service in services.items()
    }


def _policy(name: str, service: ServiceSettings) -> ScriptPolicy:
    for rule in service.script_allow:
        if not names_a_rule(rule):
            raise SettingError(
                where=f"services.{name}.script_allow",
                why=f'there is no rule "{rule}": see ops/script-policy.md',
            )
    return ScriptPolicy(mode=service.script_policy, allow=service.script_allow)
