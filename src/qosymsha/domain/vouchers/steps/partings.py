"""One of two guardians asks what cannot be undone: it waits for the other, who is told, may agree, and may stop it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from django.db import transaction

from qosymsha.domain.people.queries.shared import shared_wards
from qosymsha.domain.programmes import queries as programmes
from qosymsha.domain.vouchers import partings
from qosymsha.domain.vouchers.models import Parting
from qosymsha.domain.vouchers.queries import VoucherFacts, live_enrolments
from qosymsha.domain.vouchers.rules import PartingRefusal, parts_on
from qosymsha.domain.vouchers.states import PartingKind, PartingState, Topic
from qosymsha.domain.vouchers.steps.deeds import Deed, record

_LOOKAHEAD_DAYS = 120
_TOPICS = {PartingState.STOPPED: Topic.PARTING_STOPPED, PartingState.OVER: Topic.PARTING_OVER}


@dataclass(frozen=True, slots=True)
class Said:
    """A guardian's word on a voucher, in the row of its batch: where to, from which day, why."""

    row: int
    voucher: VoucherFacts
    guardian_id: int
    group_id: int | None = None
    on: date | None = None
    reason: str = ""
    waits: bool = False


def hear_others(deed: Deed, kind: PartingKind, said: Sequence[Said]) -> tuple[dict[int, StrEnum], dict[int, int]]:
    """Which words wait for another who speaks for the child (row → why), and which he or she had asked for (→ id).

    A word waits where somebody else speaks for the child and has not asked for the same before. The vouchers are
    locked, so of two guardians at once the second finds the first one's word.
    """
    assert transaction.get_connection().in_atomic_block, "a word waits where it was said"
    pairs = [(one.guardian_id, one.voucher.child_id) for one in said]
    shared = shared_wards(pairs, deed.today)
    if not shared:
        return {}, {}
    before = partings.standing([one.voucher.id for one in said], deed.today)
    refused: dict[int, StrEnum] = {}
    agreed: dict[int, int] = {}
    fresh = []
    for one in said:
        found = before.get(one.voucher.id)
        reason = _judge(kind, one, found, is_shared=(one.guardian_id, one.voucher.child_id) in shared)
        if reason is not None:
            refused[one.row] = reason
        elif found is not None:
            agreed[one.row] = found.id
        if found is None and reason is PartingRefusal.OTHER_MAY_STOP:
            fresh.append(one)
    _ask(deed, kind, fresh)
    return refused, agreed


def _judge(kind: PartingKind, one: Said, found: partings.Parting | None, *, is_shared: bool) -> PartingRefusal | None:
    if not is_shared:
        return None
    if found is None:
        return PartingRefusal.OTHER_MAY_STOP
    is_same = (found.kind, found.group_id) == (kind, one.group_id)
    if found.guardian_id == one.guardian_id:
        return PartingRefusal.OTHER_MAY_STOP if is_same else PartingRefusal.ASKED_BEFORE
    return None if is_same else PartingRefusal.OTHER_ASKED


def _ask(deed: Deed, kind: PartingKind, said: Sequence[Said]) -> None:
    if not said:
        return
    ids = [one.voucher.id for one in said]
    _end(ids, PartingState.OVER, deed, None)  # a word that stands no more makes room
    places = live_enrolments(ids)
    made = Parting.objects.bulk_create(
        Parting(
            territory_id=one.voucher.territory_id,
            programme_id=one.voucher.programme_id,
            voucher_id=one.voucher.id,
            voucher_state=one.voucher.state,
            enrolment_id=places[one.voucher.id].id if one.voucher.id in places else None,
            guardian_id=one.guardian_id,
            kind=kind.value,
            group_id=one.group_id,
            on=one.on,
            reason=one.reason,
            waits=one.waits,
            state=PartingState.WAITING.value,
            asked_at=deed.at,
            takes_on=_takes_on(deed, kind, one),
        )
        for one in said
    )
    by = {one.pk: one.guardian_id for one in made}
    record(deed, Topic.PARTING_ASKED, "parting", list(by), by=by, what=kind.value)


def _takes_on(deed: Deed, kind: PartingKind, one: Said) -> date | None:
    if kind is PartingKind.REFUSE:
        return None
    calendar = programmes.calendar(one.voucher.territory_id, deed.today, deed.today + timedelta(days=_LOOKAHEAD_DAYS))
    days = programmes.rules_of(one.voucher.rule_set_id).rules.timers.accept_working_days
    return parts_on(kind, calendar.add_working_days(deed.today, days), one.on)


def end_partings(deed: Deed, state: PartingState, ids: Iterable[int], by: Mapping[int, int] | None = None) -> None:
    """Words that waited come to their end; `by`: word → the guardian who ended it. The vouchers are locked."""
    ended = sorted(ids)
    if not ended:
        return
    Parting.objects.filter(id__in=ended, state=PartingState.WAITING).update(state=state.value, ended_at=deed.at)
    for parting_id, guardian_id in (by or {}).items():
        Parting.objects.filter(id=parting_id).update(ended_by=guardian_id)
    if state in _TOPICS:
        record(deed, _TOPICS[state], "parting", ended, by=by)


def _end(voucher_ids: Sequence[int], state: PartingState, deed: Deed, guardian_id: int | None) -> None:
    Parting.objects.filter(voucher_id__in=voucher_ids, state=PartingState.WAITING).update(
        state=state.value, ended_at=deed.at, ended_by=guardian_id
    )
