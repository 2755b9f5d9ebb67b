"""The draw: one row, rule or commitment changed changes every number; one draw, of what was committed to."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from qosymsha.domain.admission import commands
from qosymsha.domain.admission.models import Application, Outcome, Round
from qosymsha.domain.admission.rules import AdmissionRefusal
from qosymsha.kernel import entropy
from qosymsha.kernel.errors import KeyReason
from tests.factories.admission import (
    AFTER,
    INSIDE,
    PARTIES,
    City,
    document,
    money_for,
    tickets,
)
from tests.factories.refusals import refusal
from tests.factories.round_stages import closed, tamper

pytestmark = pytest.mark.django_db
R = AdmissionRefusal


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
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


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
