"""A round with budgets replayed by definition, application by application, in plain Python: the checker's second
opinion.
"""

import numpy as np
from numpy.typing import NDArray

from qosymsha.domain.allocation.round_terms import Ints, OnShort, Policy, ReserveRule, RoundArrays, RoundTerms

_OPEN, _NONE = -1, -2


class _Holders:
    """The places of one segment as persons hold them."""

    def __init__(self, total: int, reserves: list[int]) -> None:
        self.total, self.reserves = total, reserves
        self.held: list[list[int]] = [[] for _ in reserves]
        self.wishes: dict[int, list[int]] = {}
        self.opened = 0

    def full(self) -> bool:
        return self.opened + sum(map(len, self.held)) >= self.total

    def has_open(self, *, beside_reserves: bool) -> bool:
        return self.opened < self.total - sum(self.reserves) if beside_reserves else not self.full()

    def place(self, person: int, kind: str, wishes: list[int] | None, *, overlapping: bool) -> int | None:
        """Give the person a place of this kind: the reserve's index, -1 for an open place, None if there is none."""
        if wishes is None:
            has = self.has_open(beside_reserves=kind == "open beside reserves")
            self.opened += has
            return _OPEN if has else None
        if overlapping:
            seated = self.seat(person, wishes, set())
            return next(i for i, held in enumerate(self.held) if person in held) if seated else None
        free = next((wish for wish in wishes if len(self.held[wish]) < self.reserves[wish]), None)
        if free is not None:
            self.held[free].append(person)
        return free

    def leave(self, person: int, place: int) -> None:
        """Take the person out again; whom `seat` moved stands just as well between places they claim."""
        if place == _OPEN:
            self.opened -= 1
        else:
            self.held[place].remove(person)

    def seat(self, person: int, wishes: list[int], seen: set[int]) -> bool:
        """Seat the person, moving others to other wishes of theirs (Kuhn); False if impossible, then nothing moved."""
        self.wishes[person] = wishes
        for wish in wishes:
            if wish in seen:
                continue
            seen.add(wish)
            if len(self.held[wish]) < self.reserves[wish]:
                self.held[wish].append(person)
                return True
            for other in list(self.held[wish]):
                if self.seat(other, self.wishes[other], seen):
                    self.held[wish].remove(other)
                    self.held[wish].append(person)
                    return True
        return False


def replay(terms: RoundTerms, applications: RoundArrays, order: Ints) -> NDArray[np.int16]:
    """Return, per input row, what the definition in `round_budgets` grants: -2 nothing, -1 open, or a category's index.

    `order` holds the valid rows in their segments' order. Under `max` any reserve that fits is named: which one is not
    decided here.
    """
    found = np.full(len(applications.segment), _NONE, dtype=np.int16)
    left = [budget.limit for budget in terms.budgets]
    closed: set[str] = set()
    holders = [_Holders(segment.places, [n for _, n in segment.cut_reserves()]) for segment in terms.segments]
    sequence = _whole_round(terms, applications, order)
    for kind in _passes(terms):
        for row in sequence:
            index = int(applications.segment[row])
            segment = terms.segments[index]
            if found[row] != _NONE or segment.id in closed:
                continue
            over = [i for i, budget in enumerate(terms.budgets) if segment.id in budget.segments]
            broken = [i for i in over if left[i] < segment.cost]
            wishes = _wishes(terms, applications, row) if kind == "reserved" else None
            place = holders[index].place(row, kind, wishes, overlapping=terms.rule is ReserveRule.MAX)
            if place is None:
                continue
            if broken:
                holders[index].leave(row, place)
                if terms.on_short is OnShort.STOP:
                    closed.update(name for i in broken for name in terms.budgets[i].segments)
                continue
            found[row] = _OPEN if place < 0 else terms.categories().index(segment.reserves[place][0])
            for i in over:
                left[i] -= segment.cost
    return found


def _wishes(terms: RoundTerms, applications: RoundArrays, row: int) -> list[int]:
    """Return which of its segment's reserves the row claims."""
    names, claims = terms.categories(), applications.claims
    reserves = terms.segments[int(applications.segment[row])].reserves
    return [i for i, (name, _) in enumerate(reserves) if claims is not None and claims[names.index(name), row]]


def _passes(terms: RoundTerms) -> list[str]:
    first_open = "open beside reserves" if terms.rule in (ReserveRule.SOFT_LAST, ReserveRule.HARD) else "open"
    if terms.rule is ReserveRule.SOFT_LAST:
        return [first_open, "reserved", "open"]
    return ["reserved", first_open]


def _whole_round(terms: RoundTerms, applications: RoundArrays, order: Ints) -> list[int]:
    """Return the rows in the one order of the whole round: (iteration, tier, number, id)."""
    seen: dict[tuple[int, int], int] = {}
    keyed = []
    for row in order.tolist():
        segment, tier = int(applications.segment[row]), int(applications.tier[row])
        k = seen[segment, tier] = seen.get((segment, tier), 0) + 1
        iteration = -(-k // terms.coefficients[tier]) if terms.policy is Policy.ITERATIONS else 0
        number = applications.number[row]
        whole = int.from_bytes(number.tobytes()) if applications.number.ndim == 2 else int(number)
        keyed.append((iteration, tier, whole, row if applications.ident is None else int(applications.ident[row]), row))
    return [row for *_, row in sorted(keyed)]
