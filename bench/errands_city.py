"""The city of `bench.errands`: a round that half a million families filed in, another open beside it, an officer.

On top of `bench.rush_city`, by COPY: nothing is filed by a page but what the bench files meanwhile. All is invented.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from django.db import connection, transaction
from django.db.backends.postgresql.psycopg_any import DateRange

from bench.rush_city import FAMILY, KINDS, RushCity, Sizes, found
from qosymsha.domain.allocation import draw
from qosymsha.domain.people.queries import binding
from qosymsha.domain.programmes.models import BudgetLine, Programme, RuleSet
from qosymsha.domain.programmes.rules import Rules
from qosymsha.interfaces.ui.sessions import SessionStore
from qosymsha.kernel import cipher, clock

HOLDERS, GROUPS = 2_000, 100
OFFICERS = (90_000_001, 90_000_002)
SECRETS = {"akimat": b"a" * 32, "parents": b"b" * 32}
BEACON = b"the value that both officers read"
CLAIMING = 0.3  # of the children; as in the demo, most are general
_APPLICATIONS = """
COPY application (id, uuid, number, territory_id, programme_id, round_id, child_id, guardian_id, slot, kind, segment,
                  age, claims, category, line_id, state, reason, submitted_at) FROM STDIN"""
_HISTORY = """
INSERT INTO application_history (application_id, seq, from_state, to_state, cause, at, actor_id)
SELECT id, 1, '', 'submitted', 'filed', submitted_at, guardian_id FROM application ORDER BY id"""
_UNANSWERED = (  # every second of those who hold one already
    "UPDATE voucher SET state = 'issued', accept_by = now()::date + 5 WHERE id % 2 = 0",
    "DELETE FROM voucher_history h USING voucher v WHERE v.id = h.voucher_id AND v.id % 2 = 0 AND h.seq = 2",
)
_MONEY = """
INSERT INTO ledger_account (id, kind, line_id, subject_id, month, balance_tiyn)
SELECT 50 + l * 2, 'approp', l, 0, NULL, NULL FROM unnest(%(new)s::int[]) l;
INSERT INTO ledger_account (id, kind, line_id, subject_id, month, balance_tiyn)
SELECT 51 + l * 2, 'free', l, 0, NULL, 0 FROM unnest(%(new)s::int[]) l;
INSERT INTO ledger_posting (id, at, cause_kind, cause_key) VALUES (2, %(at)s, 'bench', '2');
INSERT INTO budget_plan (line_id, period, amount_tiyn, decision, decided_at, decided_by)
SELECT l, %(years)s::daterange, %(money)s, 'bench', %(at)s, 0 FROM unnest(%(all)s::int[]) l;
INSERT INTO ledger_entry (at, posting_id, account_id, line_id, amount_tiyn)
SELECT %(at)s, 2, id, line_id, CASE kind WHEN 'free' THEN %(money)s ELSE -%(money)s END FROM ledger_account
 WHERE kind IN ('free', 'approp');
UPDATE ledger_account SET balance_tiyn = balance_tiyn + %(money)s WHERE kind = 'free'"""
_ROUNDS = """
INSERT INTO admission_round (id, uuid, number, territory_id, programme_id, rule_set_id, state, opens_at, closes_at,
       first_month, last_month, beacon_name, terms, cancel_reason)
SELECT 2, gen_random_uuid(), 'R-000002-X', 1, 2, 2, 'open', opens_at, closes_at, first_month, last_month, 'typed:bench',
       '', '' FROM admission_round WHERE id = 1;
INSERT INTO draw_secret (round_id, party, commitment) SELECT 2, party, commitment FROM draw_secret WHERE round_id = 1;
SELECT setval(pg_get_serial_sequence('admission_round', 'id'), 10);
SELECT setval(pg_get_serial_sequence('ledger_posting', 'id'), 10);
SELECT setval(pg_get_serial_sequence('application', 'id'), %(last)s)"""


@dataclass(frozen=True, slots=True)
class ErrandCity:
    """The full round by uuid, an open one of another programme beside it, and who files and takes places meanwhile."""

    round: UUID
    rush: RushCity
    elsewhere: UUID


def founded(applications: int) -> ErrandCity:
    """Make it in an empty, migrated database: places for every second application of each kind."""
    rush = found(Sizes(applications, HOLDERS, GROUPS))
    at = clock.read()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        _second_programme()
        _officers(cursor, at)
        _money(cursor, applications, at)
        cursor.execute(_ROUNDS, {"last": FAMILY + 60_000_000})
        for party, secret in SECRETS.items():
            cursor.execute("UPDATE draw_secret SET commitment = %s WHERE party = %s", [draw.commitment(secret), party])
        ids = range(FAMILY, FAMILY + applications)
        _claims(cursor, ids, at)
        _applications(cursor, ids, at)
        cursor.execute(_HISTORY)
        for statement in _UNANSWERED:
            cursor.execute(statement)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE)")
        cursor.execute("SELECT uuid FROM admission_round ORDER BY id")
        one, other = (uuid for (uuid,) in cursor.fetchall())
    return ErrandCity(one, rush, other)


def strong(officer: int) -> str:
    """The officer's session as it is just after a second factor; its cookie."""
    now = clock.read().isoformat()
    content = {"user": officer, "since": now, "seen": now, "strong_at": now, "strong_way": "totp"}
    key = f"{'officer':a<24}{officer}"
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO django_session (session_key, session_data, expire_date) VALUES (%s, %s, %s)"
            " ON CONFLICT (session_key) DO UPDATE SET session_data = excluded.session_data",
            [key, SessionStore().encode(content), clock.read() + timedelta(days=1)],
        )
    return key


