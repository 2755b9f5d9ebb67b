"""A child of fifteen at its own pages: what stands there, what does not, that it ends at once; what its parent sees."""

from __future__ import annotations

from datetime import date, timedelta
from html import unescape
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from qosymsha.domain.attendance.models import CheckIn
from qosymsha.domain.insights.queries import readers
from qosymsha.domain.messages.models import Notice
from qosymsha.domain.people import commands, queries
from qosymsha.domain.people.models import Guardianship, User
from qosymsha.domain.people.rules import birthday
from qosymsha.domain.people.states import Role
from qosymsha.domain.vouchers.models import Voucher
from qosymsha.interfaces.ui import texts
from qosymsha.kernel import clock
from qosymsha.kernel.clock import local_day, local_instant
from tests.factories import people, youths
from tests.factories.families import child_uuid, own_family
from tests.factories.notices import make, over
from tests.factories.presence import Venue, minutes, shown_at
from tests.factories.readings import children_read
from tests.factories.vouchers import AT, add_children, issue, make_city
from tests.interfaces import browsing

pytestmark = pytest.mark.django_db
__all__ = ["over"]
HOME, HERE, DONE, READERS = "/en/family/", "/en/family/here/", "/en/family/here/done/", "/en/family/readers/"
OWN = ("", "here/", "here/done/", "week/", "vouchers/", "readers/", "notices/", "preferences/")


def at_the_lesson(client: Client) -> Venue:
    """Ten minutes into the first lesson, its child of fifteen signed in; the next family's child has one too."""
    here = own_family(1)
    clock.shift_to(here.lesson.starts_at + minutes(10))
    browsing.come_in(client, youths.admit(here.families[0][1]))
    return here


def parent(here: Venue) -> Client:
    return browsing.come_in(Client(), browsing.guardian_user(here.families[0][0]))


def said(page: str, key: str, **values: object) -> bool:
    return texts.say("en", key, **values) in unescape(page)


def test_the_first_page_shows_ones_own_lessons_and_no_decision(client: Client) -> None:
    at_the_lesson(client)
    page = client.get(HOME).content.decode()
    for key in ("youth.home.h1", "youth.home.now", "youth.here.we_are", "youth.decides", "youth.readers.h1"):
        assert said(page, key), key
    assert "15:00–16:00" in page
    born = queries.own_record(browsing.actor(client.session["user"]))
    assert born is not None
    assert born.born_on is not None
    assert said(page, "youth.home.until", day=f"{birthday(born.born_on, 18):%d.%m.%Y}")
    for closed in (
        "months",
        "applications",
        "children",
        "money",
        "contracts",
        "absences",
        "consents",
        "wishes",
        "trials",
    ):
        assert f'/family/{closed}/"' not in page, closed


def test_every_page_of_its_menu_opens_and_the_others_say_whose_they_are(client: Client) -> None:
    here = at_the_lesson(client)
    voucher = Voucher.objects.get(child_id=here.families[0][1]).uuid
    for page in (*OWN, f"vouchers/{voucher}/", f"vouchers/{voucher}/voucher.pdf", "worker.js"):
        assert client.get(f"{HOME}{page}").status_code == 200, page
    for page in (
        "months/",
        "money/",
        "children/",
        "applications/",
        f"vouchers/{voucher}/leave/",
        "consents/",
        "apply/",
    ):
        answer = client.get(f"{HOME}{page}")
        assert answer.status_code == 403, page
        text = unescape(answer.content.decode())
        assert texts.say("en", "youth.closed.h1") in text
        assert 'href="/en/family/"' in text
    for button in ("accept", "refuse", "leave", "stay"):
        answer = client.post(f"{HOME}vouchers/{voucher}/{button}/", {"key": str(uuid4())})
        assert answer.status_code == 403, button
    assert Voucher.objects.get(uuid=voucher).state == "active"


