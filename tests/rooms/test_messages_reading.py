"""Notices are read by those they are for, leave with their right, and are forgotten after their day."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.db.backends.postgresql.psycopg_any import DateRange

from qosymsha.domain.messages import commands, queries
from qosymsha.domain.messages.models import Notice, NoticeDelivery
from qosymsha.domain.messages.states import Door
from qosymsha.domain.people.models import Guardianship
from qosymsha.domain.people.states import Role
from qosymsha.domain.vouchers.states import Topic as Vouchers
from qosymsha.kernel.errors import Forbidden
from qosymsha.kernel.models import AuditEvent
from tests.factories.families import named, own_family
from tests.factories.notices import CLOCK, issued, make, over, tell
from tests.factories.vouchers import AT
from tests.interfaces import browsing

__all__ = ["over"]


@pytest.mark.django_db
def test_one_reads_ones_own_alone_and_names_only_ones_own_children(over: None) -> None:
    city, children, _ = issued(2)
    named(("child", children[0], "Әлиева", "Айша"), ("child", children[1], "Өзгеше", "Бөтен"))
    make(AT)
    mother, stranger = (browsing.actor(browsing.guardian_user(city.guardian(child))) for child in children)
    found, more = queries.inbox(actor=mother, door=Door.FAMILY, at=AT)
    assert ([one.children for one in found], more) == ([("Әлиева Айша",)], False)
    event = AuditEvent.objects.get(action="read_children")
    assert (event.subject_ids, event.actor_id) == ([children[0]], mother.user_id)
    with pytest.raises(Forbidden):
        commands.mark_read(actor=stranger, door=Door.FAMILY, notice_uuid=found[0].uuid, at=AT)
    assert queries.unread_count(actor=mother, door=Door.FAMILY, at=AT) == 1
    assert commands.mark_read(actor=mother, door=Door.FAMILY, notice_uuid=found[0].uuid, at=AT) == "voucher_issued"
    assert queries.unread_count(actor=mother, door=Door.FAMILY, at=AT) == 0
    assert queries.unread_count(actor=stranger, door=Door.FAMILY, at=AT) == 1
    assert commands.mark_all_read(actor=stranger, door=Door.FAMILY, at=AT) == 1
    assert commands.mark_all_read(actor=stranger, door=Door.FAMILY, at=AT) == 0


@pytest.mark.django_db
def test_with_the_guardianship_its_notices_leave_the_page(over: None) -> None:
    city, (child,), _ = issued(1)
    make(AT)
    mother = browsing.actor(browsing.guardian_user(city.guardian(child)))
    assert queries.unread_count(actor=mother, door=Door.FAMILY, at=AT) == 1
    (one,), _ = queries.inbox(actor=mother, door=Door.FAMILY, at=AT)
    Guardianship.objects.filter(child_id=child).update(valid=DateRange(date(2020, 1, 1), AT.date()))
    assert queries.inbox(actor=mother, door=Door.FAMILY, at=AT) == ([], False)
    assert queries.unread_count(actor=mother, door=Door.FAMILY, at=AT) == 0
    with pytest.raises(Forbidden):
        commands.mark_read(actor=mother, door=Door.FAMILY, notice_uuid=one.uuid, at=AT)


@pytest.mark.django_db
def test_a_club_one_has_left_tells_one_no_more(over: None) -> None:
    here = own_family(1)
    manager = browsing.official(Role.PROVIDER_MANAGER, provider_id=here.city.provider_id, name="m:1")
    tell(Vouchers.TRANSFERRED, "enrolment", [here.families[0][2]], AT)
    make(AT)
    found, _ = queries.inbox(actor=browsing.actor(manager), door=Door.PROVIDER, at=AT)
    assert found
    assert {one.provider_id for one in found} == {here.city.provider_id}
    assert queries.inbox(actor=browsing.actor(manager), door=Door.FAMILY, at=AT) == ([], False)
    without = browsing.actor(manager)
    gone = type(without)(without.user_id, without.label, ())
    with pytest.raises(Forbidden):
        queries.inbox(actor=gone, door=Door.PROVIDER, at=AT)


@pytest.mark.django_db
def test_notices_are_forgotten_after_their_day_and_nobody_else_may(over: None) -> None:
    issued(2)
    make(AT)
    one = Notice.objects.earliest("id")
    assert one.keep_until == date(2026, 9, 1) + timedelta(days=400)
    Notice.objects.filter(pk=one.pk).update(keep_until=date(2026, 8, 31))
    assert commands.forget_notices(actor=CLOCK, at=AT) == 1
    assert not Notice.objects.filter(pk=one.pk).exists()
    assert NoticeDelivery.objects.count() == 1
    with pytest.raises(Forbidden):
        commands.forget_notices(actor=browsing.actor(browsing.official(Role.OPERATOR)), at=AT)
