"""A clean state for the checker, made by commands; and plants: what somebody with the database in hand would do."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.backends.postgresql.psycopg_any import DateRange
from django.test import override_settings

from qosymsha.domain.insights.queries.marks import Start
from qosymsha.domain.insights.queries.touched import Touched
from qosymsha.domain.ledger.queries import totals
from qosymsha.domain.programmes.models import BudgetLine, BudgetPlan, Programme
from qosymsha.domain.settlement.commands import (
    apply_replies,
    approve_claims,
    draw_claims,
    draw_payment_file,
    explain_money,
    release_claims,
    send_payment_file,
)
from qosymsha.domain.settlement.models import Claim, PaymentLine
from qosymsha.domain.settlement.ports import Reply, ReplyStatus
from qosymsha.domain.witness.access import Action as Reads
from qosymsha.domain.witness.commands import sign_checkpoint
from qosymsha.kernel import audit
from qosymsha.kernel.entropy import uuid4
from tests.factories import admission
from tests.factories.settlement import (
    APPROVER,
    AT,
    JANUARY,
    PAYER,
    PAYER_OFFICIAL,
    SYSTEM,
    City,
    add_group,
    add_provider,
    city,
    enrol,
    promise,
    row,
    sheet,
)

REQUEST = "00000000000000aa"
LATER = 1_000_000  # transactions further on
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
LINKS = 3


@dataclass(frozen=True, slots=True)
class World:
    """A clean state, and where an increment begins that has seen all of it."""

    home: City
    horizon: int
    files: dict[str, int]

    def after(self) -> Start:
        """A start behind all that commands wrote, but for the last link; fresh each time: it keeps what it reads."""
        ((seq, link),) = sql(
            "SELECT seq, encode(hash, 'hex') FROM audit_link ORDER BY seq OFFSET %s LIMIT 1", LINKS - 2
        )
        reached = {"seq": seq, "hash": link, "low": "0", "files": self.files}
        return Start(Touched(self.horizon, LONG_AGO), reached)

    def behind(self) -> Start:
        """A start behind everything that a test plants too."""
        ((seq, link),) = sql("SELECT seq, encode(hash, 'hex') FROM audit_link ORDER BY seq DESC LIMIT 1")
        horizon = self.horizon + 2 * LATER
        reached = {"seq": seq, "hash": link, "low": str(horizon), "files": {log().name: log().stat().st_size}}
        return Start(Touched(horizon, LONG_AGO), reached)


@contextmanager
def world_of_commands(blocker: Any, folder: Path) -> Iterator[World]:
    """One clean state in one transaction, taken back at the end; its outside witnesses in a folder."""
    outside = {"CHECKPOINTS": str(folder / "checkpoints"), "REQUEST_LOG": str(folder / "requests")}
    with blocker.unblock(), override_settings(**outside):
        outer = transaction.atomic()
        outer._from_testcase = True
        outer.__enter__()
        try:
            home = settled_city()
            allocated_round()
            sealed_day()
            linked()
            assert sign_checkpoint(at=AT)
            audit.record(
                actor=SYSTEM,
                at=AT,
                action=Reads.READ,
                subject_kind="child",
                subject_ids=[1],
                detail={"request": REQUEST},
            )
            noted(REQUEST)
            sql("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")
            yield World(home, next_horizon(), {log().name: log().stat().st_size})
        finally:
            transaction.set_rollback(True)
            outer.__exit__(None, None, None)


def next_horizon() -> int:
    """A transaction id above every one that has written until now: savepoints have ids of their own, in order."""
    with transaction.atomic():
        sql("CREATE TEMP TABLE IF NOT EXISTS probe (n int)")
        ((txid,),) = sql("INSERT INTO probe VALUES (1) RETURNING xmin::text::bigint")
    return int(txid) + 1


def settled_city() -> City:
    """Three providers: one paid, one rejected, one still under way; and a claim that waits."""
    home = city(pay={"paid_absences_cap": 1})
    groups = [home.group, *(add_group(home, add_provider(home.territory))[1] for _ in range(3))]
    for group in groups:
        full, part = enrol(home, 2, group=group)
        promise(home, [full, part])
        on = sheet(home, group=group)
        row(on, full)
        row(on, part, (4, 1, 1, 2), "decided")
    outcomes = draw_claims(
        actor=SYSTEM,
        programme_id=home.programme.id,
        provider_ids=[g.provider_id for g in groups],
        month=JANUARY,
        at=AT,
        key=uuid4(),
    )
    signed = [o.id for o in outcomes if o.id][:3]
    for verb, actor in ((approve_claims, APPROVER), (release_claims, PAYER_OFFICIAL)):
        verb(actor=actor, programme_id=home.programme.id, claim_ids=signed, at=AT, key=uuid4())
    drawn = draw_payment_file(
        actor=PAYER_OFFICIAL, programme_id=home.programme.id, payer=PAYER, pay_on=AT.date(), at=AT, key=uuid4()
    )
    assert drawn.file_id
    send_payment_file(actor=PAYER_OFFICIAL, programme_id=home.programme.id, file_id=drawn.file_id, at=AT, key=uuid4())
    lines = PaymentLine.objects.order_by("id")
    said = (ReplyStatus.ACCEPTED, ReplyStatus.REJECTED)
    replies = [
        Reply(f"R{n}", line.end_to_end_id, status, line.amount_tiyn)
        for n, (line, status) in enumerate(zip(lines, said, strict=False))
    ]
    apply_replies(actor=SYSTEM, replies=replies, at=AT, key=uuid4())
    assert list(Claim.objects.order_by("id").values_list("state", flat=True)) == ["paid", "held", "in_file", "drawn"]
    return home


def allocated_round() -> admission.City:
    """A round of twelve applications for five places."""
    other = admission.City(money={"sport": admission.money_for(5)}, kato="790000000")
    the_round = other.opened()
    other.file(the_round, other.families(9) + other.families(3, categories=["orphan"]))
    other.run(the_round)
    return other


def sealed_day() -> None:
    """The budgets' documents behind the factories' postings, and every programme's money sealed."""
    for line in BudgetLine.objects.filter(budgetplan=None):
        given = -totals([line.id]).get(line.id, {}).get("approp", 0)
        if not given:
            continue
        BudgetPlan.objects.create(
            line=line,
            period=DateRange(date(line.fiscal_year, 1, 1), date(line.fiscal_year + 1, 1, 1)),
            amount_tiyn=given,
            decision="law 1",
            decided_at=AT,
            decided_by=1,
        )
    for programme in Programme.objects.all():
        assert explain_money(actor=SYSTEM, programme_id=programme.id, at=AT, key=uuid4()).differences == 0


