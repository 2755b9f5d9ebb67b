"""File applications, many at once or one, and withdraw one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from django.db import transaction

from qosymsha.domain.admission import steps
from qosymsha.domain.admission.access import ALLOWED, Action, Topic
from qosymsha.domain.admission.models import Application, Round
from qosymsha.domain.admission.queries import facts
from qosymsha.domain.admission.queries.facts import Live, Wish
from qosymsha.domain.admission.rules import AdmissionRefusal, FilingFacts, refuse_filing
from qosymsha.domain.admission.states import ApplicationState, RoundState
from qosymsha.domain.allocation import draw
from qosymsha.domain.people import queries as people
from qosymsha.domain.people.queries.shared import shared_wards
from qosymsha.domain.people.states import Role
from qosymsha.domain.programmes import queries as programmes
from qosymsha.domain.programmes.rules import Rules
from qosymsha.kernel import audit, entropy, idempotency, outbox
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.errors import BadInput, Forbidden, Refused, RowOutcome

MAX_ROWS = 20_000
VERB = Action.SUBMIT.value
_SPEAKERS = frozenset({Role.CLERK, Role.CHANNEL})


@dataclass(frozen=True, slots=True)
class ApplicationRow:
    """A guardian's wish for a child, for one kind of lessons of the round's programme."""

    guardian_id: int
    child_id: int
    kind: str


@transaction.atomic(durable=True)
def submit_applications(
    *, actor: Actor, round_id: int, rows: Sequence[ApplicationRow], at: datetime, key: UUID
) -> list[RowOutcome]:
    """File the rows that may be filed; each refused row says why. Every child gets its own sealed ticket.

    Repeating a `key` returns the first outcomes and files nothing twice.

    Raises:
        BadInput: more than 20,000 rows.
        Forbidden: the actor may not file here, or a guardian files in another's name.
        Refused: the round is not open now.
    """
    if len(rows) > MAX_ROWS:
        raise BadInput("rows", f"send at most {MAX_ROWS} applications at once")
    the_round = facts.round_of(round_id)
    require_speaker(actor, Action.SUBMIT, the_round.territory_id, {row.guardian_id for row in rows})
    steps.share_round(round_id)
    body = [round_id, "\n".join(map(body_row, rows))]
    seen = idempotency.repeat(actor=actor, verb=VERB, key=key, body=body, at=at)
    if seen is not None:
        return idempotency.outcomes_of(seen, AdmissionRefusal)
    require_window(facts.round_of(round_id), at)
    outcomes = _file(actor, the_round, rows, at)
    filed = [outcome.id for outcome in outcomes if outcome.id is not None]
    audit.record(
        actor=actor,
        at=at,
        action=Action.SUBMIT,
        subject_kind="application",
        subject_ids=filed,
        territory_id=the_round.territory_id,
        detail={"round": round_id, "refused": len(rows) - len(filed)},
    )
    each = {outcome.id: {"by": rows[outcome.row].guardian_id} for outcome in outcomes if outcome.id is not None}
    outbox.tell(topic=Topic.APPLICATION_SUBMITTED, subject_kind="application", subject_ids=filed, at=at, each=each)
    kept = idempotency.outcome_rows(outcomes)
    idempotency.keep(actor=actor, verb=VERB, key=key, outcome=kept)
    return outcomes


def body_row(row: ApplicationRow) -> str:
    """A row as the body of its verb names it: what a key is bound to."""
    return f"{row.guardian_id} {row.child_id} {row.kind}"


def require_speaker(actor: Actor, action: Action, territory_id: int, guardian_ids: set[int]) -> None:
    """A guardian speaks for themselves only; a clerk or a channel for any guardian named in its territory."""
    require(actor, action, ALLOWED, territory_id=territory_id)
    if not actor.holds(_SPEAKERS, territory_id=territory_id) and guardian_ids - {actor.guardian_id}:
        raise Forbidden(action)


class HasWindow(steps.HasState, Protocol):
    """A round as far as its window is asked."""

    @property
    def opens_at(self) -> datetime:
        """The first instant."""

    @property
    def closes_at(self) -> datetime:
        """The first instant after it."""


def require_window(the_round: HasWindow, at: datetime) -> None:
    """Refuse what is filed at another time than the round's own."""
    steps.require_state(the_round, RoundState.OPEN)
    if not the_round.opens_at <= at < the_round.closes_at:
        raise Refused(AdmissionRefusal.WINDOW_NOT_OPEN, round=the_round.number)


def _file(actor: Actor, the_round: Round, rows: Sequence[ApplicationRow], at: datetime) -> list[RowOutcome]:
    rules = programmes.rules_of(the_round.rule_set_id).rules
    wishes = [Wish(row.guardian_id, row.child_id, row.kind) for row in rows]
    children = sorted({wish.child_id for wish in wishes})
    on = local_day(at)
    live = facts.live_applications(the_round.programme_id, children)
    found = facts.filing_facts(
        the_round, rules, wishes, on=on, ages=facts.ages(the_round, rules, children, on), live=live
    )
    reasons = _reasons(rules, wishes, found)
    accepted = [i for i, reason in enumerate(reasons) if reason is None]
    _end_past(actor, the_round, live, {(wishes[i].child_id, found[i].slot) for i in accepted}, at)
    drafts = {i: _draft(wishes[i], found[i]) for i in accepted}
    stored = steps.file(the_round, list(drafts.values()), actor=actor, at=at)
    return [_outcome(i, reason, drafts.get(i), stored) for i, reason in enumerate(reasons)]


