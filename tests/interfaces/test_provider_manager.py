"""The manager's pages: what waits, the month, a lesson changed, a mark put right, sheets; who may not; GET is idle."""

from __future__ import annotations

import re
from datetime import date, timedelta
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.http import Http404
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from qosymsha.domain.attendance import queries
from qosymsha.domain.attendance.models import Mark, MarkObjection, MonthSheet, Session, SessionChange
from qosymsha.domain.people import commands as people
from qosymsha.domain.people.models import Membership
from qosymsha.domain.people.states import Role
from qosymsha.domain.programmes.models import CalendarDay
from qosymsha.domain.providers.models import Accreditation, ClubGroup, Evidence, Provider, Teacher, TimetableSlot
from qosymsha.domain.vouchers.models import Enrolment
from qosymsha.interfaces.provider import house, month
from qosymsha.interfaces.provider.access import Look
from qosymsha.interfaces.ui import texts
from qosymsha.interfaces.ui.signed import signed_request
from qosymsha.kernel import clock
from qosymsha.kernel.clock import local_instant
from tests.factories.attendance import OVER, mark, phone, plan, send, sync
from tests.factories.readings import readings
from tests.factories.vouchers import SYSTEM, City, add_group, enrolled, key, make_city
from tests.interfaces import browsing

pytestmark = pytest.mark.django_db
MID = local_instant(date(2026, 9, 15), 9)  # a Tuesday: lessons of the 1st, 3rd, 8th, 10th are over
SEPTEMBER = "?m=2026-09"


@pytest.fixture
def club(client: Client) -> tuple[Client, City]:
    """A manager signed in, in the middle of September."""
    city = make_city()
    clock.shift_to(MID)
    come(client, city)
    return client, city


def come(client: Client, city: City, role: Role = Role.PROVIDER_MANAGER) -> int:
    user = browsing.official(role, provider_id=city.provider_id, name=f"test:{role}:{city.provider_id}")
    browsing.come_in(client, user, strong=True)
    return user


def shown(client: Client, name: str, *args: object, query: str = "", status: int = 200) -> str:
    answer = client.get(f"/en{reverse(name, args=args)[3:]}{query}")
    assert answer.status_code == status, answer.content.decode()[-3000:]
    return unescape(answer.content.decode())


def post(client: Client, name: str, *args: object, query: str = "", action: str = "", **typed: Any) -> Any:
    """The page's own form, sent: the answer."""
    address = f"/en{reverse(name, args=args)[3:]}{query}"
    return client.post(address, browsing.form_of(client.get(address).content.decode(), action) | typed)


def said(client: Client, answer: Any) -> str:
    assert answer.status_code == 302, answer.content.decode()[-3000:]
    found = re.search(r'role="status">([^<]*)<', client.get(answer["Location"]).content.decode())
    assert found is not None
    return unescape(found[1])


def lessons(group: int) -> list[Session]:
    return list(Session.objects.filter(group_id=group).order_by("starts_at"))


def test_a_new_club_has_calm_pages_in_every_language(club: tuple[Client, City]) -> None:
    client, city = club
    file = Accreditation.objects.get(provider_id=city.provider_id)
    for kind in ("premises", "sanitary", "fire", "teachers"):  # without them the file would wait for the manager
        Evidence.objects.create(accreditation=file, kind=kind, number="1", valid=("2026-01-01", None))
    for language in texts.LANGUAGES:
        for name in ("home", "month", "free-days", "objections", "sheets", "send", "pay"):
            answer = client.get(f"/{language}{reverse(f'provider-{name}')[3:]}")
            assert answer.status_code == 200
            assert answer.content.decode().count("<h1") == 1
    page = shown(client, "provider-home")
    assert texts.say("en", "manage.calm") in page
    assert texts.say("en", "month.no_groups") in shown(client, "provider-month")


def test_the_month_is_planned_once_however_often_it_is_sent(club: tuple[Client, City]) -> None:
    client, city = club
    add_group(city)
    assert texts.say("en", "manage.unplanned", n=9) in shown(client, "provider-home")
    page = shown(client, "provider-month", query=SEPTEMBER)
    sent = browsing.form_of(page)
    address = f"/en/provider/month/{SEPTEMBER}"
    assert said(client, client.post(address, sent)) == texts.say("en", "month.plan_done", n=9)
    assert said(client, client.post(address, sent)) == texts.say("en", "month.plan_done", n=9)
    assert Session.objects.count() == 9
    assert texts.say("en", "month.plan") not in shown(client, "provider-month", query=SEPTEMBER)


