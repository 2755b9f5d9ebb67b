"""Words of one of two guardians that wait: reads. Source: docs/rules/guardians.md G-5 … G-9."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from qosymsha.domain.vouchers.queries import rows


@dataclass(frozen=True, slots=True)
class Parting:
    """What a guardian asked that another may stop: which, on which voucher, from which day, until when it is stopped.

    `takes_on`: the day on which it is done unless somebody stops it before; None: never by itself. `group_id`: where
    to. `waits`: whether the family waits for another line's money where it is short.
    """

    id: int
    voucher_id: int
    guardian_id: int
    kind: str
    group_id: int | None
    on: date | None
    reason: str
    waits: bool
    asked_at: datetime
    takes_on: date | None


# It stands while who asked still speaks for the child, and while the voucher is where it was: nothing to tidy up where
# the other guardian has accepted, enrolled or moved meanwhile.
_STANDING = """
SELECT p.id, p.voucher_id, p.guardian_id, p.kind, p.group_id, p."on", p.reason, p.waits, p.asked_at, p.takes_on
  FROM parting p JOIN voucher v ON v.id = p.voucher_id
 WHERE p.state = 'waiting' AND p.voucher_state = v.state
   AND p.enrolment_id IS NOT DISTINCT FROM (
       SELECT e.id FROM enrolment e WHERE e.voucher_id = v.id AND e.state <> 'ended')
   AND EXISTS (SELECT FROM guardianship g
                WHERE g.guardian_id = p.guardian_id AND g.child_id = v.child_id AND g.valid @> %s::date)"""


def standing(voucher_ids: Sequence[int], on: date) -> dict[int, Parting]:
    """Voucher id → the word that stands on it today."""
    if not voucher_ids:
        return {}
    found = rows(f"{_STANDING} AND p.voucher_id = ANY (%s)", [on, list(voucher_ids)])
    return {row[1]: Parting(*row) for row in found}


def due(programme_id: int, on: date, most: int) -> list[Parting]:
    """Words whose day has come, the earliest first; those that do not stand any more too."""
    found = rows(
        'SELECT p.id, p.voucher_id, p.guardian_id, p.kind, p.group_id, p."on", p.reason, p.waits, p.asked_at,'
        " p.takes_on FROM parting p WHERE p.programme_id = %s AND p.state = 'waiting' AND p.takes_on <= %s"
        " ORDER BY p.takes_on, p.id LIMIT %s",
        [programme_id, on, most],
    )
    return [Parting(*row) for row in found]


@dataclass(frozen=True, slots=True)
class GroupNamed:
    """A group in words; no personal data."""

    uuid: UUID
    code: str
    activity_kk: str
    activity_ru: str
    activity_en: str


def groups_named(group_ids: Collection[int]) -> dict[int, GroupNamed]:
    """Group → its names."""
    if not group_ids:
        return {}
    found = rows(
        "SELECT g.id, g.uuid, g.code, a.name_kk, a.name_ru, a.name_en FROM club_group g"
        " JOIN offering o ON o.id = g.offering_id JOIN activity a ON a.code = o.activity_id WHERE g.id = ANY (%s)",
        [list(group_ids)],
    )
    return {row[0]: GroupNamed(*row[1:]) for row in found}
