"""A provider refuses a child: on a stated ground, in time, looked at by an officer before the place ends."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction

from qosymsha.domain.agreements import queries, steps
from qosymsha.domain.agreements.access import ALLOWED, Action
from qosymsha.domain.agreements.models import ChildRefusal
from qosymsha.domain.agreements.queries import Place
from qosymsha.domain.agreements.rules import AgreementRefusal, reason_of_ground, refuse_ground
from qosymsha.domain.agreements.states import RefusalState, Topic
from qosymsha.domain.people.queries.shared import shared_wards
from qosymsha.domain.programmes import queries as programmes
from qosymsha.domain.vouchers import steps as vouchers
from qosymsha.domain.vouchers.queries import live_enrolments
from qosymsha.domain.vouchers.states import VoucherState
from qosymsha.domain.vouchers.steps import Deed
from qosymsha.kernel import idempotency
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.errors import Forbidden, Refused

_KIND = "child_refusal"
_AT_ONCE = 500
AGREES, OBJECTS = "agrees", "objects"
_PLACED = frozenset({VoucherState.ACTIVE, VoucherState.SUSPENDED})


@transaction.atomic(durable=True)
def refuse_child(  # noqa: PLR0913 - who, whom, on what ground, by which paper, when, once
    *, actor: Actor, enrolment_id: int, ground: str, paper_number: str, at: datetime, key: UUID
) -> int:
    """File a refusal; the place stays until an officer upholds it, its days pass, or the family agrees. Its id.

    Raises:
        Forbidden: the actor does not manage the place's provider.
        Refused: place_ended; refused_already; no_such_ground; refused_late — the days after the place was taken have
            passed; paper_number_missing; ground_not_so — the house's own facts say otherwise.
    """
    place = _place(actor, enrolment_id)
    vouchers.lock_vouchers([place.voucher_id])
    body = [enrolment_id, ground, paper_number.strip()]
    seen = idempotency.repeat(actor=actor, verb="refuse_child", key=key, body=body, at=at)
    if seen is not None:
        return int(seen)
    _refuse(place, ground, paper_number, at)
    terms = queries.agreements_of(place.rule_set_id).refusal
    calendar = queries.calendar_from(place.territory_id, local_day(at))
    made = ChildRefusal.objects.create(
        territory_id=place.territory_id,
        programme_id=place.programme_id,
        enrolment_id=place.id,
        child_id=place.child_id,
        provider_id=place.provider_id,
        rule_set_id=place.rule_set_id,
        ground=ground,
        state=RefusalState.FILED,
        filed_by=actor.user_id,
        filed_at=at,
        review_by=calendar.add_working_days(local_day(at), terms.review_working_days),
    )
    steps.keep_secret(steps.REFUSAL, made.pk, paper_number)
    steps.trail(_KIND, [made.pk], "", RefusalState.FILED, cause=Action.REFUSE_CHILD, actor=actor, at=at)
    steps.told(actor, Action.REFUSE_CHILD, Topic.CHILD_REFUSED, _KIND, [made.pk], at, place.territory_id)
    idempotency.keep(actor=actor, verb="refuse_child", key=key, outcome=made.pk)
    return made.pk


def _place(actor: Actor, enrolment_id: int) -> Place:
    require(actor, Action.REFUSE_CHILD, ALLOWED)
    place = queries.places([enrolment_id]).get(enrolment_id)
    if place is None:
        raise Forbidden(Action.REFUSE_CHILD)
    require(actor, Action.REFUSE_CHILD, ALLOWED, territory_id=place.territory_id, provider_id=place.provider_id)
    return place


def _refuse(place: Place, ground: str, paper_number: str, at: datetime) -> None:
    live = live_enrolments([place.voucher_id]).get(place.voucher_id)
    if live is None or live.id != place.id:
        raise Refused(AgreementRefusal.PLACE_ENDED)
    if ChildRefusal.objects.filter(enrolment_id=place.id, state=RefusalState.FILED).exists():
        raise Refused(AgreementRefusal.REFUSED_ALREADY)
    today = local_day(at)
    rules, calendar = (
        queries.agreements_of(place.rule_set_id),
        queries.calendar_from(place.territory_id, place.taken_on),
    )
    reason = refuse_ground(rules, ground, queries.place_now(place, today), paper_number, today, calendar)
    if reason is not None:
        raise Refused(reason)


@transaction.atomic(durable=True)
def answer_refusal(  # noqa: PLR0913 - who, which, yes or no, in which words, when, once
    *, actor: Actor, refusal_id: int, agrees: bool, words: str, at: datetime, key: UUID
) -> None:
    """The family's word: it agrees, and its voucher is free at once; or it objects, and the officer reads why.

    Of two guardians one's yes gives no place up: the other may object until the officer's day, and an objection stays.

    Raises:
        Forbidden: the actor is no guardian of the child.
        Refused: refusal_over; other_objects — the child's other guardian has objected.
    """
    require(actor, Action.ANSWER_REFUSAL, ALLOWED)
    found = ChildRefusal.objects.filter(pk=refusal_id).first()
    if found is None or not steps.speaks_for(actor, found.child_id, at):
        raise Forbidden(Action.ANSWER_REFUSAL)
    refusal = _locked([refusal_id])[0]
    body = [refusal_id, agrees, words]
    if idempotency.repeat(actor=actor, verb="answer_refusal", key=key, body=body, at=at) is not None:
        return
    if refusal.state != RefusalState.FILED:
        raise Refused(AgreementRefusal.REFUSAL_OVER)
    is_shared = bool(shared_wards([(actor.guardian_id or 0, refusal.child_id)], local_day(at)))
    if agrees and is_shared and refusal.family_word == OBJECTS:
        raise Refused(AgreementRefusal.OTHER_OBJECTS)
    ChildRefusal.objects.filter(pk=refusal_id).update(family_word=AGREES if agrees else OBJECTS)
    steps.keep_secret(steps.WORD, refusal_id, "" if agrees else words)
    territory_id = refusal.territory_id
    steps.told(
        actor, Action.ANSWER_REFUSAL, Topic.REFUSAL_ANSWERED, _KIND, [refusal_id], at, territory_id, agrees=agrees,
        by=actor.guardian_id,
    )  # fmt: skip
    if agrees and not is_shared:
        _stand(Deed(actor, Action.ANSWER_REFUSAL, at, key), [refusal])
    idempotency.keep(actor=actor, verb="answer_refusal", key=key, outcome=True)


@transaction.atomic(durable=True)
def withdraw_refusal(*, actor: Actor, refusal_id: int, at: datetime, key: UUID) -> None:
    """The provider takes its refusal back; the place goes on.

    Raises:
        Forbidden: the actor does not manage the provider.
        Refused: refusal_over.
    """
    require(actor, Action.WITHDRAW_REFUSAL, ALLOWED)
    refusal = next(iter(_locked([refusal_id])), None)
    if refusal is None:
        raise Forbidden(Action.WITHDRAW_REFUSAL)
    require(actor, Action.WITHDRAW_REFUSAL, ALLOWED, territory_id=refusal.territory_id, provider_id=refusal.provider_id)
    if idempotency.repeat(actor=actor, verb="withdraw_refusal", key=key, body=[refusal_id], at=at) is not None:
        return
    if refusal.state != RefusalState.FILED:
        raise Refused(AgreementRefusal.REFUSAL_OVER)
    _end(actor, Action.WITHDRAW_REFUSAL, [refusal], RefusalState.WITHDRAWN, at)
    idempotency.keep(actor=actor, verb="withdraw_refusal", key=key, outcome=True)


@transaction.atomic(durable=True)
def decide_refusal(  # noqa: PLR0913 - who, which, how, why, when, once
    *, actor: Actor, refusal_id: int, overturn: bool, reason: str, at: datetime, key: UUID
) -> None:
    """An officer upholds a refusal, and the voucher is free at once; or overturns it with a reason, the place goes on.

    Raises:
        Forbidden: the actor is no officer there, or of another department.
        Refused: refusal_over; agreement_reason_missing — an overturning says why.
    """
    require(actor, Action.DECIDE_REFUSAL, ALLOWED)
    refusal = next(iter(_locked([refusal_id])), None)
    if refusal is None:
        raise Forbidden(Action.DECIDE_REFUSAL)
    require(actor, Action.DECIDE_REFUSAL, ALLOWED, territory_id=refusal.territory_id)
    lines = programmes.own_lines(actor, ALLOWED[Action.DECIDE_REFUSAL])
    if lines is not None and refusal.enrolment.line_id not in lines:
        raise Forbidden(Action.DECIDE_REFUSAL)
    body = [refusal_id, overturn, reason]
    if idempotency.repeat(actor=actor, verb="decide_refusal", key=key, body=body, at=at) is not None:
        return
    if refusal.state != RefusalState.FILED:
        raise Refused(AgreementRefusal.REFUSAL_OVER)
    if overturn and not reason.strip():
        raise Refused(AgreementRefusal.REASON_MISSING)
    if overturn:
        _end(actor, Action.DECIDE_REFUSAL, [refusal], RefusalState.OVERTURNED, at, reason.strip())
    else:
        _stand(Deed(actor, Action.DECIDE_REFUSAL, at, key), [refusal], reason.strip())
    idempotency.keep(actor=actor, verb="decide_refusal", key=key, outcome=True)


@transaction.atomic(durable=True)
def carry_out_refusals(*, actor: Actor, programme_id: int, at: datetime, key: UUID) -> int:
    """Let refusals stand whose days for an officer have passed, where the rule set says so; how many.

    Those whose place has ended meanwhile are over.

    Raises:
        Forbidden: the actor is no job.
    """
    require(actor, Action.CARRY_OUT_REFUSALS, ALLOWED)
    ids = queries.refusals_due(programme_id, local_day(at), _AT_ONCE)
    refusals = [one for one in _locked(ids) if one.state == RefusalState.FILED]
    seen = idempotency.repeat(actor=actor, verb="carry_out_refusals", key=key, body=[programme_id], at=at)
    if seen is not None:
        return int(seen)
    today = local_day(at)
    gone = [one for one in refusals if one.enrolment.state == "ended"]
    due = [one for one in refusals if one not in gone and one.review_by < today and _silence_stands(one)]
    _end(actor, Action.CARRY_OUT_REFUSALS, gone, RefusalState.WITHDRAWN, at)
    _stand(Deed(actor, Action.CARRY_OUT_REFUSALS, at, key), due)
    idempotency.keep(actor=actor, verb="carry_out_refusals", key=key, outcome=len(due))
    return len(due)


def _silence_stands(refusal: ChildRefusal) -> bool:
    return programmes.rules_of(refusal.rule_set_id).rules.agreements.refusal.silence == "stands"


def _locked(refusal_ids: Sequence[int]) -> list[ChildRefusal]:
    """Lock the vouchers first, then the refusals: the order of every verb that may end a place."""
    vouchers.lock_vouchers(queries.vouchers_of_refusals(refusal_ids))
    locked = ChildRefusal.objects.select_for_update(of=("self",), no_key=True).select_related("enrolment")
    return list(locked.filter(id__in=refusal_ids).order_by("id"))


def _stand(deed: Deed, refusals: Sequence[ChildRefusal], reason: str = "") -> None:
    """The refusals stand: places end with today, the vouchers choose again, the money goes place → held."""
    locked = vouchers.lock_vouchers([one.enrolment.voucher_id for one in refusals])
    for ground in sorted({one.ground for one in refusals}):
        mine = [one for one in refusals if one.ground == ground and one.enrolment.state != "ended"]
        leaving = [locked[one.enrolment.voucher_id] for one in mine]
        leaving = [voucher for voucher in leaving if voucher.state in _PLACED]
        last_days = dict.fromkeys((voucher.id for voucher in leaving), deed.today)
        vouchers.release(deed, leaving, last_days, reason_of_ground(ground).value)
    _end(deed.actor, Action(deed.action), refusals, RefusalState.STANDS, deed.at, reason)


def _end(  # noqa: PLR0913 - who, how, which, whereto, when, why
    actor: Actor, action: Action, refusals: Sequence[ChildRefusal], state: RefusalState, at: datetime, reason: str = ""
) -> None:
    ids = [one.pk for one in refusals]
    decided_by = actor.user_id if action is Action.DECIDE_REFUSAL else None
    ChildRefusal.objects.filter(id__in=ids).update(state=state, decided_at=at, decided_by=decided_by, reason=reason)
    steps.trail(_KIND, ids, RefusalState.FILED, state, cause=action, actor=actor, at=at)
    topics = {
        RefusalState.STANDS: Topic.REFUSAL_STANDS,
        RefusalState.OVERTURNED: Topic.REFUSAL_OVERTURNED,
        RefusalState.WITHDRAWN: Topic.REFUSAL_WITHDRAWN,
    }
    territories = {one.territory_id for one in refusals}
    steps.told(actor, action, topics[state], _KIND, ids, at, territories.pop() if len(territories) == 1 else None)