def linked() -> None:
    """A true chain over the first events; their transaction still runs, so the sequencer would not take them."""
    sql(
        "DO $$ DECLARE e audit_event; n int := 0; last bytea := ''; BEGIN"
        f" FOR e IN SELECT * FROM audit_event ORDER BY id LIMIT {LINKS} LOOP n := n + 1;"
        " INSERT INTO audit_link (seq, event_id, event_at, prev_hash, hash)"
        " VALUES (n, e.id, e.at, last, sha256(last || audit_event_hash(e))) RETURNING hash INTO last;"
        " END LOOP; END $$"
    )


def log() -> Path:
    """The day's file of the request log."""
    return Path(settings.REQUEST_LOG) / f"{AT:%Y-%m-%d}.jsonl"


def noted(request: str, **changes: Any) -> None:
    """A line of the request log, as the signed pages write it: this request has shown one child."""
    line = {"at": AT.isoformat(), "request": request, "view": "x", "user": 1, "method": "GET", "status": 200}
    log().parent.mkdir(parents=True, exist_ok=True)
    with log().open("a") as file:
        file.write(json.dumps(line | {"children": 1, "unsealed": 1} | changes) + "\n")


# --- plants -----------------------------------------------------------------------------------------------------------


def sql(statement: str, *arguments: Any) -> list[tuple[Any, ...]]:
    """Rows of a statement, if it gives any."""
    with connection.cursor() as cursor:
        cursor.execute(statement, arguments or None)
        return cursor.fetchall() if cursor.description else []


