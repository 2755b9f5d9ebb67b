"""A provider's statement: what is due, why, when; what waits, for whom; nothing of others."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qosymsha.domain.people.states import Role
from qosymsha.domain.programmes.rules import Calendar
from qosymsha.domain.settlement import queries
from qosymsha.domain.settlement.models import PaymentLine
from qosymsha.domain.settlement.ports import Writer
from qosymsha.domain.settlement.queries import Statement
from qosymsha.domain.settlement.rules.statements import WAITS_FOR, Waiting, pay_day
from qosymsha.domain.settlement.states import Side
from qosymsha.kernel.errors import Forbidden, Refused
from tests.factories.papers import ALL_PAPERS, act_of, manager_of, registered, sign_both, sign_side, word_on
from tests.factories.payments import FULL, claim_of, draw_file, hear, release, say, send, sign
from tests.factories.settlement import AT, JANUARY, City, city, enrol, person, promise, row, sheet


def read(home: City, **changes: Any) -> Statement:
    given = {"actor": manager_of(home), "provider_id": home.provider.id, "at": AT} | changes
    return queries.statement(**given)


def waits(home: City) -> list[str]:
    (claim,) = read(home).claims
    return [w.reason.value for w in claim.waits]


@pytest.mark.django_db
def test_a_claim_tells_at_each_step_what_it_waits_for_until_it_is_paid() -> None:
    home = city(**ALL_PAPERS)
    claim = claim_of(home)
    assert waits(home) == ["act_drawn"]
    act = act_of(home, claim)
    assert waits(home) == ["act_provider", "act_customer"]
    manager = manager_of(home)
    own = Writer(registered(manager), home.provider.bin or "", "Manager")
    sign_side(home, act, Side.PROVIDER, word_on(act, own), manager)
    assert waits(home) == ["act_customer"]


@pytest.mark.django_db
def test_the_way_to_the_bank_is_told_and_what_came_back_with_its_reason() -> None:
    home = city(papers={"act_required": False, "einvoice_required": False})
    claim = claim_of(home)
    assert waits(home) == ["approval"]
    home.provider.iban = ""
    home.provider.save()
    assert waits(home) == ["account"]
    home.provider.iban = "KZ699990000000000001"
    home.provider.save()
    sign(home, claim)
    assert waits(home) == ["release"]
    release(home, claim)
    assert waits(home) == ["payment_file"]
    file_id = draw_file(home).file_id
    assert waits(home) == ["sending"]
    send(home, file_id)
    assert waits(home) == ["treasury"]
    assert (read(home).due_tiyn, read(home).paid_tiyn) == (FULL, 0)
    line = PaymentLine.objects.get()
    hear(say(line))
    found = read(home)
    assert waits(home) == []
    assert (found.due_tiyn, found.paid_tiyn, found.claims[0].paid_at) == (0, FULL, AT)
    hear(say(line, "returned"))
    assert waits(home) == ["held"]
    assert read(home).claims[0].reason == "AC04"


@pytest.mark.django_db
def test_a_done_act_waits_for_approval_and_the_formula_stands_beside_the_sum() -> None:
    home = city(papers={"act_required": True, "einvoice_required": False})
    claim = claim_of(home, 2)
    sign_both(home, act_of(home, claim))
    (due,) = read(home).claims
    assert [w.reason for w in due.waits] == [Waiting.APPROVAL]
    assert due.to_pay_tiyn == due.amount_tiyn == 2 * FULL
    assert set(due.words) == {"kk", "ru", "en"}
    assert due.due_on == date(2026, 2, 18)


@pytest.mark.django_db
def test_sheets_that_are_not_claimed_tell_who_is_silent() -> None:
    home = city()
    first, second = enrol(home, 2)
    promise(home, [first, second])
    on = sheet(home, state="with_parents")
    row(on, first)
    row(on, second, word="silent")
    (due,) = read(home).sheets
    assert due.at_most_tiyn == 2 * FULL
    assert [(w.reason, w.whom, w.count) for w in due.waits] == [(Waiting.PARENTS, "parents", 1)]
    later = read(home, at=AT.replace(month=3)).sheets[0]
    assert later.waits[0].reason is Waiting.OFFICER_DECIDES
    assert read(home).claims == ()


@pytest.mark.django_db
def test_a_statement_is_the_providers_own() -> None:
    home = city()
    claim_of(home)
    other = person(Role.PROVIDER_MANAGER, 5, provider_id=home.provider.id + 1)
    foreign = person(Role.PAYER, 6, territory_ids=frozenset({home.territory.id + 1}))
    for actor in (other, foreign):
        with pytest.raises(Forbidden):
            read(home, actor=actor)
    with pytest.raises(Refused):
        queries.statement(actor=manager_of(home), provider_id=0, at=AT)
    assert queries.provider_numbered(home.provider.number.lower()) == home.provider.id


@pytest.mark.parametrize(
    ("month", "moves", "due"),
    [
        (date(2026, 1, 1), "next", date(2026, 2, 18)),
        (date(2026, 3, 1), "next", date(2026, 4, 20)),  # the 18th is a Saturday
        (date(2026, 3, 1), "previous", date(2026, 4, 17)),
        (date(2026, 3, 1), "stay", date(2026, 4, 18)),
        (date(2026, 12, 1), "next", date(2027, 1, 18)),
    ],
)
def test_the_pay_day_moves_to_a_working_day_as_the_rule_says(month: date, moves: str, due: date) -> None:
    assert pay_day(month, 18, moves, Calendar()) == due


def test_a_holiday_moves_the_pay_day_too() -> None:
    rests = Calendar({date(2026, 2, 18): False, date(2026, 2, 19): False})
    assert pay_day(JANUARY, 18, "next", rests) == date(2026, 2, 20)


@given(st.dates(date(2024, 1, 1), date(2030, 1, 1)), st.integers(1, 28))
def test_the_pay_day_is_always_a_working_day_of_the_months_after(month: date, day: int) -> None:
    first = month.replace(day=1)
    due = pay_day(first, day, "next", Calendar())
    assert due.weekday() < 5
    assert due > first


def test_every_reason_to_wait_says_for_whom() -> None:
    assert set(WAITS_FOR) == set(Waiting)
