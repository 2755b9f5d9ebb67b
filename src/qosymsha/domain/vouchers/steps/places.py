"""Seats are taken and given back; places are opened and ended; what a place no longer needs is counted."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db import connection

from qosymsha.domain.ledger import queries as ledger
from qosymsha.domain.ledger.rules import AccountKey, AccountKind
from qosymsha.domain.programmes import queries as programmes
from qosymsha.domain.providers import queries as providers
from qosymsha.domain.vouchers.queries import EnrolmentFacts, live_enrolments, rows
from qosymsha.domain.vouchers.rules import month_end, units_between
from qosymsha.kernel.actor import Actor
from qosymsha.kernel.clock import month_of, next_month
from qosymsha.kernel.entropy import uuid4

_TAKE = "SELECT group_id, granted FROM take_seats(%s::bigint[], %s::int[])"
_TAKE_FREE = "SELECT group_id, granted FROM take_free_seats(%s::bigint[], %s::int[])"


@dataclass(frozen=True, slots=True)
class Leaving:
    """A place that ends with `last_day`; `lessons` are its group's lesson days, sorted, `cap` its units a month."""

    enrolment: EnrolmentFacts
    last_day: date
    lessons: Sequence[date]
    cap: int


def lock_seats(group_ids: Iterable[int]) -> None:
    """Lock the seats of the groups in the order of their ids, to the transaction's end; opens those never asked for."""
    rows("SELECT lock_seats(%s::bigint[])", [sorted(set(group_ids))])


def take_seats(group_ids: Sequence[int], *, directly: bool = False) -> list[bool]:
    """Take one seat per item, first come first served within the list; False where the group is full by then.

    `directly`: by a family of its own, so that a group whose own list children stand on is as good as full.
    """
    wanted = Counter(group_ids)
    granted = dict(rows(_TAKE_FREE if directly else _TAKE, [list(wanted), list(wanted.values())]))
    answers = []
    for group_id in group_ids:
        left = granted.get(group_id, 0)
        granted[group_id] = left - 1
        answers.append(left > 0)
    return answers


def free_seats(group_ids: Iterable[int]) -> None:
    """Give back one seat per item."""
    freed = Counter(group_ids)
    rows("SELECT free_seats(%s::bigint[], %s::int[])", [list(freed), list(freed.values())])


def resize_seat(group_id: int, capacity: int) -> bool:
    """Give a group's seats another number; False, and nothing done, where more are taken than would be left."""
    lock_seats([group_id])
    return bool(
        rows(
            "UPDATE seat SET capacity = %s WHERE group_id = %s AND taken <= %s RETURNING group_id",
            [capacity, group_id, capacity],
        )
    )


def mark_left_over(group_ids: Iterable[int], *, is_left_over: bool) -> None:
    """Say of groups whether their free seats may be taken directly under the opening `choice_first`."""
    ids = sorted(set(group_ids))
    lock_seats(ids)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE seat SET is_left_over = %s WHERE group_id = ANY (%s)", [is_left_over, ids])


