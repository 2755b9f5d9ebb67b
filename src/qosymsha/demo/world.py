"""What the steps of the year share: who acts, where, the keys, what was refused, the clock."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, TypeVar

from qosymsha.domain.people import queries as people
from qosymsha.domain.people.commands import officials
from qosymsha.domain.people.states import Role
from qosymsha.kernel import clock
from qosymsha.kernel.actor import Actor
from qosymsha.kernel.errors import Refused, RowOutcome

STAGE_HAND = Actor.system("demo")
YEAR = 2026  # the year whose MRP and holidays are known (DOMAIN.md 1.5, 6.5)
_KEYS = uuid.UUID("7c1f0b52-6f0e-4b8e-9a55-0d5ed2a7c001")
T = TypeVar("T")
Say = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Term:
    """When a round is: its window's first and last day, its draw, the first month or day of its places."""

    name: str
    opens: date
    closes: date
    drawn: date
    starts: date


@dataclass(slots=True)
class World:
    """The city of one demo. `say(step, done, total)` reports progress; `refusals` counts reasons over the year."""

    children: int
    seed: int
    registry: Any
    beacon: Any
    treasury: Any
    say: Say
    territory_id: int = 0
    programme_id: int = 0
    round_id: int = 0
    actors: dict[str, Actor] = field(default_factory=dict)
    departments: dict[str, int] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    refusals: Counter[str] = field(default_factory=Counter)
    facts: dict[str, Any] = field(default_factory=dict)
    now: datetime = clock.local_instant(date(YEAR - 1, 12, 1))

    def key(self, *parts: object) -> uuid.UUID:
        """An idempotency key that is the same in every run of this seed."""
        return uuid.uuid5(_KEYS, f"{self.seed} " + " ".join(map(str, parts)))

    def at(self, day: date, hour: int = 10, minute: int = 0) -> datetime:
        """Move the city's clock to a local day and hour, and return that instant."""
        self.now = clock.local_instant(day, hour, minute)
        clock.shift_to(self.now)
        return self.now

    def accepted(self, outcomes: Iterable[RowOutcome]) -> list[RowOutcome]:
        """The outcomes that stand; the refused ones are counted by reason."""
        kept = []
        for outcome in outcomes:
            if outcome.reason is None:
                kept.append(outcome)
            else:
                self.refusals[outcome.reason.value] += 1
        return kept

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Count the reason where the verb inside is refused as a whole: the year goes on."""
        try:
            yield
        except Refused as refused:
            self.refusals[refused.reason.value] += 1

    def appoint(self, name: str, role: Role, at: datetime, provider_id: int | None = None) -> Actor:
        """Give a demo person a role and keep its actor under `name`."""
        appointment = officials.Appointment(f"demo:{name}", role, self.territory_id or None, provider_id=provider_id)
        user_id = officials.appoint(actor=STAGE_HAND, appointment=appointment, at=at, key=self.key("appoint", name))
        self.actors[name] = people.actor_for(user_id, at)
        return self.actors[name]


def chunks(rows: Sequence[T], size: int) -> Iterable[Sequence[T]]:
    """The rows in pieces of at most `size`."""
    return (rows[i : i + size] for i in range(0, len(rows), size))
