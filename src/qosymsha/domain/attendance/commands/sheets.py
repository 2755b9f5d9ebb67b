"""The month sheet on its way: to the parents, who speak row by row; to the customer; to payment."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from django.db import transaction

from qosymsha.domain.attendance import queries, steps
from qosymsha.domain.attendance.access import ALLOWED, Action
from qosymsha.domain.attendance.queries import RowFacts, SheetFacts, sent_months, sessions_of
from qosymsha.domain.attendance.queries.departments import of_others
from qosymsha.domain.attendance.rules import (
    REASONS,
    SHEET_REASONS,
    AttendanceRefusal,
    Decision,
    HeldDay,
    RowSaid,
    SheetRefusal,
    Trace,
    Word,
    dispute_cause,
    objects,
    refuse_approval,
    refuse_decision,
    refuse_proof,
    refuse_word,
)
from qosymsha.domain.attendance.states import HoldKind, SessionState, SheetState, Topic, TraceKind, WordState
from qosymsha.domain.people import queries as people
from qosymsha.domain.people.rules import Proof
from qosymsha.domain.people.states import Role
from qosymsha.domain.programmes import queries as programmes
from qosymsha.domain.vouchers.access import may_speak
from qosymsha.domain.vouchers.rules import outcomes_of, repeated, unpacked
from qosymsha.domain.vouchers.steps import Deed, begin, conclude
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.errors import Refused, RowOutcome


@transaction.atomic(durable=True)
def send_sheets(*, actor: Actor, provider_id: int, month: date, at: datetime, key: UUID) -> list[RowOutcome]:
    """Close the month of each of the provider's groups: a hashed sheet with a row per marked child goes to the parents.

    One outcome per group with lessons in the month, by group id; ids are sheets, `detail` is the group's id. From now
    on the month takes no marks.

    Raises:
        Forbidden: the actor is not this provider's manager.
    """
    require(actor, Action.SEND, ALLOWED, provider_id=provider_id)
    deed, month = Deed(actor, Action.SEND, at, key), month.replace(day=1)
    steps.lock_marks(provider_id)
    seen = begin(deed, [provider_id, month.isoformat()])
    if seen is not None:
        return _named(unpacked(seen, REASONS), seen["groups"])
    sessions = sessions_of(provider_id, month)
    groups = sorted({s.group_id for s in sessions})
    to_come = {s.group_id for s in sessions if s.starts_at > at and s.state == SessionState.PLANNED}
    sent = {group_id for group_id, sent_month in sent_months(groups) if sent_month == month}
    drawn = steps.draw_sheets(deed, provider_id, [g for g in groups if g not in to_come | sent], month)
    refused: dict[int, StrEnum] = {}
    for row, group_id in enumerate(groups):
        if group_id in sent:
            refused[row] = AttendanceRefusal.SHEET_SENT
        elif group_id in to_come:
            refused[row] = AttendanceRefusal.LESSONS_TO_COME
        elif group_id not in drawn:
            refused[row] = AttendanceRefusal.NO_MARKS
    ids = {row: drawn[group_id] for row, group_id in enumerate(groups) if group_id in drawn}
    outcomes = conclude(deed, Topic.SENT, "month_sheet", outcomes_of(len(groups), ids, refused), groups=groups)
    return _named(outcomes, groups)


def _named(outcomes: Sequence[RowOutcome], groups: Sequence[int]) -> list[RowOutcome]:
    return [RowOutcome(o.row, o.id, o.reason, str(g)) for o, g in zip(outcomes, groups, strict=True)]


@transaction.atomic(durable=True)
def confirm_rows(*, actor: Actor, words: Sequence[Word], at: datetime, key: UUID) -> list[RowOutcome]:
    """The second party speaks: each guardian confirms or disputes a child's row, or days of it. Ids are rows.

    Silence never confirms. A guardian who speaks for herself needs a fresh second factor; of a channel's and a clerk's
    words the way is stored. Disputed days are held back until somebody decides. A sheet on which everybody has spoken
    goes on to the customer.

    Raises:
        Forbidden: the actor may not bring guardians' words at all.
    """
    require(actor, Action.CONFIRM, ALLOWED)
    return _hear(Deed(actor, Action.CONFIRM, at, key), words)


@transaction.atomic(durable=True)
def confirm_month(*, actor: Actor, word: Word, at: datetime, key: UUID) -> None:
    """A guardian confirms one child's month, disputes days of it or the whole, or takes a dispute back.

    Raises:
        Forbidden: the actor may not bring guardians' words at all.
        Refused: `proof_missing`, `proof_stale`, and whatever refuses a row of `confirm_rows`; nothing is stored.
    """
    require(actor, Action.CONFIRM, ALLOWED)
    (outcome,) = _hear(Deed(actor, Action.CONFIRM, at, key), [word])
    if outcome.reason is not None:
        raise Refused(outcome.reason)


def _hear(deed: Deed, words: Sequence[Word]) -> list[RowOutcome]:
    seen = begin(deed, [[w.row_id, w.guardian_id, w.word, w.reason, list(w.days)] for w in words])
    if seen is not None:
        return unpacked(seen, SHEET_REASONS)
    found, sheets = steps.lock_rows([w.row_id for w in words])
    words = _by_days(words, found)
    facts = _hearing(deed, words, found, sheets)
    refused: dict[int, StrEnum] = dict.fromkeys(repeated(w.row_id for w in words), AttendanceRefusal.NAMED_TWICE)
    said: dict[int, tuple[Word, Proof]] = {}
    for row, word in enumerate(words):
        if row in refused:
            continue
        proof = _proof(deed, word)
        reason = _refuse_word(deed, word, facts)
        if reason is None and proof is not None:
            said[row] = word, proof
        else:
            refused[row] = reason or SheetRefusal.PROOF_MISSING
    _store_words(deed, list(said.values()), facts)
    steps.pass_spoken(deed, list(sheets.values()))
    ids = {row: word.row_id for row, (word, _) in said.items()}
    by = [word.guardian_id for word in words]
    return conclude(deed, Topic.SPOKEN, "sheet_row", outcomes_of(len(words), ids, refused), by=by)


def _by_days(words: Sequence[Word], found: Mapping[int, RowFacts]) -> list[Word]:
    """Who disputes a whole month that the other guardian has confirmed disputes each of its days."""
    whole = {
        w.row_id
        for w in words
        if w.word == WordState.DISPUTED and w.row_id in found and objects(w, _so_far(w, found[w.row_id]))
    }
    days = queries.days_of_rows(sorted(whole)) if whole else {}
    return [
        replace(w, word=WordState.CONFIRMED.value, days=days.get(w.row_id, ())) if w.row_id in whole else w
        for w in words
    ]


def _so_far(word: Word, row: RowFacts) -> RowSaid:
    return RowSaid(row.word, row.sheet_state, is_own=row.confirmed_by in (None, word.guardian_id))


@dataclass(frozen=True, slots=True)
class _Hearing:
    """What a batch of words is judged by: rows and sheets by id, wards, minutes a proof is fresh by sheet, days."""

    rows: Mapping[int, RowFacts]
    sheets: Mapping[int, SheetFacts]
    wards: set[tuple[int, int]]
    proof_minutes: Mapping[int, int]
    disputed: Mapping[int, Mapping[int, int]]
    objected: Mapping[int, set[tuple[int, int]]]
    present: Mapping[int, set[int]]


def _hearing(
    deed: Deed, words: Sequence[Word], found: Mapping[int, RowFacts], sheets: Mapping[int, SheetFacts]
) -> _Hearing:
    terms = {(s.programme_id, s.month): 0 for s in sheets.values()}
    for about in terms:
        terms[about] = programmes.rules_in_force(*about).rules.confirmation.proof_minutes
    return _Hearing(
        found,
        sheets,
        people.wards([(w.guardian_id, found[w.row_id].child_id) for w in words if w.row_id in found], deed.today),
        {s.id: terms[s.programme_id, s.month] for s in sheets.values()},
        queries.disputed_days([w.row_id for w in words]),
        queries.objected_days([w.row_id for w in words if w.days]),
        queries.present_days([(w.row_id, day) for w in words for day in w.days]),
    )


def _refuse_word(deed: Deed, word: Word, facts: _Hearing) -> StrEnum | None:
    row = facts.rows.get(word.row_id)
    if row is None:
        return AttendanceRefusal.UNKNOWN_ROW
    is_ward = (word.guardian_id, row.child_id) in facts.wards
    if not is_ward or not may_speak(deed.actor, word.guardian_id, row.territory_id):
        return AttendanceRefusal.NOT_GUARDIAN
    said = _said(word, row, facts)
    reason = refuse_word(word, said, facts.present.get(row.id, ()))
    if reason is None and deed.actor.guardian_id == word.guardian_id:
        return refuse_proof(word.proof, deed.at, facts.proof_minutes[row.sheet_id])
    return reason


def _said(word: Word, row: RowFacts, facts: _Hearing) -> RowSaid:
    disputed = facts.disputed.get(row.id, {})
    own = [day for day, guardian_id in disputed.items() if guardian_id == word.guardian_id]
    cause = dispute_cause(facts.sheets[row.sheet_id].version, word.guardian_id)
    objected = [day for day, its in facts.objected.get(row.id, ()) if its == cause]
    return replace(_so_far(word, row), disputed=disputed, own=own, objected=objected)


def _proof(deed: Deed, word: Word) -> Proof | None:
    """The word's own proof; of a clerk the guardian stands before him, of a channel its way is its name."""
    if word.proof is not None or deed.actor.guardian_id == word.guardian_id:
        return word.proof
    return Proof(deed.at, "in_person" if deed.actor.holds({Role.CLERK}) else "channel")


