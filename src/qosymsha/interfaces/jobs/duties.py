"""What the clock does by itself, each a command called as the system with a key of its own for the day or the hour."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from time import perf_counter
from typing import Any

from django.contrib.sessions.backends.db import SessionStore

from qosymsha.domain.admission import commands as admission_commands
from qosymsha.domain.admission import queries as admission
from qosymsha.domain.admission.states import RoundState
from qosymsha.domain.agreements import commands as agreements
from qosymsha.domain.attendance import commands as attendance
from qosymsha.domain.changes import commands as changes
from qosymsha.domain.choice import commands as choice_commands
from qosymsha.domain.choice import queries as choice
from qosymsha.domain.controls import commands as controls
from qosymsha.domain.documents import commands as documents
from qosymsha.domain.factors import commands as factors
from qosymsha.domain.flags import commands as flags
from qosymsha.domain.flags import queries as flag_queries
from qosymsha.domain.insights.commands import forget_runs, run_invariants
from qosymsha.domain.insights.queries import standing
from qosymsha.domain.insights.rules import Span
from qosymsha.domain.intake import commands as intake
from qosymsha.domain.people import commands as people
from qosymsha.domain.programmes import queries as programmes
from qosymsha.domain.programmes.queries import ProgrammeFacts
from qosymsha.domain.programmes.rules import ProgrammeRefusal
from qosymsha.domain.providers import commands as providers
from qosymsha.domain.settlement import commands as settlement
from qosymsha.domain.vouchers import commands as vouchers
from qosymsha.domain.witness import commands as witness
from qosymsha.interfaces.jobs.keys import key_of
from qosymsha.interfaces.ui import readings
from qosymsha.kernel import audit, schema
from qosymsha.kernel.actor import Actor
from qosymsha.kernel.clock import local_day, month_of
from qosymsha.kernel.errors import NotConfigured, Refused

ACTOR = Actor.system("jobs")
LINKS = 10_000
REQUEST_LOG_KEPT = timedelta(days=90)
MONTHS_AHEAD = 4
OFFER_MINUTES = 10
CHECK_SECONDS = 50  # of checks in one call; the schedule calls again
CHECKS_SHARE = 10  # between two runs of the checker, this many times what a run takes: at most a tenth of one core
_GRANTED = (RoundState.ALLOCATED, RoundState.PUBLISHED)
_log = logging.getLogger(__name__)


def link_audit(at: datetime) -> None:
    """Chain every finished audit event. Needs no key: an event is linked once by the chain's own order."""
    while audit.link(LINKS) == LINKS:
        pass


def sign_checkpoint(at: datetime) -> None:
    """Sign what the chain is now, outside the database. Needs no key: the folder itself says what was signed last.

    A chain that no longer continues what was signed is told in the log and by INV-18; nothing is signed over it.
    """
    try:
        witness.sign_checkpoint(at=at)
    except NotConfigured as missing:
        _log.error("no checkpoint: %s", missing)
    except Refused as refused:
        _log.critical("no checkpoint: %s", refused)


def check_invariants(at: datetime) -> None:
    """Check what changed since each invariant's last green run, unless the last minute took too long for another.

    After a round of half a million that is minutes of work: those looked at longest ago come first, and the rest waits
    for the next call, so that no job holds its worker for long.
    """
    stand = standing.standings()
    looks = [one.minute for one in stand if one.minute]
    took = sum(look.seconds for look in looks)
    last = max((look.at for look in looks), default=None)
    if last is not None and at - last < timedelta(seconds=took * CHECKS_SHARE):
        return
    key = key_of("check_invariants", at.replace(second=0, microsecond=0))
    order = sorted(stand, key=lambda one: one.minute.at if one.minute else datetime.min.replace(tzinfo=at.tzinfo))
    asked = [one.invariant for one in order]
    run_invariants(actor=ACTOR, at=at, key=key, span=Span.MINUTE, invariants=asked, seconds=CHECK_SECONDS)


