"""Vouchers come to life and change state: rows, history, and the money committed at birth."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from qosymsha.domain.ledger.rules import AccountKey, AccountKind, Draft
from qosymsha.domain.ledger.steps import post
from qosymsha.domain.vouchers.access import Action
from qosymsha.domain.vouchers.queries import VOUCHER_COLUMNS, VoucherFacts, children_with_live, rows
from qosymsha.domain.vouchers.rules import Award, VoucherRefusal, months_from
from qosymsha.domain.vouchers.states import Topic, VoucherState
from qosymsha.kernel import audit, outbox
from qosymsha.kernel.actor import Actor
from qosymsha.kernel.entropy import uuid4
from qosymsha.kernel.errors import Refused
from qosymsha.kernel.numbers import human_number

_ISSUE = """
WITH born AS (
    INSERT INTO voucher (uuid, number, territory_id, programme_id, child_id, slot, kind, line_id, rule_set_id,
                         application_id, state, reason, issued_at, accept_by, first_month, last_month, month_tiyn)
    SELECT a.uuid, a.number, %(territory)s, %(programme)s, a.child, a.slot, a.kind, a.line, %(rule_set)s,
           a.application, 'issued', '', %(at)s, %(accept_by)s, %(first)s, %(last)s, a.month_tiyn
    FROM unnest(%(uuids)s::uuid[], %(numbers)s::text[], %(children)s::bigint[], %(slots)s::text[], %(kinds)s::text[],
                %(lines)s::bigint[], %(applications)s::bigint[], %(amounts)s::bigint[])
        WITH ORDINALITY AS a (uuid, number, child, slot, kind, line, application, month_tiyn, no) ORDER BY a.no
    RETURNING id, number),
told AS (
    INSERT INTO voucher_history (voucher_id, seq, from_state, to_state, cause, at, actor_id)
    SELECT id, 1, '', 'issued', %(cause)s, %(at)s, %(actor)s FROM born ORDER BY id)
