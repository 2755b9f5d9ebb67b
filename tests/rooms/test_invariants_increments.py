"""Runs of the checker: what is kept of them, where an increment begins, and that nothing is jumped over."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import connection, transaction

from qosymsha.domain.insights.access import Action
from qosymsha.domain.insights.commands import forget_runs, run_invariants
from qosymsha.domain.insights.models import InvariantMark, InvariantRun
from qosymsha.domain.insights.queries import CHECKS, check_invariant, touched
from qosymsha.domain.insights.queries.marks import Moment, Start, moment, starts
from qosymsha.domain.insights.queries.standing import standings
from qosymsha.domain.insights.queries.touched import TOUCHES, Touched
from qosymsha.domain.insights.rules import Span
from qosymsha.domain.witness.access import Action as Reads
from qosymsha.kernel import audit
from qosymsha.kernel.actor import Actor
from qosymsha.kernel.entropy import uuid4
from qosymsha.kernel.errors import Forbidden
from tests.factories.insights import LONG_AGO, REQUEST, log, noted, past_the_guards, sql
from tests.factories.settlement import AT, SYSTEM

KEY = (
    "INSERT INTO idempotency_key (user_id, verb, key, body_hash, outcome, at, replays)"
    " VALUES (1, 'x', gen_random_uuid(), '', NULL, now(), 0) RETURNING id"
)


def minute(minutes: int = 0) -> dict[str, bool]:
    """One minute's run: invariant → green."""
    at = AT + timedelta(minutes=minutes)
    return {r.id: r.ok for r in run_invariants(actor=SYSTEM, at=at, key=uuid4(), span=Span.MINUTE)}


@pytest.mark.django_db
def test_a_run_is_stored_once_with_what_it_found_and_only_by_who_may() -> None:
    ((key_id,),) = sql(KEY)
    key = uuid4()
    for _ in range(2):
        results = run_invariants(actor=SYSTEM, at=AT, key=key)
    assert InvariantRun.objects.count() == len(CHECKS) - 2  # no checkpoint, no log of requests
    red = InvariantRun.objects.get(invariant="INV-12")
    assert (red.span, red.violations, red.examples) == ("full", 1, [f"key {key_id}"])
    assert not next(r for r in results if r.id == "INV-12").ok
    with pytest.raises(Forbidden) as forbidden:
        run_invariants(actor=replace(Actor.system("x"), grants=()), at=AT, key=uuid4())
    assert forbidden.value.action is Action.RUN_INVARIANTS


@pytest.mark.django_db
def test_a_mark_moves_only_where_nothing_was_found() -> None:
    minute()
    first = {mark.invariant: mark.at for mark in InvariantMark.objects.all()}
    sql(KEY)
    assert not minute(1)["INV-12"]
    moved = {mark.invariant for mark in InvariantMark.objects.all() if mark.at != first[mark.invariant]}
    assert "INV-12" not in moved
    assert "INV-1" in moved
    assert not minute(2)["INV-12"], "what was found stays found"
    past_the_guards("DELETE FROM idempotency_key WHERE outcome IS NULL")
    assert minute(3)["INV-12"]


@pytest.mark.django_db
def test_what_a_full_run_found_stays_red_until_a_full_run_is_green() -> None:
    minute()
    assert {s.invariant: s.is_green for s in standings()}["INV-12"]
    sql(KEY)
    run_invariants(actor=SYSTEM, at=AT, key=uuid4())
    past_the_guards("DELETE FROM idempotency_key WHERE outcome IS NULL")
    assert minute(1)["INV-12"]
    assert {s.invariant: s.is_green for s in standings()}["INV-12"] is False
    run_invariants(actor=SYSTEM, at=AT, key=uuid4())
    standing = {s.invariant: s for s in standings()}["INV-12"]
    assert standing.is_green
    assert standing.minute
    assert standing.full


@pytest.mark.django_db
def test_green_minutes_are_forgotten_after_days_the_rest_after_a_year() -> None:
    for days, span, violations in (
        (4, "minute", 0),
        (4, "minute", 1),
        (4, "full", 0),
        (2, "minute", 0),
        (366, "full", 1),
    ):
        at = AT - timedelta(days=days)
        InvariantRun.objects.create(at=at, invariant="INV-1", span=span, violations=violations, seconds=0.1)
    assert forget_runs(actor=SYSTEM, at=AT) == 2
    kept = InvariantRun.objects.order_by("id").values_list("span", "violations")
    assert list(kept) == [("minute", 1), ("full", 0), ("minute", 0)]
    with pytest.raises(Forbidden):
        forget_runs(actor=replace(Actor.system("x"), grants=()), at=AT)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "change", [{"cluster": "another"}, {"horizon": 2**40}], ids=["another cluster", "a mark ahead"]
)
def test_a_mark_out_of_a_backup_is_no_start(change: dict[str, object]) -> None:
    minute()
    assert set(starts(moment(AT))) == set(CHECKS) - {"INV-18", "INV-19", "INV-22"}
    InvariantMark.objects.update(**change)
    assert starts(moment(AT)) == {}


