"""Looking a child up: for a purpose, masked, the same for nobody and for another city's, so many times a day."""

from __future__ import annotations

import re
from datetime import date, timedelta
from html import unescape
from typing import Any
from urllib.parse import unquote

import pytest
from django.db import connection, transaction
from django.db.backends.postgresql.psycopg_any import DateRange
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext

from qosymsha.domain.enquiries.models import Enquiry, EnquiryOpening
from qosymsha.domain.people import commands as people_commands
from qosymsha.domain.people import queries as people
from qosymsha.domain.people.models import Child, ChildStatus, Guardianship, SecurityEvent
from qosymsha.domain.people.rules import PersonDetails, person_json
from qosymsha.domain.people.states import Role
from qosymsha.domain.people.steps import SecretRow, seal
from qosymsha.domain.vouchers.models import Voucher
from qosymsha.kernel import clock
from qosymsha.kernel.models import AuditEvent
from tests.factories.people import number
from tests.factories.readings import children_read
from tests.factories.vouchers import SYSTEM, City, add_group, enrolled, make_city
from tests.interfaces import browsing

pytestmark = pytest.mark.django_db
PAGE = "/en/office/people/"
WHY = {"purpose": "complaint", "reference": "cm-2026/118"}
BORN = date(2016, 5, 5)


def person(city: City, surname: str, given: str, serial: int) -> int:
    """A child of the city with a place, a name, an IIN."""
    ((voucher, _, _),) = enrolled(city, add_group(city), 1)
    child = Voucher.objects.get(pk=voucher).child_id
    who = PersonDetails(number(serial), surname, given, "", BORN)
    with transaction.atomic():
        lookup = people.iin_lookup("child", str(who.iin))
        seal("child", [SecretRow(child, person_json(who), lookup, people.person_tokens(who))])
    return child


def come(city: City, role: Role = Role.CHECKER, *, strong: bool = True) -> Client:
    user = browsing.official(role, territory_id=city.territory_id, name=f"{role}:{city.territory_id}:search")
    return browsing.come_in(Client(), user, strong=strong)


def ask(client: Client, **typed: str) -> Any:
    sent = browsing.form_of(client.get(PAGE).content.decode())
    return client.post(PAGE, sent | WHY | typed)


def found(client: Client, **typed: str) -> str:
    """The page of what an enquiry found."""
    answer = ask(client, **typed)
    assert answer.status_code == 302, unescape(answer.content.decode())
    return unescape(client.get(answer.headers["Location"]).content.decode())


def opened(client: Client, shown: str) -> str:
    """The address of the first hit's record, opened."""
    (where, *_) = re.findall(r'action="([^"]*/records/[^"]*)"', shown)
    sent = browsing.form_of(shown, where)
    assert client.post(where, sent | {"purpose": "appeal"}).status_code == 302
    return str(where)


def test_each_way_finds_the_child_masked_and_a_second_act_opens_it() -> None:
    city = make_city()
    child = person(city, "Серікова", "Айгүл", 1)
    voucher = Voucher.objects.get(child_id=child).number
    checker = come(city)
    for typed in (
        {"number": voucher.lower()},
        {"iin": number(1)},
        {"name": "айгул серикова", "born_on": BORN.isoformat()},  # without Kazakh letters, in the other order
    ):
        shown = found(checker, **typed)
        assert "С•••• А••••, 2016" in shown
        assert "Серікова" not in shown
        assert number(1) not in shown
    assert Enquiry.objects.count() == 3
    where = opened(checker, shown)
    record = unescape(checker.get(where).content.decode())
    assert "Серікова Айгүл" in record
    assert voucher in record
    assert number(1) not in record
    assert EnquiryOpening.objects.get().purpose == "appeal"
    assert child in children_read("read_record")
    event = AuditEvent.objects.filter(action="search_people").last()
    assert event is not None
    assert event.detail == {"purpose": "complaint", "reference": "CM-2026/118", "way": "name", "hits": 1}


def test_nobody_and_another_citys_child_are_the_same_answer_at_the_same_price() -> None:
    mine, other = make_city(), make_city()
    person(other, "Омаров", "Дәурен", 2)
    checker = come(mine)
    asked = [
        {"iin": number(2)}, {"iin": number(3)},
        {"name": "Омаров Дәурен", "born_on": BORN.isoformat()}, {"name": "Жоқов Жоқ", "born_on": BORN.isoformat()},
    ]  # fmt: skip
    checker.get(PAGE)
    answers = []
    for typed in asked:
        sent = browsing.form_of(checker.get(PAGE).content.decode())
        with CaptureQueriesContext(connection) as spent:
            answer = checker.post(PAGE, sent | WHY | typed)
        page = unescape(checker.get(answer.headers["Location"]).content.decode())
        told = re.search(r"<main.*</main>", page, re.DOTALL)
        assert told is not None
        plain = re.sub(r'name="(key|csrfmiddlewaretoken)" value="[^"]*"|\d\d:\d\d', "", told[0])
        answers.append((answer.status_code, len(spent), plain))
    assert len({len(a[2]) for a in answers}) == 1
    assert {(a[0], a[1]) for a in answers} == {(302, answers[0][1])}
    assert "Nobody was found" in answers[0][2]
    assert "О••••" in found(come(other), iin=number(2))  # control: in its own city the child is found


