"""The checker: nothing found where commands worked; one violation planted an invariant, and exactly that one is red."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from qosymsha.domain.insights.queries import CHECKS, EVERYTHING, check_invariant, check_invariants
from qosymsha.domain.insights.queries.marks import Start
from qosymsha.domain.insights.rules import PROMISES
from tests.factories.insights import (
    World,
    copied,
    does,
    log,
    noted,
    one,
    past_the_guards,
    posts,
    second_place,
    sql,
    world_of_commands,
)
from tests.factories.settlement import AT, City

pytestmark = pytest.mark.django_db
ALWAYS_FULL = {"INV-13", "INV-18", "INV-21", "INV-22"}  # a minute's run reads all there is: time alone can break them
SERVER = "INV-22"  # the tests' own server is unsafe on purpose: its settings are red before any plant
VOUCHER = "(SELECT min(id) FROM voucher)"
NUMBERED = [promise.id for promise in PROMISES if promise.id.startswith("INV-")]


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One clean state for all tests of this module, in one transaction that is rolled back."""
    with world_of_commands(django_db_blocker, tmp_path_factory.mktemp("outside")) as made:
        yield made


@pytest.fixture
def clean(world: World, db: None) -> Iterator[World]:
    """The clean state; what a test plants is taken back with the test's own savepoint, and the log to its length."""
    yield world
    with log().open("r+b") as file:
        file.truncate(world.files[log().name])


def found(start: Start, invariants: list[str]) -> dict[str, list[str]]:
    """Red invariants with their examples, by a run from this start."""
    results = [check_invariant(i, AT, start) for i in invariants]
    return {result.id: result.examples for result in results if not result.ok}


# --- one plant an invariant -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Plant:
    """What is done past the guards, the example that must be named, and promises that say the same of another side."""

    does: Callable[[City], None]
    example: Callable[[City], str]
    company: frozenset[str] = frozenset()


def two_places(home: City) -> None:
    """A second live place, with its history and its seat, so that only the voucher is at fault."""
    first, other = second_place(home)
    twin = one(f"SELECT max(id) FROM enrolment WHERE group_id = {other}")
    copied("enrolment_history", f"enrolment_id = {first}", most=9, enrolment_id=str(twin))
    past_the_guards(f"UPDATE seat SET taken = taken + 1 WHERE group_id = {other}")


def two_vouchers(home: City) -> None:
    """A second live voucher with its history."""
    sql("DROP INDEX voucher_one_live")
    first = home.enrolments[0].voucher_id
    copied("voucher", f"id = {first}", number="'V-second'")
    twin = one("SELECT id FROM voucher WHERE number = 'V-second'")
    copied("voucher_history", f"voucher_id = {first}", most=9, voucher_id=str(twin))


def two_lessons_at_once(home: City) -> None:
    """A child who has left a group is marked present there during a lesson of the group it goes to."""
    first, other = second_place(home)
    twin = one(f"SELECT max(id) FROM enrolment WHERE group_id = {other}")
    past_the_guards(f"UPDATE enrolment SET state = 'ended', reason = 'moved', ends_on = starts_on WHERE id = {twin}")
    copied("enrolment_history", f"enrolment_id = {first}", most=9, enrolment_id=str(twin))
    copied(
        "enrolment_history",
        f"enrolment_id = {twin} AND seq = (SELECT max(seq) FROM enrolment_history WHERE enrolment_id = {twin})",
        seq="seq + 1",
        from_state="to_state",
        to_state="'ended'",
    )
    lesson = f"(SELECT id FROM session WHERE group_id = {other} ORDER BY starts_at LIMIT 1)"
    copied("mark", f"enrolment_id = {first} AND value = 'present'", enrolment_id=str(twin), session_id=lesson)


def a_step_that_leads_nowhere(_: City) -> None:
    """An active voucher becomes active: no such step."""
    sql("ALTER TABLE voucher_history DROP CONSTRAINT voucher_history_legal")
    last = f"voucher_id = {VOUCHER} AND to_state = 'active'"
    copied("voucher_history", last, seq="seq + 1", from_state="'active'")


def below_zero_and_back(home: City) -> None:
    """More is taken from `free` than there is, and given back."""
    for tiyn in (-(10**14), 10**14):
        posts(("free", tiyn), ("approp", -tiyn))(home)


def a_child_of_long_ago(_: City) -> None:
    """A child of sixteen years ago whose name is still there."""
    copied("child", created_at="'2010-01-01'")
    child = one("SELECT max(id) FROM child")
    copied("person_secret", "subject_kind = 'child'", subject_id=str(child), lookup="NULL")


def number(statement: str) -> Callable[[City], str]:
    """The example `what id`, the id asked from the database after the plant."""
    what, _, query = statement.partition(": ")
    return lambda home: f"{what} {one(query.format(home=home))}"


def says(example: str) -> Callable[[City], str]:
    """An example known beforehand."""
    return lambda _: example


