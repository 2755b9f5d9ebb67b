"""A consumer killed anywhere reads on: every news at least once, in order per subject, its effect once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count

import psycopg
import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from qosymsha.kernel import outbox
from tests.sql import altered

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.fault]
AT = datetime(2026, 3, 20, 6, tzinfo=UTC)
WRITERS, SUBJECTS = 3, 4
_worlds = count(1)
# (what, who, about whom): writers tell, commit, roll back; the consumer reads and is killed, or not, at two places.
Step = tuple[str, int, int]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["tell", "tell", "commit", "roll back", "read", "read and die", "act and die", "twin"]),
        st.integers(0, WRITERS - 1),
        st.integers(0, SUBJECTS - 1),
    ),
    max_size=30,
)
LATE: list[Step] = [("tell", 0, 0), ("tell", 1, 1), ("commit", 1, 0), ("read", 0, 0), ("commit", 0, 0)]


@dataclass
class World:
    """Writers with open transactions, one consumer, and the effects it has had."""

    name: str
    writers: list[psycopg.Connection]
    deliveries: list[outbox.News] = field(default_factory=list)
    effects: dict[int, int] = field(default_factory=dict)  # news → subject, in the order they happened
    locked: dict[int, int] = field(default_factory=dict)  # subject → the writer whose transaction holds it

    def step(self, what: str, who: int, subject: int) -> None:
        """One step; a writer never tells of a subject that another one holds: the command's lock sees to that."""
        if what == "tell":
            if self.locked.setdefault(subject, who) == who:
                self.writers[who].execute(
                    "INSERT INTO outbox (at, topic, subject_kind, subject_id, detail) VALUES (%s, 't', %s, %s, '{}')",
                    [AT, self.name, subject],
                )
        elif what in ("commit", "roll back"):
            (self.writers[who].commit if what == "commit" else self.writers[who].rollback)()
            self.locked = {s: w for s, w in self.locked.items() if w != who}
        else:
            self.read(what)

    def read(self, what: str = "read") -> None:
        """Read a portion, have its effects, remember how far; killed after the first or the second."""
        with transaction.atomic():
            news = outbox.unread(self.name, 3)
        if what == "read and die":
            return
        mine = [one for one in news if one.subject_kind == self.name]
        for one in mine * (2 if what == "twin" else 1):
            self.deliveries.append(one)
            self.effects.setdefault(one.id, one.subject_id)
        if what != "act and die" and news:
            outbox.read_up_to(self.name, news[-1].id, AT)

    def told(self) -> dict[int, int]:
        """News → subject of what was committed, in order."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT id, subject_id FROM outbox WHERE subject_kind = %s ORDER BY id", [self.name])
            return dict(cursor.fetchall())

    def drain(self) -> None:
        """Read on till nothing is left; transactions of other databases hold the window back, so with patience."""
        ends = time.monotonic() + 60
        while set(self.effects) != set(self.told()):
            assert time.monotonic() < ends, "news was lost"
            self.read()


@pytest.fixture
def writers() -> Iterator[list[psycopg.Connection]]:
    given = {k: v for k, v in connection.get_connection_params().items() if k not in ("cursor_factory", "context")}
    made = [psycopg.connect(**given) for _ in range(WRITERS)]
    yield made
    for one in made:
        one.close()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
@example(steps=LATE)
def test_at_least_once_in_order_per_subject_and_effects_once(
    writers: list[psycopg.Connection], steps: list[Step]
) -> None:
    world = World(f"world {next(_worlds)}", writers)
    for step in steps:
        world.step(*step)
    for writer in writers:
        writer.commit()
    world.drain()
    told = world.told()
    assert {one.id for one in world.deliveries} == set(told), "each at least once, and nothing that was rolled back"
    for subject in range(SUBJECTS):
        first_seen = [news for news, about in world.effects.items() if about == subject]
        assert first_seen == sorted(first_seen), "in the order in which its lock gave them"


def test_control_a_window_that_waits_for_nobody_jumps_over_a_slow_writer(writers: list[psycopg.Connection]) -> None:
    world = World(f"world {next(_worlds)}", writers)
    with altered("outbox_unread", "pg_snapshot_xmin(pg_current_snapshot())", "pg_current_xact_id()"):
        for step in LATE:
            world.step(*step)
        for _ in range(4):
            world.read()
    first, second = world.told()
    assert set(world.effects) == {second}, "the row told first and committed last is read by nobody"
    assert first < second


def test_control_what_dies_after_its_effect_is_delivered_again(writers: list[psycopg.Connection]) -> None:
    world = World(f"world {next(_worlds)}", writers)
    for step in [("tell", 0, 0), ("commit", 0, 0)]:
        world.step(*step)
    ends = time.monotonic() + 60
    while not world.deliveries and time.monotonic() < ends:
        world.step("act and die", 0, 0)
    world.step("act and die", 0, 0)
    assert len(world.deliveries) > len(world.effects) == 1, "who counts deliveries instead of news does it twice"
