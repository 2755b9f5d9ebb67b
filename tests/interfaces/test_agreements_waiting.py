"""A group's own list at the family's pages: joined where the group is full, its place offered where one is free."""

from __future__ import annotations

import pytest
from django.test import Client

from qosymsha.domain.agreements import commands
from qosymsha.domain.agreements.models import GroupWait
from qosymsha.domain.vouchers.models import Enrolment, Voucher
from qosymsha.interfaces.ui import texts
from qosymsha.kernel import clock
from tests.factories.vouchers import SYSTEM, accepted, enrolled, key
from tests.interfaces import browsing
from tests.interfaces.test_agreements_pages import club, post, said, shown

pytestmark = pytest.mark.django_db


def test_a_family_waits_sees_its_position_and_takes_the_freed_seat() -> None:
    one = club(capacity=1)
    ((voucher, _, guardian),) = accepted(one.city, 1)
    waiting = Client()
    browsing.come_in(waiting, browsing.guardian_user(guardian))
    join = f"/en/family/groups/{one.group.uuid}/wait/"
    own = Voucher.objects.get(pk=voucher)
    assert post(waiting, join, voucher=str(own.uuid)).status_code == 302
    assert said("agr.position", n=1) in shown(waiting, "/en/family/waiting/")
    leave = f"/en/family/vouchers/{Voucher.objects.get(pk=one.enrolment.voucher_id).uuid}/leave/"
    assert post(one.family, leave, on="2026-09-02", why="family:no_time").status_code == 302
    commands.offer_seats(actor=SYSTEM, programme_id=one.city.programme_id, at=clock.read(), key=key())
    wait = GroupWait.objects.get()
    assert said("agr.seat_offered", day="03.09.2026") in shown(waiting, "/en/family/waiting/")
    assert post(waiting, f"/en/family/waiting/{wait.uuid}/take/").status_code == 422
    assert post(waiting, f"/en/family/waiting/{wait.uuid}/take/", on="2026-09-03").status_code == 302
    assert Enrolment.objects.get(voucher_id=voucher).group_id == one.group.pk


def test_where_a_place_is_free_the_list_offers_it_and_nobody_waits() -> None:
    one = club(capacity=2)
    for language in texts.LANGUAGES:
        page = shown(one.family, f"/{language}/family/groups/{one.group.uuid}/wait/")
        assert texts.say(language, "agr.seats_now", n=1) in page
        assert f'href="/{language}/family/groups/{one.group.uuid}/take/"' in page
        assert texts.say(language, "agr.join_lead") not in page
    enrolled(one.city, one.group.pk, 1)
    page = shown(one.family, f"/en/family/groups/{one.group.uuid}/wait/")
    assert said("agr.join_lead") in page
    assert "/take/" not in page, "the control: a full group has a list"