def check_invariants_by_night(at: datetime) -> None:
    """Check everything once a night, promise by promise, a minute's worth a call: no job holds its worker for long."""
    today, began = local_day(at), perf_counter()
    for one in standing.standings():
        if one.full is not None and local_day(one.full.at) == today:
            continue
        key = key_of("check_invariants_by_night", today, one.invariant)
        run_invariants(actor=ACTOR, at=at, key=key, invariants=[one.invariant])
        if perf_counter() - began > CHECK_SECONDS:
            return
    forget_runs(actor=ACTOR, at=at)


def make_months(at: datetime) -> None:
    """Have the month tables ready before their month begins. Needs no key: those that exist are left alone."""
    schema.make_months(month_of(local_day(at)), MONTHS_AHEAD)


def forget_visits(at: datetime) -> None:
    """Delete sessions that ran out; codes, tries, counters, request logs, uploaded papers, drafts past their time."""
    SessionStore.clear_expired()
    people.forget_tries(actor=ACTOR, at=at)
    factors.forget_questions(actor=ACTOR, at=at)
    people.forget_readings(actor=ACTOR, at=at)
    documents.forget_documents(actor=ACTOR, at=at)
    intake.forget_drafts(actor=ACTOR, at=at)
    readings.forget(local_day(at) - REQUEST_LOG_KEPT)


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


def end_places(at: datetime) -> None:
    """Give the children of groups that have closed their vouchers back, once a day."""
    today = local_day(at)
    changes.end_places(actor=ACTOR, on=today, at=at, key=key_of("end_places", today))


def settle_halls(at: datetime) -> None:
    """Let groups be found in the halls they have moved to; done again it changes nothing."""
    changes.settle_halls(actor=ACTOR, on=local_day(at), at=at)


def promise_month(at: datetime) -> None:
    """Move this month's money to places that have none of it yet, once a day: who came meanwhile is found too."""
    today = local_day(at)
    for programme in programmes.programmes():
        key = key_of("promise_month", programme.id, today)
        tally = vouchers.promise_month(actor=ACTOR, programme_id=programme.id, month=month_of(today), at=at, key=key)
        if tally.refused:
            _log.warning("promise_month: programme %s, %s places lack money", programme.id, len(tally.refused))


def remind_guardians(at: datetime) -> None:
    """Tell of rows nobody has spoken on, on the rule's days of the month after, once a day in each programme."""
    today = local_day(at)
    for programme in programmes.programmes():
        key = key_of("remind_guardians", programme.id, today)
        with _without_rules():
            attendance.remind_guardians(actor=ACTOR, programme_id=programme.id, on=today, at=at, key=key)


def watch_absences(at: datetime) -> None:
    """Warn, suspend and, after the hearing, release places of children who stay away, once a day in each programme."""
    today = local_day(at)
    for programme in programmes.programmes():
        key = key_of("watch_absences", programme.id, today)
        with _without_rules():
            attendance.watch_absences(actor=ACTOR, programme_id=programme.id, on=today, at=at, key=key)


def escalate_controls(at: datetime) -> None:
    """Let findings whose days to answer have passed go to a decision without an answer, once a day."""
    controls.escalate_unanswered(actor=ACTOR, at=at, key=key_of("escalate_controls", local_day(at)))


def forget_traces(at: datetime) -> None:
    """Drop months of device traces and refused check-ins past their retention. Needs no key: what is gone is gone."""
    attendance.forget_traces(actor=ACTOR, on=local_day(at), at=at)


@contextmanager
def _without_rules() -> Iterator[None]:
    """A programme without rules in force on that day has nothing to remind of or to watch."""
    try:
        yield
    except Refused as refused:
        if refused.reason is not ProgrammeRefusal.NO_RULES_IN_FORCE:
            raise
        _log.info("no rules in force: %s", refused)


