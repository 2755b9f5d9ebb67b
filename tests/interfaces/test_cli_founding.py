"""A production installation from nothing: classifiers, officials by name, a programme, rules by two people."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from django.test import override_settings

from qosymsha.domain.programmes import classifiers
from tests.interfaces.door import Run, run

__all__ = ["run"]
NAMES = ("--name-kk", "Үйірмелер", "--name-ru", "Кружки")


@pytest.fixture(autouse=True)
def production() -> object:
    """Nothing is made by itself."""
    with override_settings(PRODUCTION=True):
        yield


def founded(run: Run) -> None:
    """Classifiers, an officer, an approver, the programme."""
    assert run("staff", "found").status == 0
    for role, subject in (("programme_officer", "sub-1"), ("rule_approver", "sub-2"), ("programme_officer", "sub-2")):
        assert run("staff", "appoint", role, "--subject", subject).status == 0
    assert run("rules", "found", *NAMES, "--as", "sub-1").status == 0


def test_a_production_is_founded_by_named_people(run: Run, tmp_path: Path) -> None:
    founded(run)
    document = classifiers.default_rule_set()
    document["ages"]["minimum"] = 5
    file = tmp_path / "rules.json"
    file.write_text(json.dumps(document, ensure_ascii=False), "utf-8")
    drafted = run("rules", "draft", str(file), "--from", "2030-01-01", "--as", "sub-1", "--json")
    assert drafted.json["version"] == 1
    assert run("rules", "approve", "1", "--as", "sub-2").status == 0
    document["ages"]["minimum"] = 6
    file.write_text(json.dumps(document, ensure_ascii=False), "utf-8")
    again = run("rules", "draft", str(file), "--from", "2030-02-01", "--as", "sub-1", "--json")
    assert again.json == {"version": 2, "changes": [{"path": "/ages/minimum", "in_force": 5, "draft": 6}]}
    shown = run("rules", "show", "--json").json["rule_sets"]
    assert [(s["version"], s["state"]) for s in shown] == [(1, "approved"), (2, "draft")]
    assert "in force" in run("rules", "show", "2").out


def test_nobody_approves_their_own_rules(run: Run) -> None:
    founded(run)
    assert run("rules", "draft", "--default", "--from", "2030-01-01", "--as", "sub-2").status == 0
    refused = run("rules", "approve", "1", "--as", "sub-2")
    assert (refused.status, "same_person" in refused.err) == (4, True)


def test_founding_again_changes_nothing(run: Run) -> None:
    founded(run)
    before = run("staff", "list", "--json").json
    founded(run)
    assert run("staff", "list", "--json").json == before


def test_a_right_ends(run: Run) -> None:
    founded(run)
    (right,) = [r for r in run("staff", "list", "--json").json["rights"] if r["subject"] == "sub-1"]
    assert run("staff", "dismiss", str(right["number"])).status == 0
    assert "sub-1" not in run("staff", "list").out
    refused = run("rules", "draft", "--default", "--from", "2030-01-01", "--as", "sub-1")
    assert refused.status == 2


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("rules", "draft", "--from", "2030-01-01", "--as", "sub-1"), "--default"),
        (("rules", "approve", "9", "--as", "sub-2"), "version 9"),
        (("rules", "draft", "--default", "--from", "2030-01-01"), "--as"),
        (("rules", "show", "--kato", "1"), "staff found"),
        (("staff", "appoint", "checker", "--subject", "x", "--kato", "1"), "code 1"),
        (("staff", "appoint", "teacher", "--subject", "x", "--provider", "1"), "BIN"),
        (("staff", "appoint", "king", "--subject", "x"), "king"),
    ],
)
def test_bad_words_are_told(run: Run, arguments: tuple[str, ...], word: str) -> None:
    founded(run)
    said = run(*arguments)
    assert said.status == 2
    assert word in said.err
    assert "Traceback" not in said.err
