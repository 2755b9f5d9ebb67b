"""Groups with their timetables: opened in batches under a contract. What runs is changed by the room `changes`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID

from django.conf import settings
from django.db import transaction

from qosymsha.domain.people import queries as people
from qosymsha.domain.people.rules import refuse_person, tidy
from qosymsha.domain.programmes import queries as programmes
from qosymsha.domain.programmes.rules import Rules
from qosymsha.domain.providers import queries, steps
from qosymsha.domain.providers.access import ALLOWED, Action
from qosymsha.domain.providers.models import Provider, Venue
from qosymsha.domain.providers.queries import AccreditationFacts, ContractFacts
from qosymsha.domain.providers.queries.staff import working_at
from qosymsha.domain.providers.rules import (
    GroupDraft,
    GroupFacts,
    ProviderRefusal,
    Slot,
    is_teacher_busy,
    is_venue_full,
    refuse_group,
    refuse_tariff,
)
from qosymsha.domain.providers.states import AccreditationState, ContractState, Topic
from qosymsha.kernel import audit, idempotency, locks, outbox
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.errors import Refused, RowOutcome

_SUBJECT = "group"


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A draft that stands so far, with its place in the batch."""

    row: int
    opening: steps.Opening


@dataclass(frozen=True, slots=True)
class _Ground:
    """What the drafts are judged against; read once for the whole batch."""

    kinds: Mapping[str, str]
    contracts: Sequence[ContractFacts]
    accreditations: Mapping[int, AccreditationFacts]
    rules: Mapping[tuple[int, date], Rules | None]
    districts: Mapping[int, frozenset[int]]
    existing: Mapping[str, GroupFacts]
    staff: Collection[int]


@dataclass(slots=True)
class _Book:
    """Who teaches when and how full each venue is; ids of what is not stored yet are negative."""

    teachers: dict[str, int]
    venues: dict[tuple[int, str], tuple[int, int]]
    by_teacher: dict[int, list[Slot]] = field(default_factory=lambda: defaultdict(list))
    by_venue: dict[int, list[Slot]] = field(default_factory=lambda: defaultdict(list))
    children: dict[int, int] = field(default_factory=dict)

    def take(self, candidate: _Candidate) -> ProviderRefusal | None:
        """Write the group's lessons down, or say what stands in the way."""
        draft = candidate.opening.draft
        group, person, place = -1 - candidate.row, tidy(draft.teacher).iin or "", steps.venue_key(draft)
        teacher = draft.teacher_id or self.teachers.get(person, group)
        venue, room = self.venues.get(place, (group, draft.venue.capacity))
        wanted = [
            Slot(group, teacher, venue, s.weekday, s.starts, s.ends, draft.first_day, candidate.opening.last_day)
            for s in draft.slots
        ]
        if is_teacher_busy(wanted, self.by_teacher[teacher]):
            return ProviderRefusal.TEACHER_BUSY
        if is_venue_full(wanted, self.by_venue[venue], self.children, draft.capacity, room):
            return ProviderRefusal.VENUE_FULL
        self.venues[place] = (venue, room)
        if draft.teacher_id is None:
            self.teachers[person] = teacher
        self.by_teacher[teacher] += wanted
        self.by_venue[venue] += wanted
        self.children[group] = draft.capacity
        return None


@transaction.atomic(durable=True)
def open_groups(
    *, actor: Actor, provider_id: int, groups: Sequence[GroupDraft], at: datetime, key: UUID
) -> list[RowOutcome]:
    """Open a provider's groups; each outcome's id is the group's. A group loaded again as it is gets its first id.

    The number of statements does not depend on the number of groups (one or two more for each further first day).

    Raises:
        Forbidden: the actor may not, for this provider.
        Refused: provider_unknown; key_reused.
    """
    provider = Provider.objects.filter(id=provider_id).first()
    require(
        actor,
        Action.OPEN_GROUPS,
        ALLOWED,
        territory_id=provider.territory_id if provider else None,
        provider_id=provider_id,
    )
    if provider is None:
        raise Refused(ProviderRefusal.PROVIDER_UNKNOWN, provider_id=provider_id)
    locks.exclusive("providers.timetable")  # a teacher may be shared by two providers
    body = [provider_id, [str(draft) for draft in groups]]
    seen = idempotency.repeat(actor=actor, verb="open_groups", key=key, body=body, at=at)
    if seen is not None:
        return idempotency.outcomes_of(seen, ProviderRefusal)
    outcomes = _open(provider_id, groups, local_day(at))
    made = sorted({o.id for o in outcomes if o.id is not None and o.detail != _STANDS})
    audit.record(
        actor=actor,
        at=at,
        action=Action.OPEN_GROUPS,
        subject_kind=_SUBJECT,
        subject_ids=made,
        territory_id=provider.territory_id,
        detail={"provider_id": provider_id},
    )
    outbox.tell(topic=Topic.GROUP_OPENED, subject_kind=_SUBJECT, subject_ids=made, at=at)
    idempotency.keep(actor=actor, verb="open_groups", key=key, outcome=idempotency.outcome_rows(outcomes))
    return outcomes


