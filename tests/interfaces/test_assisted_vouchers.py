"""A clerk accepts a voucher and takes a place by the guardian's word: a family without a telephone loses neither."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from typing import Any
from unittest.mock import patch
from uuid import UUID

import pytest
from django.test import Client

from qosymsha.domain.assistance import queries
from qosymsha.domain.assistance.models import AssistedAct
from qosymsha.domain.people.models import Guardianship
from qosymsha.domain.people.states import Role
from qosymsha.domain.providers.models import ClubGroup
from qosymsha.domain.vouchers.models import Enrolment, Voucher
from qosymsha.domain.vouchers.rules import EnrolRefusal
from qosymsha.interfaces.ui import texts
from qosymsha.kernel import clock
from qosymsha.kernel.errors import Refused
from qosymsha.kernel.models import AuditEvent
from tests.factories import admission, lives
from tests.factories.people import family, guardian_id, register
from tests.interfaces import browsing

pytestmark = pytest.mark.django_db
DESK = "/en/office/assist/"


class Point:
    """A clerk, and a registered family whose child has just been given a voucher."""

    def __init__(self) -> None:
        self.life = lives.begun()
        row = family(1)
        register(self.life.city.territory.id, [row])
        self.iin, self.guardian = row.guardian.iin or "", guardian_id(row)
        (child,) = self.life.children
        Guardianship.objects.filter(child_id=child).update(guardian_id=self.guardian)
        assert self.life.city.file(self.life.the_round, [(self.guardian, child)])[0].reason is None
        lives.drawn(self.life)
        clock.shift_to(admission.AFTER + timedelta(hours=1))
        self.user = browsing.official(Role.CLERK, territory_id=self.life.city.territory.id)
        self.clerk = browsing.come_in(Client(), self.user)
        self.group: UUID = ClubGroup.objects.get(pk=self.life.group).uuid

    @property
    def voucher(self) -> Voucher:
        return Voucher.objects.get(child_id=self.life.children[0])

    def shown(self, address: str, status: int = 200) -> str:
        answer = self.clerk.get(address)
        assert answer.status_code == status, address
        return unescape(answer.content.decode())

    def code(self, page: str) -> str:
        """The code as a trial shows it in place of the phone."""
        (code,) = re.findall(r'class="code">(\d+)<', self.shown(page))
        return str(code)

    def proved(self) -> str:
        """The page of a visit that the guardian has proved."""
        form = browsing.form_of(self.shown(DESK))
        begun = self.clerk.post(DESK, form | {"iin": self.iin, "point": "", "way": "code"})
        page = str(begun.headers["Location"])
        form = browsing.form_of(self.shown(page))
        assert self.clerk.post(page, form | {"code": self.code(page)}).status_code == 302
        return page

    def worded(self, visit: str, page: str, **chosen: str) -> dict[str, str]:
        """The act's form with the guardian's code in it, as the clerk's browser has it: sent, and back on its page."""
        form = browsing.form_of(self.shown(page))
        back = self.clerk.post(f"{visit}code/", form | chosen)
        address = str(back.headers["Location"])
        assert address.partition("?")[0] == page, "back on the act's own page"
        shown = self.shown(address)
        if "on" in chosen:
            assert f'value="{chosen["on"]}"' in shown, "what was chosen is still chosen"
        return browsing.form_of(shown) | chosen | {"code": self.code(address)}


@pytest.fixture
def point() -> Point:
    return Point()


def say(name: str, **more: object) -> str:
    return texts.say("en", name, **more)


def accepted(point: Point, visit: str) -> str:
    """The page of the voucher, accepted."""
    page = f"{visit}vouchers/{point.voucher.uuid}/"
    answer = point.clerk.post(page, point.worded(visit, page))
    assert (answer.status_code, answer.headers["Location"]) == (302, visit)
    return page