def test_the_home_page_says_what_waits_and_leads_there(club: tuple[Client, City]) -> None:
    client, city = club
    group = add_group(city)
    place = enrolled(city, group)[0][2]
    first = plan(city)[0]
    page = shown(client, "provider-home")
    assert texts.say("en", "manage.unmarked", n=4) in page
    mark(city, [(first.id, place, "present")], at=MID)
    assert texts.say("en", "manage.unmarked", n=3) in shown(client, "provider-home")
    page = shown(client, "provider-month", query=SEPTEMBER)
    assert texts.say("en", "month.unmarked", n=3) in page
    assert texts.say("en", "month.missing", n=3) in page


def test_a_lesson_is_moved_with_a_reason_and_the_clash_is_shown(club: tuple[Client, City]) -> None:
    client, city = club
    group, other = add_group(city), add_group(city, "creative", weekdays=(5,), tariff=6_000)
    place = enrolled(city, group)[0][2]
    elsewhere = enrolled(city, other, kind="creative")[0][2]
    child = Enrolment.objects.get(pk=place).child_id
    plan(city)
    lesson = lessons(group)[4]  # Tuesday the 15th
    with connection.cursor() as cursor:  # one child in both, as a rule set with two slots allows
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("UPDATE enrolment SET child_id = %s WHERE id = %s", [child, elsewhere])
        cursor.execute("SET session_replication_role = origin")
    answer = post(client, "provider-lesson-move", lesson.uuid, on="2026-09-18", starts="15:30", reason="")
    assert answer.status_code == 422
    answer = post(client, "provider-lesson-move", lesson.uuid, on="2026-09-01", starts="15:30", reason="flood")
    assert texts.refusal("en", "lesson_past") in answer.content.decode()
    answer = post(client, "provider-lesson-move", lesson.uuid, on="2026-09-18", starts="15:30", reason="flood")
    assert said(client, answer) == texts.say("en", "change.moved.done")
    lesson.refresh_from_db()
    assert lesson.state == "moved"
    page = client.get(answer["Location"]).content.decode()
    assert texts.say("en", "change.clashes", n=1) in page
    assert "Айша" in page
    old = shown(client, "provider-lesson", lesson.uuid)
    assert "flood" in old
    assert str(Session.objects.get(pk=lesson.moved_to_id).uuid) in old


def test_a_lesson_is_cancelled_made_up_reinstated_and_given_another_teacher(club: tuple[Client, City]) -> None:
    client, city = club
    group, _ = add_group(city), add_group(city, weekdays=(1,))
    plan(city)
    later = lessons(group)[5:]
    assert said(client, post(client, "provider-lesson-cancel", later[0].uuid, reason="frost")).startswith("The lesson")
    assert said(client, post(client, "provider-lesson-cancel", later[1].uuid, reason="frost")).startswith("The lesson")
    assert said(client, post(client, "provider-lesson-reinstate", later[0].uuid, reason="thaw"))
    answer = post(client, "provider-lesson-move", later[1].uuid, on="2026-09-25", starts="15:00", reason="frost")
    assert said(client, answer) == texts.say("en", "change.made_up.done")
    someone = TimetableSlot.objects.filter(weekday=1).first()
    assert someone is not None
    answer = post(client, "provider-lesson-substitute", later[0].uuid, teacher=str(someone.teacher.uuid), reason="ill")
    assert said(client, answer) == texts.say("en", "change.substituted.done")
    kinds = list(SessionChange.objects.order_by("id").values_list("kind", flat=True))
    assert kinds == ["cancelled", "cancelled", "reinstated", "made_up", "substituted"]
    assert "ill" in shown(client, "provider-lesson", later[0].uuid)


def test_lessons_on_a_day_off_are_shown_before_anything_is_done_and_done_once(club: tuple[Client, City]) -> None:
    client, city = club
    group = add_group(city, weekdays=(2, 4))
    plan(city)
    for day in (date(2026, 9, 22), date(2026, 9, 24)):
        CalendarDay.objects.create(territory_id=city.territory_id, day=day, is_working=False, source="test")
    page = shown(client, "provider-free-days", query=SEPTEMBER)
    boxes = re.findall(r'name="do" value="([^"]+)"', page)
    assert len(boxes) == 2
    assert SessionChange.objects.count() == 0
    address = f"/en/provider/month/free-days/{SEPTEMBER}"
    assert client.post(address, browsing.form_of(page) | {"do": boxes}).status_code == 422
    sent = browsing.form_of(page) | {"do": boxes[:1], "reason": "a holiday"}
    answer = client.post(address, sent)
    assert said(client, answer) == texts.say("en", "free.done", n=1)
    assert client.post(address, sent).status_code == 302
    assert SessionChange.objects.count() == 1
    again = browsing.form_of(shown(client, "provider-free-days", query=SEPTEMBER))
    answer = client.post(address, again | {"do": [boxes[0], boxes[1].split("|")[0] + "|cancel"], "reason": "holiday"})
    assert answer.status_code == 409  # the first was moved already: said, the second is done
    assert texts.refusal("en", "wrong_state") in answer.content.decode()
    assert Session.objects.filter(group_id=group, state="cancelled").count() == 1
    assert client.post(address, again | {"do": "nonsense", "reason": "x", "key": str(key())}).status_code == 400


