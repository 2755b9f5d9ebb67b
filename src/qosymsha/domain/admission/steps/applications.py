"""Applications from filing to their outcome, each step with its history; any number of rows in one round trip."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection

from qosymsha.domain.admission.models import Round
from qosymsha.domain.admission.rules import TICKET_KIND, AdmissionRefusal
from qosymsha.domain.admission.states import TRANSITIONS, ApplicationState
from qosymsha.domain.admission.steps.rounds import next_numbers
from qosymsha.domain.people import steps as people
from qosymsha.domain.people.steps import SecretRow
from qosymsha.kernel.actor import Actor

_INSERT = """
INSERT INTO application (uuid, number, territory_id, programme_id, round_id, child_id, guardian_id, slot, kind, segment,
                         age, claims, category, line_id, state, reason, submitted_at)
SELECT t.uuid, t.number, %s, %s, %s, t.child_id, t.guardian_id, t.slot, t.kind, t.kind, t.age, '[]', '', t.line_id,
       'submitted', '', %s
  FROM unnest(%s::uuid[], %s::text[], %s::bigint[], %s::bigint[], %s::text[], %s::text[], %s::int[], %s::bytea[])
       AS t(uuid, number, child_id, guardian_id, slot, kind, age, line_id)
    ON CONFLICT DO NOTHING RETURNING line_id, id"""
_BIRTH = """
INSERT INTO application_history (application_id, seq, from_state, to_state, cause, at, actor_id)
SELECT unnest(%s::bigint[]), 1, '', 'submitted', 'filed', %s, %s"""
# The rows are picked by their ids alone and judged afterwards: a planner with old statistics would believe that no row
# is in the state asked for, and compare every row of the round with every id.
_PICKED = """
WITH picked AS MATERIALIZED (
    SELECT a.id, a.state FROM unnest(%(ids)s::bigint[]) AS t(id) JOIN application a ON a.id = t.id
     ORDER BY a.id FOR UPDATE OF a),"""
_MOVE = """
SELECT * FROM move_applications(%(ids)s::bigint[], %(from_states)s::text[], %(to)s, %(reason)s, %(cause)s, %(at)s,
                                %(actor)s)"""
_CHECK = f"""{_PICKED}
moved AS (
    UPDATE application a SET state = t.state, reason = t.reason, claims = t.claims::jsonb, category = t.category
      FROM picked p JOIN unnest(%(ids)s::bigint[], %(states)s::text[], %(reasons)s::text[], %(claims)s::text[],
                                %(categories)s::text[]) AS t(id, state, reason, claims, category) ON t.id = p.id
     WHERE a.id = p.id AND p.state = 'submitted' RETURNING a.id, a.state, a.reason)
INSERT INTO application_history (application_id, seq, from_state, to_state, cause, at, actor_id)
SELECT id, 1 + (SELECT count(*) FROM application_history h WHERE h.application_id = moved.id), 'submitted', state,
       coalesce(nullif(reason, ''), 'closed'), %(at)s, %(actor)s
  FROM moved"""  # noqa: S608 - constants
_SETTLE = f"""{_PICKED}
moved AS (
    UPDATE application a SET state = t.result
      FROM picked p JOIN unnest(%(ids)s::bigint[], %(results)s::text[]) AS t(id, result) ON t.id = p.id
     WHERE a.id = p.id AND p.state = 'checked' RETURNING a.id, a.state),
counted AS (
    SELECT id, state, (SELECT count(*) FROM application_history h WHERE h.application_id = moved.id) AS steps
      FROM moved)
INSERT INTO application_history (application_id, seq, from_state, to_state, cause, at, actor_id)
SELECT id, steps + 1, 'checked', 'ranked', 'drawn', %(at)s, %(actor)s FROM counted
 UNION ALL SELECT id, steps + 2, 'ranked', state, 'allocated', %(at)s, %(actor)s FROM counted
