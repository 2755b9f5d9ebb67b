"""A programme's money asked for by a page, done by a worker: once, in parts that stay, as who asked, told as it is."""

from __future__ import annotations

import os
import re
import signal
from html import unescape
from threading import Barrier
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client

from qosymsha.domain.errands import commands as wishes
from qosymsha.domain.errands.models import Errand
from qosymsha.domain.errands.rules import About, Wanted
from qosymsha.domain.errands.states import Phase
from qosymsha.domain.ledger.rules import LedgerRefusal
from qosymsha.domain.people.models import Membership
from qosymsha.domain.people.states import Role
from qosymsha.domain.settlement import commands
from qosymsha.domain.settlement.access import ALLOWED, Action
from qosymsha.domain.settlement.models import Claim
from qosymsha.domain.settlement.rules.refusals import SettlementRefusal
from qosymsha.interfaces.jobs import money, reaper, worker
from qosymsha.interfaces.jobs.app import app
from qosymsha.interfaces.office import money_errands
from qosymsha.interfaces.ui import texts
from qosymsha.kernel import clock
from qosymsha.kernel.actor import Actor
from qosymsha.kernel.entropy import uuid4
from qosymsha.kernel.errors import Refused
from qosymsha.kernel.models import AuditEvent
from tests.factories import settlement as town
from tests.factories.errands import carry_all, nobody_works, worker_beside
from tests.factories.settlement import AT, City
from tests.interfaces import browsing
from tests.interfaces.test_jobs_errands import DYING
from tests.queue import child, jobs, until
from tests.races import at_once, patient

pytestmark = pytest.mark.django_db
COMMIT = pytest.mark.django_db(transaction=True)
BY_NIGHT = pytest.mark.skipif(os.environ.get("LOOKS") != "whole", reason="by night")
HOME = "/ru/office/"
DRAW = f"{HOME}claims/draw/?m=2026-01"
WORKER = Actor.system("errands")
# A worker that dies once the first part of its claims stands.
DYING_HALFWAY = DYING.replace(
    "errands.commands.end =",
    "from qosymsha.interfaces.jobs import money\n"
    "money.PROVIDERS_AT_ONCE = 1\n"
    "drawn, die = money.commands.draw_claims, lambda **_: os.kill(os.getpid(), signal.SIGKILL)\n"
    "def draw(**given):\n"
    "    money.commands.draw_claims = die\n"
    "    return drawn(**given)\n"
    "money.commands.draw_claims = draw\n"
    "unused =",
)


class Killed(BaseException):
    """No part of the program may catch this."""


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody works unless the test says so; a part of a draw is one provider."""
    nobody_works(monkeypatch)
    monkeypatch.setattr(money, "PROVIDERS_AT_ONCE", 1)


@transaction.atomic
def city(providers: int = 3, children: int = 1) -> City:
    """Providers with a confirmed January each; it is February."""
    home = town.city()
    groups = [home.group]
    groups += [town.add_group(home, town.add_provider(home.territory))[1] for _ in range(providers - 1)]
    for group in groups:
        places = town.enrol(home, children, group=group)
        town.promise(home, places)
        on = town.sheet(home, group=group)
        for place in places:
            town.row(on, place)
    clock.shift_to(AT)
    return home


def come(home: City, role: Role = Role.PAYER, name: str = "one") -> Client:
    user = browsing.official(role, territory_id=home.territory.id, name=f"{role}:{home.territory.id}:{name}")
    return browsing.come_in(Client(), user, strong=True)


def shown(client: Client, where: str, status: int = 200) -> str:
    answer = client.get(where)
    assert answer.status_code == status, (where, answer.status_code)
    return unescape(answer.content.decode())


def say(name: str, **values: object) -> str:
    return texts.say("ru", name, **values)


def ticked(page: str, name: str = "provider") -> dict[str, Any]:
    return browsing.form_of(page, 'method="post"') | {name: re.findall(rf'name="{name}" value="([^"]+)"', page)}


def press(client: Client, where: str, status: int = 302, **said: Any) -> str:
    """Send the page's form with all its rows ticked; where it leads to, or what it says."""
    page = shown(client, where)
    answer = client.post(where, browsing.form_of(page, 'method="post"') | ticked(page) | ticked(page, "c") | said)
    assert answer.status_code == status, unescape(answer.content.decode())[-1500:]
    return str(answer["Location"]) if status == 302 else unescape(answer.content.decode())


def asked_claims(home: City, client: Client) -> str:
    """The errand's page of a draw of all January's claims."""
    where = press(client, DRAW)
    assert "/errands/" in where
    return where


