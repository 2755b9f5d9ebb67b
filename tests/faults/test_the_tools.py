"""The battery's own tools: one seed plays one way, the proxy reads the protocol, the verdict sees what is planted."""

from __future__ import annotations

import random
import socket
import struct
from contextlib import suppress
from threading import Thread
from uuid import UUID

import pytest
from django.db import connection, transaction

from bench import rush_city
from bench.traffic import PATIENCE, Outcome, closed_loop, get
from tests.faults.families import Crowd, Verb, Word
from tests.faults.killer import FIVE, Death, Kind, plan, silences
from tests.faults.previous import ROOT, UNTRUE, left_out
from tests.faults.proxy import Cuts, Messages, Scissors, Talk
from tests.faults.verdict import judge

SIZES = rush_city.Sizes(applicants=6, holders=6, groups=2, seats=3, hot_seats=2)


def message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!I", len(body) + 4) + body


COMMITTED, READY, IN_BLOCK = message(b"C", b"COMMIT\0"), message(b"Z", b"I"), message(b"Z", b"T")
GREETING = struct.pack("!II", 8, 196608)
CALL = b"SELECT answer FROM file_application($1)\0"


def test_the_same_seed_kills_the_same_in_equal_shares() -> None:
    kills = plan(7, 100_000, 200)
    assert kills == plan(7, 100_000, 200) != plan(8, 100_000, 200)
    assert [kill.after for kill in kills] == sorted(kill.after for kill in kills)
    assert {kind: sum(kill.kind is kind for kill in kills) for kind in FIVE} == dict.fromkeys(FIVE, 40)
    assert min(sum(kill.kind is kind for kill in plan(7, 100, 200, tuple(Kind))) for kind in Kind) >= 30


def test_the_same_seed_cuts_the_same() -> None:
    def cuts(seed: int) -> list[bool]:
        scissors = Scissors(Cuts(replies=0.05), seed)
        return [scissors.cuts_reply(is_hot=False) for _ in range(2_000)]

    assert cuts(1) == cuts(1) != cuts(2)
    assert 50 < sum(cuts(1)) < 150


@pytest.mark.parametrize("size", [1, 2, 3, 7, 11, 64])
def test_messages_are_read_wherever_the_pieces_are_cut(size: int) -> None:
    rows = random.Random(size)
    said = [message(b"D", rows.randbytes(40)), COMMITTED, message(b"D", COMMITTED), message(b"C", b"SELECT 1\0"), READY]
    raw = b"".join(said * 20)
    messages = Messages(b"CZ")
    found = [one for at in range(0, len(raw), size) for one in messages.read(raw[at : at + size])]
    assert found == [(b"C", b"COMMIT\0"), (b"C", b"SELECT 1\0"), (b"Z", b"I")] * 20


def test_a_commit_is_a_commit_or_a_hot_verb_outside_a_transaction() -> None:
    talk = Talk()
    assert not talk.asks_commit(GREETING + message(b"Q", b"SELECT 1\0"))
    assert talk.commits_in(message(b"C", b"SELECT 1\0") + READY) == []
    assert talk.asks_commit(message(b"Q", b"COMMIT\0"))
    assert talk.commits_in(COMMITTED + READY) == [False]
    assert talk.asks_commit(message(b"Q", CALL))
    assert talk.commits_in(message(b"D", b"stored") + READY) == [True]
    prepared = message(b"P", b"s1\0" + CALL + b"\0\0")
    assert not talk.asks_commit(prepared)
    assert talk.asks_commit(message(b"B", b"\0s1\0\0\0"))
    assert talk.commits_in(READY) == [True]
    assert talk.asks_commit(message(b"Q", CALL))
    assert talk.commits_in(message(b"E", b"deadlock") + READY) == [], "an error commits nothing"
    assert talk.commits_in(message(b"C", b"BEGIN\0") + IN_BLOCK) == []
    assert not talk.asks_commit(message(b"Q", CALL)), "inside a transaction the COMMIT counts"
    assert talk.commits_in(message(b"D", b"stored") + IN_BLOCK) == []


def test_a_silence_is_counted_from_its_kill_beyond_the_next_one() -> None:
    heard = [0.0, 1.0, 1.5, 6.5, 6.6]
    deaths = [Death(Kind.BACKEND, 1, 1.2), Death(Kind.POSTMASTER, 2, 2.5)]
    found = silences(deaths, heard)
    assert found == {Kind.BACKEND: pytest.approx(5.0), Kind.POSTMASTER: pytest.approx(4.0)}
    assert silences([], heard) == {}


def test_who_is_hung_up_on_hears_it_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def hang_up() -> None:
            with suppress(OSError):
                while True:
                    line, _ = server.accept()
                    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    line.close()

        Thread(target=hang_up, daemon=True).start()
        outcomes = closed_loop(server.getsockname(), [get("/")] * 300, 8)
        server.shutdown(socket.SHUT_RDWR)
    assert {outcome.status for outcome in outcomes} == {0}
    assert max(outcome.seconds for outcome in outcomes) < PATIENCE, "nobody waited for an answer that can't come"


def filed(crowd: Crowd, verb: Verb, status: int, location: str = "") -> None:
    """Let the first ask of a verb that has no answer yet be answered."""
    label = next(str(n) for n, ask in enumerate(crowd.asks) if ask.verb is verb and not ask.words)
    job = next(job for job in list(crowd) if job.label == label)
    crowd.again(Outcome(job, status, location, 0.1, 0.0, 1, (status,)))


@pytest.mark.django_db(transaction=True)
def test_the_verdict_finds_what_is_planted_and_nothing_else() -> None:
    city = rush_city.found(SIZES)
    crowd = Crowd(city, 1)
    clean = judge([])
    assert [one.partition(":")[0] for one in clean.pop("invariants")] == ["INV-22"], "the tests' server does not wait"
    assert not any(clean.values()), clean
    unanswered = judge(crowd.asks)["unanswered"]
    assert len(unanswered) == len(crowd.asks)
    filed(crowd, Verb.APPLY, 302, f"/ru/family/applications/{UUID(int=5)}/")
    assert judge(crowd.asks)["acknowledged, lost"], "a yes with no row"
    for name, statement in {
        "counters wrong": "UPDATE seat SET taken = 1 WHERE group_id = (SELECT min(group_id) FROM seat)",
        "twice": "UPDATE ledger_account SET balance_tiyn = balance_tiyn + 1 WHERE kind = 'held'",
        "told or audited other than once": "INSERT INTO outbox (at, topic, subject_kind, subject_id, detail)"
        " VALUES (now(), 'enrolment_opened', 'enrolment', 77, '{}')",
    }.items():
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica")
            cursor.execute(statement)
        found = judge([])
        assert found[name], name
    assert {word for ask in crowd.asks for word, _, _ in ask.words} == {Word.YES}


def test_the_version_before_leaves_out_only_what_is_there_and_only_where_the_migration_is_new() -> None:
    for (migration, test), why in UNTRUE.items():
        file, name = test.split("::")
        assert (ROOT / migration).is_file()
        assert f"def {name}(" in (ROOT / file).read_text("utf-8")
        assert left_out({migration})[test] == why
    assert left_out(set()) == {}
