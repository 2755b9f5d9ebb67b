"""The office's pages of rounds, budget lines and the calendar: what a step will do, the step once, what it did."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client, override_settings

from qosymsha.domain.admission.models import Application, Round
from qosymsha.domain.choice.models import ChoiceRound
from qosymsha.domain.people.states import Role
from qosymsha.domain.programmes.models import BudgetLine, BudgetPlan, CalendarDay
from qosymsha.domain.vouchers.models import Voucher
from qosymsha.interfaces.ui import texts
from qosymsha.kernel import clock
from qosymsha.kernel.models import AuditEvent
from tests.factories import admission, choice
from tests.factories.errands import worker_beside
from tests.interfaces import browsing
from tests.interfaces.test_office_rules import done, fields_of, post, shown

pytestmark = pytest.mark.django_db
FAMILIES, PLACES = 30, 12


@pytest.fixture(autouse=True)
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Files of rounds stand in a folder of this test; a worker stands beside the pages."""
    worker_beside(monkeypatch)
    with override_settings(PUBLISHED=str(tmp_path)):
        yield tmp_path


def city() -> admission.City:
    """A city with money for a few places of sport."""
    return admission.City(money={"sport": admission.money_for(PLACES)})


def officer(of: admission.City, role: Role = Role.PROGRAMME_OFFICER, on: datetime | None = None) -> Client:
    """Somebody of this role in the city, with a second factor given just now; `on`: the instant it is from now on."""
    if on is not None:
        clock.shift_to(on)
    user = browsing.official(role, territory_id=of.territory.id, name=f"{role.value}:one")
    return browsing.come_in(Client(), user, strong=True)


def again(client: Client) -> Client:
    """The same browser after the clock moved: the second factor given anew."""
    return browsing.come_in(client, client.session["user"], strong=True)


def at(client: Client, instant: Any) -> Client:
    """The day is this one now."""
    clock.shift_to(instant)
    return again(client)


def test_a_round_goes_from_its_plan_to_its_files_each_step_shown_before_it_is_done(published: Path) -> None:
    of = city()
    client = officer(of, on=admission.OPENS)
    secrets = {
        f"{name}_{i}": text
        for i, (party, secret) in enumerate(admission.PARTIES.items())
        for name, text in (("party", party), ("commitment", admission.draw.commitment(secret).hex()))
    }
    typed = {"opens_on": "2026-02-02", "opens_hour": "8", "closes_on": "2026-02-16", "closes_hour": "9"}
    typed |= {"first_month": "2026-03", "last_month": "2026-12", "beacon": admission.BEACON, "plays_parties": ""}
    address = done(post(client, f"/ru/office/programmes/{of.programme.uuid}/round/", **typed, **secrets))
    page = shown(client.get(f"{address}open/"))
    assert texts.say("ru", "stage.will.open") in page
    assert f'<td class="n">{PLACES}</td>' in page
    done(post(client, f"{address}open/", looked="on"))
    the_round = Round.objects.get()
    of.file(the_round, of.families(FAMILIES))
    of.file(the_round, of.families(3, born_on=date(1999, 1, 1)))
    (held, *_) = of.families(1)
    of.file(the_round, [held])
    of.hold_voucher(held[1])
    client = at(client, admission.CLOSES)
    page = shown(client.get(f"{address}close/"))
    assert texts.say("ru", "stage.close_n", n=FAMILIES + 1) in page
    assert texts.refusal("ru", "holds_voucher") in page
    assert Application.objects.filter(state="submitted").count() == FAMILIES + 1  # looked at, nothing done
    done(post(client, f"{address}close/", looked="on"))
    wrong = post(client, f"{address}draw/", secret_0="11" * 32, secret_1="22" * 32)
    assert texts.refusal("ru", "secret_not_committed") in shown(wrong, 422)
    shown_secrets = {f"secret_{i}": secret.hex() for i, secret in enumerate(admission.PARTIES.values())}
    done(post(client, f"{address}draw/", **shown_secrets))
    page = shown(client.get(f"{address}allocate/"))
    assert texts.say("ru", "stage.allocate_n", n=FAMILIES, places=PLACES, most=PLACES) in page
    form = {**fields_of(page), **browsing.form_of(page), "looked": "on"}
    done(client.post(f"{address}allocate/", form))
    done(client.post(f"{address}allocate/", form))  # the second press of a double one
    assert Voucher.objects.exclude(child_id=held[1]).count() == PLACES
    done(post(client, f"{address}publish/", looked="on"))
    the_round.refresh_from_db()
    assert the_round.state == "published"
    assert (published / str(the_round.uuid) / "SHA256SUMS").is_file()
    page = shown(client.get(address))
    assert f"/ru/rounds/{the_round.uuid}/" in page
    assert f'<td class="n">{FAMILIES - PLACES}</td>' in page