def test_it_checks_itself_in_and_its_parent_sees_it(client: Client) -> None:
    here = at_the_lesson(client)
    page = client.get(HERE).content.decode()
    assert said(page, "youth.here.we_are")
    assert texts.say("en", "here.we_are") not in unescape(page)
    wrong = browsing.form_of(page, HERE) | {"code": "ZZZZZZZZ", "child": child_uuid(here.families[0][1])}
    assert said(client.post(HERE, wrong).content.decode(), "youth.refusal.unknown_code")
    code = shown_at(here.lesson, clock.read())
    child = child_uuid(here.families[0][1])
    form = browsing.form_of(client.get(HERE).content.decode(), HERE)
    answer = client.post(HERE, form | {"code": code, "child": child})
    assert answer.status_code == 302
    assert CheckIn.objects.get().kind == "code"
    assert 'name="code"' not in client.get(HERE).content.decode(), "a field without a button"
    assert 'class="come"' in client.get(DONE).content.decode()
    assert said(client.get(HOME).content.decode(), "here.in")
    assert said(parent(here).get(HERE).content.decode(), "here.all_in")


def test_another_childs_things_are_not_there(client: Client) -> None:
    here = at_the_lesson(client)
    other = Voucher.objects.get(child_id=here.families[1][1]).uuid
    assert client.get(f"{HOME}vouchers/{other}/").status_code == 404
    foreign = browsing.form_of(client.get(HERE).content.decode(), HERE) | {"code": "ABCD1234"}
    child = Guardianship.objects.get(guardian_id=here.families[1][0]).child.uuid
    assert client.post(HERE, foreign | {"child": str(child)}).status_code == 404


def test_a_voucher_is_looked_at_without_a_button_and_without_money(client: Client) -> None:
    city = make_city()
    (child,) = add_children(city, 1)
    (voucher,) = issue(city, [child])
    clock.shift_to(AT)
    browsing.come_in(client, youths.admit(child))
    page = client.get(f"{HOME}vouchers/").content.decode()
    assert Voucher.objects.get(pk=voucher).number in page
    assert said(page, "youth.voucher.issued")
    assert "/accept/" not in page
    assert "/refuse/" not in page
    paper = client.get(f"{HOME}vouchers/{Voucher.objects.get(pk=voucher).uuid}/").content.decode()
    assert Voucher.objects.get(pk=voucher).number in paper
    assert "₸" not in page + paper


def test_its_page_closes_at_once_with_the_last_guardianship(client: Client) -> None:
    here = at_the_lesson(client)
    mother, child, _ = here.families[0]
    assert client.get(HOME).status_code == 200
    ended: dict[str, Any] = {"guardian_id": mother, "child_id": child, "reason": "court", "at": clock.read()}
    commands.end_guardianship(actor=people.actor(Role.CHECKER), key=uuid4(), **ended)
    assert client.get(HOME).status_code == client.get(HERE).status_code == 403
    assert client.get(f"{HOME}here/done/").status_code == 403


def test_its_page_closes_on_the_eighteenth_birthday(client: Client) -> None:
    here = at_the_lesson(client)
    me = queries.own_record(browsing.actor(client.session["user"]))
    assert me is not None
    assert me.born_on is not None
    day = local_instant(birthday(me.born_on, 18))
    for at, status in ((day - timedelta(minutes=1), 200), (day, 403)):
        clock.shift_to(at)
        browsing.come_in(client, client.session["user"], at=at)
        assert client.get(HOME).status_code == status, at
    assert here.families


def test_each_sees_that_the_other_looked_and_a_child_is_told_of_no_category(client: Client) -> None:
    here = at_the_lesson(client)
    client.get(HOME)
    assert here.families[0][1] in children_read()
    mother = parent(here)
    child = queries.own_wards(actor=browsing.actor(mother.session["user"]), at=clock.read())[0]
    theirs = mother.get(f"{HOME}children/{child.uuid}/readers/").content.decode()
    assert said(theirs, "readers.who.youth")
    own = client.get(READERS).content.decode()
    assert said(own, "youth.readers.who.guardian")
    assert client.get(f"{HOME}children/{child.uuid}/readers/").status_code == 403
    assert mother.get(READERS).status_code == 403
    opened = f"{local_day(clock.read()):%d.%m.%Y}"
    assert said(mother.get(f"{HOME}children/").content.decode(), "children.account", day=opened)


