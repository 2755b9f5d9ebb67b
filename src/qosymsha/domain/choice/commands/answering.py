"""Families answer offers of freed places: a yes moves the child and frees its old place, a no frees the seat."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from django.db import transaction

from qosymsha.domain.choice import steps
from qosymsha.domain.choice.access import ALLOWED, Action, Topic
from qosymsha.domain.choice.commands import seating
from qosymsha.domain.choice.queries import facts
from qosymsha.domain.choice.rules import ChoiceRefusal, OfferAnswer, refuse_offer
from qosymsha.domain.choice.states import ListState, OfferState
from qosymsha.domain.choice.steps import Moved, OpenOffer
from qosymsha.domain.people.queries.shared import shared_wards
from qosymsha.domain.providers import queries as providers
from qosymsha.domain.vouchers import steps as vouchers
from qosymsha.domain.vouchers.access import Action as VoucherAction
from qosymsha.domain.vouchers.queries import VoucherFacts
from qosymsha.domain.vouchers.rules import EnrolRefusal, VoucherRefusal, outcomes_of, packed, unpacked
from qosymsha.domain.vouchers.steps import Deed, Wish
from qosymsha.kernel import audit, idempotency, outbox
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.errors import RowOutcome

REASONS: dict[str, StrEnum] = {
    reason.value: reason for reasons in (VoucherRefusal, EnrolRefusal, ChoiceRefusal) for reason in reasons
}


@transaction.atomic(durable=True)
def answer_offers(*, actor: Actor, answers: Sequence[OfferAnswer], at: datetime, key: UUID) -> list[RowOutcome]:
    """Take or decline offered places; each row names the guardian who says so. Ids are offers.

    A yes ends the place the child had the day before the first day, moves the money with it, and lets the child's
    other open offers of groups wished less lapse. An offer is answered once: of two yeses one is refused.

    Raises:
        Forbidden: the actor may not bring guardians' words at all.
    """
    require(actor, Action.ANSWER, ALLOWED)
    deed = Deed(actor, Action.ANSWER, at, key)
    body = [[a.offer_id, a.guardian_id, a.is_yes, a.starts_on.isoformat() if a.starts_on else None] for a in answers]
    seen = idempotency.repeat(actor=actor, verb=Action.ANSWER, key=key, body=body, at=at)
    if seen is not None:
        return unpacked(seen, REASONS)
    vouchers_by_offer, offers, refused = _hear(deed, answers)
    yes = _wishes(answers, offers, vouchers_by_offer, refused)
    no = [row for row, answer in enumerate(answers) if row not in refused and not answer.is_yes]
    _accept(deed, yes, answers, offers, refused)
    _decline(deed, [offers[answers[row].offer_id] for row in no])
    ids = {row: answer.offer_id for row, answer in enumerate(answers) if row not in refused}
    outcomes = outcomes_of(len(answers), ids, refused)
    _record(deed, [offers[i] for i in ids.values()], {a.offer_id: a.guardian_id for a in answers})
    idempotency.keep(actor=actor, verb=Action.ANSWER, key=key, outcome=packed(outcomes))
    return outcomes


def _hear(
    deed: Deed, answers: Sequence[OfferAnswer]
) -> tuple[dict[int, VoucherFacts], dict[int, OpenOffer], dict[int, StrEnum]]:
    """Lock rounds (shared), vouchers, offers, in this order; judge who speaks and whether the offer is still open."""
    named = facts.offers_named([answer.offer_id for answer in answers])
    steps.share_rounds(sorted({round_id for round_id, _ in named.values()}))
    spoken = [(named[a.offer_id][1] if a.offer_id in named else 0, a.guardian_id) for a in answers]
    held, unheard = vouchers.hear(deed, VoucherAction.ENROL, spoken)
    offers = steps.lock_offers(sorted(named))
    refused: dict[int, StrEnum] = {}
    for row, answer in enumerate(answers):
        offer = offers.get(answer.offer_id)
        if offer is None or unheard.get(row) is VoucherRefusal.NOT_GUARDIAN:
            refused[row] = ChoiceRefusal.OFFER_UNKNOWN
        elif row in unheard:
            refused[row] = unheard[row]
        elif (reason := refuse_offer(offer.state, offer.answer_by, deed.today)) is not None:
            refused[row] = reason
    refused |= _kept_for_others(deed, answers, offers, held, refused)
    by_offer = {i: held[offer.voucher_id] for i, offer in offers.items() if offer.voucher_id in held}
    return by_offer, offers, refused


def _kept_for_others(
    deed: Deed,
    answers: Sequence[OfferAnswer],
    offers: Mapping[int, OpenOffer],
    held: Mapping[int, VoucherFacts],
    refused: Mapping[int, StrEnum],
) -> dict[int, StrEnum]:
    """One of two guardians declines nothing alone: the other may say yes until the offer's day, and silence ends it."""
    declined = {
        row: (answer.guardian_id, held[offers[answer.offer_id].voucher_id].child_id)
        for row, answer in enumerate(answers)
        if row not in refused and not answer.is_yes
    }
    shared = shared_wards(list(declined.values()), deed.today)
    return {row: ChoiceRefusal.OFFER_OF_BOTH for row, pair in declined.items() if pair in shared}