def test_a_step_out_of_turn_says_so_and_a_round_may_be_cancelled_with_a_reason() -> None:
    of = city()
    the_round = of.opened()
    of.file(the_round, of.families(4))
    client = officer(of, on=admission.INSIDE)
    address = f"/ru/office/rounds/{the_round.uuid}/"
    assert texts.say("ru", "stage.not_now") in shown(client.get(f"{address}allocate/"))
    early = post(client, f"{address}close/", looked="on")
    assert texts.refusal("ru", "window_still_open") in shown(early, 422)
    assert texts.say("ru", "stage.cancel_what", n=4) in shown(client.get(f"{address}cancel/"))
    done(post(client, f"{address}cancel/", reason="совет потерял секрет"))
    assert "совет потерял секрет" in shown(client.get(address))
    the_round.refresh_from_db()
    assert the_round.state == "cancelled"


def test_a_trial_plays_the_parties_and_the_windows_end() -> None:
    of = city()
    client = officer(of, on=admission.OPENS)
    typed = {"opens_on": "2026-02-02", "opens_hour": "8", "closes_on": "2026-02-16", "closes_hour": "9"}
    typed |= {"first_month": "2026-03", "last_month": "2026-12", "plays_parties": "on"}
    address = done(post(client, f"/ru/office/programmes/{of.programme.uuid}/round/", **typed))
    done(post(client, f"{address}open/", looked="on"))
    of.file(Round.objects.get(), of.families(5))
    client = at(client, admission.INSIDE)
    done(post(client, f"{address}close/", looked="on", early="on"))
    done(post(client, f"{address}draw/"))
    done(post(client, f"{address}allocate/", looked="on"))
    assert Voucher.objects.count() == 5


def test_a_choice_round_has_the_same_pages() -> None:
    of = choice.town()
    the_round = choice.opened(of)
    clock.shift_to(choice.OPENS)
    user = browsing.official(Role.PROGRAMME_OFFICER, territory_id=of.territory_id, name="one")
    client = at(browsing.come_in(Client(), user, strong=True), choice.CLOSES)
    address = f"/ru/office/rounds/choice/{the_round.uuid}/"
    assert texts.say("ru", "stage.choice_close", n=0) in shown(client.get(address))
    done(post(client, f"{address}close/", looked="on"))
    done(post(client, f"{address}draw/", **{f"secret_{i}": s.hex() for i, s in enumerate(choice.PARTIES.values())}))
    done(post(client, f"{address}allocate/", looked="on"))
    done(post(client, f"{address}publish/", looked="on"))
    assert ChoiceRound.objects.get().state == "published"
    assert the_round.number in shown(client.get(f"/ru/office/rounds/?p={_programme(of)}"))


def _programme(of: Any) -> Any:
    return ChoiceRound.objects.get().programme.uuid


@pytest.mark.parametrize("role", [Role.RULE_APPROVER, Role.AUDITOR])
def test_who_only_reads_sees_the_round_and_no_button(role: Role) -> None:
    of = city()
    the_round = of.opened()
    page = shown(officer(of, role).get(f"/ru/office/rounds/{the_round.uuid}/"))
    assert texts.say("ru", "stage.will.close") in page
    assert "/close/" not in page


def test_another_citys_round_programme_line_and_day_are_as_unknown_as_none() -> None:
    of = city()
    the_round = of.opened()
    elsewhere = admission.City(kato="750000000")
    client = officer(elsewhere)
    for address in (
        f"rounds/{the_round.uuid}/",
        f"rounds/{the_round.uuid}/close/",
        f"programmes/{of.programme.uuid}/",
        f"programmes/{of.programme.uuid}/day/",
        f"programmes/rules/{of.rule_set.uuid}/",
        f"budget/?p={of.programme.uuid}",
        f"calendar/?p={of.programme.uuid}",
    ):
        assert client.get(f"/ru/office/{address}").status_code == 404, address
    assert officer(of).get(f"/ru/office/rounds/{the_round.uuid}/").status_code == 200  # the control