def mark_waited_for(group_ids: Iterable[int], waited_for: Iterable[int]) -> None:
    """Say of groups, whose seats are locked, on which of their own lists children stand."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE seat SET is_waited_for = group_id = ANY (%s::bigint[]) WHERE group_id = ANY (%s)"
            " AND is_waited_for <> (group_id = ANY (%s::bigint[]))",
            [list(waited_for), sorted(set(group_ids)), list(waited_for)],
        )


def open_enrolments(
    places: Sequence[tuple[int, int, date]], *, cause: str, actor: Actor, at: datetime
) -> dict[int, int]:
    """Open a place per (voucher, group, first day), with history; voucher id → enrolment id. Seats are taken before."""
    if not places:
        return {}
    opened = rows(
        "SELECT voucher_id, enrolment_id FROM open_enrolments(%s::uuid[], %s::bigint[], %s::bigint[],"
        " %s::date[], %s, %s, %s)",
        [
            [uuid4() for _ in places],
            [voucher_id for voucher_id, _, _ in places],
            [group_id for _, group_id, _ in places],
            [starts_on for _, _, starts_on in places],
            cause,
            at,
            actor.user_id,
        ],
    )
    return dict(opened)


def end_enrolments(leaving: Sequence[Leaving], *, reason: str, cause: str, actor: Actor, at: datetime) -> None:
    """End places with their last day and history, and give their seats back."""
    if not leaving:
        return
    rows(
        "SELECT end_enrolments(%s::bigint[], %s::date[], %s, %s, %s, %s)",
        [[w.enrolment.id for w in leaving], [w.last_day for w in leaving], reason, cause, at, actor.user_id],
    )
    free_seats(w.enrolment.group_id for w in leaving)


def lesson_days(groups: Iterable[tuple[int, int]], first: date, last: date) -> dict[int, list[date]]:
    """Group id → its lesson days from `first` to `last`, sorted, for (territory, group) pairs."""
    by_territory: defaultdict[int, set[int]] = defaultdict(set)
    for territory_id, group_id in groups:
        by_territory[territory_id].add(group_id)
    found: dict[int, list[date]] = {}
    for territory_id, group_ids in sorted(by_territory.items()):
        calendar = programmes.calendar(territory_id, first, last)
        found |= providers.lessons_between(sorted(group_ids), first, last, calendar)
    return found


def leavings(last_days: Mapping[int, date]) -> dict[int, Leaving]:
    """Voucher id → its live place as it ends with the given last day; vouchers without a place are left out."""
    places = live_enrolments(list(last_days))
    if not places:
        return {}
    days = [last_days[voucher_id] for voucher_id in places]
    first = min(_first_open_month(e, last_days[voucher_id]) for voucher_id, e in places.items())
    pairs = ((e.territory_id, e.group_id) for e in places.values())
    lessons = lesson_days(pairs, first, month_end(max(days)))
    facts = providers.group_facts(sorted({e.group_id for e in places.values()}))
    return {
        voucher_id: Leaving(e, last_days[voucher_id], lessons.get(e.group_id, []), facts[e.group_id].units_per_month)
        for voucher_id, e in places.items()
    }


def remainders(leaving: Sequence[Leaving]) -> dict[int, list[tuple[AccountKey, int]]]:
    """Enrolment id → (place account, tiyn): what it holds beyond the lessons up to the last day.

    Below zero: what it lacks for them, because the month's promise had not come yet; whole lessons, as far as the
    voucher's held money goes. So a provider's lessons are covered whenever a place ends (LEDGER.md 9).
    """
    asked = {w.enrolment.id: _accounts(w) for w in leaving}
    balances = ledger.balances([key for keys in asked.values() for key in keys])
    found = {w.enrolment.id: list(_remainder(w, asked[w.enrolment.id], balances)) for w in leaving}
    lacking = [w for w in leaving if any(amount < 0 for _, amount in found[w.enrolment.id])]
    held = ledger.balances([_held(w) for w in lacking])
    return found | {w.enrolment.id: _covered(w, found[w.enrolment.id], held[_held(w)]) for w in lacking}


def _first_open_month(place: EnrolmentFacts, last_day: date) -> date:
    """The first month of the place that its end touches: the last day's, or an earlier one that was never promised."""
    return min(month_of(last_day), next_month(place.promised_month))


def _accounts(leaving: Leaving) -> list[AccountKey]:
    place, month, keys = leaving.enrolment, _first_open_month(leaving.enrolment, leaving.last_day), []
    while month <= max(place.promised_month, month_of(leaving.last_day)):
        keys.append(AccountKey(AccountKind.PLACE, place.line_id, place.id, month))
        month = next_month(month)
    return keys


def _held(leaving: Leaving) -> AccountKey:
    return AccountKey(AccountKind.HELD, leaving.enrolment.line_id, leaving.enrolment.voucher_id)


def _remainder(
    leaving: Leaving, keys: Sequence[AccountKey], balances: Mapping[AccountKey, int]
) -> Iterable[tuple[AccountKey, int]]:
    place = leaving.enrolment
    for key in keys:
        assert key.month is not None
        first, last = max(place.starts_on, key.month), min(leaving.last_day, month_end(key.month))
        kept = units_between(leaving.lessons, first, last, leaving.cap) * place.unit_tariff_tiyn
        is_promised = key.month <= place.promised_month
        if balances[key] > kept or (balances[key] < kept and not is_promised):
            yield key, balances[key] - kept


def _covered(leaving: Leaving, back: Sequence[tuple[AccountKey, int]], held_tiyn: int) -> list[tuple[AccountKey, int]]:
    """What the place lacks, oldest month first, in whole lessons that the held money pays for."""
    tariff, covered = leaving.enrolment.unit_tariff_tiyn, []
    for key, amount in back:
        taken = min(-amount, held_tiyn // tariff * tariff) if amount < 0 else -amount
        if taken:
            covered.append((key, -taken))
            held_tiyn -= taken
    return covered


def keep_promise(enrolment_ids: Sequence[int], month: date) -> None:
    """Remember that the places' money of the month was moved."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE enrolment SET promised_month = %s WHERE id = ANY (%s)", [month, list(enrolment_ids)])
