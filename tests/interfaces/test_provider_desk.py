"""The manager's desk: the accreditation file, groups by form, a week changed, venues, teachers invited and ended."""

from __future__ import annotations

import re
from datetime import date, timedelta
from html import unescape
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from qosymsha.domain.attendance.models import Session
from qosymsha.domain.people.models import Membership
from qosymsha.domain.people.states import Role
from qosymsha.domain.programmes import commands as programmes
from qosymsha.domain.providers import commands, queries
from qosymsha.domain.providers.models import Accreditation, ClubGroup, Engagement, Teacher, TimetableSlot, Venue
from qosymsha.domain.providers.queries import staff
from qosymsha.interfaces.ui import texts
from qosymsha.kernel import clock
from qosymsha.kernel.clock import local_instant
from tests.factories import uploads
from tests.factories.attendance import manager, plan
from tests.factories.people import number
from tests.factories.vouchers import SYSTEM, City, add_group, enrolled, key, make_city
from tests.interfaces import browsing

pytestmark = pytest.mark.django_db
MID = local_instant(date(2026, 9, 8), 9)


@pytest.fixture
def club(client: Client) -> tuple[Client, City]:
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
    assert answer.status_code == status, (name, answer.status_code)
    return unescape(answer.content.decode())


def send(client: Client, name: str, *args: object, query: str = "", form: str = "", **typed: Any) -> Any:
    address = f"/en{reverse(name, args=args)[3:]}{query}"
    hidden = browsing.form_of(client.get(address).content.decode(), form)
    return client.post(address, hidden | typed)


def uuid_of(group: int) -> Any:
    return ClubGroup.objects.get(pk=group).uuid


def say(name: str, **values: object) -> str:
    return texts.say("en", name, **values)


# the file


def test_a_file_says_what_it_lacks_what_ends_and_what_its_end_will_do(club: tuple[Client, City]) -> None:
    client, city = club
    group = add_group(city)
    enrolled(city, group, 2)
    file = Accreditation.objects.get()
    page = shown(client, "provider-accreditation-file", file.uuid)
    assert say("accr.lacks") in page
    assert say("accr.expiry_does", n=2) in page
    end = MID.date() + timedelta(days=20)
    answer = send(
        client, "provider-accreditation-file", file.uuid, kind="fire", number="F-7", first="2026-01-01", last=str(end),
        scan=SimpleUploadedFile("a.png", uploads.png(), "image/png"),
    )  # fmt: skip
    assert answer.status_code == 302, re.findall(r'class="error">([^<]+)', answer.content.decode())
    page = shown(client, "provider-accreditation-file", file.uuid)
    assert "F-7" in page
    assert say("accr.within", n=30) in page
    (scan,) = re.findall(r'href="([^"]+/papers/[^"]+)"', page)
    assert client.get(scan).headers["Content-Disposition"].startswith("attachment")
    assert say("accr.ends_soon", n=30) in shown(client, "provider-accreditation")


def test_an_unreadable_paper_stands_at_its_field_and_an_answer_is_kept(club: tuple[Client, City]) -> None:
    client, _ = club
    file = Accreditation.objects.get()
    wrong = {"kind": "fire", "number": "F", "first": "2026-05-01", "last": "2026-01-01"}
    answer = send(client, "provider-accreditation-file", file.uuid, **wrong)
    assert answer.status_code == 422
    assert texts.refusal("en", "paper_unreadable") in unescape(answer.content.decode())
    answer = send(client, "provider-accreditation-answer", file.uuid, form="answer", answer="We have repaired it.")
    assert answer.status_code == 302
    assert "We have repaired it." in shown(client, "provider-accreditation-file", file.uuid)


