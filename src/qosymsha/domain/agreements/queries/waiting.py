"""A group's own waiting list: a family's own lines with their position, and what the job looks at."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from qosymsha.domain.agreements.access import Action
from qosymsha.domain.agreements.queries.asked import guardian_of, names, of_house, rows
from qosymsha.domain.people import queries as people
from qosymsha.domain.people.rules import ERASED_NAME
from qosymsha.kernel.actor import Actor
from qosymsha.kernel.clock import local_day


class WaitShown(NamedTuple):
    """A child's line on a list: `before` counts who asked earlier and stands there still; `until`: the offer's day.

    `is_others`: another guardian put the child there and alone takes it off.
    """

    id: int
    uuid: UUID
    child_id: int
    voucher_id: int
    group_uuid: UUID
    group: str
    activity: str
    provider: str
    state: str
    reason: str
    asked_at: datetime
    until: date | None
    before: int
    guardian_id: int
    name: str = ""
    is_others: bool = False


_WAITS = """
SELECT w.id, w.uuid, w.child_id, w.voucher_id, g.uuid, g.code, o.activity_id, p.name, w.state, w.reason, w.asked_at,
       w.until, (SELECT count(*) FROM group_wait b WHERE b.group_id = w.group_id AND b.id < w.id
                    AND b.state IN ('waiting', 'offered')), w.guardian_id
  FROM group_wait w JOIN club_group g ON g.id = w.group_id JOIN offering o ON o.id = g.offering_id
  JOIN provider p ON p.id = g.provider_id WHERE w.child_id = ANY (%s) ORDER BY w.id DESC"""


def own_waits(*, actor: Actor, at: datetime) -> list[WaitShown]:
    """The lists on which the guardian's children stand or stood, newest first; an audited read.

    Raises:
        Forbidden: the actor is no guardian.
    """
    own, today = guardian_of(actor), local_day(at)
    found = [WaitShown(*row) for row in rows(_WAITS, [people.own_child_ids(own, today)])]
    others = people.wards([(one.guardian_id, one.child_id) for one in found if one.guardian_id != own], today)
    ids = [one.id for one in found]
    named = names(actor, Action.READ_OWN, ("group_wait", ids), {one.child_id for one in found}, at)
    return [
        one._replace(name=named.get(one.child_id, ERASED_NAME), is_others=(one.guardian_id, one.child_id) in others)
        for one in found
    ]


def waiting_counts(*, actor: Actor, provider_id: int) -> dict[UUID, int]:
    """Group → how many wait for it, for its provider; no child is named.

    Raises:
        Forbidden: the actor does not manage the provider.
    """
    of_house(actor, provider_id)
    found = rows(
        "SELECT g.uuid, count(*) FROM group_wait w JOIN club_group g ON g.id = w.group_id"
        " WHERE g.provider_id = %s AND w.state IN ('waiting', 'offered') GROUP BY 1",
        [provider_id],
    )
    return dict(found)


def queue_length(group_uuid: UUID) -> int:
    """How many stand on a group's list. Public: a number."""
    found = rows(
        "SELECT count(*) FROM group_wait w JOIN club_group g ON g.id = w.group_id"
        " WHERE g.uuid = %s AND w.state IN ('waiting', 'offered')",
        [group_uuid],
    )
    return int(found[0][0])


def is_waited_for(group_id: int) -> bool:
    """True where somebody stands on the group's list: who comes now stands behind them, whatever is free."""
    return bool(
        rows("SELECT 1 FROM group_wait WHERE group_id = %s AND state IN ('waiting', 'offered') LIMIT 1", [group_id])
    )


def waited_for(group_ids: Collection[int]) -> set[int]:
    """Those of the groups on whose lists somebody waits without an offer yet: theirs is the next free seat."""
    found = rows(
        "SELECT DISTINCT group_id FROM group_wait WHERE group_id = ANY (%s) AND state = 'waiting'", [[*group_ids]]
    )
    return {group_id for (group_id,) in found}


def group_of_voucher(voucher_id: int) -> int | None:
    """The group in which a voucher has its place now."""
    found = rows("SELECT group_id FROM enrolment WHERE voucher_id = %s AND state <> 'ended'", [voucher_id])
    return found[0][0] if found else None


_LOOK = """
SELECT w.id, w.voucher_id FROM group_wait w JOIN club_group g ON g.id = w.group_id LEFT JOIN seat s ON s.group_id = g.id
 WHERE w.programme_id = %s AND (w.state = 'offered' AND w.until < %s
       OR w.state = 'waiting' AND coalesce(s.taken, 0) < least(g.capacity, coalesce(s.capacity, g.capacity))
       OR w.state = 'waiting' AND EXISTS (SELECT FROM group_wait o WHERE o.group_id = w.group_id
                                           AND o.state = 'offered' AND o.until < %s))
 ORDER BY w.id LIMIT %s"""


def waits_to_look_at(programme_id: int, today: date, limit: int) -> list[tuple[int, int]]:
    """(wait, voucher) of offers that are over and of lines whose group has a free seat; by id."""
    return [(i, voucher_id) for i, voucher_id in rows(_LOOK, [programme_id, today, today, limit])]
