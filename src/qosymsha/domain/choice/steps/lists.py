"""Lists of wishes from filing to their place, each step with its cause; any number of rows in one round trip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection

from qosymsha.domain.choice.models import ChoiceRound
from qosymsha.domain.choice.rules import TICKET_KIND
from qosymsha.domain.choice.states import LIST_TRANSITIONS, ListState
from qosymsha.domain.people import steps as people
from qosymsha.domain.people.steps import SecretRow
from qosymsha.kernel.actor import Actor

# A list filed again takes the place of the one before, under the same line id: nobody buys a second number.
_FILE = """
WITH given AS (
    SELECT * FROM unnest(%(uuids)s::uuid[], %(vouchers)s::bigint[], %(children)s::bigint[], %(guardians)s::bigint[],
                         %(lines)s::bytea[], %(wishes)s::text[])
        AS t (uuid, voucher, child, guardian, line, wishes)),
was AS MATERIALIZED (
    SELECT l.voucher_id, l.state FROM given g
      JOIN choice_list l ON l.round_id = %(round)s AND l.voucher_id = g.voucher),
kept AS (
    INSERT INTO choice_list (uuid, territory_id, programme_id, round_id, voucher_id, child_id, guardian_id, line_id,
                             wishes, state, reason)
    SELECT uuid, %(territory)s, %(programme)s, %(round)s, voucher, child, guardian, line, wishes::bigint[], 'filed', ''
      FROM given ORDER BY voucher
        ON CONFLICT (round_id, voucher_id) DO UPDATE
       SET wishes = excluded.wishes, guardian_id = excluded.guardian_id, state = 'filed'
    RETURNING id, voucher_id, line_id, wishes),
told AS (
    INSERT INTO choice_list_history (choice_list_id, seq, from_state, to_state, cause, wishes, at, actor_id)
    SELECT k.id, 1 + (SELECT count(*) FROM choice_list_history h WHERE h.choice_list_id = k.id),
           coalesce(w.state, ''), 'filed', CASE WHEN w.state IS NULL THEN 'filed' ELSE 'replaced' END, k.wishes,
           %(at)s, %(actor)s
      FROM kept k LEFT JOIN was w ON w.voucher_id = k.voucher_id)
SELECT id, voucher_id, line_id FROM kept"""
_MOVE = """
WITH picked AS MATERIALIZED (
    SELECT l.id, l.state FROM unnest(%(ids)s::bigint[]) AS t(id) JOIN choice_list l ON l.id = t.id
     ORDER BY l.id FOR UPDATE OF l),
moved AS (
    UPDATE choice_list l SET state = t.state, group_id = t.grp,
           reason = CASE WHEN t.state = 'rejected' THEN t.cause ELSE '' END
      FROM picked p JOIN unnest(%(ids)s::bigint[], %(states)s::text[], %(groups)s::bigint[], %(causes)s::text[])
                         AS t(id, state, grp, cause) ON t.id = p.id
     WHERE l.id = p.id RETURNING l.id, p.state AS was, l.state, l.group_id, t.cause)
INSERT INTO choice_list_history (choice_list_id, seq, from_state, to_state, cause, group_id, at, actor_id)
SELECT id, 1 + (SELECT count(*) FROM choice_list_history h WHERE h.choice_list_id = moved.id), was, state, cause,
       group_id, %(at)s, %(actor)s
  FROM moved"""


@dataclass(frozen=True, slots=True)
class Draft:
    """A list to file; the ticket is the family's secret, kept only where the voucher has no list in the round yet."""

    uuid: UUID
    voucher_id: int
    child_id: int
    guardian_id: int
    group_ids: tuple[int, ...]
    ticket: bytes
    line_id: bytes


@dataclass(frozen=True, slots=True)
class Moved:
    """One step of a list: where to, in which group it is placed then, and why."""

    list_id: int
    to: ListState
    cause: str
    group_id: int | None = None


def file(the_round: ChoiceRound, drafts: Sequence[Draft], *, actor: Actor, at: datetime) -> dict[int, int]:
    """Store or replace lists with their history and, for first ones, sealed tickets; answers voucher id → list id.

    The caller holds the vouchers' locks, so that nobody files for the same voucher meanwhile.
    """
    if not drafts:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            _FILE,
            {
                "uuids": [draft.uuid for draft in drafts],
                "vouchers": [draft.voucher_id for draft in drafts],
                "children": [draft.child_id for draft in drafts],
                "guardians": [draft.guardian_id for draft in drafts],
                "lines": [draft.line_id for draft in drafts],
                "wishes": ["{" + ",".join(map(str, draft.group_ids)) + "}" for draft in drafts],
                "territory": the_round.territory_id,
                "programme": the_round.programme_id,
                "round": the_round.id,
                "at": at,
                "actor": actor.user_id,
            },
        )
        stored = {voucher: (i, bytes(line)) for i, voucher, line in cursor.fetchall()}
    fresh = [draft for draft in drafts if stored[draft.voucher_id][1] == draft.line_id]
    people.seal(TICKET_KIND, [SecretRow(stored[draft.voucher_id][0], draft.ticket) for draft in fresh])
    return {voucher: i for voucher, (i, _) in stored.items()}


def move_lists(rows: Sequence[Moved], *, actor: Actor, at: datetime) -> None:
    """Move lists, each with its history; a transition the table does not hold is a bug and fails by trigger."""
    assert all(any(row.to == to for _, to in LIST_TRANSITIONS) for row in rows)
    if not rows:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            _MOVE,
            {
                "ids": [row.list_id for row in rows],
                "states": [row.to.value for row in rows],
                "groups": [row.group_id for row in rows],
                "causes": [row.cause for row in rows],
                "at": at,
                "actor": actor.user_id,
            },
        )
