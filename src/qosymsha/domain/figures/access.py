"""Who may have figures counted, and who may look at them: officials whose work money and places are."""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum

from qosymsha.domain.people.states import Role
from qosymsha.kernel.actor import Actor


class Action(StrEnum):
    """The verbs of this room."""

    COUNT_FIGURES = "count_figures"
    READ_FIGURES = "read_figures"
    READ_OWN_MEASURES = "read_own_measures"


ALLOWED: dict[Action, frozenset[str]] = {
    Action.COUNT_FIGURES: frozenset({Role.OPERATOR, Role.SYSTEM}),
    Action.READ_FIGURES: frozenset({Role.PROGRAMME_OFFICER, Role.APPROVER, Role.PAYER, Role.AUDITOR}),
    Action.READ_OWN_MEASURES: frozenset({Role.PROVIDER_MANAGER}),
}


def departments_of(actor: Actor, territory_id: int) -> Collection[int] | None:
    """The departments whose figures the actor may see in a territory; None: all of them, empty: none."""
    found: set[int] = set()
    for grant in actor.grants:
        covers = grant.territory_ids is None or territory_id in grant.territory_ids
        if grant.role not in ALLOWED[Action.READ_FIGURES] or not covers:
            continue
        if grant.department_id is None:
            return None
        found.add(grant.department_id)
    return found