def test_a_mark_is_put_right_with_a_reason_and_the_register_shows_it(club: tuple[Client, City]) -> None:
    client, city = club
    group = add_group(city)
    place = enrolled(city, group)[0][2]
    first, second = plan(city)[:2]
    mark(city, [(first.id, place, "present"), (second.id, place, "absent")], at=MID)
    uuid, group_uuid = Enrolment.objects.get(pk=place).uuid, ClubGroup.objects.get(pk=group).uuid
    page = shown(client, "provider-group", group_uuid, query=SEPTEMBER)
    assert "Айша" in page
    assert page.count(">✓<") == 1
    assert page.count(">✗<") == 1
    lesson = Session.objects.get(pk=second.id).uuid
    assert str(lesson) in page
    assert post(client, "provider-mark", lesson, uuid, value="present").status_code == 422
    answer = post(client, "provider-mark", lesson, uuid, value="absent", reason="register")
    assert texts.refusal("en", "nothing_changes") in answer.content.decode()
    answer = post(client, "provider-mark", lesson, uuid, value="present", reason="register")
    assert said(client, answer) == texts.say("en", "marks.amended")
    assert set(Mark.objects.values_list("value", flat=True)) == {"present"}


def test_a_contested_mark_is_decided_by_the_manager_once(club: tuple[Client, City]) -> None:
    client, city = club
    group = add_group(city)
    place = enrolled(city, group)[0][2]
    first = plan(city)[0]
    mark(city, [(first.id, place, "present")], at=MID)
    sync(city, phone(1), [(1, first.id, place, "absent")], at=MID)
    assert texts.say("en", "manage.objections", n=1) in shown(client, "provider-home")
    assert " contested" in shown(client, "provider-group", ClubGroup.objects.get(pk=group).uuid, query=SEPTEMBER)
    found = str(MarkObjection.objects.get().pk)
    answer = post(client, "provider-objections", objection=found, word="upheld", reason="")
    assert answer.status_code == 422
    sent = browsing.form_of(shown(client, "provider-objections")) | {"word": "upheld", "reason": "the teacher says so"}
    assert said(client, client.post("/en/provider/objections/", sent)) == texts.say("en", "objection.upheld")
    assert client.post("/en/provider/objections/", sent).status_code == 302
    assert Mark.objects.get().value == "absent"
    assert texts.say("en", "objection.none") in shown(client, "provider-objections")


def over(client: Client, city: City, children: int = 2) -> tuple[int, list[int]]:
    """September is over and marked; the clock stands on 1 October."""
    group = add_group(city)
    places = [e for _, _, e in enrolled(city, group, children)]
    sessions = plan(city)
    mark(city, [(s.id, e, "present") for s in sessions for e in places])
    clock.shift_to(OVER)
    session = client.session
    session.update({"since": OVER.isoformat(), "seen": OVER.isoformat(), "strong_at": OVER.isoformat()})
    session.save()
    return group, places


def pages(city: City, group: int, place: int) -> list[str]:
    """Every manager's page that speaks of something of this club."""
    lesson, sheet = lessons(group)[0].uuid, MonthSheet.objects.get(group_id=group).uuid
    uuid = ClubGroup.objects.get(pk=group).uuid
    lesson_pages = [reverse(f"provider-lesson{verb}", args=[lesson]) for verb in
                    ("", "-move", "-cancel", "-reinstate", "-substitute")]  # fmt: skip
    return [
        *lesson_pages,
        reverse("provider-group", args=[uuid]) + SEPTEMBER,
        reverse("provider-mark", args=[lesson, Enrolment.objects.get(pk=place).uuid]),
        reverse("provider-sheet", args=[sheet]),
    ]


def test_nothing_of_a_club_is_shown_to_anothers_manager_its_teacher_or_whoever_left(club: tuple[Client, City]) -> None:
    client, city = club
    group, places = over(client, city)
    send(city)
    found = pages(city, group, places[0])
    own = [client.get(address).status_code for address in found]
    assert own == [200] * len(found)  # the control: with the right they are shown
    other = make_city()
    for role, of, expected in (
        (Role.PROVIDER_MANAGER, other, 404),
        (Role.TEACHER, city, 403),
        (Role.GUARDIAN, None, 403),
    ):
        stranger = Client()
        if of is None:
            browsing.come_in(stranger, browsing.guardian_user(next(iter(city.wards.values()))), at=OVER)
        else:
            come(stranger, of, role)
        assert {stranger.get(address).status_code for address in found} == {expected}, role
    membership = Membership.objects.get(provider_id=city.provider_id, role=Role.PROVIDER_MANAGER)
    people.dismiss(actor=SYSTEM, membership_id=membership.pk, at=OVER, key=key())
    assert {client.get(address).status_code for address in found} == {403}