def test_a_voucher_is_accepted_and_a_place_taken_by_two_words_and_all_of_it_is_written_down(point: Point) -> None:
    visit = point.proved()
    day = f"{point.voucher.accept_by:%d.%m.%Y}"
    assert say("assist.accept_by", day=day) in point.shown(visit)
    page = accepted(point, visit)
    assert point.voucher.state == "accepted"
    clubs = f"{page}clubs/"
    assert clubs in point.shown(visit)
    place = f"{clubs}{point.group}/"
    assert place in point.shown(clubs)
    assert say("assist.none_found") in point.shown(f"{clubs}?q=qqqqqq")
    sent = point.worded(visit, place, on="2026-03-03")
    assert point.clerk.post(place, sent).headers["Location"] == visit
    found = Enrolment.objects.get(voucher=point.voucher)
    assert (found.group_id, found.state) == (point.life.group, "active")
    assert say("assist.no_vouchers") in point.shown(visit)
    assert list(AssistedAct.objects.order_by("id").values_list("act", flat=True)) == ["accept_voucher", "take_place"]
    labels = AuditEvent.objects.filter(action__in=["accept_vouchers", "enrol"], actor_id=point.user)
    assert {
        label.startswith(f"user:{point.user} visit:") for label in labels.values_list("actor_label", flat=True)
    } == {True}
    own = browsing.come_in(Client(), browsing.guardian_user(point.guardian), strong=True)
    told = unescape(own.get("/en/family/applications/").content.decode())
    assert say("help.accept_voucher") in told
    assert say("help.take_place") in told


def test_a_double_click_does_each_once(point: Point) -> None:
    visit = point.proved()
    page = f"{visit}vouchers/{point.voucher.uuid}/"
    sent = point.worded(visit, page)
    assert [point.clerk.post(page, sent).status_code for _ in range(2)] == [302, 302]
    place = f"{page}clubs/{point.group}/"
    sent = point.worded(visit, place, on="2026-03-03")
    assert [point.clerk.post(place, sent).status_code for _ in range(2)] == [302, 302]
    assert (AssistedAct.objects.count(), Enrolment.objects.filter(voucher=point.voucher).count()) == (2, 1)


@pytest.mark.parametrize("code", ["", "000000", "abc"])
def test_nothing_is_done_without_a_code_of_its_own(point: Point, code: str) -> None:
    """And the control: with the rule of codes switched off the same press does it."""
    visit = point.proved()
    page = f"{visit}vouchers/{point.voucher.uuid}/"
    sent = browsing.form_of(point.shown(page)) | {"code": code}
    assert point.clerk.post(page, sent).status_code == 422
    assert point.voucher.state == "issued"
    with patch("qosymsha.domain.assistance.commands.refuse_code", lambda *_: None):
        fresh = browsing.form_of(point.shown(page)) | {"code": code}
        assert point.clerk.post(page, fresh).status_code == 302
    assert point.voucher.state == "accepted"


def test_one_word_is_for_one_group_and_one_day(point: Point) -> None:
    visit = point.proved()
    place = f"{accepted(point, visit)}clubs/{point.group}/"
    sent = point.worded(visit, place, on="2026-03-03")
    assert point.clerk.post(place, sent | {"on": "2020-01-01"}).status_code == 422, "a day that cannot be"
    used = point.clerk.post(place, sent)
    assert used.status_code == 422, "the code was given for another day: it is used up"
    assert not Enrolment.objects.filter(voucher=point.voucher).exists()
    again = point.worded(visit, place, on="2026-03-03")
    assert point.clerk.post(place, again).status_code == 302


def test_another_familys_voucher_and_a_visit_that_is_over_open_nothing(point: Point) -> None:
    visit = point.proved()
    stranger = Voucher.objects.exclude(child_id=point.life.children[0]).first()
    assert stranger is not None
    for tail in ("", "clubs/", f"clubs/{point.group}/"):
        point.shown(f"{visit}vouchers/{stranger.uuid}/{tail}", 404)
    mine = f"{visit}vouchers/{point.voucher.uuid}/"
    point.shown(mine)
    form = browsing.form_of(point.shown(visit), "/end/")
    point.clerk.post(f"{visit}end/", form)
    assert point.clerk.get(mine).status_code != 200
    with patch.object(queries, "refuse_visit", lambda *_: None):
        point.shown(mine)  # the control: it is the visit's end that closes it


def test_a_full_group_is_said_and_the_voucher_stays(point: Point) -> None:
    visit = point.proved()
    place = f"{accepted(point, visit)}clubs/{point.group}/"
    sent: Any = point.worded(visit, place, on="2026-03-03")
    with patch("qosymsha.domain.vouchers.commands.take_place", side_effect=_full):
        answer = point.clerk.post(place, sent)
    assert answer.status_code == 422
    assert texts.refusal("en", "group_full") in unescape(answer.content.decode())
    assert point.clerk.post(place, sent).status_code == 302, "the word was given for this: said again it counts"


def _full(**_: object) -> int:
    raise Refused(EnrolRefusal.GROUP_FULL)
