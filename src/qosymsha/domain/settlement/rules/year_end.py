"""What lapses at a year's end, and which places are promised again from the next year. Pure. Source: LEDGER.md 12."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from qosymsha.domain.ledger.rules import AccountKey, AccountKind, Draft

Balances = list[tuple[AccountKey, int]]

CAUSE_LAPSE = "year_end"
CAUSE_AGAIN = "promise_again"
_BATCH = 20_000


@dataclass(frozen=True, slots=True)
class Carried:
    """Places (of the closed year, with tiyn) that the next lines' free money covers, and those it does not."""

    covered: Balances = field(default_factory=list)
    uncovered: Balances = field(default_factory=list)
    next_lines: dict[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ended:
    """A closed year's money: what lapsed, what stays on its places, what was promised again."""

    lapsed: Balances
    kept: Balances
    carried: Carried


def carry(places: Balances, next_lines: Mapping[int, int], free_tiyn: Mapping[int, int]) -> Carried:
    """Cover places in their order from the free money of the lines that follow theirs; a smaller one may fit later."""
    left, covered, uncovered = dict(free_tiyn), list[tuple[AccountKey, int]](), list[tuple[AccountKey, int]]()
    for account, amount in places:
        line_id = next_lines[account.line_id]
        if amount <= left[line_id]:
            left[line_id] -= amount
            covered.append((account, amount))
        else:
            uncovered.append((account, amount))
    return Carried(covered, uncovered, dict(next_lines))


def lapses(year: int, lapsing: Balances) -> Iterator[Draft]:
    """Postings to `lapsed`, a line at a time, each of at most a batch's entries."""
    for line_id, start, batch in _batches(lapsing):
        entries = [(account, -amount) for account, amount in batch]
        entries.append((AccountKey(AccountKind.LAPSED, line_id), sum(amount for _, amount in batch)))
        yield Draft(CAUSE_LAPSE, f"{year}:{line_id}:{start}", tuple(entries))


def promises(year: int, carried: Carried) -> Iterator[Draft]:
    """Postings free → place on the next lines, for the places that are covered."""
    for line_id, start, batch in _batches(carried.covered):
        next_line = carried.next_lines[line_id]
        entries = [(AccountKey(AccountKind.PLACE, next_line, a.subject_id, a.month), amount) for a, amount in batch]
        entries.append((AccountKey(AccountKind.FREE, next_line), -sum(amount for _, amount in batch)))
        yield Draft(CAUSE_AGAIN, f"{year}:{line_id}:{start}", tuple(entries))


def by_kind(balances: Balances) -> dict[str, int]:
    """Tiyn by kind of account."""
    sums: Counter[str] = Counter()
    for account, amount in balances:
        sums[account.kind.value] += amount
    return dict(sorted(sums.items()))


def _batches(balances: Balances) -> Iterator[tuple[int, int, Balances]]:
    by_line: defaultdict[int, Balances] = defaultdict(list)
    for account, amount in balances:
        by_line[account.line_id].append((account, amount))
    for line_id, mine in sorted(by_line.items()):
        for start in range(0, len(mine), _BATCH):
            yield line_id, start, mine[start : start + _BATCH]
