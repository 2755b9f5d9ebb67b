"""How a check looks for violations: statements whose every row is one, counted by the database, the first few kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection

from qosymsha.domain.insights.queries.touched import Touched

EXAMPLES = 10


@dataclass(frozen=True, slots=True)
class Found:
    """Violations counted, the first of them by id, and how far a check has read what only grows (`reached`).

    `excuse`: why it could not be made here.
    """

    violations: int = 0
    examples: list[str] = field(default_factory=list)
    reached: dict[str, Any] = field(default_factory=dict)
    excuse: str = ""

    def __add__(self, other: Found) -> Found:
        examples = [*self.examples, *other.examples][:EXAMPLES]
        return Found(
            self.violations + other.violations, examples, self.reached | other.reached, self.excuse or other.excuse
        )


@dataclass(frozen=True, slots=True)
class Checking:
    """The instant that checks are made for, and what they look at: everything, or what was touched since a green run.

    `reached` is what the check itself remembered of that run.
    """

    at: datetime
    touched: Touched | None = None
    reached: Mapping[str, Any] = field(default_factory=dict)

    def ids(self, subject: str) -> frozenset[int] | None:
        """The subjects touched since; None means all of them."""
        return None if self.touched is None else self.touched.ids(subject)

    def found(self, statement: str, arguments: Sequence[Any] | Mapping[str, Any] = ()) -> Found:
        """Run a SELECT of one text column named `example`, narrowed to what was touched: each row is a violation."""
        narrowed = statement if self.touched is None else self.touched.narrowed(statement)
        return Found() if narrowed is None else by_statement(narrowed, arguments)


def by_statement(statement: str, arguments: Sequence[Any] | Mapping[str, Any] = ()) -> Found:
    """Run a SELECT of one text column named `example`: each row is a violation."""
    counted = (
        f"WITH v AS MATERIALIZED ({statement}) SELECT (SELECT count(*) FROM v),"  # noqa: S608 - statements of this room only
        f" ARRAY(SELECT example FROM v ORDER BY example LIMIT {EXAMPLES})"
    )
    with connection.cursor() as cursor:
        cursor.execute(counted, arguments)
        violations, examples = cursor.fetchone()
    return Found(violations, examples)


def of(examples: Sequence[str]) -> Found:
    """Violations already in hand."""
    return Found(len(examples), list(examples[:EXAMPLES]))
