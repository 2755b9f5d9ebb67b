"""Reads for the operator's verbs and exports: numbers and states, never a name of a person. Read-only statements."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db import connection, transaction

from qosymsha.interfaces.files.exports import Value


@dataclass(frozen=True, slots=True)
class ClaimLine:
    """A claim as approvals name it."""

    id: int
    number: str
    provider: str
    month: date
    units: int
    amount_tiyn: int
    state: str
    signatures: int


@dataclass(frozen=True, slots=True)
class FileLine:
    """A payment file as the payer names it."""

    id: int
    number: str
    state: str
    payments: int
    total_tiyn: int
    receipt: str


_CLAIMS = """
SELECT c.id, c.number, p.number, c.month, c.units, c.amount_tiyn, c.state,
       (SELECT count(*) FROM claim_approval a WHERE a.claim_id = c.id AND a.turn = c.turn)
  FROM claim c JOIN provider p ON p.id = c.provider_id
 WHERE c.programme_id = %s AND (%s = '' OR c.state = %s) ORDER BY c.id"""
_FILES = """
SELECT f.id, f.number, f.state, (SELECT count(*) FROM payment_line l WHERE l.file_id = f.id), f.total_tiyn, f.receipt
  FROM payment_file f WHERE f.programme_id = %s AND (%s = '' OR f.state = %s) ORDER BY f.id"""
_CONTENT = "SELECT content, content_hash, coalesce(signature, '') FROM payment_file WHERE id = %s"
_PROVIDERS = "SELECT DISTINCT provider_id FROM contract WHERE programme_id = %s ORDER BY 1"

# Each export: its columns in the order of the statement; %(programme)s is the only parameter.
EXPORTS: dict[str, tuple[str, str]] = {
    "providers": (
        "number,bin,name,iban,accreditation,accredited_from,accredited_until,contracts,volume_tenge",
        """
SELECT p.number, p.bin, p.name, p.iban, a.state, lower(a.valid), upper(a.valid) - 1, count(c.id),
       (coalesce(sum(c.volume_tiyn), 0) / 100.0)::numeric(20, 2)
  FROM provider p
  LEFT JOIN LATERAL (SELECT state, valid FROM accreditation a WHERE a.provider_id = p.id
                      AND a.programme_id = %(programme)s ORDER BY a.id DESC LIMIT 1) a ON true
  LEFT JOIN contract c ON c.provider_id = p.id AND c.programme_id = %(programme)s AND c.state = 'signed'
 GROUP BY p.id, a.state, a.valid ORDER BY p.id""",
    ),
    "groups": (
        "provider,code,kind,activity,language,age_min,age_max,capacity,taken,tariff_tenge,lessons_a_month,first_day,"
        "last_day,district,address,state",
        """
SELECT p.number, g.code, g.kind, o.activity_id, g.language, g.age_min, g.age_max, g.capacity,
       coalesce(s.taken, 0), (g.unit_tariff_tiyn / 100.0)::numeric(20, 2), g.units_per_month,
       lower(g.valid), upper(g.valid) - 1, t.name_ru, v.address_ru, g.state
  FROM club_group g JOIN provider p ON p.id = g.provider_id JOIN offering o ON o.id = g.offering_id
  JOIN venue v ON v.id = g.venue_id JOIN territory t ON t.id = v.district_id LEFT JOIN seat s ON s.group_id = g.id
 WHERE g.programme_id = %(programme)s ORDER BY g.id""",
    ),
    "applications": (
        "number,round,kind,age,state,reason,submitted_at,rank,waiting_rank",
        """
SELECT a.number, r.number, a.kind, a.age, a.state, a.reason, a.submitted_at, o.rank, o.waiting_rank
  FROM application a JOIN admission_round r ON r.id = a.round_id LEFT JOIN outcome o ON o.application_id = a.id
 WHERE a.programme_id = %(programme)s ORDER BY a.id""",
    ),
    "vouchers": (
        "number,kind,state,reason,issued_at,accept_by,first_month,last_month,month_tenge",
        """
SELECT number, kind, state, reason, issued_at, accept_by, first_month, last_month, (month_tiyn / 100.0)::numeric(20, 2)
  FROM voucher WHERE programme_id = %(programme)s ORDER BY id""",
    ),
    "claims": (
        "number,provider,contract,month,lessons,amount_tenge,state,reason,drawn_at,hash",
        """
SELECT c.number, p.number, k.number, c.month, c.units, (c.amount_tiyn / 100.0)::numeric(20, 2), c.state, c.reason,
       c.drawn_at, encode(c.hash, 'hex')
  FROM claim c JOIN provider p ON p.id = c.provider_id JOIN contract k ON k.id = c.contract_id
 WHERE c.programme_id = %(programme)s ORDER BY c.id""",
    ),
    "ledger": (
        "posting,at,cause,cause_key,reverses,line,kind,account,subject,month,amount_tenge",
        """
SELECT p.id, p.at, p.cause_kind, p.cause_key, p.reverses, b.code || ' ' || b.fiscal_year, b.kind, a.kind, a.subject_id,
       a.month, (e.amount_tiyn / 100.0)::numeric(20, 2)
  FROM ledger_entry e JOIN ledger_posting p ON p.id = e.posting_id AND p.at = e.at
  JOIN ledger_account a ON a.id = e.account_id JOIN budget_line b ON b.id = e.line_id
 WHERE b.programme_id = %(programme)s ORDER BY e.posting_id, e.id""",
    ),
}


def claims(programme_id: int, state: str = "") -> list[ClaimLine]:
    """The programme's claims, all or of a state."""
    return [ClaimLine(*row) for row in _rows(_CLAIMS, [programme_id, state, state])]


def files(programme_id: int, state: str = "") -> list[FileLine]:
    """The programme's payment files, all or of a state."""
    return [FileLine(*row) for row in _rows(_FILES, [programme_id, state, state])]


def file_content(file_id: int) -> tuple[bytes, bytes, bytes]:
    """A payment file's bytes, their SHA-256 and the house's signature."""
    ((content, content_hash, signature),) = _rows(_CONTENT, [file_id])
    return bytes(content), bytes(content_hash), bytes(signature)


def providers(programme_id: int) -> list[int]:
    """Providers who have or had a contract of the programme."""
    return [row[0] for row in _rows(_PROVIDERS, [programme_id])]


@contextmanager
def exported(name: str, programme_id: int) -> Iterator[Iterator[Sequence[Value]]]:
    """The rows of an export, streamed from one snapshot."""
    connection.ensure_connection()
    with transaction.atomic(), connection.connection.cursor(name="export") as cursor:
        cursor.itersize = 2_000
        cursor.execute(EXPORTS[name][1], {"programme": programme_id})
        yield iter(cursor)


def _rows(statement: str, arguments: Sequence[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, arguments)
        return list(cursor.fetchall())