def screen_months(at: datetime) -> None:
    """Judge months whose sheets have left since the last look, once an hour; and last month whole once a day.

    Guardians' words that have come meanwhile are evidence too.
    """
    today, hour = local_day(at), at.replace(minute=0, second=0, microsecond=0)
    for programme in programmes.programmes():
        last_month = month_of(month_of(today) - timedelta(days=1))
        key = key_of("screen_month", programme.id, last_month, today)
        flags.screen(actor=ACTOR, programme_id=programme.id, month=last_month, at=at, key=key)
        for month, provider_ids in flag_queries.unscreened(programme.id).items():
            key = key_of("screen_sheets", programme.id, month, hour, provider_ids)
            flags.screen(actor=ACTOR, programme_id=programme.id, month=month, at=at, key=key, provider_ids=provider_ids)


def refill(at: datetime) -> None:
    """Make released money free again and give it to those who wait, once an hour for each programme.

    Transfers come first: those families were granted their money once, on the line they leave.
    """
    hour = at.replace(minute=0, second=0, microsecond=0)
    for programme in programmes.programmes():
        key = key_of("sweep_released", programme.id, hour)
        vouchers.sweep_released(actor=ACTOR, programme_id=programme.id, at=at, key=key)
        key = key_of("take_partings", programme.id, hour)
        vouchers.take_partings(actor=ACTOR, programme_id=programme.id, at=at, key=key)
        key = key_of("take_transfers", programme.id, hour)
        vouchers.take_transfers(actor=ACTOR, programme_id=programme.id, at=at, key=key)
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


def offer_places(at: datetime) -> None:
    """End offers whose working days have passed and offer freed places, every ten minutes for each programme.

    One transaction: killed at any point it has done nothing, and run again it does what is due by then.
    """
    slot = at.replace(minute=at.minute - at.minute % OFFER_MINUTES, second=0, microsecond=0)
    for programme in programmes.programmes():
        round_id = choice.last_round_id(programme.id)
        if round_id is None:
            continue
        try:
            choice_commands.offer_freed_places(
                actor=ACTOR, round_id=round_id, at=at, key=key_of("offer_places", round_id, slot)
            )
        except Refused as refused:  # a later round runs, or the rule set gives freed places by rerun: a rule, no fault
            _log.info("offer_places: %s", refused)


def explain_money(at: datetime) -> None:
    """Seal where each tenge is, once a day; differences are stored and told, never hidden."""
    today = local_day(at)
    for programme in programmes.programmes():
        key = key_of("explain_money", programme.id, today)
        sealed = settlement.explain_money(actor=ACTOR, programme_id=programme.id, at=at, key=key)
        if sealed.differences:
            _log.error("explain_money: programme %s, %s differences", programme.id, sealed.differences)


def propose_recoveries(at: datetime) -> None:
    """Propose to claw back what was paid for days upheld since, once a day; officials decide."""
    for programme in programmes.programmes():
        key = key_of("propose_recoveries", programme.id, local_day(at))
        settlement.propose_recoveries(actor=ACTOR, programme_id=programme.id, at=at, key=key)


def agree_with_families(at: datetime) -> None:
    """Draw the contracts that places lack, remind of unsigned ones, let refusals stand whose days have passed.

    Once an hour for each programme: each step finds what is due by then.
    """
    hour = at.replace(minute=0, second=0, microsecond=0)
    for programme in programmes.programmes():
        where: dict[str, Any] = {"actor": ACTOR, "programme_id": programme.id, "at": at}
        agreements.draw_contracts(**where, key=key_of("draw_contracts", programme.id, hour))
        agreements.remind_to_sign(**where, key=key_of("remind_to_sign", programme.id, hour))
        agreements.carry_out_refusals(**where, key=key_of("carry_out_refusals", programme.id, hour))


def offer_seats(at: datetime) -> None:
    """End offers of groups' own lists whose day has passed and offer freed seats, every ten minutes.

    One transaction a programme: killed at any point it has done nothing, and run again it does what is due by then.
    """
    slot = at.replace(minute=at.minute - at.minute % OFFER_MINUTES, second=0, microsecond=0)
    for programme in programmes.programmes():
        key = key_of("offer_seats", programme.id, slot)
        agreements.offer_seats(actor=ACTOR, programme_id=programme.id, at=at, key=key)
