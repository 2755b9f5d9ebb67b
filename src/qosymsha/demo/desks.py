"""Something in the officials' hands: a consultation point's device registered, an application taken by its checker."""

from __future__ import annotations

from qosymsha.demo.world import World
from qosymsha.domain.casework import commands as casework
from qosymsha.domain.casework.states import Kind
from qosymsha.domain.flags.commands import register_points
from qosymsha.domain.flags.rules.recording import PointDraft
from qosymsha.domain.intake import queries as intake
from qosymsha.kernel.clock import local_day

_DEVICE = "5f2c8c1e-3b1f-4a53-9b0e-2f6e5a8d1c77"


def take_up(world: World) -> None:
    """Register a point's device; the checker takes the application that waits longest, where one waits."""
    at, checker = world.now, world.actors["checker"]
    point = PointDraft(_DEVICE, "Пункт на Кабанбай батыра, 1", local_day(at))
    world.accepted(
        register_points(
            actor=world.actors["officer"], programme_id=world.programme_id, points=[point], at=at,
            key=world.key("point"),
        )
    )  # fmt: skip
    for line in intake.case_lines(actor=checker, states=["open"], at=at, most=1):
        casework.take_row(
            actor=checker, kind=Kind.CASE, subject_uuid=line.uuid, at=at, key=world.key("take", line.number)
        )
