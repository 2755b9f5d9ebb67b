"""Whose money it is: a right bound to a department reaches what that department's lines pay for, and nothing else."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from qosymsha.domain.settlement.queries.asked import rows
from qosymsha.kernel.actor import Actor

# What hangs on a budget line: its id, its territory, the line's department.
_LINE_OF = {
    "claim": "SELECT t.id, t.territory_id, l.department_id FROM claim t JOIN budget_line l ON l.id = t.line_id",
    "contract": "SELECT t.id, t.territory_id, l.department_id FROM contract t JOIN budget_line l ON l.id = t.line_id",
    "recovery": "SELECT t.id, t.territory_id, l.department_id FROM recovery t JOIN budget_line l ON l.id = t.line_id",
    "service_act": "SELECT t.id, t.territory_id, l.department_id FROM service_act t JOIN claim c ON c.id = t.claim_id"
    " JOIN budget_line l ON l.id = c.line_id",
    "refund": "SELECT t.id, r.territory_id, l.department_id FROM refund t JOIN recovery r ON r.id = t.recovery_id"
    " JOIN budget_line l ON l.id = r.line_id",
}


def of_department(actor: Actor, roles: Collection[str], kind: str, ids: Iterable[int]) -> list[int]:
    """Those ids (of claims, contracts, recoveries, acts, refunds) that the actor's departments own, in their order.

    Whose rights are bound to no department owns all, and no statement is sent.
    """
    asked = list(ids)
    if not any(grant.department_id and grant.role in roles for grant in actor.grants):
        return asked
    found = {
        id_
        for id_, territory_id, department_id in rows(f"{_LINE_OF[kind]} WHERE t.id = ANY (%s)", [asked])
        if actor.holds(roles, territory_id=territory_id, department_id=department_id)
    }
    return [id_ for id_ in asked if id_ in found]


def is_of_department(actor: Actor, roles: Collection[str], kind: str, id_: int) -> bool:
    """Whether the one of this id is."""
    return bool(of_department(actor, roles, kind, [id_]))
