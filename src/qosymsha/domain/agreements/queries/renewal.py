"""Places that a next contract may carry on: for the provider's page, and a family's own."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from qosymsha.domain.agreements.access import Action
from qosymsha.domain.agreements.queries.asked import guardian_of, names, of_house, rows
from qosymsha.domain.agreements.queries.places import agreements_of
from qosymsha.domain.people import queries as people
from qosymsha.domain.people.rules import ERASED_NAME
from qosymsha.domain.providers import queries as providers
from qosymsha.domain.providers.rules import GroupFacts
from qosymsha.domain.providers.states import GroupState
from qosymsha.domain.vouchers.rules import whole_years
from qosymsha.kernel.actor import Actor
from qosymsha.kernel.clock import local_day

AHEAD = timedelta(days=120)  # a contract that ends within so many days is shown


class CarryShown(NamedTuple):
    """A place of an ending contract: the child's name and whether it goes on — yes, no, silent — and its age then.

    `why_not`: ages_out | leaves | no_group | "" where it may be carried on.
    """

    enrolment_id: int
    place: UUID
    child_id: int
    name: str
    word: str
    age: int | None
    why_not: str


@dataclass(frozen=True, slots=True)
class EndingGroup:
    """A group whose contract ends: its children and the groups of a later contract they may go on in."""

    group: GroupFacts
    next_groups: tuple[GroupFacts, ...]
    suggested: GroupFacts | None
    children: tuple[CarryShown, ...]

    @property
    def may_go(self) -> int:
        """How many may be carried on."""
        return sum(not one.why_not for one in self.children)


_LIVE = """
SELECT e.id, e.uuid, e.child_id, e.group_id, v.rule_set_id FROM enrolment e JOIN voucher v ON v.id = e.voucher_id
 WHERE e.group_id = ANY (%s) AND e.state = 'active' ORDER BY e.group_id, e.id"""
_GROUPS = """
SELECT g.id FROM club_group g JOIN contract c ON c.id = g.contract_id
 WHERE g.provider_id = %s AND (upper(c.valid) > %s OR upper_inf(c.valid)) ORDER BY g.code"""
_WORDS = """
SELECT DISTINCT ON (enrolment_id) enrolment_id, continues FROM renewal_word WHERE enrolment_id = ANY (%s)
 ORDER BY enrolment_id, id DESC"""


def renewal_words(enrolment_ids: Collection[int]) -> dict[int, bool]:
    """Place → its family's latest word on going on; silent ones are left out."""
    return dict(rows(_WORDS, [list(enrolment_ids)]))


def ending_groups(*, actor: Actor, provider_id: int, at: datetime) -> list[EndingGroup]:
    """A provider's groups whose contract ends soon, with children and where they may go on; an audited read.

    Raises:
        Forbidden: the actor does not manage the provider.
    """
    territory_id, today = of_house(actor, provider_id), local_day(at)
    ids = [group_id for (group_id,) in rows(_GROUPS, [provider_id, today])]
    groups = list(providers.group_facts(ids).values())
    ending = [g for g in groups if g.contract_first <= today and _ends_soon(g, today)]
    found = rows(_LIVE, [[g.id for g in ending]])
    children = {row[2] for row in found}
    named = names(actor, Action.READ_HOUSE, ("enrolment", [row[0] for row in found]), children, at, territory_id)
    born = people.birth_dates(children)
    words = renewal_words([row[0] for row in found])
    silence = {i: agreements_of(i).renewal.silence for i in {row[4] for row in found}}
    shown = []
    for group in ending:
        later = _later(group, groups)
        suggested = _suggested(group, later)
        mine = [row for row in found if row[3] == group.id]
        carries = [
            _carry(row, named, born.get(row[2]), _word(words.get(row[0])), silence[row[4]], later, suggested)
            for row in mine
        ]
        shown.append(EndingGroup(group, later, suggested, tuple(carries)))
    return [one for one in shown if one.children]


def _ends_soon(group: GroupFacts, today: date) -> bool:
    return group.contract_last is not None and group.contract_last <= today + AHEAD


def _later(group: GroupFacts, groups: Sequence[GroupFacts]) -> tuple[GroupFacts, ...]:
    """Open groups of the same kind under a contract that begins later."""
    return tuple(
        g
        for g in groups
        if g.state == GroupState.OPEN
        and g.contract_id != group.contract_id
        and g.contract_first > group.contract_first
        and g.kind == group.kind
    )


def _suggested(group: GroupFacts, later: Sequence[GroupFacts]) -> GroupFacts | None:
    """The one that is most like it: same direction, then venue, language and the same ages."""

    def likeness(one: GroupFacts) -> tuple[bool, bool, bool, int]:
        ages = abs(one.age_min - group.age_min) + abs(one.age_max - group.age_max)
        return one.activity == group.activity, one.venue_id == group.venue_id, one.language == group.language, -ages

    return max(later, key=likeness, default=None)


def _word(continues: bool | None) -> str:
    return "silent" if continues is None else ("yes" if continues else "no")


def _carry(  # noqa: PLR0913 - the row, names, what decides
    row: tuple[int, UUID, int, int, int],
    named: Mapping[int, str],
    born: date | None,
    word: str,
    silence: str,
    later: Sequence[GroupFacts],
    suggested: GroupFacts | None,
) -> CarryShown:
    first = suggested.first_day if suggested else None
    age = whole_years(born, first) if born and first else None
    why_not = ""
    if word == "no" or (word == "silent" and silence == "ends"):
        why_not = "leaves"
    elif not later:
        why_not = "no_group"
    elif age is not None and not any(g.takes_age(age) for g in later):
        why_not = "ages_out"
    return CarryShown(row[0], row[1], row[2], named.get(row[2], ERASED_NAME), word, age, why_not)


class OwnRenewal(NamedTuple):
    """A place of the guardian's child under a contract that ends soon, and the family's word so far."""

    enrolment_id: int
    place: UUID
    child_id: int
    name: str
    group: str
    activity: str
    contract_last: date
    word: str


_OWN = """
SELECT e.id, e.uuid, e.child_id, g.code, o.activity_id, upper(c.valid) - 1 FROM enrolment e
  JOIN club_group g ON g.id = e.group_id JOIN offering o ON o.id = g.offering_id JOIN contract c ON c.id = g.contract_id
 WHERE e.child_id = ANY (%s) AND e.state = 'active' AND upper(c.valid) - 1 BETWEEN %s AND %s ORDER BY e.id"""


def own_renewals(*, actor: Actor, at: datetime) -> list[OwnRenewal]:
    """The children's places whose contract ends soon: does the child go on? An audited read.

    Raises:
        Forbidden: the actor is no guardian.
    """
    today = local_day(at)
    children = people.own_child_ids(guardian_of(actor), today)
    found = rows(_OWN, [children, today, today + AHEAD])
    named = names(actor, Action.READ_OWN, ("enrolment", [row[0] for row in found]), {row[2] for row in found}, at)
    words = renewal_words([row[0] for row in found])
    return [
        OwnRenewal(i, uuid, child_id, named.get(child_id, ERASED_NAME), code, activity, last, _word(words.get(i)))
        for i, uuid, child_id, code, activity, last in found
    ]