RETURNING application_id, to_state"""  # noqa: S608 - constants


@dataclass(frozen=True, slots=True)
class Draft:
    """A row to file; the ticket is the family's secret and is stored sealed only."""

    uuid: UUID
    child_id: int
    guardian_id: int
    slot: str
    kind: str
    age: int
    ticket: bytes
    line_id: bytes


def file(the_round: Round, drafts: Sequence[Draft], *, actor: Actor, at: datetime) -> dict[bytes, int]:
    """Store submitted applications, their history and sealed tickets; answers line id → id.

    A row whose child has a live application meanwhile is left out: the constraint decides, also between two at once.
    """
    numbers = next_numbers("A", "application_number", len(drafts))
    with connection.cursor() as cursor:
        cursor.execute(
            _INSERT,
            [
                the_round.territory_id,
                the_round.programme_id,
                the_round.id,
                at,
                [draft.uuid for draft in drafts],
                numbers,
                [draft.child_id for draft in drafts],
                [draft.guardian_id for draft in drafts],
                [draft.slot for draft in drafts],
                [draft.kind for draft in drafts],
                [draft.age for draft in drafts],
                [draft.line_id for draft in drafts],
            ],
        )
        stored = {bytes(line_id): i for line_id, i in cursor.fetchall()}
        cursor.execute(_BIRTH, [list(stored.values()), at, actor.user_id])
    rows = [SecretRow(stored[draft.line_id], draft.ticket) for draft in drafts if draft.line_id in stored]
    people.seal(TICKET_KIND, rows)
    return stored


def move(  # noqa: PLR0913 - a transition has all of these
    ids: Collection[int],
    *,
    come_from: Iterable[ApplicationState],
    to: ApplicationState,
    cause: str,
    actor: Actor,
    at: datetime,
) -> list[int]:
    """Move those of `ids` that are in one of the states `come_from`, with their history; answers the ids moved.

    A rejected one keeps the cause as its reason.
    """
    states = [state.value for state in come_from]
    assert all((state, to.value) in TRANSITIONS for state in states), f"{states} → {to}"
    if not ids:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            _MOVE,
            {
                "ids": list(ids),
                "from_states": states,
                "to": to.value,
                "reason": cause if to is ApplicationState.REJECTED else "",
                "cause": cause,
                "at": at,
                "actor": actor.user_id,
            },
        )
        return [i for (i,) in cursor.fetchall()]


@dataclass(frozen=True, slots=True)
class Checked:
    """What the close found of one application: its certified claims and category, or the reason it is rejected for."""

    id: int
    claims: tuple[str, ...]
    category: str
    reason: AdmissionRefusal | None = None


def check(rows: Sequence[Checked], *, actor: Actor, at: datetime) -> None:
    """Write what the close found: submitted → checked or rejected."""
    with connection.cursor() as cursor:
        cursor.execute(
            _CHECK,
            {
                "ids": [row.id for row in rows],
                "states": ["rejected" if row.reason else "checked" for row in rows],
                "reasons": [row.reason.value if row.reason else "" for row in rows],
                "claims": [json.dumps(row.claims) for row in rows],
                "categories": [row.category for row in rows],
                "at": at,
                "actor": actor.user_id,
            },
        )


def settle(results: Mapping[int, str], *, actor: Actor, at: datetime) -> dict[str, list[int]]:
    """Move checked applications through `ranked` to their results (granted | waiting); answers result → ids moved.

    One withdrawn after the close keeps its outcome, as everybody can recompute it, but is not moved.
    """
    with connection.cursor() as cursor:
        ids, ends = list(results), list(results.values())
        cursor.execute(_SETTLE, {"ids": ids, "results": ends, "at": at, "actor": actor.user_id})
        found: dict[str, list[int]] = {"granted": [], "waiting": []}
        for i, state in cursor.fetchall():
            if state in found:
                found[state].append(i)
        return found
