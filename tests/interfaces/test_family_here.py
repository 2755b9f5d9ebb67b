"""Checking in from the family's phone: one's own children, the code forgiving, refusals in words, nothing twice."""

from __future__ import annotations

from datetime import date, timedelta
from html import unescape
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from qosymsha.domain.attendance.models import CheckIn, TraceRow
from qosymsha.domain.people.models import Guardianship
from qosymsha.interfaces.family.here import code_of
from qosymsha.interfaces.ui import texts
from qosymsha.kernel import clock
from tests.factories.families import child_uuid, own_family
from tests.factories.presence import Venue, minutes, shown_at
from tests.factories.readings import children_read
from tests.interfaces import browsing

pytestmark = pytest.mark.django_db
HERE, DONE = "/en/family/here/", "/en/family/here/done/"


def at_the_lesson(client: Client, children: int = 1, after: float = 10) -> Venue:
    """Some minutes into the first lesson, its first guardian signed in."""
    here = own_family(children)
    clock.shift_to(here.lesson.starts_at + minutes(after))
    browsing.come_in(client, browsing.guardian_user(here.families[0][0]))
    return here


def code_now(here: Venue) -> str:
    return shown_at(here.lesson, clock.read())


def send(client: Client, here: Venue, code: str, *children: int, form: dict[str, str] | None = None) -> Any:
    """Press a child's button (by the family's number), or those of several."""
    fields = form or browsing.form_of(client.get(HERE).content.decode(), HERE)
    wanted = [child_uuid(here.families[n][1]) for n in children or (0,)]
    return client.post(HERE, fields | {"code": code, "child": wanted})


def test_the_picture_leads_to_the_page_in_the_browsers_language_and_changes_nothing(client: Client) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION READ ONLY")
        answer = client.get("/V/ABCD1234", headers={"accept-language": "ru"})
    assert (answer.status_code, answer["Location"]) == (302, "/ru/family/here/?c=ABCD1234")
    assert client.get("/V/ABCD1234", headers={"accept-language": "de"})["Location"].startswith("/kk/family/here/")
    assert client.get("/V/a%26x%3D1")["Location"] == "/kk/family/here/?c=a%26x%3D1"
    after_sign_in = client.get("/en/family/here/?c=ABCD1234")
    assert after_sign_in["Location"] == "/en/sign-in/?next=%2Fen%2Ffamily%2Fhere%2F%3Fc%3DABCD1234"


def test_a_touch_checks_the_child_in_and_the_green_page_says_who_when_where(client: Client) -> None:
    here = at_the_lesson(client)
    code = code_now(here)
    shown = client.get(f"{HERE}?c={code}").content.decode()
    assert f'value="{code}"' in shown
    answer = send(client, here, code, form=browsing.form_of(shown, HERE))
    assert answer.status_code == 302
    assert answer["Location"].startswith(DONE)
    done = client.get(answer["Location"]).content.decode()
    for part in ("Әлиева Айша", "15:10", "15:00–16:00", 'class="come"'):
        assert part in done
    assert CheckIn.objects.get().kind == "code"


def test_twice_pressed_reloaded_or_sent_by_a_second_page_is_one_check_in(client: Client) -> None:
    here = at_the_lesson(client)
    form = browsing.form_of(client.get(HERE).content.decode(), HERE)
    code = code_now(here)
    assert send(client, here, code, form=form).status_code == 302
    assert send(client, here, code, form=form).status_code == 302  # the same form once more
    assert send(client, here, code_now(here)).status_code == 302  # a page opened before: already in, and well
    assert CheckIn.objects.count() == 1
    shown = client.get(HERE).content.decode()
    assert child_uuid(here.families[0][1]) not in shown  # no button for whoever is in


@pytest.mark.parametrize("written", ["{}", " {} ", "https://qosymsha.kz/V/{}", "https://QOSYMSHA.KZ/V/{}/"])
def test_a_code_is_read_however_it_is_written(written: str, client: Client) -> None:
    here = at_the_lesson(client)
    code = code_now(here)
    assert send(client, here, written.format(f"{code[:4]}-{code[4:]}".lower())).status_code == 302


