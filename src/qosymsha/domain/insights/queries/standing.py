"""How every promise stands by what the checker stored last: its last minute and its last full run. One statement."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from qosymsha.domain.insights.rules import PROMISES, Span

# The newest by index, promise by promise: the table holds days of minutes.
_LATEST = """
SELECT p.invariant, s.span, r.at, r.violations, r.examples, r.seconds
  FROM unnest(%s::text[]) p (invariant) CROSS JOIN unnest(%s::text[]) s (span)
 CROSS JOIN LATERAL (SELECT * FROM invariant_run i WHERE i.invariant = p.invariant AND i.span = s.span
                      ORDER BY i.id DESC LIMIT 1) r"""


@dataclass(frozen=True, slots=True)
class Look:
    """One stored run of one check: violations counted, the first of them by id, what it took."""

    at: datetime
    violations: int
    examples: tuple[str, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class Standing:
    """A promise's last look at what changed and its last look at everything; None where there was none yet."""

    invariant: str
    minute: Look | None = None
    full: Look | None = None

    @property
    def looks(self) -> tuple[Look, ...]:
        """The looks there were."""
        return tuple(look for look in (self.minute, self.full) if look)

    @property
    def is_green(self) -> bool | None:
        """Both looks found nothing; None where nobody looked. What a full run found stays red until one is green."""
        return all(not look.violations for look in self.looks) if self.looks else None


def standings() -> list[Standing]:
    """Every promise in its order."""
    ids = [promise.id for promise in PROMISES]
    found: dict[tuple[str, str], Look] = {}
    with connection.cursor() as cursor:
        cursor.execute(_LATEST, [ids, [s.value for s in Span]])
        for invariant, span, at, violations, examples, seconds in cursor.fetchall():
            found[invariant, span] = Look(at, violations, tuple(json.loads(examples)), seconds)
    return [Standing(i, found.get((i, Span.MINUTE)), found.get((i, Span.FULL))) for i in ids]
