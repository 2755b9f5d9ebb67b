"""Guardians and children: found again, proved, parted at once, sealed."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import date, timedelta
from uuid import uuid4

import pytest
from cryptography.exceptions import InvalidTag
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from qosymsha.domain.people import commands, queries, steps
from qosymsha.domain.people.models import Child, Guardian, Guardianship, PersonSecret
from qosymsha.domain.people.ports import ProvedChild
from qosymsha.domain.people.rules import PeopleRefusal
from qosymsha.domain.people.states import Role
from qosymsha.kernel.errors import BadInput, Forbidden, KeyReason, Refused
from tests.factories.people import (
    AT,
    SYSTEM,
    TODAY,
    actor,
    astana,
    child,
    family,
    guardian,
    guardian_id,
    number,
    proofs_for,
    register,
)
from tests.races import at_once

pytestmark = pytest.mark.django_db
OFFICER = actor(Role.CHECKER)


def test_a_family_is_registered_once_however_often_its_file_is_loaded():
    place = astana()
    rows = [family(1, children=2), family(2)]
    first = register(place, rows)
    again = register(place, rows)
    assert [o.id for o in first] == [o.id for o in again]
    assert [o.row for o in first] == [0, 1, 2]
    assert all(o.reason is None and o.id for o in first)
    assert (Guardian.objects.count(), Child.objects.count(), Guardianship.objects.count()) == (2, 3, 3)


def test_nothing_personal_is_readable_in_the_tables():
    place = astana()
    register(place, [family(1)])
    for secret in PersonSecret.objects.all():
        stored = bytes(secret.ciphertext) + bytes(secret.lookup) + b"".join(bytes(t) for t in secret.name_tokens)
        for word in ("Әли", "Гүлнар", "Қайрат", "2015", "7700", number(1), number(4), number(1, "850612")):
            assert word.encode() not in stored


def test_a_secret_moved_to_another_person_does_not_open():
    place = astana()
    register(place, [family(1), family(2)])
    a, b = PersonSecret.objects.filter(subject_kind="child").order_by("id")
    PersonSecret.objects.filter(id=a.id).update(nonce=b.nonce, ciphertext=b.ciphertext)
    with pytest.raises(InvalidTag):
        queries.unseal("child", [a.subject_id])


def test_a_key_repeated_answers_the_same_and_another_body_is_refused():
    place, rows, key = astana(), [family(1)], uuid4()
    call = {"actor": SYSTEM, "territory_id": place, "proofs": proofs_for(rows), "at": AT, "key": key}
    first = commands.register_families(families=rows, **call)
    assert commands.register_families(families=rows, **call) == first
    with pytest.raises(Refused) as caught:
        commands.register_families(families=[family(2)], **call)
    assert caught.value.reason is KeyReason.KEY_REUSED


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (family(1, guardian=guardian(1, iin="850612700000")), PeopleRefusal.BAD_IIN),
        (family(1, guardian=guardian(1, iin=None)), PeopleRefusal.BAD_IIN),
        (family(1, children=1, language="de"), PeopleRefusal.LANGUAGE_UNKNOWN),
        (family(1, home_id=-5), PeopleRefusal.HOME_UNKNOWN),
        (family(1, guardian=guardian(1, phone="call me")), PeopleRefusal.PHONE_UNREADABLE),
        (replace(family(1), children=(child(4, iin="１５０３０１７０００００"),)), PeopleRefusal.BAD_IIN),
        (replace(family(1), children=(child(4, given=" "),)), PeopleRefusal.NAME_MISSING),
        (replace(family(1), children=(child(4, surname="<b>"),)), PeopleRefusal.NAME_UNREADABLE),
        (replace(family(1), children=(child(4, born_on=None),)), PeopleRefusal.BIRTH_DATE_MISSING),
        (replace(family(1), children=(child(4, born_on=TODAY + timedelta(1)),)), PeopleRefusal.BIRTH_DATE_IMPOSSIBLE),
        (replace(family(1), children=(child(4, born_on=date(1015, 3, 1)),)), PeopleRefusal.BIRTH_DATE_IMPOSSIBLE),
        (replace(family(1), children=(child(4, born_on=date(1980, 3, 1)),)), PeopleRefusal.BIRTH_DATE_IMPOSSIBLE),
    ],
)
def test_a_bad_row_is_refused_with_its_reason_and_does_not_stop_the_good_one(row, reason):
    place = astana()
    good = family(9)
    outcomes = register(place, [row, good])
    assert outcomes[0].reason is reason
    assert outcomes[0].id is None
    assert outcomes[1].id is not None
    assert Child.objects.count() == 1
    assert Guardian.objects.count() == 1


def test_knowing_a_number_is_not_enough_the_registry_must_name_the_child():
    place, row = astana(), family(1)
    stranger = {row.guardian.iin: [ProvedChild(number(500), "parent", "x")]}
    assert register(place, [row], proofs={})[0].reason is PeopleRefusal.GUARDIANSHIP_NOT_PROVED
    assert register(place, [row], proofs=stranger)[0].reason is PeopleRefusal.GUARDIANSHIP_NOT_PROVED
    assert Child.objects.count() == 0
    assert register(place, [row])[0].reason is None  # the control: with the proof the same row stands


def test_another_birth_date_than_the_registrys_or_the_stored_one_goes_to_a_person():
    place, row = astana(), family(1)
    told = {row.guardian.iin: [ProvedChild(row.children[0].iin, "parent", "x", date(2014, 1, 1))]}
    assert register(place, [row], proofs=told)[0].reason is PeopleRefusal.BIRTH_DATE_DIFFERS
    register(place, [row])
    other = replace(family(2), children=(replace(row.children[0], born_on=date(2016, 5, 5)),))
    assert register(place, [other])[0].reason is PeopleRefusal.BIRTH_DATE_DIFFERS


def test_a_guardian_named_with_each_child_and_a_child_named_twice_are_one_person_each():
    place = astana()
    mother = guardian(1)
    rows = [replace(family(1), guardian=mother, children=(child(n),)) for n in (4, 5, 4)]
    father = replace(family(2), children=(child(4),))
    outcomes = register(place, [*rows, father])
    assert outcomes[0].id == outcomes[2].id == outcomes[3].id != outcomes[1].id
    assert (Guardian.objects.count(), Child.objects.count(), Guardianship.objects.count()) == (2, 2, 3)
    assert len(queries.guardians_of([outcomes[0].id], TODAY)[outcomes[0].id]) == 2


def test_what_is_told_anew_is_taken_over_and_blanks_erase_nothing():
    place, row = astana(), family(1)
    register(place, [row])
    moved = replace(row, guardian=replace(row.guardian, phone="+7 (700) 000-00-99", surname="", patronymic=""))
    register(place, [moved])
    found = queries.persons(actor=OFFICER, kind="guardian", subject_ids=[guardian_id(row)], at=AT)[guardian_id(row)]
    assert (found.phone, found.surname, found.patronymic) == ("+77000000099", "Әлиева", "Серікқызы")


def test_a_child_without_an_iin_is_known_again_by_guardian_name_and_birth_date():
    place = astana()
    row = replace(family(1), children=(child(0, iin=None), child(0, iin=None, given="Ілияс")))
    first = register(place, [row])
    assert all(o.id for o in first)
    folded = replace(row, children=(child(0, iin=None, given="Кайрат"), child(0, iin=None, given="Ілияс")))
    assert [o.id for o in register(place, [folded])] == [o.id for o in first]
    assert Child.objects.count() == 2
    unproved = replace(row, children=(child(0, iin=None, given="Марат"),))
    assert register(place, [unproved], proofs=proofs_for([row]))[0].reason is PeopleRefusal.GUARDIANSHIP_NOT_PROVED


def test_a_family_without_children_is_a_bad_envelope():
    with pytest.raises(BadInput) as caught:
        register(astana(), [family(1), replace(family(2), children=())])
    assert caught.value.field == "families[1].children"


def test_a_clerk_of_another_territory_registers_nothing_here():
    place = astana()
    elsewhere = actor(Role.CLERK, territory_id=place + 1)
    call = {"territory_id": place, "families": [family(1)], "proofs": {}, "at": AT, "key": uuid4()}
    with pytest.raises(Forbidden):
        commands.register_families(actor=elsewhere, **call)


def test_the_number_of_statements_does_not_depend_on_the_number_of_families():
    place = astana()
    counts = []
    for first, last in ((1, 11), (20, 220)):
        with CaptureQueriesContext(
            connection,
        ) as captured:
            register(place, [family(n, children=1) for n in range(first, last)])
        counts.append(len(captured))
    assert counts[0] == counts[1]
    assert Child.objects.count() == 210


def _registered() -> tuple[int, int]:
    row = family(1)
    (outcome,) = register(astana(), [row])
    assert outcome.id is not None
    return guardian_id(row), outcome.id


def _rights_left(pair: tuple[int, int]) -> bool:
    guardian_now, child_now = pair
    return pair in queries.wards([pair], TODAY) or guardian_now in queries.guardians_of([child_now], TODAY).get(
        child_now, []
    )


def _end(pair: tuple[int, int]) -> None:
    commands.end_guardianship(
        actor=OFFICER, guardian_id=pair[0], child_id=pair[1], reason="court order", at=AT, key=uuid4()
    )


def test_the_end_of_guardianship_ends_every_right_at_once():
    pair = _registered()
    assert _rights_left(pair)
    _end(pair)
    assert not _rights_left(pair)
    with pytest.raises(Refused) as caught:
        _end(pair)
    assert caught.value.reason is PeopleRefusal.NOT_THE_GUARDIAN


def test_control_without_the_days_of_a_guardianship_its_end_would_change_nothing(monkeypatch):
    pair = _registered()
    monkeypatch.setattr(queries, "_WARDS", queries._WARDS.replace("g.valid @> %s::date", "%s::date IS NOT NULL"))
    _end(pair)
    assert _rights_left(pair)  # red: so the test above sees what it is meant to see


def test_a_guardian_whose_right_ended_may_get_it_back_by_a_new_proof():
    row = family(1)
    place = astana()
    (outcome,) = register(place, [row])
    pair = (guardian_id(row), outcome.id)
    _end(pair)
    register(place, [row])
    assert _rights_left(pair)


@pytest.mark.django_db(transaction=True)
def test_two_clerks_registering_the_same_families_at_once_make_one_of_each():
    place = astana()
    rows = [family(n, children=2) for n in range(1, 30)]

    def act(order):
        def run(barrier):
            barrier.wait()
            return register(place, order)

        return run

    first, second = at_once(act(rows), act(rows[::-1]))
    assert {o.id for o in first} == {o.id for o in second}
    assert (Guardian.objects.count(), Child.objects.count(), Guardianship.objects.count()) == (29, 58, 58)
    assert PersonSecret.objects.count() == 29 + 58


def _made_by_two_who_looked_before_either_stored(monkeypatch) -> list[object]:
    """Two threads look for one guardian, meet, then store: what each made or raised."""
    looked = queries.by_lookup
    wanted = {queries.iin_lookup("guardian", guardian(1).iin): guardian(1)}

    def run(barrier):
        with transaction.atomic():
            first_look = iter([True])

            def look_and_meet(kind, lookups):
                found = looked(kind, lookups)
                if next(first_look, False):
                    barrier.wait()
                return found

            here.look = look_and_meet
            return steps.store_persons("guardian", "guardian", wanted).ids

    here = threading.local()
    monkeypatch.setattr(queries, "by_lookup", lambda kind, lookups: here.look(kind, lookups))
    return at_once(run, run)


@pytest.mark.django_db(transaction=True)
def test_who_looked_in_vain_and_comes_second_gets_the_firsts_row(monkeypatch):
    first, second = _made_by_two_who_looked_before_either_stored(monkeypatch)
    assert first == second
    assert PersonSecret.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_control_without_the_unique_look_up_there_would_be_twins(monkeypatch):
    monkeypatch.setattr(steps, "_KEEP", "RETURNING lookup, subject_id")
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE person_secret DROP CONSTRAINT person_secret_lookup_once")
    try:
        first, second = _made_by_two_who_looked_before_either_stored(monkeypatch)
        assert first != second
        assert PersonSecret.objects.count() == 2  # red: one guardian twice
    finally:
        PersonSecret.objects.all().delete()
        with connection.cursor() as cursor:
            cursor.execute(
                "ALTER TABLE person_secret ADD CONSTRAINT person_secret_lookup_once UNIQUE (subject_kind, lookup)"
            )
