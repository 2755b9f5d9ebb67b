"""A child changes provider in mid-month, on one budget line and across two: both are paid by attendance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

import pytest

from qosymsha.domain.attendance import commands as attendance
from qosymsha.domain.attendance import queries as lessons
from qosymsha.domain.attendance.models import SheetRow
from qosymsha.domain.attendance.rules import Word
from qosymsha.domain.insights.queries import check_invariant
from qosymsha.domain.ledger import queries as ledger
from qosymsha.domain.people.states import Role
from qosymsha.domain.programmes.models import BudgetLine, BudgetPlan
from qosymsha.domain.providers.models import Contract, Provider, Venue
from qosymsha.domain.settlement import commands as settlement
from qosymsha.domain.settlement.commands.closes import December, DecemberDecision
from qosymsha.domain.settlement.models import Claim, PaymentLine
from qosymsha.domain.settlement.ports import Reply, ReplyStatus
from qosymsha.domain.settlement.queries import explained
from qosymsha.domain.vouchers import commands as vouchers
from qosymsha.domain.vouchers.models import Enrolment
from qosymsha.domain.vouchers.rules import Move
from qosymsha.domain.vouchers.states import CloseReason
from qosymsha.kernel.clock import local_day, local_instant
from tests.factories.attendance import OFFICER_DAY, OVER, guardian_of, mark, plan, send
from tests.factories.settlement import APPROVER, IBAN, PAYER, PAYER_OFFICIAL, person
from tests.factories.vouchers import (
    AT,
    CHANNEL,
    FIRST,
    OFFICER,
    SYSTEM,
    YEAR,
    City,
    accredit,
    add_group,
    enrolled,
    key,
    make_city,
    money,
)
from tests.rooms.test_settlement_explained import by_hand

pytestmark = pytest.mark.django_db
GIVEN = 10_000_000
MID, MID_AT = date(2026, 9, 15), local_instant(date(2026, 9, 14), 9)
YEARS_END = datetime(2026, 12, 28, 5, tzinfo=UTC)


@dataclass
class Month:
    """Provider P with a sport group, provider Q with a sport and a dance group; who stays, who moves where."""

    p: City
    q: City
    stays: tuple[int, int, int]
    to_sport: tuple[int, int, int]
    to_dance: tuple[int, int, int]
    sport_place: int
    dance_place: int


def second_provider(city: City) -> City:
    """The same city seen from another accredited provider with contracts on both lines."""
    provider = Provider.objects.create(
        number="P-second", territory_id=city.territory_id, legal_form="company", bin="260440009999", name="Қыран",
        iban=IBAN, created_at=AT,
    )  # fmt: skip
    place = {"territory_id": city.territory_id, "programme_id": city.programme_id, "provider_id": provider.pk}
    accredit(place)  # type: ignore[arg-type]
    contracts = {
        kind: Contract.objects.create(
            **place, number=f"K-second-{kind}", line_id=line, volume_tiyn=10**12, valid=YEAR, state="signed",
            signed_at=AT,
        ).pk
        for kind, line in city.lines.items()
    }  # fmt: skip
    venue = Venue.objects.create(
        provider=provider, district_id=city.territory_id, address_kk="Абай 9", address_ru="Абая 9", capacity=500
    )
    return replace(city, provider_id=provider.pk, contracts=contracts, venue_id=venue.pk)


def moved_month() -> Month:
    """Three children begin with P; on the 15th one goes to Q's sport group, one to Q's dance group."""
    p = make_city(money=GIVEN)
    Provider.objects.filter(pk=p.provider_id).update(iban=IBAN)
    for line in BudgetLine.objects.filter(programme_id=p.programme_id):
        BudgetPlan.objects.create(
            line=line, period=YEAR, amount_tiyn=GIVEN, decision="law 1", decided_at=AT, decided_by=1
        )
    q = second_provider(p)
    first = add_group(p)
    sport, dance = add_group(q, weekdays=(1, 3), tariff=10_000), add_group(q, "creative", weekdays=(1, 3), tariff=9_000)
    stays, to_sport, to_dance = enrolled(p, first, 3)
    moves = [Move(to_sport[0], to_sport[1], sport, MID), Move(to_dance[0], to_dance[1], dance, MID)]
    done = vouchers.transfer(actor=CHANNEL, moves=moves, at=MID_AT, key=key())
    assert [row.reason for row in done] == [None, None]
    return Month(p, q, stays, to_sport, to_dance, done[0].id or 0, done[1].id or 0)


def keep_marks(city: City, missed: Sequence[tuple[int, date]]) -> None:
    """Every place present at every lesson of its days, but for those missed."""
    for session in plan(city):
        there = [e for e in Enrolment.objects.filter(group_id=session.group_id) if _is_there(e, session.on)]
        marks = [(session.id, e.pk, "absent" if (e.pk, session.on) in missed else "present") for e in there]
        assert set(mark(city, marks)) <= {None}


def _is_there(place: Enrolment, on: date) -> bool:
    return place.starts_on <= on and (place.ends_on is None or on <= place.ends_on)


def confirm_and_approve(city: City) -> None:
    """Both sheets sent, every row confirmed by its guardian, approved by the customer."""
    sheets = [outcome.id for outcome in send(city)]
    words = [Word(row.pk, guardian_of(row), "confirmed", "") for row in SheetRow.objects.filter(sheet_id__in=sheets)]
    heard = attendance.confirm_rows(actor=CHANNEL, words=words, at=OVER, key=key())
    assert {row.reason for row in heard} == {None}
    approved = attendance.approve_sheets(actor=OFFICER, sheet_ids=sheets, at=OFFICER_DAY, key=key())
    assert {row.reason for row in approved} == {None}


def claims_of(month: Month) -> dict[tuple[int, str], Claim]:
    """(provider, line's kind) → claim."""
    drawn = settlement.draw_claims(
        actor=SYSTEM, programme_id=month.p.programme_id, provider_ids=[month.p.provider_id, month.q.provider_id],
        month=FIRST, at=OFFICER_DAY, key=key(),
    )  # fmt: skip
    kinds = {line: kind for kind, line in month.p.lines.items()}
    claims = Claim.objects.filter(pk__in=[row.id for row in drawn if row.id])
    return {(claim.provider_id, kinds[claim.line_id]): claim for claim in claims}


def pay(month: Month, claims: Sequence[Claim]) -> None:
    """Two officials, one file, the treasury's word on every line."""
    asked = {"programme_id": month.p.programme_id, "at": OFFICER_DAY}
    ids = [claim.pk for claim in claims]
    for verb, actor in ((settlement.approve_claims, APPROVER), (settlement.release_claims, PAYER_OFFICIAL)):
        assert {row.reason for row in verb(actor=actor, claim_ids=ids, key=key(), **asked)} == {None}
    drawn = settlement.draw_payment_file(
        actor=PAYER_OFFICIAL, payer=PAYER, pay_on=local_day(OFFICER_DAY), key=key(), **asked
    )
    settlement.send_payment_file(actor=PAYER_OFFICIAL, file_id=drawn.file_id or 0, key=key(), **asked)
    replies = [
        Reply(f"R-{line.pk}", line.end_to_end_id, ReplyStatus.ACCEPTED, line.amount_tiyn)
        for line in PaymentLine.objects.filter(claim_id__in=ids)
    ]
    settlement.apply_replies(actor=SYSTEM, replies=replies, at=OFFICER_DAY, key=key())
    assert set(Claim.objects.filter(pk__in=ids).values_list("state", flat=True)) == {"paid"}


def to_zero(month: Month, at: datetime) -> None:
    """Every account of both lines is tied to its documents, and no promise about money is broken."""
    told = explained(month.p.programme_id, at)
    assert told.findings == ()
    assert told.differences == 0
    for invariant in ("INV-4", "INV-5", "INV-6", "INV-7", "INV-14", "INV-15", "LEDGER-13", "MONEY-TRAIL"):
        assert check_invariant(invariant, at).examples == [], invariant


def test_a_transfer_in_mid_month_is_settled_by_attendance_for_both_and_every_tenge_is_explained() -> None:
    month = moved_month()
    to_zero(month, MID_AT)
    keep_marks(month.p, [(month.to_sport[2], date(2026, 9, 10))])
    keep_marks(month.q, [(month.dance_place, date(2026, 9, 30))])
    assert _lessons(month) == {month.stays[2]: 9, month.to_sport[2]: 4, month.to_dance[2]: 4, month.sport_place: 5,
                       month.dance_place: 5}  # fmt: skip
    for city in (month.p, month.q):
        confirm_and_approve(city)
    claims = claims_of(month)
    due = {(p, kind): claim.amount_tiyn for (p, kind), claim in claims.items()}
    assert due == {
        (month.p.provider_id, "sport"): (8 + 3 + 4) * 12_000,  # at most eight units; 10 September was missed
        (month.q.provider_id, "sport"): 5 * 10_000,
        (month.q.provider_id, "creative"): 4 * 9_000,  # 30 September was missed
    }
    to_zero(month, OFFICER_DAY)
    pay(month, list(claims.values()))
    to_zero(month, OFFICER_DAY)
    assert money(month.p)["paid"] == 15 * 12_000 + 5 * 10_000
    assert money(month.p, "creative")["paid"] == 4 * 9_000
    for kind in ("payable", "transit", "place"):
        assert kind not in money(month.p), kind
        assert kind not in money(month.p, "creative"), kind
    _end_of_year(month)


def _lessons(month: Month) -> dict[int, int]:
    found: dict[int, int] = {}
    for city in (month.p, month.q):
        for session in lessons.sessions_of(city.provider_id, FIRST):
            for place in Enrolment.objects.filter(group_id=session.group_id):
                found[place.pk] = found.get(place.pk, 0) + _is_there(place, session.on)
    return found


def _end_of_year(month: Month) -> None:
    """October goes on for two of them, one is closed; at the cut-off what nobody earned lapses, on both lines."""
    october = date(2026, 10, 1)
    tally = vouchers.promise_month(
        actor=SYSTEM, programme_id=month.p.programme_id, month=october, at=local_instant(october), key=key()
    )
    assert (tally.done, tally.refused) == (3, [])
    vouchers.close_vouchers(
        actor=OFFICER, voucher_ids=[month.to_dance[0]], reason=CloseReason.MOVED, at=local_instant(october), key=key()
    )
    to_zero(month, local_instant(october))
    closed = settlement.close_year(
        actor=person(Role.PROGRAMME_OFFICER, 31), programme_id=month.p.programme_id, year=2026,
        december=DecemberDecision(December.LAPSE, "№ 18"), at=YEARS_END, key=key(),
    )  # fmt: skip
    assert closed.summary
    to_zero(month, YEARS_END)
    totals = ledger.totals(list(month.p.lines.values()))
    for line in month.p.lines.values():
        left = {kind: tiyn for kind, tiyn in totals[line].items() if tiyn and kind not in ("approp", "paid", "lapsed")}
        assert left == {}, "nothing stands between"
        assert totals[line]["paid"] + totals[line]["lapsed"] == GIVEN


@pytest.mark.parametrize(
    ("what", "statement"),
    [
        ("the old place's money", "UPDATE ledger_account SET balance_tiyn = balance_tiyn + 1 WHERE kind = 'place'"),
        ("what the transfer released", "UPDATE ledger_posting SET cause_kind = 'x' WHERE cause_kind = 'transfer_out'"),
    ],
)  # fmt: skip
def test_control_what_is_changed_by_hand_after_a_transfer_is_seen(what: str, statement: str) -> None:
    month = moved_month()
    keep_marks(month.p, [])
    keep_marks(month.q, [])
    for city in (month.p, month.q):
        confirm_and_approve(city)
    claims_of(month)
    to_zero(month, OFFICER_DAY)
    with by_hand() as cursor:
        cursor.execute(statement)
        assert cursor.rowcount > 0, what
    assert explained(month.p.programme_id, OFFICER_DAY).differences > 0
