"""Places that have no contract yet, with all that a contract says of them. For the verb that draws: shown to nobody."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from qosymsha.domain.agreements.queries.asked import rows
from qosymsha.domain.providers import queries as providers
from qosymsha.kernel.clock import next_month


@dataclass(frozen=True, slots=True)
class Undrawn:
    """A live place without a contract; amounts are tiyn, `group_last` is None while open."""

    enrolment_id: int
    child_id: int
    territory_id: int
    programme_id: int
    provider_id: int
    group_id: int
    rule_set_id: int
    voucher: str
    last_month: date
    starts_on: date
    unit_tariff_tiyn: int
    created_at: datetime
    child_uuid: UUID
    provider: str
    provider_number: str
    bin: str
    code: str
    language: str
    kind: str
    units_per_month: int
    activity_kk: str
    activity_ru: str
    address_kk: str
    address_ru: str
    group_last: date | None
    programme_kk: str
    programme_ru: str
    charge_tiyn: int

    @property
    def until(self) -> date:
        """The last day the contract names: the group's, its contract's or the voucher's, whichever is first."""
        last = next_month(self.last_month) - timedelta(days=1)
        return last if self.group_last is None else min(last, self.group_last)


_UNDRAWN = """
SELECT e.id, e.child_id, e.territory_id, e.programme_id, e.provider_id, e.group_id, v.rule_set_id, v.number,
       v.last_month, e.starts_on, e.unit_tariff_tiyn, e.created_at, c.uuid, p.name, p.number, coalesce(p.bin, ''),
       g.code, g.language, g.kind, g.units_per_month, a.name_kk, a.name_ru, n.address_kk, n.address_ru,
       least(upper(g.valid), upper(k.valid)) - 1, m.name_kk, m.name_ru,
       coalesce((SELECT h.amount_tiyn FROM group_charge h WHERE h.group_id = g.id ORDER BY h.id DESC LIMIT 1), 0)
  FROM enrolment e JOIN voucher v ON v.id = e.voucher_id JOIN child c ON c.id = e.child_id
  JOIN provider p ON p.id = e.provider_id JOIN club_group g ON g.id = e.group_id
  JOIN offering o ON o.id = g.offering_id JOIN activity a ON a.code = o.activity_id
  JOIN venue n ON n.id = g.venue_id JOIN contract k ON k.id = g.contract_id JOIN programme m ON m.id = e.programme_id
  LEFT JOIN family_contract f ON f.enrolment_id = e.id
 WHERE e.programme_id = %s AND e.state IN ('contracted', 'active') AND f.id IS NULL
   AND (%s::bigint IS NULL OR e.provider_id = %s) ORDER BY e.id LIMIT %s"""


def undrawn(programme_id: int, provider_id: int | None, limit: int) -> list[Undrawn]:
    """Live places without a contract, the oldest first."""
    return [Undrawn(*row) for row in rows(_UNDRAWN, [programme_id, provider_id, provider_id, limit])]


def hours_of(group_ids: set[int], on: date) -> dict[int, list[list[Any]]]:
    """Group → [ISO weekday, "15:00", "16:00"] of the timetable that holds on a day or later."""
    found: dict[int, list[list[Any]]] = {}
    for slot in providers.timetable(group_ids):
        if slot.last_day is None or slot.last_day >= on:
            mine = found.setdefault(slot.group_id, [])
            line = [slot.weekday, f"{slot.starts:%H:%M}", f"{slot.ends:%H:%M}"]
            if line not in mine:
                mine.append(line)
    return found
