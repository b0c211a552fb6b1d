"""Who asks: every request becomes a principal before it becomes a command."""

from collections.abc import Mapping
from typing import Protocol, override

from orchestrator.domain.ids import PrincipalId, UserId
from orchestrator.domain.principal import Principal

PORTAL = Principal(id=PrincipalId("portal"), role="portal")
OPERATOR = Principal(id=PrincipalId("operator"), role="operator")


class Authenticator(Protocol):
    """Finds the principal of a request by its headers."""

    async def user(self, headers: Mapping[str, str], claimed: UserId) -> Principal:
        """Return who submits a job that is said to be this user's.

        Raises:
            ForbiddenError: the caller may not act for this user.
        """
        ...

    async def caller(self, headers: Mapping[str, str]) -> Principal:
        """Return who asks where the request names no user."""
        ...

    async def operator(self, headers: Mapping[str, str]) -> Principal:
        """Return the operator who asks.

        Raises:
            ForbiddenError: the caller is none.
        """
        ...


class OpenAuthenticator(Authenticator):
    """Believe everybody: for a loopback address behind a portal that has checked."""

    @override
    async def user(self, headers: Mapping[str, str], claimed: UserId) -> Principal:
        return Principal(id=PrincipalId(claimed), role="user")

    @override
    async def caller(self, headers: Mapping[str, str]) -> Principal:
        return PORTAL

    @override
    async def operator(self, headers: Mapping[str, str]) -> Principal:
        return OPERATOR
