"""The month at the family's pages: seen by day, confirmed by a second factor, disputed, taken back; own rows only."""

from __future__ import annotations

from datetime import date, timedelta
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from qosymsha.domain.attendance import commands
from qosymsha.domain.attendance.models import DayHold, SheetRow, TraceRow
from qosymsha.domain.attendance.queries import months
from qosymsha.domain.attendance.rules import Decision, HoldDecision
from qosymsha.domain.people.models import Guardianship
from qosymsha.interfaces.ui import texts
from qosymsha.kernel import clock
from qosymsha.kernel.models import AuditEvent
from tests.factories.attendance import OFFICER_DAY, OVER
from tests.factories.families import month_sent, own_family
from tests.factories.presence import Venue
from tests.factories.vouchers import OFFICER, key
from tests.interfaces import browsing

pytestmark = pytest.mark.django_db
MONTHS = "/en/family/months/"


def sent(client: Client, children: int = 1, *, strong: bool = True) -> tuple[Venue, list[SheetRow]]:
    """September's sheet is with the parents; the first guardian is signed in, with a second factor just given."""
    here = own_family(children)
    rows = month_sent(here, ["present", "ill", "absent"])
    clock.shift_to(OVER)
    browsing.come_in(client, browsing.guardian_user(here.families[0][0]), strong=strong)
    return here, rows


def address(row: SheetRow) -> str:
    return f"{MONTHS}{row.uuid}/"


def words(*rows: SheetRow) -> list[str]:
    return [SheetRow.objects.get(pk=row.pk).word for row in rows]


def say(client: Client, row: SheetRow, **said: Any) -> Any:
    """Answer on the row's own page."""
    form = browsing.form_of(client.get(address(row)).content.decode())
    return client.post(address(row), form | said)


def text(client: Client, where: str) -> str:
    return unescape(client.get(where).content.decode())


def test_a_month_is_shown_day_by_day_with_totals_and_the_deadline(client: Client) -> None:
    here, (row, _) = sent(client)
    for page in (text(client, MONTHS), text(client, address(row))):
        assert "Әлиева Айша" in page
        assert "September 2026" in page
        assert texts.say("en", "month.until", day="08.10.2026") in page
        assert page.count('class="present"') == len(here.lessons) - 2
        assert page.count('class="absent"') == 1
        assert "Tuesday, 01.09" in page


def test_confirming_needs_a_second_factor_and_comes_back_to_the_page_with_what_was_pressed(client: Client) -> None:
    _, (row, _) = sent(client, strong=False)
    form = browsing.form_of(client.get(MONTHS).content.decode())
    answer = client.post(MONTHS, form | {"row": str(row.uuid)})
    assert answer["Location"] == f"/en/step-up/?next={MONTHS.replace('/', '%2F')}"
    assert words(row) == ["silent"]
    browsing.come_in(client, _user(client), strong=True)
    again = text(client, MONTHS)
    assert texts.say("en", "months.again") in again
    assert client.post(MONTHS, browsing.form_of(again) | {"row": str(row.uuid)}).status_code == 302
    stored = SheetRow.objects.get(pk=row.pk)
    assert (stored.word, stored.proof_way) == ("confirmed", "code")
    assert texts.say("en", "months.confirmed", n=1) in text(client, MONTHS)


def _user(client: Client) -> int:
    return int(client.session["user"])


def test_months_of_several_children_are_confirmed_by_one_touch_those_that_were_shown(client: Client) -> None:
    _, rows = sent(client, children=3)
    page = text(client, MONTHS)
    assert texts.say("en", "months.all", n=3) in page
    shown = [str(row.uuid) for row in rows[:3]]
    assert all(page.count(f'value="{uuid}"') == 2 for uuid in shown)
    assert client.post(MONTHS, browsing.form_of(page) | {"row": shown}).status_code == 302
    assert words(*rows) == ["confirmed"] * 3 + ["silent"]


