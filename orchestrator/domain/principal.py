"""Who asks: every command names its principal, and so does every event."""

from typing import Literal

from msgspec import Struct

from orchestrator.domain.ids import PrincipalId, UserId

type Role = Literal["user", "portal", "operator", "client", "orchestrator"]


class Principal(Struct, frozen=True, kw_only=True):
    """A caller: a user, a portal that acts for its users, an operator, a client."""

    id: PrincipalId
    role: Role

    def may_touch_jobs_of(self, user: UserId) -> bool:
        """Say whether jobs of this user may be seen and changed."""
        return self.role != "user" or self.id == user


# The leader itself: what it plans and what it owes.
ORCHESTRATOR = Principal(id=PrincipalId("orchestrator"), role="orchestrator")
