"""Problem A in the exchange format: JSON values in, JSON values out, every fault with its place.

What the format leaves open is fixed here: a missing `tier` is 0; where the tie is `arrived`, the arrival takes the
lottery's place in the order, (tier, arrived, id), and `lottery` may be missing; ids are texts, compared by code
point; unknown keys are ignored. Budgets go together with every policy and rule (`round_budgets` defines how), so no
combination is refused.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from qosymsha.domain.allocation import exchange_values as values
from qosymsha.domain.allocation.errors import InstanceError
from qosymsha.domain.allocation.round import solve
from qosymsha.domain.allocation.round_answer import RoundAnswer, Trace, kind_name
from qosymsha.domain.allocation.round_check import findings
from qosymsha.domain.allocation.round_reserves import WAITING
from qosymsha.domain.allocation.round_terms import (
    Bools,
    Budget,
    Ints,
    OnShort,
    Outcome,
    Policy,
    ReserveRule,
    RoundArrays,
    RoundTerms,
    Segment,
    Tie,
)

_LONGEST = 1 << 63
Ranked = TypeVar("Ranked", int, str)


@dataclass(frozen=True, slots=True)
class RoundInstance:
    """One instance as read: the solver's input and the names behind its rows."""

    terms: RoundTerms
    arrays: RoundArrays
    ids: tuple[str, ...]
    applied_for: tuple[str, ...]
    numbers: tuple[int, ...]


def parse(value: object) -> RoundInstance:
    """Return the instance.

    Raises:
        InstanceError: the first fault met, with its path.
    """
    instance = values.as_object(value, "")
    segments = tuple(_segment(item, path) for item, path in values.items(instance, "segments"))
    values.refuse_repeats([segment.id for segment in segments], "segments")
    terms = RoundTerms(
        segments=segments,
        policy=values.choice(instance, "policy", Policy.TIERS),
        tie=values.choice(instance, "tie", Tie.LOTTERY),
        rule=values.choice(instance, "rule", ReserveRule.SOFT_FIRST),
        on_short=values.choice(instance, "on_short", OnShort.SKIP),
        coefficients=_coefficients(instance),
        budgets=_budgets(instance, segments),
    )
    return _with_applications(terms, instance)


def answer(instance: RoundInstance, *, check: bool = False) -> tuple[dict[str, object], list[str]]:
    """Return the answer, all its keys present (each segment has its waiting list), and what the independent checker
    found.
    """
    solved = solve(instance.terms, instance.arrays)
    return _as_json(instance, solved), findings(instance.terms, instance.arrays, solved) if check else []


def trace(instance: RoundInstance, ident: str) -> Trace | None:
    """Return why the application `ident` stands where it stands; None when there is no such application."""
    if ident not in instance.ids:
        return None
    row = instance.ids.index(ident)
    return solve(instance.terms, instance.arrays).trace(row, instance.arrays.tier, instance.applied_for[row])


def _as_json(instance: RoundInstance, solved: RoundAnswer) -> dict[str, object]:
    names, ids, terms = instance.applied_for, instance.ids, instance.terms
    kinds = solved.granted_from()
    granted = {ids[row]: [names[row], kind_name(terms, int(kinds[row]))] for row in np.flatnonzero(kinds != WAITING)}
    waiting = {segment.id: [ids[row] for row in solved.waiting_list(i)] for i, segment in enumerate(terms.segments)}
    rejected = {ids[row]: Outcome.DUPLICATE_CHILD.value for row in solved.queue.duplicates}
    rejected |= {ids[row]: Outcome.UNKNOWN_SEGMENT.value for row in solved.queue.unknown}
    return {"granted": granted, "waiting": waiting, "rejected": rejected}


# --- the instance's parts


def _segment(value: object, path: str) -> Segment:
    item = values.as_object(value, path)
    reserves = tuple(_reserve(entry, at) for entry, at in values.items(item, "reserves", path, required=False))
    return Segment(
        values.text(item, "id", path),
        values.whole(item, "places", path, least=0),
        reserves,
        values.whole(item, "cost", path, least=0, default=1),
    )


