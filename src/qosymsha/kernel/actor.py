"""Who acts: a signed-in person with dated rights resolved for this request, or the system itself under a name."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypedDict, TypeVar, Unpack

from qosymsha.kernel.errors import Forbidden

SYSTEM = "system"
A = TypeVar("A", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Grant:
    """A role valid today, with its scope; None means the role is not bound to that dimension."""

    role: str
    territory_ids: frozenset[int] | None = None
    department_id: int | None = None
    provider_id: int | None = None


class Scope(TypedDict, total=False):
    """What is asked about; None or absent: not asked."""

    territory_id: int | None
    provider_id: int | None
    department_id: int | None


@dataclass(frozen=True, slots=True)
class Actor:
    """`user_id` 0 is the system. `label` stands in the audit: an id or a job's name, never a person's name."""

    user_id: int
    label: str
    grants: tuple[Grant, ...] = ()
    guardian_id: int | None = None

    @classmethod
    def system(cls, label: str) -> Actor:
        """The system acting by itself (a job, the demo's stage hand); may only do what names the role `system`."""
        return cls(user_id=0, label=f"system:{label}", grants=(Grant(SYSTEM),))

    def holds(self, roles: Collection[str], **scope: Unpack[Scope]) -> bool:
        """True where a grant of one of `roles` covers the territory, the provider and the department asked about."""
        return any(g.role in roles and _covers(g, scope) for g in self.grants)


def _covers(grant: Grant, scope: Scope) -> bool:
    territory_id, provider_id = scope.get("territory_id"), scope.get("provider_id")
    department_id = scope.get("department_id")
    territory_ok = territory_id is None or grant.territory_ids is None or territory_id in grant.territory_ids
    provider_ok = provider_id is None or grant.provider_id is None or grant.provider_id == provider_id
    return territory_ok and provider_ok and (department_id is None or grant.department_id in (None, department_id))


def require(actor: Actor, action: A, allowed: Mapping[A, frozenset[str]], **scope: Unpack[Scope]) -> None:
    """Step `allow` of a command.

    Raises:
        Forbidden: no grant of the actor gives this action in this scope.
    """
    if not actor.holds(allowed[action], **scope):
        raise Forbidden(action)
