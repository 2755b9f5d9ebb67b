"""What the first page shows when a city is alive: a round played out, children in groups, money on its way, checks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import uuid4

from django.db import connection, transaction

from qosymsha.domain.admission.models import Round
from qosymsha.domain.casework.commands import load_consultation_points
from qosymsha.domain.insights.models import InvariantRun
from qosymsha.domain.insights.queries import CHECKS
from qosymsha.domain.ledger import steps as ledger
from qosymsha.domain.ledger.rules import AccountKey, AccountKind, Draft
from qosymsha.domain.people.commands import load_territories
from qosymsha.kernel.actor import Actor
from tests.factories import admission, settlement

CHECKED_AT = datetime(2026, 3, 2, 4, 30, tzinfo=UTC)
SYSTEM = Actor.system("test")


def full_page(families: int = 80) -> Round:
    """A city of everything: most of these families in one category, a few in another too small to be shown."""
    points()
    with connection.cursor() as cursor:
        cursor.execute("SELECT setval('voucher_serial', 100000)")  # the settlement factory counts from 1 by itself
    the_round = played_round(families)
    with transaction.atomic():
        pay(settlement.city(budget_tiyn=2_000_000_000), children=12)
    checks()
    return the_round


def points() -> None:
    """The territories and the consultation points of the product's own data files."""
    load_territories(actor=SYSTEM, at=CHECKED_AT, key=uuid4())
    load_consultation_points(actor=SYSTEM, at=CHECKED_AT, key=uuid4())


def played_round(families: int) -> Round:
    """A published-to-be round: closed, drawn, allocated; half of the families are granted."""
    city = admission.City(money={"sport": admission.money_for(families // 2)}, kato="799000000")
    the_round = city.opened()
    few = families // 16
    filed = city.families(families - 4 * few) + city.families(3 * few, categories=["large-family"])
    city.file(the_round, filed + city.families(few, categories=["orphan"]))
    city.run(the_round)
    the_round.refresh_from_db()
    return the_round


def pay(home: settlement.City, children: int) -> None:
    """A confirmed month of these children, each in another state of being paid."""
    settlement.confirmed_month(home, children)
    path = [AccountKind.PLACE, AccountKind.PAYABLE, AccountKind.TRANSIT, AccountKind.PAID]
    for n, enrolment in enumerate(home.enrolments):
        for before, after in list(pairwise(path))[: n % 4]:
            move(home, enrolment.id, before, after)


def move(home: settlement.City, subject: int, before: AccountKind, after: AccountKind) -> None:
    """A month's money of one place, one account further."""
    amount = settlement.TARIFF * settlement.UNITS
    off, onto = (_account(kind, home.line.id, subject) for kind in (before, after))
    ledger.post([Draft("test", str(uuid4()), ((off, -amount), (onto, amount)))], at=settlement.AT)


def _account(kind: AccountKind, line: int, subject: int) -> AccountKey:
    month = settlement.JANUARY if kind is AccountKind.PLACE else None
    return AccountKey(kind, line, 0 if kind is AccountKind.PAID else subject, month)


def checks(red: str = "") -> None:
    """Two rounds of self-checks: in the older one all were red, in the newer one only `red`."""
    for age, violations in ((timedelta(hours=1), 1), (timedelta(0), 0)):
        InvariantRun.objects.bulk_create(
            InvariantRun(at=CHECKED_AT - age, invariant=name, violations=1 if name == red else violations, seconds=0.1)
            for name in CHECKS
        )
