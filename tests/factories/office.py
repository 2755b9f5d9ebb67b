"""A month on the officials' desks: a sent sheet whose families spoke at one device, claims, files, held replies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction

from qosymsha.domain.attendance import commands as attendance
from qosymsha.domain.attendance.models import MonthSheet, Session, SheetRow
from qosymsha.domain.attendance.rules import Trace, Word
from qosymsha.domain.attendance.states import TraceKind
from qosymsha.domain.attendance.steps import leave_traces
from qosymsha.domain.flags import commands as flags
from qosymsha.domain.flags.models import RedFlag
from qosymsha.domain.people.states import Role
from qosymsha.domain.programmes.models import BudgetLine, BudgetPlan
from qosymsha.domain.providers.models import Provider
from qosymsha.domain.settlement import commands as settlement
from qosymsha.domain.settlement.models import Claim, PaymentLine
from qosymsha.domain.settlement.ports import Reply, ReplyStatus
from qosymsha.kernel import clock
from tests.factories.attendance import OFFICER_DAY, OVER, guardian_of, sent_sheet
from tests.factories.families import named
from tests.factories.settlement import PAYER
from tests.factories.vouchers import AT, CHANNEL, FIRST, SYSTEM, YEAR, City, add_group, enrolled, key, make_city
from tests.interfaces import browsing

DESK_DAY = OFFICER_DAY + timedelta(days=2)
IBAN = "KZ699990000000000001"


@dataclass
class Desk:
    """The city, its sheet, its rows by place; the officials by role."""

    city: City
    sheet: MonthSheet
    rows: list[SheetRow]

    def official(self, role: Role) -> int:
        """The user of a role in this territory, the same each time."""
        return browsing.official(role, territory_id=self.city.territory_id, name=self.name_of(role))

    def name_of(self, role: Role) -> str:
        """What the sign-in page of a trial calls that official."""
        return f"demo:{role.value}:{self.city.territory_id}"


def desk(families: int = 4, silent: int = 1, device: str = "one-phone", of: City | None = None) -> Desk:
    """September is over and sent: all families but `silent` confirmed, the first of them disputes one day.

    All spoke at `device` ("" gives each a phone of her own, and hours between).
    """
    city = of or make_city()
    for line in BudgetLine.objects.filter(programme_id=city.programme_id):
        BudgetPlan.objects.create(
            line=line, period=YEAR, amount_tiyn=100_000_000, decision="test", decided_by=1, decided_at=AT
        )
    Provider.objects.filter(pk=city.provider_id).update(iban=IBAN)
    places = [e for _, _, e in enrolled(city, add_group(city), families)]
    sheet_id, rows = sent_sheet(city, places)
    for n, row in enumerate(rows):
        named(("child", row.child_id, "Серікова", f"Айгүл {n + 1}"))
    for n, row in enumerate(rows[: families - silent]):
        _speak(row, n, device, disputes=n == 0)
    clock.shift_to(DESK_DAY)
    return Desk(city, MonthSheet.objects.get(pk=sheet_id), rows)


def _speak(row: SheetRow, n: int, device: str, *, disputes: bool) -> None:
    """A guardian's word through a channel; some days may be disputed."""
    at = OVER + timedelta(hours=1, minutes=0 if device else 150 * n)
    days = (_first_day(row),) if disputes else ()
    words = [Word(row.pk, guardian_of(row), "confirmed", "we were away" if days else "", days)]
    (outcome,) = attendance.confirm_rows(actor=CHANNEL, words=words, at=at, key=key())
    assert outcome.reason is None
    with transaction.atomic():
        mine = device or f"phone-{n}"
        leave_traces(TraceKind.WORD, [row.pk], Trace(mine, f"net-{mine}"), at, month=FIRST)


def _first_day(row: SheetRow) -> int:
    return int(attendance_sessions(row)[0])


def attendance_sessions(row: SheetRow) -> list[int]:
    """The row's lessons in order."""
    return list(Session.objects.filter(group_id=row.sheet.group_id).order_by("starts_at").values_list("pk", flat=True))


def screened(of: Desk) -> list[RedFlag]:
    """The month screened now; its open flags."""
    flags.screen(actor=SYSTEM, programme_id=of.city.programme_id, month=FIRST, at=clock.read(), key=key())
    return list(RedFlag.objects.filter(state="open", programme_id=of.city.programme_id).order_by("id"))


def claimed(of: Desk) -> Claim:
    """The provider's claim of the month, drawn now."""
    outcomes = settlement.draw_claims(
        actor=SYSTEM, programme_id=of.city.programme_id, provider_ids=[of.city.provider_id], month=FIRST,
        at=clock.read(), key=key(),
    )  # fmt: skip
    (drawn,) = [o for o in outcomes if o.reason is None]
    assert drawn.id is not None
    return Claim.objects.get(pk=drawn.id)


def approved_sheet(of: Desk) -> None:
    """The customer approved the sheet."""
    officer = browsing.actor(of.official(Role.PROGRAMME_OFFICER))
    (outcome,) = attendance.approve_sheets(actor=officer, sheet_ids=[of.sheet.pk], at=clock.read(), key=key())
    assert outcome.reason is None, outcome


def signed(of: Desk, verb: Callable[..., object], role: Role, claim: Claim) -> None:
    """An official of that role signs the claim."""
    actor = browsing.actor(of.official(role))
    verb(actor=actor, programme_id=of.city.programme_id, claim_ids=[claim.pk], at=clock.read(), key=key())


def released(of: Desk) -> Claim:
    """A claim that two people signed."""
    assert screened(of) == []
    approved_sheet(of)
    claim = claimed(of)
    signed(of, settlement.approve_claims, Role.APPROVER, claim)
    signed(of, settlement.release_claims, Role.PAYER, claim)
    return claim


def paid_out(of: Desk) -> PaymentLine:
    """Its payment, in a file that was sent."""
    released(of)
    actor = browsing.actor(of.official(Role.PAYER))
    where: dict[str, Any] = {"actor": actor, "programme_id": of.city.programme_id, "at": clock.read()}
    drawn = settlement.draw_payment_file(payer=PAYER, pay_on=DESK_DAY.date(), key=key(), **where)
    assert drawn.file_id is not None
    settlement.send_payment_file(file_id=drawn.file_id, key=key(), **where)
    return PaymentLine.objects.get(file_id=drawn.file_id)


def answer(line: PaymentLine, *, more_tiyn: int = 0) -> None:
    """The treasury says that a payment was made, of so much more than ordered."""
    reply = Reply(
        f"T-{line.pk}-{more_tiyn}", line.end_to_end_id, ReplyStatus.ACCEPTED, line.amount_tiyn + more_tiyn, "",
        line.file.number,
    )  # fmt: skip
    settlement.apply_replies(actor=SYSTEM, replies=[reply], at=clock.read(), key=key())