def test_a_child_is_not_told_that_a_category_was_looked_at(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    at_the_lesson(client)
    read = {"read_application_category": {"application": [1]}, "read_category_paper": {"document": [1]}}
    one = readers.Reader(date(2026, 9, 1), clock.read(), 1, "official", (), tuple(read))
    monkeypatch.setattr(readers, "_folded", lambda *_: [one])
    page = client.get(READERS).content.decode()
    assert said(page, "readers.what.other")
    assert not said(page, "readers.what.category")
    assert not said(page, "readers.what.paper")


def test_language_and_messages_are_its_own_and_no_sms_is_offered(client: Client) -> None:
    here = at_the_lesson(client)
    where = f"{HOME}preferences/"
    page = client.get(where).content.decode()
    assert 'value="sms"' not in page
    assert said(page, "youth.prefs.always")
    form = browsing.form_of(page) | {
        "language": "ru",
        "channels": ["email"],
        "email": "a@example.kz",
        "themes": ["lessons"],
    }
    assert client.post(where, form)["Location"] == "/ru/family/preferences/"
    assert User.objects.get(pk=client.session["user"]).language == "ru"
    assert (
        User.objects.get(
            pk=queries.user_of_guardian(here.families[0][0]) or browsing.guardian_user(here.families[0][0])
        ).language
        == "kk"
    )


def test_of_the_news_only_what_its_pages_show_reaches_it(client: Client, over: None) -> None:
    city = make_city()
    (child,) = add_children(city, 1)
    youths.admit(child, AT)
    issue(city, [child])
    make(AT)
    kinds = dict(Notice.objects.values_list("kind", "guardian_id"))
    mother, account = city.guardian(child), youths.account(child)
    assert kinds == {"child_account": mother, "voucher_issued": mother, "own_voucher_issued": account}
    assert Notice.objects.get(kind="own_voucher_issued").due_at is None, "the last day to answer is its parent's"
    browsing.come_in(client, queries.user_of_guardian(account) or 0)
    page = client.get(f"{HOME}notices/").content.decode()
    assert said(page, "notice.family.own_voucher_issued")
    assert not said(page, "notice.family.voucher_issued")
    opened = client.post(
        f"{HOME}notices/{Notice.objects.get(guardian_id=account).uuid}/open/", browsing.form_of(page, "/open/")
    )
    assert opened["Location"] == f"{HOME}vouchers/"
    foreign = Notice.objects.get(kind="voucher_issued").uuid
    assert client.post(f"{HOME}notices/{foreign}/open/", {"key": str(uuid4())}).status_code == 404


def test_a_trial_offers_a_pupil_by_name_and_age(client: Client) -> None:
    row = people.FamilyRow(people.guardian(1), (people.child(4, born_on=youths.aged(15, people.AT)),))
    people.register(people.astana(), [row])
    clock.shift_to(people.AT)
    (child,) = queries.by_iin("child", [people.child(4).iin or ""]).values()
    user = youths.admit(child)
    page = client.get("/en/sign-in/").content.decode()
    assert said(page, "role.youth")
    assert said(page, "demo.age", n=15)
    assert "Әлиев Қайрат" in page
    form = browsing.form_of(page, "/sign-in/demo/")
    account = Guardianship.objects.get(child_id=child, kind="self").guardian.uuid
    answer = client.post("/en/sign-in/demo/", form | {"person": str(account)})
    assert answer["Location"] == HOME
    assert client.session["user"] == user
    assert said(client.get(HOME).content.decode(), "youth.home.h1")
