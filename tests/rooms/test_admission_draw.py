"""Plan, close, draw, allocate, publish: a closed list never changes, one draw, one answer, the same bytes each time."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from qosymsha.domain.admission import commands, queries
from qosymsha.domain.admission.commands import allocating
from qosymsha.domain.admission.models import Application, ApplicationHistory, FrozenLine, Outcome, Round, RoundHistory
from qosymsha.domain.admission.rules import AdmissionRefusal
from qosymsha.domain.allocation import canonical, draw, merkle
from qosymsha.domain.ledger import queries as ledger
from qosymsha.domain.people.models import ChildStatus, Guardianship
from qosymsha.domain.people.states import Role
from qosymsha.domain.vouchers.models import Voucher
from qosymsha.kernel import entropy
from qosymsha.kernel.errors import Forbidden, KeyReason, Refused
from tests.factories.admission import (
    AFTER,
    CLOSES,
    INSIDE,
    OPENS,
    PARTIES,
    City,
    document,
    money_for,
    month_tiyn,
    tickets,
)
from tests.factories.readings import readings

pytestmark = pytest.mark.django_db
R = AdmissionRefusal
VERIFY = Path(__file__).resolve().parents[2] / "verify"


def refusal(call: Any) -> Any:
    with pytest.raises(Refused) as refused:
        call()
    return refused.value.reason


@dataclass(frozen=True)
class Told:
    """What a round tells the world."""

    root: str
    seed: str
    output: str
    granted: frozenset[bytes]


@dataclass(frozen=True)
class Story:
    """A round to play with known tickets: change one thing and see what differs."""

    categories: Sequence[str] = ("orphan",) * 5 + ("general",) * 25
    order: Sequence[int] = tuple(range(30))
    batches: int = 1
    parties: Mapping[str, bytes] = None  # type: ignore[assignment]
    beacon: bytes = b"beacon"
    rules: Mapping[str, Any] = None  # type: ignore[assignment]
    places: int = 10

    def play(self, monkeypatch: pytest.MonkeyPatch) -> Told:
        """Play it and forget it again, so that the next story gets the same numbers."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT setval('round_number', 1, false)")
        before = transaction.savepoint()
        city = City(rules=document(**(self.rules or {})), money={"sport": money_for(self.places)})
        families = [city.families(1, categories=[c] if c != "general" else [])[0] for c in self.categories]
        parties = self.parties or PARTIES
        the_round = city.opened(city.plan(parties=parties))
        known = dict(zip([child for _, child in families], tickets("t", len(families)), strict=True))
        size = -(-len(self.order) // self.batches)
        for start in range(0, len(self.order), size):
            batch = [families[i] for i in self.order[start : start + size]]
            queue = [known[child] for _, child in batch]
            token = entropy.token
            monkeypatch.setattr(entropy, "token", lambda n, q=queue, t=token: q.pop(0) if n == 16 and q else t(n))
            monkeypatch.setattr(entropy, "uuid4", uuid4)
            city.file(the_round, batch, at=INSIDE + timedelta(seconds=start))
            monkeypatch.setattr(entropy, "token", token)
        city.close(the_round)
        city.draw(the_round, secrets=parties, beacon=self.beacon)
        city.allocate(the_round)
        found = Round.objects.get(pk=the_round.id)
        granted = Application.objects.filter(state="granted").values_list("line_id", flat=True)
        told = Told(
            bytes(found.root or b"").hex(),
            bytes(found.seed or b"").hex(),
            bytes(found.output_hash or b"").hex(),
            frozenset(bytes(line) for line in granted),
        )
        transaction.savepoint_rollback(before)
        return told


def test_filing_first_or_last_or_in_other_batches_is_equal(monkeypatch: pytest.MonkeyPatch) -> None:
    straight = Story().play(monkeypatch)
    assert len(straight.granted) == 10
    assert Story(order=tuple(reversed(range(30))), batches=7).play(monkeypatch) == straight


def test_where_a_rule_set_ties_by_arrival_filing_first_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control of the test above: the same permutation is seen where it may be."""
    by_arrival = {"allocation": {"tie": "arrived"}}
    straight = Story(batches=30, rules=by_arrival).play(monkeypatch)
    backwards = Story(order=tuple(reversed(range(30))), batches=30, rules=by_arrival).play(monkeypatch)
    assert straight.granted != backwards.granted


@pytest.mark.parametrize(
    "change",
    [
        {"categories": ("orphan",) * 6 + ("general",) * 24},
        {"order": tuple(range(29))},
        {"rules": {"allocation": {"policy": "tiers"}}},
        {"rules": {"timers": {"accept_working_days": 3}}},
        {"places": 11},
        {"parties": {"akimat": b"\1" * 32, "parents": b"\3" * 32}},
        {"parties": {"parents": b"\2" * 32, "akimat": b"\1" * 32}},
    ],
    ids=["a category", "a row less", "the policy", "any rule", "a place", "a secret", "the order of parties"],
)
def test_one_row_one_rule_or_one_commitment_changed_changes_the_root_and_every_number(
    change: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, other = Story().play(monkeypatch), Story(**change).play(monkeypatch)
    assert first.root != other.root
    assert first.seed != other.seed


def test_the_beacon_changes_the_seed_and_not_the_list(monkeypatch: pytest.MonkeyPatch) -> None:
    first, other = Story().play(monkeypatch), Story(beacon=b"another").play(monkeypatch)
    assert first.root == other.root
    assert first.seed != other.seed
    assert first.output != other.output


# --- plan and open


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"closes_at": OPENS}, R.WINDOW_BACKWARDS),
        ({"last_month": date(2026, 2, 1)}, R.MONTHS_BACKWARDS),
        ({"first_month": date(2026, 3, 2)}, R.MONTHS_BACKWARDS),
        ({"last_month": date(2027, 1, 1)}, R.MONTHS_IN_TWO_YEARS),
        ({"first_month": date(2027, 3, 1), "last_month": date(2027, 3, 1)}, R.NO_BUDGET_LINE),
        ({"beacon_name": " "}, R.BEACON_NOT_NAMED),
        ({"commitments": {"akimat": b"\1" * 32}}, R.TWO_PARTIES_NEEDED),
        ({"commitments": {"akimat": b"\1" * 32, " ": b"\2" * 32}}, R.TWO_PARTIES_NEEDED),
        ({"commitments": {"akimat": b"\1" * 32, "parents": b"\2" * 31}}, R.COMMITMENT_MALFORMED),
        ({"commitments": {"akimat": b"\1" * 32, "parents": b"\1" * 32}}, R.COMMITMENT_MALFORMED),
    ],
)
def test_a_plan_that_could_not_be_drawn_fairly_is_refused(changes: dict[str, Any], reason: R) -> None:
    city = City()
    assert refusal(lambda: city.planned(city.plan(**changes))) is reason
    assert not Round.objects.exists()


def test_a_round_opens_in_its_time_and_one_at_a_time() -> None:
    city = City()
    first, second = city.planned(), city.planned()

    def open_at(round_id: int, at: Any) -> Round:
        return commands.open_round(actor=city.officer, round_id=round_id, at=at, key=uuid4())

    assert refusal(lambda: open_at(first.id, OPENS - timedelta(seconds=1))) is R.WINDOW_NOT_OPEN
    assert refusal(lambda: open_at(first.id, CLOSES)) is R.WINDOW_NOT_OPEN
    open_at(first.id, OPENS)
    assert refusal(lambda: open_at(first.id, OPENS)) is R.ROUND_IN_OTHER_STATE
    assert refusal(lambda: open_at(second.id, OPENS)) is R.ANOTHER_ROUND_RUNS


def test_two_running_rounds_of_a_programme_are_refused_by_the_database_too() -> None:
    city = City()
    city.opened()
    second = city.planned()
    with pytest.raises(IntegrityError), transaction.atomic():
        Round.objects.filter(pk=second.id).update(state="open")


def test_plan_and_open_repeat_without_doing_twice() -> None:
    city = City()
    key, plan = uuid4(), city.plan()
    planned = [
        commands.plan_round(actor=city.officer, programme_id=city.programme.id, plan=plan, at=OPENS, key=key)
        for _ in range(2)
    ]
    assert planned[0] == planned[1]
    opened = [
        commands.open_round(actor=city.officer, round_id=planned[0].id, at=OPENS, key=key).state for _ in range(2)
    ]
    assert opened == ["open", "open"]
    with pytest.raises(Refused) as refused:
        commands.open_round(actor=city.officer, round_id=city.planned().id, at=OPENS, key=key)
    assert refused.value.reason is KeyReason.KEY_REUSED


@pytest.mark.parametrize("verb", ["plan", "open", "close", "draw", "allocate", "publish", "refill"])
def test_only_the_programmes_office_leads_a_round(verb: str, tmp_path: Path) -> None:
    city = City()
    the_round = city.opened()
    fixed: dict[str, Any] = {
        "at": AFTER,
        "key": uuid4(),
        "actor": city.actor(*(set(Role) - {Role.PROGRAMME_OFFICER, Role.SYSTEM})),
    }
    round_id = {"round_id": the_round.id}
    calls: dict[str, Any] = {
        "plan": lambda: commands.plan_round(programme_id=city.programme.id, plan=city.plan(), **fixed),
        "open": lambda: commands.open_round(**round_id, **fixed),
        "close": lambda: commands.close_round(**round_id, **fixed),
        "draw": lambda: commands.draw_round(beacon_value=b"b", secrets=PARTIES, **round_id, **fixed),
        "allocate": lambda: commands.allocate_round(**round_id, **fixed),
        "publish": lambda: commands.publish_round(folder=tmp_path, **round_id, **fixed),
        "refill": lambda: commands.refill(**round_id, **fixed),
    }
    with pytest.raises(Forbidden):
        calls[verb]()


# --- close


def test_the_window_is_not_closed_early() -> None:
    city = City()
    the_round = city.opened()
    assert refusal(lambda: city.close(the_round, at=CLOSES - timedelta(seconds=1))) is R.WINDOW_STILL_OPEN


def test_claims_are_those_valid_at_the_cut_off_and_the_best_one_competes() -> None:
    city = City()
    the_round = city.opened()
    cut_off = date(2026, 2, 16)
    plain = city.families(1)
    several = city.families(1, categories=["large-family", "disability", "unheard-of"])
    lapsed = city.families(1, categories=["orphan"], evidence_until=cut_off)
    last_day = city.families(1, categories=["orphan"], evidence_until=cut_off + timedelta(days=1))
    for families in (plain, several, lapsed, last_day):
        city.file(the_round, families)
    closed = city.close(the_round)
    found = {row.child_id: (row.category, row.claims) for row in Application.objects.all()}
    assert found == {
        plain[0][1]: ("general", []),
        several[0][1]: ("disability", ["disability", "large-family"]),
        lapsed[0][1]: ("general", []),
        last_day[0][1]: ("orphan", ["orphan"]),
    }
    assert closed.applications == 4
    assert not closed.rejected


def test_who_lost_the_right_before_the_cut_off_is_rejected_with_the_reason() -> None:
    city = City()
    the_round = city.opened()
    ended, fine = city.families(2)
    city.file(the_round, [ended, fine])
    Guardianship.objects.filter(child_id=ended[1]).update(valid=(date(2020, 1, 1), date(2026, 2, 10)))
    assert city.close(the_round).rejected == {"not_guardian": 1}
    rejected = Application.objects.get(child_id=ended[1])
    assert (rejected.state, rejected.reason) == ("rejected", "not_guardian")
    assert [row.application.child_id for row in FrozenLine.objects.all()] == [fine[1]]
    last = ApplicationHistory.objects.filter(application=rejected).latest("seq")
    assert (last.seq, last.from_state, last.cause) == (2, "submitted", "not_guardian")


def test_the_closed_list_is_sorted_salted_and_has_the_published_root() -> None:
    city = City(rules=document(allocation={"reserves": [{"segment": "sport", "category": "sen", "permille": 100}]}))
    the_round = city.opened()
    city.file(the_round, [*city.families(3), *city.families(1, categories=["sen", "orphan"])])
    closed = city.close(the_round)
    the_round.refresh_from_db()
    rows = list(FrozenLine.objects.order_by("position").values_list("position", "line", "leaf"))
    assert [position for position, _, _ in rows] == list(range(4))
    assert [line for _, line, _ in rows] == sorted(line for _, line, _ in rows)
    tiers = sorted(tuple(line.split("\t")[1:]) for _, line, _ in rows)
    assert tiers == [("sport", "1", "sen", "")] + [("sport", "12", "", "")] * 3
    leaves = canonical.terms_leaf(the_round.terms) + b"".join(bytes(leaf) for _, _, leaf in rows)
    assert merkle.root(leaves).hex() == closed.root == bytes(the_round.root or b"").hex()


def test_a_repeated_close_answers_the_same() -> None:
    city = City()
    the_round, key = city.opened(), uuid4()
    city.file(the_round, city.families(3))
    first, second = (
        commands.close_round(actor=city.officer, round_id=the_round.id, at=CLOSES, key=key) for _ in range(2)
    )
    assert first == second
    assert refusal(lambda: city.close(the_round)) is R.ROUND_IN_OTHER_STATE
    assert RoundHistory.objects.filter(to_state="closed").count() == 1


def test_an_empty_round_goes_through_to_the_end(tmp_path: Path) -> None:
    city = City(money={"sport": money_for(3)})
    the_round = city.opened()
    allocated = city.run(the_round)
    assert allocated.vouchers == 0
    publish(city, the_round, tmp_path)
    assert city.refill(the_round).rejected == 0


def test_a_close_takes_as_many_queries_for_ten_as_for_two_hundred() -> None:
    counts = []
    for size, kato in ((10, "710000000"), (200, "750000000")):
        city = City(kato=kato, money={"sport": money_for(5)})
        the_round = city.opened()
        city.file(the_round, city.families(size))
        with CaptureQueriesContext(connection) as seen:
            city.run(the_round)
        counts.append(len(seen))
    assert counts[0] == counts[1]


# --- draw


def closed(families: int = 6, places: int = 3) -> tuple[City, Round]:
    city = City(money={"sport": money_for(places)})
    the_round = city.opened()
    city.file(the_round, city.families(families))
    city.close(the_round)
    return city, the_round


@pytest.mark.parametrize(
    ("secrets", "reason"),
    [
        ({"akimat": b"\1" * 32}, R.SECRET_MISSING),
        ({"akimat": b"\1" * 32, "parents": b"\3" * 32}, R.SECRET_NOT_COMMITTED),
        ({"akimat": b"\1" * 32, "parents": b"\2" * 31}, R.SECRET_NOT_COMMITTED),
        ({"akimat": b"\2" * 32, "parents": b"\1" * 32}, R.SECRET_NOT_COMMITTED),
        ({**PARTIES, "notary": b"\4" * 32}, R.SECRET_NOT_COMMITTED),
    ],
)
def test_a_secret_that_was_not_committed_to_makes_no_seed(secrets: dict[str, bytes], reason: R) -> None:
    city, the_round = closed()
    assert refusal(lambda: city.draw(the_round, secrets=secrets)) is reason
    the_round.refresh_from_db()
    assert the_round.seed is None


@pytest.mark.parametrize("beacon", [b"", b"x" * 1_025])
def test_a_beacon_value_that_is_none_makes_no_seed(beacon: bytes) -> None:
    city, the_round = closed()
    assert refusal(lambda: city.draw(the_round, beacon=beacon)) is R.BEACON_MALFORMED


def test_the_seed_is_the_published_formula() -> None:
    city, the_round = closed()
    drawn = city.draw(the_round)
    parts = [b"seed\0", drawn.number.encode(), b"\0", bytes(drawn.root or b""), b"beacon", *PARTIES.values()]
    assert drawn.seed == hashlib.sha256(b"".join(parts)).digest()


def test_there_is_no_draw_before_the_close_and_no_second_one() -> None:
    city = City()
    the_round = city.opened()
    assert refusal(lambda: city.draw(the_round)) is R.ROUND_IN_OTHER_STATE
    city.close(the_round)
    city.draw(the_round)
    assert refusal(lambda: city.draw(the_round, beacon=b"nicer")) is R.ROUND_IN_OTHER_STATE


def test_a_repeated_draw_is_the_first_one_and_another_beacon_under_its_key_is_refused() -> None:
    city, the_round = closed()
    fixed: dict[str, Any] = {
        "actor": city.officer,
        "round_id": the_round.id,
        "secrets": PARTIES,
        "at": AFTER,
        "key": uuid4(),
    }
    first = commands.draw_round(beacon_value=b"one", **fixed)
    assert bytes(commands.draw_round(beacon_value=b"one", **fixed).seed or b"") == first.seed
    assert refusal(lambda: commands.draw_round(beacon_value=b"two", **fixed)) is KeyReason.KEY_REUSED


def second_draw(the_round: Round) -> None:
    """What somebody with the program's own database rights could try."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE admission_round SET seed = '\\x00', state = 'drawn' WHERE id = %s", [the_round.id])
        cursor.execute(
            "INSERT INTO round_history (round_id, from_state, to_state, at, actor_id)"
            " VALUES (%s, 'closed', 'drawn', now(), 0)",
            [the_round.id],
        )


def test_the_database_refuses_a_second_draw_whoever_asks() -> None:
    city, the_round = closed()
    city.draw(the_round)
    with pytest.raises(DatabaseError, match="written once"):
        second_draw(the_round)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # a table with pending checks can't be altered
        cursor.execute("ALTER TABLE admission_round DISABLE TRIGGER admission_round_written_once")
    with pytest.raises(IntegrityError, match="round_history_state_once"):
        second_draw(the_round)
    # Control: with trigger and constraint away the seed would be replaced.
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE round_history DROP CONSTRAINT round_history_state_once")
    second_draw(the_round)
    the_round.refresh_from_db()
    assert the_round.seed == b"\0"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE admission_round SET beacon_name = 'fake:other'",
        "UPDATE admission_round SET closes_at = closes_at + interval '1 day'",
        "UPDATE admission_round SET root = '\\x00'",
        "UPDATE admission_round SET places = '{}'",
        "UPDATE admission_round SET terms = '{}'",
        "UPDATE admission_round SET state = 'open'",
        "UPDATE draw_secret SET commitment = '\\x00'",
        "UPDATE draw_secret SET secret = '\\x00'",
        "UPDATE frozen_line SET line = ''",
        "DELETE FROM frozen_line",
        "DELETE FROM round_history",
        "UPDATE application_history SET cause = ''",
        "UPDATE application SET state = 'submitted'",
    ],
)
def test_what_was_published_is_written_once(statement: str) -> None:
    city, the_round = closed()
    city.draw(the_round)
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


