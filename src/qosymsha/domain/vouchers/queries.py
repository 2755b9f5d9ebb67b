"""Reading vouchers, places and seats. What shows a child's record to a person takes the actor and is audited."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

from qosymsha.domain.vouchers.access import ALLOWED, Action
from qosymsha.domain.vouchers.rules import month_end
from qosymsha.domain.witness import reading
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.errors import Forbidden


@dataclass(frozen=True, slots=True)
class VoucherFacts:
    """A voucher's own row; `accept_by` is a day, months are their first days, amounts are tiyn."""

    id: int
    child_id: int
    territory_id: int
    programme_id: int
    slot: str
    kind: str
    line_id: int
    rule_set_id: int
    state: str
    accept_by: date
    first_month: date
    last_month: date
    month_tiyn: int


@dataclass(frozen=True, slots=True)
class EnrolmentFacts:
    """A place's own row; `ends_on` is the last day, None while open; `promised_month` the last month with money."""

    id: int
    voucher_id: int
    child_id: int
    group_id: int
    provider_id: int
    line_id: int
    territory_id: int
    programme_id: int
    state: str
    starts_on: date
    ends_on: date | None
    unit_tariff_tiyn: int
    promised_month: date


class OwnVoucher(NamedTuple):
    """A voucher as the child's family sees it; `group_*` name its live place, empty where there is none."""

    id: int
    uuid: UUID
    number: str
    child_id: int
    kind: str
    state: str
    reason: str
    accept_by: date
    first_month: date
    last_month: date
    month_tiyn: int
    group_kk: str
    group_ru: str
    group_en: str
    group_code: str
    starts_on: date | None


class Standing(NamedTuple):
    """How a voucher stands, for whoever holds its paper: not whose it is, nor where it is used."""

    number: str
    kind: str
    state: str
    first_month: date
    last_month: date


VOUCHER_COLUMNS = (
    "v.id, v.child_id, v.territory_id, v.programme_id, v.slot, v.kind, v.line_id, v.rule_set_id, v.state, v.accept_by,"
    " v.first_month, v.last_month, v.month_tiyn"
)
ENROLMENT_COLUMNS = (
    "e.id, e.voucher_id, e.child_id, e.group_id, e.provider_id, e.line_id, e.territory_id, e.programme_id, e.state,"
    " e.starts_on, e.ends_on, e.unit_tariff_tiyn, e.promised_month"
)


