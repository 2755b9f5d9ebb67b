"""Visits: a clerk's own, what was done for a guardian, and the actor who acts for one. None of it without a proof."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from django.conf import settings

from qosymsha.domain.assistance.access import ALLOWED, Action
from qosymsha.domain.assistance.models import AssistedAct, AssistedVisit
from qosymsha.domain.assistance.rules import AssistanceLimits, VisitFacts, refuse_visit
from qosymsha.domain.people.rules import Proof
from qosymsha.domain.people.states import Role, Way
from qosymsha.kernel import clock
from qosymsha.kernel.actor import Actor, Grant, require
from qosymsha.kernel.errors import Forbidden, Refused


class Visit(NamedTuple):
    """A visit of the clerk's own; `guardian_id` only where the guardian has proved to be there."""

    id: int
    uuid: UUID
    guardian_id: int | None
    point_id: int | None
    way: str
    made_at: datetime
    proved_at: datetime | None
    ended_at: datetime | None

    def is_open(self, at: datetime) -> bool:
        """True where the clerk may act in it now."""
        facts = VisitFacts(self.proved_at, self.ended_at, None, 0)
        return refuse_visit(facts, at, limits()) is None

    @property
    def ends_at(self) -> datetime | None:
        """Until when the clerk may act, unless it is ended before."""
        return self.proved_at and self.proved_at + timedelta(minutes=limits().visit_minutes)


class Help(NamedTuple):
    """What a guardian confirmed at a point."""

    act: str
    at: datetime
    way: str
    point_id: int | None

    @property
    def words(self) -> str:
        """The key of what was done."""
        return f"help.{self.act}"

    @property
    def by(self) -> str:
        """The key of how it was proved."""
        return f"help.by.{self.way}"


def limits() -> AssistanceLimits:
    """The installation's limits."""
    return AssistanceLimits(**getattr(settings, "ASSISTANCE_LIMITS", {}))


def visit_of(*, actor: Actor, visit_uuid: UUID) -> Visit | None:
    """A visit of the acting clerk's own; None for another's and an unknown one alike.

    Raises:
        Forbidden: the actor is no clerk.
    """
    require(actor, Action.PROVE_VISIT, ALLOWED)
    row = AssistedVisit.objects.filter(uuid=visit_uuid, clerk_id=actor.user_id).first()
    return None if row is None else _visit(row)


def visits_today(*, actor: Actor, at: datetime) -> list[Visit]:
    """The acting clerk's visits of today, the latest first.

    Raises:
        Forbidden: the actor is no clerk.
    """
    require(actor, Action.PROVE_VISIT, ALLOWED)
    rows = AssistedVisit.objects.filter(clerk_id=actor.user_id, made_at__gte=day_began(at))
    return [_visit(row) for row in rows.order_by("-made_at", "-id")]


def day_began(at: datetime) -> datetime:
    """The instant at which the local day of `at` began."""
    return at.astimezone(clock.ZONE).replace(hour=0, minute=0, second=0, microsecond=0)


def acting(*, actor: Actor, visit: Visit, at: datetime) -> Actor:
    """The clerk as the guardian's hand: the guardian's own rights and no other, under the clerk's name.

    The audit's label names the visit, so that each row of what is done in it says who, for whom and how.

    Raises:
        Forbidden: the actor is no clerk any more.
        Refused: the guardian has not proved to be there, or the visit is over.
    """
    require(actor, Action.PROVE_VISIT, ALLOWED)
    facts = VisitFacts(visit.proved_at, visit.ended_at, None, 0)
    reason = refuse_visit(facts, at, limits())
    if reason is not None:
        raise Refused(reason)
    if visit.guardian_id is None:
        raise Forbidden(Action.PROVE_VISIT)
    label = f"user:{actor.user_id} visit:{visit.uuid}"
    return Actor(actor.user_id, label, (Grant(Role.GUARDIAN),), guardian_id=visit.guardian_id)


def proof_of(act: AssistedAct) -> Proof:
    """The guardian's word for an act, as other rooms store it."""
    return Proof(act.at, Way.IN_PERSON.value)


def own_help(*, actor: Actor) -> list[Help]:
    """What the acting guardian confirmed at points, the latest first.

    Raises:
        Forbidden: the actor is no guardian.
    """
    require(actor, Action.READ_OWN_HELP, ALLOWED)
    acts = AssistedAct.objects.filter(visit__guardian_id=actor.guardian_id or 0).select_related("visit")
    return [Help(act.act, act.at, act.visit.way, act.visit.point_id) for act in acts.order_by("-at", "-id")[:50]]


def _visit(row: AssistedVisit) -> Visit:
    guardian_id = row.guardian_id if row.proved_at is not None else None
    return Visit(row.pk, row.uuid, guardian_id, row.point_id, row.way, row.made_at, row.proved_at, row.ended_at)