@pytest.mark.parametrize(
    ("typed", "fault"),
    [
        ({"purpose": ""}, "This field"),
        ({"reference": "Ivanov"}, "letters and digits"),
        ({"reference": "160505700019"}, "never an IIN"),
        ({"iin": "160505700018"}, "check digit"),
        ({"name": "Айгүл", "born_on": "2016-05-05"}, "needed together"),
        ({"name": "Серікова Айгүл"}, "needed together"),
        ({"number": "A-000001-0"}, "last sign"),
        ({}, "give a number"),
    ],
)
def test_an_enquiry_states_its_purpose_and_names_one_person(typed: dict[str, str], fault: str) -> None:
    answer = ask(come(make_city()), **typed)
    assert answer.status_code == 422
    assert "form" in unescape(answer.content.decode())
    assert fault in unescape(answer.content.decode()) or fault == "This field"
    assert not Enquiry.objects.exists()


def test_so_many_enquiries_a_day_and_the_next_day_anew(settings: Any) -> None:
    settings.ENQUIRIES_A_DAY = 2
    checker = come(make_city())
    assert [ask(checker, iin=number(n)).status_code for n in (1, 2, 3)] == [302, 302, 422]
    clock.shift_to(clock.read() + timedelta(days=1))
    assert ask(checker, iin=number(4)).status_code == 302


def test_only_the_asker_opens_only_in_time_and_only_what_is_in_the_territory() -> None:
    city = make_city()
    child = person(city, "Серікова", "Айгүл", 5)
    checker, officer = come(city), come(city, Role.PROGRAMME_OFFICER)
    shown = found(checker, iin=number(5))
    (where,) = re.findall(r'action="([^"]*/records/[^"]*)"', shown)
    assert checker.get(where).status_code == 302  # not opened yet: back to what was found
    assert officer.get(where).status_code == 404
    sent = browsing.form_of(officer.get(PAGE).content.decode())
    assert officer.post(where, sent | {"purpose": "appeal"}).status_code == 404
    opened(checker, shown)
    assert checker.get(where).status_code == 200
    Child.objects.filter(pk=child).update(territory_id=make_city().territory_id)
    assert checker.get(where).status_code == 302  # moved away: the open record is shut
    Child.objects.filter(pk=child).update(territory_id=city.territory_id)
    assert checker.get(where).status_code == 200
    clock.shift_to(clock.read() + timedelta(minutes=31))
    assert checker.get(where).status_code == 302


def test_categories_are_for_a_checker_who_proved_anew_and_asked_for_them() -> None:
    city = make_city()
    child = person(city, "Серікова", "Айгүл", 6)
    ChildStatus.objects.create(
        child_id=child, category="orphan", source="register", evidence="e-1", state="certified",
        valid=DateRange(date(2026, 1, 1), None), certified_at=clock.read(), certified_by=1,
    )  # fmt: skip
    for role, sees in ((Role.PROGRAMME_OFFICER, False), (Role.CHECKER, True)):
        client = come(city, role)
        where = opened(client, found(client, iin=number(6)))
        assert "orphan" not in client.get(where).content.decode()
        assert ("orphan" in client.get(f"{where}?categories=1").content.decode()) is sees, role
    clock.shift_to(clock.read() + timedelta(minutes=11))  # the record is open still, the proof is old
    answer = client.get(f"{where}?categories=1")
    assert answer.status_code == 200
    assert "orphan" not in answer.content.decode()
    assert children_read("read_record_categories") == {child}


def test_a_guardians_number_finds_the_children_and_a_honeytoken_rings() -> None:
    city = make_city()
    child = person(city, "Серікова", "Айгүл", 7)
    guardian = Guardianship.objects.get(child_id=child).guardian_id
    mother = PersonDetails(number(8), "Серікова", "Сәуле", "", date(1990, 1, 1))
    with transaction.atomic():
        seal("guardian", [SecretRow(guardian, person_json(mother), people.iin_lookup("guardian", str(mother.iin)), [])])
    checker = come(city)
    assert "С•••• А••••" in found(checker, iin=number(8))
    assert not SecurityEvent.objects.exists()
    bait = PersonDetails(None, "Балықов", "Бақыт", "", BORN)
    people_commands.invent_honeytoken(actor=SYSTEM, territory_id=city.territory_id, person=bait, at=clock.read())
    assert "Б••••" in found(checker, name="Балықов Бақыт", born_on=BORN.isoformat())
    assert SecurityEvent.objects.filter(kind="honeytoken_read").count() == 1


def addresses(answer: Any) -> list[str]:
    """Where an answer leads: where it sends to, its forms and its links."""
    return [unquote(answer.headers.get("Location", "")), *_LEADS.findall(unquote(unescape(answer.content.decode())))]


_LEADS = re.compile(r'(?:href|action|src)="([^"]*)"')


def test_the_pages_form_names_no_one_in_an_address() -> None:
    city = make_city()
    person(city, "Серікова", "Айгүл", 1)
    checker = come(city)
    for typed in ({"iin": number(1)}, {"name": "Айгүл Серікова", "born_on": BORN.isoformat()}):
        for sent in (typed, typed | {"purpose": ""}):  # found, and come back with a mistake
            answer = ask(checker, **sent)
            pages = [answer, checker.get(answer.headers["Location"])] if answer.status_code == 302 else [answer]
            told = [address for one in pages for address in addresses(one)]
            assert len(told) > 5
            assert [address for address in told for word in typed.values() if word in address] == []
    by_address = checker.get(PAGE, WHY | {"iin": number(1)})
    assert f"?iin={number(1)}" in addresses(handed_on(number(1)))[1], "the control"
    assert "С•••• А••••" not in by_address.content.decode(), "what an address asks is not answered"


def handed_on(iin: str) -> HttpResponse:
    """The control: a page that hands the number on by a link."""
    return HttpResponse(f'<a href="{PAGE}?iin={iin}">again</a>')