def test_what_is_asked_for_waits_is_done_as_who_asked_and_is_shown_by_every_page_of_that_money() -> None:
    home = city()
    client = come(home)
    where = asked_claims(home, client)
    page = shown(client, where)
    for key in ("errand.verb.settlement.draw_claims", "errand.state.waiting", "errand.no_worker"):
        assert say(key) in page
    assert re.search(r'<noscript><meta http-equiv="refresh"', page)
    assert Claim.objects.count() == 0
    for address in (DRAW, f"{HOME}acts/draw/", f"{HOME}closing/", f"{HOME}closing/{home.programme.uuid}/2026-1/"):
        assert f'href="{where}"' in shown(client, address), address
    carry_all()
    page = shown(client, where)
    assert say("errand.state.done") in page
    assert say("errand.tally.claims", n=3) in page
    assert f"{say('office.nav.claims')} · 01.2026" in page
    assert Claim.objects.count() == 3
    asker = browsing.official(Role.PAYER, territory_id=home.territory.id, name=f"payer:{home.territory.id}:one")
    assert set(AuditEvent.objects.filter(action="settlement.draw_claims").values_list("actor_id", flat=True)) == {asker}
    assert Errand.objects.get().proved_at is not None
    assert say("office.draw.none") in shown(client, DRAW)
    assert say("errand.under_way") not in shown(client, f"{HOME}acts/draw/")


def test_asked_three_times_by_two_it_is_one_errand_and_another_wish_waits_for_its_end() -> None:
    home = city()
    client, other = come(home), come(home, name="two")
    form = ticked(shown(other, DRAW))
    fewer = ticked(shown(come(home, name="three"), DRAW))
    where = asked_claims(home, client)
    assert other.post(DRAW, form)["Location"] == where
    assert other.post(DRAW, form)["Location"] == where
    fewer["provider"] = fewer["provider"][:1]
    third = come(home, name="three")
    said = unescape((answer := third.post(DRAW, fewer)).content.decode())
    assert answer.status_code == 422
    assert texts.refusal("ru", "errand_under_way") in said
    assert f'href="{where}"' in said
    assert len(jobs()) == 1


def test_a_form_sent_again_after_its_errand_ended_leads_where_that_led_and_draws_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    home = city(2)
    client = come(home)
    form = ticked(shown(client, DRAW))
    worker_beside(monkeypatch)
    monkeypatch.setattr("qosymsha.interfaces.office.errands.PATIENCE_SECONDS", 30)
    for sent in (form, form):
        assert client.post(DRAW, sent)["Location"] == f"{HOME}claims/?state=drawn"
    assert (Claim.objects.count(), Errand.objects.count()) == (2, 1)
    fresh = browsing.form_of(shown(client, f"{HOME}claims/"), "") | {"key": str(uuid4())}
    again = client.post(DRAW, fresh | {"provider": form["provider"]})
    assert say("office.draw.nothing") in unescape(again.content.decode())


def test_the_same_wish_of_two_is_one_errand_and_the_control_another_month_is_not() -> None:
    home = city(1)
    about = About(money_errands.SUBJECT, home.programme.id, home.programme.uuid, "01.2026", home.territory.id)
    names = [f"{name}:{home.territory.id}" for name in "ab"]
    users = [browsing.official(Role.PAYER, territory_id=home.territory.id, name=name) for name in names]

    def ask(user: int, wish: str) -> Any:
        body = {"month": "2026-01-01", "providers": [home.provider.id]}
        what = Wanted(Action.DRAW_CLAIMS, ALLOWED, about, body, None, wish)
        return wishes.ask(actor=browsing.actor(user), wanted=what, at=clock.read(), key=uuid4())

    first = ask(users[0], "2026-01.x")
    assert ask(users[1], "2026-01.x") == first
    with pytest.raises(Refused, match="errand_under_way"):
        ask(users[1], "2026-02.x")


def killed_after(monkeypatch: pytest.MonkeyPatch, parts: int) -> None:
    """The worker dies when so many parts stand."""
    draw, done = commands.draw_claims, [0]

    def dying(**given: Any) -> Any:
        if done[0] == parts:
            raise Killed
        done[0] += 1
        return draw(**given)

    monkeypatch.setattr(money.commands, "draw_claims", dying)


def test_killed_between_two_parts_it_goes_on_after_them_and_counts_each_once(monkeypatch: pytest.MonkeyPatch) -> None:
    home = city()
    where = asked_claims(home, client := come(home))
    with monkeypatch.context() as dying:
        killed_after(dying, 2)
        with pytest.raises(Killed):
            carry_all()
    assert (Errand.objects.get().state, Claim.objects.count()) == ("running", 2)
    with connection.cursor() as cursor:  # the next one lives, and has not taken it yet
        cursor.execute("INSERT INTO procrastinate_workers DEFAULT VALUES")
    assert say("errand.left_parts") in shown(client, where)
    money_of = dict(Claim.objects.values_list("number", "drawn_at"))
    Errand.objects.update(state="waiting")
    carry_all()
    page = shown(client, where)
    assert say("errand.tally.claims", n=3) in page
    assert say("errand.tally.there", n=2) not in page
    assert Claim.objects.count() == 3
    assert money_of.items() <= dict(Claim.objects.values_list("number", "drawn_at")).items()


def test_the_control_with_other_keys_what_was_drawn_is_not_known_as_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    home = city()
    where = asked_claims(home, client := come(home))
    monkeypatch.setattr(money, "uuid5", lambda *_: uuid4())
    with monkeypatch.context() as dying:
        killed_after(dying, 2)
        with pytest.raises(Killed):
            carry_all()
    Errand.objects.update(state="waiting")
    carry_all()
    assert say("errand.tally.there", n=2) in shown(client, where)
    assert Claim.objects.count() == 3  # and even so the claims of a contract and month stand once


