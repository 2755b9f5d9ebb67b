"""Territories, rights, statuses, secrets and the search by name."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from uuid import uuid4

import pytest
from cryptography.exceptions import InvalidTag
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from qosymsha.domain.people import commands, queries, steps
from qosymsha.domain.people.models import ChildStatus, Membership, PersonSecret, Territory, User
from qosymsha.domain.people.ports import StatusAnswer
from qosymsha.domain.people.rules import PeopleRefusal
from qosymsha.domain.people.states import Role
from qosymsha.kernel import cipher
from qosymsha.kernel.errors import Forbidden, Refused
from tests.factories.people import (
    ALMATY_DISTRICT,
    ASTANA,
    AT,
    SYSTEM,
    TODAY,
    actor,
    astana,
    child,
    family,
    guardian,
    number,
    register,
)
from tests.factories.readings import readings
from tests.sql import altered

pytestmark = pytest.mark.django_db
CHECKER = actor(Role.CHECKER)


def test_the_classifier_stands_as_a_tree_under_the_country_and_is_loaded_twice_without_harm():
    place = astana()
    assert astana() == place
    assert Territory.objects.count() == 1 + 20 + 6
    below = queries.territories_below([place])[place]
    assert len(below) == 7
    country = queries.territory_by_kato("000000000", TODAY)
    assert len(queries.territories_below([country])[country]) == 27
    names = [d.name_kk for d in queries.districts_of(place, TODAY)]
    assert names == [
        "Алматы ауданы",
        "Байқоңыр ауданы",
        "Есіл ауданы",
        "Нұра ауданы",
        "Сарайшық ауданы",
        "Сарыарқа ауданы",
    ]


def test_a_district_does_not_exist_before_its_day_and_places_are_never_found_by_name():
    astana()
    assert queries.territory_by_kato("711610000", date(2024, 8, 26)) is None
    assert queries.territory_by_kato("711610000", date(2024, 8, 27)) is not None
    assert queries.territory_by_kato(ALMATY_DISTRICT, TODAY) != queries.territory_by_kato("750000000", TODAY)
    assert queries.territory_by_kato("Алматы", TODAY) is None


def test_a_rename_keeps_the_id():
    place = astana()
    Territory.objects.filter(kato=ASTANA).update(name_ru="Нур-Султан")
    assert astana() == place
    assert Territory.objects.get(id=place).name_ru == "город Астана"


def test_a_department_is_opened_once():
    draft = commands.DepartmentDraft(astana(), "sport", "Спорт", "Спорт")
    made = commands.open_department(actor=SYSTEM, department=draft, at=AT, key=uuid4())
    assert queries.department_id(draft.territory_id, "sport") == made
    with pytest.raises(Refused) as caught:
        commands.open_department(actor=SYSTEM, department=draft, at=AT, key=uuid4())
    assert caught.value.reason is PeopleRefusal.DEPARTMENT_CODE_TAKEN


def _appointed(role: Role, **fields: object) -> int:
    appointment = replace(commands.Appointment("oidc:1", role), **fields)
    return commands.appoint(actor=SYSTEM, appointment=appointment, at=AT, key=uuid4())


def test_a_role_gives_its_right_in_its_territory_and_all_below_in_its_days_only():
    place = astana()
    district = queries.territory_by_kato(ALMATY_DISTRICT, TODAY)
    user = _appointed(Role.CHECKER, territory_id=place, first=TODAY, last=TODAY + timedelta(5))
    today = queries.actor_for(user, AT)
    assert today.holds({Role.CHECKER}, territory_id=district)
    assert not today.holds({Role.CHECKER}, territory_id=queries.territory_by_kato("750000000", TODAY))
    assert not today.holds({Role.PAYER}, territory_id=place)
    assert queries.actor_for(user, AT + timedelta(5)).holds({Role.CHECKER})
    assert not queries.actor_for(user, AT + timedelta(6)).holds({Role.CHECKER})
    assert not queries.actor_for(user, AT - timedelta(1)).holds({Role.CHECKER})


def test_control_without_the_days_of_a_membership_a_right_would_never_end():
    user = _appointed(Role.CHECKER, first=TODAY, last=TODAY)
    with altered("rights_of", "m.valid @> on_day", "true"):
        assert queries.actor_for(user, AT + timedelta(900)).holds({Role.CHECKER})  # red


def test_dismissal_ends_a_right_at_once_and_an_inactive_user_has_none():
    user = _appointed(Role.PAYER)
    assert _appointed(Role.PAYER) == user
    assert Membership.objects.count() == 1
    _appointed(Role.AUDITOR)
    payer = Membership.objects.get(role=Role.PAYER)
    commands.dismiss(actor=SYSTEM, membership_id=payer.id, at=AT, key=uuid4())
    now = queries.actor_for(user, AT)
    assert (now.holds({Role.PAYER}), now.holds({Role.AUDITOR})) == (False, True)
    User.objects.filter(id=user).update(is_active=False)
    assert queries.actor_for(user, AT).grants == ()
    assert queries.actor_for(99_999, AT).grants == ()


@pytest.mark.parametrize("role", [Role.SYSTEM, Role.GUARDIAN, "emperor"])
def test_nobody_is_appointed_to_what_no_one_gives(role):
    with pytest.raises(Refused) as caught:
        _appointed(role)
    assert caught.value.reason is PeopleRefusal.ROLE_UNKNOWN


def test_only_who_runs_the_house_appoints():
    with pytest.raises(Forbidden):
        commands.appoint(
            actor=actor(Role.PROGRAMME_OFFICER), appointment=commands.Appointment("x", Role.PAYER), at=AT, key=uuid4()
        )


def _child_id(row) -> int:
    (outcome,) = register(astana(), [row])
    assert outcome.id is not None
    return outcome.id


def _answer(category: str = "tsa", **fields: object) -> StatusAnswer:
    base = StatusAnswer(number(4), category, "registry:tsa", "e1", TODAY, TODAY + timedelta(90))
    return replace(base, **fields)


def _recorded(*answers: StatusAnswer):
    return commands.record_statuses(actor=CHECKER, answers=answers, at=AT, key=uuid4())


def test_a_status_counts_from_its_first_to_its_last_day():
    who = _child_id(family(1))
    assert [o.id for o in _recorded(_answer(), _answer("orphan", valid_to=None))] == [who, who]
    assert queries.statuses([who], TODAY) == {who: {"tsa", "orphan"}}
    assert queries.statuses([who], TODAY + timedelta(90)) == {who: {"tsa", "orphan"}}
    assert queries.statuses([who], TODAY + timedelta(91)) == {who: {"orphan"}}
    assert queries.statuses([who], TODAY - timedelta(1)) == {}


def test_a_sources_later_word_replaces_its_earlier_and_repeating_changes_nothing():
    who = _child_id(family(1))
    _recorded(_answer())
    _recorded(_answer())
    assert ChildStatus.objects.count() == 1
    _recorded(_answer(evidence="e2", valid_to=TODAY + timedelta(10)))
    _recorded(_answer(source="officer"))
    assert list(ChildStatus.objects.order_by("id").values_list("state", flat=True)) == [
        "superseded",
        "certified",
        "certified",
    ]
    assert queries.statuses([who], TODAY + timedelta(11)) == {who: {"tsa"}}  # the officer's word still holds


def test_in_one_batch_the_last_word_of_a_source_counts():
    who = _child_id(family(1))
    _recorded(_answer(evidence="old"), _answer(evidence="new"))
    assert ChildStatus.objects.get(child_id=who).evidence == "new"


def test_a_superseded_status_never_comes_back():
    _child_id(family(1))
    _recorded(_answer())
    _recorded(_answer(evidence="e2"))
    with pytest.raises(IntegrityError), transaction.atomic():
        ChildStatus.objects.filter(evidence="e1").update(state="certified")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (_answer(child_iin=number(999)), PeopleRefusal.CHILD_UNKNOWN),
        (_answer(" "), PeopleRefusal.CATEGORY_MISSING),
        (_answer(evidence=""), PeopleRefusal.EVIDENCE_MISSING),
        (_answer(valid_to=TODAY - timedelta(1)), PeopleRefusal.VALIDITY_REVERSED),
    ],
)
def test_an_answer_that_says_nothing_usable_is_refused_by_row(answer, reason):
    _child_id(family(1))
    bad, good = _recorded(answer, _answer())
    assert (bad.reason, bad.id, good.reason) == (reason, None, None)
    assert ChildStatus.objects.count() == 1


def test_statuses_take_the_same_number_of_statements_for_any_number():
    place = astana()
    rows = [family(n) for n in range(1, 121)]
    register(place, rows)
    counts = []
    for part in (rows[:5], rows[5:]):
        answers = [_answer(child_iin=row.children[0].iin) for row in part]
        with CaptureQueriesContext(connection) as captured:
            _recorded(*answers)
        counts.append(len(captured))
    assert counts[0] == counts[1]
    assert ChildStatus.objects.count() == 120


def test_people_are_found_by_name_beginnings_typed_without_kazakh_letters_and_the_read_is_audited():
    place = astana()
    rows = [
        family(1),
        replace(family(2), guardian=guardian(2, surname="Нұр-Жан", given="Әлібек")),
        replace(family(3), children=(child(12, surname="Қайратова", given="Інжу"),)),
    ]
    register(place, rows)

    def found(kind: str, text: str) -> list[str]:
        people = queries.persons_named(actor=CHECKER, kind=kind, text=text, at=AT)
        return sorted(p.full_name for p in people.values())

    assert found("guardian", "алибек нур") == ["Нұр-Жан Әлібек Серікқызы"]
    assert found("guardian", "Әлиева Гүл") == ["Әлиева Гүлнар Серікқызы"] * 2
    assert len(found("child", "каират")) == 0
    assert found("child", "кайрат") == ["Қайратова Інжу Серікұлы", "Әлиев Қайрат Серікұлы", "Әлиев Қайрат Серікұлы"]
    assert found("child", "кайрат инж") == ["Қайратова Інжу Серікұлы"]
    assert found("child", "ка") == []
    assert len(readings("read_persons")[-1].subject_ids) == 1
    with pytest.raises(Forbidden):
        queries.persons_named(actor=actor(Role.PROVIDER_MANAGER), kind="child", text="кайрат", at=AT)


def test_birth_dates_come_from_papers_and_erasing_is_deleting_the_secret():
    row = replace(family(1), children=(child(4, born_on=date(2014, 12, 31)),))
    who = _child_id(row)
    assert queries.birth_dates([who, who + 1]) == {who: date(2014, 12, 31)}
    assert steps.erase("child", [who]) == 1
    assert queries.birth_dates([who]) == {}
    assert queries.by_iin("child", [number(4)]) == {}


def test_a_secret_is_bound_to_its_subject_and_kind():
    with transaction.atomic():
        steps.seal(
            "application", [steps.SecretRow(1, b"ticket"), steps.SecretRow(2, b"other", b"L" * 32, (b"12345678",))]
        )
        steps.seal("application", [steps.SecretRow(1, b"again")])
    assert queries.unseal("application", [1, 2, 3]) == {1: b"again", 2: b"other"}
    PersonSecret.objects.filter(subject_id=2).update(subject_id=9)
    with pytest.raises(InvalidTag):
        queries.unseal("application", [9])


def test_rotation_moves_every_secret_to_the_newest_key_and_the_old_key_can_then_go(settings):
    place = astana()
    rows = [family(n) for n in range(1, 6)]
    register(place, rows)
    before = queries.birth_dates(queries.by_iin("child", [r.children[0].iin for r in rows]).values())
    old = dict(settings.SECRET_KEYS)
    settings.SECRET_KEYS = {"k2": b"\2" * 32, **old}
    cipher._box.cache_clear()
    first = commands.rotate_secrets(actor=SYSTEM, at=AT, most=7)
    assert (first.rows, first.unopened) == (7, ())
    assert queries.birth_dates(before) == before  # in the middle of it both keys read
    second = commands.rotate_secrets(actor=SYSTEM, at=AT, after=first.last, most=7)
    assert (second.rows, second.last) == (3, None)
    assert commands.rotate_secrets(actor=SYSTEM, at=AT, most=7).rows == 0
    assert set(PersonSecret.objects.values_list("key_id", flat=True)) == {"k2"}
    settings.SECRET_KEYS = {"k2": b"\2" * 32}
    cipher._box.cache_clear()
    assert queries.birth_dates(before) == before