def window_ends() -> None:
    """The full round's last instant is now."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")  # in truth it is written once
        cursor.execute("UPDATE admission_round SET closes_at = now() WHERE id = 1")


def _second_programme() -> None:
    first = RuleSet.objects.get(pk=1)
    programme = Programme.objects.create(id=2, territory_id=1, code="camps", name_kk="Мектеп", name_ru="Школа")
    for n, kind in enumerate(KINDS, 4):
        BudgetLine.objects.create(
            id=n, territory_id=1, programme=programme, department_id=1, kind=kind, code=str(463 + n),
            fiscal_year=BudgetLine.objects.get(pk=1).fiscal_year,
        )  # fmt: skip
    first.pk, first.uuid, first.programme = 2, uuid4(), programme
    first.save(force_insert=True)


def _officers(cursor: Any, at: datetime) -> None:
    for i in OFFICERS:
        cursor.execute(
            "INSERT INTO app_user (id, uuid, password, subject, language, is_active)"
            " VALUES (%s, gen_random_uuid(), '', %s, 'ru', true)", [i, f"bench:{i}"],
        )  # fmt: skip
        cursor.execute(
            "INSERT INTO membership (user_id, role, territory_id, valid) VALUES (%s, 'programme_officer', 1, %s)",
            [i, DateRange(date(2020, 1, 1), None)],
        )


def _money(cursor: Any, applications: int, at: datetime) -> None:
    rules: Rules = _rules()
    dearest = max(rules.planning_tariff.values()) * 2  # two months of lessons
    today = clock.local_day(at)
    values = {
        "at": at, "new": [2, 3, 4, 5, 6], "all": [1, 2, 3, 4, 5, 6], "money": dearest * (applications // 6 + 100),
        "years": DateRange(date(today.year - 1, 1, 1), date(today.year + 2, 1, 1)),
    }  # fmt: skip
    for statement in _MONEY.split(";\n"):
        cursor.execute(statement, values)


def _rules() -> Rules:
    from qosymsha.domain.programmes.queries import rules_of  # noqa: PLC0415 - beside its one use

    return rules_of(1).rules


def _claims(cursor: Any, ids: range, at: datetime) -> None:
    codes = [one.code for one in _rules().categories if one.code != "general"]
    dice = random.Random(7)  # noqa: S311 - invented children
    columns = "child_id, category, source, evidence, state, valid, certified_at, certified_by"
    years = "[2024-01-01,2030-01-01)"
    with cursor.copy(f"COPY child_status ({columns}) FROM STDIN") as copy:
        for i in ids:
            if dice.random() < CLAIMING:
                copy.write_row((i, dice.choice(codes), "register", f"E-{i}", "certified", years, at, 0))


def _applications(cursor: Any, ids: range, at: datetime) -> None:
    with cursor.copy(_APPLICATIONS) as copy:
        for i, ticket in _tickets(ids):
            kind = KINDS[i % len(KINDS)]
            line = draw.line_id(ticket)
            copy.write_row((i, UUID(int=i), f"AB-{i}", 1, 1, 1, i, i, "main", kind, kind, 10, "[]", "", line,
                            "submitted", "", at))  # fmt: skip
    columns = "subject_kind, subject_id, key_id, nonce, ciphertext, lookup, name_tokens"
    with cursor.copy(f"COPY person_secret ({columns}) FROM STDIN") as copy:
        for i, ticket in _tickets(ids):
            sealed = cipher.seal(ticket, bound_to=binding("application", i))
            copy.write_row(("application", i, sealed.key_id, sealed.nonce, sealed.ciphertext, None, []))


def _tickets(ids: range) -> Iterator[tuple[int, bytes]]:
    return ((i, hashlib.sha256(b"bench %d" % i).digest()[: draw.TICKET_BYTES]) for i in ids)
