"""Places carried on to the next contract: families say yes or no, a provider renews in bulk, row by row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from django.db import transaction

from qosymsha.domain.agreements import queries, steps
from qosymsha.domain.agreements.access import ALLOWED, Action
from qosymsha.domain.agreements.models import Renewal, RenewalWord
from qosymsha.domain.agreements.queries import Place
from qosymsha.domain.agreements.rules import AgreementRefusal
from qosymsha.domain.agreements.states import Topic
from qosymsha.domain.providers import queries as providers
from qosymsha.domain.providers.rules import GroupFacts
from qosymsha.domain.vouchers import steps as vouchers
from qosymsha.domain.vouchers.queries import VoucherFacts, live_enrolments, waiting_of
from qosymsha.domain.vouchers.rules import EnrolRefusal, VoucherRefusal
from qosymsha.domain.vouchers.states import VoucherState
from qosymsha.domain.vouchers.steps import Deed, Moving, Wish
from qosymsha.kernel import idempotency
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.clock import month_of, next_month
from qosymsha.kernel.errors import Forbidden, Refused, RowOutcome

_REASONS: dict[str, StrEnum] = {r.value: r for r in (*AgreementRefusal, *EnrolRefusal, *VoucherRefusal)}


@dataclass(frozen=True, slots=True)
class Carry:
    """A place to carry on, and the group of the next contract it goes on in."""

    enrolment_id: int
    to_group_id: int


@transaction.atomic(durable=True)
def answer_renewal(*, actor: Actor, enrolment_id: int, continues: bool, at: datetime, key: UUID) -> None:
    """A family's yes or no to going on under the next contract; said again, the latest counts.

    Raises:
        Forbidden: the actor is no guardian of the place's child.
        Refused: place_ended.
    """
    require(actor, Action.ANSWER_RENEWAL, ALLOWED)
    place = queries.places([enrolment_id]).get(enrolment_id)
    if place is None or not steps.speaks_for(actor, place.child_id, at):
        raise Forbidden(Action.ANSWER_RENEWAL)
    vouchers.lock_vouchers([place.voucher_id])
    body = [enrolment_id, continues]
    if idempotency.repeat(actor=actor, verb="answer_renewal", key=key, body=body, at=at) is not None:
        return
    if place.state == "ended":
        raise Refused(AgreementRefusal.PLACE_ENDED)
    guardian_id = actor.guardian_id or 0
    RenewalWord.objects.create(enrolment_id=enrolment_id, continues=continues, guardian_id=guardian_id, at=at)
    action, territory_id = Action.ANSWER_RENEWAL, place.territory_id
    steps.told(
        actor, action, Topic.RENEWAL_ANSWERED, "enrolment", [enrolment_id], at, territory_id, continues=continues,
        by=guardian_id,
    )  # fmt: skip
    idempotency.keep(actor=actor, verb="answer_renewal", key=key, outcome=True)


@transaction.atomic(durable=True)
def renew(  # noqa: PLR0913 - who, for whom, which places, from when, when, once
    *, actor: Actor, provider_id: int, carries: Sequence[Carry], on: date, at: datetime, key: UUID
) -> list[RowOutcome]:
    """Carry places on into groups of the next contract from a day on; ids are the places opened there.

    The voucher goes with its child: on the same budget line with its held money; on the next year's line by that line's
    free money at the planning tariff, its months prolonged to the contract's last. Good rows are not stopped by bad.

    Raises:
        Forbidden: the actor does not manage the provider.
        Refused: renewal_day_wrong — the day has passed. Rows: an AgreementRefusal, or what refuses a transfer.
    """
    facts = providers.provider_facts([provider_id]).get(provider_id)
    territory_id = facts.territory_id if facts else None
    require(actor, Action.RENEW, ALLOWED, territory_id=territory_id, provider_id=provider_id)
    deed = Deed(actor, Action.RENEW, at, key)
    places = queries.places([c.enrolment_id for c in carries])
    locked = vouchers.lock_vouchers([p.voucher_id for p in places.values()])
    seen = vouchers.begin(deed, [provider_id, on.isoformat(), [[c.enrolment_id, c.to_group_id] for c in carries]])
    if seen is not None:
        return idempotency.outcomes_of(seen["rows"], _REASONS.__getitem__)
    if on <= deed.today:
        raise Refused(AgreementRefusal.DAY_WRONG)
    refused: dict[int, StrEnum] = {}
    wishes = _wishes(provider_id, carries, on, _Ground(places, locked), refused)
    made = _carried(deed, wishes, refused)
    Renewal.objects.bulk_create(
        Renewal(before_id=carries[row].enrolment_id, after_id=place, user_id=actor.user_id, at=at)
        for row, place in sorted(made.items())
    )
    steps.told(actor, Action.RENEW, Topic.RENEWED, "enrolment", sorted(made.values()), at, territory_id)
    outcomes = [RowOutcome(row, made.get(row), refused.get(row)) for row in range(len(carries))]
    vouchers.keep(deed, {"rows": idempotency.outcome_rows(outcomes)})
    return outcomes


@dataclass(frozen=True, slots=True)
class _Ground:
    """What the rows are judged against, locked."""

    places: Mapping[int, Place]
    vouchers: Mapping[int, VoucherFacts]


def _wishes(
    provider_id: int, carries: Sequence[Carry], on: date, ground: _Ground, refused: dict[int, StrEnum]
) -> list[Wish]:
    groups = providers.group_facts({c.to_group_id for c in carries} | {p.group_id for p in ground.places.values()})
    words = queries.renewal_words([c.enrolment_id for c in carries])
    live = live_enrolments(list(ground.vouchers))
    moving = waiting_of(list(ground.vouchers))
    named: set[int] = set()
    wishes = []
    for row, carry in enumerate(carries):
        place, group = ground.places.get(carry.enrolment_id), groups.get(carry.to_group_id)
        if place is None or group is None or {place.provider_id, group.provider_id} != {provider_id}:
            refused[row] = AgreementRefusal.UNKNOWN_PLACE
            continue
        voucher = ground.vouchers[place.voucher_id]
        is_live = voucher.id in live and live[voucher.id].id == place.id
        reason = _refuse(place, voucher, groups[place.group_id], group, on)
        if carry.enrolment_id in named:
            reason = VoucherRefusal.NAMED_TWICE
        elif not is_live:
            reason = AgreementRefusal.PLACE_ENDED
        elif not _goes_on(place, words.get(place.id)):
            reason = AgreementRefusal.FAMILY_LEAVES
        elif voucher.id in moving:
            reason = EnrolRefusal.TRANSFER_ASKED
        named.add(carry.enrolment_id)
        if reason is not None:
            refused[row] = reason
        else:
            wishes.append(Wish(row, _prolonged(voucher, group, on), group, on))
    return wishes


def _goes_on(place: Place, word: bool | None) -> bool:
    """The family's word, or what its silence means by the rule set."""
    if word is not None:
        return word
    return queries.agreements_of(place.rule_set_id).renewal.silence == "continues"


