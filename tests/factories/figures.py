"""Figures counted as the night would, for a test's city."""

from __future__ import annotations

from datetime import datetime

from qosymsha.domain.figures import commands
from qosymsha.domain.figures.models import Figure
from qosymsha.kernel.actor import Actor
from qosymsha.kernel.entropy import uuid4

SYSTEM = Actor.system("test")
YEAR = 2026


def counted(programme_id: int, at: datetime, year: int = YEAR) -> dict[str, Figure]:
    """Every figure of a programme's year, the open ones, lines and measures, counted at that instant; by name."""
    for name in commands.COUNTS:
        commands.count_figure(actor=SYSTEM, programme_id=programme_id, year=year, name=name, at=at, key=uuid4())
    commands.count_lines(actor=SYSTEM, programme_id=programme_id, at=at, key=uuid4())
    commands.measure(actor=SYSTEM, at=at, key=uuid4())
    open_counted(at, year)
    return {one.name: one for one in Figure.objects.filter(programme_id=programme_id, year=year)}


def open_counted(at: datetime, year: int = YEAR) -> None:
    """What everybody may see, counted at that instant."""
    commands.count_open_figures(actor=SYSTEM, year=year, at=at, key=uuid4())
