"""Words of this room."""

from __future__ import annotations

from enum import StrEnum

READ = "read_children"


class CheckpointRefusal(StrEnum):
    """Why no checkpoint was signed: the chain no longer continues what was signed before."""

    CUT = "chain_is_shorter"
    CHANGED = "chain_differs"
    FORGED = "checkpoint_is_forged"
