"""A right bound to a department reaches what its lines pay for; another department's money is as unknown as nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from qosymsha.domain.people.models import Department
from qosymsha.domain.people.states import Role
from qosymsha.domain.settlement.commands import approve_claims, draw_payment_file, release_claims, reverse_claims
from qosymsha.domain.settlement.queries import departments, office
from qosymsha.domain.settlement.rules.refusals import SettlementRefusal
from qosymsha.kernel.actor import Actor
from qosymsha.kernel.entropy import uuid4
from qosymsha.kernel.errors import Refused
from tests.factories.payments import claim_of
from tests.factories.settlement import APPROVER, AT, PAYER, PAYER_OFFICIAL, City, city

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
