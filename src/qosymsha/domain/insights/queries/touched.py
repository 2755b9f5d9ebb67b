"""What was touched since a green run: each table is read once for the rows that later transactions wrote.

A row's `xmin` is the transaction that wrote it last. The horizon is the oldest transaction that still ran when the
green run began (`pg_snapshot_xmin`): whatever lies below it was seen by that run, and whatever commits late lies above
it, so nothing is jumped over. Rows taken away leave no trace here: the night's full run looks for them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime

from django.db import connection

MOST = 50_000  # of one subject; beyond, reading everything is cheaper than picking
_LIMIT = 4 * MOST
_NOTHING = "AND false"

# subject → the tables, and the columns in them, whose rows can break a promise about it.
TOUCHES: dict[str, tuple[tuple[str, str], ...]] = {
    "group": (
        ("seat", "group_id"),
        ("club_group", "id"),
        ("enrolment", "group_id"),
        ("choice_offer", "group_id"),
        ("transfer_request", "group_id"),
        ("group_wait", "group_id"),
    ),
    "lesson": (("session", "group_id"),),
    "slot": (("timetable_slot", "child_id"),),
    "seen": (("mark", "child_id"),),
    "day": (("mark", "day"),),
    "voucher": (("voucher", "id"), ("enrolment", "voucher_id"), ("voucher_history", "voucher_id")),
    "child": (("voucher", "child_id"), ("enrolment", "child_id")),
    "secret": (("person_secret", "subject_id"),),
    "enrolment": (("enrolment", "id"), ("enrolment_history", "enrolment_id")),
    "posting": (("ledger_posting", "id"),),
    "account": (("ledger_account", "id"), ("ledger_posting", "account_id")),
    "owner": (("ledger_account", "subject_id"), ("ledger_posting", "subject_id")),
    "sheet_row": (("sheet_row", "id"), ("claim_row", "sheet_row_id"), ("recovery_row", "sheet_row_id")),
    "claim": (
        ("claim", "id"),
        ("claim_row", "claim_id"),
        ("claim_offset", "claim_id"),
        ("claim_approval", "claim_id"),
        ("payment_line", "claim_id"),
        ("service_act", "claim_id"),
    ),
    "contract": (("contract", "id"), ("claim", "contract_id")),
    "payment_line": (("payment_line", "id"), ("bank_reply", "line_id")),
    "file": (("payment_file", "id"), ("payment_line", "file_id")),
    "reply": (("bank_reply", "id"),),
    "act": (("service_act", "id"), ("act_signature", "service_act_id")),
    "application": (("application", "id"), ("application_history", "application_id")),
    "month_sheet": (("month_sheet", "id"), ("month_sheet_history", "month_sheet_id")),
    "absence_case": (("absence_case", "id"), ("absence_case_history", "absence_case_id")),
    "transfer_request": (("transfer_request", "id"), ("transfer_request_history", "transfer_request_id")),
    "choice_list": (("choice_list", "id"), ("choice_list_history", "choice_list_id")),
    "choice_offer": (("choice_offer", "id"), ("choice_offer_history", "choice_offer_id")),
    "accreditation": (("accreditation", "id"), ("accreditation_history", "accreditation_id")),
    "admission_round": (
        ("admission_round", "id"),
        ("round_history", "round_id"),
        ("frozen_line", "round_id"),
        ("draw_secret", "round_id"),
        ("outcome", "round_id"),
    ),
    "choice_round": (
        ("choice_round", "id"),
        ("choice_round_history", "round_id"),
        ("choice_line", "round_id"),
        ("choice_secret", "round_id"),
        ("choice_entry", "round_id"),
        ("choice_outcome", "round_id"),
        ("choice_cutoff", "round_id"),
    ),
    "ward": (("guardianship", "child_id"),),
    "key": (("idempotency_key", "id"),),
    "refund": (("refund", "id"),),
    "money_day": (("money_day", "id"),),
}
_NEW = "age(t.xmin) <= (SELECT age('{horizon}'::xid8::xid))"
_PLAIN = "SELECT DISTINCT {columns} FROM {table} t WHERE {new}"
# Tables that grow for ever are found by an index, those that name a subject by another key through it.
_SCANS = {
    "ledger_posting": """
