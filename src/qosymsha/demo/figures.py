"""The year's figures as the night after its last payment counts them, so that dashboards have what to show."""

from __future__ import annotations

from qosymsha.demo.world import STAGE_HAND, YEAR, World
from qosymsha.domain.figures import commands


def count(world: World, year: int = YEAR) -> None:
    """Count every figure of a year, what groups were measured by, and what everybody may see."""
    at = world.now
    for name in commands.COUNTS:
        key = world.key("figure", name, year)
        commands.count_figure(actor=STAGE_HAND, programme_id=world.programme_id, year=year, name=name, at=at, key=key)
    commands.count_lines(actor=STAGE_HAND, programme_id=world.programme_id, at=at, key=world.key("lines", year))
    commands.measure(actor=STAGE_HAND, at=at, key=world.key("measures", year))
    commands.count_open_figures(actor=STAGE_HAND, year=year, at=at, key=world.key("open figures", year))
