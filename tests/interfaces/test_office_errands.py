"""A long step asked for by a page: small, it is done at once; else its page says how far it is, and why it is not."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client, override_settings

from qosymsha.domain.admission.models import Round
from qosymsha.domain.errands import commands
from qosymsha.domain.errands.models import Errand
from qosymsha.domain.errands.states import ErrandState, Phase
from qosymsha.domain.flags.models import FlagRun
from qosymsha.domain.people.states import Role
from qosymsha.interfaces.ui import texts
from qosymsha.kernel import clock
from qosymsha.kernel.actor import Actor
from tests.factories import admission, choice, office
from tests.factories.errands import carry_all, nobody_works, worker_beside
from tests.factories.vouchers import FIRST, add_group
from tests.interfaces import browsing
from tests.interfaces.test_office_rounds import city, officer
from tests.interfaces.test_office_rules import done, post, shown

pytestmark = pytest.mark.django_db
WORKER = Actor.system("errands")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Files of rounds in a folder of this test; nobody works unless the test says so."""
    nobody_works(monkeypatch)
    with override_settings(PUBLISHED=str(tmp_path)):
        yield


@pytest.fixture
def of() -> admission.City:
    """A city."""
    return city()


@pytest.fixture
def drawn(of: admission.City) -> Round:
    """Its drawn round."""
    the_round = of.opened()
    of.file(the_round, of.families(5))
    of.close(the_round)
    of.draw(the_round)
    return the_round


def test_without_a_worker_the_page_says_so_and_the_wish_waits_for_one(of: admission.City, drawn: Round) -> None:
    client = officer(of, on=admission.AFTER)
    round_page = f"/ru/office/rounds/{drawn.uuid}/"
    where = done(post(client, f"{round_page}allocate/", looked="on"))
    page = shown(client.get(where))
    for key in ("errand.verb.allocate_round", "errand.state.waiting", "errand.no_worker", "errand.ask_operator"):
        assert texts.say("ru", key) in page
    assert 'http-equiv="refresh"' in page
    assert Round.objects.get(pk=drawn.id).state == "drawn"
    for address in (round_page, f"{round_page}allocate/"):  # where it is led to its errand, not asked twice
        assert f'href="{where}"' in shown(client.get(address))
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO procrastinate_workers DEFAULT VALUES")
    assert texts.say("ru", "errand.no_worker") not in shown(client.get(where))
    carry_all()
    page = shown(client.get(where))
    assert texts.say("ru", "errand.state.done") in page
    assert texts.say("ru", "errand.tally.vouchers", n=5) in page
    assert 'http-equiv="refresh"' not in page
    assert Round.objects.get(pk=drawn.id).state == "allocated"


def test_a_running_errand_says_its_phase_and_its_rows(of: admission.City, drawn: Round) -> None:
    client = officer(of, on=admission.AFTER)
    where = done(post(client, f"/ru/office/rounds/{drawn.uuid}/allocate/", looked="on"))
    uuid = Errand.objects.get().uuid
    commands.begin(actor=WORKER, errand_uuid=uuid, at=clock.read() - timedelta(seconds=67))
    page = shown(client.get(where))
    assert texts.say("ru", "errand.takes", time="1:07")[:9] in page
    commands.note(actor=WORKER, errand_uuid=uuid, phase=Phase.VOUCHERS, done=1200, of=5000)
    page = shown(client.get(where))
    assert texts.say("ru", "errand.phase.vouchers") in page
    assert '<progress max="5000" value="1200"' in page
    assert texts.say("ru", "errand.of", done=1200, all=5000) in page
    assert texts.say("ru", "errand.take_back") not in page


def test_a_worker_that_died_halfway_is_told_and_one_that_works_is_not(of: admission.City, drawn: Round) -> None:
    client = officer(of, on=admission.AFTER)
    where = done(post(client, f"/ru/office/rounds/{drawn.uuid}/allocate/", looked="on"))
    uuid = Errand.objects.get().uuid
    commands.begin(actor=WORKER, errand_uuid=uuid, at=clock.read())
    commands.note(actor=WORKER, errand_uuid=uuid, phase=Phase.VOUCHERS, done=1200, of=5000)
    left, phase = texts.say("ru", "errand.left"), texts.say("ru", "errand.phase.vouchers")
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO procrastinate_workers DEFAULT VALUES RETURNING id")
        (worker,) = cursor.fetchone()
        cursor.execute("UPDATE procrastinate_jobs SET status = 'doing', worker_id = %s", [worker])
        page = shown(client.get(where))
        assert left not in page
        assert phase in page
        cursor.execute("UPDATE procrastinate_workers SET last_heartbeat = now() - interval '1 minute'")
        cursor.execute("INSERT INTO procrastinate_workers DEFAULT VALUES")  # the next one, which has not taken it yet
    page = shown(client.get(where))
    assert left in page
    assert phase not in page


