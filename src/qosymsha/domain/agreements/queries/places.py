"""A place as this room's verbs judge it. For commands: what is shown to people goes through audited queries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from qosymsha.domain.agreements.queries.asked import rows
from qosymsha.domain.agreements.rules import (
    LOOKAHEAD,
    PaperFacts,
    PaperStanding,
    PlaceNow,
    is_overdue,
    paper_standings,
)
from qosymsha.domain.people import queries as people
from qosymsha.domain.programmes import queries as programmes
from qosymsha.domain.programmes.agreement_rules import Agreements
from qosymsha.domain.programmes.rules import Calendar
from qosymsha.domain.providers.states import GroupState
from qosymsha.domain.vouchers.rules import whole_years
from qosymsha.kernel.clock import local_day


@dataclass(frozen=True, slots=True)
class Place:
    """A place with its voucher's rule set, its group's ages and state, and its contract's last day to sign."""

    id: int
    uuid: UUID
    voucher_id: int
    child_id: int
    group_id: int
    provider_id: int
    territory_id: int
    programme_id: int
    rule_set_id: int
    state: str
    starts_on: date
    created_at: datetime
    kind: str
    age_min: int
    age_max: int
    group_state: str
    group_last: date | None
    sign_by: date | None
    family_signed: bool

    @property
    def taken_on(self) -> date:
        """The day the place was taken."""
        return local_day(self.created_at)


_PLACE = """
SELECT e.id, e.uuid, e.voucher_id, e.child_id, e.group_id, e.provider_id, e.territory_id, e.programme_id, v.rule_set_id,
       e.state, e.starts_on, e.created_at, g.kind, g.age_min, g.age_max, g.state, upper(g.valid) - 1, f.sign_by,
       EXISTS (SELECT FROM family_contract_signature s WHERE s.contract_id = f.id AND s.side = 'family')
  FROM enrolment e JOIN voucher v ON v.id = e.voucher_id JOIN club_group g ON g.id = e.group_id
  LEFT JOIN family_contract f ON f.enrolment_id = e.id WHERE """


def places(enrolment_ids: Collection[int]) -> dict[int, Place]:
    """Places by id; unknown ones are left out."""
    found = rows(_PLACE + "e.id = ANY (%s)", [list(enrolment_ids)])
    return {row[0]: Place(*row) for row in found}


def agreements_of(rule_set_id: int) -> Agreements:
    """What a rule set says of families and providers."""
    return programmes.rules_of(rule_set_id).rules.agreements


def calendar_from(territory_id: int, first: date) -> Calendar:
    """The working days that any timer begun on or after a day may reach."""
    return programmes.calendar(territory_id, first, first + LOOKAHEAD * 2)


_PAPERS = """
SELECT p.child_id, p.code, p.state, p.valid_until FROM enrolment_paper p
  JOIN unnest(%s::bigint[], %s::bigint[]) AS asked (child_id, provider_id) USING (child_id, provider_id)
 ORDER BY p.id DESC"""


def papers_brought(pairs: Collection[tuple[int, int]]) -> dict[int, list[PaperFacts]]:
    """Child → its papers at the provider of its pair (child, provider), newest first."""
    found: dict[int, list[PaperFacts]] = defaultdict(list)
    asked = sorted(set(pairs))
    for child_id, *paper in rows(_PAPERS, [[c for c, _ in asked], [p for _, p in asked]]):
        found[child_id].append(PaperFacts(*paper))
    return found


def standings(found: Sequence[Place], today: date) -> dict[int, list[PaperStanding]]:
    """Place → how its child stands with each paper asked."""
    if not found:
        return {}
    brought = papers_brought([(p.child_id, p.provider_id) for p in found])
    first = min(p.taken_on for p in found)
    calendars: Mapping[int, Calendar] = {t: calendar_from(t, first) for t in sorted({p.territory_id for p in found})}
    rules = {i: agreements_of(i) for i in sorted({p.rule_set_id for p in found})}
    return {
        p.id: paper_standings(
            rules[p.rule_set_id].papers_for(p.kind), brought.get(p.child_id, []), p.taken_on, today,
            calendars[p.territory_id],
        )
        for p in found
    }  # fmt: skip


def place_now(place: Place, today: date) -> PlaceNow:
    """What the grounds of a refusal are judged by."""
    born = people.birth_dates([place.child_id]).get(place.child_id)
    terms = agreements_of(place.rule_set_id).contract
    is_unsigned = place.sign_by is not None and is_overdue(terms, place.sign_by, place.family_signed, today)
    is_over = place.group_last is not None and place.group_last < today
    return PlaceNow(
        taken_on=place.taken_on,
        age=None if born is None else whole_years(born, place.starts_on),
        age_min=place.age_min,
        age_max=place.age_max,
        is_group_closed=place.group_state == GroupState.CLOSED or is_over,
        papers=standings([place], today)[place.id],
        unsigned_since=place.sign_by if is_unsigned else None,
    )
