"""A family's timetable and the money of its vouchers: own children's only, equal to the ledger, few statements."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from qosymsha.domain.settlement.queries.families import own_money
from qosymsha.domain.vouchers.models import Enrolment, Voucher
from qosymsha.interfaces.ui.templatetags.words import tenge
from qosymsha.kernel import clock
from qosymsha.kernel.models import AuditEvent
from tests.factories.attendance import plan
from tests.factories.vouchers import AT, FIRST, City, add_group, enrolled, held, make_city, place
from tests.interfaces import browsing

pytestmark = pytest.mark.django_db


def placed(client: Client) -> tuple[City, Voucher, Voucher]:
    """Two families with a place each in a planned month; the first one's guardian is signed in."""
    city = make_city()
    group = add_group(city)
    (own, guardian, _), (stranger, _, _) = enrolled(city, group, 2)
    plan(city)
    clock.shift_to(AT + timedelta(days=8))
    browsing.come_in(client, browsing.guardian_user(guardian))
    return city, Voucher.objects.get(pk=own), Voucher.objects.get(pk=stranger)


def test_the_timetable_shows_two_weeks_of_own_lessons_day_by_day(client: Client) -> None:
    placed(client)
    page = client.get("/en/family/week/").content.decode()
    assert page.count('<section class="day"') == 4  # Tuesdays and Thursdays of two weeks from a Wednesday
    assert page.count("15:00–16:00") == 4
    assert page.index('id="on-2026-09-10"') < page.index('id="on-2026-09-22"')


def test_money_is_what_the_ledger_says_and_own_only(client: Client) -> None:
    city, own, stranger = placed(client)
    page = client.get("/ru/family/money/").content.decode()
    enrolment = Enrolment.objects.get(voucher=own)
    assert own.number in page
    assert stranger.number not in page
    assert str(tenge(held(city, own.pk))) in page
    assert str(tenge(place(city, enrolment.pk, FIRST))) in page
    guardian = browsing.actor(AuditEvent.objects.filter(action="read_children").latest("id").actor_id)
    (money,) = own_money(actor=guardian, at=clock.read())
    assert money.held_tiyn == held(city, own.pk)
    assert [(m.month, m.kept_tiyn, m.due_tiyn, m.paid_tiyn) for m in money.months] == [
        (date(2026, 9, 1), place(city, enrolment.pk, FIRST), 0, 0)
    ]


@pytest.mark.parametrize("name", ["week", "money"])
def test_a_page_costs_few_statements_however_many_children(client: Client, name: str) -> None:
    placed(client)
    client.get(f"/en/family/{name}/")
    with CaptureQueriesContext(
        connection,
    ) as made:
        assert client.get(f"/en/family/{name}/").status_code == 200
    assert len(made) <= 17, [one["sql"][:90] for one in made]
