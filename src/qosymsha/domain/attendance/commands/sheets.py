"""The month sheet on its way: to the parents, who speak row by row; to the customer; to payment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from django.db import transaction

from qosymsha.domain.attendance import steps
from qosymsha.domain.attendance.access import ALLOWED, Action
from qosymsha.domain.attendance.queries import RowFacts, SheetFacts, sent_months, sessions_of
from qosymsha.domain.attendance.rules import (
    REASONS,
    AttendanceRefusal,
    Decision,
    Word,
    refuse_approval,
    refuse_decision,
    refuse_word,
)
from qosymsha.domain.attendance.states import SessionState, SheetState, Topic
from qosymsha.domain.people import queries as people
from qosymsha.domain.vouchers.access import may_speak
from qosymsha.domain.vouchers.rules import outcomes_of, repeated, unpacked
from qosymsha.domain.vouchers.steps import Deed, begin, conclude
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.errors import RowOutcome


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
    """The second party speaks: each guardian confirms or disputes a child's row. Ids are rows; silence never confirms.

    A sheet on which everybody has spoken goes on to the customer.

    Raises:
        Forbidden: the actor may not bring guardians' words at all.
    """
    require(actor, Action.CONFIRM, ALLOWED)
    deed = Deed(actor, Action.CONFIRM, at, key)
    seen = begin(deed, [[w.row_id, w.guardian_id, w.word, w.reason] for w in words])
    if seen is not None:
        return unpacked(seen, REASONS)
    found, sheets = steps.lock_rows([w.row_id for w in words])
    pairs = [(w.guardian_id, found[w.row_id].child_id) for w in words if w.row_id in found]
    wards = people.wards(pairs, deed.today)
    refused: dict[int, StrEnum] = dict.fromkeys(repeated(w.row_id for w in words), AttendanceRefusal.NAMED_TWICE)
    said: dict[int, Word] = {}
    for row, word in enumerate(words):
        if row in refused:
            continue
        reason = _refuse_word(actor, word, found, wards)
        if reason is None:
            said[row] = word
        else:
            refused[row] = reason
    steps.write_words(deed, list(said.values()))
    steps.pass_spoken(deed, list(sheets.values()))
    ids = {row: word.row_id for row, word in said.items()}
    return conclude(deed, Topic.SPOKEN, "sheet_row", outcomes_of(len(words), ids, refused))


def _refuse_word(
    actor: Actor, word: Word, found: Mapping[int, RowFacts], wards: set[tuple[int, int]]
) -> AttendanceRefusal | None:
    row = found.get(word.row_id)
    if row is None:
        return AttendanceRefusal.UNKNOWN_ROW
    is_ward = (word.guardian_id, row.child_id) in wards
    if not is_ward or not may_speak(actor, word.guardian_id, row.territory_id):
        return AttendanceRefusal.NOT_GUARDIAN
    return refuse_word(word.word, word.reason, row.word, row.sheet_state)


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
    terms = steps.officer_terms(list(sheets.values()))
    refused: dict[int, StrEnum] = dict.fromkeys(repeated(d.row_id for d in decisions), AttendanceRefusal.NAMED_TWICE)
    decided: dict[int, Decision] = {}
    for number, decision in enumerate(decisions):
        row = found.get(decision.row_id)
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
    sheets = {
        i: s
        for i, s in steps.lock_sheets(sheet_ids).items()
        if actor.holds(ALLOWED[Action.APPROVE], territory_id=s.territory_id)
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
