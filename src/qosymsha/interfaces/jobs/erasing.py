"""The night's erasing: everybody due, kind by kind, a small transaction at a time; then what else is over."""

from __future__ import annotations

import logging
from datetime import datetime
from time import perf_counter

from qosymsha.domain.erasure import commands, queries
from qosymsha.domain.erasure.rules import Kind
from qosymsha.interfaces.jobs.duties import ACTOR
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.errors import NotConfigured

SECONDS = 45  # of work in one call: the schedule calls again until the night's work is done
_log = logging.getLogger(__name__)


def erase_persons(at: datetime) -> None:
    """Erase whoever is due, forget what is past its day, say that the night is done. Needs no key: gone is gone.

    Killed at any point it leaves each person whole or gone, and the next call goes on.
    """
    last = queries.last_run()
    if last is not None and last.on >= local_day(at):
        return
    try:
        _erase(at)
    except NotConfigured as fault:
        _log.error("nobody is erased: %s", fault)


def _erase(at: datetime) -> None:
    ends = perf_counter() + SECONDS
    for kind in Kind:
        while commands.erase(actor=ACTOR, kind=kind, at=at, most=commands.PORTION):
            if perf_counter() > ends:
                return
    gone = commands.forget_over(actor=ACTOR, at=at)
    gone["months_of_audit"] = commands.forget_audit(actor=ACTOR, at=at)
    commands.close_run(actor=ACTOR, at=at, gone={name: n for name, n in gone.items() if n})