def test_a_file_is_filed_with_the_papers_at_hand(club: tuple[Client, City]) -> None:
    client, city = club
    Accreditation.objects.all().delete()
    programme = queries.groups_of_provider(city.provider_id, MID.date())
    assert programme == []
    page = shown(client, "provider-accreditation")
    (address,) = re.findall(r'href="([^"]+/accreditation/for/[^"]+)"', page)
    sent = browsing.form_of(client.get(address).content.decode())
    answer = client.post(address, sent | {"kinds": ["sport"], "number_fire": "F", "first_fire": ""})
    assert answer.status_code == 422
    assert 'id="f-first_fire-error"' in answer.content.decode()
    answer = client.post(address, sent | {"kinds": ["sport"], "number_fire": "F", "first_fire": "2026-01-01"})
    assert answer.status_code == 302, re.findall(r'class="error">([^<]+)', answer.content.decode())
    file = Accreditation.objects.get()
    assert (file.state, file.kinds) == ("filed", ["sport"])
    assert say("accr.kind.sanitary") in shown(client, "provider-accreditation-file", file.uuid)


# groups


def typed_group(city: City, group: int, **more: str) -> dict[str, str]:
    teacher, venue = TimetableSlot.objects.filter(group_id=group)[0].teacher, Venue.objects.get(pk=city.venue_id)
    return {
        "code": "N-1", "activity": "dombra", "language": "kk", "age_min": "7", "age_max": "12", "mode": "on_site",
        "capacity": "10", "venue": str(venue.uuid), "teacher": str(teacher.uuid), "first": "2026-09-14", "last": "",
        "tariff": "60", "units": "8", "starts_1": "15:00", "ends_1": "16:00",
    } | more  # fmt: skip


def test_a_group_is_opened_by_form_and_its_refusals_stand_at_the_fields(club: tuple[Client, City]) -> None:
    client, city = club
    group, friday = add_group(city), add_group(city, weekdays=(5,))
    other = str(TimetableSlot.objects.get(group_id=friday).teacher.uuid)
    market_activities()
    for wrong, field in (
        ({"code": ""}, "code"), ({"age_min": "13"}, "age_max"), ({"tariff": "9000"}, "tariff"),
        ({"starts_2": "15:00", "ends_2": "16:00"}, "teacher"), ({"ends_1": ""}, "ends_1"),
        ({"capacity": "490", "starts_2": "15:00", "ends_2": "16:00", "teacher": other}, "venue"),
    ):  # fmt: skip
        answer = send(client, "provider-group-open", **typed_group(city, group, **wrong))
        assert answer.status_code == 422, wrong
        assert f'id="f-{field}-error"' in answer.content.decode(), (wrong, field)
    answer = send(client, "provider-group-open", **typed_group(city, group))
    assert answer.status_code == 302, re.findall(r'class="error">([^<]+)', answer.content.decode())
    made = ClubGroup.objects.get(code="N-1")
    assert (made.capacity, made.unit_tariff_tiyn, made.mode) == (10, 6000, "on_site")
    like = shown(client, "provider-group-open", query=f"?like={made.uuid}")
    assert 'value="15:00"' in like
    assert 'value="N-1"' not in like
    page = shown(client, "provider-groups")
    assert "N-1" in page
    assert say("desk.taken", taken=0, capacity=10) in page


def market_activities() -> None:
    programmes.load_classifiers(actor=SYSTEM, at=MID, key=key())


def test_a_week_is_looked_at_before_it_is_saved(club: tuple[Client, City]) -> None:
    client, city = club
    group, other = add_group(city), add_group(city, weekdays=(1,))
    plan(city)
    mine, theirs = (str(TimetableSlot.objects.filter(group_id=g)[0].teacher.uuid) for g in (group, other))
    wish = {"first": "2026-09-14", "starts_1": "15:00", "ends_1": "16:00", "teacher_1": theirs}
    answer = send(client, "provider-timetable", uuid_of(group), step="look", **wish)
    page = unescape(answer.content.decode())
    assert answer.status_code == 200
    assert say("week.clashes", n=1) in page
    assert ClubGroup.objects.get(pk=other).code in page
    assert Session.objects.filter(group_id=group, state="cancelled").count() == 0
    assert send(client, "provider-timetable", uuid_of(group), step="save", **wish).status_code == 422
    wish["teacher_1"] = mine
    page = send(client, "provider-timetable", uuid_of(group), step="look", **wish).content.decode()
    assert say("week.free") in page
    assert say("week.will", cancelled=5, made=3, handed=0) in page
    assert send(client, "provider-timetable", uuid_of(group), step="save", **wish).status_code == 302
    assert Session.objects.filter(group_id=group, state="cancelled").count() == 5
    wish = {"first": "2026-09-08", "starts_1": "15:00", "ends_1": "16:00", "teacher_1": mine}
    page = send(client, "provider-timetable", uuid_of(group), step="save", **wish).content.decode()
    assert 'id="f-first-error"' in page


