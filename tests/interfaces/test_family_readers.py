"""Who read my child's record: the family sees role, office, day and what; not the name, and not another's child."""

from __future__ import annotations

from datetime import timedelta
from html import unescape
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client

from qosymsha.domain.people.models import Guardianship
from qosymsha.domain.people.states import Role
from qosymsha.domain.providers.models import Provider
from qosymsha.domain.witness.states import READ
from qosymsha.interfaces.ui import texts
from qosymsha.kernel import clock
from tests.factories.attendance import guardian_of
from tests.factories.families import child_uuid
from tests.factories.office import Desk, desk
from tests.factories.readings import readings
from tests.interfaces import browsing

pytestmark = pytest.mark.django_db


def page(client: Client, of: Desk, n: int = 0, status: int = 200) -> str:
    """The page about the child of the n-th row."""
    answer = client.get(f"/en/family/children/{child_uuid(of.rows[n].child_id)}/readers/")
    assert answer.status_code == status
    return unescape(answer.content.decode())


@pytest.fixture
def family(client: Client) -> tuple[Client, Desk]:
    """The first row's guardian is signed in; a club's manager and a checker have read the child's month."""
    of = desk(families=2)
    manager = browsing.official(Role.PROVIDER_MANAGER, provider_id=of.city.provider_id, name="test:private-name")
    for user in (manager, of.official(Role.CHECKER)):
        other = browsing.come_in(Client(), user, strong=True)
        door = "provider" if user == manager else "office"
        for _ in range(2):
            assert other.get(f"/en/{door}/sheets/{of.sheet.uuid}/").status_code == 200
    browsing.come_in(client, browsing.guardian_user(guardian_of(of.rows[0])))
    return client, of


def test_it_says_role_office_and_what_and_folds_the_same_of_a_day(family: tuple[Client, Desk]) -> None:
    client, of = family
    shown = page(client, of)
    club = Provider.objects.get(pk=of.city.provider_id).name
    assert f"{texts.say('en', 'role.provider_manager')}, {club}: " in shown
    assert texts.say("en", "role.checker") in shown
    assert texts.say("en", "readers.what.attendance") in shown
    assert shown.count(texts.say("en", "readers.times", n=2)) == 2
    assert "private-name" not in shown
    assert texts.say("en", "readers.none") not in shown


def test_own_looks_are_folded_into_one_line_and_this_look_is_the_next(family: tuple[Client, Desk]) -> None:
    client, of = family
    page(client, of)
    page(client, of)
    last = readings()[-1]
    assert last.detail["door"] == "family-readers"
    assert last.subject_ids == [of.rows[0].child_id]
    assert texts.say("en", "readers.own_times", n=2, last="").rstrip(".") in page(client, of)


def test_another_guardian_is_named_as_one_and_the_system_as_itself(family: tuple[Client, Desk]) -> None:
    client, of = family
    child = of.rows[0].child_id
    before = Guardianship.objects.get(child_id=child)
    Guardianship.objects.create(
        guardian_id=guardian_of(of.rows[1]), child_id=child, valid=before.valid, kind=before.kind, evidence="test"
    )
    other = browsing.come_in(Client(), browsing.guardian_user(guardian_of(of.rows[1])))
    assert other.get("/en/family/children/").status_code == 200
    assert texts.say("en", "readers.who.guardian") in page(client, of)


def test_a_strangers_child_and_an_unknown_one_are_alike_not_found(family: tuple[Client, Desk]) -> None:
    client, of = family
    page(client, of, 1, status=404)
    assert client.get(f"/en/family/children/{uuid4()}/readers/").status_code == 404
    Guardianship.objects.filter(child_id=of.rows[0].child_id).delete()
    page(client, of, 0, status=404)  # custody that ended shows nothing more


def test_it_is_found_by_an_index_however_long_the_audit_is(family: tuple[Client, Desk]) -> None:
    _, of = family
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO audit_event (at, actor_id, actor_label, action, subject_kind, subject_ids, detail)"
            " SELECT %s, 9, 'user:9', %s, 'child', jsonb_build_array(1000 + i, 2000 + i), '{}'"
            " FROM generate_series(1, 20000) i",
            [clock.read() - timedelta(days=3), READ],
        )
        cursor.execute("ANALYZE audit_event")
        cursor.execute(
            "EXPLAIN SELECT id FROM audit_event"
            " WHERE subject_kind = 'child' AND subject_ids @> %s::jsonb AND action = %s",
            [f"[{of.rows[0].child_id}]", READ],
        )
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "subject_ids_idx" in plan, plan