_STANDS = "stands already"


def _open(provider_id: int, drafts: Sequence[GroupDraft], today: date) -> list[RowOutcome]:
    ground = _ground(provider_id, drafts)
    judged = [_judged(row, draft, ground, today) for row, draft in enumerate(drafts)]
    judged = _without_repeats(judged)
    book = _book(provider_id, [j.opening for j in judged if isinstance(j, _Candidate)])
    settled = [_placed(j, book) if isinstance(j, _Candidate) else j for j in judged]
    accepted = [s for s in settled if isinstance(s, _Candidate)]
    ids = steps.store_groups(provider_id, [a.opening for a in accepted]) if accepted else []
    stored = {a.opening.draft.code: group_id for a, group_id in zip(accepted, ids, strict=True)}
    return [_outcome(s, stored, drafts) for s in settled]


def _placed(candidate: _Candidate, book: _Book) -> _Candidate | RowOutcome:
    reason = book.take(candidate)
    return candidate if reason is None else RowOutcome(candidate.row, reason=reason)


def _outcome(settled: _Candidate | RowOutcome, ids: Mapping[str, int], drafts: Sequence[GroupDraft]) -> RowOutcome:
    if isinstance(settled, _Candidate):
        return RowOutcome(settled.row, ids[settled.opening.draft.code])
    if settled.id is None and settled.reason is None:  # the twin of an earlier row shares its fate
        found = ids.get(drafts[settled.row].code)
        return RowOutcome(settled.row, found, None if found else ProviderRefusal.CODE_TAKEN, settled.detail)
    return settled


def _ground(provider_id: int, drafts: Sequence[GroupDraft]) -> _Ground:
    contracts = [c for c in queries.contracts_of_provider(provider_id) if c.state == ContractState.SIGNED]
    programme_ids = {c.programme_id for c in contracts}
    days = {draft.first_day for draft in drafts}
    below = people.territories_below({c.territory_id for c in contracts})
    codes = queries.groups_by_code(provider_id, {draft.code for draft in drafts})
    facts = queries.group_facts(codes.values())
    return _Ground(
        kinds=programmes.activity_kinds(),
        contracts=contracts,
        accreditations={p: a for p in programme_ids for a in queries.accreditations_of([provider_id], p).values()},
        rules={(p, day): _rules(p, day) for p in programme_ids for day in days},
        districts={c.id: below[c.territory_id] for c in contracts},
        existing={code: facts[group_id] for code, group_id in codes.items()},
        staff=working_at(provider_id) if any(draft.teacher_id for draft in drafts) else (),
    )


def _rules(programme_id: int, day: date) -> Rules | None:
    try:
        return programmes.rules_in_force(programme_id, day).rules
    except Refused:
        return None


def _judged(row: int, draft: GroupDraft, ground: _Ground, today: date) -> _Candidate | RowOutcome:
    standing = ground.existing.get(draft.code)
    if standing is not None:
        is_same = _facts_of(draft) == _facts_of_stored(standing)
        return RowOutcome(row, standing.id, detail=_STANDS) if is_same else _refused(row, ProviderRefusal.CODE_TAKEN)
    reason = refuse_group(draft) or _refuse_teacher(draft, ground, today)
    kind = ground.kinds.get(draft.activity)
    if reason is not None or kind is None:
        return _refused(row, reason or ProviderRefusal.ACTIVITY_UNKNOWN)
    contract = _contract(draft, kind, ground.contracts)
    if contract is None:
        return _refused(row, ProviderRefusal.NO_CONTRACT)
    reason = _refuse_place(draft, contract, ground) or _refuse_price(draft, kind, contract, ground)
    if reason is not None:
        return _refused(row, reason)
    return _Candidate(row, steps.Opening(draft, contract, kind, draft.last_day or contract.last_day))


