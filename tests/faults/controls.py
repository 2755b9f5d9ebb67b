"""The builds that must not pass, each with one control switched off, under faults that show it for certain.

A control that shows itself by luck proves little: here the proxy cuts the first so many commits, everybody wants the
one group, or all of PostgreSQL dies at once.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from django.db import connection

from qosymsha.runtime.processes import working_in
from tests.faults.families import Crowd, Habits
from tests.faults.killer import words_of
from tests.faults.proxy import Cuts

FAMILIES = 40
_QUIET = Habits(twins=0.0, reloads=0.0, second_keys=0.0, hot=0.0)


@dataclass(frozen=True, slots=True)
class Play:
    """How a run is played: its build, its faults, its crowd; `red` names the promise that a control must break."""

    name: str = ""
    red: str = ""
    wsgi: str = ""  # a name of `sabotage`, "product" for the product in the same server; empty: `qosymsha serve`
    prepare: Callable[[Path], None] | None = None  # before the product starts; takes PostgreSQL's data folder
    cuts: Cuts = field(default_factory=Cuts)
    habits: Habits = field(default_factory=Habits)
    applicants: int = FAMILIES
    holders: int = FAMILIES
    groups: int = 4
    seats: int | None = None
    hot_seats: int | None = None
    clients: int = 8
    meanwhile: Callable[[Crowd], None] | None = None  # beside the families, in a thread of its own, once
    ends_in_blackout: bool = False  # all of PostgreSQL killed after the last acknowledgement


def _racing_seats(_: Path) -> None:
    """Read how many are taken, think, write one more: what a condition in one UPDATE forbids."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE seat DROP CONSTRAINT seat_not_oversold")
        cursor.execute(
            """CREATE OR REPLACE FUNCTION take_seat(the_group bigint) RETURNS boolean LANGUAGE plpgsql AS $$
            DECLARE was int; room int;
            BEGIN
                SELECT taken, capacity INTO STRICT was, room FROM seat WHERE group_id = the_group;
                IF was >= room THEN RETURN false; END IF;
                PERFORM pg_sleep(0.2);
                UPDATE seat SET taken = was + 1 WHERE group_id = the_group;
                RETURN true;
            END $$"""
        )


def _commit_without_waiting(data: Path) -> None:
    """The database's own wish goes before the command line; the log's writer is stopped, so that luck saves nothing."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_database()")
        cursor.execute(f'ALTER DATABASE "{cursor.fetchone()[0]}" SET synchronous_commit = off')
    connection.close()
    for pid in working_in(data, "postgres"):
        if "walwriter" in words_of(pid):
            os.kill(pid, signal.SIGSTOP)


_LOST_REPLIES = Cuts(first_replies=10)
_LOST_WORDS = Cuts(first_words=10)
_ONE_GROUP = Habits(twins=0.0, reloads=0.0, second_keys=0.0, hot=1.0)

CONTROLS = {
    play.name: play
    for play in (
        Play(name="no_key", red="refused, but stored", wsgi="no_key", cuts=_LOST_REPLIES, habits=_QUIET),
        Play(name="key_outside", red="refused, but stored", wsgi="key_outside", cuts=_LOST_REPLIES, habits=_QUIET),
        Play(name="late_commit", red="acknowledged, lost", wsgi="late_commit", cuts=_LOST_WORDS, habits=_QUIET),
        Play(
            name="read_then_write",
            red="oversold",
            wsgi="product",
            prepare=_racing_seats,
            habits=_ONE_GROUP,
            applicants=0,
            hot_seats=4,
        ),
        Play(
            name="asynchronous_commit",
            red="acknowledged, lost",
            wsgi="product",
            prepare=_commit_without_waiting,
            habits=_QUIET,
            ends_in_blackout=True,
        ),
    )
}

# The same faults against the product whole: green, or the controls would prove nothing.
WHOLE = Play(
    name="whole",
    wsgi="product",
    cuts=Cuts(first_replies=10, first_words=10),
    habits=Habits(hot=0.5),
    hot_seats=4,
    ends_in_blackout=True,
)
