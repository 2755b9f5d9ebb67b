"""How a check looks for violations: statements whose every row is one, counted by the database, the first few kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection

EXAMPLES = 10


@dataclass(frozen=True, slots=True)
class Found:
    """Violations counted, and the first of them by id."""

    violations: int = 0
    examples: list[str] = field(default_factory=list)

    def __add__(self, other: Found) -> Found:
        return Found(self.violations + other.violations, [*self.examples, *other.examples][:EXAMPLES])


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


@dataclass(frozen=True, slots=True)
class Checking:
    """The instant that checks are made for."""

    at: datetime
