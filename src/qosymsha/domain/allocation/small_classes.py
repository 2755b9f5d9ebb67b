"""Which lines the public does not see, so that no class of fewer than ten rows can be looked into (PRODUCT.md, duties
to children).

A class is what a public line would show about a child: segment, tier and claims. Each class of fewer than ten rows is
withheld. What is withheld in a segment is merged, and if it is still fewer than ten rows the next smallest class joins
it, until at least ten are merged or nothing of the segment is shown. A child's rejected further applications are
withheld with the one that counts, and lines for a segment that does not exist always.
"""

from collections.abc import Sequence

import numpy as np

from qosymsha.domain.allocation.round_answer import RoundAnswer
from qosymsha.domain.allocation.round_terms import Bools, Ints, RoundArrays

FEWEST = 10


def withheld_rows(applications: RoundArrays, answer: RoundAnswer, fewest: int = FEWEST) -> Bools:
    """Return, per row, whether its line is published as a salted leaf only."""
    rows = answer.queue.rows
    columns = [applications.segment[rows].astype(np.int64), applications.tier[rows].astype(np.int64)]
    if applications.claims is not None:
        columns.extend(np.packbits(applications.claims[:, rows], axis=0).astype(np.int64))
    shown_class = _codes(columns)
    withheld = np.zeros(answer.count, dtype=bool)
    withheld[rows] = _withheld_by_rows(columns[0], shown_class, fewest)[shown_class]
    withheld[answer.queue.unknown] = True
    if applications.child is not None and answer.queue.duplicates.size:
        of_hidden = np.isin(applications.child[answer.queue.duplicates], applications.child[rows][withheld[rows]])
        withheld[answer.queue.duplicates[of_hidden]] = True
    return withheld


def _withheld_by_rows(segment: Ints, shown_class: Ints, fewest: int) -> Bools:
    sizes = np.bincount(shown_class)
    segment_of = np.zeros(len(sizes), dtype=np.int64)
    segment_of[shown_class] = segment
    return withheld_classes(segment_of, sizes, fewest)


def withheld_classes(segment_of: Ints, sizes: Ints, fewest: int = FEWEST) -> Bools:
    """Return, per class, whether it is withheld; among classes of one size the earlier is merged first, so their order
    (segment, tier, claims as bits) is part of the rule.
    """
    withheld = sizes < fewest
    by_size = np.lexsort((np.arange(len(sizes)), sizes, segment_of))
    for classes in np.split(by_size, np.flatnonzero(np.diff(segment_of[by_size])) + 1):
        merged = int(sizes[classes][withheld[classes]].sum())
        for one in classes.tolist():
            if merged and merged < fewest and not withheld[one]:
                withheld[one] = True
                merged += int(sizes[one])
    return withheld


def _codes(columns: Sequence[Ints]) -> Ints:
    """Return one number from 0 per different combination of the columns' values."""
    _, codes = np.unique(np.stack(columns), axis=1, return_inverse=True)
    return codes.reshape(-1).astype(np.int64)