def test_terms_places_and_the_end_of_a_group(club: tuple[Client, City]) -> None:
    client, city = club
    group = add_group(city)
    enrolled(city, group, 2)
    plan(city)
    uuid = uuid_of(group)
    terms = {"language": "ru", "age_min": "5", "age_max": "17", "mode": "blended"}
    assert send(client, "provider-group-edit", uuid, **terms).status_code == 302
    answer = send(client, "provider-group-edit", uuid, **terms, adds="500")
    assert answer.status_code == 422  # the rules allow no charge
    assert 'id="f-capacity-error"' in send(client, "provider-group-places", uuid, capacity="1").content.decode()
    assert send(client, "provider-group-places", uuid, capacity="20").status_code == 302
    page = shown(client, "provider-group-close", uuid)
    assert say("desk.close_children", n=2) in page
    assert say("desk.close_voucher", n=5) in page
    answer = send(client, "provider-group-close", uuid, last="2026-09-10", reason="repairs")
    assert answer.status_code == 302
    assert ClubGroup.objects.get(pk=group).state == "closed"
    assert say("desk.closed_badge") in shown(client, "provider-group-sheet", uuid)


def test_a_venue_holds_no_fewer_than_the_timetable_puts_into_it(club: tuple[Client, City]) -> None:
    client, city = club
    add_group(city), add_group(city)
    typed = {"district": str(city.territory_id), "address_kk": "Абай 1", "address_ru": "Абая 1", "capacity": "20"}
    assert send(client, "provider-venue-new", **typed, adaptations=["ramp", "lift"]).status_code == 302
    assert Venue.objects.get(address_ru="Абая 1").adaptations == ["lift", "ramp"]
    assert Venue.objects.get(address_ru="Абая 1").latitude is None
    swapped = send(client, "provider-venue-new", **typed | {"address_ru": "Абая 3"}, place="71.4305, 51.1283")
    assert texts.refusal("en", "place_unreadable") in swapped.content.decode()
    assert 'value="71.4305, 51.1283"' in swapped.content.decode()
    twice = send(client, "provider-venue-new", **typed)
    assert texts.refusal("en", "venue_taken") in twice.content.decode()
    full = Venue.objects.get(pk=city.venue_id).uuid
    answer = send(client, "provider-venue", full, **typed | {"address_ru": "Абая 2", "capacity": "29"})
    assert 'id="f-capacity-error"' in answer.content.decode()
    mended = typed | {"address_ru": "Абая 2", "capacity": "30", "place": "51.1283, 71.4305"}
    assert send(client, "provider-venue", full, **mended).status_code == 302
    venue = Venue.objects.get(uuid=full)
    assert (venue.latitude, venue.longitude) == (51.1283, 71.4305)
    assert 'value="51.1283, 71.4305"' in shown(client, "provider-venue", full)


# teachers