def _wishes(
    answers: Sequence[OfferAnswer],
    offers: Mapping[int, OpenOffer],
    held: Mapping[int, VoucherFacts],
    refused: dict[int, StrEnum],
) -> list[Wish]:
    rows = [row for row, answer in enumerate(answers) if row not in refused and answer.is_yes]
    groups = providers.group_facts(sorted({offers[answers[row].offer_id].group_id for row in rows}))
    wishes = []
    for row in rows:
        offer, starts_on = offers[answers[row].offer_id], answers[row].starts_on
        if starts_on is None:
            refused[row] = EnrolRefusal.START_PAST
        else:
            wishes.append(Wish(row, held[offer.id], groups[offer.group_id], starts_on))
    return _without_clashes(wishes, offers, answers, refused)


def _without_clashes(
    wishes: Sequence[Wish],
    offers: Mapping[int, OpenOffer],
    answers: Sequence[OfferAnswer],
    refused: dict[int, StrEnum],
) -> list[Wish]:
    """A place the child took by another voucher since may meet at the same time."""
    kept = []
    for round_id in sorted({offers[answers[wish.row].offer_id].round_id for wish in wishes}):
        own = [wish for wish in wishes if offers[answers[wish.row].offer_id].round_id == round_id]
        judge = facts.Judge(facts.round_of(round_id), [(wish.voucher, [wish.group.id]) for wish in own])
        for wish in own:
            if judge.is_clashing(wish.voucher, wish.group.id):
                refused[wish.row] = ChoiceRefusal.WISH_CLASHES
            else:
                kept.append(wish)
    return kept


def _accept(
    deed: Deed,
    wishes: Sequence[Wish],
    answers: Sequence[OfferAnswer],
    offers: Mapping[int, OpenOffer],
    refused: dict[int, StrEnum],
) -> None:
    found = seating.judge(deed, wishes, refused)
    if not found.wishes:
        return
    left = seating.places_left(found.wishes)
    taken = [(offers[answers[wish.row].offer_id], left.get(wish.voucher.id)) for wish in found.wishes]
    seating.leave(deed, found)
    seating.enter(deed, found)
    cause, actor, at = deed.action.value, deed.actor, deed.at
    steps.move_offers([(o.id, group) for o, group in taken], OfferState.ACCEPTED, cause=cause, actor=actor, at=at)
    moved = [Moved(o.list_id, ListState.PLACED, f"offer:{o.id}", o.group_id) for o, _ in taken]
    steps.move_lists(moved, actor=actor, at=at)
    outbox.tell(topic=Topic.PLACED, subject_kind="choice_list", subject_ids=[m.list_id for m in moved], at=at)
    lapsed = facts.offers_wished_less([o.id for o, _ in taken])
    ended = steps.move_offers([(i, None) for i in lapsed], OfferState.LAPSED, cause="better_taken", actor=actor, at=at)
    vouchers.free_seats([lapsed[i] for i in ended])


def _decline(deed: Deed, offers: Sequence[OpenOffer]) -> None:
    pairs = [(offer.id, None) for offer in offers]
    steps.move_offers(pairs, OfferState.DECLINED, cause=deed.action.value, actor=deed.actor, at=deed.at)
    vouchers.free_seats([offer.group_id for offer in offers])


def _record(deed: Deed, offers: Sequence[OpenOffer], by: Mapping[int, int]) -> None:
    territories: list[int | None] = [*sorted({offer.territory_id for offer in offers})]
    for territory_id in territories or [None]:
        audit.record(
            actor=deed.actor,
            at=deed.at,
            action=deed.action,
            subject_kind="choice_offer",
            subject_ids=[offer.id for offer in offers if offer.territory_id == territory_id],
            territory_id=territory_id,
        )
    ids = [offer.id for offer in offers]
    each = {i: {"by": by[i]} for i in ids}
    outbox.tell(topic=Topic.ANSWERED, subject_kind="choice_offer", subject_ids=ids, at=deed.at, each=each)