def _store_words(deed: Deed, said: Sequence[tuple[Word, Proof]], facts: _Hearing) -> None:
    objecting = {w.row_id for w, _ in said if objects(w, _said(w, facts.rows[w.row_id], facts))}
    steps.withdraw_disputes(deed, [(w.row_id, w.guardian_id) for w, _ in said if not w.days])
    # A day disputed by the other guardian leaves the first one's confirmation of the rest as it is.
    steps.write_words(deed, [(w, proof) for w, proof in said if w.row_id not in objecting])
    days = [
        HeldDay(
            w.row_id,
            day,
            HoldKind.DISPUTED,
            dispute_cause(
                facts.sheets[facts.rows[w.row_id].sheet_id].version, w.guardian_id if w.row_id in objecting else None
            ),
            w.reason,
            w.guardian_id,
        )
        for w, _ in said
        for day in w.days
    ]
    steps.hold_days(deed, days)
    traces: defaultdict[date, list[tuple[int, int, Trace]]] = defaultdict(list)
    for word, _ in said:
        if word.trace is not None:
            month = facts.sheets[facts.rows[word.row_id].sheet_id].month
            traces[month].append((word.row_id, 0, word.trace))
    for month, left in sorted(traces.items()):
        steps.leave_each(TraceKind.WORD, left, deed.at, month=month)