def test_a_teacher_who_manages_elsewhere_manages_nothing_here(club: tuple[Client, City]) -> None:
    client, city = club
    user = come(client, city)
    taught = make_city()
    browsing.official(
        Role.TEACHER, provider_id=taught.provider_id, name=f"test:{Role.PROVIDER_MANAGER}:{city.provider_id}"
    )
    assert Membership.objects.filter(user_id=user).count() == 2
    assert client.get("/en/provider/month/").status_code == 200  # the control: the club that is managed
    uuid = Provider.objects.get(pk=taught.provider_id).uuid
    sent = browsing.form_of(shown(client, "provider-home"), "choose") | {"provider": str(uuid)}
    assert client.post("/en/provider/choose/", sent).status_code == 302
    for name in ("month", "sheets", "send", "pay", "objections", "free-days"):
        assert client.get(f"/en{reverse(f'provider-{name}')[3:]}").status_code == 404, name
    assert texts.say("en", "month.nav") not in shown(client, "provider-home")
    stranger = make_city()
    uuid = Provider.objects.get(pk=stranger.provider_id).uuid
    assert client.post("/en/provider/choose/", sent | {"provider": str(uuid)}).status_code == 404


def test_the_gate_is_what_keeps_a_teacher_out(club: tuple[Client, City], monkeypatch: pytest.MonkeyPatch) -> None:
    """The control run: without the check of the room and of the pages a teacher would see the manager's month."""
    client, city = club
    teacher = Client()
    come(teacher, city, Role.TEACHER)
    request = teacher.get("/en/provider/").wsgi_request
    assert request is not None
    bare = month.month.__wrapped__  # type: ignore[attr-defined]  # the view below its gate
    signed = signed_request(request)
    assert signed is not None
    with pytest.raises(Http404):
        bare(signed)
    monkeypatch.setattr(house, "is_manager", lambda request: True)
    assert bare(signed).status_code == 200
    assert Look.MONTH.value == "provider_month"


def test_looking_changes_nothing_but_the_record_of_who_looked(club: tuple[Client, City]) -> None:
    client, city = club
    group, places = over(client, city)
    send(city)
    addresses = [*pages(city, group, places[0]), "/en/provider/", "/en/provider/month/", "/en/provider/pay/"]
    with CaptureQueriesContext(
        connection,
    ) as seen:
        for address in addresses:
            assert client.get(address).status_code == 200
    writes = [q["sql"] for q in seen if re.match(r"\s*(INSERT|UPDATE|DELETE)", q["sql"], re.IGNORECASE)]
    assert {re.split(r"\s+", sql.strip())[2].strip('"') for sql in writes} <= {"audit_event"}
    assert readings()  # the reads of children are recorded, by a function of the database


def asked(client: Client, address: str) -> int:
    client.get(address)
    with CaptureQueriesContext(connection) as seen:
        assert client.get(address).status_code == 200
    return len(seen)


def test_a_page_asks_the_database_as_often_for_many_as_for_few(client: Client) -> None:
    counts = []
    for size in (1, 4):
        city = make_city()
        clock.shift_to(OVER - timedelta(days=2))
        mine = Client()
        come(mine, city)
        for _ in range(size):
            group = add_group(city)
            places = [e for _, _, e in enrolled(city, group, size * 2)]
        plan(city)
        sessions = queries.sessions_of(city.provider_id, date(2026, 9, 1))
        mark(city, [(s.id, e, "present") for s in sessions if s.group_id == group for e in places])
        clock.shift_to(OVER)
        session = mine.session
        session.update({"since": OVER.isoformat(), "seen": OVER.isoformat()})
        session.save()
        send(city)
        found = pages(city, group, places[0])
        lists = ["/en/provider/month/" + SEPTEMBER, "/en/provider/sheets/", f"/en/provider/sheets/send/{SEPTEMBER}"]
        counts.append([asked(mine, address) for address in [*lists, found[0], *found[-3:]]])
    assert counts[0] == counts[1]


def test_months_out_of_reach_and_things_unknown_are_404(club: tuple[Client, City]) -> None:
    client, _ = club
    for query in ("?m=2026-13", "?m=9999-12", "?m=x", "?m=1990-01"):
        assert client.get(f"/en/provider/month/{query}").status_code == 404
    nothing = key()
    for name in ("lesson", "group", "sheet", "act"):
        assert client.get(f"/en{reverse(f'provider-{name}', args=[nothing])[3:]}").status_code == 404
    assert Teacher.objects.count() == 0