def test_cyrillic_look_alikes_are_read() -> None:
    assert code_of("авек мнтх") == "ABEK MHTX"
    assert code_of("АВСЕ-РОХІ") == "ABCE-POX1"


def test_children_of_one_group_are_checked_in_by_one_touch(client: Client) -> None:
    here = at_the_lesson(client, children=3)
    shown = client.get(HERE).content.decode()
    assert texts.say("en", "here.all", n=3) in shown
    answer = client.post(HERE, browsing.form_of(shown, HERE) | {"code": code_now(here), "child": "all"})
    assert answer.status_code == 302
    assert CheckIn.objects.count() == 3
    assert client.get(DONE).content.decode().count('class="come"') == 3
    assert texts.say("en", "here.all_in") in client.get(HERE).content.decode()


def test_a_refusal_says_what_to_do_and_keeps_what_was_typed(client: Client) -> None:
    here = at_the_lesson(client)
    old = shown_at(here.lesson, here.lesson.starts_at)
    for code, reason in ((old, "code_expired"), ("ZZZZZZZZ", "unknown_code"), ("short", "unknown_code")):
        answer = send(client, here, code)
        page = unescape(answer.content.decode())
        assert answer.status_code == 422
        assert texts.refusal("en", reason) in page
        assert f'value="{code}"' in page
    empty = send(client, here, "")
    assert empty.status_code == 422
    assert texts.say("en", "form.required") in empty.content.decode()
    assert CheckIn.objects.count() == 0


def test_no_child_chosen_is_said(client: Client) -> None:
    at_the_lesson(client)
    answer = client.post(HERE, browsing.form_of(client.get(HERE).content.decode(), HERE) | {"code": "ABCD1234"})
    assert answer.status_code == 422
    assert texts.say("en", "here.choose") in answer.content.decode()


def test_a_code_kept_without_network_is_late_evidence_and_the_page_says_so(client: Client) -> None:
    here = at_the_lesson(client, after=10)
    read_at = here.lesson.starts_at + minutes(5)
    code = shown_at(here.lesson, read_at)
    clock.shift_to(here.lesson.starts_at + timedelta(hours=20))
    browsing.come_in(client, browsing.guardian_user(here.families[0][0]))
    shown = client.get(HERE, {"c": code, "at": read_at.isoformat()}).content.decode()
    assert "01.09.2026 15:05" in shown
    assert texts.say("en", "here.send_kept") in shown
    fields = browsing.form_of(shown, HERE) | {"code": code, "child": child_uuid(here.families[0][1])}
    answer = client.post(HERE, fields | {"at": read_at.isoformat()})
    assert answer.status_code == 302
    assert CheckIn.objects.get().kind == "late"
    done = client.get(answer["Location"]).content.decode()
    assert texts.say("en", "done.late") in done
    assert 'class="come"' not in done


def test_a_claimed_time_cannot_make_a_code_of_now_out_of_an_old_one(client: Client) -> None:
    """The phone's clock is a claim: with it an old code is evidence, without it nothing; nonsense is no clock."""
    here = at_the_lesson(client, after=10)
    old = shown_at(here.lesson, here.lesson.starts_at)
    form = browsing.form_of(client.get(HERE).content.decode(), HERE) | {"code": old}
    form["child"] = child_uuid(here.families[0][1])
    for nonsense in ("yesterday", "2026-09-01T15:00:00", "9999-12-31T23:59:59-23:00"):
        assert client.post(HERE, form | {"at": nonsense}).status_code == 422
    assert CheckIn.objects.count() == 0