PLANTS: dict[str, Plant] = {
    "INV-1": Plant(
        does("UPDATE seat SET taken = taken + 1 WHERE group_id = (SELECT min(group_id) FROM enrolment)"),
        number("group: SELECT min(group_id) FROM enrolment"),
    ),
    "INV-2": Plant(two_places, number("voucher: SELECT {home.enrolments[0].voucher_id}")),
    "INV-3": Plant(two_vouchers, number("child: SELECT {home.enrolments[0].child_id}")),
    "INV-4": Plant(posts(("paid", 5), ("approp", -4)), number("posting: SELECT max(id) FROM ledger_posting")),
    "INV-5": Plant(
        below_zero_and_back,
        number("line: SELECT '{home.line.id} entry ' || min(id) FROM ledger_entry WHERE amount_tiyn = -(10^14)"),
    ),
    "INV-6": Plant(
        does(
            "ALTER TABLE claim_row DROP CONSTRAINT claim_row_due_less_claimed",
            "UPDATE claim_row SET amount_tiyn = amount_tiyn + 1 WHERE id = (SELECT min(id) FROM claim_row)",
        ),
        number("claim row: SELECT min(id) FROM claim_row"),
    ),
    "INV-7": Plant(
        does("UPDATE sheet_row SET word = 'silent' WHERE id = (SELECT min(id) FROM sheet_row)"),
        number("sheet row: SELECT min(id) FROM sheet_row"),
    ),
    "INV-8": Plant(
        two_lessons_at_once,
        number(
            "child: SELECT child_id || ' sessions ' || min(session_id) || ' ' || max(session_id) FROM mark WHERE"
            ' child_id = {home.enrolments[0].child_id} AND (child_id, "on") IN (SELECT child_id, "on" FROM mark'
            ' GROUP BY child_id, "on" HAVING count(*) > 1) GROUP BY child_id'
        ),
    ),
    "INV-9": Plant(
        does("UPDATE audit_event SET detail = '{\"a\": 1}' WHERE id = (SELECT max(event_id) FROM audit_link)"),
        number("link: SELECT max(seq) FROM audit_link"),
    ),
    "INV-10": Plant(
        a_step_that_leads_nowhere,
        number(f"voucher: SELECT {VOUCHER} || ' step ' || max(seq) FROM voucher_history WHERE voucher_id = {VOUCHER}"),
    ),
    "INV-11": Plant(
        does(f"UPDATE voucher SET state = 'suspended' WHERE id = {VOUCHER}"), number(f"voucher: SELECT {VOUCHER}")
    ),
    "INV-12": Plant(
        does("UPDATE idempotency_key SET outcome = NULL WHERE id = (SELECT min(id) FROM idempotency_key)"),
        number("key: SELECT min(id) FROM idempotency_key"),
    ),
    "INV-13": Plant(
        does("INSERT INTO procrastinate_jobs (queue_name, task_name, priority, status) VALUES ('q', 't', 0, 'doing')"),
        number("job: SELECT max(id) FROM procrastinate_jobs"),
    ),
    "INV-14": Plant(
        posts(("suspense", 7), ("paid", -7)),
        number("suspense account: SELECT id FROM ledger_account WHERE kind = 'suspense'"),
    ),
    "INV-15": Plant(
        does("UPDATE payment_file SET total_tiyn = total_tiyn + 1"),
        number("payment file: SELECT min(id) FROM payment_file"),
    ),
    "INV-16": Plant(
        does("UPDATE outcome SET result = 'waiting', waiting_rank = 99 WHERE rank = 1"),
        number("application: SELECT application_id FROM outcome WHERE rank = 1"),
        frozenset({"INV-17"}),  # what is unfair is also not what the published inputs give
    ),
    "INV-17": Plant(
        does("UPDATE outcome SET number = sha256('x') WHERE rank = 3"),
        number("round: SELECT round_id || ' number of application ' || application_id FROM outcome WHERE rank = 3"),
    ),
    "INV-18": Plant(
        does("DELETE FROM audit_link WHERE seq = (SELECT max(seq) FROM audit_link)"),
        says(
            f"checkpoint of {AT:%Y-%m-%d %H:%M} holds 3 links, the chain ends at 2: links 3 to 3 were cut off, or a"
            " backup was restored"
        ),
    ),
    "INV-19": Plant(lambda _: noted("00000000000000bb"), says("request 00000000000000bb")),
    "INV-20": Plant(
        does("UPDATE guardianship SET valid = '[2020-01-01,2020-02-01)'"),
        number("application: SELECT min(id) FROM application"),
    ),
    "INV-21": Plant(a_child_of_long_ago, number("child: SELECT max(id) FROM child")),
    SERVER: Plant(does("SET LOCAL synchronous_commit = off"), says("synchronous_commit = off")),
}


def test_nothing_is_found_where_only_commands_worked(clean: World) -> None:
    results = check_invariants(AT)
    assert [r.id for r in results] == [p.id for p in PROMISES]
    assert [(r.id, r.examples) for r in results if not r.ok and r.id != SERVER] == []
    assert [r.id for r in results if r.not_applicable] == []
    assert found(clean.after(), [i for i in CHECKS if i != SERVER]) == {}


@pytest.mark.parametrize("invariant", PLANTS)
def test_a_planted_violation_turns_exactly_its_invariant_red(clean: World, invariant: str) -> None:
    sql("SET LOCAL synchronous_commit = on")
    plant, others = PLANTS[invariant], [i for i in NUMBERED if i != SERVER or invariant == SERVER]
    before = [found(start, [invariant]).get(invariant, []) for start in (clean.after(), EVERYTHING)]
    assert invariant == SERVER or before == [[], []]
    plant.does(clean.home)
    example = plant.example(clean.home)
    for start, earlier in zip((clean.after(), EVERYTHING), before, strict=True):
        red = found(start, others)
        assert set(red) - plant.company == {invariant}
        assert example in red[invariant]
        assert example not in earlier
    # The control: an increment that begins behind the plant does not see it. It looks at increments indeed.
    assert set(found(clean.behind(), [invariant])) == ({invariant} if invariant in ALWAYS_FULL else set())


def test_there_is_a_plant_for_every_invariant_and_three_languages_for_every_promise() -> None:
    assert set(PLANTS) == set(NUMBERED)
    assert len(PROMISES) == 24
    assert all(p.kk and p.ru and p.en for p in PROMISES)
