"""A verb killed at every step and run again with its key ends where the undisturbed run ends (RELIABILITY.md, BAT-4).

A step is a statement, a file that is opened to be written, and COMMIT: before it, and after it with its reply cut off.
The undisturbed run happens first and is rolled back, so both runs begin from the very same rows; sequences are set back
after each killed try and randomness is drawn from a seed. So rows are compared whole, by column, ids included.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import psycopg
from django.db import DatabaseError, connection, transaction
from psycopg import sql

from qosymsha.kernel import entropy
from tests.races import patient

Verb = Callable[[], object]
State = Mapping[str, tuple[int, str]]
BY_NIGHT = os.environ.get("HYPOTHESIS_PROFILE") == "night"

# The only columns that are not compared, each with its reason.
LEFT_OUT = {
    "txid": "the number of the transaction: every try has its own",
    "replays": "counts the tries themselves: a repeated key is written on purpose",
}
_NOT_OURS = "^(django_|procrastinate_|pg_)"
_SEED = 20_261_122
# PostgreSQL counts a second's transactions together: some tables may be of the one before, which does no harm.
_TOUCHED = """
SELECT relname FROM pg_stat_xact_user_tables WHERE n_tup_ins + n_tup_upd + n_tup_del > 0 AND relname !~ %s ORDER BY 1"""
_ALL = """
SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace AND relname !~ %s
 ORDER BY 1"""
_ONE = """
SELECT {name}, count(*), coalesce(sum(hashtextextended((to_jsonb(t) - {left_out}::text[])::text, 0)), 0)::text
  FROM ONLY {table} t"""
_SEQUENCES = """
SELECT quote_ident(sequencename), last_value, start_value FROM pg_sequences WHERE schemaname = current_schema()"""


class Killed(BaseException):
    """The process is gone: nothing in the program may catch it as a fault of its own."""


def state(cursor: Any, tables: list[str], also_left_out: Sequence[str] = ()) -> State:
    """Table → rows and a digest of them all, apart from the columns of LEFT_OUT and of `also_left_out`."""
    if not tables:
        return {}
    left_out = sql.Literal([*LEFT_OUT, *also_left_out])
    each = [
        sql.SQL(_ONE).format(name=sql.Literal(name), table=sql.Identifier(name), left_out=left_out) for name in tables
    ]
    cursor.execute(sql.SQL(" UNION ALL ").join(each))
    return {name: (rows, digest) for name, rows, digest in cursor.fetchall()}


@dataclass
class Sweep:
    """What a sweep saw: steps killed at, the tables the verb writes, the state wanted, the verb's first answer."""

    steps: int = 0
    tables: list[str] = field(default_factory=list)
    wanted: State = field(default_factory=dict)
    answer: object = None


@contextmanager
def observer() -> Iterator[psycopg.Cursor]:
    """A connection beside the killed ones, which sees what is committed."""
    given = {k: v for k, v in connection.get_connection_params().items() if k not in ("cursor_factory", "context")}
    with psycopg.connect(**given, autocommit=True) as beside, beside.cursor() as cursor:
        yield cursor


def _sequences(cursor: Any) -> list[tuple[str, int | None, int]]:
    cursor.execute(_SEQUENCES)
    return [(name, last, start) for name, last, start in cursor.fetchall()]


def _set_back(cursor: Any, saved: list[tuple[str, int | None, int]]) -> None:
    """Put sequences where they were: gaps are no state, but ids made after them would differ."""
    now = {name: last for name, last, _ in _sequences(cursor)}
    for name, last, start in saved:
        if now[name] != last:
            cursor.execute("SELECT setval(%s::regclass, %s, %s)", [name, last or start, last is not None])


def undisturbed(verb: Verb, cursor: Any, also_left_out: Sequence[str] = ()) -> Sweep:
    """Run the verb whole, look at what it wrote, and roll it back."""
    saved, seen = _sequences(cursor), Sweep()
    with transaction.atomic(), connection.cursor() as own:
        vars(connection.atomic_blocks[-1])["_from_testcase"] = True  # lets a durable verb run inside
        with entropy.seeded(_SEED):
            seen.answer = verb()
        own.execute("SET CONSTRAINTS ALL IMMEDIATE")
        own.execute(_TOUCHED, [_NOT_OURS])
        seen.tables = [name for (name,) in own.fetchall()]
        seen.wanted = state(own.cursor, seen.tables, also_left_out)
        transaction.set_rollback(True)
    _set_back(cursor, saved)
    return seen