def test_refused_within_a_moment_it_is_said_at_the_form_else_on_its_page(
    of: admission.City, drawn: Round, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = officer(of, on=admission.AFTER)
    address = f"/ru/office/rounds/{drawn.uuid}/allocate/"
    of.give("sport", -admission.month_tiyn() * 10 * 12)
    where = done(post(client, address, looked="on"))
    carry_all()
    page = shown(client.get(where))
    assert texts.refusal("ru", "money_gone") in page
    assert f'href="{address}"' in page
    worker_beside(monkeypatch)
    monkeypatch.setattr("qosymsha.interfaces.office.errands.PATIENCE_SECONDS", 30)
    assert texts.refusal("ru", "money_gone") in shown(post(client, address, looked="on"), 422)


def test_a_right_that_ended_while_it_waited_ends_it(of: admission.City, drawn: Round) -> None:
    client = officer(of, on=admission.AFTER)
    where = done(post(client, f"/ru/office/rounds/{drawn.uuid}/allocate/", looked="on"))
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("DELETE FROM membership")
        cursor.execute("RESET session_replication_role")
    carry_all()
    assert (Errand.objects.get().state, Errand.objects.get().reason) == ("refused", "errand_forbidden")
    assert Round.objects.get(pk=drawn.id).state == "drawn"
    assert client.get(where).status_code == 403


def test_one_takes_it_back_another_cannot_and_another_city_does_not_see_it(of: admission.City, drawn: Round) -> None:
    client = officer(of, on=admission.AFTER)
    where = done(post(client, f"/ru/office/rounds/{drawn.uuid}/allocate/", looked="on"))
    colleague = browsing.official(Role.PROGRAMME_OFFICER, territory_id=of.territory.id, name="two")
    other = browsing.come_in(Client(), colleague, strong=True)
    page = shown(other.get(where))
    assert texts.say("ru", "errand.take_back") not in page
    key = {"key": str(browsing.new_key())}
    assert other.post(f"{where}withdraw/", key).status_code == 404
    elsewhere = admission.City(kato="750000000").territory.id
    stranger = browsing.official(Role.PROGRAMME_OFFICER, territory_id=elsewhere, name="three")
    assert browsing.come_in(Client(), stranger, strong=True).get(where).status_code == 404
    assert done(client.post(f"{where}withdraw/", key)) == where
    assert texts.say("ru", "errand.state.withdrawn") in shown(client.get(where))
    carry_all()
    assert Round.objects.get(pk=drawn.id).state == "drawn"
    assert Errand.objects.get().state == ErrandState.WITHDRAWN


def beside(monkeypatch: pytest.MonkeyPatch) -> None:
    worker_beside(monkeypatch)
    monkeypatch.setattr("qosymsha.interfaces.office.errands.PATIENCE_SECONDS", 30)


def test_freed_places_are_given_at_once_after_the_page_said_how_many(monkeypatch: pytest.MonkeyPatch) -> None:
    town = choice.town(freed="rerun")
    group = add_group(town, capacity=1)
    the_round, (first, second, _) = choice.queue(town, group, 3)
    choice.closed_for_good(first)
    clock.shift_to(choice.LATER)
    user = browsing.official(Role.PROGRAMME_OFFICER, territory_id=town.territory_id, name="one")
    client = browsing.come_in(Client(), user, strong=True)
    round_page = f"/ru/office/rounds/choice/{the_round.uuid}/"
    page = shown(client.get(round_page))
    assert f'href="{round_page}rerun/"' in page
    assert f"{round_page}offer/" not in page
    said = texts.say("ru", "stage.places_now", places=1, groups=1, waiting=2)
    assert said in shown(client.get(f"{round_page}rerun/"))
    assert choice.place_of(second) is None  # looked at, nothing done
    beside(monkeypatch)
    assert done(post(client, f"{round_page}rerun/", looked="on")) == round_page
    assert choice.place_of(second) == group
    assert texts.refusal("ru", "freed_by_rerun") in shown(post(client, f"{round_page}offer/", looked="on"), 422)


def test_a_checker_screens_a_month_now_and_sees_what_there_is_to_judge(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = office.desk(families=3, silent=0)
    address = f"/ru/office/flags/screen/?m={FIRST:%Y-%m}"
    officer_of = browsing.official(Role.PROGRAMME_OFFICER, territory_id=desk.city.territory_id, name="officer")
    assert browsing.come_in(Client(), officer_of, strong=True).get(address).status_code == 403
    client = browsing.come_in(Client(), desk.official(Role.CHECKER), strong=True)
    page = shown(client.get(address))
    assert texts.say("ru", "screening.fresh", n=1) in page
    assert FlagRun.objects.count() == 0
    empty = shown(client.get("/ru/office/flags/screen/?m=2031-01"))
    assert texts.say("ru", "screening.empty", month="Январь 2031 г.") in empty
    beside(monkeypatch)
    where = done(post(client, address, looked="on"))
    assert where == f"/ru/office/flags/?m={FIRST:%Y-%m}"
    assert FlagRun.objects.filter(month=FIRST).exists()
    assert texts.say("ru", "screening.fresh", n=0) in shown(client.get(address))
    elsewhere = admission.City(kato="750000000")
    assert client.get(f"{address}&p={elsewhere.programme.uuid}").status_code == 404