def tamper(statement: str) -> None:
    """Change a row with the database's own safeguards asleep, as only its superuser can."""
    with connection.cursor() as cursor:
        cursor.execute(f"SET session_replication_role = replica; {statement}; SET session_replication_role = origin")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE frozen_line SET line = replace(line, E'\\t12\\t', E'\\t1\\t') WHERE position = 2",
        "UPDATE frozen_line SET leaf = sha256('x'), line = replace(line, E'\\t12\\t', E'\\t1\\t') WHERE position = 2",
        "DELETE FROM frozen_line WHERE position = 5",
        "UPDATE admission_round SET terms = replace(terms, '\"places\":3', '\"places\":4')",
    ],
    ids=["a tier", "a tier and its leaf", "a row", "a place"],
)
def test_a_list_changed_behind_the_programs_back_stops_draw_and_run(statement: str) -> None:
    city, the_round = closed()
    before = transaction.savepoint()
    tamper(statement)
    assert refusal(lambda: city.draw(the_round)) is R.LIST_CHANGED
    transaction.savepoint_rollback(before)
    city.draw(the_round)
    tamper(statement)
    assert refusal(lambda: city.allocate(the_round)) is R.LIST_CHANGED
    assert not Outcome.objects.exists()


# --- allocate


def expected_order(city: City, the_round: Round) -> list[int]:
    """The order of ALLOCATION.md, slowly and by itself: (ceil(k / coefficient), category's order, number)."""
    weights = {c["code"]: (c["order"], c["coefficient"]) for c in city.rules["categories"]["list"]}
    seed = bytes(Round.objects.get(pk=the_round.id).seed or b"")
    by_category: dict[str, list[tuple[bytes, int]]] = {}
    for row in Application.objects.filter(round=the_round):
        number = hashlib.sha256(seed + bytes(row.line_id)).digest()
        by_category.setdefault(row.category, []).append((number, row.id))
    queue = []
    for category, rows in by_category.items():
        order, weight = weights[category]
        queue += [(-(-k // weight), order, number, i) for k, (number, i) in enumerate(sorted(rows), 1)]
    return [i for *_, i in sorted(queue)]


def test_grants_follow_iterations_over_the_categories_and_vouchers_take_the_money() -> None:
    city = City(money={"sport": money_for(17)})
    the_round = city.opened()
    for categories, count in ((["orphan"], 15), (["large-family"], 8), (["single-parent"], 5), ([], 9)):
        city.file(the_round, city.families(count, categories=categories))
    allocated = city.run(the_round)
    order = expected_order(city, the_round)
    outcomes = Outcome.objects.in_bulk(order)
    assert [outcomes[i].rank for i in order] == list(range(1, 38))
    assert [outcomes[i].waiting_rank for i in order] == [None] * 17 + list(range(1, 21))
    assert set(Application.objects.filter(state="granted").values_list("id", flat=True)) == set(order[:17])
    assert set(Application.objects.filter(state="waiting").values_list("id", flat=True)) == set(order[17:])
    assert allocated.granted["sport"] == allocated.vouchers == Voucher.objects.count() == 17
    assert allocated.waiting["sport"] == 20
    totals = ledger.totals([city.lines["sport"]])[city.lines["sport"]]
    assert totals["held"] == 17 * 10 * month_tiyn()
    assert not ledger.unbalanced_lines()
    voucher = Voucher.objects.get(application_id=order[0])
    assert (voucher.first_month, voucher.last_month, voucher.month_tiyn) == (
        date(2026, 3, 1), date(2026, 12, 1), month_tiyn(),
    )  # fmt: skip


def test_strict_tiers_serve_every_orphan_before_anybody_else() -> None:
    city = City(rules=document(allocation={"policy": "tiers"}), money={"sport": money_for(15)})
    the_round = city.opened()
    city.file(the_round, [*city.families(15, categories=["orphan"]), *city.families(15)])
    city.run(the_round)
    assert set(Application.objects.filter(state="granted").values_list("category", flat=True)) == {"orphan"}


def test_a_reserve_says_how_a_place_was_given() -> None:
    reserves = [{"segment": "sport", "category": "single-parent", "permille": 300}]
    city = City(rules=document(allocation={"reserves": reserves}), money={"sport": money_for(10)})
    the_round = city.opened()
    city.file(the_round, [*city.families(20, categories=["orphan"]), *city.families(5, categories=["single-parent"])])
    city.run(the_round)
    hows = list(Outcome.objects.filter(result="granted").values_list("how", flat=True))
    assert hows.count("single-parent") == 3
    assert hows.count("open") == 7


def test_each_application_has_every_step_of_its_life_in_its_history() -> None:
    city, the_round = closed()
    city.draw(the_round)
    city.allocate(the_round)
    lives: dict[int, list[tuple[int, str]]] = {}
    for row in ApplicationHistory.objects.order_by("application_id", "seq"):
        lives.setdefault(row.application_id, []).append((row.seq, row.to_state))
    begin = [(1, "submitted"), (2, "checked"), (3, "ranked")]
    ends = sorted(life[3][1] for life in lives.values())
    assert all(life[:3] == begin and life[3][0] == 4 and len(life) == 4 for life in lives.values())
    assert ends == ["granted"] * 3 + ["waiting"] * 3


def test_money_cut_since_the_close_stops_the_run_whole() -> None:
    city, the_round = closed()
    city.draw(the_round)
    city.give("sport", -month_tiyn() * 10)
    assert refusal(lambda: city.allocate(the_round)) is R.MONEY_GONE
    assert not Voucher.objects.exists()
    assert not Outcome.objects.exists()


def test_a_run_that_the_independent_checker_faults_is_never_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    city, the_round = closed()
    city.draw(the_round)
    before = transaction.savepoint()
    monkeypatch.setattr(allocating, "findings", lambda *_: ["somebody was passed over"])
    with pytest.raises(AssertionError, match="passed over"):
        city.allocate(the_round)
    transaction.savepoint_rollback(before)
    assert not Outcome.objects.exists()


def test_a_repeated_run_answers_the_same_and_there_is_no_other() -> None:
    city, the_round = closed()
    city.draw(the_round)
    key = uuid4()
    first, second = (
        commands.allocate_round(actor=city.officer, round_id=the_round.id, at=AFTER, key=key) for _ in range(2)
    )
    assert first == second
    assert refusal(lambda: city.allocate(the_round)) is R.ROUND_IN_OTHER_STATE
    assert Voucher.objects.count() == 3


def test_who_withdraws_between_close_and_run_keeps_a_rank_and_gets_no_voucher() -> None:
    city, the_round = closed(places=6)
    gone = Application.objects.first()
    assert gone is not None
    commands.withdraw_application(
        actor=city.channel, application_id=gone.id, guardian_id=gone.guardian_id, at=AFTER, key=uuid4()
    )
    city.draw(the_round)
    assert city.allocate(the_round).vouchers == 5
    gone.refresh_from_db()
    assert gone.state == "withdrawn"
    assert Outcome.objects.get(application=gone).result == "granted"
    assert not Voucher.objects.filter(child_id=gone.child_id).exists()


def test_a_child_that_got_a_voucher_by_another_way_since_the_close_gets_no_second() -> None:
    city, the_round = closed(places=6)
    lucky = Application.objects.first()
    assert lucky is not None
    city.hold_voucher(lucky.child_id)
    city.draw(the_round)
    assert city.allocate(the_round).vouchers == 5
    lucky.refresh_from_db()
    assert (lucky.state, lucky.reason) == ("rejected", "holds_voucher")
    assert Voucher.objects.filter(child_id=lucky.child_id).count() == 1


# --- publish


def publish(city: City, the_round: Round, folder: Path) -> Round:
    return commands.publish_round(actor=city.officer, round_id=the_round.id, folder=folder, at=AFTER, key=uuid4())


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_run_made_again_gives_the_same_bytes(tmp_path: Path) -> None:
    city, the_round = closed(families=40, places=15)
    city.draw(the_round)
    city.allocate(the_round)
    assert publish(city, the_round, tmp_path / "one").state == "published"
    publish(city, the_round, tmp_path / "two")
    assert bytes_of(tmp_path / "one") == bytes_of(tmp_path / "two") != {}
    assert RoundHistory.objects.filter(to_state="published").count() == 1


def test_the_files_name_the_published_root_and_hold_neither_tickets_nor_people(tmp_path: Path) -> None:
    city, the_round = closed(families=40, places=15)
    city.draw(the_round)
    city.allocate(the_round)
    publish(city, the_round, tmp_path)
    files = bytes_of(tmp_path)
    leaves = [canonical.terms_leaf(files["terms.json"].decode())]
    for row in files["closed.tsv"].decode().splitlines():
        salt, _, line = row.partition("\t")
        leaves.append(canonical.leaf(bytes.fromhex(salt), line) if line else bytes.fromhex(salt))
    the_round.refresh_from_db()
    assert merkle.root(b"".join(leaves)) == bytes(the_round.root or b"")
    everything = b"".join(files.values())
    for row in Application.objects.all():
        ticket = draw.parse_ticket(queries.receipt(actor=city.channel, application_id=row.id, at=AFTER).ticket)
        assert ticket.hex().encode() not in everything
        assert row.number.encode() not in everything
        assert bytes(row.line_id).hex().encode() in everything


def verified(folder: Path, root: str) -> list[int]:
    """Exit statuses of the public's own verifiers, which share no code with us."""
    return [
        subprocess.run([sys.executable, VERIFY / name, folder, *arguments], capture_output=True, check=False).returncode
        for name, arguments in (("draw.py", [root]), ("grant.py", []))
    ]


def test_the_publics_verifiers_accept_the_files_and_find_a_change(tmp_path: Path) -> None:
    city = City(money={"sport": money_for(25)})
    the_round = city.opened()
    city.file(the_round, [*city.families(30, categories=["orphan"]), *city.families(30)])
    root = city.close(the_round).root
    city.draw(the_round)
    city.allocate(the_round)
    publish(city, the_round, tmp_path)
    assert verified(tmp_path, root) == [0, 0]
    results = (tmp_path / "results.tsv").read_text()
    (tmp_path / "results.tsv").write_text(results.replace("waiting", "open", 1))
    assert 0 not in verified(tmp_path, root)


def test_an_answer_that_comes_out_otherwise_is_not_published(tmp_path: Path) -> None:
    city, the_round = closed()
    city.draw(the_round)
    city.allocate(the_round)
    tamper("UPDATE admission_round SET seed = sha256('another')")
    assert refusal(lambda: publish(city, the_round, tmp_path)) is R.OUTPUT_DIFFERS
    assert not list(tmp_path.iterdir())


def test_after_a_familys_erasure_the_files_are_kept_not_made_again(tmp_path: Path) -> None:
    city, the_round = closed()
    city.draw(the_round)
    city.allocate(the_round)
    tamper("DELETE FROM person_secret WHERE subject_kind = 'application'")
    assert refusal(lambda: publish(city, the_round, tmp_path)) is R.TICKETS_ERASED


def test_only_an_allocated_round_is_published(tmp_path: Path) -> None:
    city, the_round = closed()
    assert refusal(lambda: publish(city, the_round, tmp_path)) is R.ROUND_IN_OTHER_STATE


# --- what is seen


def test_the_public_summary_counts_and_merges_small_classes() -> None:
    city = City(money={"sport": money_for(20)})
    the_round = city.opened()
    city.file(
        the_round,
        [*city.families(12, categories=["orphan"]), *city.families(4, categories=["sen"]), *city.families(20)],
    )
    city.run(the_round)
    told = queries.round_summary(the_round.number.lower())
    sport = next(segment for segment in told.segments if segment.segment == "sport")
    assert (sport.places, sport.applications, sport.granted, sport.waiting) == (20, 36, 20, 16)
    assert "sen" not in told.granted_by_category
    assert "orphan" not in told.granted_by_category
    assert sum(told.granted_by_category.values()) == 20
    assert len(told.root) == len(told.seed) == 64
    assert refusal(lambda: queries.round_summary("R-000000-X")) is R.UNKNOWN_ROUND


def test_an_explanation_says_where_and_why_and_the_read_is_recorded() -> None:
    city = City(money={"sport": money_for(2)})
    the_round = city.opened()
    city.file(the_round, [*city.families(3, categories=["orphan"]), *city.families(2)])
    city.run(the_round)
    order = expected_order(city, the_round)
    told = queries.explain(actor=city.officer, application_id=order[3], at=AFTER)
    assert (told.state, told.rank, told.position, told.granted_before, told.waiting_before) == ("waiting", 4, 2, 2, 1)
    assert (told.category, told.coefficient, told.iteration, told.turn) == ("", None, None, None)
    assert (told.places, told.last_rank, [c.applications for c in told.before]) == (2, 2, [3])
    assert [move.to_state for move in told.moves] == ["submitted", "checked", "ranked", "waiting"]
    (read,) = readings("read_application")
    assert read.detail["read"] == {"read_application": {"application": [order[3]]}}
    assert read.subject_ids == [Application.objects.get(pk=order[3]).child_id]


def test_a_category_is_told_only_to_who_asks_and_may_and_that_read_is_recorded_too() -> None:
    city = City(money={"sport": money_for(2)})
    the_round = city.opened()
    city.file(the_round, [*city.families(3, categories=["orphan"]), *city.families(2)])
    city.run(the_round)
    first = expected_order(city, the_round)[0]
    with pytest.raises(Forbidden):
        queries.explain(actor=city.actor(Role.PROGRAMME_OFFICER), application_id=first, at=AFTER, with_category=True)
    told = queries.explain(actor=city.actor(Role.CHECKER), application_id=first, at=AFTER, with_category=True)
    assert told.category == "orphan"
    assert told.coefficient
    assert (told.iteration, told.turn) == (1, 1)
    assert told.evidence is not None
    assert told.evidence.source
    assert len(readings("read_application_category")) == 1


def test_a_stranger_reads_neither_receipt_nor_explanation(monkeypatch: pytest.MonkeyPatch) -> None:
    city = City()
    the_round = city.opened()
    (outcome,) = city.file(the_round, city.families(1))
    assert outcome.id is not None
    stranger = city.actor(*(set(Role) - {Role.CHECKER, Role.PROGRAMME_OFFICER, Role.AUDITOR}))
    with pytest.raises(Forbidden):
        queries.explain(actor=stranger, application_id=outcome.id, at=AFTER)
    with pytest.raises(Forbidden):
        queries.receipt(actor=city.officer, application_id=outcome.id, at=AFTER)
    assert refusal(lambda: queries.explain(actor=city.officer, application_id=0, at=AFTER)) is R.UNKNOWN_APPLICATION
    assert queries.explain(actor=city.officer, application_id=outcome.id, at=AFTER).state == "submitted"
    assert ChildStatus.objects.count() == 0