SELECT b.id FROM born b JOIN unnest(%(numbers)s::text[]) WITH ORDINALITY AS n (number, no) USING (number)
ORDER BY n.no"""


def issue_vouchers(  # noqa: PLR0913 (a voucher is born with all of its terms at once)
    *,
    awards: Sequence[Award],
    territory_id: int,
    programme_id: int,
    rule_set_id: int,
    months: tuple[date, date],
    month_tiyn: Mapping[str, int],
    accept_by: date,
    cause_key: str,
    actor: Actor,
    at: datetime,
) -> list[int]:
    """Issue a voucher per award and commit its money, free → held, one posting per line; ids in the awards' order.

    `months` are the first and last month (first days), `month_tiyn` the planning tariff per kind and month in tiyn. The
    caller holds `ledger.steps.lock_commitments` for the lines (LEDGER.md 3).

    Raises:
        Refused: `voucher_live` where a child holds a live voucher of the slot; `not_covered` where free money ends.
    """
    assert transaction.get_connection().in_atomic_block, "a voucher commits with its money"
    if not awards:
        return []
    _refuse_second_vouchers(awards, programme_id)
    values: dict[str, Any] = {
        **_columns(awards, month_tiyn),
        "territory": territory_id,
        "programme": programme_id,
        "rule_set": rule_set_id,
        "first": months[0],
        "last": months[1],
        "accept_by": accept_by,
        "cause": cause_key,
        "actor": actor.user_id,
        "at": at,
    }
    with connection.cursor() as cursor:
        cursor.execute(_ISSUE, values)
        ids = [voucher_id for (voucher_id,) in cursor.fetchall()]
    post(_commitments(awards, ids, month_tiyn, months_from(*months), cause_key), at=at)
    audit.record(
        actor=actor, at=at, action=Action.ISSUE, subject_kind="voucher", subject_ids=ids, territory_id=territory_id
    )
    outbox.tell(topic=Topic.ISSUED, subject_kind="voucher", subject_ids=ids, at=at)
    return ids


def _refuse_second_vouchers(awards: Sequence[Award], programme_id: int) -> None:
    for slot in sorted({a.slot for a in awards}):
        children = [a.child_id for a in awards if a.slot == slot]
        live = children_with_live(programme_id, slot, children)
        if live or len(set(children)) < len(children):
            raise Refused(VoucherRefusal.VOUCHER_LIVE, slot=slot, child_ids=sorted(live))


def _columns(awards: Sequence[Award], month_tiyn: Mapping[str, int]) -> dict[str, Any]:
    serials = rows("SELECT nextval('voucher_serial') FROM generate_series(1, %s)", [len(awards)])
    uuids = [uuid4() for _ in awards]
    return {
        "uuids": uuids,
        "numbers": _numbers([serial for (serial,) in serials], uuids),
        "children": [a.child_id for a in awards],
        "slots": [a.slot for a in awards],
        "kinds": [a.kind for a in awards],
        "lines": [a.line_id for a in awards],
        "applications": [a.application_id for a in awards],
        "amounts": [month_tiyn[a.kind] for a in awards],
    }


def _numbers(serials: Sequence[int], uuids: Sequence[UUID]) -> list[str]:
    """A number for each, in an order that only chance knows.

    Freed places go out in the order of the queue. A number that followed it would tell whoever reads it, a provider
    too, how far in front the child stood, and with the published coefficients its category.
    """
    found = [""] * len(uuids)
    for serial, place in zip(sorted(serials), sorted(range(len(uuids)), key=lambda i: uuids[i]), strict=True):
        found[place] = human_number("V", serial)
    return found


def _commitments(
    awards: Sequence[Award], ids: Sequence[int], month_tiyn: Mapping[str, int], months: int, cause_key: str
) -> list[Draft]:
    by_line: defaultdict[int, list[tuple[AccountKey, int]]] = defaultdict(list)
    for award, voucher_id in zip(awards, ids, strict=True):
        amount = month_tiyn[award.kind] * months
        by_line[award.line_id].append((AccountKey(AccountKind.HELD, award.line_id, voucher_id), amount))
    return [
        Draft("issue", f"{cause_key}:{line}", ((AccountKey(AccountKind.FREE, line), -sum(a for _, a in held)), *held))
        for line, held in sorted(by_line.items())
    ]


def lock_vouchers(voucher_ids: Sequence[int]) -> dict[int, VoucherFacts]:
    """Lock the vouchers, in the order of their ids, to the transaction's end; return those that exist.

    Whoever changes a voucher, its place or its held money takes this lock first.
    """
    assert transaction.get_connection().in_atomic_block, "a lock lives as long as its transaction"
    found = rows(
        f"SELECT {VOUCHER_COLUMNS} FROM voucher v WHERE v.id = ANY (%s) ORDER BY v.id FOR NO KEY UPDATE",  # noqa: S608
        [list(voucher_ids)],
    )
    return {row[0]: VoucherFacts(*row) for row in found}


def move_vouchers(  # noqa: PLR0913 (one line of history: what, whereto, why, who, when)
    voucher_ids: Sequence[int], to_state: VoucherState, *, reason: str = "", cause: str, actor: Actor, at: datetime
) -> None:
    """Bring the vouchers to a state and write their history; a transition the table does not hold is a bug."""
    if not voucher_ids:
        return
    ((moved,),) = rows(
        "SELECT move_vouchers(%s::bigint[], %s, %s, %s, %s, %s)",
        [list(voucher_ids), to_state.value, reason, cause, at, actor.user_id],
    )
    assert moved == len(voucher_ids), "each voucher exists and is named once"


def change_lines(changes: Sequence[tuple[int, int, str, int]]) -> None:
    """Have vouchers paid by another line from now on: (voucher, line, kind, planning tariff a month in tiyn)."""
    if not changes:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE voucher v SET line_id = c.line, kind = c.kind, month_tiyn = c.tiyn"
            " FROM unnest(%s::bigint[], %s::bigint[], %s::text[], %s::bigint[]) AS c (id, line, kind, tiyn)"
            " WHERE v.id = c.id",
            [list(column) for column in zip(*changes, strict=True)],
        )


def prolong(changes: Sequence[tuple[int, date]]) -> None:
    """Let vouchers be used up to a later last month (its first day): their money was committed on their line before."""
    if not changes:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE voucher v SET last_month = greatest(v.last_month, c.last)"
            " FROM unnest(%s::bigint[], %s::date[]) AS c (id, last) WHERE v.id = c.id",
            [list(column) for column in zip(*changes, strict=True)],
        )