def test_some_days_are_disputed_with_a_reason_and_the_rest_is_confirmed(client: Client) -> None:
    here, (row, _) = sent(client)
    day = here.lessons[0]
    answer = say(client, row, word="days", days=[str(day.pk)], reason="We were at the dentist")
    assert (answer.status_code, answer["Location"]) == (302, address(row))
    assert words(row) == ["confirmed"]
    assert [(h.session_id, h.state) for h in DayHold.objects.all()] == [(day.pk, "open")]
    page = text(client, address(row))
    for key_ in ("month.hold.disputed", "month.word.in_part", "month.withdraw", "month.said_disputed"):
        assert texts.say("en", key_) in page
    assert TraceRow.objects.filter(kind="word", device__isnull=False).count() == 1


def test_a_dispute_without_a_reason_or_a_day_says_so_and_keeps_what_was_typed(client: Client) -> None:
    here, (row, _) = sent(client)
    day = str(here.lessons[0].pk)
    no_reason = say(client, row, word="days", days=[day])
    page = unescape(no_reason.content.decode())
    assert no_reason.status_code == 422
    assert texts.refusal("en", "reason_missing") in page
    assert f'value="{day}"' in page
    assert "checked" in page.partition(f'value="{day}"')[2][:120] + page.partition(f'value="{day}"')[0][-120:]
    no_day = say(client, row, word="days", reason="Something is wrong")
    assert no_day.status_code == 422
    assert texts.say("en", "month.tick") in no_day.content.decode()
    assert "Something is wrong" in no_day.content.decode()
    absent = say(client, row, word="days", days=[str(here.lessons[2].pk)], reason="x")
    assert absent.status_code == 422  # only a present day may be disputed
    assert words(row) == ["silent"]


def test_what_was_typed_comes_back_after_the_second_factor(client: Client) -> None:
    here, (row, _) = sent(client, strong=False)
    day = str(here.lessons[0].pk)
    answer = say(client, row, word="days", days=[day], reason="We were at the dentist")
    assert answer["Location"].startswith("/en/step-up/?next=")
    browsing.come_in(client, _user(client), strong=True)
    page = text(client, address(row))
    for part in (texts.say("en", "month.again"), "We were at the dentist", "checked", "autofocus"):
        assert part in page
    assert words(row) == ["silent"]


def test_the_whole_month_is_disputed_and_taken_back(client: Client) -> None:
    _, (row, _) = sent(client)
    assert say(client, row, word="whole", reason="He never went there").status_code == 302
    assert words(row) == ["disputed"]
    assert "He never went there" in text(client, address(row))
    assert say(client, row, word="confirm").status_code == 302
    assert words(row) == ["confirmed"]
    assert texts.say("en", "month.said_withdrawn") in text(client, address(row))


def test_what_an_officer_decided_is_shown_with_the_reason(client: Client) -> None:
    here, rows = sent(client, children=2)
    say(client, rows[1], word="days", days=[str(here.lessons[0].pk)], reason="ill that day")
    hold = DayHold.objects.get()
    decided = HoldDecision(hold.pk, False, "the camera shows an empty room")
    commands.decide_days(actor=OFFICER, decisions=[decided], at=OFFICER_DAY, key=key())
    commands.decide_rows(
        actor=OFFICER, decisions=[Decision(rows[0].pk, True, "the journal of 8.09")], at=OFFICER_DAY, key=key()
    )
    first, second = text(client, address(rows[0])), text(client, address(rows[1]))
    assert texts.say("en", "month.word.decided") in first
    assert "the journal of 8.09" in first
    assert texts.say("en", "month.hold.upheld") in second
    assert "the camera shows an empty room" in second


def test_sent_twice_it_is_said_once_and_a_second_tab_is_told(client: Client) -> None:
    _, (row, _) = sent(client)
    form = browsing.form_of(client.get(address(row)).content.decode()) | {"word": "confirm"}
    tab = browsing.form_of(client.get(address(row)).content.decode()) | {"word": "whole", "reason": "no"}
    for _ in range(2):
        assert client.post(address(row), form).status_code == 302
    assert AuditEvent.objects.filter(action="confirm_rows").count() == 1
    late = client.post(address(row), tab)
    assert late.status_code == 422
    assert texts.refusal("en", "already_spoken") in unescape(late.content.decode())
    assert words(row) == ["confirmed"]


