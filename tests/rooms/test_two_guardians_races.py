"""Two guardians press at once: one deed takes effect, and the other hears a reason; with controls that go red."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from django.db import IntegrityError

from qosymsha.domain.vouchers import commands, queries, steps
from qosymsha.domain.vouchers import partings as standing_words
from qosymsha.domain.vouchers.models import Enrolment, Parting, Voucher
from qosymsha.domain.vouchers.rules import Release, VoucherAnswer
from qosymsha.domain.vouchers.steps import partings, voices
from tests.factories.vouchers import AT, CHANNEL, key
from tests.races import at_once, meeting, slowly
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


def refuse_and_accept() -> tuple[list[Any], str]:
    """What each heard, and the voucher's state after it."""
    _, voucher, mother, father = shared_voucher()
    heard = at_once(
        said(commands.refuse_vouchers, answers=[VoucherAnswer(voucher, mother)], at=AT),
        said(commands.accept_vouchers, answers=[VoucherAnswer(voucher, father)], at=AT),
    )
    return heard, Voucher.objects.get(pk=voucher).state


def test_accepting_and_refusing_at_once_leave_the_child_its_voucher() -> None:
    heard, state = refuse_and_accept()
    assert heard == ["other_may_stop", ""], "in any order: a refusal alone does nothing, the yes stands"
    assert state == "accepted"


def test_control_where_nobody_asks_for_the_other_the_quicker_no_takes_the_voucher(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(partings, "shared_wards", lambda *_: set())
    heard, state = refuse_and_accept()
    assert (heard[0], state) == ("", "closed")


def both_leave(lock: Callable[..., Any] | None, patch: pytest.MonkeyPatch) -> list[Any]:
    """Both give the place up at once: the first word waits, the second agrees, in either order."""
    city, voucher, mother, father, *_ = placed()
    if lock is None:
        slowly(patch, partings, "shared_wards")
    else:
        patch.setattr(voices, "lock_vouchers", lock)
        meeting(patch, standing_words, "standing")
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


def leave_and_move(prepared: Callable[[], None] = lambda: None) -> tuple[list[Any], int]:
    """What each heard, and the group where the child was."""
    _, voucher, mother, father, group, other = placed()
    prepared()

    def moving(barrier: threading.Barrier) -> Any:
        barrier.wait()
        return move(voucher, father, other)

    heard = at_once(
        said(commands.release_vouchers, releases=[Release(voucher, mother, MONDAY.date())], reason="x", at=MONDAY),
        moving,
    )
    return heard, group


def test_one_leaves_and_the_other_moves_at_once_and_the_place_stays() -> None:
    heard, group = leave_and_move()
    assert sorted(map(str, heard)) == ["other_asked", "other_may_stop"]
    assert Enrolment.objects.get(state="active").group_id == group
    assert Parting.objects.count() == 1


def test_control_without_the_vouchers_lock_one_of_them_breaks_on_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(voices, "lock_vouchers", unlocked)
    heard, _ = leave_and_move(lambda: meeting(monkeypatch, standing_words, "standing"))
    assert [type(one) for one in heard].count(IntegrityError) == 1, "a traceback instead of a reason"


def stop_and_clock(prepared: Callable[[], None] = lambda: None) -> tuple[list[Any], str, str]:
    """What the stop heard and how many words the clock did; the word's and the place's state after it."""
    city, voucher, mother, father, *_ = placed()
    leaving = [Release(voucher, mother, MONDAY.date())]
    commands.release_vouchers(actor=CHANNEL, releases=leaving, reason="x", at=MONDAY, key=key())
    prepared()

    def clock(barrier: threading.Barrier) -> Any:
        barrier.wait()
        return len(run(city).done)

    heard = at_once(said(commands.stop_partings, stops=[(voucher, father)], at=AFTER), clock)
    return heard, Parting.objects.get().state, Enrolment.objects.get().state


def test_a_stop_and_the_clock_at_once_end_the_word_once() -> None:
    heard, state, place = stop_and_clock()
    assert (heard[0], heard[1], state) in {("", 0, "stopped"), ("nothing_to_stop", 1, "done")}
    assert place == ("active" if state == "stopped" else "ended")


def test_control_without_the_clocks_lock_what_was_stopped_is_done_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "lock_vouchers", unlocked)
    heard, state, place = stop_and_clock(lambda: meeting(monkeypatch, standing_words, "standing"))
    assert (heard, state, place) == (["", 1], "stopped", "ended")
