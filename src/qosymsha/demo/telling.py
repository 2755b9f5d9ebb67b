"""The news of the last weeks told to whom it concerns, in the app alone: a trial sends nothing by itself."""

from __future__ import annotations

from qosymsha.demo.world import STAGE_HAND, World
from qosymsha.domain.messages import commands

AT_ONCE = 50_000


def tell(world: World) -> None:
    """Make the notices of all news that is told by now."""
    while commands.make_notices(actor=STAGE_HAND, at=world.now, ways=frozenset(), limit=AT_ONCE) == AT_ONCE:
        pass
