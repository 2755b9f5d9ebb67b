"""Taking and changing places: each refusal, money split by lessons, other lines, a constant number of statements."""

from datetime import date

import pytest
from django.db import connection, transaction
from django.db.backends.postgresql.psycopg_any import DateRange
from django.test.utils import CaptureQueriesContext

from qosymsha.domain.ledger.rules import AccountKey, AccountKind, Draft
from qosymsha.domain.ledger.steps import post
from qosymsha.domain.providers.models import Accreditation, ClubGroup
from qosymsha.domain.vouchers import commands, queries
from qosymsha.domain.vouchers.models import Enrolment, Seat, Voucher
from qosymsha.domain.vouchers.rules import EnrolRefusal, EnrolWish, Move, Release, VoucherAnswer, VoucherRefusal
from qosymsha.domain.vouchers.states import CloseReason
from qosymsha.kernel.clock import local_instant
from tests.factories.vouchers import (
    AT,
    CHANNEL,
    FIRST,
    OFFICER,
    SYSTEM,
    City,
    accepted,
    add_children,
    add_group,
    enrolled,
    held,
    issue,
    key,
    make_city,
    money,
    place,
)

pytestmark = pytest.mark.django_db
MID = date(2026, 9, 15)  # a Tuesday
MID_AT = local_instant(date(2026, 9, 14), 9)


def enrol_one(wish: EnrolWish) -> object:
    (row,) = commands.enrol(actor=CHANNEL, wishes=[wish], at=AT, key=key())
    return row.reason


def move_one(move: Move) -> object:
    (row,) = commands.transfer(actor=CHANNEL, moves=[move], at=MID_AT, key=key())
    return row.reason


def test_each_reason_against_a_place_is_told() -> None:
    city = make_city()
    group = add_group(city)
    ((voucher, _, guardian),) = accepted(city)
    ((silent,), _) = issue(city, children := add_children(city, 1)), children

    def wish(group_id: int = group, on: date = FIRST) -> object:
        return enrol_one(EnrolWish(voucher, guardian, group_id, on))

    assert enrol_one(EnrolWish(silent, city.guardian(children[0]), group, FIRST)) is EnrolRefusal.VOUCHER_NOT_FREE
    assert enrol_one(EnrolWish(0, guardian, group, FIRST)) is VoucherRefusal.UNKNOWN_VOUCHER
    assert wish(0) is EnrolRefusal.UNKNOWN_GROUP
    assert wish(on=date(2026, 8, 31)) is EnrolRefusal.START_PAST
    assert wish(on=date(2027, 1, 1)) is EnrolRefusal.OUTSIDE_VOUCHER
    assert wish(on=date(9999, 1, 1)) is EnrolRefusal.OUTSIDE_VOUCHER
    assert wish(add_group(city, "creative")) is EnrolRefusal.OTHER_LINE
    closed = add_group(city)
    ClubGroup.objects.filter(pk=closed).update(state="closed")
    assert wish(closed) is EnrolRefusal.GROUP_CLOSED
    assert wish(add_group(city, valid=DateRange(date(2026, 10, 1), None))) is EnrolRefusal.GROUP_CLOSED
    assert wish(add_group(city, ages=(4, 9))) is EnrolRefusal.WRONG_AGE
    assert wish(add_group(city, tariff=12_001)) is EnrolRefusal.DEARER_THAN_VOUCHER
    full = add_group(city, capacity=1)
    enrolled(city, full)
    assert wish(full) is EnrolRefusal.GROUP_FULL
    Accreditation.objects.update(state="limited")
    assert wish() is EnrolRefusal.NOT_ACCREDITED
    Accreditation.objects.update(state="accredited", valid=DateRange(date(2026, 1, 1), FIRST))
    assert wish() is EnrolRefusal.NOT_ACCREDITED
    assert Enrolment.objects.filter(voucher_id=voucher).count() == 0
    assert held(city, voucher) == 4 * 96_000


def test_a_child_has_the_age_of_its_first_day() -> None:
    city = make_city()
    group = add_group(city, ages=(6, 17))
    (child,) = add_children(city, 1, born_on=date(2020, 9, 15))
    (voucher,) = issue(city, [child])
    guardian = city.guardian(child)
    commands.accept_vouchers(actor=CHANNEL, answers=[VoucherAnswer(voucher, guardian)], at=AT, key=key())
    assert enrol_one(EnrolWish(voucher, guardian, group, date(2026, 9, 14))) is EnrolRefusal.WRONG_AGE
    assert enrol_one(EnrolWish(voucher, guardian, group, date(2026, 9, 15))) is None


