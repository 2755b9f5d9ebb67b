"""A trial lesson at the family's and the provider's pages: booked, refused in words, seen, marked, cancelled."""

from __future__ import annotations

from datetime import timedelta
from html import unescape
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from qosymsha.domain.attendance.models import Session
from qosymsha.domain.people.models import Child
from qosymsha.domain.people.states import Role
from qosymsha.domain.providers.models import ClubGroup
from qosymsha.domain.trials.models import TrialLesson
from qosymsha.domain.vouchers.models import Seat
from qosymsha.interfaces.ui import texts
from qosymsha.kernel import clock
from qosymsha.kernel.models import AuditEvent
from tests.factories.attendance import cancel, plan
from tests.factories.families import named
from tests.factories.vouchers import AT, City, add_children, add_group, make_city
from tests.interfaces import browsing
from tests.interfaces.test_provider_desk import come

pytestmark = pytest.mark.django_db


def said(key: str, **values: object) -> str:
    return texts.say("en", key, **values)


def visitors(city: City, names: tuple[str, ...] = ("Айша",)) -> tuple[Client, list[Child]]:
    """A family signed in, with so many children named."""
    children = add_children(city, len(names))
    for child, given in zip(children, names, strict=True):
        named(("child", child, "Серікова", given))
    family = Client()
    browsing.come_in(family, browsing.guardian_user(city.guardian(children[0])))
    return family, list(Child.objects.filter(pk__in=children).order_by("id"))


def scene(**trial: object) -> tuple[City, ClubGroup, list[Session]]:
    city = make_city(agreements={"trial": trial})
    group = ClubGroup.objects.get(pk=add_group(city))
    plan(city)
    clock.shift_to(AT)
    lessons = Session.objects.filter(group=group, starts_at__gt=AT).order_by("starts_at")
    return city, group, list(lessons)


def page_of(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200, (address, answer.status_code)
    return unescape(answer.content.decode())


def post(client: Client, page: str, form: str = "", address: str = "", **typed: Any) -> Any:
    return client.post(address or page, browsing.form_of(client.get(page).content.decode(), form) | typed)


def test_a_family_books_and_the_club_sees_and_marks_the_guest() -> None:
    city, group, (first, second, *_) = scene()
    family, (child,) = visitors(city)
    address, typed = f"/en/family/groups/{group.uuid}/trial/", {"lesson": str(first.uuid)}
    assert said("trial.limits", most=3, days=90) in page_of(family, address)
    assert f'href="{address}"' in page_of(Client(), f"/en/clubs/{group.uuid}/")
    answer = post(family, address, child=str(child.uuid))
    assert answer.status_code == 422
    assert 'id="f-lesson-error"' in answer.content.decode()
    assert post(family, address, child=str(child.uuid), **typed).status_code == 302
    assert "Серікова Айша" in page_of(family, "/en/family/trials/")
    answer = post(family, address, child=str(child.uuid), lesson=str(second.uuid))
    assert answer.status_code == 422
    assert texts.refusal("en", "trial_once") in unescape(answer.content.decode())
    assert not Seat.objects.filter(group=group, taken__gt=0).exists()
    house = Client()
    come(house, city)
    assert "Серікова Айша" in page_of(house, "/en/provider/guests/")
    assert said("guest.today", n=1) in page_of(house, f"/en/provider/lessons/?on={first.on}")
    trial = TrialLesson.objects.get()
    mark = f"/en/provider/guests/{trial.uuid}/"
    hidden = {"key": str(uuid4())}
    assert house.post(mark, hidden | {"word": "came"}).status_code == 409  # it has not begun
    clock.shift_to(first.starts_at + timedelta(minutes=5))
    browsing.come_in(house, come(Client(), city))
    assert said("guest.waiting") in page_of(house, "/en/provider/guests/")
    assert post(house, "/en/provider/guests/", mark, address=mark, word="came").status_code == 302
    assert house.post(mark, {"key": str(uuid4()), "word": "perhaps"}).status_code == 400
    trial.refresh_from_db()
    assert trial.state == "came"


def test_a_lesson_that_is_gone_is_said_and_a_booking_may_be_taken_back() -> None:
    city, group, (first, second, *_) = scene()
    family, (child,) = visitors(city)
    address = f"/en/family/groups/{group.uuid}/trial/"
    assert post(family, address, child=str(child.uuid), lesson=str(first.uuid)).status_code == 302
    assert cancel(city, first.pk) == [None]
    assert said("trial.another") in page_of(family, "/en/family/trials/")
    assert post(family, address, child=str(child.uuid), lesson=str(second.uuid)).status_code == 302
    trial = TrialLesson.objects.get(state="booked")
    back = f"/en/family/trials/{trial.uuid}/cancel/"
    assert post(family, "/en/family/trials/", back, address=back).status_code == 302
    assert said("trial.none") in page_of(family, "/en/family/trials/")


def test_what_the_rules_do_not_allow_is_said_before_anything_is_typed() -> None:
    city, group, _ = scene(on=False)
    family, _ = visitors(city)
    assert said("trial.off") in page_of(family, f"/en/family/groups/{group.uuid}/trial/")
    city, group, lessons = scene(guests=1, ahead_days=1)
    family, (child,) = visitors(city)
    other, (sibling,) = visitors(city, ("Дана",))
    address = f"/en/family/groups/{group.uuid}/trial/"
    assert post(family, address, child=str(child.uuid), lesson=str(lessons[0].uuid)).status_code == 302
    assert said("trial.all_full") in page_of(other, address)
    empty = ClubGroup.objects.get(pk=add_group(city))
    assert said("trial.no_lessons", n=1) in page_of(other, f"/en/family/groups/{empty.uuid}/trial/")
    assert sibling.pk


def test_anothers_trial_is_as_unknown_as_none_and_a_teacher_sees_own_lessons_only() -> None:
    city, group, (first, *_) = scene()
    family, (child,) = visitors(city)
    stranger, _ = visitors(city, ("Дана",))
    post(family, f"/en/family/groups/{group.uuid}/trial/", child=str(child.uuid), lesson=str(first.uuid))
    trial = TrialLesson.objects.get()
    hidden = browsing.form_of(page_of(stranger, f"/en/family/groups/{group.uuid}/trial/"))
    assert stranger.post(f"/en/family/trials/{trial.uuid}/cancel/", hidden).status_code == 404
    elsewhere = Client()
    come(elsewhere, make_city())
    assert "Серікова" not in page_of(elsewhere, "/en/provider/guests/")
    teacher = Client()
    come(teacher, city, Role.TEACHER)
    assert "Серікова" in page_of(teacher, "/en/provider/guests/")  # the rule set of this city lets any teacher mark
    read = AuditEvent.objects.filter(subject_kind="child").latest("id")
    assert read.subject_ids == [child.pk]
    assert stranger.get("/en/provider/guests/").status_code == 403


def test_the_guests_are_asked_for_at_once_however_many_they_are() -> None:
    city, group, (first, *_) = scene(guests=5)
    house, counts = Client(), []
    come(house, city)
    for given in ("Айша", "Дана"):
        family, (child,) = visitors(city, (given,))
        post(family, f"/en/family/groups/{group.uuid}/trial/", child=str(child.uuid), lesson=str(first.uuid))
        page_of(house, "/en/provider/guests/")
        with CaptureQueriesContext(connection) as asked:
            page_of(house, "/en/provider/guests/")
        counts.append(len(asked))
    assert counts[0] == counts[1]
