"""File lists of wishes, many at once or one, replace them, take one back: all until the window closes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.db import transaction

from qosymsha.domain.allocation import draw
from qosymsha.domain.choice import steps
from qosymsha.domain.choice.access import ALLOWED, Action, Topic, may_speak
from qosymsha.domain.choice.models import ChoiceList, ChoiceRound
from qosymsha.domain.choice.queries import facts
from qosymsha.domain.choice.rules import ChoiceRefusal, ListRow, refuse_shape
from qosymsha.domain.choice.states import ChoiceRoundState, ListState
from qosymsha.domain.people import queries as people
from qosymsha.domain.programmes import queries as programmes
from qosymsha.domain.vouchers import steps as vouchers
from qosymsha.domain.vouchers.access import Action as VoucherAction
from qosymsha.domain.vouchers.queries import VoucherFacts
from qosymsha.domain.vouchers.rules import VoucherRefusal, packed, refuse_day, unpacked
from qosymsha.kernel import audit, entropy, idempotency, outbox
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.errors import BadInput, Refused, RowOutcome

MAX_ROWS = 20_000
REASONS: dict[str, StrEnum] = {reason.value: reason for reason in ChoiceRefusal}


@transaction.atomic(durable=True)
def file_lists(*, actor: Actor, round_id: int, rows: Sequence[ListRow], at: datetime, key: UUID) -> list[RowOutcome]:
    """File or replace the lists that may be filed; each refused row says why, and of which group. Ids are lists.

    When a list was filed matters nowhere; the last one filed in the window counts. A row refused leaves an earlier
    list as it was.

    Raises:
        BadInput: more than 20,000 rows.
        Forbidden: the actor may not bring guardians' words here.
        Refused: the round is not open now.
    """
    return _file(actor, round_id, rows, at, key)


@transaction.atomic(durable=True)
def file_list(*, actor: Actor, round_id: int, row: ListRow, at: datetime, key: UUID) -> ChoiceList:
    """File or replace one list: the page's verb over the same rules as the batch.

    Raises:
        Forbidden: as `file_lists`.
        Refused: the round is not open, or the row's own reason with the group's id; nothing is stored.
    """
    (outcome,) = _file(actor, round_id, [row], at, key)
    if outcome.reason is not None:
        raise Refused(outcome.reason, group_id=outcome.detail)
    assert outcome.id is not None, "a row is filed or refused"
    return ChoiceList.objects.get(pk=outcome.id)


def _file(actor: Actor, round_id: int, rows: Sequence[ListRow], at: datetime, key: UUID) -> list[RowOutcome]:
    if len(rows) > MAX_ROWS:
        raise BadInput("rows", f"send at most {MAX_ROWS} lists at once")
    require(actor, Action.FILE, ALLOWED, territory_id=facts.round_of(round_id).territory_id)
    steps.share_rounds([round_id])
    body = [round_id, [[row.voucher_id, row.guardian_id, list(row.group_ids)] for row in rows]]
    seen = idempotency.repeat(actor=actor, verb=Action.FILE, key=key, body=body, at=at)
    if seen is not None:
        return unpacked(seen, REASONS)
    the_round = facts.round_of(round_id)
    _require_window(the_round, at)
    outcomes = _store(actor, the_round, rows, at, key)
    filed = [outcome.id for outcome in outcomes if outcome.id is not None]
    _record(actor, the_round, Action.FILE, filed, at, refused=len(rows) - len(filed))
    each = {outcome.id: {"by": rows[outcome.row].guardian_id} for outcome in outcomes if outcome.id is not None}
    outbox.tell(topic=Topic.LIST_FILED, subject_kind="choice_list", subject_ids=filed, at=at, each=each)
    idempotency.keep(actor=actor, verb=Action.FILE, key=key, outcome=packed(outcomes))
    return outcomes


def _require_window(the_round: ChoiceRound, at: datetime) -> None:
    steps.require_state(the_round, ChoiceRoundState.OPEN)
    if not the_round.opens_at <= at < the_round.closes_at:
        raise Refused(ChoiceRefusal.CHOICE_WINDOW_NOT_OPEN, round=the_round.number)


def _store(actor: Actor, the_round: ChoiceRound, rows: Sequence[ListRow], at: datetime, key: UUID) -> list[RowOutcome]:
    deed = vouchers.Deed(actor, Action.FILE, at, key)
    held, unheard = vouchers.hear(deed, VoucherAction.ENROL, [(row.voucher_id, row.guardian_id) for row in rows])
    refused = {row: (_of_voucher(reason), "") for row, reason in unheard.items()}
    most = programmes.rules_of(the_round.rule_set_id).rules.choice.wishes
    for row, asked in enumerate(rows):
        reason = None if row in refused else _refuse_list(the_round, held[asked.voucher_id], asked, most)
        if reason is not None:
            refused[row] = (reason, "")
    judge = facts.Judge(
        the_round, [(held[asked.voucher_id], asked.group_ids) for row, asked in enumerate(rows) if row not in refused]
    )
    drafts = {}
    for row, asked in enumerate(rows):
        if row in refused:
            continue
        voucher = held[asked.voucher_id]
        found = _first_reason(judge, voucher, asked.group_ids)
        if found is None:
            judge.keep_busy(voucher, asked.group_ids)
            drafts[row] = _draft(voucher, asked)
        else:
            refused[row] = found
    stored = steps.file(the_round, list(drafts.values()), actor=actor, at=at)
    return [_outcome(row, asked, stored, refused) for row, asked in enumerate(rows)]


def _of_voucher(reason: StrEnum) -> ChoiceRefusal:
    return ChoiceRefusal.LIST_TWICE if reason is VoucherRefusal.NAMED_TWICE else ChoiceRefusal.NOT_HOLDER


def _refuse_list(the_round: ChoiceRound, voucher: VoucherFacts, asked: ListRow, most: int) -> ChoiceRefusal | None:
    is_covered = refuse_day(the_round.starts_on, the_round.starts_on, voucher.first_month, voucher.last_month) is None
    is_here = voucher.programme_id == the_round.programme_id
    if voucher.state not in facts.HOLDING or not is_covered or not is_here:
        return ChoiceRefusal.NOT_HOLDER
    return refuse_shape(asked.group_ids, most)


def _first_reason(
    judge: facts.Judge, voucher: VoucherFacts, group_ids: Sequence[int]
) -> tuple[ChoiceRefusal, str] | None:
    for group_id in group_ids:
        reason = judge.refuse(voucher, group_id)
        if reason is not None:
            return reason, str(group_id)
    return None


def _draft(voucher: VoucherFacts, asked: ListRow) -> steps.Draft:
    ticket = entropy.token(draw.TICKET_BYTES)
    return steps.Draft(
        uuid=entropy.uuid4(),
        voucher_id=voucher.id,
        child_id=voucher.child_id,
        guardian_id=asked.guardian_id,
        group_ids=asked.group_ids,
        ticket=ticket,
        line_id=draw.line_id(ticket),
    )


def _outcome(
    row: int, asked: ListRow, stored: dict[int, int], refused: dict[int, tuple[ChoiceRefusal, str]]
) -> RowOutcome:
    if row in refused:
        reason, group_id = refused[row]
        return RowOutcome(row, reason=reason, detail=group_id)
    return RowOutcome(row, id=stored[asked.voucher_id])


def _record(
    actor: Actor, the_round: ChoiceRound, action: Action, ids: Sequence[int], at: datetime, **detail: Any
) -> None:
    audit.record(
        actor=actor,
        at=at,
        action=action,
        subject_kind="choice_list",
        subject_ids=ids,
        territory_id=the_round.territory_id,
        detail={"round": the_round.id, **detail},
    )


@transaction.atomic(durable=True)
def withdraw_list(*, actor: Actor, list_id: int, guardian_id: int, at: datetime, key: UUID) -> None:
    """Take a list back before the window closes, by the child's guardian; it may be filed again until then.

    Raises:
        Forbidden: the actor may not bring guardians' words here.
        Refused: no such list of a child of this guardian, it is not filed, or the window is not open.
    """
    found = ChoiceList.objects.filter(pk=list_id).first()
    require(actor, Action.WITHDRAW, ALLOWED, territory_id=found.territory_id if found else None)
    is_ward = found is not None and bool(people.wards([(guardian_id, found.child_id)], local_day(at)))
    if found is None or not is_ward or not may_speak(actor, guardian_id, found.territory_id):
        raise Refused(ChoiceRefusal.CHOICE_LIST_UNKNOWN)
    steps.share_rounds([found.round_id])
    body = [list_id, guardian_id]
    if idempotency.repeat(actor=actor, verb=Action.WITHDRAW, key=key, body=body, at=at) is not None:
        return
    _require_window(facts.round_of(found.round_id), at)
    vouchers.lock_vouchers([found.voucher_id])
    if ChoiceList.objects.filter(pk=list_id, state=ListState.FILED).first() is None:
        raise Refused(ChoiceRefusal.CHOICE_LIST_UNKNOWN)
    steps.move_lists([steps.Moved(list_id, ListState.WITHDRAWN, f"guardian:{guardian_id}")], actor=actor, at=at)
    _record(actor, found.round, Action.WITHDRAW, [list_id], at)
    by = {"by": guardian_id}
    outbox.tell(topic=Topic.LIST_WITHDRAWN, subject_kind="choice_list", subject_ids=[list_id], at=at, detail=by)
    idempotency.keep(actor=actor, verb=Action.WITHDRAW, key=key, outcome=list_id)
