"""What a round answers: its queue and, for each place in it, how it was granted or that it waits."""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from qosymsha.domain.allocation.round_order import Queue
from qosymsha.domain.allocation.round_reserves import OPEN, WAITING, Kinds
from qosymsha.domain.allocation.round_terms import Bools, Ints, Outcome, RoundTerms

Whole = TypeVar("Whole", bound=np.integer)


@dataclass(frozen=True, slots=True)
class Trace:
    """Why one application stands where it stands. Ranks count from 1; 0 means "not in the queue" or, for
    `waiting_rank`, "not waiting".

    rank: place among all valid applications of the segment.   k: place inside its own tier there.   iteration: 0
        under `tiers`.
    granted_from: "open" or a category when granted.   granted_before: how many granted ones stand before it in the
        segment.
    ahead_by_tier: how many of each tier stand before it in the segment.
    """

    outcome: Outcome
    segment: str
    tier: int
    rank: int = 0
    waiting_rank: int = 0
    k: int = 0
    iteration: int = 0
    granted_from: str | None = None
    granted_before: int = 0
    ahead_by_tier: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class RoundAnswer:
    """The answer to a round of n applications; `queue` and `kind` stand in the round's order, methods answer by
    input row.
    """

    terms: RoundTerms
    queue: Queue
    kind: Kinds
    count: int

    def outcomes(self) -> NDArray[np.int8]:
        """Return, per row, the index of its `Outcome` in the order of that enum (0 granted, 1 waiting, 2 duplicate,
        3 unknown).
        """
        found = self._by_row((self.kind == WAITING).astype(np.int8))
        found[self.queue.duplicates] = 2
        found[self.queue.unknown] = 3
        return found

    def granted_from(self) -> Kinds:
        """Return, per row, WAITING (-2, also for rejected ones), OPEN (-1) or the index of a category of
        `terms.categories()`.
        """
        found = np.full(self.count, WAITING, dtype=np.int16)
        found[self.queue.rows] = self.kind
        return found

    def ranks(self) -> NDArray[np.int32]:
        """Return, per row, its place from 1 among all valid applications of its segment; 0 for rejected ones."""
        return self._by_row(self._rank_of(np.ones(len(self.kind), dtype=bool)))

    def waiting_ranks(self) -> NDArray[np.int32]:
        """Return, per row, its place from 1 on its segment's waiting list; 0 for all others."""
        return self._by_row(self._rank_of(self.kind == WAITING))

    def queue_places(self) -> NDArray[np.int32]:
        """Return, per row, k: its place from 1 inside its tier and segment; 0 for rejected ones."""
        return self._by_row(self.queue.k)

    def iterations(self) -> NDArray[np.int32]:
        """Return, per row, its iteration from 1; 0 under `tiers` and for rejected ones."""
        return self._by_row(self.queue.iteration)

    def waiting_list(self, segment: int) -> Ints:
        """Return the rows that wait in a segment, best first."""
        start, end = self.queue.starts[segment], self.queue.starts[segment + 1]
        rows: Ints = self.queue.rows[start:end][self.kind[start:end] == WAITING]
        return rows

    def trace(self, row: int, tiers: NDArray[np.integer], segment: str) -> Trace:
        """Return why `row` stands where it stands; `tiers` is the input's column, `segment` the name that was
        applied for.
        """
        if row in self.queue.unknown:
            return Trace(Outcome.UNKNOWN_SEGMENT, segment, int(tiers[row]))
        if row in self.queue.duplicates:
            return Trace(Outcome.DUPLICATE_CHILD, segment, int(tiers[row]))
        at = int(np.flatnonzero(self.queue.rows == row)[0])
        start = int(self.queue.starts[self.queue.segment[at]])
        granted = self.kind[start:at] != WAITING
        kind = int(self.kind[at])
        before, counts = np.unique(tiers[self.queue.rows[start:at]], return_counts=True)
        return Trace(
            outcome=Outcome.WAITING if kind == WAITING else Outcome.GRANTED,
            segment=segment,
            tier=int(tiers[row]),
            rank=at - start + 1,
            waiting_rank=int((~granted).sum()) + 1 if kind == WAITING else 0,
            k=int(self.queue.k[at]),
            iteration=int(self.queue.iteration[at]),
            granted_from=None if kind == WAITING else kind_name(self.terms, kind),
            granted_before=int(granted.sum()),
            ahead_by_tier=tuple(zip(before.tolist(), counts.tolist(), strict=True)),
        )

    def _rank_of(self, chosen: Bools) -> NDArray[np.int32]:
        """Return, per place, how many chosen ones its segment has up to it; 0 where not chosen."""
        running = np.concatenate(([0], np.cumsum(chosen)))
        before = running[self.queue.starts[:-1]][self.queue.segment]
        return np.where(chosen, running[1:] - before, 0).astype(np.int32)

    def _by_row(self, column: NDArray[Whole]) -> NDArray[Whole]:
        found = np.zeros(self.count, dtype=column.dtype)
        found[self.queue.rows] = column
        return found


def kind_name(terms: RoundTerms, kind: int) -> str:
    """Return "open" or the reserve's category behind a granted kind."""
    return "open" if kind == OPEN else terms.categories()[kind]