def _refuse(place: Place, voucher: VoucherFacts, before: GroupFacts, after: GroupFacts, on: date) -> StrEnum | None:
    if voucher.state != VoucherState.ACTIVE:
        return EnrolRefusal.NOT_ACTIVE
    if after.contract_id == before.contract_id or not after.runs_on(on):
        return AgreementRefusal.NOT_NEXT_CONTRACT
    is_inside = voucher.first_month <= on < next_month(voucher.last_month)
    if not is_inside and after.line_id == voucher.line_id:
        return EnrolRefusal.OUTSIDE_VOUCHER
    return None if on > place.starts_on else AgreementRefusal.DAY_WRONG


def _prolonged(voucher: VoucherFacts, group: GroupFacts, on: date) -> VoucherFacts:
    """The voucher as it will be: on another year's line up to the last month of that line's contract."""
    last = group.contract_last
    if on < next_month(voucher.last_month) or last is None:
        return voucher
    return replace(voucher, last_month=month_of(last))


def _carried(deed: Deed, wishes: Sequence[Wish], refused: dict[int, StrEnum]) -> dict[int, int]:
    """Judge, weigh against the lines' free money, seat, carry out; row → place."""
    leavings = vouchers.leavings({w.voucher.id: w.starts_on - timedelta(days=1) for w in wishes})
    judged = _covered(vouchers.judge_moves(wishes, leavings, refused), refused)
    vouchers.lock_seats([g for m in judged for g in (m.wish.group.id, m.leaving.enrolment.group_id)])
    seated: list[Moving] = []
    for one, has_seat in zip(judged, vouchers.take_seats([m.wish.group.id for m in judged]), strict=True):
        if has_seat:
            seated.append(one)
        else:
            refused[one.wish.row] = EnrolRefusal.GROUP_FULL
    made = vouchers.carry_out(deed, seated)
    vouchers.prolong([(m.wish.voucher.id, m.wish.voucher.last_month) for m in seated if m.wish.is_other_line])
    return made


def _covered(judged: Sequence[Moving], refused: dict[int, StrEnum]) -> list[Moving]:
    """The moves that the other lines' free money reaches, in the order of the rows."""
    free = vouchers.lock_free([m.wish.group.line_id for m in judged if m.wish.is_other_line])
    covered = []
    for one in judged:
        needed = one.needed_tiyn if one.wish.is_other_line else 0
        line = one.wish.group.line_id
        if needed > free.get(line, 0):
            refused[one.wish.row] = EnrolRefusal.NO_FREE_MONEY
            continue
        if needed:
            free[line] -= needed
        covered.append(one)
    return covered
