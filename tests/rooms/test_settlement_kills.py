"""Killed at every statement and run again, the month ends in the same state, byte for byte (RELIABILITY.md, BAT-4)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any
from unittest.mock import patch
from uuid import UUID

import pytest
from django.db import connection, transaction

from qosymsha.domain.settlement import commands
from qosymsha.domain.settlement.commands import claims as claims_module
from qosymsha.domain.settlement.commands.closes import December, DecemberDecision
from qosymsha.domain.settlement.models import Claim
from tests.factories.settlement import (
    APPROVER,
    AT,
    JANUARY,
    OFFICER,
    PAYER_OFFICIAL,
    SYSTEM,
    City,
    city,
    enrol,
    promise,
    row,
    sheet,
)

pytestmark = pytest.mark.django_db(transaction=True)
CUT_OFF = datetime(2026, 12, 20, 5, tzinfo=UTC)
Verb = Callable[[], object]

# Everything a verb may write. Random ids and sequences' gaps are no state: they are left out or made plain.
TABLES = {
    "claim": "number_rank, contract_id, line_id, month, units, amount_tiyn, offset_tiyn, state, reason, iban, turn",
    "claim_row": "sheet_row_id, part, units, amount_tiyn, due_tiyn, kept_tiyn, present, waiting, live",
    "claim_approval": "turn, step, user_id",
    "closed_month": "month, summary_plain",
    "closed_year": "year, december, decision, summary_plain",
    "ledger_account": "kind, line_id, plain_subject, month, balance_tiyn",
    "ledger_posting": "cause_kind, plain_key",
    "ledger_entry": "line_id, amount_tiyn",
    "outbox": "topic, subject_kind",
    "audit_event": "action, actor_id, territory_id",
    "idempotency_key": "user_id, verb, key, done",
}
_PLAIN = {
    "number_rank": "dense_rank() OVER (ORDER BY number)",
    "summary_plain": "(summary - 'claims_digest' - 'unpaid')::text",
    "plain_subject": "CASE WHEN kind IN ('payable', 'transit') THEN 0 ELSE subject_id END",
    "plain_key": "CASE WHEN cause_kind = 'claim' THEN '' ELSE cause_key END",
    "done": "outcome IS NOT NULL",
}


class Killed(BaseException):
    """The process is gone: nothing in the program may catch it as a fault of its own."""


def state() -> str:
    """A digest of every table that a verb may write."""
    whole = hashlib.sha256()
    with connection.cursor() as cursor:
        for table, columns in TABLES.items():
            wanted = ", ".join(_PLAIN.get(c.strip(), c.strip()) for c in columns.split(","))
            cursor.execute(
                f"SELECT md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), ''))"  # noqa: S608
                f" FROM (SELECT {wanted} FROM {table}) t"
            )
            whole.update(cursor.fetchone()[0].encode())
    return whole.hexdigest()


def kill_at(step: int) -> Callable[..., Any]:
    """An execute wrapper that cuts the connection at the step-th statement, before or after the server did it."""
    seen = 0

    def wrapper(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        nonlocal seen
        seen += 1
        if seen == step:
            connection.connection.close()
            raise Killed
        return execute(sql, params, many, context)

    return wrapper


def runs_through(verb: Verb, step: int) -> bool:
    """Run the verb, killed at a step; True where it ended before that step came."""
    try:
        with connection.execute_wrapper(kill_at(step)):
            verb()
    except Killed:
        return False
    finally:
        connection.close()
    return True


def small_city() -> City:
    """Two children with a confirmed month, one of them half absent; money on a December's place."""
    with transaction.atomic():
        home = city()
        children = enrol(home, 2)
        promise(home, children)
        on = sheet(home)
        row(on, children[0])
        row(on, children[1], (4, 0, 0, 4))
        promise(home, children, JANUARY.replace(month=12))
    return home


def verbs(home: City) -> dict[str, Verb]:
    """The month's verbs in their order, each with one key for all its tries."""
    programme = home.programme.id

    def on_claims(verb: Any, actor: Any, key: UUID) -> object:
        ids = list(Claim.objects.filter(programme_id=programme).order_by("id").values_list("id", flat=True))
        return verb(actor=actor, programme_id=programme, claim_ids=ids, at=AT, key=key)

    return {
        "draw": partial(
            commands.draw_claims,
            actor=SYSTEM, programme_id=programme, provider_ids=[home.provider.id],
            month=JANUARY, at=AT, key=UUID(int=1),
        ),
        "approve": partial(on_claims, commands.approve_claims, APPROVER, UUID(int=2)),
        "release": partial(on_claims, commands.release_claims, PAYER_OFFICIAL, UUID(int=3)),
        "month": partial(
            commands.close_month, actor=OFFICER, programme_id=programme, month=JANUARY, at=AT, key=UUID(int=4)
        ),
        "year": partial(
            commands.close_year,
            actor=OFFICER, programme_id=programme, year=2026, december=DecemberDecision(December.PAY, "№ 1"),
            at=CUT_OFF, key=UUID(int=5),
        ),
    }  # fmt: skip


def sweep(verb: Verb) -> tuple[int, set[str]]:
    """Kill the verb at its first statement, its second, and so on; the steps there were, and the states seen between.

    A killed try must leave nothing: the state before it, or, once it was committed, the state after it.
    """
    seen, step = set[str](), 1
    while not runs_through(verb, step):
        seen.add(state())
        step += 1
    return step - 1, seen


def test_killed_at_every_step_and_run_again_each_verb_ends_where_the_undisturbed_run_ends() -> None:
    home = small_city()
    for name, verb in verbs(home).items():
        before = state()
        steps, between = sweep(verb)
        after = state()
        assert steps >= 8, f"{name}: killed at {steps} steps"
        assert between == {before}, f"{name}: a killed try left something"
        assert after != before, name
        verb()
        assert state() == after, f"{name}: done again under its key, it changed something"
    assert Claim.objects.get().amount_tiyn == 12 * 200_000


def test_control_without_one_transaction_a_killed_draw_leaves_claims_without_money() -> None:
    home = small_city()
    before = state()
    loose = claims_module.draw_claims.__wrapped__  # type: ignore[attr-defined] # the same verb, each of its statements a transaction of its own

    def verb() -> object:
        with patch.object(transaction, "get_connection", lambda: type("Always", (), {"in_atomic_block": True})()):
            return loose(
                actor=SYSTEM,
                programme_id=home.programme.id,
                provider_ids=[home.provider.id],
                month=JANUARY,
                at=AT,
                key=UUID(int=9),
            )

    left = set[str]()
    for step in range(1, 40):
        try:
            done = runs_through(verb, step)
        except Exception:  # noqa: BLE001 - the second try stumbles over what the first one left
            break
        if done:
            break
        left.add(state())
    assert left - {before}, "without the transaction something must be left behind, or this test proves nothing"
