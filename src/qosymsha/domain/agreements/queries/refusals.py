"""Refusals of children: for the family, the provider and the officers who look at them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from qosymsha.domain.agreements.access import ALLOWED, Action
from qosymsha.domain.agreements.queries.asked import guardian_of, names, of_house, rows
from qosymsha.domain.people import queries as people
from qosymsha.domain.people.rules import ERASED_NAME
from qosymsha.domain.programmes import queries as programmes
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.clock import local_day

_SECRETS = {"paper": "child_refusal", "words": "refusal_word"}


class RefusalShown(NamedTuple):
    """A refusal with the child's name; `paper` is the number of the paper it names, `words` the family's objection."""

    id: int
    uuid: UUID
    child_id: int
    ground: str
    state: str
    filed_at: datetime
    review_by: date
    family_word: str
    decided_at: datetime | None
    reason: str
    group: str
    activity: str
    provider: str
    starts_on: date
    taken_at: datetime
    place: UUID
    territory_id: int
    age_min: int
    age_max: int
    name: str = ""
    paper: str = ""
    words: str = ""
    born_on: date | None = None


_REFUSALS = """
SELECT r.id, r.uuid, r.child_id, r.ground, r.state, r.filed_at, r.review_by, r.family_word, r.decided_at, r.reason,
       g.code, o.activity_id, p.name, e.starts_on, e.created_at, e.uuid, r.territory_id, g.age_min, g.age_max
  FROM child_refusal r JOIN enrolment e ON e.id = r.enrolment_id JOIN club_group g ON g.id = e.group_id
  JOIN offering o ON o.id = g.offering_id JOIN provider p ON p.id = r.provider_id WHERE """


# A refusal moves money of the place's line: a right bound to a department reaches those of its own lines.
_OWN = "(%s::bigint[] IS NULL OR e.line_id = ANY (%s::bigint[]))"


def own_refusals(*, actor: Actor, at: datetime) -> list[RefusalShown]:
    """Refusals of the guardian's children, newest first; an audited read.

    Raises:
        Forbidden: the actor is no guardian.
    """
    children = people.own_child_ids(guardian_of(actor), local_day(at))
    found = _found("r.child_id = ANY (%s) ORDER BY r.id DESC", [children])
    return _shown(actor, Action.READ_OWN, found, at)


def refusals_of_provider(  # noqa: PLR0913 - whose, for whom, which one, which stretch
    *, actor: Actor, provider_id: int, at: datetime, uuid: UUID | None = None, after: int = 0, most: int = 200
) -> list[RefusalShown]:
    """A provider's refusals, newest first, after so many; or the one of a uuid. An audited read.

    Raises:
        Forbidden: the actor does not manage the provider.
    """
    territory_id = of_house(actor, provider_id)
    where = "r.provider_id = %s AND (%s::uuid IS NULL OR r.uuid = %s) ORDER BY r.id DESC LIMIT %s OFFSET %s"
    found = _found(where, [provider_id, uuid, uuid, most, after])
    return _shown(actor, Action.READ_HOUSE, found, at, territory_id)


_REFUSED = """
SELECT e.uuid FROM child_refusal r JOIN enrolment e ON e.id = r.enrolment_id
 WHERE r.provider_id = %s AND r.state = 'filed'"""


def refused_places(*, actor: Actor, provider_id: int) -> frozenset[UUID]:
    """The provider's places of which a refusal waits for an officer; outside ids alone.

    Raises:
        Forbidden: the actor does not manage the provider.
    """
    of_house(actor, provider_id)
    return frozenset(uuid for (uuid,) in rows(_REFUSED, [provider_id]))


def office_refusals(  # noqa: PLR0913 (the filters of a queue)
    *,
    actor: Actor,
    at: datetime,
    state: str = "",
    uuid: UUID | None = None,
    only: Collection[int] | None = None,
    but: Collection[int] = (),
    after: int = 0,
    most: int = 200,
) -> list[RefusalShown]:
    """Refusals that an officer may see, those that wait first by their day; `only` these ids, `but` not those.

    An audited read. `after`: so many are passed over.

    Raises:
        Forbidden: the actor is no officer.
    """
    require(actor, Action.READ_REFUSALS, ALLOWED)
    where = "(%s = '' OR r.state = %s) AND (%s::uuid IS NULL OR r.uuid = %s)"
    where += " AND (%s::bigint[] IS NULL OR r.id = ANY (%s::bigint[])) AND r.id <> ALL (%s::bigint[])"
    where += f" AND {_OWN} AND r.programme_id = ANY (%s)"
    lines = programmes.own_lines(actor, ALLOWED[Action.READ_REFUSALS])
    some = None if only is None else sorted(only)
    order = (
        " ORDER BY (r.state <> 'filed'), CASE WHEN r.state = 'filed' THEN r.review_by END, r.id DESC LIMIT %s OFFSET %s"
    )
    asked = [state, state, uuid, uuid, some, some, sorted(but), lines, lines, _programmes(actor), most, after]
    return _shown(actor, Action.READ_REFUSALS, _found(where + order, asked), at)


def _programmes(actor: Actor) -> list[int]:
    """The programmes of the cities whose refusals the actor may see."""
    roles = ALLOWED[Action.READ_REFUSALS]
    return [one.id for one in programmes.programmes() if actor.holds(roles, territory_id=one.territory_id)]


class RefusalWork(NamedTuple):
    """How many refusals wait for an officer, and the day of the first."""

    waiting: int
    first: date | None


def refusal_work(*, actor: Actor) -> RefusalWork:
    """What waits for this officer, in figures.

    Raises:
        Forbidden: the actor is no officer.
    """
    require(actor, Action.READ_REFUSALS, ALLOWED)
    lines = programmes.own_lines(actor, ALLOWED[Action.READ_REFUSALS])
    found = rows(
        "SELECT r.territory_id, count(*), min(r.review_by) FROM child_refusal r"  # noqa: S608 - of this file
        f" JOIN enrolment e ON e.id = r.enrolment_id WHERE r.state = 'filed' AND {_OWN} GROUP BY 1",
        [lines, lines],
    )
    mine = [row for row in found if actor.holds(ALLOWED[Action.READ_REFUSALS], territory_id=row[0])]
    return RefusalWork(sum(n for _, n, _ in mine), min((day for _, _, day in mine), default=None))


def refusals_due(programme_id: int, today: date, limit: int) -> list[int]:
    """Filed refusals whose days have passed, or whose place has ended otherwise; the oldest first."""
    found = rows(
        "SELECT r.id FROM child_refusal r JOIN enrolment e ON e.id = r.enrolment_id WHERE r.programme_id = %s"
        " AND r.state = 'filed' AND (r.review_by < %s OR e.state = 'ended') ORDER BY r.id LIMIT %s",
        [programme_id, today, limit],
    )
    return [refusal_id for (refusal_id,) in found]


def vouchers_of_refusals(refusal_ids: Collection[int]) -> list[int]:
    """The vouchers whose places the refusals are about."""
    found = rows(
        "SELECT e.voucher_id FROM child_refusal r JOIN enrolment e ON e.id = r.enrolment_id WHERE r.id = ANY (%s)",
        [list(refusal_ids)],
    )
    return [voucher_id for (voucher_id,) in found]


def _found(where: str, arguments: Sequence[Any]) -> list[RefusalShown]:
    return [RefusalShown(*row) for row in rows(_REFUSALS + where, arguments)]


def _shown(
    actor: Actor, action: Action, found: Sequence[RefusalShown], at: datetime, territory_id: int | None = None
) -> list[RefusalShown]:
    ids, children = [one.id for one in found], {one.child_id for one in found}
    named = names(actor, action, ("child_refusal", ids), children, at, territory_id)
    told = {field: people.unseal(kind, ids) for field, kind in _SECRETS.items()}
    born = people.birth_dates(children) if action is Action.READ_REFUSALS else {}
    return [
        one._replace(
            name=named.get(one.child_id, ERASED_NAME),
            paper=told["paper"].get(one.id, b"").decode(),
            words="" if action is Action.READ_HOUSE else told["words"].get(one.id, b"").decode(),
            born_on=born.get(one.child_id),
        )
        for one in found
    ]
