"""A choice round's files are checked by the verifiers and show no child; places taken directly before and after it."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from datetime import date, time
from pathlib import Path
from typing import Any

import pytest

from qosymsha.domain.choice import commands, queries
from qosymsha.domain.choice.rules import is_clash
from qosymsha.domain.people.models import ChildStatus
from qosymsha.domain.providers.rules import Slot
from qosymsha.domain.vouchers import commands as vouchers
from qosymsha.domain.vouchers.models import Seat
from qosymsha.domain.vouchers.rules import EnrolRefusal, EnrolWish
from tests.factories import choice
from tests.factories.choice import AFTER, OFFICER, OPENS, STARTS, Child, town
from tests.factories.vouchers import (
    CHANNEL,
    FIRST,
    add_group,
    key,
)

pytestmark = pytest.mark.django_db
VERIFY = Path(__file__).resolve().parents[2] / "verify"


def test_what_is_published_is_checked_by_the_verifiers_and_shows_no_child(tmp_path: Path) -> None:
    city = town()
    luck = random.Random(3)
    groups = [add_group(city, capacity=2, weekdays=(1, 3)) for _ in range(4)]
    children = choice.holders(city, 12)
    ChildStatus.objects.bulk_create([choice.certified(children[0].child, "orphan")])
    the_round = choice.run(city, [(c, luck.sample(groups, 3)) for c in children])
    for folder in ("a", "b"):
        commands.publish_choice_round(
            actor=OFFICER, round_id=the_round.id, folder=tmp_path / folder, at=AFTER, key=key()
        )
    files = sorted(p.relative_to(tmp_path / "a") for p in (tmp_path / "a").rglob("*") if p.is_file())
    assert all((tmp_path / "a" / f).read_bytes() == (tmp_path / "b" / f).read_bytes() for f in files)
    root = bytes(the_round.root or b"").hex()
    for part in ("public", "restricted"):
        assert "OK" in check("draw.py", tmp_path / "a" / part, root)
    restricted = tmp_path / "a" / "restricted"
    assert "OK: stable" in check("places.py", restricted / "instance.json", restricted / "answer.json")
    public = "".join(p.read_text("utf8") for p in (tmp_path / "a" / "public").iterdir() if p.name != "terms.json")
    receipt = queries.receipt(actor=OFFICER, list_id=choice.list_of(children[0]).id, at=AFTER)
    assert receipt.leaf in public
    assert receipt.line not in public


def test_a_place_moved_in_the_answer_is_found_by_the_verifier(tmp_path: Path) -> None:
    """The control of the test above."""
    city = town()
    group = add_group(city, capacity=1)
    the_round = choice.run(city, [(c, [group]) for c in choice.holders(city, 3)])
    commands.publish_choice_round(actor=OFFICER, round_id=the_round.id, folder=tmp_path, at=AFTER, key=key())
    file = tmp_path / "restricted" / "answer.json"
    answer = json.loads(file.read_text())
    holder = next(c for c, g in answer["match"].items() if g)
    other = next(c for c, g in answer["match"].items() if not g)
    answer["match"] |= {holder: None, other: answer["match"][holder]}
    file.write_text(json.dumps(answer))
    assert "prefers" in check("places.py", tmp_path / "restricted" / "instance.json", file, fails=True)


def check(script: str, *arguments: Path | str, fails: bool = False) -> str:
    ran = subprocess.run(
        [sys.executable, VERIFY / script, *map(str, arguments)], capture_output=True, text=True, check=False
    )
    assert bool(ran.returncode) == fails, ran.stdout + ran.stderr
    return ran.stdout


def test_direct_taking_waits_for_the_choice_round_where_the_rules_say_so() -> None:
    city = town(opening="choice_first")
    full, spare = add_group(city, capacity=1), add_group(city, capacity=3)
    a, b, c = choice.holders(city, 3)

    def take(child: Child, group: int) -> Any:
        wish = EnrolWish(child.voucher, child.guardian, group, STARTS)
        return vouchers.enrol(actor=CHANNEL, wishes=[wish], at=AFTER, key=key())[0].reason

    assert take(c, spare) == EnrolRefusal.CHOICE_FIRST
    the_round = choice.run(city, [(a, [full]), (b, [full, spare])])
    assert {choice.place_of(a), choice.place_of(b)} in ({full, spare}, {full, None})
    winner = a if choice.place_of(a) == full else b
    assert the_round.state == "allocated"
    assert take(c, full) == EnrolRefusal.CHOICE_FIRST
    assert take(c, spare) is None
    assert Seat.objects.get(group_id=full).taken == 1
    choice.give_up(winner, AFTER)
    (d,) = choice.holders(city, 1)
    assert take(d, full) == EnrolRefusal.CHOICE_FIRST  # freed: first to those on the list


def test_by_default_a_place_is_taken_directly_as_before() -> None:
    city = town()
    group = add_group(city)
    (a,) = choice.holders(city, 1)
    wish = EnrolWish(a.voucher, a.guardian, group, STARTS)
    assert vouchers.enrol(actor=CHANNEL, wishes=[wish], at=OPENS, key=key())[0].reason is None


def test_two_groups_meet_at_the_same_hour_only_where_their_days_do() -> None:
    def slot(weekday: int, starts: int, first: date = FIRST, last: date | None = None) -> Slot:
        return Slot(1, 1, 1, weekday, time(starts), time(starts + 1), first, last)

    assert is_clash([slot(1, 15)], [slot(1, 15)])
    assert not is_clash([slot(1, 15)], [slot(1, 16)])
    assert not is_clash([slot(1, 15)], [slot(2, 15)])
    assert not is_clash([slot(1, 15, last=date(2026, 9, 30))], [slot(1, 15, first=date(2026, 10, 1))])