def _refused(row: int, reason: ProviderRefusal) -> RowOutcome:
    return RowOutcome(row, reason=reason)


def _facts_of(d: GroupDraft) -> tuple[object, ...]:
    numbers = (d.age_min, d.age_max, d.capacity, d.unit_tariff_tiyn, d.units_per_month)
    return (d.activity, d.language, d.first_day, *numbers)


def _facts_of_stored(g: GroupFacts) -> tuple[object, ...]:
    numbers = (g.age_min, g.age_max, g.capacity, g.unit_tariff_tiyn, g.units_per_month)
    return (g.activity, g.language, g.first_day, *numbers)


def _refuse_teacher(draft: GroupDraft, ground: _Ground, today: date) -> ProviderRefusal | None:
    if draft.teacher_id is not None:
        return None if draft.teacher_id in ground.staff else ProviderRefusal.TEACHER_UNKNOWN
    fault = refuse_person(tidy(draft.teacher), today=today, synthetic_allowed=settings.SYNTHETIC_PEOPLE_ALLOWED)
    return ProviderRefusal.TEACHER_UNREADABLE if fault else None


def _contract(draft: GroupDraft, kind: str, contracts: Sequence[ContractFacts]) -> ContractFacts | None:
    """The one contract of the activity's kind that covers the group's days; None too where it is not clear which."""
    fitting = [
        c
        for c in contracts
        if c.kind == kind
        and draft.contract_id in (None, c.id)
        and c.first_day <= draft.first_day
        and (c.last_day is None or max(draft.first_day, draft.last_day or draft.first_day) <= c.last_day)
    ]
    return fitting[0] if len(fitting) == 1 else None


def _refuse_place(draft: GroupDraft, contract: ContractFacts, ground: _Ground) -> ProviderRefusal | None:
    facts = ground.accreditations.get(contract.programme_id)
    if facts is None or facts.state != AccreditationState.ACCREDITED or facts.first_day is None:
        return ProviderRefusal.NOT_ACCREDITED
    if draft.first_day < facts.first_day or (facts.last_day is not None and facts.last_day < draft.first_day):
        return ProviderRefusal.NOT_ACCREDITED
    is_inside = draft.venue.district_id in ground.districts[contract.id]
    return None if is_inside else ProviderRefusal.DISTRICT_UNKNOWN


def _refuse_price(draft: GroupDraft, kind: str, contract: ContractFacts, ground: _Ground) -> ProviderRefusal | None:
    rules = ground.rules[contract.programme_id, draft.first_day]
    return ProviderRefusal.NO_RULES if rules is None else refuse_tariff(draft, kind, rules)


def _without_repeats(judged: Sequence[_Candidate | RowOutcome]) -> list[_Candidate | RowOutcome]:
    """A code named twice: the same group is one group; another group under it is refused."""
    first: dict[str, _Candidate] = {}
    kept: list[_Candidate | RowOutcome] = []
    for verdict in judged:
        if isinstance(verdict, RowOutcome):
            kept.append(verdict)
            continue
        twin = first.setdefault(verdict.opening.draft.code, verdict)
        if twin is verdict:
            kept.append(verdict)
        elif twin.opening.draft == verdict.opening.draft:
            kept.append(RowOutcome(verdict.row, detail=f"same as row {twin.row}"))
        else:
            kept.append(_refused(verdict.row, ProviderRefusal.CODE_TAKEN))
    return kept


def _book(provider_id: int, openings: Sequence[steps.Opening]) -> _Book:
    iins = {tidy(o.draft.teacher).iin or "" for o in openings if o.draft.teacher_id is None}
    chosen = {o.draft.teacher_id for o in openings if o.draft.teacher_id is not None}
    venues = Venue.objects.filter(provider_id=provider_id)
    book = _Book(
        teachers=people.by_iin(steps.TEACHER, iins),
        venues={(v.district_id, v.address_ru): (v.id, v.capacity) for v in venues},
    )
    in_venues = queries.slots_in_venues([venue_id for venue_id, _ in book.venues.values()])
    for slot in in_venues:
        book.by_venue[slot.venue_id].append(slot)
    for slot in queries.slots_of_teachers({*book.teachers.values(), *chosen}):
        book.by_teacher[slot.teacher_id].append(slot)
    facts = queries.group_facts({slot.group_id for slot in in_venues})
    book.children = {group_id: group.capacity for group_id, group in facts.items()}
    return book