def _reserve(value: object, path: str) -> tuple[str, int]:
    if not isinstance(value, list) or len(value) != 2:
        raise InstanceError(path, "must be a pair [category, places]")
    return values.as_text(value[0], f"{path}[0]"), values.as_whole(value[1], f"{path}[1]", least=0)


def _budgets(instance: dict[str, object], segments: Sequence[Segment]) -> tuple[Budget, ...]:
    known, found = {segment.id for segment in segments}, []
    for value, path in values.items(instance, "budgets", required=False):
        item = values.as_object(value, path)
        names = [values.as_text(name, at) for name, at in values.items(item, "segments", path)]
        for name, (_, at) in zip(names, values.items(item, "segments", path), strict=True):
            if name not in known:
                raise InstanceError(at, "no segment has this id")
        found.append(Budget(values.text(item, "id", path), tuple(names), values.whole(item, "limit", path, least=0)))
    values.refuse_repeats([budget.id for budget in found], "budgets")
    return tuple(found)


def _coefficients(instance: dict[str, object]) -> dict[int, int]:
    found: dict[int, int] = {}
    given = values.as_object(instance.get("coefficients", {}), "coefficients")
    for key in given:
        path = f"coefficients.{key}"
        if not key.removeprefix("-").isdecimal() or not key.isascii() or len(key) > 18 or int(key) in found:
            raise InstanceError(path, "must be a tier, a whole number, named once")
        found[int(key)] = values.whole(given, key, "coefficients", least=1)
    return found


def _with_applications(terms: RoundTerms, instance: dict[str, object]) -> RoundInstance:
    items = [(values.as_object(value, path), path) for value, path in values.items(instance, "applications")]
    ids = [values.text(item, "id", path) for item, path in items]
    values.refuse_repeats(ids, "applications")
    applied_for = [values.text(item, "segment", path) for item, path in items]
    named = [(item, "categories", path) for item, path in items]
    tiers = [
        values.as_whole(item.get("tier", 0), f"{path}.tier", least=-_LONGEST, most=_LONGEST - 1) for item, path in items
    ]
    numbers = _numbers(terms.tie, items)
    children = [values.text(item, "child", path, default=ident) for (item, path), ident in zip(items, ids, strict=True)]
    claims = [[values.as_text(name, at) for name, at in values.items(*where, required=False)] for where in named]
    if terms.policy is Policy.ITERATIONS:
        for tier, (_, path) in zip(tiers, items, strict=True):
            if tier not in terms.coefficients:
                raise InstanceError(f"coefficients.{tier}", f"is missing, but {path} has this tier")
    index = {segment.id: i for i, segment in enumerate(terms.segments)}
    arrays = RoundArrays(
        segment=np.array([index.get(name, -1) for name in applied_for], dtype=np.int64),
        tier=np.array(tiers, dtype=np.int64),
        number=_ranks(numbers),
        claims=_claims(terms, claims),
        child=_ranks(children),
        ident=_ranks(ids),
    )
    return RoundInstance(terms, arrays, tuple(ids), tuple(applied_for), tuple(numbers))


def _numbers(tie: Tie, items: Sequence[tuple[dict[str, object], str]]) -> list[int]:
    """Return what ties are broken by; the other of the two is read too, so that a fault in it is never passed over."""
    lotteries = [values.whole(item, "lottery", path, default=None if tie is Tie.LOTTERY else 0) for item, path in items]
    arrivals = [values.whole(item, "arrived", path, default=None if tie is Tie.ARRIVED else 0) for item, path in items]
    return lotteries if tie is Tie.LOTTERY else arrivals


def _claims(terms: RoundTerms, claims: Sequence[Sequence[str]]) -> Bools:
    """Return the claims as one row per category that a reserve names."""
    table = np.zeros((len(terms.categories()), len(claims)), dtype=bool)
    for i, category in enumerate(terms.categories()):
        table[i] = [category in own for own in claims]
    return table


def _ranks(values: Sequence[Ranked]) -> Ints:
    """Return the dense rank of each value, from 0: numbers of any size, compared whole."""
    rank = {value: i for i, value in enumerate(sorted(set(values)))}
    return np.array([rank[value] for value in values], dtype=np.int64)
