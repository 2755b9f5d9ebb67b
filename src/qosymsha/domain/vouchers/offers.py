"""What a group offers a family now, and the own vouchers that may enter it: for the family's own pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from uuid import UUID

from qosymsha.domain.people import queries as people
from qosymsha.domain.vouchers.access import Action
from qosymsha.domain.vouchers.queries import rows
from qosymsha.domain.vouchers.rules import whole_years
from qosymsha.domain.witness import reading
from qosymsha.kernel.actor import Actor
from qosymsha.kernel.clock import local_day, next_month

_GROUP = """
SELECT g.id, g.uuid, g.code, g.line_id, g.kind, g.language, g.age_min, g.age_max, g.unit_tariff_tiyn, g.units_per_month,
       CASE WHEN s.is_waited_for THEN 0 ELSE coalesce(s.capacity - s.taken, g.capacity) END,
       g.state, greatest(lower(g.valid), lower(c.valid)),
       least(upper(g.valid), upper(c.valid)) - 1, a.name_kk, a.name_ru, a.name_en, v.address_kk, v.address_ru, p.name
  FROM club_group g JOIN offering o ON o.id = g.offering_id JOIN activity a ON a.code = o.activity_id
  JOIN venue v ON v.id = g.venue_id JOIN contract c ON c.id = g.contract_id JOIN provider p ON p.id = g.provider_id
  LEFT JOIN seat s ON s.group_id = g.id
 WHERE g.uuid = %s"""
_HOURS = """
SELECT weekday, starts, ends, lower(valid), upper(valid) - 1 FROM timetable_slot
 WHERE group_id = %s AND NOT isempty(valid) AND (upper_inf(valid) OR upper(valid) > %s) ORDER BY weekday, starts"""
_VOUCHERS = """
SELECT v.id, v.uuid, v.number, v.child_id, v.first_month, v.last_month, v.month_tiyn FROM voucher v
 WHERE v.child_id = ANY (%s) AND v.line_id = %s AND v.state IN ('accepted', 'released') AND v.last_month >= %s
 ORDER BY v.id"""


@dataclass(frozen=True, slots=True)
class Hours:
    """A weekly lesson; a last day None is open."""

    weekday: int
    starts: time
    ends: time
    first_day: date
    last_day: date | None


@dataclass(frozen=True, slots=True)
class GroupOffer:
    """A group for whoever may enter it; `free` counts seats, amounts are tiyn; no personal data."""

    id: int
    uuid: UUID
    code: str
    line_id: int
    kind: str
    language: str
    age_min: int
    age_max: int
    unit_tariff_tiyn: int
    units_per_month: int
    free: int
    state: str
    first_day: date
    last_day: date | None
    activity_kk: str
    activity_ru: str
    activity_en: str
    address_kk: str
    address_ru: str
    provider: str
    hours: tuple[Hours, ...]

    @property
    def month_tiyn(self) -> int:
        """What a whole month costs at most: the voucher pays it."""
        return self.unit_tariff_tiyn * self.units_per_month

    def next_lesson(self, on: date) -> date:
        """The first day from `on` with a lesson by the timetable (public holidays apart); `on` where it has none."""
        day = max(on, self.first_day)
        week = (day + timedelta(days=n) for n in range(7))
        return next((one for one in week if any(_is_at(h, one) for h in self.hours)), day)


@dataclass(frozen=True, slots=True)
class VoucherOffer:
    """An own voucher that may enter: the child's name, its first possible day."""

    uuid: UUID
    number: str
    name: str
    starts_on: date


def group_offer(uuid: UUID, at: datetime) -> GroupOffer | None:
    """The group of this uuid with its seats as they are now; None where there is none."""
    found = rows(_GROUP, [uuid])
    if not found:
        return None
    hours = tuple(Hours(*row) for row in rows(_HOURS, [found[0][0], local_day(at)]))
    columns = [*found[0], hours]
    return GroupOffer(*columns)


def programme_of(voucher_id: int) -> int:
    """The programme of a voucher, among whose groups one is looked for."""
    return int(rows("SELECT programme_id FROM voucher WHERE id = %s", [voucher_id])[0][0])


def fitting_vouchers(*, actor: Actor, group: GroupOffer, at: datetime) -> list[VoucherOffer]:
    """The vouchers of the guardian's own children that may enter the group by line, state, months, price and age.

    An audited read. Whether a place is had is for the verb to say.

    Raises:
        Forbidden: the actor is no guardian.
    """
    today = local_day(at)
    wards = {ward.id: ward for ward in people.own_wards(actor=actor, at=at)}
    found = rows(_VOUCHERS, [list(wards), group.line_id, today.replace(day=1)])
    offers, shown = [], []
    for i, uuid, number, child_id, first_month, last_month, month_tiyn in found:
        starts_on, ward = group.next_lesson(max(today, first_month)), wards[child_id]
        is_of_age = ward.born_on is not None and group.age_min <= whole_years(ward.born_on, starts_on) <= group.age_max
        if is_of_age and group.month_tiyn <= month_tiyn and starts_on < next_month(last_month):
            offers.append(VoucherOffer(uuid, number, ward.name, starts_on))
            shown.append((i, child_id))
    _note(actor, at, shown)
    return offers


def _note(actor: Actor, at: datetime, shown: Sequence[tuple[int, int]]) -> None:
    if shown:
        ids, children = zip(*shown, strict=True)
        reading.saw(actor=actor, at=at, action=Action.READ, kind="voucher", ids=ids, children=set(children))


def _is_at(hours: Hours, on: date) -> bool:
    return (
        hours.weekday == on.isoweekday() and hours.first_day <= on and (hours.last_day is None or on <= hours.last_day)
    )
