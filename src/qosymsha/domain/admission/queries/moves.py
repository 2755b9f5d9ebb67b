"""What became of the lines of a published round since its run: by line id and coarse cause, shown classes only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.db import connection

from qosymsha.domain.admission.models import Round
from qosymsha.domain.admission.queries import rounds
from qosymsha.domain.admission.rules import AdmissionRefusal
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.errors import Refused

RIGHT_LOST, BY_FAMILY = "right_lost", "by_family"

_MOVES = r"""
SELECT f.line, h.to_state, h.cause, h.at FROM frozen_line f
  JOIN application_history h ON h.application_id = f.application_id AND h.from_state IN ('waiting', 'granted', 'ended')
 WHERE f.round_id = %s ORDER BY h.at, f.position, h.seq"""


@dataclass(frozen=True, slots=True)
class PublicMove:
    """A later step of a line that the round's files show: its id (hex), segment, day, new state, why in one word."""

    line_id: str
    segment: str
    day: date
    to_state: str
    cause: str


def public_moves(uuid: UUID) -> Iterator[PublicMove]:
    """The later steps of a published round's lines, the earliest first; lines of small classes are left out.

    Raises:
        Refused: `unknown_round`, also for one that is not published.
    """
    found = Round.objects.filter(uuid=uuid, published_at__isnull=False).first()
    results = rounds.results_of(found) if found is not None else None
    if found is None or results is None:
        raise Refused(AdmissionRefusal.UNKNOWN_ROUND, uuid=uuid)
    shown = {(s.segment, one.tier, one.claims) for s in results.segments for one in s.classes}
    with connection.cursor() as cursor:
        cursor.execute(_MOVES, [found.id])
        rows = cursor.fetchall()
    for line, to_state, cause, at in rows:
        line_id, segment, tier, claims = line.split("\t")[:4]
        if (segment, int(tier), tuple(filter(None, claims.split(",")))) in shown:
            yield PublicMove(line_id, segment, local_day(at), to_state, _word(to_state, cause))


def _word(to_state: str, cause: str) -> str:
    """Why, without what it would tell of a family: which right was lost, who spoke."""
    word = cause.partition(":")[0]
    if to_state == "rejected":
        return RIGHT_LOST
    return word if word in ("refill", "filed_again", "later_round", "round_cancelled") else BY_FAMILY
