"""Vouchers ended by the office: one official proposes, the family is heard, another official decides."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from uuid import UUID

from django.db import transaction

from qosymsha.domain.casework.access import ALLOWED, Action
from qosymsha.domain.casework.models import VoucherEnding
from qosymsha.domain.casework.queries import endings as queries
from qosymsha.domain.casework.rules import (
    CaseworkRefusal,
    EndingDraft,
    refuse_decision,
    refuse_draft,
    refuse_ending,
)
from qosymsha.domain.casework.states import Ending, EndingState, Topic
from qosymsha.domain.programmes import queries as programmes
from qosymsha.domain.vouchers import steps as vouchers
from qosymsha.domain.vouchers.models import Voucher
from qosymsha.domain.vouchers.queries import VoucherFacts
from qosymsha.domain.vouchers.states import CloseReason
from qosymsha.domain.vouchers.states import Topic as VoucherTopic
from qosymsha.domain.vouchers.steps import Deed, begin, keep, record
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.errors import Refused

BY_OFFICE = "office"


@transaction.atomic(durable=True)
def propose_ending(*, actor: Actor, voucher_uuid: UUID, draft: EndingDraft, at: datetime, key: UUID) -> UUID:
    """Propose to release a place or close a voucher; nothing is taken yet. Returns the proposal's outside id.

    Raises:
        Forbidden: the actor ends no vouchers.
        Refused: a `CaseworkRefusal`; `ending_unknown` for a voucher that is unknown or another territory's.
    """
    require(actor, Action.PROPOSE_ENDING, ALLOWED)
    deed = Deed(actor, Action.PROPOSE_ENDING, at, key)
    voucher = _locked(actor, Action.PROPOSE_ENDING, voucher_uuid)
    seen = begin(deed, [str(voucher_uuid), draft.ending.value, draft.ground, draft.words])
    if seen is not None:
        return UUID(seen["ending"])
    reason = refuse_draft(draft) or _refuse(deed, voucher, draft.ending)
    if reason is None and VoucherEnding.objects.filter(voucher_id=voucher.id, state=EndingState.PROPOSED).exists():
        reason = CaseworkRefusal.ENDING_OPEN
    if reason is not None:
        raise Refused(reason)
    made = VoucherEnding.objects.create(
        territory_id=voucher.territory_id,
        programme_id=voucher.programme_id,
        voucher_id=voucher.id,
        ending=draft.ending.value,
        ground=draft.ground if draft.ending is Ending.CLOSE else "",
        words=draft.words.strip(),
        state=EndingState.PROPOSED,
        proposed_by=actor.user_id,
        proposed_at=at,
        hear_until=_hear_until(voucher, deed.today),
    )
    record(deed, Topic.ENDING_PROPOSED, "voucher_ending", [made.pk], voucher.territory_id, voucher=voucher.id)
    keep(deed, {"ending": str(made.uuid)})
    return made.uuid


@transaction.atomic(durable=True)
def decide_ending(  # noqa: PLR0913 - who, which, how, why, when, once
    *, actor: Actor, ending_uuid: UUID, is_carried_out: bool, answer: str, at: datetime, key: UUID
) -> None:
    """Another official carries a proposal out after its hearing, or declines it; what it takes goes with it.

    A release's last day is today. The voucher is judged anew: one that was resumed meanwhile is not ended.

    Raises:
        Forbidden: the actor ends no vouchers.
        Refused: a `CaseworkRefusal`; `ending_unknown` also for another territory's.
    """
    require(actor, Action.DECIDE_ENDING, ALLOWED)
    deed = Deed(actor, Action.DECIDE_ENDING, at, key)
    ending, voucher = _lock_ending(actor, ending_uuid)
    if begin(deed, [str(ending_uuid), is_carried_out, answer]) is not None:
        return
    reason = refuse_decision(
        ending.state,
        is_proposer=ending.proposed_by == actor.user_id,
        is_carried_out=is_carried_out,
        hear_until=ending.hear_until,
        today=deed.today,
    )
    if reason is None and not answer.strip():
        reason = CaseworkRefusal.ENDING_WORDS_MISSING
    if reason is None and is_carried_out:
        reason = _refuse(deed, voucher, Ending(ending.ending))
    if reason is not None:
        raise Refused(reason)
    if is_carried_out:
        _carry_out(deed, ending, voucher)
    _end(deed, ending, EndingState.CARRIED_OUT if is_carried_out else EndingState.DECLINED, answer)


@transaction.atomic(durable=True)
def withdraw_ending(*, actor: Actor, ending_uuid: UUID, at: datetime, key: UUID) -> None:
    """Take one's own proposal back.

    Raises:
        Forbidden: the actor ends no vouchers.
        Refused: `ending_unknown` (also another's), `ending_decided`.
    """
    require(actor, Action.PROPOSE_ENDING, ALLOWED)
    deed = Deed(actor, Action.PROPOSE_ENDING, at, key)
    ending, _ = _lock_ending(actor, ending_uuid)
    if ending.proposed_by != actor.user_id:
        raise Refused(CaseworkRefusal.ENDING_UNKNOWN)
    if begin(deed, ["withdraw", str(ending_uuid)]) is not None:
        return
    if ending.state != EndingState.PROPOSED:
        raise Refused(CaseworkRefusal.ENDING_DECIDED)
    _end(deed, ending, EndingState.WITHDRAWN, "")


def _locked(actor: Actor, action: Action, voucher_uuid: UUID) -> VoucherFacts:
    """The voucher, locked, of the actor's territory."""
    voucher_id = Voucher.objects.filter(uuid=voucher_uuid).values_list("id", flat=True).first()
    found = vouchers.lock_vouchers([voucher_id]) if voucher_id is not None else {}
    voucher = found.get(voucher_id or 0)
    lines = programmes.own_lines(actor, ALLOWED[action])
    is_own = voucher is not None and (lines is None or voucher.line_id in lines)
    if voucher is None or not is_own or not actor.holds(ALLOWED[action], territory_id=voucher.territory_id):
        raise Refused(CaseworkRefusal.ENDING_UNKNOWN)
    return voucher


def _lock_ending(actor: Actor, ending_uuid: UUID) -> tuple[VoucherEnding, VoucherFacts]:
    """The ending and its voucher, locked in that order everywhere: the voucher first."""
    voucher_uuid = VoucherEnding.objects.filter(uuid=ending_uuid).values_list("voucher__uuid", flat=True).first()
    if voucher_uuid is None:
        raise Refused(CaseworkRefusal.ENDING_UNKNOWN)
    voucher = _locked(actor, Action.DECIDE_ENDING, voucher_uuid)
    return VoucherEnding.objects.select_for_update(no_key=True).get(uuid=ending_uuid), voucher


def _refuse(deed: Deed, voucher: VoucherFacts, ending: Ending) -> CaseworkRefusal | None:
    if queries.is_own_child(deed.actor, voucher.child_id, deed.today):
        return CaseworkRefusal.ENDING_OWN_CHILD
    return refuse_ending(ending, voucher.state, has_absence=queries.has_open_absence(voucher.id))


def _carry_out(deed: Deed, ending: VoucherEnding, voucher: VoucherFacts) -> None:
    if ending.ending == Ending.RELEASE:
        vouchers.release(deed, [voucher], {voucher.id: deed.today}, BY_OFFICE)
        record(deed, VoucherTopic.RELEASED, "voucher", [voucher.id], voucher.territory_id)
    else:
        vouchers.close(deed, [voucher], CloseReason(ending.ground))
        record(deed, VoucherTopic.CLOSED, "voucher", [voucher.id], voucher.territory_id)


def _end(deed: Deed, ending: VoucherEnding, state: EndingState, answer: str) -> None:
    ending.state, ending.answer = state.value, answer.strip()
    ending.decided_by, ending.decided_at = deed.actor.user_id, deed.at
    ending.save(update_fields=["state", "answer", "decided_by", "decided_at"])
    record(deed, Topic.ENDING_DECIDED, "voucher_ending", [ending.pk], ending.territory_id, state=state.value)
    keep(deed, {"done": True})


def _hear_until(voucher: VoucherFacts, today: date) -> date:
    """The hearing's last day: the working days that the voucher's own rule set gives before a release."""
    days = programmes.rules_of(voucher.rule_set_id).rules.absences.hearing_working_days
    return programmes.calendar(voucher.territory_id, today, today + timedelta(days=120)).add_working_days(today, days)
