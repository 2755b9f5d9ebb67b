"""Officers' errands: each carried out as the person who asked, with the rights of that moment, once.

The verb's key is the errand's: killed between the verb's end and its own, an errand run again finds the verb done.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from threading import Event, Thread
from uuid import UUID

from django.db import DatabaseError, connections
from procrastinate import RetryStrategy

from qosymsha.domain.errands import commands
from qosymsha.domain.errands.commands import Begun
from qosymsha.domain.errands.rules import LONGEST_SECONDS, MOST_TRIES, TASK, ErrandRefusal, Partly
from qosymsha.domain.errands.states import ErrandState, Phase
from qosymsha.domain.errands.telling import heard_by
from qosymsha.domain.people import queries as people
from qosymsha.interfaces.jobs.app import app
from qosymsha.interfaces.jobs.hands import held
from qosymsha.interfaces.jobs.money import VERBS as OF_MONEY
from qosymsha.interfaces.jobs.months import VERBS as OF_MONTHS
from qosymsha.interfaces.jobs.rounds import VERBS as OF_ROUNDS
from qosymsha.kernel import clock
from qosymsha.kernel.actor import Actor
from qosymsha.kernel.errors import Forbidden, Refused

ACTOR = Actor.system("errands")
NOTE_SECONDS = 1.0
# What may be otherwise in a moment: a lock held by a duty, a database or a disk that is away. All else is a fault.
_PASSING = (DatabaseError, OSError)
Verb = Callable[[Begun, Actor, datetime], Mapping[str, int]]
VERBS: Mapping[str, Verb] = {**OF_ROUNDS, **OF_MONTHS, **OF_MONEY}
_log = logging.getLogger(__name__)


@app.task(name=TASK, retry=RetryStrategy(max_attempts=MOST_TRIES, wait=2, linear_wait=10, retry_exceptions=_PASSING))
def run(errand: str) -> None:
    """The queue's task: one errand by its uuid."""
    try:
        with held(LONGEST_SECONDS):
            carry(UUID(errand))
    finally:
        connections.close_all()


def mind_errands(at: datetime) -> None:
    """Bring back errands without a job, end those that waited too long, forget old ones. Needs no key: it finds all."""
    brought = commands.mind(actor=ACTOR, at=at)
    if brought:
        _log.warning("errands: %s had lost their job: again", brought)


def carry(errand_uuid: UUID) -> None:
    """Do what was asked for, unless it has ended, and say how it ended."""
    at = clock.read()
    begun = commands.begin(actor=ACTOR, errand_uuid=errand_uuid, at=at)
    if begun is None:
        return
    try:
        with _telling(begun.uuid):
            tally = VERBS[begun.verb](begun, people.actor_for(begun.user_id, at), at)
    except (Refused, Forbidden, Partly) as no:
        _end(begun, ErrandState.REFUSED, _reason(no), no.tally if isinstance(no, Partly) else None)
    except _PASSING:
        if begun.tries >= MOST_TRIES:
            _end(begun, ErrandState.FAILED, ErrandRefusal.ERRAND_GAVE_UP)
        raise
    except Exception:
        _end(begun, ErrandState.FAILED, ErrandRefusal.ERRAND_GAVE_UP)
        raise
    else:
        _end(begun, ErrandState.DONE, tally=tally)


def _reason(no: Refused | Forbidden | Partly) -> str:
    if isinstance(no, Forbidden):
        return ErrandRefusal.ERRAND_FORBIDDEN
    return no.reason if isinstance(no, Partly) else no.reason.value


def _end(begun: Begun, state: ErrandState, reason: str = "", tally: Mapping[str, int] | None = None) -> None:
    commands.end(actor=ACTOR, errand_uuid=begun.uuid, state=state, at=clock.read(), reason=reason, tally=tally or {})


@contextmanager
def _telling(errand_uuid: UUID) -> Iterator[None]:
    """Note once a second how far the work inside says it has come: by a thread, whose connection is another one."""
    latest: list[tuple[Phase, int, int]] = []
    ended = Event()
    thread = Thread(target=_note, args=(errand_uuid, latest, ended), name="telling", daemon=True)
    thread.start()
    try:
        with heard_by(lambda *told: latest.__setitem__(slice(None), [told])):
            yield
    finally:
        ended.set()
        thread.join()


def _note(errand_uuid: UUID, latest: list[tuple[Phase, int, int]], ended: Event) -> None:
    noted: tuple[Phase, int, int] | None = None
    while not ended.wait(NOTE_SECONDS):
        told = latest[0] if latest else None
        if told is None or told == noted:
            continue
        noted = told
        try:
            commands.note(actor=ACTOR, errand_uuid=errand_uuid, phase=told[0], done=told[1], of=told[2])
        except DatabaseError as fault:  # a page less exact for a moment; the work itself goes on
            _log.info("errands: %s", fault)
        finally:
            connections.close_all()