def test_anothers_child_and_an_unknown_one_are_the_same_nothing(client: Client) -> None:
    here = at_the_lesson(client)
    form = browsing.form_of(client.get(HERE).content.decode(), HERE) | {"code": code_now(here)}
    stranger = child_uuid(here.families[1][1])
    answers = [client.post(HERE, form | {"child": c}) for c in (stranger, "00000000-0000-0000-0000-000000000007", "x")]
    assert [a.status_code for a in answers] == [404, 404, 404]
    assert len({browsing.plain(a.content) for a in answers}) == 1
    assert CheckIn.objects.count() == 0
    # the control: the same form, one's own child
    assert client.post(HERE, form | {"child": child_uuid(here.families[0][1])}).status_code == 302


def test_with_the_question_whose_child_switched_off_a_stranger_is_seen_and_the_command_still_refuses(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control run of the two tests around it."""
    here = at_the_lesson(client)
    everybody = "(SELECT id FROM child WHERE (%s::bigint, %s::date) IS NOT NULL)"
    monkeypatch.setattr("qosymsha.domain.attendance.queries.families._OWN", everybody)
    shown = client.get(HERE).content.decode()
    stranger = child_uuid(here.families[1][1])
    assert stranger in shown
    form = browsing.form_of(shown, HERE) | {"code": code_now(here), "child": stranger}
    assert client.post(HERE, form).status_code == 422
    assert CheckIn.objects.count() == 0


def test_custody_that_ends_ends_it_at_the_next_request(client: Client) -> None:
    here = at_the_lesson(client)
    form = browsing.form_of(client.get(HERE).content.decode(), HERE) | {"code": code_now(here)}
    form["child"] = child_uuid(here.families[0][1])
    assert "Айша" in client.get(HERE).content.decode()  # the control: as long as it lasts
    Guardianship.objects.filter(child_id=here.families[0][1]).update(valid=(date(2026, 1, 1), here.lesson.on))
    assert client.post(HERE, form).status_code == 404
    assert "Айша" not in client.get(HERE).content.decode()
    assert CheckIn.objects.count() == 0


def test_reading_a_childs_lessons_is_audited(client: Client) -> None:
    here = at_the_lesson(client)
    client.get(HERE)
    assert here.families[0][1] in children_read("read_attendance")


def test_the_installation_has_a_name_that_says_nobodys(client: Client) -> None:
    here = at_the_lesson(client)
    client.get(HERE)
    first = client.cookies["phone"].value
    client.get(HERE)
    assert client.cookies["phone"].value == first
    assert client.cookies["phone"]["httponly"]
    send(client, here, code_now(here))
    trace = TraceRow.objects.get(kind="check_in")
    assert len(bytes(trace.device or b"")) == 16
    assert first.encode() not in bytes(trace.device or b"")


def test_the_pages_ask_the_same_number_of_questions_for_one_child_and_for_five(client: Client) -> None:
    counts: dict[str, list[int]] = {}
    for children in (1, 5):
        other = Client()
        here = at_the_lesson(other, children=children)
        for address in (HERE, DONE):
            other.get(address)
            with CaptureQueriesContext(connection) as seen:
                assert other.get(address).status_code == 200
            counts.setdefault(address, []).append(len(seen))
        code = code_now(here)
        form = browsing.form_of(other.get(HERE).content.decode(), HERE) | {"code": code, "child": "all"}
        with CaptureQueriesContext(connection) as seen:
            assert other.post(HERE, form).status_code == 302
        counts.setdefault("POST", []).append(len(seen))
    assert {address: n[0] == n[1] for address, n in counts.items()} == dict.fromkeys((HERE, DONE, "POST"), True), counts


def test_without_a_lesson_the_next_one_is_named(client: Client) -> None:
    here = own_family()
    clock.shift_to(here.lesson.starts_at - timedelta(hours=5))
    browsing.come_in(client, browsing.guardian_user(here.families[0][0]))
    page = client.get(HERE).content.decode()
    assert texts.say("en", "here.none") in page
    assert "15:00–16:00" in page


def test_the_page_for_no_network_knows_nobody(client: Client) -> None:
    at_the_lesson(client)
    page = client.get("/en/family/here/offline/").content.decode()
    assert texts.say("en", "offline.h1") in page
    assert "Айша" not in page
    assert client.get("/en/family/worker.js")["Service-Worker-Allowed"] == "/"
