"""How red flags fare on synthetic months, kind by kind, and when kinds of fraud are held out of their tuning.

`python -m qosymsha.demo.tuning` prints the tables of docs/explanation/red-flags.md.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from qosymsha.demo.fraud import BLIND_SPOT, FRAUDS, ODDITIES, write_month
from qosymsha.demo.town import Written
from qosymsha.domain.flags.rules import Month, assemble, scored
from qosymsha.domain.programmes.rules import FlagRule, Flags

TEST_SEEDS, TRAIN_SEEDS = (101, 102, 103), (201, 202)
FOLDS = (FRAUDS[0::4], FRAUDS[1::4], FRAUDS[2::4], FRAUDS[3::4])
_IGNORANT, _BELIEF = 0.3, 5  # a rule nobody has seen at work says so much; it takes so many cases to think otherwise
_LEAST_PRECISION = 0.75


@dataclass
class Tally:
    """Child-months by label, and how many of them were flagged."""

    all: Counter[str] = field(default_factory=Counter)
    flagged: Counter[str] = field(default_factory=Counter)

    def share(self, *labels: str) -> float:
        """The flagged share of these labels."""
        return sum(self.flagged[one] for one in labels) / max(1, sum(self.all[one] for one in labels))

    @property
    def honest(self) -> list[str]:
        """Labels of honest families; the blind spot is neither fraud found nor an honest family."""
        return [label for label in self.all if label not in (*FRAUDS, BLIND_SPOT)]

    @property
    def recall(self) -> float:
        """The flagged share of planted fraud, the blind spot aside."""
        return self.share(*FRAUDS)

    @property
    def precision(self) -> float:
        """The share of fraud among what was flagged."""
        hits = sum(self.flagged[kind] for kind in FRAUDS)
        return hits / max(1, hits + sum(self.flagged[label] for label in self.honest))

    @property
    def false_rate(self) -> float:
        """The flagged share of all honest child-months."""
        return self.share(*self.honest)


@cache
def default_flags() -> Flags:
    """Section `flags` of the default rule set."""
    text = files("qosymsha.domain.programmes").joinpath("data", "default-rule-set.json").read_text("utf-8")
    section: dict[str, Any] = json.loads(text)["flags"]
    return Flags(
        section["flag_permille"], section["common_permille"], tuple(FlagRule(**rule) for rule in section["list"])
    )


def month_of(written: Written) -> Month:
    """A written month as the rules take it."""
    return assemble(written.columns, written.holidays)


def labels_of(written: Written, month: Month) -> list[str]:
    """Each place's label."""
    pairs = zip(month.places["group"].tolist(), month.places["child"].tolist(), strict=True)
    return [written.labels[pair] for pair in pairs]


def tallied(seeds: Sequence[int], flags: Flags, children: int = 10_000) -> Tally:
    """Months of these seeds judged by these rules."""
    tally = Tally()
    for seed in seeds:
        written = write_month(seed, children)
        month = month_of(written)
        result = scored(month, flags.rules, flags.flag_permille, flags.common_permille)
        labels = labels_of(written, month)
        tally.all.update(labels)
        tally.flagged.update(np.array(labels)[result.is_flagged].tolist())
    return tally


def tuned(seeds: Sequence[int], held_out: Collection[str], children: int = 10_000) -> Flags:
    """Weights and the flag's score learnt from months without the held-out kinds; thresholds stay as they are.

    A rule's weight is the share of fraud among what it speaks of, drawn towards `_IGNORANT` while it has seen little: a
    rule that only a held-out kind would wake keeps next to no weight.
    """
    flags = default_flags()
    spoke: Counter[str] = Counter()
    right: Counter[str] = Counter()
    months = [_without(write_month(seed, children), held_out) for seed in seeds]
    for month, labels in months:
        is_fraud = np.isin(labels, FRAUDS)
        result = scored(month, flags.rules, flags.flag_permille, flags.common_permille)
        for rule in flags.rules:
            strong = result.strength(rule.code) > 0.5
            spoke[rule.code] += int(strong.sum())
            right[rule.code] += int((strong & is_fraud).sum())
    weights = {c: (right[c] + _BELIEF * _IGNORANT) / (spoke[c] + _BELIEF) for c in (r.code for r in flags.rules)}
    rules = tuple(replace(rule, weight_permille=min(950, round(1000 * weights[rule.code]))) for rule in flags.rules)
    return replace(flags, rules=rules, flag_permille=_threshold(months, replace(flags, rules=rules)))


def _without(written: Written, held_out: Collection[str]) -> tuple[Month, list[str]]:
    """The month with every row of the held-out kinds taken out."""
    rows = zip(written.columns["group"].tolist(), written.columns["child"].tolist(), strict=True)
    kept = np.array([written.labels[pair] not in held_out for pair in rows])
    month = assemble({name: values[kept] for name, values in written.columns.items()}, written.holidays)
    return month, labels_of(written, month)


def _threshold(months: Sequence[tuple[Month, list[str]]], flags: Flags) -> int:
    """The lowest score from which precision on the training months is good."""
    scores = np.concatenate([scored(m, flags.rules, 500, flags.common_permille).place for m, _ in months])
    labels = np.concatenate([np.array(labels) for _, labels in months])
    is_fraud, counts = np.isin(labels, FRAUDS), labels != BLIND_SPOT
    for permille in range(250, 950, 25):
        flagged = (scores * 1000 >= permille) & counts
        if (flagged & is_fraud).sum() >= _LEAST_PRECISION * max(1, flagged.sum()):
            return permille
    return 950


def tables() -> Iterator[str]:
    """The tables in Markdown."""
    now = tallied(TEST_SEEDS, default_flags())
    held = {kind: fold for fold in FOLDS for kind in fold}
    by_fold = {fold: tallied(TEST_SEEDS, tuned(TRAIN_SEEDS, fold)) for fold in FOLDS}
    yield f"Recall {now.recall:.3f}, precision {now.precision:.3f}, false flags {now.false_rate:.4f} of honest months"
    yield f"(seeds {', '.join(map(str, TEST_SEEDS))}; {sum(now.all.values()):,} child-months).\n"
    yield "| Planted | Child-months | Found | Found when held out of tuning |\n|---|---:|---:|---:|"
    for kind in FRAUDS:
        yield f"| {kind} | {now.all[kind]} | {now.share(kind):.3f} | {by_fold[held[kind]].share(kind):.3f} |"
    yield f"| *{BLIND_SPOT}* (not counted) | {now.all[BLIND_SPOT]} | {now.share(BLIND_SPOT):.3f} | |\n"
    yield "| Held out together | Recall of these | Recall of the others | Precision |\n|---|---:|---:|---:|"
    for fold, tally in by_fold.items():
        others = [kind for kind in FRAUDS if kind not in fold]
        yield f"| {', '.join(fold)} | {tally.share(*fold):.3f} | {tally.share(*others):.3f} | {tally.precision:.3f} |"
    yield "\n| Honest | Child-months | Flagged | Times the overall rate |\n|---|---:|---:|---:|"
    for label in ("honest", *ODDITIES, "other_club"):
        times = now.share(label) / max(now.false_rate, 1e-9)
        yield f"| {label} | {now.all[label]} | {now.share(label):.4f} | {times:.2f} |"


if __name__ == "__main__":
    for line in tables():
        print(line)  # noqa: T201