def test_good_rows_are_stored_beside_bad_ones_and_seats_go_in_row_order() -> None:
    city = make_city()
    small, large = add_group(city, capacity=2), add_group(city)
    rows = accepted(city, 5)
    wishes = [EnrolWish(v, g, small, FIRST) for v, _, g in rows[:4]]
    wishes.insert(1, EnrolWish(rows[0][0], rows[0][2], large, FIRST))  # the same voucher again
    wishes.append(EnrolWish(rows[4][0], rows[4][2], large, FIRST))
    outcomes = commands.enrol(actor=CHANNEL, wishes=wishes, at=AT, key=key())
    full, twice = EnrolRefusal.GROUP_FULL, VoucherRefusal.NAMED_TWICE
    assert [o.reason for o in outcomes] == [None, twice, None, full, full, None]
    assert [o.row for o in outcomes] == list(range(6))
    taken = Enrolment.objects.filter(group_id=small).order_by("id").values_list("voucher_id", flat=True)
    assert list(taken) == [rows[0][0], rows[1][0]]
    assert queries.free_places([small, large]) == {small: 0, large: 14}


def test_a_place_of_a_late_start_costs_the_lessons_left() -> None:
    city = make_city()
    group = add_group(city)
    ((voucher, _, guardian),) = accepted(city)
    last_day = date(2026, 9, 30)  # a Wednesday: no lesson is left in September
    (row,) = commands.enrol(actor=CHANNEL, wishes=[EnrolWish(voucher, guardian, group, last_day)], at=AT, key=key())
    assert row.id is not None
    assert place(city, row.id) == 0
    assert held(city, voucher) == 4 * 96_000


def test_a_transfer_splits_the_month_by_lessons() -> None:
    city = make_city()
    tuesdays, mondays = add_group(city), add_group(city, weekdays=(1, 3), tariff=10_000)
    ((voucher, guardian, first),) = enrolled(city, tuesdays)
    (row,) = commands.transfer(actor=CHANNEL, moves=[Move(voucher, guardian, mondays, MID)], at=MID_AT, key=key())
    assert row.reason is None
    assert row.id is not None
    # Lessons before the 15th: 1, 3, 8, 10 September. From the 15th on Mondays and Wednesdays: 16, 21, 23, 28, 30.
    assert place(city, first) == 4 * 12_000
    assert place(city, row.id) == 5 * 10_000
    assert held(city, voucher) == 4 * 96_000 - 4 * 12_000 - 5 * 10_000
    assert (Enrolment.objects.get(pk=first).ends_on, Enrolment.objects.get(pk=first).reason) == (
        date(2026, 9, 14),
        "transferred",
    )
    assert queries.free_places([tuesdays, mondays]) == {tuesdays: 15, mondays: 14}
    assert Voucher.objects.get(pk=voucher).state == "active"
    assert "released" not in money(city)
    both = {e.id for e in queries.enrolments_of_groups([tuesdays, mondays], FIRST)}
    assert both == {first, row.id}
    assert [e.id for e in queries.enrolments_of_groups([tuesdays, mondays], date(2026, 10, 1))] == [row.id]


def test_a_transfer_to_another_line_takes_that_lines_free_money() -> None:
    city = make_city(money=1_000_000)
    sport, dance = add_group(city), add_group(city, "creative", weekdays=(1, 3), tariff=9_000)
    ((voucher, guardian, first),) = enrolled(city, sport)
    (row,) = commands.transfer(actor=CHANNEL, moves=[Move(voucher, guardian, dance, MID)], at=MID_AT, key=key())
    assert row.reason is None
    assert row.id is not None
    kept, price, later = 4 * 12_000, 5 * 9_000, 3 * 80_000
    assert money(city) == {
        "approp": -1_000_000,
        "free": 1_000_000 - 4 * 96_000,
        "place": kept,
        "released": 4 * 96_000 - kept,
    }
    assert money(city, "creative") == {
        "approp": -1_000_000,
        "free": 1_000_000 - price - later,
        "held": later,
        "place": price,
    }
    assert place(city, row.id, kind="creative") == price
    moved = Voucher.objects.get(pk=voucher)
    assert (moved.kind, moved.line_id, moved.month_tiyn) == ("creative", city.lines["creative"], 80_000)
    # A month of the old place that is settled later comes back to held of the old line: closing finds it there too.
    commands.close_vouchers(actor=OFFICER, voucher_ids=[voucher], reason=CloseReason.MOVED, at=MID_AT, key=key())
    assert "held" not in money(city)
    assert "held" not in money(city, "creative")
    assert place(city, first) == kept


