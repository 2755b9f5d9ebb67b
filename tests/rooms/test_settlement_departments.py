"""A right bound to a department reaches what its lines pay for; another department's money is as unknown as nothing."""

from __future__ import annotations

from collections.abc import Callable, Sized
from dataclasses import replace
from typing import Any

import pytest

from qosymsha.domain.people.models import Department
from qosymsha.domain.people.states import Role
from qosymsha.domain.settlement.commands import approve_claims, draw_payment_file, release_claims, reverse_claims
from qosymsha.domain.settlement.models import PaymentLine
from qosymsha.domain.settlement.queries import departments, office
from qosymsha.domain.settlement.queries.office_acts import act_work, office_acts
from qosymsha.domain.settlement.rules.refusals import SettlementRefusal
from qosymsha.kernel.actor import Actor
from qosymsha.kernel.entropy import uuid4
from qosymsha.kernel.errors import Refused
from tests.factories import papers
from tests.factories.payments import claim_of, draw_file, hear, release, say, send, sign
from tests.factories.settlement import APPROVER, AT, PAYER, PAYER_OFFICIAL, City, city
from tests.rooms.test_settlement_recoveries import upheld_after_payment

pytestmark = pytest.mark.django_db


def bound(actor: Actor, department_id: int) -> Actor:
    """The same person with rights in one department alone."""
    return replace(actor, grants=tuple(replace(grant, department_id=department_id) for grant in actor.grants))


def other_department(home: City) -> int:
    """Another department of the same territory."""
    return Department.objects.create(
        territory_id=home.programme.territory_id, code="culture", name_kk="Мәдениет", name_ru="Культура"
    ).pk


def signed(verb: Any, home: City, actor: Actor, claim_id: int, **more: Any) -> Any:
    (outcome,) = verb(actor=actor, programme_id=home.programme.id, claim_ids=[claim_id], at=AT, key=uuid4(), **more)
    return outcome.reason


def test_a_claim_of_another_departments_line_is_unknown_and_ones_own_is_signed() -> None:
    home = city()
    claim, own, other = claim_of(home), home.line.department_id, other_department(home)
    assert signed(approve_claims, home, bound(APPROVER, other), claim.id) is SettlementRefusal.UNKNOWN_CLAIM
    assert signed(reverse_claims, home, bound(APPROVER, other), claim.id, reason="x") is not None
    assert office.office_claims(actor=bound(APPROVER, other)) == []
    assert [one.id for one in office.office_claims(actor=bound(APPROVER, own))] == [claim.id]
    assert signed(approve_claims, home, bound(APPROVER, own), claim.id) is None
    assert signed(release_claims, home, bound(PAYER_OFFICIAL, other), claim.id) is SettlementRefusal.UNKNOWN_CLAIM
    assert signed(release_claims, home, bound(PAYER_OFFICIAL, own), claim.id) is None
    file: dict[str, Any] = {"programme_id": home.programme.id, "payer": PAYER, "pay_on": AT.date(), "at": AT}
    with pytest.raises(Refused, match=SettlementRefusal.NOTHING_TO_PAY.value):
        draw_payment_file(actor=bound(PAYER_OFFICIAL, other), key=uuid4(), **file)
    assert draw_payment_file(actor=bound(PAYER_OFFICIAL, own), key=uuid4(), **file).file_id


def test_control_without_the_question_another_department_signs(monkeypatch: pytest.MonkeyPatch) -> None:
    home = city()
    claim, stranger = claim_of(home), bound(APPROVER, other_department(home))
    monkeypatch.setattr("qosymsha.domain.settlement.commands.signatures.of_department", lambda *args: args[-1])
    assert signed(approve_claims, home, stranger, claim.id) is None


def test_who_is_bound_to_no_department_costs_no_statement_more(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        assert departments.of_department(APPROVER, {Role.APPROVER}, "claim", [3, 1, 2]) == [3, 1, 2]


MONEY: dict[str, Callable[[Actor], Sized]] = {
    "claims": lambda actor: office.office_claims(actor=actor),
    "files": lambda actor: office.office_files(actor=actor),
    "held": lambda actor: office.office_held(actor=actor),
    "acts": lambda actor: office_acts(actor=actor),
    "act work": lambda actor: act_work(actor=actor),
}
BACK: dict[str, Callable[[Actor], Sized]] = {
    "recoveries": lambda actor: office.office_recoveries(actor=actor),
    "recovery work": lambda actor: office.recovery_work(actor=actor),
}


def sent() -> City:
    """A claim with an act that waits, sent to the bank, with a word of the bank's that waits."""
    home = city()
    claim = claim_of(home)
    papers.act_of(home, claim)
    sign(home, claim)
    release(home, claim)
    send(home, draw_file(home).file_id)
    line = PaymentLine.objects.get(claim=claim)
    hear(say(line, reference="strange", amount_tiyn=line.amount_tiyn + 1))
    return home


def claimed_back() -> City:
    """A paid claim of which money is to come back."""
    home, _, _ = upheld_after_payment()
    return home


LISTS = pytest.mark.parametrize(("scene", "lists"), [(sent, MONEY), (claimed_back, BACK)])


def seen(lists: dict[str, Callable[[Actor], Sized]], actor: Actor) -> dict[str, int]:
    """How much of each list of money an official sees, how much work the first page counts."""
    return {name: len(asked(actor)) for name, asked in lists.items()}


@LISTS
def test_every_list_of_money_is_ones_own_departments(scene: Callable[[], City], lists: Any) -> None:
    home = scene()
    own, other = home.line.department_id, other_department(home)
    assert 0 not in seen(lists, bound(APPROVER, own)).values()
    assert seen(lists, bound(APPROVER, own)) == seen(lists, APPROVER)
    assert set(seen(lists, bound(APPROVER, other)).values()) == {0}


@LISTS
def test_control_without_the_lines_another_department_sees_all_of_them(
    scene: Callable[[], City], lists: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = scene()
    monkeypatch.setattr(office.programmes, "own_lines", lambda *_: None)
    assert 0 not in seen(lists, bound(APPROVER, other_department(home))).values()
