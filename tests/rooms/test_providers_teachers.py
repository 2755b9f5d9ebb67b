"""A teacher becomes a user by the number the identity provider proved; rights hold where and as long as they teach."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.db import connection

from qosymsha.domain.people import queries as people
from qosymsha.domain.people.models import Membership
from qosymsha.domain.people.states import Role
from qosymsha.domain.providers import commands, queries
from qosymsha.domain.providers.models import Teacher, TimetableSlot
from qosymsha.domain.providers.rules import ProviderRefusal
from qosymsha.kernel.actor import Actor
from qosymsha.kernel.errors import Forbidden, Refused
from tests.factories.attendance import manager
from tests.factories.vouchers import AT, SYSTEM, City, add_group, key, make_city

pytestmark = pytest.mark.django_db


def taught() -> tuple[City, Teacher]:
    """A provider with a group, and its teacher."""
    city = make_city()
    group = add_group(city)
    slot = TimetableSlot.objects.filter(group_id=group).first()
    assert slot is not None
    return city, slot.teacher


def admit(teacher: Teacher, subject: str = "idp:1", actor: Actor = SYSTEM, **more: object) -> int:
    given = {"at": AT, "key": key()} | more
    return commands.admit_teacher(actor=actor, teacher_id=teacher.pk, subject=subject, **given)  # type: ignore[arg-type]


def test_a_teacher_gets_a_user_and_the_right_until_the_last_lesson() -> None:
    city, teacher = taught()
    user_id = admit(teacher)
    assert queries.user_of_teacher(teacher.pk) == user_id
    (right,) = Membership.objects.all()
    assert (right.role, right.provider_id, right.valid.upper) == (Role.TEACHER, city.provider_id, date(2027, 1, 1))
    assert people.actor_for(user_id, AT).holds({Role.TEACHER}, provider_id=city.provider_id)
    assert not people.actor_for(user_id, AT).holds({Role.TEACHER}, provider_id=city.provider_id + 1)
    assert not people.actor_for(user_id, AT + timedelta(days=365)).holds({Role.TEACHER})
    with connection.cursor() as cursor:
        cursor.execute("SELECT subject_ids, detail FROM audit_event WHERE action = 'admit_teacher'")
        ((subjects, _),) = cursor.fetchall()
    assert str(teacher.pk) in str(subjects)


def test_told_again_nothing_is_given_twice_and_another_subject_takes_nothing_over() -> None:
    _, teacher = taught()
    same = key()
    first = admit(teacher, key=same)
    assert admit(teacher, key=same) == first
    assert admit(teacher) == first
    assert admit(teacher, "idp:2") == first
    assert Membership.objects.count() == 1


def test_a_right_grows_with_the_timetable_and_reaches_only_where_one_teaches() -> None:
    city, teacher = taught()
    TimetableSlot.objects.update(valid=("2026-01-01", "2026-10-01"))
    user_id = admit(teacher)
    later = AT + timedelta(days=60)
    assert not people.actor_for(user_id, later).holds({Role.TEACHER}, provider_id=city.provider_id)
    TimetableSlot.objects.update(valid=("2026-01-01", None))
    admit(teacher)
    assert people.actor_for(user_id, later).holds({Role.TEACHER}, provider_id=city.provider_id)


def test_whoever_teaches_nowhere_is_not_let_in_and_no_manager_says_who_a_teacher_is() -> None:
    city, teacher = taught()
    with pytest.raises(Forbidden):
        admit(teacher, actor=manager(city))
    TimetableSlot.objects.all().delete()
    with pytest.raises(Refused) as refused:
        admit(teacher)
    assert refused.value.reason is ProviderRefusal.TEACHES_NOWHERE
    assert Membership.objects.count() == 0
    admit_control = TimetableSlot.objects.create(
        group_id=add_group(city), teacher=teacher, weekday=5, starts="10:00", ends="11:00", valid=("2026-01-01", None)
    )
    assert admit(teacher) == queries.user_of_teacher(admit_control.teacher_id)


def test_only_the_providers_own_people_learn_who_teaches_there() -> None:
    city, teacher = taught()
    other = make_city()
    assert [t.id for t in queries.teachers_of(actor=manager(city), provider_id=city.provider_id)] == [teacher.pk]
    with pytest.raises(Forbidden):
        queries.teachers_of(actor=manager(other), provider_id=city.provider_id)
