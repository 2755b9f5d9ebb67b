"""Absences announced by families; long ones: warned, suspended, heard, and only then released."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from django.db import transaction

from qosymsha.domain.attendance import queries, steps
from qosymsha.domain.attendance.access import ALLOWED, Action
from qosymsha.domain.attendance.queries.departments import of_others
from qosymsha.domain.attendance.rules import (
    ABSENCE_REASONS,
    LIVE_CASES,
    AbsenceRefusal,
    CaseDecision,
    CaseFacts,
    Notice,
    next_step,
    refuse_notice,
)
from qosymsha.domain.attendance.states import AbsenceState, Topic
from qosymsha.domain.people import queries as people
from qosymsha.domain.programmes import queries as programmes
from qosymsha.domain.vouchers import steps as vouchers
from qosymsha.domain.vouchers.access import may_speak
from qosymsha.domain.vouchers.rules import outcomes_of, packed, repeated, unpacked
from qosymsha.domain.vouchers.states import CloseReason, VoucherState
from qosymsha.domain.vouchers.states import Topic as VoucherTopic
from qosymsha.domain.vouchers.steps import Deed, begin, keep, record
from qosymsha.kernel import locks
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.errors import Refused, RowOutcome


@dataclass(frozen=True, slots=True)
class Watched:
    """How many places the daily look at absences warned, suspended, released; back: children who came again."""

    warned: int = 0
    suspended: int = 0
    released: int = 0
    back: int = 0


@transaction.atomic(durable=True)
def announce_absence(*, actor: Actor, notice: Notice, at: datetime, key: UUID) -> int:
    """A guardian announces that a child is ill or away, and by which paper; the announcement's id.

    Raises:
        Forbidden: the actor may not bring guardians' words at all.
        Refused: an `AbsenceRefusal`.
    """
    require(actor, Action.ANNOUNCE, ALLOWED)
    deed = Deed(actor, Action.ANNOUNCE, at, key)
    seen = begin(deed, {name: str(value) for name, value in asdict(notice).items()})
    if seen is not None:
        return int(seen["id"])
    place = queries.child_of_place(notice.enrolment_id)
    if place is None:
        raise Refused(AbsenceRefusal.UNKNOWN_PLACE)
    _require_guardian(deed, notice.guardian_id, place[0], place[1])
    reason = refuse_notice(notice, deed.today)
    if reason is not None:
        raise Refused(reason)
    notice_id = steps.write_notice(deed, notice, place)
    record(deed, Topic.ABSENCE_ANNOUNCED, "absence_notice", [notice_id], place[1], by={notice_id: notice.guardian_id})
    keep(deed, {"id": notice_id})
    return notice_id


@transaction.atomic(durable=True)
def watch_absences(*, actor: Actor, programme_id: int, on: date, at: datetime, key: UUID) -> Watched:
    """Look at a programme's absences once a day: warn, suspend, and release where a hearing passed unheard.

    Nothing harmful comes first: a warning before a suspension, a suspension and the rule's working days before a
    release, and no release while an objection waits for a person. Who came again is left in peace.

    Raises:
        Forbidden: the actor is not the clock.
    """
    require(actor, Action.WATCH, ALLOWED)
    deed = Deed(actor, Action.WATCH, at, key)
    locks.exclusive(f"attendance.absences.{programme_id}")
    seen = begin(deed, [programme_id, on.isoformat()])
    if seen is not None:
        return Watched(**seen)
    terms = programmes.rules_in_force(programme_id, on).rules.absences
    missing = {m.enrolment_id: m for m in queries.missing(programme_id, on, terms)}
    cases = {c.enrolment_id: c for c in queries.live_cases(programme_id)}
    live = queries.live_places(list(cases))
    over = [c for place, c in cases.items() if place not in live]
    due: dict[AbsenceState, list[CaseFacts]] = {state: [] for state in AbsenceState}
    for place, case in cases.items():
        missed = missing[place].missed if place in missing else 0
        step = next_step(case, missed, on, terms) if place in live else None
        if step is not None:
            due[step].append(case)
    steps.move_cases(deed, [c.id for c in over], AbsenceState.OVER)
    fresh = [m for place, m in missing.items() if place not in cases]
    warned = steps.open_cases(deed, programme_id, fresh)
    record(deed, Topic.ABSENCE_WARNED, "absence_case", warned)
    missed_by_case = {c.id: missing[c.enrolment_id].missed for c in due[AbsenceState.SUSPENDED]}
    _suspend(deed, due[AbsenceState.SUSPENDED], missed_by_case, terms.hearing_working_days)
    _release(deed, due[AbsenceState.RELEASED])
    _resume(deed, due[AbsenceState.BACK], AbsenceState.BACK)
    watched = Watched(
        len(warned),
        len(due[AbsenceState.SUSPENDED]),
        len(due[AbsenceState.RELEASED]),
        len(due[AbsenceState.BACK]),
    )
    keep(deed, asdict(watched))
    return watched


@transaction.atomic(durable=True)
def object_to_absence(  # noqa: PLR0913 (which case, who speaks, what; and the envelope of every verb)
    *, actor: Actor, case_id: int, guardian_id: int, reason: str, at: datetime, key: UUID
) -> None:
    """The family speaks up in the hearing: nothing is released until a person has decided.

    Raises:
        Forbidden: the actor may not bring guardians' words at all.
        Refused: an `AbsenceRefusal`.
    """
    require(actor, Action.OBJECT, ALLOWED)
    deed = Deed(actor, Action.OBJECT, at, key)
    if begin(deed, [case_id, guardian_id, reason]) is not None:
        return
    steps.lock_cases([case_id])
    case = queries.cases([case_id]).get(case_id)
    place = queries.child_of_place(case.enrolment_id) if case is not None else None
    if case is None or place is None:
        raise Refused(AbsenceRefusal.UNKNOWN_CASE)
    _require_guardian(deed, guardian_id, place[0], place[1])
    if case.state not in LIVE_CASES:
        raise Refused(AbsenceRefusal.CASE_CLOSED)
    if case.objection:
        raise Refused(AbsenceRefusal.ALREADY_OBJECTED)
    if not reason.strip():
        raise Refused(AbsenceRefusal.REASON_MISSING)
    steps.write_objection(case_id, guardian_id, reason)
    record(deed, Topic.ABSENCE_OBJECTED, "absence_case", [case_id], case.territory_id, by={case_id: guardian_id})
    keep(deed, {"done": True})


@transaction.atomic(durable=True)
def decide_absences(*, actor: Actor, decisions: Sequence[CaseDecision], at: datetime, key: UUID) -> list[RowOutcome]:
    """A checker lets places stand or releases them, on evidence. Ids are cases.

    Raises:
        Forbidden: the actor is no checker.
    """
    require(actor, Action.DECIDE_ABSENCE, ALLOWED)
    deed = Deed(actor, Action.DECIDE_ABSENCE, at, key)
    seen = begin(deed, [[d.case_id, d.is_kept, d.evidence] for d in decisions])
    if seen is not None:
        return unpacked(seen, ABSENCE_REASONS)
    steps.lock_cases([d.case_id for d in decisions])
    others = of_others(actor, ALLOWED[Action.DECIDE_ABSENCE], "absence_case", [d.case_id for d in decisions])
    cases = queries.cases([d.case_id for d in decisions if d.case_id not in others])
    refused: dict[int, StrEnum] = dict.fromkeys(repeated(d.case_id for d in decisions), AbsenceRefusal.NAMED_TWICE)
    for row, decision in enumerate(decisions):
        reason = _refuse_decision(deed, cases.get(decision.case_id), decision)
        if reason is not None:
            refused.setdefault(row, reason)
    chosen = {row: d for row, d in enumerate(decisions) if row not in refused}
    steps.write_case_evidence([(d.case_id, d.evidence) for d in chosen.values()])
    _resume(deed, [cases[d.case_id] for d in chosen.values() if d.is_kept], AbsenceState.KEPT)
    _release(deed, [cases[d.case_id] for d in chosen.values() if not d.is_kept])
    outcomes = outcomes_of(len(decisions), {row: d.case_id for row, d in chosen.items()}, refused)
    keep(deed, packed(outcomes))
    return outcomes


def _refuse_decision(deed: Deed, case: CaseFacts | None, decision: CaseDecision) -> AbsenceRefusal | None:
    if case is None or not deed.actor.holds(ALLOWED[Action.DECIDE_ABSENCE], territory_id=case.territory_id):
        return AbsenceRefusal.UNKNOWN_CASE
    is_open = case.state in LIVE_CASES if decision.is_kept else case.state == AbsenceState.SUSPENDED
    if not is_open:  # a place that was only warned is not released by anybody
        return AbsenceRefusal.CASE_CLOSED
    return None if decision.evidence.strip() else AbsenceRefusal.EVIDENCE_MISSING


def _require_guardian(deed: Deed, guardian_id: int, child_id: int, territory_id: int) -> None:
    is_ward = bool(people.wards([(guardian_id, child_id)], deed.today))
    if not is_ward or not may_speak(deed.actor, guardian_id, territory_id):
        raise Refused(AbsenceRefusal.NOT_GUARDIAN)


def _suspend(deed: Deed, cases: Sequence[CaseFacts], missed: dict[int, int], working_days: int) -> None:
    if not cases:
        return
    ids = [c.id for c in cases]
    ends = {t: _hearing_ends(t, deed.today, working_days) for t in sorted({c.territory_id for c in cases})}
    until = {c.id: ends[c.territory_id] for c in cases}
    steps.set_hearings(ids, [missed[i] for i in ids], until)
    steps.move_cases(deed, ids, AbsenceState.SUSPENDED)
    found = vouchers.lock_vouchers([c.voucher_id for c in cases])
    active = [v.id for v in found.values() if v.state == VoucherState.ACTIVE]
    vouchers.move_vouchers(
        active,
        VoucherState.SUSPENDED,
        reason=CloseReason.ABSENT.value,
        cause=deed.action.value,
        actor=deed.actor,
        at=deed.at,
    )
    record(deed, VoucherTopic.SUSPENDED, "voucher", active)
    record(deed, Topic.ABSENCE_SUSPENDED, "absence_case", ids)


def _hearing_ends(territory_id: int, today: date, working_days: int) -> date:
    return programmes.calendar(territory_id, today, today + timedelta(days=120)).add_working_days(today, working_days)


def _release(deed: Deed, cases: Sequence[CaseFacts]) -> None:
    if not cases:
        return
    ids = [c.id for c in cases]
    steps.move_cases(deed, ids, AbsenceState.RELEASED)
    found = vouchers.lock_vouchers([c.voucher_id for c in cases])
    going = [v for v in found.values() if v.state in (VoucherState.ACTIVE, VoucherState.SUSPENDED)]
    last_day = deed.today - timedelta(days=1)
    vouchers.release(deed, going, dict.fromkeys((v.id for v in going), last_day), CloseReason.ABSENT.value)
    record(deed, VoucherTopic.RELEASED, "voucher", [v.id for v in going])
    record(deed, Topic.ABSENCE_RELEASED, "absence_case", ids)


def _resume(deed: Deed, cases: Sequence[CaseFacts], to_state: AbsenceState) -> None:
    if not cases:
        return
    steps.move_cases(deed, [c.id for c in cases], to_state)
    stood = [c.voucher_id for c in cases if c.state == AbsenceState.SUSPENDED]
    found = vouchers.lock_vouchers(stood)
    back = [v.id for v in found.values() if v.state == VoucherState.SUSPENDED]
    vouchers.move_vouchers(back, VoucherState.ACTIVE, reason="", cause=deed.action.value, actor=deed.actor, at=deed.at)
    if back:
        record(deed, VoucherTopic.RESUMED, "voucher", back)
    record(deed, Topic.ABSENCE_OVER, "absence_case", [c.id for c in cases])
