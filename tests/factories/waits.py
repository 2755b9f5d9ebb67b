"""Families that want to move to a line without free money: they ask, the money comes, the clock runs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from django.db import transaction

from qosymsha.domain.insights.queries import check_invariant
from qosymsha.domain.ledger.rules import AccountKey, AccountKind, Draft
from qosymsha.domain.ledger.steps import post
from qosymsha.domain.vouchers import commands
from qosymsha.domain.vouchers.models import Seat, TransferRequest, Voucher
from qosymsha.domain.vouchers.rules import Move
from qosymsha.kernel.clock import local_instant
from tests.factories.vouchers import (
    CHANNEL,
    SYSTEM,
    City,
    add_children,
    add_group,
    enrolled,
    issue,
    key,
    make_city,
    money,
)

MID = date(2026, 9, 15)  # a Tuesday
MID_AT = local_instant(date(2026, 9, 14), 9)
# Five lessons of the dance group left in September, three months at the planning tariff.
NEEDED = 5 * 9_000 + 3 * 80_000


@dataclass
class Town:
    """A sport group whose families want to dance, and a creative line that has spent its money."""

    city: City
    sport: int
    dance: int
    families: list[tuple[int, int, int]]

    def ask(self, *which: int, waits: bool = True, at: object = MID_AT, group: int = 0) -> list[object]:
        moves = [Move(self.families[i][0], self.families[i][1], group or self.dance, MID, waits) for i in which]
        rows = commands.transfer(actor=CHANNEL, moves=moves, at=at, key=key())  # type: ignore[arg-type]
        return [row.reason for row in rows]

    def pay_in(self, tiyn: int) -> None:
        """The creative line gets so much more."""
        line = self.city.lines["creative"]
        accounts = AccountKey(AccountKind.APPROP, line), AccountKey(AccountKind.FREE, line)
        with transaction.atomic():
            post([Draft("budget", f"more {key()}", ((accounts[0], -tiyn), (accounts[1], tiyn)))], at=MID_AT)

    def run(self, days: int = 0) -> commands.TransferRun:
        at = MID_AT + timedelta(days=days)
        return commands.take_transfers(actor=SYSTEM, programme_id=self.city.programme_id, at=at, key=key())

    def voucher(self, i: int) -> Voucher:
        return Voucher.objects.get(pk=self.families[i][0])

    def states(self) -> list[tuple[str, str]]:
        return list(TransferRequest.objects.order_by("id").values_list("state", "reason"))


def town(families: int = 3, seats: int = 15, **timers: int) -> Town:
    city = make_city(money=4 * 96_000 * families, **timers)
    sport = add_group(city, capacity=max(15, families))
    dance = add_group(city, "creative", weekdays=(1, 3), tariff=9_000, capacity=seats)
    rows = enrolled(city, sport, families)
    spare = money(city, "creative")["free"]
    issue(city, add_children(city, spare // (4 * 80_000)), "creative")
    spare = money(city, "creative").get("free", 0)
    assert spare < NEEDED
    return Town(city, sport, dance, rows)


def taken(*groups: int) -> list[int]:
    seats = dict(Seat.objects.values_list("group_id", "taken"))
    return [seats.get(g, 0) for g in groups]


def whole(home: Town) -> None:
    """Every promise about seats, money and histories holds."""
    for invariant in ("INV-1", "INV-2", "INV-4", "INV-5", "INV-10", "INV-11", "INV-12", "INV-14", "LEDGER-13"):
        found = check_invariant(invariant, MID_AT).examples
        # the factory writes accreditations by hand, without a history
        assert [one for one in found if not one.startswith("accreditation ")] == [], invariant
