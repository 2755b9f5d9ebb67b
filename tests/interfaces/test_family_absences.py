"""Absences at the family's pages: announced, warned of, objected to; own places and cases only."""

from __future__ import annotations

from datetime import date, timedelta
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from qosymsha.domain.attendance import commands
from qosymsha.domain.attendance.models import AbsenceCase, AbsenceNotice
from qosymsha.domain.people.models import Guardianship
from qosymsha.domain.vouchers.models import Enrolment
from qosymsha.interfaces.ui import texts
from qosymsha.kernel import clock
from qosymsha.kernel.clock import local_day, local_instant
from tests.factories.attendance import OVER, mark
from tests.factories.families import own_family
from tests.factories.presence import Venue
from tests.factories.vouchers import SYSTEM, key
from tests.interfaces import browsing

pytestmark = pytest.mark.django_db
ABSENCES = "/en/family/absences/"


def at_home(client: Client, children: int = 1) -> Venue:
    here = own_family(children)
    clock.shift_to(OVER)
    browsing.come_in(client, browsing.guardian_user(here.families[0][0]))
    return here


def missed(here: Venue, lessons: int) -> list[AbsenceCase]:
    """So many lessons missed by everybody, and the clock's look at them day by day; the cases by place."""
    for one in here.lessons[:lessons]:
        assert set(mark(here.city, [(one.pk, place, "absent") for _, _, place in here.families])) == {None}
    for on in sorted({one.on for one in here.lessons[:lessons]} | {local_day(OVER)}):
        programme = here.city.programme_id
        commands.watch_absences(actor=SYSTEM, programme_id=programme, on=on, at=local_instant(on, 6), key=key())
    return list(AbsenceCase.objects.order_by("enrolment_id"))


def announcement(here: Venue, family: int = 0, **other: Any) -> dict[str, Any]:
    place = str(Enrolment.objects.get(pk=here.families[family][2]).uuid)
    said = {"place": place, "kind": "ill", "first": "2026-09-30", "last": "2026-10-05", "reason": "a cold", "paper": ""}
    return said | other


def announce(client: Client, said: dict[str, Any]) -> Any:
    return client.post(ABSENCES, browsing.form_of(client.get(ABSENCES).content.decode()) | said)


def test_an_absence_is_announced_once_however_often_it_is_sent(client: Client) -> None:
    here = at_home(client)
    form = browsing.form_of(client.get(ABSENCES).content.decode()) | announcement(here)
    for _ in range(2):
        answer = client.post(ABSENCES, form)
        assert (answer.status_code, answer["Location"]) == (302, ABSENCES)
    notice = AbsenceNotice.objects.get()
    assert (notice.kind, notice.days.lower, notice.days.upper) == ("ill", date(2026, 9, 30), date(2026, 10, 6))
    page = client.get(ABSENCES).content.decode()
    assert "30.09.2026 – 05.10.2026" in page
    assert texts.say("en", "absence.announced") in page


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"last": "2026-09-29"}, "wrong_days"),
        ({"first": "2020-01-01"}, "wrong_days"),
        ({"kind": "excused"}, "paper_missing"),
        ({"first": "soon"}, "form.invalid"),
        ({"reason": " "}, "form.required"),
        ({"kind": "lazy"}, "form.invalid_choice"),
    ],
)
def test_what_is_wrong_is_said_and_what_was_typed_stays(wrong: dict[str, str], sentence: str, client: Client) -> None:
    answer = announce(client, announcement(at_home(client), reason="a long cold") | wrong)
    page = unescape(answer.content.decode())
    assert answer.status_code == 422
    said = texts.say("en", sentence) if sentence.startswith("form.") else texts.refusal("en", sentence)
    assert said in page
    assert wrong.get("reason", "a long cold") in page
    assert not AbsenceNotice.objects.exists()


def test_anothers_place_is_no_choice(client: Client) -> None:
    here = at_home(client)
    unknown = announce(client, announcement(here, place="00000000-0000-0000-0000-000000000007"))
    stranger = announce(client, announcement(here, family=1))
    assert stranger.status_code == unknown.status_code == 422
    for answer in (stranger, unknown):
        assert texts.say("en", "form.invalid_choice") in answer.content.decode()
    assert not AbsenceNotice.objects.exists()
    assert announce(client, announcement(here)).status_code == 302  # the control


