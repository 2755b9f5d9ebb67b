"""Which lines the public does not see, so that no class of fewer than ten rows can be looked into (PRODUCT.md, duties to children).

A class is what a public line would show about a child: segment, tier and claims. Under `tiers` each small class is withheld; under
`iterations` the whole tier of the segment is, because k counts inside it. What is withheld in a segment is merged, and if it is still fewer
than ten rows the next smallest class joins it, until at least ten are merged or nothing of the segment is shown. A child's rejected
further applications are withheld with the one that counts, and lines for a segment that does not exist always.
"""

import numpy as np
from numpy.typing import NDArray

from qosymsha.domain.allocation.round_answer import RoundAnswer
from qosymsha.domain.allocation.round_terms import Bools, Ints, Policy, RoundArrays

FEWEST = 10


def withheld_rows(applications: RoundArrays, answer: RoundAnswer, fewest: int = FEWEST) -> Bools:
    """Return, per row, whether its line is published as a salted leaf only."""
    rows = answer.queue.rows
    tier_class = _codes(applications.segment[rows].astype(np.int64), applications.tier[rows].astype(np.int64))
    claims = None if applications.claims is None else np.packbits(applications.claims[:, rows], axis=0)
    shown_class = tier_class if claims is None else _codes(tier_class, *claims.astype(np.int64))
    unit = tier_class if answer.terms.policy is Policy.ITERATIONS else shown_class
    withheld = np.zeros(answer.count, dtype=bool)
    withheld[rows] = _withheld_units(applications.segment[rows], unit, shown_class, fewest)[unit]
    withheld[answer.queue.unknown] = True
    if applications.child is not None and answer.queue.duplicates.size:
        of_hidden = np.isin(applications.child[answer.queue.duplicates], applications.child[rows][withheld[rows]])
        withheld[answer.queue.duplicates[of_hidden]] = True
    return withheld


def _withheld_units(segment: NDArray[np.integer], unit: Ints, shown_class: Ints, fewest: int) -> Bools:
    """Return which units (numbered from 0) are withheld."""
    sizes = np.bincount(unit)
    smallest_inside = np.full(len(sizes), np.iinfo(np.int64).max)
    np.minimum.at(smallest_inside, unit, np.bincount(shown_class)[shown_class])
    withheld = smallest_inside < fewest
    segment_of = np.zeros(len(sizes), dtype=np.int64)
    segment_of[unit] = segment
    by_size = np.lexsort((np.arange(len(sizes)), sizes, segment_of))
    for units in np.split(by_size, np.flatnonzero(np.diff(segment_of[by_size])) + 1):
        merged = int(sizes[units][withheld[units]].sum())
        for one in units.tolist():
            if merged and merged < fewest and not withheld[one]:
                withheld[one] = True
                merged += int(sizes[one])
    return withheld


def _codes(*columns: Ints) -> Ints:
    """Return one number from 0 per different combination of the columns' values."""
    _, codes = np.unique(np.stack(columns), axis=1, return_inverse=True)
    return codes.reshape(-1).astype(np.int64)
