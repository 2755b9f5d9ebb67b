"""Figures are what the rows say, are counted by the system alone, and are shown by kind and department."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from qosymsha.domain.admission.models import Application
from qosymsha.domain.choice.models import ChoiceList
from qosymsha.domain.figures import commands
from qosymsha.domain.figures.models import Figure, Measure, WaitingLine
from qosymsha.domain.figures.queries import stored
from qosymsha.domain.figures.rules.ratings import Rating
from qosymsha.domain.ledger.queries import totals
from qosymsha.domain.people.models import Department
from qosymsha.domain.people.states import Role
from qosymsha.domain.programmes.models import BudgetLine
from qosymsha.domain.settlement.commands import draw_claims
from qosymsha.interfaces.jobs import figures as duties
from qosymsha.kernel.actor import Actor, Grant
from qosymsha.kernel.entropy import uuid4
from qosymsha.kernel.errors import Forbidden
from tests.factories import admission, choice, settlement
from tests.factories.figures import SYSTEM, counted
from tests.factories.settlement import AT, FEBRUARY, JANUARY
from tests.factories.vouchers import add_group

pytestmark = pytest.mark.django_db
NIGHT = datetime(2026, 3, 2, 22, 30, tzinfo=UTC)  # 03:30 in Astana, the third of March


def month_of(home: settlement.City, month: date, words: tuple[str, ...]) -> None:
    """A month of so many children, each with its word, claimed."""
    places = settlement.enrol(home, len(words))
    settlement.promise(home, places, month)
    on = settlement.sheet(home, month)
    for place, word in zip(places, words, strict=True):
        settlement.row(on, place, word=word)
    draw_claims(
        programme_id=home.programme.id, month=month, actor=SYSTEM, provider_ids=[home.provider.id], at=AT, key=uuid4()
    )


def test_money_of_each_month_adds_up_to_the_ledger() -> None:
    home = settlement.city(budget_tiyn=2_000_000_000)
    month_of(home, JANUARY, ("confirmed",) * 11 + ("decided",))
    found = counted(home.programme.id, AT)
    (line,) = found["money"].content["rows"]
    last = line["months"][-1]
    assert last["planned"] == 2_000_000_000 == sum(last[part] for part in ("free", "held", "payable", "paid", "back"))
    ledger = totals([home.line.id])[home.line.id]
    assert (last["free"], last["payable"]) == (ledger["free"], ledger["payable"])
    assert line["earned"] == [[JANUARY.isoformat(), ledger["payable"]]]
    assert line["burn"]["speed"] == ledger["payable"]
    assert line["burn"]["rest"] == line["burn"]["left"] - 11 * ledger["payable"]
    (spoken,) = found["spoken"].content["rows"]
    assert (spoken["rows"], spoken["family"], spoken["officer"]) == (12, 11, 1)


def test_who_waits_is_told_by_category_in_cells_of_ten_at_least() -> None:
    city = admission.City(money={"sport": admission.money_for(12)})
    the_round = city.opened()
    every = city.families(40) + city.families(6, categories=["orphan"]) + city.families(11, categories=["sen"])
    city.file(the_round, every)
    city.run(the_round)
    rows = counted(city.programme.id, admission.AFTER)["waiting"].content["rows"]
    assert {row["children"] for row in rows if row["children"] < 10} <= {0}
    by_part = {p: sum(row["children"] for row in rows if row["part"] == p) for p in ("waiting", "granted")}
    states = dict.fromkeys(("waiting", "granted"), 0)
    for state in Application.objects.values_list("state", flat=True):
        states[state] += 1
    assert by_part == states
    told = {category for row in rows for category in row["categories"]}
    alone = [row["categories"] for row in rows if row["categories"] == ["orphan"]]
    assert "orphan" in told, "merged, not left out"
    assert alone == [], "six orphans are never told alone"


def test_a_groups_line_counts_who_wishes_it_more_than_what_it_has() -> None:
    city = choice.town()
    wanted, other = add_group(city, capacity=2), add_group(city, capacity=9, weekdays=(1, 3))
    children = choice.holders(city, 6)
    choice.run(city, [(child, [wanted, other]) for child in children])
    commands.count_lines(actor=SYSTEM, programme_id=city.programme_id, at=choice.AFTER, key=uuid4())
    assert dict(WaitingLine.objects.values_list("group_id", "waiting")) == {wanted: 4}
    gone = ChoiceList.objects.filter(group_id=other).first()
    assert gone is not None
    with connection.cursor() as cursor:  # the list is out for good
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("UPDATE choice_list SET state = 'left' WHERE id = %s", [gone.pk])
    commands.count_lines(actor=SYSTEM, programme_id=city.programme_id, at=choice.AFTER, key=uuid4())
    assert stored.lines([wanted])[wanted].waiting == 3
    assert stored.voucher_lines(city.programme_id) == [], "nothing was counted of applications"


def test_a_rating_is_measured_and_waits_for_enough_lessons() -> None:
    home = settlement.city()
    month_of(home, JANUARY, ("confirmed",) * 9 + ("silent",))
    counted(home.programme.id, AT)
    found = stored.rated_group(home.group.id)
    assert found is not None
    assert (found.measured.planned, found.rating) == (8, None), "eight lessons say nothing yet"
    settlement.sheet(home, FEBRUARY)
    commands.measure(actor=SYSTEM, at=datetime(2026, 3, 31, tzinfo=UTC), key=uuid4())
    for rated in (stored.rated_group(home.group.id), stored.rated_provider(home.provider.id)):
        assert rated is not None
        assert rated.measured.planned == 16
        assert rated.rating == Rating(1000, 900, None, 0), "nobody could have stayed three months yet"
    assert Measure.objects.count() == 2


def test_a_department_sees_its_own_kinds_alone() -> None:
    city = admission.City(money={"sport": admission.money_for(12), "creative": admission.money_for(12, "creative")})
    sport = Department.objects.create(territory=city.territory, code="sport", name_kk="Спорт", name_ru="Спорт")
    BudgetLine.objects.filter(id=city.lines["sport"]).update(department=sport)
    counted(city.programme.id, admission.AFTER)

    def seen(department: int | None) -> tuple[tuple[str, ...], set[str]]:
        grant = Grant(Role.PAYER, frozenset({city.territory.id}), department)
        (scope,) = stored.scopes(Actor(7, "user:7", (grant,)))
        return scope.kinds, {row["kind"] for row in stored.figures(scope, 2026)["money"].rows}

    assert seen(sport.id) == (("sport",), {"sport"})
    assert seen(None) == (("creative", "educational", "sport"), {"creative", "educational", "sport"}), "the control"


def test_a_cell_merged_over_kinds_is_shown_only_to_who_sees_all_of_them() -> None:
    row: dict[str, Any] = {"rows": [{"kinds": ["sport", "creative"], "children": 12}]}
    figure = Figure(name="waiting", at=AT, seconds=0, content=row)
    assert stored._stored(figure, ("sport",)).rows == ()
    assert len(stored._stored(figure, ("sport", "creative")).rows) == 1


@pytest.mark.parametrize("role", [Role.CHECKER, Role.GUARDIAN, Role.PROVIDER_MANAGER, Role.TEACHER])
def test_others_see_no_figures_and_only_the_system_counts(role: Role) -> None:
    actor = Actor(7, "user:7", (Grant(role),))
    with pytest.raises(Forbidden):
        stored.scopes(actor)
    with pytest.raises(Forbidden):
        commands.measure(actor=actor, at=AT, key=uuid4())
    with pytest.raises(Forbidden):
        commands.count_open_figures(actor=actor, year=2026, at=AT, key=uuid4())


def test_a_repeated_key_counts_once() -> None:
    home, key = settlement.city(), uuid4()
    for at in (AT, AT + timedelta(hours=1)):
        commands.count_figure(actor=SYSTEM, programme_id=home.programme.id, year=2026, name="money", at=at, key=key)
        assert Figure.objects.get().at == AT


def test_the_night_counts_each_figure_once_and_goes_on_where_it_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    settlement.city()
    monkeypatch.setattr(duties, "SECONDS", -1)  # one figure a call: a night in pieces
    for n in range(1, len(commands.COUNTS) + 3):
        duties.count_figures(NIGHT)
        assert Figure.objects.count() == n
    duties.count_figures(NIGHT + timedelta(minutes=5))
    assert {one.at for one in Figure.objects.all()} == {NIGHT}, "once a night"
    monkeypatch.undo()
    duties.count_figures(NIGHT + timedelta(hours=22))  # half past one
    assert {one.at for one in Figure.objects.all()} == {NIGHT}, "not before three"
    duties.count_figures(NIGHT + timedelta(days=1))
    assert {one.at for one in Figure.objects.all()} == {NIGHT + timedelta(days=1)}