def _reasons(rules: Rules, wishes: Sequence[Wish], found: Sequence[FilingFacts]) -> list[AdmissionRefusal | None]:
    """Each row's refusal; of two rows for one child and slot in a batch, the first is taken."""
    reasons: list[AdmissionRefusal | None] = []
    taken: set[tuple[int, str | None]] = set()
    for wish, row in zip(wishes, found, strict=True):
        reason = refuse_filing(rules, row)
        entitlement = (wish.child_id, row.slot)
        if reason is None and entitlement in taken:
            reason = AdmissionRefusal.ALREADY_FILED
        if reason is None:
            taken.add(entitlement)
        reasons.append(reason)
    return reasons


def _end_past(
    actor: Actor,
    the_round: Round,
    live: Mapping[tuple[int, str], Live],
    filed: set[tuple[int, str | None]],
    at: datetime,
) -> None:
    """Applications of earlier rounds give way to those filed now: the family moves to the new list by its own word."""
    past = [live[entitlement].id for entitlement in live if entitlement in filed]
    steps.move(
        past,
        come_from=[ApplicationState.WAITING, ApplicationState.GRANTED],
        to=ApplicationState.ENDED,
        cause=f"filed_again:{the_round.number}",
        actor=actor,
        at=at,
    )


def _draft(wish: Wish, found: FilingFacts) -> steps.Draft:
    assert found.slot is not None, "refused otherwise"
    assert found.age is not None, "refused otherwise"
    ticket = entropy.token(draw.TICKET_BYTES)
    return steps.Draft(
        uuid=entropy.uuid4(),
        child_id=wish.child_id,
        guardian_id=wish.guardian_id,
        slot=found.slot,
        kind=wish.kind,
        age=found.age,
        ticket=ticket,
        line_id=draw.line_id(ticket),
    )


def _outcome(
    row: int, reason: AdmissionRefusal | None, draft: steps.Draft | None, stored: Mapping[bytes, int]
) -> RowOutcome:
    if draft is None:
        return RowOutcome(row, reason=reason)
    found = stored.get(draft.line_id)
    return RowOutcome(row, id=found, reason=None if found else AdmissionRefusal.ALREADY_FILED)


@transaction.atomic(durable=True)
def withdraw_application(
    *, actor: Actor, application_id: int, guardian_id: int, at: datetime, key: UUID
) -> Application:
    """Take an application back by its guardian's word, at any time before it is granted; the others only move forward.

    A line that stands in a closed list stays there (the list can't change): its place, should it win, goes to the next.
    Once the window is closed nothing can be filed anew: then one of two guardians cannot take it back alone.

    Raises:
        Forbidden: the actor may not speak for this guardian.
        Refused: no such application of a child of this guardian, or it is past withdrawing.
    """
    found = Application.objects.select_related("round").filter(pk=application_id).first()
    if found is None or not people.wards([(guardian_id, found.child_id)], local_day(at)):
        require(actor, Action.WITHDRAW, ALLOWED)
        raise Refused(AdmissionRefusal.UNKNOWN_APPLICATION)
    require_speaker(actor, Action.WITHDRAW, found.territory_id, {guardian_id})
    body = [application_id, guardian_id]
    if idempotency.repeat(actor=actor, verb="withdraw_application", key=key, body=body, at=at) is not None:
        return found
    is_over = found.round.state != RoundState.OPEN or at >= found.round.closes_at
    if is_over and shared_wards([(guardian_id, found.child_id)], local_day(at)):
        raise Refused(AdmissionRefusal.OTHER_GUARDIAN_KEEPS)
    moved = steps.move(
        [application_id],
        come_from=[ApplicationState.SUBMITTED, ApplicationState.CHECKED, ApplicationState.WAITING],
        to=ApplicationState.WITHDRAWN,
        cause=f"guardian:{guardian_id}",
        actor=actor,
        at=at,
    )
    if not moved:
        raise Refused(AdmissionRefusal.APPLICATION_IN_OTHER_STATE, state=found.state)
    audit.record(
        actor=actor,
        at=at,
        action=Action.WITHDRAW,
        subject_kind="application",
        subject_ids=moved,
        territory_id=found.territory_id,
    )
    by = {"by": guardian_id}
    outbox.tell(topic=Topic.APPLICATION_WITHDRAWN, subject_kind="application", subject_ids=moved, at=at, detail=by)
    idempotency.keep(actor=actor, verb="withdraw_application", key=key, outcome=application_id)
    found.refresh_from_db()
    return found
