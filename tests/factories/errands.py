"""Errands in tests: a worker beside the page, and what becomes of one about nothing in particular."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest

from qosymsha.domain.admission.access import ALLOWED, Action
from qosymsha.domain.errands import commands
from qosymsha.domain.errands.models import Errand
from qosymsha.domain.errands.rules import About, Wanted
from qosymsha.domain.errands.states import ErrandState
from qosymsha.interfaces.jobs import errands
from qosymsha.interfaces.office import errands as pages
from qosymsha.kernel import clock
from qosymsha.kernel.actor import Actor
from tests.interfaces import browsing


def carry_all() -> None:
    """What a worker would do now."""
    for uuid in Errand.objects.filter(state=ErrandState.WAITING).order_by("id").values_list("uuid", flat=True):
        errands.carry(uuid)


def worker_beside(monkeypatch: pytest.MonkeyPatch, work: Callable[[], None] = carry_all) -> None:
    """While a page waits for its errand, a worker does it."""
    monkeypatch.setattr(pages, "sleep", lambda _: work())


def nobody_works(monkeypatch: pytest.MonkeyPatch) -> None:
    """No worker, and a page that does not wait for one."""
    monkeypatch.setattr(pages, "PATIENCE_SECONDS", 0)


def wanted(the_round: Any, verb: Action = Action.ALLOCATE, **body: Any) -> Wanted:
    """A step of this round."""
    about = About("round", the_round.id, the_round.uuid, the_round.number, the_round.territory_id)
    return Wanted(verb, ALLOWED, about, body)


def waiting(territory_id: int, user_id: int) -> Errand:
    """An errand of this officer that nobody carries out."""
    about = About("round", 1, uuid4(), "R-0000000", territory_id)
    return asked(browsing.actor(user_id), Wanted(Action.ALLOCATE, ALLOWED, about), clock.read())


def asked(actor: Actor, what: Wanted, at: Any, key: UUID | None = None) -> Errand:
    """The errand as it was stored."""
    return Errand.objects.get(uuid=commands.ask(actor=actor, wanted=what, at=at, key=key or uuid4()))
