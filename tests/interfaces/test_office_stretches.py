"""Long queues: every row can be reached, filters and counts are asked of all rows, not of the first hundred."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from html import unescape

import pytest
from django.db import connection
from django.test import Client

from qosymsha.domain.attendance.queries import office as sheets
from qosymsha.domain.people.models import Department
from qosymsha.domain.people.states import Role
from qosymsha.domain.programmes import queries as programmes
from qosymsha.domain.programmes.models import BudgetLine
from qosymsha.domain.settlement.models import Claim
from qosymsha.domain.settlement.queries import office
from qosymsha.domain.settlement.rules.pay import approvals_needed
from qosymsha.domain.vouchers import commands, desk
from qosymsha.interfaces.ui import texts
from qosymsha.kernel import clock
from qosymsha.kernel.actor import Actor
from qosymsha.kernel.errors import Forbidden
from tests.factories.office import Desk, approved_sheet, claimed
from tests.factories.office import desk as office_desk
from tests.factories.vouchers import key
from tests.factories.waits import MID_AT, NEEDED, Town, town
from tests.interfaces import browsing

pytestmark = pytest.mark.django_db
MORE = 120
HOME = "/en/office/"


def cloned(table: str, id_: int, columns: Mapping[str, str]) -> None:
    """So many rows more like the one of this id; `columns` in SQL, `i` counts them, `r` is the row."""
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped"
            " AND attgenerated = ''", [table],
        )  # fmt: skip
        names = [name for (name,) in cursor.fetchall()]
        made = {"id": "900000 + i", "uuid": "gen_random_uuid()"} | dict(columns)
        values = ", ".join(made.get(name, f"r.{name}") for name in names)
        cursor.execute(
            f"INSERT INTO {table} ({', '.join(names)}) OVERRIDING SYSTEM VALUE"  # noqa: S608 - of this file
            f" SELECT {values} FROM {table} r, generate_series(1, %s) i WHERE r.id = %s", [MORE, id_],
        )  # fmt: skip
        cursor.execute("RESET session_replication_role")


def come(of: Desk, role: Role) -> Client:
    return browsing.come_in(Client(), of.official(role), strong=True)


def text(client: Client, where: str) -> str:
    answer = client.get(where)
    assert answer.status_code == 200, where
    return unescape(answer.content.decode())


def say(name: str, **values: object) -> str:
    return texts.say("en", name, **values)


def following(shown: str) -> str:
    """Where the list goes on; blank at its end."""
    found = re.search(r'href="([^"]+)" rel="next"', shown)
    return found.group(1) if found else ""


def test_every_claim_is_reached_and_bands_and_counts_are_asked_of_all() -> None:
    of = office_desk(silent=0)
    approved_sheet(of)
    newest = claimed(of)
    earlier = {"number": "'CX-' || i", "month": "(r.month - (i || ' months')::interval)::date"}
    cloned("claim", newest.pk, earlier)
    large = Claim.objects.order_by("month", "id").last()
    assert large is not None
    assert large.pk == newest.pk
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("UPDATE claim SET amount_tiyn = 600000000 WHERE id = %s", [newest.pk])
        cursor.execute("RESET session_replication_role")
    approver = come(of, Role.APPROVER)
    first = text(approver, f"{HOME}claims/?state=drawn")
    assert say("office.stretch.of", first=1, last=100, total=MORE + 1) in first
    assert newest.number not in first  # what waits longest comes first
    second = text(approver, f"{HOME}claims/{following(first)}")
    assert newest.number in second
    assert following(second) == ""
    assert newest.number in text(approver, f"{HOME}claims/?state=drawn&band=2")
    assert text(approver, f"{HOME}claims/?state=drawn&band=2").count('name="c"') == 1
    assert following(text(approver, f"{HOME}claims/?state=drawn&band=1")) != ""
    home = text(approver, HOME)
    assert say("office.task.approve_one", n=MORE) in home
    assert say("office.task.approve_more", n=1) in home
    for nonsense in ("x", "-5", "9" * 30):
        assert text(approver, f"{HOME}claims/?state=drawn&after={nonsense}").count('name="c"') == 100
    assert 'rel="prev"' in text(approver, f"{HOME}claims/?after=5000")


def test_bands_in_the_database_are_those_of_the_rule() -> None:
    of = office_desk(silent=0)
    approved_sheet(of)
    claimed(of)
    actor = browsing.actor(of.official(Role.APPROVER))
    for tiyn in (0, 1, 500_000_000, 500_000_001, 10**15):
        with connection.cursor() as cursor:
            cursor.execute("SET session_replication_role = replica")
            cursor.execute("UPDATE claim SET amount_tiyn = %s", [tiyn])
            cursor.execute("RESET session_replication_role")
        (found,) = office.office_claims(actor=actor)
        bands = programmes.rules_of(Claim.objects.get().rule_set_id).rules.approval_bands
        assert found.approvals_needed == approvals_needed(bands, tiyn)
        assert len(office.office_claims(actor=actor, band="2")) == (found.approvals_needed > 1)


def test_a_sheet_that_waits_for_a_word_is_found_behind_a_hundred_that_do_not() -> None:
    of = office_desk()
    cloned("month_sheet", of.sheet.pk, {"month": "(r.month - (i || ' months')::interval)::date"})
    actor = browsing.actor(of.official(Role.CHECKER))
    assert of.sheet.pk not in [one.id for one in sheets.office_sheets(actor=actor)]  # as the first hundred stand
    assert [one.id for one in sheets.office_sheets(actor=actor, waits="officer")] == [of.sheet.pk]
    checker = come(of, Role.CHECKER)
    first = text(checker, f"{HOME}sheets/")
    assert str(of.sheet.uuid) not in first
    assert str(of.sheet.uuid) in text(checker, f"{HOME}sheets/{following(first)}")
    assert str(of.sheet.uuid) in text(checker, f"{HOME}sheets/?waits=days")


def bound(home: Town, role: Role, department_id: int | None, name: str) -> Actor:
    """An official of the town, of one department alone where one is given."""
    actor = browsing.actor(browsing.official(role, territory_id=home.city.territory_id, name=name))
    return replace(actor, grants=tuple(replace(grant, department_id=department_id) for grant in actor.grants))


def test_transfers_are_their_departments_and_carried_out_by_officials_of_the_city_alone() -> None:
    home = town()
    clock.shift_to(MID_AT)
    home.ask(0)
    own = BudgetLine.objects.get(pk=home.city.lines["creative"]).department_id
    other = Department.objects.create(
        territory_id=home.city.territory_id, code="other", name_kk="Басқа", name_ru="Другой"
    ).pk
    seen = [
        (
            len(desk.line_queues(actor=actor)),
            len(desk.waiting_moves(actor=actor, at=MID_AT)),
        )
        for actor in (bound(home, Role.PROGRAMME_OFFICER, d, f"d{d}") for d in (None, own, other))
    ]
    assert seen == [(1, 1), (1, 1), (0, 0)]
    home.pay_in(NEEDED)
    mine = bound(home, Role.PROGRAMME_OFFICER, None, "mine")
    stranger = replace(mine, grants=tuple(replace(grant, territory_ids=frozenset({0})) for grant in mine.grants))
    with pytest.raises(Forbidden):
        commands.take_transfers(actor=stranger, programme_id=home.city.programme_id, at=MID_AT, key=key())
    done = commands.take_transfers(actor=mine, programme_id=home.city.programme_id, at=MID_AT, key=key())
    assert len(done.taken) == 1
    seen_by = [
        len(desk.split_months(actor=bound(home, Role.PROGRAMME_OFFICER, d, f"s{d}"), at=MID_AT)) for d in (own, other)
    ]
    assert seen_by == [1, 0]
