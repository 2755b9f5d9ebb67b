"""Who is granted and by what money: what vouchers are issued from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.db import connection

from qosymsha.domain.vouchers.models import LIVE_VOUCHER

_GRANTED = """
SELECT a.line_id, a.id, a.child_id, a.slot, a.kind,
       EXISTS (SELECT 1 FROM voucher v WHERE v.child_id = a.child_id AND v.programme_id = a.programme_id
               AND v.slot = a.slot AND v.state = ANY(%s))
  FROM application a JOIN outcome o ON o.application_id = a.id
 WHERE a.round_id = %s AND o.segment = %s AND a.line_id > %s AND o.result = 'granted' AND a.state = 'granted'
 ORDER BY a.line_id LIMIT %s"""


@dataclass(frozen=True, slots=True)
class Granted:
    """An application that won a place; `holds_voucher` where the child got a voucher by another way since the close."""

    id: int
    child_id: int
    slot: str
    kind: str
    holds_voucher: bool


def granted_in(round_id: int, segment: str, chunk: int) -> Iterator[list[Granted]]:
    """The granted applications of a segment, chunk by chunk, in the order of line ids: all of them get a voucher.

    Not by rank: what is born in that order (a number, an id) would tell it, and with it a category.
    """
    last = b""
    while True:
        with connection.cursor() as cursor:
            cursor.execute(_GRANTED, [LIVE_VOUCHER, round_id, segment, last, chunk])
            rows = cursor.fetchall()
        if not rows:
            return
        last = bytes(rows[-1][0])
        yield [Granted(*row[1:]) for row in rows]