@transaction.atomic(durable=True)
def decide_rows(*, actor: Actor, decisions: Sequence[Decision], at: datetime, key: UUID) -> list[RowOutcome]:
    """A named officer decides silent or disputed rows on evidence, after the rule's working days. Ids are rows.

    Raises:
        Forbidden: the actor is no checker, or is not a person.
    """
    require(actor, Action.DECIDE, ALLOWED)
    deed = Deed(actor, Action.DECIDE, at, key)
    seen = begin(deed, [[d.row_id, d.is_payable, d.evidence] for d in decisions])
    if seen is not None:
        return unpacked(seen, REASONS)
    found, sheets = steps.lock_rows([d.row_id for d in decisions])
    others = of_others(actor, ALLOWED[Action.DECIDE], "sheet_row", found)
    terms = steps.officer_terms(list(sheets.values()))
    refused: dict[int, StrEnum] = dict.fromkeys(repeated(d.row_id for d in decisions), AttendanceRefusal.NAMED_TWICE)
    decided: dict[int, Decision] = {}
    for number, decision in enumerate(decisions):
        row = None if decision.row_id in others else found.get(decision.row_id)
        if number in refused:
            continue
        if row is None or not actor.holds(ALLOWED[Action.DECIDE], territory_id=row.territory_id):
            refused[number] = AttendanceRefusal.UNKNOWN_ROW
            continue
        officer_from = terms[row.sheet_id].officer_from
        reason = refuse_decision(decision.evidence, row.word, row.sheet_state, officer_from, deed.today)
        if reason is None:
            decided[number] = decision
        else:
            refused[number] = reason
    steps.write_decisions(deed, list(decided.values()))
    steps.pass_spoken(deed, list(sheets.values()))
    ids = {number: decision.row_id for number, decision in decided.items()}
    return conclude(deed, Topic.DECIDED, "sheet_row", outcomes_of(len(decisions), ids, refused))


