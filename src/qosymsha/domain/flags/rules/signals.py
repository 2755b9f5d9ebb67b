"""What a rule answers: how strongly it speaks about each place or cell, from 0 to 1, and the figures it saw."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from qosymsha.domain.flags.rules.evidence import Shares

Figures = Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Signal:
    """`strength` per cell where `is_cells`, else per place; figures have the same length."""

    strength: Shares
    figures: Figures
    is_cells: bool = False


def ramp(values: npt.ArrayLike, low: float, high: float) -> Shares:
    """0 up to `low`, 1 from `high`, straight between."""
    return np.clip((np.asarray(values, np.float64) - low) / (high - low), 0.0, 1.0)