def test_where_the_other_line_has_no_free_money_the_transfer_is_refused_and_nothing_moves() -> None:
    city = make_city(money=3 * 4 * 96_000)
    sport, dance = add_group(city), add_group(city, "creative", weekdays=(1, 3), tariff=9_000)
    needed = 5 * 9_000 + 3 * 80_000
    rows = enrolled(city, sport, 3)
    # The creative line keeps just enough free money for two of the three.
    issue(city, add_children(city, 1), "creative")
    spare = money(city, "creative")["free"]
    assert 2 * needed <= spare < 3 * needed
    before = money(city)
    moves = [Move(v, g, dance, MID) for v, g, _ in rows]
    outcomes = commands.transfer(actor=CHANNEL, moves=moves, at=MID_AT, key=key())
    assert [o.reason for o in outcomes] == [None, None, EnrolRefusal.NO_FREE_MONEY]
    assert money(city, "creative")["free"] == spare - 2 * needed
    assert held(city, rows[2][0]) == 3 * 96_000
    assert money(city)["place"] == before["place"] - 2 * 4 * 12_000
    assert Seat.objects.get(group_id=sport).taken == 1


def test_each_reason_against_a_transfer_is_told() -> None:
    city = make_city()
    group, other = add_group(city), add_group(city, weekdays=(1, 3))
    ((voucher, guardian, _),) = enrolled(city, group)
    ((idle, _, idle_guardian),) = accepted(city)
    full = add_group(city, capacity=1)
    enrolled(city, full)
    dear = add_group(city, "creative", tariff=10_001)
    assert move_one(Move(idle, idle_guardian, other, MID)) is EnrolRefusal.NOT_ACTIVE
    assert move_one(Move(voucher, idle_guardian, other, MID)) is VoucherRefusal.NOT_GUARDIAN
    assert move_one(Move(voucher, guardian, 0, MID)) is EnrolRefusal.UNKNOWN_GROUP
    assert move_one(Move(voucher, guardian, group, MID)) is EnrolRefusal.SAME_GROUP
    assert move_one(Move(voucher, guardian, other, date(2026, 9, 13))) is EnrolRefusal.START_PAST
    assert move_one(Move(voucher, guardian, other, date(2027, 1, 2))) is EnrolRefusal.OUTSIDE_VOUCHER
    assert move_one(Move(voucher, guardian, full, MID)) is EnrolRefusal.GROUP_FULL
    assert move_one(Move(voucher, guardian, dear, MID)) is EnrolRefusal.DEARER_THAN_VOUCHER
    Voucher.objects.filter(pk=voucher).update(slot="another")
    assert move_one(Move(voucher, guardian, other, MID)) is EnrolRefusal.WRONG_KIND
    Voucher.objects.filter(pk=voucher).update(slot="main")
    assert queries.free_places([group, full]) == {group: 14, full: 0}
    assert move_one(Move(voucher, guardian, other, MID)) is None


def test_a_place_dearer_than_what_is_still_held_is_refused() -> None:
    city = make_city()
    group = add_group(city, weekdays=(1, 2, 3, 4, 5))
    ((voucher, guardian, _),) = enrolled(city, group)
    for month in (10, 11, 12):
        commands.promise_month(
            actor=SYSTEM, programme_id=city.programme_id, month=date(2026, month, 1), at=AT, key=key()
        )
    # Leaving in mid-December keeps eight lessons with the old place: nothing is held for a second one.
    at = local_instant(date(2026, 12, 20), 9)
    gone = [Release(voucher, guardian, date(2026, 12, 20))]
    commands.release_vouchers(actor=CHANNEL, releases=gone, reason="x", at=at, key=key())
    assert held(city, voucher) == 0
    wish = [EnrolWish(voucher, guardian, add_group(city), date(2026, 12, 22))]
    (row,) = commands.enrol(actor=CHANNEL, wishes=wish, at=at, key=key())
    assert row.reason is EnrolRefusal.HELD_TOO_LITTLE