SELECT DISTINCT t.id, a.id AS account_id, a.subject_id FROM ledger_posting t
  LEFT JOIN ledger_entry e ON e.posting_id = t.id AND e.at = t.at LEFT JOIN ledger_account a ON a.id = e.account_id
 WHERE t.txid >= '{horizon}'::xid8""",
    "mark": """
SELECT DISTINCT t.child_id, t."on" - date '2000-01-01' AS day FROM mark t
 WHERE t.marked_at >= '{marked_from}' AND {new}""",
    "timetable_slot": "SELECT DISTINCT e.child_id FROM timetable_slot t JOIN enrolment e USING (group_id) WHERE {new}",
    "bank_reply": """
SELECT t.id, l.id AS line_id FROM bank_reply t LEFT JOIN payment_line l USING (end_to_end_id) WHERE {new}""",
}
_TOKEN = re.compile(r"/\*only (.+?)\*/", re.DOTALL)
_LIST = "@"


@dataclass(frozen=True, slots=True)
class Touched:
    """Subjects touched by transactions from `horizon` on; each table is read once, when first asked for.

    `marked_from`: no transaction from the horizon on has written a mark with an earlier instant.
    """

    horizon: int
    marked_from: datetime
    _rows: dict[str, dict[str, frozenset[int]] | None] = field(default_factory=dict)

    def ids(self, subject: str) -> frozenset[int] | None:
        """Ids of the subjects touched; None where they are too many to pick."""
        found: set[int] = set()
        for table, column in TOUCHES[subject]:
            rows = self._of(table)
            if rows is None:
                return None
            found |= rows[column]
        return frozenset(found) if len(found) <= MOST else None

    def narrowed(self, statement: str) -> str | None:
        """The statement with every `/*only subject column*/` asking for the touched ones; None where there are none.

        `or` stands between two subjects. A token with `@` is a condition of its own, in which the list of ids takes
        the place of `@`. Where a subject was touched too often, its token asks for nothing.
        """
        asked = [match.group(1) for match in _TOKEN.finditer(statement)]
        if asked and all(self._condition(token) == _NOTHING for token in asked):
            return None
        return _TOKEN.sub(lambda match: self._condition(match.group(1)), statement)

    def _condition(self, token: str) -> str:
        parts = []
        for alternative in token.split(" or "):
            subject, column = alternative.strip().split(" ", 1)
            ids = self.ids(subject)
            if ids is None:
                return ""
            if ids:
                listed = f"'{{{','.join(map(str, sorted(ids)))}}}'::bigint[]"
                parts.append(column.replace(_LIST, listed) if _LIST in column else f"{column} = ANY ({listed})")
        return f"AND ({' OR '.join(parts)})" if parts else _NOTHING

    def _of(self, table: str) -> dict[str, frozenset[int]] | None:
        if table not in self._rows:
            self._rows[table] = self._read(table)
        return self._rows[table]

    def _read(self, table: str) -> dict[str, frozenset[int]] | None:
        columns = sorted({column for pairs in TOUCHES.values() for of, column in pairs if of == table})
        scan = _SCANS.get(table, _PLAIN).format(
            columns=", ".join(columns),
            table=table,
            new=_NEW.format(horizon=self.horizon),
            horizon=self.horizon,
            marked_from=self.marked_from.isoformat(),
        )
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {', '.join(columns)} FROM ({scan} LIMIT {_LIMIT + 1}) x")  # noqa: S608
            rows = cursor.fetchall()
        if len(rows) > _LIMIT:
            return None
        return {column: frozenset(row[n] for row in rows if row[n] is not None) for n, column in enumerate(columns)}
