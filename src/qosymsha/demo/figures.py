"""The year's figures as the night after its last payment counts them, so that dashboards have what to show."""

from __future__ import annotations

from qosymsha.demo.world import STAGE_HAND, YEAR, World
from qosymsha.domain.figures import commands


def count(world: World) -> None:
    """Count every figure of the year, what groups were measured by, and what everybody may see."""
    at = world.now
    for name in commands.COUNTS:
        key = world.key("figure", name)
        commands.count_figure(actor=STAGE_HAND, programme_id=world.programme_id, year=YEAR, name=name, at=at, key=key)
    commands.count_lines(actor=STAGE_HAND, programme_id=world.programme_id, at=at, key=world.key("lines"))
    commands.measure(actor=STAGE_HAND, at=at, key=world.key("measures"))
    commands.count_open_figures(actor=STAGE_HAND, year=YEAR, at=at, key=world.key("open figures"))