def test_looking_changes_no_month(client: Client) -> None:
    _, (row, _) = sent(client)
    before = SheetRow.objects.filter(pk=row.pk).values().get()
    for where in (MONTHS, address(row), "/en/family/"):
        assert client.get(where).status_code == 200
    assert SheetRow.objects.filter(pk=row.pk).values().get() == before
    assert not AuditEvent.objects.filter(action="confirm_rows").exists()


def test_anothers_month_and_an_unknown_one_are_the_same_nothing(client: Client) -> None:
    _, (own, stranger) = sent(client)
    unknown = f"{MONTHS}00000000-0000-0000-0000-000000000007/"
    for method, data in ((client.get, {}), (client.post, {"word": "confirm", "key": str(browsing.new_key())})):
        answers = [method(where, data) for where in (address(stranger), unknown)]
        assert [a.status_code for a in answers] == [404, 404]
        assert browsing.plain(answers[0].content) == browsing.plain(answers[1].content)
    form = browsing.form_of(client.get(MONTHS).content.decode())
    assert client.post(MONTHS, form | {"row": [str(own.uuid), str(stranger.uuid)]}).status_code == 404
    assert words(own, stranger) == ["silent", "silent"]
    assert client.get(address(own)).status_code == 200  # the control
    assert client.post(MONTHS, form | {"row": [str(own.uuid)]}).status_code == 302


def test_with_the_question_whose_child_switched_off_a_strangers_month_opens_and_the_command_still_refuses(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control run of the tests around it."""
    _, (_, stranger) = sent(client)
    families = "qosymsha.domain.attendance.queries.families"
    everybody = "(SELECT id FROM child WHERE (%s::bigint, %s::date) IS NOT NULL)"
    monkeypatch.setattr(f"{families}._OWN", everybody)
    monkeypatch.setattr(f"{families}.own_months", lambda *, actor, at: months._shown(actor, at, "%s", [True]))
    assert client.get(address(stranger)).status_code == 200
    assert say(client, stranger, word="confirm").status_code == 422
    assert words(stranger) == ["silent"]


def test_custody_that_ends_closes_the_month_at_the_next_request(client: Client) -> None:
    _, (row, _) = sent(client)
    form = browsing.form_of(client.get(address(row)).content.decode())  # the control: open as long as it lasts
    assert form
    Guardianship.objects.filter(child_id=row.child_id).update(valid=(date(2026, 1, 1), date(2026, 10, 1)))
    assert client.get(address(row)).status_code == 404
    assert client.post(address(row), form | {"word": "confirm"}).status_code == 404
    assert "Айша" not in text(client, MONTHS)
    assert words(row) == ["silent"]


def test_a_proof_older_than_the_rules_minutes_is_asked_for_anew(client: Client, settings: Any) -> None:
    """The installation may be more patient than the month's rules: the rules' minutes count."""
    settings.STEP_UP_MINUTES = 60
    _, (row, _) = sent(client)
    clock.shift_to(OVER + timedelta(minutes=9))
    form = browsing.form_of(client.get(address(row)).content.decode()) | {"word": "confirm"}
    clock.shift_to(OVER + timedelta(minutes=11))
    assert client.post(address(row), form)["Location"].startswith("/en/step-up/")
    assert words(row) == ["silent"]
    clock.shift_to(OVER + timedelta(minutes=9))
    assert client.post(address(row), form)["Location"] == address(row)  # the control
    assert words(row) == ["confirmed"]


def test_the_pages_ask_the_same_number_of_questions_for_one_child_and_for_five() -> None:
    counts: dict[str, list[int]] = {}
    for children in (1, 5):
        other = Client()
        _, rows = sent(other, children=children)
        for name, where in {"months": MONTHS, "month": address(rows[0]), "home": "/en/family/"}.items():
            other.get(where)
            with CaptureQueriesContext(connection) as seen:
                assert other.get(where).status_code == 200
            counts.setdefault(name, []).append(len(seen))
    assert all(first == last for first, last in counts.values()), counts


def test_the_first_page_says_what_needs_me_now(client: Client) -> None:
    sent(client, children=2)
    page = text(client, "/en/family/")
    assert texts.say("en", "home.months", n=2) in page
    assert texts.say("en", "month.until", day="08.10.2026") in page
    assert texts.say("en", "home.nothing") not in page
