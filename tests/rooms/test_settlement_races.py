"""Two at once: claims of one contract, one reply heard twice; each with its lock switched off, which must go wrong."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from django.db import IntegrityError, connection, connections, transaction

from qosymsha.domain.ledger import queries as ledger
from qosymsha.domain.settlement import queries
from qosymsha.domain.settlement.commands import apply_replies, draw_claims, replies
from qosymsha.domain.settlement.models import BankReply, ClaimRow
from qosymsha.domain.settlement.ports import Reply, ReplyStatus
from qosymsha.domain.settlement.queries import drawing
from qosymsha.kernel import locks
from qosymsha.kernel.entropy import uuid4
from tests.factories.settlement import (
    AT,
    FEBRUARY,
    JANUARY,
    SYSTEM,
    TARIFF,
    UNITS,
    City,
    city,
    enrol,
    promise,
    row,
    sheet,
)
from tests.races import slowly

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*runs: Callable[[], object]) -> list[str]:
    """Run each in a thread with a connection of its own, together: `done`, or the name of what was raised."""
    barrier = threading.Barrier(len(runs))

    def go(run: Callable[[], object]) -> str:
        try:
            barrier.wait(timeout=10)
            run()
        except IntegrityError as error:
            return type(error).__name__
        finally:
            connections.close_all()
        return "done"

    with ThreadPoolExecutor(len(runs)) as pool:
        return sorted(pool.map(go, runs))


def two_months() -> City:
    """A child with a confirmed January and February."""
    with transaction.atomic():
        home = city()
        (child,) = enrol(home)
        for month in (JANUARY, FEBRUARY):
            promise(home, [child], month)
            row(sheet(home, month), child)
    return home


def draw_both(home: City) -> list[str]:
    return at_once(
        *(
            partial(
                draw_claims,
                actor=SYSTEM,
                programme_id=home.programme.id,
                provider_ids=[home.provider.id],
                month=month,
                at=AT,
                key=uuid4(),
            )
            for month in (JANUARY, FEBRUARY)
        )
    )


def test_two_draws_of_one_contract_claim_each_row_once(monkeypatch: pytest.MonkeyPatch) -> None:
    home = two_months()
    slowly(monkeypatch, drawing, "payable_rows")
    assert draw_both(home) == ["done", "done"]
    assert ClaimRow.objects.count() == 2
    assert ledger.totals([home.line.id])[home.line.id]["payable"] == 2 * TARIFF * UNITS


def test_control_without_the_lock_both_take_januarys_row_and_only_the_constraint_is_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    home = two_months()
    slowly(monkeypatch, drawing, "payable_rows")

    def unlocked(programme_id: int, provider_ids: Any) -> list[queries.ContractFacts]:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT id, provider_id, line_id, volume_tiyn FROM contract WHERE programme_id = %s", [programme_id]
            )
            return [queries.ContractFacts(*found) for found in cursor.fetchall()]

    monkeypatch.setattr(queries, "lock_contracts", unlocked)
    assert draw_both(home) == ["IntegrityError", "done"]


def hear_twice() -> list[str]:
    reply = Reply("R-1", "nobody's", ReplyStatus.ACCEPTED, 5)
    return at_once(*(partial(apply_replies, actor=SYSTEM, replies=[reply], at=AT, key=uuid4()) for _ in range(2)))


def test_one_reply_heard_twice_at_once_is_stored_once(monkeypatch: pytest.MonkeyPatch) -> None:
    slowly(monkeypatch, replies, "judge")
    assert hear_twice() == ["done", "done"]
    assert BankReply.objects.count() == 1


def test_control_without_the_lock_one_of_the_two_breaks(monkeypatch: pytest.MonkeyPatch) -> None:
    slowly(monkeypatch, replies, "judge")
    monkeypatch.setattr(locks, "exclusive", lambda *_: None)
    assert hear_twice() == ["IntegrityError", "done"]