def test_an_invited_teacher_comes_in_and_an_ended_right_ends_the_next_request(club: tuple[Client, City]) -> None:
    client, city = club
    group = add_group(city)
    iin = number(4, "800101")
    typed = {"iin": iin, "surname": "Ибраев", "given": "Марат"}
    assert 'id="f-iin-error"' in send(client, "provider-teacher-invite", **typed | {"iin": "1"}).content.decode()
    assert send(client, "provider-teacher-invite", **typed).status_code == 302
    again = send(client, "provider-teacher-invite", **typed)
    assert texts.refusal("en", "teacher_there") in again.content.decode()
    one = Engagement.objects.get().teacher
    user = commands.admit_teacher(actor=SYSTEM, teacher_id=one.pk, subject="idp:9", at=MID, key=key())
    TimetableSlot.objects.filter(group_id=group).update(teacher=one)
    theirs = browsing.come_in(Client(), user)
    assert theirs.get("/en/provider/lessons/").status_code == 200
    assert "Ибраев" in shown(client, "provider-teachers")
    assert send(client, "provider-teacher-end", one.uuid, reason="left").status_code == 302
    assert theirs.get("/en/provider/lessons/").status_code == 403  # the very next request
    commands.admit_teacher(actor=SYSTEM, teacher_id=one.pk, subject="idp:9", at=MID, key=key())
    assert theirs.get("/en/provider/lessons/").status_code == 403  # the timetable names them, a sign-in gives nothing
    assert say("staff.replace") in shown(client, "provider-teachers")
    assert staff.working_at(city.provider_id) == set()
    Membership.objects.filter(user_id=user).update(valid=("2026-01-01", None))
    assert theirs.get("/en/provider/lessons/").status_code == 200  # control: with the right they would be in


def test_who_was_ended_may_be_invited_again(club: tuple[Client, City]) -> None:
    _, city = club
    call = {"actor": manager(city), "provider_id": city.provider_id, "at": MID}
    add_group(city)
    one = Teacher.objects.get()
    commands.end_teacher(**call, teacher_id=one.pk, reason="left", key=key())
    assert queries.teaching(one.pk, MID.date()) == []
    Engagement.objects.create(
        provider_id=city.provider_id, teacher=one, valid=("2026-09-01", None), told_at=MID, told_by=1
    )
    assert [provider for provider, _ in queries.teaching(one.pk, MID.date())] == [city.provider_id]


# who may, and what it costs


def test_marks_of_a_page_somebody_else_left_open_are_not_taken(client: Client) -> None:
    """The page names whose it is; another account's batch stays on the phone. Its owner's is taken: the control."""
    city = make_city()
    come(client, city, Role.TEACHER)
    page = client.get("/en/provider/lessons/").content.decode()
    (own,) = re.findall(r'data-owner="([^"]+)"', page)
    body = {"key": str(uuid4()), "device": str(uuid4()), "entries": []}
    for owner, status in ((str(uuid4()), 403), (own, 200)):
        sent = client.post(
            "/en/provider/lessons/sync/", body, content_type="application/json", headers={"X-Marks-Owner": owner}
        )
        assert sent.status_code == status


def test_teachers_and_other_managers_have_no_desk(client: Client) -> None:
    city, far = make_city(), make_city()
    clock.shift_to(MID)
    group, theirs = uuid_of(add_group(city)), uuid_of(add_group(far))
    come(client, city, Role.TEACHER)
    for name in ("provider-groups", "provider-teachers", "provider-accreditation", "provider-venue-new"):
        shown(client, name, status=403)
    shown(client, "provider-group-sheet", group, status=403)
    come(client, city)
    for name in ("provider-group-sheet", "provider-group-edit", "provider-group-close", "provider-timetable"):
        shown(client, name, theirs, status=404)
        shown(client, name, group)
    shown(client, "provider-venue", Venue.objects.get(pk=far.venue_id).uuid, status=404)
    shown(
        client,
        "provider-teacher-end",
        TimetableSlot.objects.get(group__uuid=theirs, weekday=2).teacher.uuid,
        status=404,
    )
    foreign = Accreditation.objects.get(provider_id=far.provider_id).uuid
    shown(client, "provider-accreditation-file", foreign, status=404)
    shown(client, "provider-group-open", query=f"?like={theirs}", status=404)


def test_lists_ask_the_database_as_often_for_ten_groups_as_for_one(club: tuple[Client, City]) -> None:
    client, city = club
    add_group(city)
    counts = []
    for _ in range(2):
        with CaptureQueriesContext(
            connection,
        ) as asked:
            shown(client, "provider-groups")
            shown(client, "provider-teachers")
        counts.append(len(asked))
        for _ in range(6):
            add_group(city)
    assert counts[0] == counts[1]