def one(statement: str) -> Any:
    """The one value of a statement."""
    return sql(statement)[0][0]


def past_the_guards(statement: str, *arguments: Any) -> None:
    """As somebody with the database in hand would: no trigger and no foreign key speaks."""
    sql("SET LOCAL session_replication_role = replica")
    sql(statement, *arguments)


def copied(table: str, where: str = "true", *, most: int = 1, **changes: str) -> None:
    """Rows like the first that fit, with some columns (SQL expressions) changed; keys are made anew."""
    columns = [
        name
        for (name,) in sql(
            "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped"
            " AND attidentity = '' AND attgenerated = ''",
            table,
        )
    ]
    changes = {"uuid": "gen_random_uuid()"} | changes
    taken = ", ".join(changes.get(name, f'"{name}"') for name in columns)
    named = ", ".join(f'"{name}"' for name in columns)
    past_the_guards(f"INSERT INTO {table} ({named}) SELECT {taken} FROM {table} WHERE {where} ORDER BY 1 LIMIT {most}")


def does(*statements: str) -> Callable[[City], None]:
    """Plain statements past the guards."""

    def plant(_: City) -> None:
        for statement in statements:
            past_the_guards(statement)

    return plant


def copies(table: str, drops: str, where: str = "true", **changes: str) -> Callable[[City], None]:
    """A copied row, once what forbids it is dropped."""

    def plant(_: City) -> None:
        sql(drops)
        copied(table, where, **changes)

    return plant


def second_place(home: City) -> tuple[int, int]:
    """A child in two groups at once, past the unique index: (the child's first enrolment, the other group)."""
    sql("DROP INDEX enrolment_one_live_per_voucher")
    first = home.enrolments[0]
    other = one(
        f"SELECT id FROM club_group WHERE id <> {first.group_id} AND programme_id = {home.programme.id} LIMIT 1"
    )
    copied("enrolment", f"id = {first.id}", group_id=str(other))
    return first.id, other


def account(home: City, kind: str) -> int:
    """The home line's account of a kind without a subject, opened where it is not."""
    balance = "0" if kind == "free" else "NULL"
    past_the_guards(
        f"INSERT INTO ledger_account (kind, line_id, balance_tiyn, subject_id) VALUES (%s, %s, {balance}, 0)"
        " ON CONFLICT DO NOTHING",
        kind,
        home.line.id,
    )
    return int(one(f"SELECT id FROM ledger_account WHERE kind = '{kind}' AND line_id = {home.line.id}"))


def on_ledger(kind: str, *amounts: int) -> Callable[[City], None]:
    """Entries on an account of this kind that nothing stands against, in the oldest posting."""

    def plant(home: City) -> None:
        target = account(home, kind)
        for amount in amounts:
            sql(
                "INSERT INTO ledger_entry (at, posting_id, account_id, line_id, amount_tiyn)"
                " SELECT at, id, %s, %s, %s FROM ledger_posting ORDER BY id LIMIT 1",
                target,
                home.line.id,
                amount,
            )

    return plant


def posts(*legs: tuple[str, int]) -> Callable[[City], None]:
    """A posting of a later transaction with these entries (kind, tiyn), written by hand."""

    def plant(home: City) -> None:
        accounts = [(account(home, kind), amount) for kind, amount in legs]
        ((posting, at),) = sql(
            "INSERT INTO ledger_posting (at, cause_kind, cause_key, txid) VALUES (now(), 'by hand', %s,"
            " (pg_current_xact_id()::text::bigint + %s)::text::xid8) RETURNING id, at",
            f"{uuid4()}",
            LATER,
        )
        for target, amount in accounts:
            sql(
                "INSERT INTO ledger_entry (at, posting_id, account_id, line_id, amount_tiyn)"
                " VALUES (%s, %s, %s, %s, %s)",
                at,
                posting,
                target,
                home.line.id,
                amount,
            )

    return plant
