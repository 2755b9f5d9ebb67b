"""The city of `bench.money`: `bench.month_city` with many small providers, a confirmed month, a payer, an approver."""

from __future__ import annotations

import resource
import time
from datetime import date
from itertools import count
from typing import Any

# The city's module has set Django up.
from django.db import connection, transaction
from django.db.backends.postgresql.psycopg_any import DateRange

from bench.month_city import MONTH, SYSTEM, City
from qosymsha.domain.ledger import queries as ledger
from qosymsha.domain.ledger import steps as money
from qosymsha.domain.ledger.rules import AccountKey, AccountKind, Draft
from qosymsha.domain.people import queries as people
from qosymsha.domain.programmes.models import Programme
from qosymsha.domain.settlement import commands
from qosymsha.domain.settlement.models import Claim
from qosymsha.interfaces.jobs.money import PROVIDERS_AT_ONCE
from qosymsha.kernel import clock
from qosymsha.kernel.entropy import uuid4

PAYER, APPROVER = 90_000_011, 90_000_012
_IBAN = "KZ699990000000000001"
_returned = count(1)


def founded(providers: int, children: int) -> City:
    """Made up to the sheets for payment; every provider has an account."""
    city = City(providers * children, group=children // 2, groups=2, lessons=4)
    city.make()
    city.freeze()
    city.speak()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("UPDATE provider SET iban = %s", [_IBAN])
        for user, role in ((PAYER, "payer"), (APPROVER, "approver")):
            cursor.execute(
                "INSERT INTO app_user (id, uuid, password, subject, language, is_active)"
                " VALUES (%s, gen_random_uuid(), '', %s, 'ru', true)", [user, f"bench:{user}"],
            )  # fmt: skip
            cursor.execute(
                "INSERT INTO membership (user_id, role, territory_id, valid) VALUES (%s, %s, 1, %s)",
                [user, role, DateRange(date(2020, 1, 1), None)],
            )
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE)")
    return city


def month_path() -> str:
    """The page that closes the month."""
    return f"/ru/office/closing/{Programme.objects.get().uuid}/{MONTH.year}-{MONTH.month}/"


def one_part() -> str:
    """The first part of a draw of claims: seconds, statements, what this process holds at most."""
    sent = [0]

    def counted(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        sent[0] += 1
        return execute(sql, params, many, context)

    begun = time.perf_counter()
    with connection.execute_wrapper(counted):
        drawn = commands.draw_claims(
            actor=SYSTEM, programme_id=1, provider_ids=range(1, PROVIDERS_AT_ONCE + 1), month=MONTH, at=clock.read(),
            key=uuid4(),
        )  # fmt: skip
    took, peak = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return f"{len(drawn)} claims, {took:.2f} s, {sent[0]} statements, peak {peak} MB"


def given_back() -> int:
    """A voucher's money goes back to its line, as when a family gives it back."""
    child = next(_returned)
    held, back = AccountKey(AccountKind.HELD, 1, child), AccountKey(AccountKind.RELEASED, 1)
    with transaction.atomic():
        money.post([Draft("given_back", str(child), ((held, -100), (back, 100)))], at=clock.read())
    return 200


def signed() -> None:
    """Approved by one, released by another."""
    at = clock.read()
    for user, verb in ((APPROVER, commands.approve_claims), (PAYER, commands.release_claims)):
        ids = list(Claim.objects.order_by("id").values_list("id", flat=True))
        verb(actor=people.actor_for(user, at), programme_id=1, claim_ids=ids, at=at, key=uuid4())


def checked() -> str:
    """Nothing twice, and the line's accounts sum to zero."""
    assert ledger.unbalanced_lines() == []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT count(*) FROM claim), (SELECT count(DISTINCT contract_id) FROM claim),"
            " (SELECT count(*) FROM claim_row), (SELECT count(DISTINCT sheet_row_id) FROM claim_row),"
            " (SELECT count(*) FROM service_act), (SELECT count(*) FROM payment_line),"
            " (SELECT count(*) FROM closed_month)"
        )
        names = ("claims", "contracts", "rows", "sheet rows", "acts", "payments", "closed months")
        return ", ".join(f"{n:,} {name}" for name, n in zip(names, cursor.fetchone(), strict=True))