class Killer:
    """Counts steps and ends the connection at one of them: before it is done, or after where only the reply is lost."""

    def __init__(self, step: int = 0, *, lose_the_reply_to_commit: int = 0, lose_the_reply_to: int = 0) -> None:
        self.step, self.seen, self.commits = step, 0, 0
        self.lost_commit, self.lost_step = lose_the_reply_to_commit, lose_the_reply_to
        self.at = ""

    def count(self, kind: str) -> None:
        self.seen += 1
        if self.seen == self.step:
            self.at = kind
            self.cut()

    def cut(self) -> None:
        connection.connection.close()
        raise Killed

    def statement(self, execute: Any, statement: str, params: Any, many: bool, context: Any) -> Any:
        self.count("statement")
        answer = execute(statement, params, many, context)
        if self.seen == self.lost_step:
            self.at = "reply"
            self.cut()
        return answer

    def opened(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def open_counted(path: Path, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
            if set(mode) & set("wax+"):
                self.count("file")
            return original(path, mode, *args, **kwargs)

        return open_counted

    def commit(self, original: Callable[[], Any]) -> Callable[[], Any]:
        def commit_counted() -> Any:
            self.commits += 1
            self.count("commit")
            original()
            if self.commits == self.lost_commit:
                self.at = "reply"
                self.cut()

        return commit_counted


def tried(verb: Verb, killer: Killer) -> object:
    """The verb's answer, or Killed raised no further: None, and `killer.at` says where."""
    connection.ensure_connection()
    try:
        with ExitStack() as stack:
            stack.enter_context(connection.execute_wrapper(killer.statement))
            stack.enter_context(patch.object(Path, "open", killer.opened(Path.open)))
            commit = getattr(connection, "_commit")  # noqa: B009 - Django's own name for it
            stack.enter_context(patch.object(connection, "_commit", killer.commit(commit)))
            stack.enter_context(entropy.seeded(_SEED))
            return verb()
    except (Killed, DatabaseError):  # the second: Django tidies up on a connection that is gone
        if not killer.at:
            raise
        return None
    finally:
        connection.close()


def sweep(verb: Verb, *, commits: int = 1) -> Sweep:
    """Kill the verb at each step, cut the reply to its COMMIT, repeat it; assert that it ended as if undisturbed.

    Of several `commits` those before the last only end a reading.
    """
    with patient(), observer() as cursor:
        seen = undisturbed(verb, cursor)
        before, saved = state(cursor, seen.tables), _sequences(cursor)
        assert seen.wanted != before, "a verb that does nothing proves nothing"
        killer = Killer()
        while killer.commits < commits:
            seen.steps += 1
            killer = Killer(seen.steps)
            tried(verb, killer)
            assert state(cursor, seen.tables) == before, f"killed before {killer.at} {seen.steps}, it left something"
            _set_back(cursor, saved)
        lost = Killer(lose_the_reply_to_commit=commits)
        tried(verb, lost)
        assert lost.at == "reply"
        _compare(state(cursor, seen.tables), seen.wanted, "after the lost reply")
        whole = everything(cursor)
        again = tried(verb, Killer())
        _compare(everything(cursor), whole, "done again under its key")
        assert again == seen.answer, f"the repeated key was answered with {again}, the first time with {seen.answer}"
    return seen


def sweep_hot(verb: Verb) -> Sweep:
    """The same for a verb that stores by one statement, a transaction of its own: each statement's reply is lost too.

    Repeated with its key until it is told, it ends as if undisturbed.
    """
    with patient(), observer() as cursor:
        seen = undisturbed(verb, cursor)
        before, saved = state(cursor, seen.tables), _sequences(cursor)
        assert seen.wanted != before, "a verb that does nothing proves nothing"
        found, lost = before, Killer()
        while lost.at or not seen.steps:
            seen.steps += 1
            if found == before:
                tried(verb, Killer(seen.steps))
                _compare(state(cursor, seen.tables), before, f"killed before statement {seen.steps}")
                _set_back(cursor, saved)
            lost = Killer(lose_the_reply_to=seen.steps)
            again = tried(verb, lost)
            found = state(cursor, seen.tables)
            assert found in (before, seen.wanted), f"the reply to statement {seen.steps} lost, it left something"
        assert found == seen.wanted
        assert again == seen.answer, f"the repeated key was answered with {again}, the first time with {seen.answer}"
    return seen


def everything(cursor: Any, also_left_out: Sequence[str] = ()) -> State:
    """The state of every table of ours."""
    cursor.execute(_ALL, [_NOT_OURS])
    return state(cursor, [name for (name,) in cursor.fetchall()], also_left_out)


def _compare(found: State, wanted: State, when: str) -> None:
    assert found == wanted, f"{when}: {[name for name in wanted if found.get(name) != wanted[name]]} differ"


def left_behind(verb: Verb, most: int = 60) -> bool:
    """For controls: whether a try of this verb, killed at some step, leaves anything."""
    with patient(), observer() as cursor:
        before = everything(cursor)
        for step in range(1, most):
            killer = Killer(step)
            tried(verb, killer)
            if everything(cursor) != before:
                return bool(killer.at)
            if not killer.at:
                return False
    return False


@contextmanager
def without_transactions() -> Iterator[None]:
    """For controls: each statement is a transaction of its own, and nothing notices."""
    always = type("Always", (), {"in_atomic_block": True})()
    with (
        patch.object(transaction, "get_connection", lambda *_: always),
        patch.object(connection.features, "has_select_for_update", False),
    ):
        yield