@BY_NIGHT
@COMMIT
@pytest.mark.fault
def test_a_worker_killed_halfway_is_followed_by_another_and_nothing_is_drawn_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    home = city(2)
    asked_claims(home, come(home))
    app.perform_import_paths()
    monkeypatch.setattr(app.periodic_registry, "periodic_tasks", {})
    dying = child(DYING_HALFWAY)
    try:
        assert dying.wait(60) == -signal.SIGKILL
    finally:
        if dying.poll() is None:
            os.killpg(dying.pid, signal.SIGKILL)
            dying.wait()
    assert (Errand.objects.get().state, Claim.objects.count()) == ("running", 1)
    until(lambda: len(reaper.reap(silent_seconds=0).retried) == 1)
    assert worker.run(wait=False) == 0
    found = Errand.objects.get()
    assert (found.state, found.tries, found.tally) == ("done", 2, {"claims": 2})
    assert Claim.objects.count() == 2


def ends(home: City) -> None:
    """All rights here end at once."""
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        Membership.objects.filter(territory_id=home.territory.id).delete()
        cursor.execute("RESET session_replication_role")


def test_a_right_that_ended_while_it_waited_draws_nothing() -> None:
    home = city()
    asked_claims(home, come(home))
    ends(home)
    carry_all()
    found = Errand.objects.get()
    assert (found.state, found.reason, Claim.objects.count()) == ("refused", "errand_forbidden", 0)


def test_a_right_that_ends_between_two_parts_stops_the_rest_and_the_page_says_what_stands(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    home = city()
    where = asked_claims(home, come(home))
    draw = commands.draw_claims

    def drawn(**given: Any) -> Any:
        found = draw(**given)
        ends(home)
        return found

    monkeypatch.setattr(money.commands, "draw_claims", drawn)
    carry_all()
    page = shown(come(home, name="who comes after"), where)
    told = (say("errand.partly"), say("errand.parts_stay"), say("errand.tally.claims", n=1))
    for part in (texts.refusal("ru", "errand_right_ended"), *told):
        assert part in page
    assert Claim.objects.count() == 1
    monkeypatch.setattr(money.commands, "draw_claims", draw)  # the control: whoever has the right draws the rest
    press(come(home, name="who comes after"), DRAW)
    carry_all()
    assert Claim.objects.count() == 3


def test_a_fault_of_the_program_says_that_what_was_drawn_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    home = city()
    where = asked_claims(home, client := come(home))
    draw = commands.draw_claims

    def faulty(**given: Any) -> Any:
        assert Claim.objects.count() == 0, "a fault"
        return draw(**given)

    monkeypatch.setattr(money.commands, "draw_claims", faulty)
    with pytest.raises(AssertionError):
        carry_all()
    page = shown(client, where)
    assert say("errand.failed_parts") in page
    assert texts.refusal("ru", "errand_gave_up") not in page
    assert Claim.objects.count() == 1


def test_money_that_moved_meanwhile_is_read_again_and_a_month_that_was_closed_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    home = city(2)
    client = come(home)
    where = asked_claims(home, client)
    draw, times = commands.draw_claims, [0]

    def moving(**given: Any) -> Any:
        times[0] += 1
        if times[0] == 1:
            raise Refused(LedgerRefusal.NOT_COVERED)
        if times[0] == 3:
            raise Refused(SettlementRefusal.MONTH_CLOSED)
        return draw(**given)

    monkeypatch.setattr(money.commands, "draw_claims", moving)
    carry_all()
    page = shown(client, where)
    assert texts.refusal("ru", "month_closed") in page
    assert say("errand.tally.claims", n=1) in page
    assert f'href="{HOME}claims/draw/?p={home.programme.uuid}&m=2026-01"' in page  # the month that was asked for


def test_a_running_draw_says_how_many_of_how_many() -> None:
    home = city()
    where = asked_claims(home, client := come(home))
    uuid = Errand.objects.get().uuid
    wishes.begin(actor=WORKER, errand_uuid=uuid, at=clock.read())
    wishes.note(actor=WORKER, errand_uuid=uuid, phase=Phase.CLAIMS, done=1200, of=5000)
    page = shown(client, where)
    assert say("errand.phase.claims") in page
    assert say("errand.of", done=1200, all=5000) in page
    assert '<progress max="5000" value="1200"' in page


@COMMIT
def test_two_officers_who_press_at_once_draw_once() -> None:
    home = city(1)
    clients = [come(home, name=name) for name in ("one", "two")]
    forms = [ticked(shown(client, DRAW)) for client in clients]

    def pressing(client: Client, form: dict[str, Any]) -> Any:
        def act(barrier: Barrier) -> Any:
            barrier.wait()
            return client.post(DRAW, form)["Location"]

        return act

    with patient():
        led = at_once(*(pressing(*pair) for pair in zip(clients, forms, strict=True)))
    assert len(set(led)) == 1
    carry_all()
    assert (Errand.objects.count(), Claim.objects.count()) == (1, 1)
