"""A control over a city: planned, frozen, drawn; visits by place."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import UUID

from qosymsha.domain.controls import commands, queries
from qosymsha.domain.controls.models import ControlVisit
from qosymsha.domain.controls.rules import Found, Plan
from qosymsha.domain.controls.states import Strata, Unit
from qosymsha.domain.people.states import Role
from qosymsha.kernel import clock
from qosymsha.kernel.actor import Actor
from tests.factories.vouchers import City, key
from tests.interfaces import browsing

BEACON = "trial beacon of a control"
VALUE = b"the beacon's value"


def actor(city: City, role: Role, name: str = "") -> Actor:
    """An official of the city; another name is another person."""
    return browsing.actor(browsing.official(role, territory_id=city.territory_id, name=name or f"{role}:control"))


def plan(
    size: int = 1, unit: Unit = Unit.GROUP, strata: Strata = Strata.ALL, first: date | None = None, beacon: str = BEACON
) -> Plan:
    """A control of this month's thirty days."""
    begins = first or clock.local_day(clock.read()) - timedelta(days=20)
    return Plan(unit, strata, begins, begins + timedelta(days=40), size, beacon)


def planned(city: City, wish: Plan | None = None) -> UUID:
    """A planned campaign."""
    officer = actor(city, Role.PROGRAMME_OFFICER)
    return commands.plan_campaign(
        actor=officer, programme_id=city.programme_id, plan=wish or plan(), at=clock.read(), key=key()
    )


def drawn(city: City, wish: Plan | None = None) -> UUID:
    """A campaign whose sample is drawn."""
    officer = actor(city, Role.PROGRAMME_OFFICER)
    uuid = planned(city, wish)
    commands.freeze_campaign(actor=officer, campaign_uuid=uuid, at=clock.read(), key=key())
    assert commands.draw_sample(actor=officer, campaign_uuid=uuid, beacon_value=VALUE, at=clock.read(), key=key())
    return uuid


def visits(uuid: UUID) -> list[ControlVisit]:
    """The drawn places in the order of the draw."""
    return list(ControlVisit.objects.filter(campaign__uuid=uuid).order_by("place"))


def found(city: City, visit: ControlVisit, finding: str = "absent_children", present: int | None = 1) -> None:
    """A checker's visit with a finding ("" for none)."""
    commands.record_visit(
        actor=actor(city, Role.CHECKER), visit_uuid=visit.uuid, found=Found(present, finding, finding and "two came"),
        at=clock.read(), key=key(),
    )  # fmt: skip


def shown(city: City, visit: ControlVisit) -> queries.VisitShown:
    """The place as the office sees it."""
    (one,) = queries.visits(actor=actor(city, Role.CHECKER), uuid=visit.uuid)
    return one
