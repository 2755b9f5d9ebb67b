"""Transfers that wait, when two work on one at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from qosymsha.domain.vouchers import commands, queries
from qosymsha.domain.vouchers.commands import waits
from qosymsha.domain.vouchers.models import Enrolment, TransferRequest
from qosymsha.domain.vouchers.rules import EnrolRefusal
from tests.factories.vouchers import CHANNEL, key
from tests.factories.waits import MID_AT, NEEDED, town, whole
from tests.races import at_once, slowly

pytestmark = pytest.mark.django_db(transaction=True)


def unlocked(voucher_ids: Sequence[int]) -> dict[int, queries.VoucherFacts]:
    """The control: the vouchers as they are, held by nobody."""
    statement = f"SELECT {queries.VOUCHER_COLUMNS} FROM voucher v WHERE v.id = ANY (%s)"
    return {row[0]: queries.VoucherFacts(*row) for row in queries.rows(statement, [list(voucher_ids)])}


def race_of_two_runs(lock: Callable[[Sequence[int]], object] | None, patch: pytest.MonkeyPatch) -> list[object]:
    """Two runs at once over one family that waits, with money for two."""
    home = town(1)
    home.ask(0)
    home.pay_in(2 * NEEDED)
    if lock is not None:
        patch.setattr(waits.steps, "lock_vouchers", lock)
    slowly(patch, waits, "_judged")

    def run(barrier: threading.Barrier) -> object:
        barrier.wait()
        return len(home.run().taken)

    return sorted(map(repr, at_once(run, run)))


def test_two_runs_at_once_move_a_family_once(monkeypatch: pytest.MonkeyPatch) -> None:
    assert race_of_two_runs(None, monkeypatch) == ["0", "1"]
    assert Enrolment.objects.filter(state="active").count() == 1


def test_control_without_the_vouchers_lock_the_second_run_moves_it_too_and_breaks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    heard = race_of_two_runs(unlocked, monkeypatch)
    assert "1" in heard
    assert "0" not in heard, "the second believed that it still waited; a constraint behind it threw the run out"


def test_a_withdrawal_and_a_run_at_once_end_the_request_once() -> None:
    home = town(1)
    home.ask(0)
    home.pay_in(NEEDED)
    voucher, guardian, _ = home.families[0]

    def withdraw(barrier: threading.Barrier) -> object:
        barrier.wait()
        rows = commands.withdraw_transfers(actor=CHANNEL, withdrawals=[(voucher, guardian)], at=MID_AT, key=key())
        return rows[0].reason

    def run(barrier: threading.Barrier) -> object:
        barrier.wait()
        return len(home.run().taken)

    heard = at_once(withdraw, run)
    (state,) = TransferRequest.objects.values_list("state", flat=True)
    assert (heard[0], heard[1], state) in {
        (None, 0, "withdrawn"),
        (EnrolRefusal.TRANSFER_NOT_WAITING, 1, "done"),
    }
    whole(home)


def withdrawn_while_a_run_works(patch: pytest.MonkeyPatch) -> tuple[list[object], str]:
    """The family withdraws once the run has read that it waits: what both heard, the request's state."""
    home = town(1)
    home.ask(0)
    home.pay_in(NEEDED)
    voucher, guardian, _ = home.families[0]
    has_read, judge = threading.Event(), waits._judged

    def lingering(*args: Any) -> Any:
        has_read.set()
        time.sleep(0.4)
        return judge(*args)

    patch.setattr(waits, "_judged", lingering)

    def withdraw(_: threading.Barrier) -> object:
        assert has_read.wait(20)
        rows = commands.withdraw_transfers(actor=CHANNEL, withdrawals=[(voucher, guardian)], at=MID_AT, key=key())
        return rows[0].reason

    heard = at_once(withdraw, lambda _: len(home.run().taken))
    whole(home)
    return heard, TransferRequest.objects.get().state


def test_a_withdrawal_that_comes_while_a_run_works_comes_too_late(monkeypatch: pytest.MonkeyPatch) -> None:
    assert withdrawn_while_a_run_works(monkeypatch) == ([EnrolRefusal.TRANSFER_NOT_WAITING, 1], "done")


def test_control_without_the_vouchers_lock_it_is_heard_and_the_whole_run_breaks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(waits.steps, "lock_vouchers", unlocked)
    (said, broken), state = withdrawn_while_a_run_works(monkeypatch)
    assert (said, state) == (None, "withdrawn")
    assert isinstance(broken, AssertionError), "every other family's move of this run is lost with it"
