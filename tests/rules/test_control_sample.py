"""The sample of a control: fair, the same for whoever draws it, a forged one is seen by a stand-alone script."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qosymsha.domain.allocation import draw
from qosymsha.domain.controls import rules
from qosymsha.domain.controls.rules import Line, Plan
from qosymsha.domain.controls.states import Strata, Unit
from qosymsha.domain.programmes import classifiers
from qosymsha.domain.programmes import rules as programme_rules
from tests.architecture.house import ROOT

SECRET, BEACON = b"s" * 32, b"the value of the day"
SIZES = st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 40), min_size=1)


def lines(counts: dict[str, int]) -> list[Line]:
    parts = [part for part, n in counts.items() for _ in range(n)]
    return [Line(UUID(int=i * 7919 + 1), part) for i, part in enumerate(parts)]


@given(SIZES, st.data())
def test_each_part_has_a_place_the_others_go_by_size_and_none_is_lost(counts: dict[str, int], data: Any) -> None:
    size = data.draw(st.integers(len(counts), sum(counts.values())))
    given_ = rules.shares(counts, size)
    assert sum(given_.values()) == size
    assert all(1 <= given_[part] <= n for part, n in counts.items())
    ordered = sorted(counts, key=lambda part: counts[part])
    assert all(given_[a] <= given_[b] for a, b in zip(ordered, ordered[1:], strict=False) if counts[a] < counts[b])


def test_the_order_in_which_the_list_is_read_changes_nothing() -> None:
    found, seed = lines({"a": 9, "b": 5}), b"\1" * 32
    assert rules.sample(seed, found, 5) == rules.sample(seed, found[::-1], 5)
    assert rules.frame_text(found) == rules.frame_text(found[::-1])
    assert rules.frame_lines(rules.frame_text(found)) == sorted(found, key=lambda line: line.text())


def test_over_many_seeds_every_unit_of_a_part_is_drawn_about_equally_often() -> None:
    found = lines({"all": 10})
    hits = dict.fromkeys((line.unit for line in found), 0)
    for n in range(600):
        for line in rules.sample(n.to_bytes(32, "big"), found, 3):
            hits[line.unit] += 1
    assert sum(hits.values()) == 1_800
    assert all(120 < n < 240 for n in hits.values())  # 180 expected, fixed seeds: this is no gamble


def document(counts: dict[str, int], size: int) -> dict[str, Any]:
    plan = Plan(Unit.GROUP, Strata.KIND, date(2026, 9, 1), date(2026, 9, 30), size, "trial beacon")
    frame = rules.frame_text(lines(counts))
    terms = rules.terms_of("M-000001-X", plan, draw.commitment(SECRET))
    root = rules.root_of(terms, frame)
    seed = rules.seed_of("M-000001-X", root, BEACON, SECRET)
    return {
        "number": "M-000001-X",
        "terms": json.loads(terms),
        "frame": frame.splitlines(),
        "root": root.hex(),
        "commitment": draw.commitment(SECRET).hex(),
        "secret": SECRET.hex(),
        "beacon_value": BEACON.hex(),
        "seed": seed.hex(),
        "sample": [str(line.unit) for line in rules.sample(seed, rules.frame_lines(frame), size)],
    }


def verified(told: dict[str, Any], folder: Path) -> tuple[int, str]:
    (folder / "campaign.json").write_text(json.dumps(told))
    run = subprocess.run(
        [sys.executable, "-I", str(ROOT / "verify/sample.py"), str(folder / "campaign.json")],
        capture_output=True,
        text=True,
        check=False,
    )
    return run.returncode, run.stdout + run.stderr


def test_the_stand_alone_script_draws_the_same_sample(tmp_path: Path) -> None:
    status, said = verified(document({"sport": 20, "creative": 9, "educational": 2}, 8), tmp_path)
    assert (status, "as promised" in said) == (0, True), said


@pytest.mark.parametrize(
    ("forgery", "fault"),
    [
        ({"sample": "swapped"}, "another sample"),
        ({"frame": "shortened"}, "do not have this root"),
        ({"secret": "00" * 32}, "not the one committed to"),
        ({"beacon_value": "ff" * 20}, "seed does not follow"),
    ],
)
def test_the_script_turns_red_where_something_was_changed_afterwards(
    tmp_path: Path, forgery: dict[str, str], fault: str
) -> None:
    told = document({"sport": 20, "creative": 9}, 6)
    for name, value in forgery.items():
        if value == "swapped":
            kept = {line.split("\t")[0] for line in told["frame"]} - set(told["sample"])
            told["sample"] = [*told["sample"][:-1], min(kept)]
        elif value == "shortened":
            told["frame"] = told["frame"][1:]
        else:
            told[name] = value
    status, said = verified(told, tmp_path)
    assert status == 1
    assert fault in said


def test_a_rule_set_that_says_nothing_of_controls_has_the_usual_ones_and_the_default_says_them() -> None:
    default = classifiers.default_rule_set()
    without = {name: part for name, part in default.items() if name != "controls"}
    assert programme_rules.parse(without).controls == programme_rules.parse(default).controls
    changed = {**default, "controls": {**default["controls"], "answer_working_days": 9}}
    assert programme_rules.parse(changed).controls.answer_working_days == 9


def test_a_sanction_needs_another_person_and_the_rule_sets_list() -> None:
    decide = rules.refuse_decision
    assert decide("answered", 1, 2, "limit", ("limit",)) is None
    assert decide("answered", 1, 2, "none", ()) is None
    assert decide("answered", 1, 1, "limit", ("limit",)) == "own_visit"
    assert decide("answered", 1, 2, "hold", ("limit",)) == "unknown_sanction"
    assert decide("found", 1, 2, "limit", ("limit",)) == "visit_in_other_state"