@transaction.atomic(durable=True)
def approve_sheets(*, actor: Actor, sheet_ids: Sequence[int], at: datetime, key: UUID) -> list[RowOutcome]:
    """The customer approves sheets for payment. Ids are sheets.

    A sheet still with the parents may go on once everybody has spoken or the officer's day has come; its silent rows
    then wait for a later month, where the rules allow partial sheets.

    Raises:
        Forbidden: the actor is no official.
    """
    require(actor, Action.APPROVE, ALLOWED)
    deed = Deed(actor, Action.APPROVE, at, key)
    seen = begin(deed, list(sheet_ids))
    if seen is not None:
        return unpacked(seen, REASONS)
    others = of_others(actor, ALLOWED[Action.APPROVE], "month_sheet", sheet_ids)
    sheets = {
        i: s
        for i, s in steps.lock_sheets(sheet_ids).items()
        if i not in others and actor.holds(ALLOWED[Action.APPROVE], territory_id=s.territory_id)
    }
    refused: dict[int, StrEnum] = dict.fromkeys(repeated(sheet_ids), AttendanceRefusal.NAMED_TWICE)
    refused |= {row: r for row, r in _unapproved(deed, sheet_ids, sheets).items() if row not in refused}
    ids = {row: sheet_id for row, sheet_id in enumerate(sheet_ids) if row not in refused}
    with_parents = [i for i in ids.values() if sheets[i].state == SheetState.WITH_PARENTS]
    steps.move_sheets(deed, with_parents, SheetState.WITH_CUSTOMER)
    steps.move_sheets(deed, list(ids.values()), SheetState.FOR_PAYMENT)
    return conclude(deed, Topic.APPROVED, "month_sheet", outcomes_of(len(sheet_ids), ids, refused))


def _unapproved(deed: Deed, sheet_ids: Sequence[int], sheets: Mapping[int, SheetFacts]) -> dict[int, StrEnum]:
    silent = steps.silent_rows(list(sheets))
    terms = steps.officer_terms([s for s in sheets.values() if s.sent_at is not None])
    refused: dict[int, StrEnum] = {}
    for row, sheet_id in enumerate(sheet_ids):
        sheet = sheets.get(sheet_id)
        if sheet is None or sheet_id not in terms:
            refused[row] = AttendanceRefusal.UNKNOWN_SHEET
            continue
        partial = terms[sheet_id].rules.pay.partial_sheets
        reason = refuse_approval(
            sheet.state,
            silent.get(sheet_id, 0),
            terms[sheet_id].officer_from,
            deed.today,
            is_partial_allowed=partial,
        )
        if reason is not None:
            refused[row] = reason
    return refused
