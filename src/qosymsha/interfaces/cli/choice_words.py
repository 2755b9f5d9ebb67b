"""A choice round in lines of text for the operator."""

from __future__ import annotations

from typing import Any

from qosymsha.domain.choice.queries import ChoiceLife
from qosymsha.interfaces.cli.out import table
from qosymsha.kernel import clock


def told(life: ChoiceLife, more: dict[str, Any]) -> list[str]:
    """The life in numbers; `more` is what the verb itself answered."""
    window = f"{clock.local_day(life.opens_at):%d.%m.%Y} to {clock.local_day(life.closes_at):%d.%m.%Y}"
    lines = [
        f"Choice round {life.number}: {life.state}, window {window}, beacon: {life.beacon_name}",
        f"  first day in the groups: {life.starts_on:%d.%m.%Y}",
    ]
    if life.cancel_reason:
        lines.append(f"  cancelled: {life.cancel_reason}")
    facts = {"root": life.root, "seed": life.seed, "answer": life.output_hash, "rules": life.rule_set_hash}
    lines += [f"  {name:<6} {value}" for name, value in facts.items() if value]
    if life.lists:
        lines += table("", ("lists", "now"), list(life.lists.items()))
    if life.results is not None:
        lines += table("", ("wish got", "children"), list(life.results.by_wish.items()))
    if life.offers:
        lines += table("", ("offers of freed places", "so far"), list(life.offers.items()))
    return [*lines, *_of_verb(more)]


def _of_verb(more: dict[str, Any]) -> list[str]:
    closed, placed = more.get("closed", {}), more.get("allocated", {})
    lines = [f"  rejected at closing, {reason}: {count}" for reason, count in closed.get("rejected", {}).items()]
    lines += [f"  wishes left out at closing, {reason}: {count}" for reason, count in closed.get("dropped", {}).items()]
    lines += [f"  placed but not taken, {reason}: {count}" for reason, count in placed.get("not_taken", {}).items()]
    if "cancelled" in more:
        lines.append(f"  given back: {more['cancelled']['returned']} lists")
    for verb in ("offered", "rerun"):
        lines += [f"  {name.replace('_', ' ')}: {count}" for name, count in more.get(verb, {}).items() if count]
    if "folder" in more:
        lines.append(f"  published in {more['folder']}; check it: qosymsha verify {more['folder']}")
    return lines
