"""Vouchers ended by the office: by two people, after the hearing, with their money, and never around a long absence."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from uuid import UUID, uuid4

import pytest
from django.db import IntegrityError, transaction

from qosymsha.domain.casework import commands
from qosymsha.domain.casework.models import VoucherEnding
from qosymsha.domain.casework.rules import CaseworkRefusal, EndingDraft, refuse_ending
from qosymsha.domain.casework.states import Ending
from qosymsha.domain.ledger import queries as ledger
from qosymsha.domain.ledger.rules import AccountKind
from qosymsha.domain.people.states import Role
from qosymsha.domain.vouchers import commands as vouchers
from qosymsha.domain.vouchers.models import Enrolment, Seat, Voucher
from qosymsha.domain.vouchers.states import VoucherState
from qosymsha.kernel.actor import Actor, Grant
from qosymsha.kernel.clock import local_instant
from qosymsha.kernel.errors import Forbidden, Refused
from tests.factories.vouchers import City, accepted, add_group, enrolled, held, key, make_city

pytestmark = pytest.mark.django_db
MID_AT = local_instant(date(2026, 9, 15), 10)


def official(city: City, user_id: int, role: Role = Role.CHECKER) -> Actor:
    return Actor(user_id, f"user:{user_id}", (Grant(role, frozenset({city.territory_id})),))


def propose(actor: Actor, voucher_id: int, ending: Ending, ground: str = "", words: str = "you have moved") -> UUID:
    return commands.propose_ending(
        actor=actor, voucher_uuid=Voucher.objects.get(pk=voucher_id).uuid, draft=EndingDraft(ending, ground, words),
        at=MID_AT, key=uuid4(),
    )  # fmt: skip


def decide(actor: Actor, ending: UUID, *, yes: bool = True, days: int = 8, key_: UUID | None = None) -> None:
    commands.decide_ending(
        actor=actor, ending_uuid=ending, is_carried_out=yes, answer="heard", at=MID_AT + timedelta(days=days),
        key=key_ or uuid4(),
    )  # fmt: skip


def withdraw(actor: Actor, ending: UUID) -> None:
    commands.withdraw_ending(actor=actor, ending_uuid=ending, at=MID_AT, key=uuid4())


def refused(deed: Callable[[], object]) -> str:
    with pytest.raises(Refused) as caught:
        deed()
    return str(caught.value.reason)


@pytest.fixture
def placed() -> tuple[City, int, int]:
    """A city, a voucher with a place, suspended, and the place."""
    city = make_city()
    ((voucher, _, place),) = enrolled(city, add_group(city), 1)
    (row,) = vouchers.suspend_vouchers(
        actor=official(city, 11), voucher_ids=[voucher], reason="absent", at=MID_AT, key=key()
    )
    assert row.reason is None
    return city, voucher, place


def test_a_place_is_released_by_two_people_after_the_hearing_and_the_money_returns(
    placed: tuple[City, int, int],
) -> None:
    city, voucher, place = placed
    before = held(city, voucher)
    proposer, other = official(city, 11), official(city, 12)
    ending = propose(proposer, voucher, Ending.RELEASE)
    assert refused(lambda: decide(other, ending, days=1)) == CaseworkRefusal.ENDING_HEARING_RUNS
    assert refused(lambda: decide(proposer, ending)) == CaseworkRefusal.ENDING_SAME_OFFICIAL
    assert Voucher.objects.get(pk=voucher).state == VoucherState.SUSPENDED
    once = uuid4()
    decide(other, ending, key_=once)
    decide(other, ending, key_=once)
    assert Voucher.objects.get(pk=voucher).state == VoucherState.RELEASED
    gone = Enrolment.objects.get(pk=place)
    assert (gone.state, gone.reason) == ("ended", "office")
    assert Seat.objects.get(group_id=gone.group_id).taken == 0
    assert held(city, voucher) > before
    assert refused(lambda: decide(other, ending)) == CaseworkRefusal.ENDING_DECIDED


def test_a_closed_voucher_gives_all_it_held_back_to_its_line() -> None:
    city = make_city()
    ((voucher, _, _),) = accepted(city, 1)
    kept = held(city, voucher)
    assert kept > 0
    decide(official(city, 12), propose(official(city, 11), voucher, Ending.CLOSE, "moved"))
    closed = Voucher.objects.get(pk=voucher)
    assert (closed.state, closed.reason, held(city, voucher)) == ("closed", "moved", 0)
    assert ledger.totals([city.lines["sport"]])[city.lines["sport"]][AccountKind.RELEASED] == kept


def test_what_may_not_be_proposed(placed: tuple[City, int, int]) -> None:
    city, voucher, _ = placed
    one = official(city, 11)
    ((free, child, guardian),) = accepted(city, 1)
    assert refused(lambda: propose(one, voucher, Ending.CLOSE, "weather")) == CaseworkRefusal.ENDING_GROUND_UNKNOWN
    assert refused(lambda: propose(one, voucher, Ending.CLOSE, "refused")) == CaseworkRefusal.ENDING_GROUND_UNKNOWN
    assert refused(lambda: propose(one, voucher, Ending.RELEASE, words=" ")) == CaseworkRefusal.ENDING_WORDS_MISSING
    assert refused(lambda: propose(one, free, Ending.RELEASE)) == CaseworkRefusal.ENDING_NOTHING_TO_END
    parent = Actor(11, "user:11", one.grants, guardian_id=guardian)
    assert refused(lambda: propose(parent, free, Ending.CLOSE, "moved")) == CaseworkRefusal.ENDING_OWN_CHILD
    assert child
    propose(one, free, Ending.CLOSE, "moved")
    assert refused(lambda: propose(one, free, Ending.CLOSE, "moved")) == CaseworkRefusal.ENDING_OPEN
    vouchers.resume_vouchers(actor=one, voucher_ids=[voucher], reason="came back", at=MID_AT, key=key())
    assert refused(lambda: propose(one, voucher, Ending.CLOSE, "moved")) == CaseworkRefusal.ENDING_SUSPEND_FIRST
    elsewhere = official(make_city(), 11)
    assert refused(lambda: propose(elsewhere, voucher, Ending.CLOSE, "moved")) == CaseworkRefusal.ENDING_UNKNOWN
    with pytest.raises(Forbidden):
        propose(official(city, 11, Role.PAYER), voucher, Ending.CLOSE, "moved")


def test_a_proposal_is_declined_taken_back_or_overtaken_by_a_resumed_voucher(placed: tuple[City, int, int]) -> None:
    city, voucher, _ = placed
    one, other = official(city, 11), official(city, 12)
    decide(other, propose(one, voucher, Ending.RELEASE), yes=False, days=0)  # declining needs no hearing
    mine = propose(one, voucher, Ending.RELEASE)
    assert refused(lambda: withdraw(other, mine)) == CaseworkRefusal.ENDING_UNKNOWN
    withdraw(one, mine)
    last = propose(one, voucher, Ending.RELEASE)
    vouchers.resume_vouchers(actor=other, voucher_ids=[voucher], reason="came back", at=MID_AT, key=key())
    assert refused(lambda: decide(other, last)) == CaseworkRefusal.ENDING_SUSPEND_FIRST
    states = list(VoucherEnding.objects.order_by("id").values_list("state", flat=True))
    assert states == ["declined", "withdrawn", "proposed"]
    assert Voucher.objects.get(pk=voucher).state == VoucherState.ACTIVE


def test_the_database_itself_asks_for_two_people(placed: tuple[City, int, int]) -> None:
    city, voucher, _ = placed
    propose(official(city, 11), voucher, Ending.RELEASE)
    mine = VoucherEnding.objects.all()
    decided = {"state": "carried_out", "decided_at": MID_AT}
    with pytest.raises(IntegrityError, match="voucher_ending_two_people"), transaction.atomic():
        mine.update(decided_by=11, **decided)
    assert mine.update(decided_by=12, **decided) == 1  # the control


def test_a_long_absence_has_its_own_hearing() -> None:
    for state in ("suspended", "released"):
        assert refuse_ending(Ending.CLOSE, state, has_absence=True) is CaseworkRefusal.ENDING_ABSENCE_OPEN
        assert refuse_ending(Ending.CLOSE, state, has_absence=False) is None