def statements(city: City, how_many: int) -> dict[str, int]:
    """How many statements each verb takes for so many rows."""
    counts = {}
    children = add_children(city, how_many)
    first, second = add_group(city, capacity=how_many), add_group(city, capacity=how_many, weekdays=(1, 3))
    with CaptureQueriesContext(
        connection,
    ) as seen:
        vouchers = issue(city, children)
    counts["issue"] = len(seen)
    pairs = [(v, city.guardian(c)) for v, c in zip(vouchers, children, strict=True)]
    answers = [VoucherAnswer(v, g) for v, g in pairs]
    wishes = [EnrolWish(v, g, first, FIRST) for v, g in pairs]
    moves = [Move(v, g, second, MID) for v, g in pairs]
    gone = [Release(v, g, MID) for v, g in pairs]
    october = date(2026, 10, 1)
    for name, run in (
        ("accept", lambda: commands.accept_vouchers(actor=CHANNEL, answers=answers, at=AT, key=key())),
        ("enrol", lambda: commands.enrol(actor=CHANNEL, wishes=wishes, at=AT, key=key())),
        ("transfer", lambda: commands.transfer(actor=CHANNEL, moves=moves, at=MID_AT, key=key())),
        (
            "promise",
            lambda: commands.promise_month(
                actor=SYSTEM, programme_id=city.programme_id, month=october, at=AT, key=key()
            ),
        ),
        ("release", lambda: commands.release_vouchers(actor=CHANNEL, releases=gone, reason="x", at=MID_AT, key=key())),
        (
            "close",
            lambda: commands.close_vouchers(
                actor=OFFICER, voucher_ids=vouchers, reason=CloseReason.BUDGET, at=MID_AT, key=key()
            ),
        ),
    ):
        with CaptureQueriesContext(connection) as seen:
            done = run()
        assert isinstance(done, commands.Tally) or all(o.reason is None for o in done), (name, done)
        counts[name] = len(seen)
    return counts


def test_ten_rows_and_two_hundred_take_the_same_number_of_statements() -> None:
    city = make_city(money=10**12)
    statements(city, 1)  # rule sets are parsed once per process
    few, many = statements(city, 10), statements(city, 200)
    assert few == many
    assert max(few.values()) <= 32, few


OCTOBER, THIRTEENTH = date(2026, 10, 1), date(2026, 10, 13)  # a Tuesday; lessons before it: 1, 6, 8 October
LATE_AT = local_instant(date(2026, 10, 12), 9)


def october_taught(verb: str, held_left: int | None = None) -> tuple[City, int, int]:
    """A place whose October was never promised and that ends on the 12th: (city, its enrolment, voucher)."""
    city = make_city()
    ((voucher, guardian, enrolment),) = enrolled(city, add_group(city))
    if held_left is not None:
        with transaction.atomic():
            taken = held(city, voucher) - held_left
            account = AccountKey(AccountKind.HELD, city.lines["sport"], voucher)
            post(
                [
                    Draft(
                        "test", "taken", ((account, -taken), (AccountKey(AccountKind.FREE, city.lines["sport"]), taken))
                    )
                ],
                at=AT,
            )
    if verb == "transfer":
        moves = [Move(voucher, guardian, add_group(city, weekdays=(1, 3)), THIRTEENTH)]
        (row,) = commands.transfer(actor=CHANNEL, moves=moves, at=LATE_AT, key=key())
    elif verb == "release":
        wishes = [Release(voucher, guardian, THIRTEENTH)]
        (row,) = commands.release_vouchers(actor=CHANNEL, releases=wishes, reason="moved", at=LATE_AT, key=key())
    else:
        (row,) = commands.close_vouchers(
            actor=SYSTEM, voucher_ids=[voucher], reason=CloseReason.MOVED, at=LATE_AT, key=key()
        )
    assert row.reason is None
    return city, enrolment, voucher


@pytest.mark.parametrize("verb", ["transfer", "release", "close"])
def test_a_place_that_ends_before_its_month_was_promised_keeps_the_money_of_the_lessons_given(verb: str) -> None:
    city, enrolment, voucher = october_taught(verb)
    assert place(city, enrolment, OCTOBER) == 3 * 12_000
    before = money(city)
    commands.promise_month(actor=SYSTEM, programme_id=city.programme_id, month=OCTOBER, at=LATE_AT, key=key())
    assert (place(city, enrolment, OCTOBER), money(city)) == (3 * 12_000, before)
    assert sum(before.values()) == 0


def test_a_place_takes_no_more_than_the_voucher_holds_when_it_ends_unpromised() -> None:
    city, enrolment, voucher = october_taught("release", held_left=2 * 12_000 + 5)
    assert place(city, enrolment, OCTOBER) == 2 * 12_000
    assert held(city, voucher) == 5


def test_two_months_nobody_promised_are_both_covered_when_the_place_ends() -> None:
    city = make_city()
    ((voucher, guardian, enrolment),) = enrolled(city, add_group(city))
    on = date(2026, 11, 4)
    late = local_instant(date(2026, 11, 3), 9)
    commands.release_vouchers(
        actor=CHANNEL, releases=[Release(voucher, guardian, on)], reason="moved", at=late, key=key()
    )
    assert place(city, enrolment, OCTOBER) == 8 * 12_000  # nine lessons, eight units
    assert place(city, enrolment, date(2026, 11, 1)) == 12_000  # Tuesday the 3rd
