"""Who stands before whom under a rule set, category by category: the production engine on a queue of invented children.

Pure: no database. The editor of coefficients shows it before anybody approves (PRODUCT.md, duties).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from qosymsha.domain.admission.rules import tier_of
from qosymsha.domain.allocation.round_order import line_up
from qosymsha.domain.allocation.round_terms import Policy, RoundArrays, RoundTerms, Segment, Tie
from qosymsha.domain.programmes.rules import Category, Rules


@dataclass(frozen=True, slots=True)
class Turn:
    """A place in the queue: whose it is, the `k`-th of that category; `iteration` is 0 under strict tiers."""

    category: str
    k: int
    iteration: int


@dataclass(frozen=True, slots=True)
class Standing:
    """What a category's coefficient means: the turns of its first child and of the first after one iteration.

    turn_of_next: the turn of child number `coefficient` + 1, counted with every queue full.
    """

    category: Category
    first_turn: int
    turn_of_next: int


def turns(rules: Rules, policy: Policy, each: int) -> list[Turn]:
    """The whole queue of `each` children of every category, in its order under the policy."""
    under = replace(rules, allocation=replace(rules.allocation, policy=policy.value))
    categories = under.categories
    tiers = [tier_of(under, one.code) for one in categories]
    terms = RoundTerms(
        segments=(Segment("one", 0, ()),),
        policy=policy,
        tie=Tie.LOTTERY,
        coefficients={one.order: one.coefficient for one in categories} if policy is Policy.ITERATIONS else {},
    )
    tier = np.repeat(np.array(tiers, np.int16), each)
    arrays = RoundArrays(segment=np.zeros(len(tier), np.int16), tier=tier, number=np.arange(len(tier), dtype=np.int64))
    queue = line_up(terms, arrays)
    seen = dict.fromkeys((one.code for one in categories), 0)
    found = []
    for row, iteration in zip(queue.rows.tolist(), queue.iteration.tolist(), strict=True):
        code = categories[row // each].code
        seen[code] += 1
        found.append(Turn(code, seen[code], iteration))
    return found


def standings(rules: Rules) -> list[Standing]:
    """For each category in order: the turn of its first child and of the one that must wait for the next iteration."""
    found, passed = [], 0
    whole = sum(one.coefficient for one in rules.categories)
    for one in rules.categories:
        found.append(Standing(one, passed + 1, whole + passed + 1))
        passed += one.coefficient
    return found
