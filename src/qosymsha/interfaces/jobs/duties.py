"""What the clock does by itself, each a command called as the system with a key of its own for the day or the hour."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from qosymsha.domain.admission import commands as admission_commands
from qosymsha.domain.admission import queries as admission
from qosymsha.domain.admission.states import RoundState
from qosymsha.domain.insights.commands import run_invariants
from qosymsha.domain.insights.queries import front
from qosymsha.domain.programmes import queries as programmes
from qosymsha.domain.programmes.queries import ProgrammeFacts
from qosymsha.domain.providers import commands as providers
from qosymsha.domain.vouchers import commands as vouchers
from qosymsha.interfaces.jobs.keys import key_of
from qosymsha.kernel import audit, schema
from qosymsha.kernel.actor import Actor
from qosymsha.kernel.clock import local_day, month_of
from qosymsha.kernel.errors import Refused

ACTOR = Actor.system("jobs")
LINKS = 10_000
MONTHS_AHEAD = 4
CHECKS_SHARE = 10  # between two runs of the checker, this many times what a run takes: at most a tenth of one core
_GRANTED = (RoundState.ALLOCATED, RoundState.PUBLISHED)
_log = logging.getLogger(__name__)


def link_audit(at: datetime) -> None:
    """Chain every finished audit event. Needs no key: an event is linked once by the chain's own order."""
    while audit.link(LINKS) == LINKS:
        pass


def check_invariants(at: datetime) -> None:
    """Run the checker for this minute, unless the last run took so long that it would leave no room for the rest."""
    checks = front.latest_checks()
    took = sum(check.seconds for check in checks)
    last = max((check.at for check in checks), default=None)
    if last is not None and at - last < timedelta(seconds=took * CHECKS_SHARE):
        return
    run_invariants(actor=ACTOR, at=at, key=key_of("check_invariants", at.replace(second=0, microsecond=0)))


def check_invariants_by_night(at: datetime) -> None:
    """Run the checker once a night, however long it takes."""
    run_invariants(actor=ACTOR, at=at, key=key_of("check_invariants_by_night", local_day(at)))


def make_months(at: datetime) -> None:
    """Have the month tables ready before their month begins. Needs no key: those that exist are left alone."""
    schema.make_months(month_of(local_day(at)), MONTHS_AHEAD)


def expire_vouchers(at: datetime) -> None:
    """Close vouchers whose day to accept or to choose has passed, once a day in each territory."""
    today = local_day(at)
    for territory_id in sorted({programme.territory_id for programme in programmes.programmes()}):
        key = key_of("expire_vouchers", territory_id, today)
        vouchers.expire_vouchers(actor=ACTOR, territory_id=territory_id, on=today, at=at, key=key)


def expire_accreditations(at: datetime) -> None:
    """Close accreditations whose last day has passed, once a day."""
    today = local_day(at)
    providers.expire_accreditations(actor=ACTOR, on=today, at=at, key=key_of("expire_accreditations", today))


def promise_month(at: datetime) -> None:
    """Move this month's money to places that have none of it yet, once a day: who came meanwhile is found too."""
    today = local_day(at)
    for programme in programmes.programmes():
        key = key_of("promise_month", programme.id, today)
        tally = vouchers.promise_month(actor=ACTOR, programme_id=programme.id, month=month_of(today), at=at, key=key)
        if tally.refused:
            _log.warning("promise_month: programme %s, %s places lack money", programme.id, len(tally.refused))


def refill(at: datetime) -> None:
    """Make released money free again and give it to those who wait, once an hour for each programme."""
    hour = at.replace(minute=0, second=0, microsecond=0)
    for programme in programmes.programmes():
        key = key_of("sweep_released", programme.id, hour)
        vouchers.sweep_released(actor=ACTOR, programme_id=programme.id, at=at, key=key)
        _refill(programme, at, hour)


def _refill(programme: ProgrammeFacts, at: datetime, hour: datetime) -> None:
    found = (admission.round_numbered(number) for number in admission.round_numbers(programme.id))
    latest = next((one for one in found if one.state in _GRANTED), None)
    if latest is None:
        return
    try:
        admission_commands.refill(actor=ACTOR, round_id=latest.id, at=at, key=key_of("refill", latest.id, hour))
    except Refused as refused:  # another round runs, or the rule set lets freed places wait: a rule, not a fault
        _log.info("refill: %s", refused)