@pytest.mark.django_db
def test_a_chain_cut_behind_what_was_seen_is_red_also_where_it_is_whole() -> None:
    sql(
        "INSERT INTO audit_event (at, actor_id, actor_label, action, subject_kind, subject_ids, detail, txid)"
        " SELECT '2026-02-01', 0, 'x', 'x', 'x', '[]', '{}', '3' FROM generate_series(1, 3)"
    )
    sql("SELECT audit_link_next(100)")
    seen = check_invariant("INV-9", AT)
    assert (seen.ok, seen.reached["seq"]) == (True, 3)
    past_the_guards("DELETE FROM audit_link WHERE seq = 3")
    past_the_guards("DELETE FROM audit_event WHERE id = (SELECT max(id) FROM audit_event)")
    assert check_invariant("INV-9", AT).ok, "the control: without what was seen, a shorter chain is a whole chain"
    for start in (Start(None, seen.reached), Start(Touched(moment(AT).horizon, LONG_AGO), seen.reached)):
        assert check_invariant("INV-9", AT, start).examples == ["link 3 is not the one seen before"]


@pytest.mark.django_db
def test_where_too_much_was_touched_everything_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    horizon = moment(AT).horizon
    monkeypatch.setattr(touched, "MOST", 1)
    for _ in range(2):
        sql(KEY)
    start = Touched(horizon, LONG_AGO)
    assert start.ids("key") is None
    assert check_invariant("INV-12", AT, Start(start)).violations == 2


@pytest.mark.django_db
def test_every_table_named_can_be_read_for_what_was_touched() -> None:
    everything = Touched(3, LONG_AGO)
    assert all(everything.ids(subject) is not None for subject in TOUCHES)


# --- a transaction that commits late ----------------------------------------------------------------------------------


@pytest.fixture
def slow_writer(transactional_db: None) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """A second session."""
    parameters = connection.get_connection_params()
    address = {name: parameters[name] for name in ("dbname", "user", "password", "host", "port") if name in parameters}
    with closing(psycopg.connect(**address)) as session:
        yield session
        session.rollback()


@pytest.mark.django_db(transaction=True)
def test_a_transaction_that_commits_late_is_not_jumped_over(
    slow_writer: psycopg.Connection[tuple[object, ...]],
) -> None:
    minute()
    slow_writer.execute(KEY)  # its id is taken, its row not yet there
    sql("SELECT pg_current_xact_id()")  # others come and go meanwhile
    before: Moment = moment(AT)
    assert minute(1)["INV-12"], "what is not committed is nobody's fault yet"
    slow_writer.commit()
    jumped = Start(Touched(before.next_txid, LONG_AGO))
    assert check_invariant("INV-12", AT, jumped).ok, "the control: a start at the newest transaction jumps over it"
    assert not minute(2)["INV-12"]


# --- the log of requests ----------------------------------------------------------------------------------------------


@pytest.fixture
def request_log(settings: Any, tmp_path: Path, db: None) -> Path:
    """A log with one line, whose row stands in the audit."""
    settings.REQUEST_LOG = str(tmp_path)
    with transaction.atomic():
        audit.record(
            actor=SYSTEM, at=AT, action=Reads.READ, subject_kind="child", subject_ids=[1], detail={"request": REQUEST}
        )
    noted(REQUEST)
    return log()


def test_each_line_of_the_log_is_looked_at_once_by_increments(request_log: Path) -> None:
    first = check_invariant("INV-19", AT)
    assert (first.ok, first.reached) == (True, {"files": {request_log.name: request_log.stat().st_size}})
    noted("bb", children=0, unsealed=0)
    noted("cc", status=None)
    since = Start(Touched(moment(AT).horizon, LONG_AGO), first.reached)
    assert check_invariant("INV-19", AT, since).ok, "a page that opened nobody's record, and one that was not shown"
    noted("dd")
    found = check_invariant("INV-19", AT, since)
    assert found.examples == ["request 00000000000000dd"]
    behind = Start(Touched(moment(AT).horizon, LONG_AGO), found.reached)
    assert check_invariant("INV-19", AT, behind).ok
    assert not check_invariant("INV-19", AT).ok


def test_a_line_half_written_waits_a_broken_one_and_a_cut_log_are_found(request_log: Path) -> None:
    whole = request_log.stat().st_size
    with request_log.open("a") as file:
        file.write('{"request": "ee"')
    seen = check_invariant("INV-19", AT)
    assert (seen.ok, seen.reached["files"][request_log.name]) == (True, whole)
    with request_log.open("a") as file:
        file.write("\n")
    day = request_log.stem
    assert check_invariant("INV-19", AT).examples == [f"request log {day}: byte {whole} cannot be read"]
    request_log.write_bytes(b"")
    assert check_invariant("INV-19", AT, Start(None, seen.reached)).examples == [f"request log {day}: cut"]


@pytest.mark.django_db
def test_what_cannot_be_checked_here_says_why_and_is_not_called_green(settings: Any) -> None:
    settings.REQUEST_LOG = settings.CHECKPOINTS = ""
    results = {r.id: r for r in run_invariants(actor=SYSTEM, at=AT, key=uuid4())}
    assert {i for i, r in results.items() if r.not_applicable} == {"INV-18", "INV-19"}
    assert {s.invariant for s in standings() if s.is_green is None} == {"INV-18", "INV-19"}
