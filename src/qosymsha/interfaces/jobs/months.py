"""A month's screening as an errand, for the checker who asked by a page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime

from qosymsha.domain.errands.commands import Begun
from qosymsha.domain.flags import commands
from qosymsha.domain.flags.access import Action
from qosymsha.kernel.actor import Actor


def _screen(begun: Begun, actor: Actor, at: datetime) -> Mapping[str, int]:
    month = date.fromisoformat(begun.body["month"])
    done = commands.screen(actor=actor, programme_id=begun.subject_id, month=month, at=at, key=begun.uuid)
    return {"places": done.places, "raised": done.raised, "grown": done.grown}


VERBS: dict[str, Callable[[Begun, Actor, datetime], Mapping[str, int]]] = {Action.SCREEN: _screen}
