"""Pages of a programme's money that a worker does: a large city's, a file's, a month's, a year's; the inbox."""

from __future__ import annotations

from datetime import date, timedelta
from html import unescape
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection
from django.template.loader import render_to_string
from django.test.utils import CaptureQueriesContext

from qosymsha.domain.errands.models import Errand
from qosymsha.domain.errands.rules import TOLD_AFTER
from qosymsha.domain.messages.models import Notice
from qosymsha.domain.people.models import Department, Membership
from qosymsha.domain.people.states import Role
from qosymsha.domain.programmes.models import BudgetPlan
from qosymsha.domain.settlement import commands
from qosymsha.domain.settlement.access import Action
from qosymsha.domain.settlement.models import Claim, ClosedMonth, ClosedYear, PaymentFile, ServiceAct
from qosymsha.interfaces.office import lists, money_errands
from qosymsha.interfaces.ui import texts
from qosymsha.kernel import clock
from qosymsha.kernel.entropy import uuid4
from tests.factories import notices
from tests.factories import settlement as town
from tests.factories.errands import carry_all, nobody_works, worker_beside
from tests.factories.settlement import AT, JANUARY, City
from tests.interfaces import browsing
from tests.interfaces.test_office_money_errands import DRAW, HOME, asked_claims, city, come, ends, press, say, shown

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody works unless the test says so."""
    nobody_works(monkeypatch)


def test_a_large_city_is_shown_stretch_by_stretch_at_the_same_cost_and_drawn_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    home = city(4)
    client = come(home)
    shown(client, DRAW)
    with CaptureQueriesContext(connection) as four:
        page = shown(client, DRAW)
    assert 'name="whole"' not in page
    monkeypatch.setattr(lists.Stretch, "__init__", _stretched(lists.Stretch.__init__))
    with CaptureQueriesContext(connection) as three:
        page = shown(client, DRAW)
    assert len(three) == len(four) <= 40
    assert say("office.draw.open", n=4) in page
    assert page.count('name="provider"') == 3
    assert shown(client, f"{DRAW}&after=3").count('name="provider"') == 1
    monkeypatch.setattr(money_errands, "LONG", 3)
    whole = browsing.form_of(page, 'method="post"') | {"whole": "1"}
    for _ in range(2):
        assert "/errands/" in client.post(DRAW, whole)["Location"]
    carry_all()
    assert Claim.objects.count() == 4
    page = shown(client, DRAW)
    assert say("office.draw.none") in page
    assert 'name="whole"' not in page  # their sheets stay; there is nothing to draw of them
    assert client.post(DRAW, whole)["Location"] == f"{HOME}claims/?state=drawn"
    page = shown(client, f"{HOME}acts/draw/")
    assert page.count('name="c"') == 3
    assert say("office.actdraw.will", n=4, sum="")[:20] in page
    client.post(f"{HOME}acts/draw/", browsing.form_of(page, 'method="post"') | {"whole": "1"})
    carry_all()
    assert ServiceAct.objects.count() == 4
    assert Errand.objects.latest("id").tally == {"acts": 4}


def _stretched(init: Any) -> Any:
    def made(self: Any, *args: Any, **given: Any) -> None:
        init(self, *args, **{"most": 3, **given})

    return made


def released(home: City) -> None:
    """All claims drawn and signed by two people."""
    for role, verb in ((Role.APPROVER, commands.approve_claims), (Role.PAYER, commands.release_claims)):
        user = browsing.official(role, territory_id=home.territory.id, name=f"{role}:{home.territory.id}:signs")
        ids = list(Claim.objects.values_list("id", flat=True))
        verb(actor=browsing.actor(user), programme_id=home.programme.id, claim_ids=ids, at=clock.read(), key=uuid4())


def test_a_payment_file_is_drawn_once_and_leads_to_itself_and_an_account_that_changed_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    home = city(1)
    client = come(home)
    asked_claims(home, client)
    carry_all()
    released(home)
    where = f"{HOME}files/draw/"
    worker_beside(monkeypatch)
    monkeypatch.setattr("qosymsha.interfaces.office.errands.PATIENCE_SECONDS", 30)
    form = browsing.form_of(shown(client, where), 'method="post"') | {"pay_on": "2026-02-16"}
    late = client.post(where, form | {"pay_on": "2026-01-31"})
    assert late.status_code == 422
    assert texts.refusal("ru", "pay_day_past") in unescape(late.content.decode())
    provider = Claim.objects.get().provider
    provider.iban = town.OTHER_IBAN
    provider.save()
    assert texts.refusal("ru", "account_changed") in unescape(client.post(where, form).content.decode())
    assert PaymentFile.objects.count() == 0
    provider.iban = town.IBAN
    provider.save()
    led = [client.post(where, form)["Location"] for _ in range(2)]
    assert set(led) == {f"{HOME}files/{PaymentFile.objects.get().number}/"}
    assert say("office.file.nothing") in shown(client, where)


def test_departments_that_say_the_same_wish_for_different_money() -> None:
    home = city(1)
    clients = []
    for n in range(2):
        department = Department.objects.create(territory=home.territory, code=f"d{n}", name_kk="Б", name_ru="У")
        user = browsing.official(Role.PAYER, territory_id=home.territory.id, name=f"d{n}:{home.territory.id}")
        Membership.objects.filter(user_id=user).update(department_id=department.id)
        clients.append(browsing.actor(user))
    request = type("Request", (), {"proof": None})
    wished = set()
    for actor in clients:
        request.actor = actor
        said = {"month": JANUARY, "providers": "all"}
        what = money_errands.wanted(
            request,
            Action.DRAW_CLAIMS,
            home.programme,
            "01.2026",
            {},
            said,  # type: ignore[arg-type]
        )
        wished.add(what.wish)
    assert len(wished) == 2
    assert all(wish.startswith("2026-01.") for wish in wished)


def test_a_month_is_closed_by_the_worker_once_and_a_month_that_is_not_over_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    home = city(1)
    client = come(home)
    where = f"{HOME}closing/{home.programme.uuid}/2026-1/"
    asked_claims(home, client)
    carry_all()
    before = browsing.form_of(shown(client, where), 'method="post"')
    led = press(client, where)
    assert "/errands/" in led
    carry_all()
    page = shown(client, led)
    assert say("errand.verb.settlement.close_month") in page
    assert say("errand.tally.unpaid", n=1) in page
    closed = ClosedMonth.objects.get()
    assert bytes(closed.hash).hex() in shown(client, f"{HOME}closing/")
    worker_beside(monkeypatch)
    monkeypatch.setattr("qosymsha.interfaces.office.errands.PATIENCE_SECONDS", 30)
    page = shown(client, where)
    assert say("closing.closed") in page
    assert say("closing.will_month") not in page
    assert browsing.form_of(page, 'method="post"') == {}, "nothing is left to press"
    answer = client.post(where, before | {"key": str(uuid4())})
    assert answer.status_code == 422
    assert texts.refusal("ru", "month_closed") in unescape(answer.content.decode())
    assert closed.month == JANUARY


def test_a_year_is_closed_by_the_worker_and_a_refusal_stands_at_its_field(monkeypatch: pytest.MonkeyPatch) -> None:
    home = city(1)
    BudgetPlan.objects.create(
        line=home.line, period=town.YEAR, amount_tiyn=10**10, decision="test", decided_by=1, decided_at=AT
    )
    clock.shift_to(AT.replace(month=12, day=30))
    client = come(home, Role.PROGRAMME_OFFICER)
    where = f"{HOME}programmes/{home.programme.uuid}/years/2026/close/"
    worker_beside(monkeypatch)
    monkeypatch.setattr("qosymsha.interfaces.office.errands.PATIENCE_SECONDS", 30)
    assert texts.refusal("ru", "december_undecided") in press(client, where, 422, looked="on")
    assert ClosedYear.objects.count() == 0
    led = press(client, where, looked="on", december="lapse", document="order 7")
    assert led == f"{HOME}budget/?p={home.programme.uuid}&y=2026"
    assert (ClosedYear.objects.get().december, ClosedYear.objects.get().decision) == ("lapse", "order 7")
    page = shown(client, where)
    assert say("budget.year_closed", year="2026") in page
    assert browsing.form_of(page, 'method="post"') == {}, "nothing is left to press"


def test_who_waited_for_long_is_told_in_the_inbox_how_it_ended_and_the_control_at_once_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    notices.at_once_over(monkeypatch)
    home = city(1)
    client = come(home)
    asked_claims(home, client)
    carry_all()
    notices.make(clock.read())
    assert not Notice.objects.filter(door="office").exists()
    asked = clock.read()
    press(client, f"{HOME}acts/draw/")
    clock.shift_to(asked + TOLD_AFTER + timedelta(seconds=1))
    ends(home)
    carry_all()
    notices.make(clock.read())
    told = Notice.objects.get(door="office")
    assert (told.kind, told.user_id) == ("errand_undone", Errand.objects.latest("id").user_id)
    client = come(home)
    inbox = shown(client, f"{HOME}notices/")
    assert say("notice.office.errand_undone", n=1) in inbox
    led = client.post(f"{HOME}notices/{told.uuid}/open/", browsing.form_of(inbox, f"{told.uuid}/open/"))["Location"]
    assert led == f"{HOME}errands/"
    page = shown(client, led)
    assert say("errand.verb.settlement.draw_acts") in page
    assert say("errand.verb.settlement.draw_claims") in page
    assert say("notice.office.errand_undone", n=1) not in shown(come(home, name="another"), f"{HOME}notices/")
    assert say("errand.mine_none") in shown(come(home, name="another"), f"{HOME}errands/")


@pytest.mark.parametrize(("month", "more"), [(JANUARY, "&m=2026-01"), (None, "")])
def test_another_programme_is_chosen_for_the_same_month(month: date | None, more: str) -> None:
    first, second = (SimpleNamespace(uuid=uuid4(), name_kk="Б", name_ru="К", name_en="C") for _ in range(2))
    words = {"programmes": [first, second], "programme": first, "month": month}
    shown = unescape(render_to_string("office/which_programme.html", words))
    assert f'href="?p={second.uuid}{more}"' in shown
    assert shown.count('aria-current="true"') == 1
