"""The families: each asks with a key of its own, sends again until it is answered, and remembers what it was told."""

from __future__ import annotations

import random
import time
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING
from uuid import UUID

from bench.traffic import Job, Outcome, post

if TYPE_CHECKING:  # the city can be had only once Django knows its database
    from bench.rush_city import Family, RushCity

PATIENCE = 300.0  # seconds a family keeps sending before it gives up: then it counts as unanswered
MOST_WISHES = 3  # a family turned away from a full group asks for another, so many times in all
_REFUSALS = frozenset({409, 422})
_PAUSE = (0.05, 0.25)  # seconds before the same is sent again after a fault; nobody there, or busy: longer
_LONG_PAUSE = (0.3, 0.7)


class Verb(StrEnum):
    """What a family asks for."""

    APPLY = "apply"
    TAKE = "take"


class Word(StrEnum):
    """An answer as the family understands it."""

    YES = "yes"
    NO = "no"
    STRANGE = "strange"


@dataclass(slots=True)
class Ask:
    """One request under one key: whose, what for, and every answer it was given, in order."""

    verb: Verb
    family: Family
    key: UUID
    group: UUID | None
    wish: int
    words: list[tuple[Word, int, str]] = field(default_factory=list)

    def hear(self, outcome: Outcome) -> Word:
        """Keep an answer: a redirection to what was filed or taken is a yes, a refusal with its sentence a no."""
        word = Word.STRANGE
        if outcome.status in _REFUSALS:
            word = Word.NO
        elif outcome.status == 302 and "sign-in" not in outcome.location:
            word = Word.YES
        self.words.append((word, outcome.status, outcome.location))
        return word


@dataclass(frozen=True, slots=True)
class Habits:
    """Shares of families: the same sent twice at once, again after the answer, asked anew under a second key."""

    twins: float = 0.05
    reloads: float = 0.05
    second_keys: float = 0.05
    hot: float = 0.15


class Crowd:
    """All families with their asks: an iterator of jobs for `bench.traffic.closed_loop`, and its `again`.

    What a family does hangs on the seed and on what it is told, never on the clock.
    """

    def __init__(self, city: RushCity, seed: int, habits: Habits | None = None) -> None:
        """Every applicant files an application, every holder takes a place, in mixed order."""
        self.asks: list[Ask] = []
        self.settled, self.heard = 0, [time.monotonic()]  # `heard`: when each acknowledgement came
        self.statuses: Counter[int] = Counter()
        self._city, self._seed, self._habits = city, seed, habits or Habits()
        self._jobs: deque[Job] = deque()
        self._pauses = random.Random(f"pauses {seed}")
        self._random = {family.id: random.Random(f"{seed} {family.id}") for family in (*city.applicants, *city.holders)}
        first = [(Verb.APPLY, one) for one in city.applicants] + [(Verb.TAKE, one) for one in city.holders]
        random.Random(f"order {seed}").shuffle(first)
        for verb, family in first:
            job = self._ask(verb, family)
            if self._random[family.id].random() < self._habits.twins:
                self._jobs.append(job)

    def __iter__(self) -> Iterator[Job]:
        return self

    def __next__(self) -> Job:
        if not self._jobs:
            raise StopIteration
        return self._jobs.popleft()

    def again(self, outcome: Outcome) -> float | None:
        """`bench.traffic`: what was not answered is sent again; what was, may lead to something else."""
        self.statuses[outcome.status] += 1
        if outcome.status == 0 or outcome.status >= 500:
            pause = _PAUSE if outcome.status == 500 else _LONG_PAUSE
            return self._pauses.uniform(*pause) if outcome.seconds < PATIENCE else None
        ask = self.asks[int(outcome.job.label)]
        word = ask.hear(outcome)
        if word is Word.YES:
            self.heard.append(time.monotonic())
        if len(ask.words) == 1:
            self.settled += 1
            self._follow(ask, word, outcome.job)
        return None

    def _follow(self, ask: Ask, word: Word, job: Job) -> None:
        chance = self._random[ask.family.id].random()
        if word is Word.YES and chance < self._habits.reloads:
            self._jobs.append(job)
        elif word is Word.YES and ask.verb is Verb.APPLY and chance < self._habits.reloads + self._habits.second_keys:
            self._ask(ask.verb, ask.family, wish=MOST_WISHES)
        elif word is Word.NO and ask.verb is Verb.TAKE and ask.wish < MOST_WISHES:
            self._ask(ask.verb, ask.family, wish=ask.wish + 1)

    def _ask(self, verb: Verb, family: Family, wish: int = 1) -> Job:
        draw = self._random[family.id]
        key = UUID(int=draw.getrandbits(128), version=4)
        if verb is Verb.APPLY:
            group, (path, fields) = None, self._city.application(family, key)
        else:
            group = self._city.hot if draw.random() < self._habits.hot else draw.choice(self._city.groups)
            path, fields = self._city.place(family, key, group)
        job = post(path, fields, family.cookies, str(len(self.asks)))
        self.asks.append(Ask(verb, family, key, group, wish))
        self._jobs.append(job)
        return job
