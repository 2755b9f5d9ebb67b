"""INV-16 and INV-17 of choice rounds: nothing found where only commands worked, every planted violation found."""

from __future__ import annotations

import random

import pytest
from django.db import connection

from qosymsha.domain.choice.models import ChoiceRound
from qosymsha.domain.insights.queries import check_invariant
from qosymsha.domain.people.models import ChildStatus
from tests.factories import choice
from tests.factories.choice import AFTER, LATER, certified, town
from tests.factories.vouchers import add_group

pytestmark = pytest.mark.django_db
RESERVES = [{"kind": "sport", "category": "orphan", "permille": 500}]


def allocated(**rules: object) -> ChoiceRound:
    """A round of fourteen children over four groups of two, two of them orphans."""
    city = town(**rules)
    luck = random.Random(5)
    groups = [add_group(city, capacity=2, weekdays=(1, 3)) for _ in range(4)]
    children = choice.holders(city, 14)
    ChildStatus.objects.bulk_create([certified(child.child, "orphan") for child in children[:4]])
    return choice.run(city, [(c, luck.sample(groups, 3)) for c in children])


def does(statement: str) -> None:
    """A statement past the guards."""
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(statement)
        assert cursor.rowcount > 0, "a plant that plants nothing proves nothing"
        cursor.execute("SET session_replication_role = origin")


def found(invariant: str) -> int:
    return check_invariant(invariant, AFTER).violations


@pytest.mark.parametrize("rules", [{}, {"reserves": RESERVES, "reserves_from": 2}], ids=["plain", "reserves"])
def test_nothing_is_found_where_only_commands_worked(rules: dict[str, object]) -> None:
    the_round = allocated(**rules)
    assert (found("INV-16"), found("INV-17")) == (0, 0)
    choice.offer(the_round, LATER)
    assert (found("INV-16"), found("INV-17")) == (0, 0)


UNSEATED = "(SELECT choice_list_id FROM choice_outcome WHERE group_id IS NOT NULL ORDER BY 1 LIMIT 1)"
PLANTS = {
    "a place taken away": f"UPDATE choice_outcome SET group_id = NULL, wish = NULL WHERE choice_list_id = {UNSEATED}",
    "a stranger passed all": """
        WITH waits AS (SELECT choice_list_id FROM choice_outcome WHERE group_id IS NULL ORDER BY 1 LIMIT 1),
             holds AS (SELECT e.choice_list_id, e.group_id FROM choice_entry e
                         JOIN choice_outcome o USING (choice_list_id) JOIN waits w ON true
                         JOIN choice_entry m ON m.choice_list_id = w.choice_list_id AND m.group_id = e.group_id
                        WHERE o.group_id = e.group_id ORDER BY 1 LIMIT 1)
        UPDATE choice_outcome o SET group_id = CASE WHEN o.choice_list_id = h.choice_list_id THEN NULL
                                                    ELSE h.group_id END,
               wish = CASE WHEN o.choice_list_id = h.choice_list_id THEN NULL ELSE 1 END
          FROM waits w, holds h WHERE o.choice_list_id IN (w.choice_list_id, h.choice_list_id)""",
    "one more than places": """
        UPDATE choice_outcome o SET group_id = (SELECT group_id FROM choice_cutoff ORDER BY 1 LIMIT 1), wish = 1
         WHERE group_id IS NULL""",
}


@pytest.mark.parametrize("plant", PLANTS.values(), ids=PLANTS.keys())
@pytest.mark.parametrize("rules", [{}, {"reserves": RESERVES, "reserves_from": 2}], ids=["plain", "reserves"])
def test_an_unstable_outcome_is_found(rules: dict[str, object], plant: str) -> None:
    allocated(**rules)
    does(plant)
    assert found("INV-16") > 0
    assert found("INV-17") > 0


CHANGES = {
    "seed": "UPDATE choice_round SET seed = sha256('x')",
    "secret": "UPDATE choice_secret SET secret = sha256('x') WHERE party = 'parents'",
    "line": "UPDATE choice_line SET line = regexp_replace(line, chr(9) || '[0-9]+', chr(9) || '77')",
    "terms": """UPDATE choice_round SET terms = replace(terms, '"capacity":2', '"capacity":3')""",
    "number": "UPDATE choice_outcome SET number = sha256('x')",
    "answer": "UPDATE choice_round SET output_hash = sha256('x')",
    "a group's list": "UPDATE choice_entry SET wish = wish + 7 WHERE place = 1",
    "an outcome gone": f"DELETE FROM choice_outcome WHERE choice_list_id = {UNSEATED}",
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_what_was_changed_after_the_run_is_found(change: str) -> None:
    allocated()
    assert found("INV-17") == 0
    does(change)
    assert found("INV-17") > 0