def test_a_warning_leads_to_a_page_that_says_what_follows_and_hears_the_family(client: Client) -> None:
    here = at_home(client)
    own = missed(here, 3)[0]
    shown = client.get(ABSENCES).content.decode()
    assert texts.say("en", "absence.warned", n=3) in shown
    assert texts.say("en", "absence.warned", n=3) in client.get("/en/family/").content.decode()
    case = f"{ABSENCES}{own.uuid}/"
    form = browsing.form_of(client.get(case).content.decode())
    empty = client.post(case, form | {"reason": ""})
    assert empty.status_code == 422
    for _ in range(2):
        assert client.post(case, form | {"reason": "In the village with grandmother"}).status_code == 302
    own.refresh_from_db()
    assert own.objection == "In the village with grandmother"
    page = client.get(case).content.decode()
    assert texts.say("en", "absence.objected") in page
    assert "<textarea" not in page


def test_a_suspension_says_until_when_one_is_heard(client: Client) -> None:
    own = missed(at_home(client), 9)[0]
    assert own.state == "suspended"
    page = client.get(f"{ABSENCES}{own.uuid}/").content.decode()
    assert own.hear_until is not None
    assert f"{own.hear_until:%d.%m.%Y}" in page
    assert texts.say("en", "absence.suspended_more") in unescape(page)


def test_anothers_case_and_an_unknown_one_are_the_same_nothing_and_custody_that_ends_closes_it(client: Client) -> None:
    here = at_home(client)
    own, stranger = missed(here, 3)
    unknown = f"{ABSENCES}00000000-0000-0000-0000-000000000007/"
    fields = {"key": str(browsing.new_key()), "reason": "mine"}
    for where in (f"{ABSENCES}{stranger.uuid}/", unknown):
        assert client.get(where).status_code == 404
        assert client.post(where, fields).status_code == 404
    case = f"{ABSENCES}{own.uuid}/"
    assert client.get(case).status_code == 200  # the control
    ended = (date(2026, 1, 1), local_day(OVER))
    Guardianship.objects.filter(child_id=here.families[0][1]).update(valid=ended)
    assert client.get(case).status_code == 404
    assert client.post(case, fields).status_code == 404
    assert set(AbsenceCase.objects.values_list("objection", flat=True)) == {""}


def test_with_the_question_whose_child_switched_off_a_strangers_case_opens_and_the_command_still_refuses(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control run of the test above."""
    _, stranger = missed(at_home(client), 3)
    everybody = "(SELECT id FROM child WHERE (%s::bigint, %s::date) IS NOT NULL)"
    monkeypatch.setattr("qosymsha.domain.attendance.queries.families._OWN", everybody)
    case = f"{ABSENCES}{stranger.uuid}/"
    assert client.get(case).status_code == 200
    assert client.post(case, {"key": str(browsing.new_key()), "reason": "mine"}).status_code == 422
    assert AbsenceCase.objects.get(pk=stranger.pk).objection == ""


def test_the_page_asks_the_same_number_of_questions_for_one_child_and_for_five() -> None:
    counts = []
    for children in (1, 5):
        other = Client()
        here = at_home(other, children)
        missed(here, 3)
        for family in range(children):
            assert announce(other, announcement(here, family)).status_code == 302
        other.get(ABSENCES)
        with CaptureQueriesContext(connection) as seen:
            assert other.get(ABSENCES).status_code == 200
        counts.append(len(seen))
    assert counts[0] == counts[1]


def test_an_old_announcement_is_no_longer_listed(client: Client) -> None:
    here = at_home(client)
    announce(client, announcement(here))
    clock.shift_to(OVER + timedelta(days=120))
    browsing.come_in(client, browsing.guardian_user(here.families[0][0]))
    assert texts.say("en", "absence.none") in client.get(ABSENCES).content.decode()