def rows(statement: str, arguments: Sequence[Any] | Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """All rows of a statement."""
    with connection.cursor() as cursor:
        cursor.execute(statement, arguments)
        return list(cursor.fetchall())


def vouchers_by_state(programme_id: int) -> dict[str, int]:
    """How many vouchers of a programme are in each state; closed ones as `closed:<reason>`."""
    return dict(
        rows(
            "SELECT CASE state WHEN 'closed' THEN 'closed:' || reason ELSE state END, count(*) FROM voucher"
            " WHERE programme_id = %s GROUP BY 1 ORDER BY 1",
            [programme_id],
        )
    )


def enrolments_by_state(programme_id: int) -> dict[str, int]:
    """How many places of a programme are in each state; ended ones as `ended:<reason>`."""
    return dict(
        rows(
            "SELECT CASE state WHEN 'ended' THEN 'ended:' || reason ELSE state END, count(*) FROM enrolment"
            " WHERE programme_id = %s GROUP BY 1 ORDER BY 1",
            [programme_id],
        )
    )


def vouchers_in_state(  # noqa: PLR0913 (a page: where it begins and how long it is)
    *, actor: Actor, programme_id: int, state: str, at: datetime, after: int = 0, limit: int = 20_000
) -> list[VoucherFacts]:
    """A page of a programme's vouchers in a state, by id above `after`; an audited read."""
    found = rows(
        f"SELECT {VOUCHER_COLUMNS} FROM voucher v WHERE v.programme_id = %s AND v.state = %s AND v.id > %s"  # noqa: S608
        " ORDER BY v.id LIMIT %s",
        [programme_id, state, after, limit],
    )
    return _shown(actor, [VoucherFacts(*row) for row in found], at)


def vouchers_of_children(*, actor: Actor, child_ids: Sequence[int], at: datetime) -> list[VoucherFacts]:
    """The vouchers of some children, newest first; an audited read. Whose children they are is the caller's query."""
    found = rows(
        f"SELECT {VOUCHER_COLUMNS} FROM voucher v WHERE v.child_id = ANY (%s) ORDER BY v.id DESC",  # noqa: S608
        [list(child_ids)],
    )
    return _shown(actor, [VoucherFacts(*row) for row in found], at)


def own_vouchers(*, actor: Actor, at: datetime) -> list[OwnVoucher]:
    """The vouchers of a guardian's own children, or a youth's own, newest first, each with its live place; audited.

    Raises:
        Forbidden: the actor is neither.
    """
    require(actor, Action.READ_OWN, ALLOWED)
    if actor.guardian_id is None:
        raise Forbidden(Action.READ_OWN)
    found = rows(
        "SELECT v.id, v.uuid, v.number, v.child_id, v.kind, v.state, v.reason, v.accept_by, v.first_month,"
        " v.last_month, v.month_tiyn, coalesce(a.name_kk, ''), coalesce(a.name_ru, ''), coalesce(a.name_en, ''),"
        " coalesce(k.code, ''), e.starts_on FROM voucher v LEFT JOIN LATERAL (SELECT group_id, starts_on FROM enrolment"
        " WHERE voucher_id = v.id AND state = 'active' ORDER BY id DESC LIMIT 1) e ON true"
        " LEFT JOIN club_group k ON k.id = e.group_id LEFT JOIN offering o ON o.id = k.offering_id"
        " LEFT JOIN activity a ON a.code = o.activity_id"
        " WHERE v.child_id IN (SELECT g.child_id FROM guardianship g WHERE g.guardian_id = %s AND g.valid @> %s::date)"
        " ORDER BY v.id DESC",
        [actor.guardian_id, local_day(at)],
    )
    ids, children = [row[0] for row in found], {row[3] for row in found}
    reading.saw(actor=actor, at=at, action=Action.READ, kind="voucher", ids=ids, children=children)
    return [OwnVoucher._make(row) for row in found]


def standing(number: str) -> Standing | None:
    """How the voucher of a number stands; None for a number that nobody has."""
    found = rows("SELECT number, kind, state, first_month, last_month FROM voucher WHERE number = %s", [number])
    return Standing._make(found[0]) if found else None


def _shown(actor: Actor, vouchers: list[VoucherFacts], at: datetime) -> list[VoucherFacts]:
    _audited(actor, "voucher", [(v.id, v.territory_id, v.child_id) for v in vouchers], at)
    return vouchers


def _audited(actor: Actor, kind: str, read: Sequence[tuple[int, int, int]], at: datetime) -> None:
    """Ask and record a read of (id, territory, child) rows, a territory at a time."""
    for territory_id in sorted({territory for _, territory, _ in read}):
        require(actor, Action.READ, ALLOWED, territory_id=territory_id)
        there = [(i, child_id) for i, territory, child_id in read if territory == territory_id]
        reading.saw(
            actor=actor,
            at=at,
            action=Action.READ,
            kind=kind,
            ids=[i for i, _ in there],
            children={child_id for _, child_id in there},
            territory_id=territory_id,
        )


def children_with_live(programme_id: int, slot: str, child_ids: Sequence[int]) -> set[int]:
    """Those of the children who hold a live voucher of the programme and slot."""
    found = rows(
        # one index probe per child: with old statistics a filter `= ANY` compares each voucher with each child
        "SELECT v.child_id FROM unnest(%s::bigint[]) AS asked (id), LATERAL (SELECT child_id FROM voucher"
        " WHERE child_id = asked.id AND programme_id = %s AND slot = %s AND state <> 'closed' OFFSET 0) v",
        [list(child_ids), programme_id, slot],
    )
    return {child_id for (child_id,) in found}


def live_enrolments(voucher_ids: Sequence[int]) -> dict[int, EnrolmentFacts]:
    """Voucher id → its live place."""
    found = rows(
        f"SELECT {ENROLMENT_COLUMNS} FROM enrolment e WHERE e.voucher_id = ANY (%s) AND e.state <> 'ended'",  # noqa: S608
        [list(voucher_ids)],
    )
    return {row[1]: EnrolmentFacts(*row) for row in found}


def enrolments_of_groups(group_ids: Sequence[int], month: date) -> list[EnrolmentFacts]:
    """Every place of the groups with a day in the month, ended ones too, by group and id."""
    found = rows(
        f"SELECT {ENROLMENT_COLUMNS} FROM enrolment e WHERE e.group_id = ANY (%s) AND e.starts_on <= %s"  # noqa: S608
        " AND coalesce(e.ends_on, 'infinity') >= greatest(%s, e.starts_on) ORDER BY e.group_id, e.id",
        [list(group_ids), month_end(month), month.replace(day=1)],
    )
    return [EnrolmentFacts(*row) for row in found]


def enrolments(enrolment_ids: Sequence[int]) -> dict[int, EnrolmentFacts]:
    """Places by id."""
    found = rows(
        f"SELECT {ENROLMENT_COLUMNS} FROM enrolment e WHERE e.id = ANY (%s)",  # noqa: S608
        [list(enrolment_ids)],
    )
    return {row[0]: EnrolmentFacts(*row) for row in found}


@dataclass(frozen=True, slots=True)
class Waiting:
    """A transfer that waits: whose, who asked, where to, from which day, up to which day it waits."""

    id: int
    voucher_id: int
    guardian_id: int
    group_id: int
    line_id: int
    starts_on: date
    until: date


_WAITING = "t.id, t.voucher_id, t.guardian_id, t.group_id, t.line_id, t.starts_on, t.until"


def waiting_of(voucher_ids: Sequence[int]) -> dict[int, Waiting]:
    """Voucher id → its transfer that waits for another line's money."""
    found = rows(
        f"SELECT {_WAITING} FROM transfer_request t WHERE t.voucher_id = ANY (%s) AND t.state = 'waiting'",  # noqa: S608
        [list(voucher_ids)],
    )
    return {row[1]: Waiting(*row) for row in found}


def waiting_transfers(programme_id: int, on: date, a_line: int) -> list[Waiting]:
    """Waiting transfers that a run must look at: all whose last day is before `on`, and the first so many of a line
    that has free money, by id.
    """
    found = rows(
        f"SELECT {_WAITING} FROM (SELECT t.*, row_number() OVER (PARTITION BY t.line_id ORDER BY t.id) AS no,"  # noqa: S608
        " (SELECT a.balance_tiyn FROM ledger_account a WHERE a.kind = 'free' AND a.line_id = t.line_id) AS free"
        " FROM transfer_request t WHERE t.programme_id = %s AND t.state = 'waiting') t"
        " WHERE t.until < %s OR t.free > 0 AND t.no <= %s ORDER BY t.id",
        [programme_id, on, a_line],
    )
    return [Waiting(*row) for row in found]


def lines_waited_for(line_ids: Sequence[int]) -> set[int]:
    """Those of the lines whose free money transfers wait for."""
    found = rows(
        "SELECT DISTINCT line_id FROM transfer_request WHERE line_id = ANY (%s) AND state = 'waiting'",
        [list(line_ids)],
    )
    return {line_id for (line_id,) in found}


@dataclass(frozen=True, slots=True)
class TransferFacts:
    """A transfer that was queued, for its family; `before` counts who asked earlier for the same line and still waits.

    `reason` is a refusal's code: why it waits, or why it ended.
    """

    id: int
    voucher_id: int
    child_id: int
    territory_id: int
    group_id: int
    line_id: int
    starts_on: date
    state: str
    reason: str
    asked_at: datetime
    until: date
    enrolment_id: int | None
    before: int


_TRANSFERS = """
SELECT t.id, t.voucher_id, v.child_id, t.territory_id, t.group_id, t.line_id, t.starts_on, t.state, t.reason,
       t.asked_at, t.until, t.enrolment_id, (SELECT count(*) FROM transfer_request b WHERE t.state = 'waiting'
          AND b.line_id = t.line_id AND b.state = 'waiting' AND b.id < t.id)
  FROM transfer_request t JOIN voucher v ON v.id = t.voucher_id WHERE v.child_id = ANY (%s) ORDER BY t.id DESC"""


def transfers_of_children(*, actor: Actor, child_ids: Sequence[int], at: datetime) -> list[TransferFacts]:
    """Queued transfers of some children, newest first; an audited read. Whose children they are is the caller's query.

    Raises:
        Forbidden: the actor may not read vouchers there.
    """
    found = [TransferFacts(*row) for row in rows(_TRANSFERS, [list(child_ids)])]
    _audited(actor, "transfer_request", [(t.id, t.territory_id, t.child_id) for t in found], at)
    return found


@dataclass(frozen=True, slots=True)
class Queue:
    """Transfers that wait for a line's money: how many, what they need (tiyn, as asked), since when, up to when."""

    line_id: int
    waiting: int
    needed_tiyn: int
    first_asked_at: datetime
    next_until: date


def transfer_queues(programme_id: int) -> list[Queue]:
    """The queues of a programme's lines, for officials; no child is named."""
    found = rows(
        "SELECT line_id, count(*), sum(needed_tiyn)::bigint, min(asked_at), min(until) FROM transfer_request"
        " WHERE programme_id = %s AND state = 'waiting' GROUP BY 1 ORDER BY 1",
        [programme_id],
    )
    return [Queue(*row) for row in found]


def free_places(group_ids: Sequence[int]) -> dict[int, int]:
    """Group id → places still free; a group nobody asked for yet has them all."""
    found = rows(
        "SELECT g.id, g.capacity - coalesce(s.taken, 0) FROM club_group g LEFT JOIN seat s ON s.group_id = g.id"
        " WHERE g.id = ANY (%s)",
        [list(group_ids)],
    )
    return dict(found)


def left_over(group_ids: Sequence[int]) -> set[int]:
    """Those of the groups in which a choice round left places over."""
    found = rows("SELECT group_id FROM seat WHERE group_id = ANY (%s) AND is_left_over", [list(group_ids)])
    return {group_id for (group_id,) in found}


def unanswered(territory_id: int, on: date, after: int, limit: int) -> list[tuple[int, str, date, datetime, int]]:
    """Vouchers without a place by id above `after`: (id, state, accept_by, in this state since, rule set).

    While nobody speaks for the child no day passes; its days to choose begin anew with whoever does (guardians G-16).
    """
    found = rows(
        "SELECT v.id, v.state, v.accept_by, greatest(h.at, g.since AT TIME ZONE 'Asia/Almaty'), v.rule_set_id"
        " FROM voucher v JOIN LATERAL"
        " (SELECT at FROM voucher_history h WHERE h.voucher_id = v.id ORDER BY seq DESC LIMIT 1) h ON true"
        " JOIN LATERAL (SELECT min(lower(g.valid))::timestamp AS since FROM guardianship g"
        " WHERE g.child_id = v.child_id AND g.kind <> 'self' AND g.valid @> %s::date) g ON g.since IS NOT NULL"
        " WHERE v.territory_id = %s AND v.state IN ('issued', 'accepted', 'released') AND v.id > %s"
        " AND (v.state <> 'issued' OR v.accept_by < %s) ORDER BY v.id LIMIT %s",
        [on, territory_id, after, on, limit],
    )
    return [(i, state, accept_by, at, rule_set) for i, state, accept_by, at, rule_set in found]


def unpromised(programme_id: int, month: date, after: int, limit: int) -> list[tuple[int, int]]:
    """(enrolment, voucher) of active places whose money was last moved for the month before, by id above `after`."""
    found = rows(
        "SELECT e.id, e.voucher_id FROM enrolment e JOIN voucher v ON v.id = e.voucher_id WHERE e.programme_id = %s"
        " AND e.state = 'active' AND v.state = 'active' AND e.promised_month = (%s::date - interval '1 month')::date"
        " AND v.last_month >= %s AND e.id > %s ORDER BY e.id LIMIT %s",
        [programme_id, month, month, after, limit],
    )
    return [(enrolment_id, voucher_id) for enrolment_id, voucher_id in found]


def lines_of_programme(programme_id: int) -> list[int]:
    """The programme's budget lines of all years."""
    found = rows("SELECT id FROM budget_line WHERE programme_id = %s ORDER BY id", [programme_id])
    return [line_id for (line_id,) in found]
