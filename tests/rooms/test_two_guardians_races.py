"""Two guardians press at once: one deed takes effect, and the other hears a reason; with controls that go red."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from qosymsha.domain.vouchers import commands, queries
from qosymsha.domain.vouchers.models import Enrolment, Parting, Voucher
from qosymsha.domain.vouchers.rules import Release, VoucherAnswer
from qosymsha.domain.vouchers.steps import partings, voices
from tests.factories.vouchers import AT, CHANNEL, key
from tests.races import at_once, slowly
from tests.rooms.test_two_guardians import AFTER, MONDAY, move, placed, run, shared_voucher

pytestmark = pytest.mark.django_db(transaction=True)
Act = Callable[[threading.Barrier], Any]


def said(verb: Callable[..., Any], **what: Any) -> Act:
    """One press of a button: the reason heard, "" where it was done."""

    def press(barrier: threading.Barrier) -> Any:
        barrier.wait()
        (row,) = verb(actor=CHANNEL, key=key(), **what)
        return row.reason.value if row.reason else ""

    return press


def unlocked(voucher_ids: Sequence[int]) -> dict[int, queries.VoucherFacts]:
    """The control: the vouchers as they are, held by nobody."""
    statement = f"SELECT {queries.VOUCHER_COLUMNS} FROM voucher v WHERE v.id = ANY (%s)"
    return {row[0]: queries.VoucherFacts(*row) for row in queries.rows(statement, [list(voucher_ids)])}


def test_accepting_and_refusing_at_once_leave_the_child_its_voucher() -> None:
    _, voucher, mother, father = shared_voucher()
    heard = at_once(
        said(commands.refuse_vouchers, answers=[VoucherAnswer(voucher, mother)], at=AT),
        said(commands.accept_vouchers, answers=[VoucherAnswer(voucher, father)], at=AT),
    )
    assert heard == ["other_may_stop", ""], "in any order: a refusal alone does nothing, the yes stands"
    assert Voucher.objects.get(pk=voucher).state == "accepted"


def both_leave(lock: Callable[..., Any] | None, patch: pytest.MonkeyPatch) -> list[Any]:
    """Both give the place up at once: the first word waits, the second agrees, in either order."""
    city, voucher, mother, father, *_ = placed()
    if lock is not None:
        patch.setattr(voices, "lock_vouchers", lock)
    slowly(patch, partings, "shared_wards")
    on = MONDAY.date()
    heard = at_once(
        *(
            said(commands.release_vouchers, releases=[Release(voucher, who, on)], reason="family:other", at=MONDAY)
            for who in (mother, father)
        )
    )
    return sorted(map(str, heard))


def test_both_giving_the_place_up_at_once_is_an_agreement_done_once(monkeypatch: pytest.MonkeyPatch) -> None:
    assert both_leave(None, monkeypatch) == ["", "other_may_stop"]
    assert (Enrolment.objects.get().state, Parting.objects.get().state) == ("ended", "done")


def test_control_without_the_vouchers_lock_neither_hears_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    heard = both_leave(unlocked, monkeypatch)
    assert "" not in heard, "both believed to be the first; the place stayed"
    assert Enrolment.objects.get().state == "active"


def test_one_leaves_and_the_other_moves_at_once_and_the_place_stays() -> None:
    _, voucher, mother, father, group, other = placed()

    def moving(barrier: threading.Barrier) -> Any:
        barrier.wait()
        return move(voucher, father, other)

    heard = at_once(
        said(commands.release_vouchers, releases=[Release(voucher, mother, MONDAY.date())], reason="x", at=MONDAY),
        moving,
    )
    assert sorted(map(str, heard)) == ["other_asked", "other_may_stop"]
    assert Enrolment.objects.get(state="active").group_id == group
    assert Parting.objects.count() == 1


def test_a_stop_and_the_clock_at_once_end_the_word_once() -> None:
    city, voucher, mother, father, *_ = placed()
    leaving = [Release(voucher, mother, MONDAY.date())]
    commands.release_vouchers(actor=CHANNEL, releases=leaving, reason="x", at=MONDAY, key=key())

    def clock(barrier: threading.Barrier) -> Any:
        barrier.wait()
        return len(run(city).done)

    heard = at_once(said(commands.stop_partings, stops=[(voucher, father)], at=AFTER), clock)
    state = Parting.objects.get().state
    assert (heard[0], heard[1], state) in {("", 0, "stopped"), ("nothing_to_stop", 1, "done")}
    assert Enrolment.objects.get().state == ("active" if state == "stopped" else "ended")