def test_a_line_is_given_money_and_never_loses_more_than_is_free() -> None:
    of = city()
    client = officer(of, on=admission.OPENS)
    line = BudgetLine.objects.get(pk=of.lines["sport"])
    address = f"/ru/office/budget/{line.uuid}/plan/"
    where = done(post(client, address, way="add", tenge="12500.50", decision="решение 12"))
    assert "12\u00a0500,50\u00a0₸" in shown(client.get(where))
    assert BudgetPlan.objects.get().amount_tiyn == 1_250_050
    answer = shown(post(client, address, way="cut", tenge="900000000", decision="решение 13"), 422)
    assert f'id="f-tenge-error">{texts.refusal("ru", "not_covered")}' in answer
    assert BudgetPlan.objects.count() == 1


def test_a_day_of_the_city_is_written_after_what_it_moves_is_seen_and_taken_out_again() -> None:
    of = city()
    client = officer(of, on=admission.OPENS)
    address = f"/ru/office/programmes/{of.programme.uuid}/day/"
    typed = {"day": "2026-03-04", "works": "rest", "name_kk": "Қала күні", "name_ru": "День города", "source": "№ 5"}
    page = shown(post(client, address, **typed))
    assert texts.say("ru", "calendar.moves") in page
    assert "05.03.2026 → 06.03.2026" in page  # two working days from 3 March
    assert CalendarDay.objects.count() == 0
    where = done(client.post(address, fields_of(page) | browsing.form_of(page) | typed | {"looked": "on"}))
    assert "День города" in shown(client.get(where))
    assert CalendarDay.objects.get().territory_id == of.territory.id
    done(post(client, f"{address}2026-03-04/forget/", reason="ошибка"))
    assert CalendarDay.objects.count() == 0
    past = typed | {"day": str(date(2026, 2, 2) - timedelta(days=3))}
    assert texts.refusal("ru", "day_is_past") in shown(post(client, address, **past), 422)


def test_a_typed_beacon_is_drawn_when_a_second_officer_types_the_same() -> None:
    of = city()
    the_round = of.opened(of.plan(beacon_name="typed:national lottery, draw 12"))
    of.file(the_round, of.families(3))
    of.close(the_round)
    one = officer(of, on=admission.AFTER)
    second = browsing.official(Role.PROGRAMME_OFFICER, territory_id=of.territory.id, name="second")
    other = browsing.come_in(Client(), second, strong=True)
    address = f"/ru/office/rounds/{the_round.uuid}/draw/"
    typed = {f"secret_{i}": secret.hex() for i, secret in enumerate(admission.PARTIES.values())}
    for client, value, said in (
        (one, "07", "stage.value_kept"),
        (one, "07", "stage.value_kept"),  # saying it twice makes no second person
        (other, "08", "stage.value_differs"),
    ):
        assert texts.say("ru", said) in shown(post(client, address, value=value, **typed), 422)
        the_round.refresh_from_db()
        assert the_round.state == "closed"
    done(post(other, address, value="07", **typed))
    the_round.refresh_from_db()
    assert (the_round.state, bytes(the_round.beacon_value or b"")) == ("drawn", b"\x07")
    drawn = AuditEvent.objects.get(action="draw_round")
    assert len(set(drawn.detail["typed_by"])) == 2


def test_a_choice_rounds_typed_beacon_needs_a_second_officer_too() -> None:
    of = choice.town()
    the_round = choice.opened(of, choice.plan(beacon_name="typed:national lottery, draw 12"))
    choice.close(the_round)
    clock.shift_to(choice.AFTER)
    address = f"/ru/office/rounds/choice/{the_round.uuid}/draw/"
    typed = {f"secret_{i}": secret.hex() for i, secret in enumerate(choice.PARTIES.values())}
    for name, said in (("one", "stage.value_kept"), ("one", "stage.value_kept"), ("two", "")):
        user = browsing.official(Role.PROGRAMME_OFFICER, territory_id=of.territory_id, name=name)
        answer = post(browsing.come_in(Client(), user, strong=True), address, value="07", **typed)
        if said:
            assert texts.say("ru", said) in shown(answer, 422)
        else:
            done(answer)
    the_round.refresh_from_db()
    assert the_round.state == "drawn"
    assert len(set(AuditEvent.objects.get(action="draw_choice_round").detail["typed_by"])) == 2
