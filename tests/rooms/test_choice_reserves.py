"""Places that groups keep for a category: in the run, in freed places; nobody at the group learns whose they are."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from qosymsha.domain.choice import commands
from qosymsha.domain.choice.models import ChoiceCutoff, ChoiceLine
from qosymsha.domain.people.models import ChildStatus
from qosymsha.domain.programmes import classifiers
from qosymsha.domain.programmes.rules import RuleSetFault, parse
from tests.factories import choice
from tests.factories.choice import AFTER, LATER, OFFICER, Child, certified, town
from tests.factories.vouchers import City, add_group, key

pytestmark = pytest.mark.django_db
VERIFY = Path(__file__).resolve().parents[2] / "verify"
HALF = [{"kind": "sport", "category": "orphan", "permille": 500}]
BY_LOT = {"criteria": ["lottery"], "reserves_from": 2}


def city_with(**rules: object) -> City:
    return town(**(BY_LOT | {"reserves": HALF} | rules))


def orphans(children: list[Child]) -> None:
    ChildStatus.objects.bulk_create([certified(child.child, "orphan") for child in children])


@pytest.mark.parametrize("rule", ["soft_first", "soft_last", "hard", "max"])
def test_half_of_a_group_is_kept_and_the_second_judge_agrees(rule: str, tmp_path: Path) -> None:
    """One orphan among forty: by lot alone it would hardly ever get one of two places; a reserve gives it one."""
    city = city_with(reserve_rule=rule)
    group = add_group(city, capacity=2)
    children = choice.holders(city, 40)
    orphans(children[:1])
    the_round = choice.run(city, [(c, [group]) for c in children])
    assert choice.place_of(children[0]) == group
    assert sum(choice.place_of(c) == group for c in children) == 2
    commands.publish_choice_round(actor=OFFICER, round_id=the_round.id, folder=tmp_path, at=AFTER, key=key())
    files = [tmp_path / "restricted" / name for name in ("instance.json", "answer.json")]
    assert json.loads(files[0].read_text())["rule"] == rule
    done = subprocess.run([sys.executable, VERIFY / "places.py", *files], capture_output=True, text=True, check=False)
    assert done.stdout == "OK: stable\n"


def test_the_control_without_reserves_the_lot_decides_alone() -> None:
    city = city_with(reserves=[])
    group = add_group(city, capacity=2)
    children = choice.holders(city, 40)
    orphans(children[:1])
    the_round = choice.run(city, [(c, [group]) for c in children])
    assert not ChoiceCutoff.objects.filter(round=the_round, reserved__gt=0).exists()
    assert all(line.endswith("\t") for line in ChoiceLine.objects.values_list("line", flat=True)), "no claim is frozen"


def test_what_nobody_claims_is_held_back_only_under_hard() -> None:
    taken = {}
    for rule in ("soft_first", "hard"):
        city = city_with(reserve_rule=rule)
        group = add_group(city, capacity=4)
        children = choice.holders(city, 6)
        choice.run(city, [(c, [group]) for c in children])
        taken[rule] = sum(choice.place_of(c) is not None for c in children)
    assert taken == {"soft_first": 4, "hard": 2}


def test_a_group_with_fewer_places_than_the_rules_say_keeps_none() -> None:
    city = city_with(reserves_from=10)
    small, large = add_group(city, capacity=9), add_group(city, capacity=10)
    children = choice.holders(city, 3)
    the_round = choice.run(city, [(c, [small, large]) for c in children])
    kept = dict(ChoiceCutoff.objects.filter(round=the_round).values_list("group_id", "reserved"))
    assert kept == {small: 0, large: 5}


@pytest.mark.parametrize("rule", ["soft_first", "soft_last", "hard", "max"])
def test_a_freed_reserved_place_goes_to_the_category_and_an_open_one_to_the_next(rule: str) -> None:
    city = city_with(reserve_rule=rule)
    group = add_group(city, capacity=2)
    children = choice.holders(city, 12)
    mine = children[:3]
    orphans(mine)
    the_round = choice.run(city, [(c, [group]) for c in children])
    seated = [c for c in children if choice.place_of(c)]
    reserved = [c for c in seated if c in mine]
    assert reserved
    choice.closed_for_good(reserved[0])
    left = [c for c in seated if c is not reserved[0]]
    choice.offer(the_round, LATER)
    (asked,) = choice.open_offers()
    if not any(c in mine for c in left):
        assert asked in {c.voucher for c in mine}, "nobody sits on the reserve, so its own are asked first"
    again = choice.offer(the_round, LATER)
    assert again.offers == 0, "one offer per place"


def test_two_free_places_one_reserved_are_offered_to_one_of_each() -> None:
    """Both at once: the first offer takes the reserve, the second is not offered to the category again."""
    city = city_with(reserve_rule="soft_first")
    group = add_group(city, capacity=2)
    children = choice.holders(city, 30)
    the_round = choice.run(city, [(c, [group]) for c in children])
    numbers = choice.order_on(the_round, group)
    first, second, *waiting = [next(c for c in children if choice.list_of(c).id == i) for i in numbers]
    assert {choice.place_of(first), choice.place_of(second)} == {group}
    with connection.cursor() as cursor:  # the last two of the list had claimed the reserve at the cut-off
        cursor.execute("SET session_replication_role = replica")
        for child in waiting[-2:]:
            cursor.execute(
                "UPDATE choice_line SET line = line || 'orphan' WHERE choice_list_id = %s", [choice.list_of(child).id]
            )
        cursor.execute("SET session_replication_role = origin")
    choice.closed_for_good(first)
    choice.closed_for_good(second)
    assert choice.offer(the_round, LATER).offers == 2
    assert set(choice.open_offers()) == {waiting[0].voucher, waiting[-2].voucher}


def test_a_category_stands_in_no_row_that_a_provider_or_a_notice_could_read() -> None:
    city = city_with()
    group = add_group(city, capacity=2)
    children = choice.holders(city, 12)
    orphans(children[:4])
    the_round = choice.run(city, [(c, [group]) for c in children])
    for child in [c for c in children if choice.place_of(c)]:
        choice.give_up(child, LATER)
    choice.offer(the_round, LATER)
    with connection.cursor() as cursor:
        tables = "enrolment enrolment_history seat choice_outcome choice_offer choice_offer_history outbox audit_event"
        tables += " choice_list choice_list_history choice_entry choice_cutoff choice_setback voucher_history"
        for table in tables.split():
            cursor.execute(f"SELECT count(*) FROM {table} t WHERE t::text LIKE '%orphan%'")  # noqa: S608
            assert cursor.fetchone() == (0,), table
        cursor.execute("SELECT count(*) FROM choice_line t WHERE t::text LIKE '%orphan%'")
        assert cursor.fetchone() == (4,), "the control: the search would find it"


def spoilt(**changes: object) -> dict[str, Any]:
    document = copy.deepcopy(classifiers.default_rule_set())
    document["choice"] |= changes
    return document


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"reserves": [HALF[0] | {"category": "nobody"}]}, "/choice/reserves/0/category"),
        ({"reserves": [HALF[0] | {"kind": "chess"}]}, "/choice/reserves/0/kind"),
        ({"reserves": [HALF[0], HALF[0]]}, "/choice/reserves"),
        ({"reserves": HALF, "freed": "rerun"}, "/choice/freed"),
        ({"reserves": [HALF[0] | {"permille": 501}]}, "/choice/reserves/0/permille"),
    ],
)
def test_rules_that_could_not_be_kept_are_refused(changes: dict[str, object], path: str) -> None:
    with pytest.raises(RuleSetFault) as fault:
        parse(spoilt(**changes))
    assert fault.value.path == path
