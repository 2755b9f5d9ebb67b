"""Draws and allocations, made again from the frozen list: INV-16 and INV-17."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from qosymsha.domain.admission.models import DrawSecret, Round
from qosymsha.domain.admission.queries import frozen
from qosymsha.domain.admission.queries.frozen import Run
from qosymsha.domain.allocation import draw
from qosymsha.domain.allocation.round_check import findings
from qosymsha.domain.insights.queries import choices
from qosymsha.domain.insights.queries.found import Checking, Found, of
from qosymsha.kernel.errors import Refused

# Whatever the reserve rule, those granted an open place stand before everybody who waits in the segment.
_ENVY = """
WITH granted AS (SELECT round_id, segment, max(rank) AS worst FROM outcome
                  WHERE result = 'granted' AND how IN ('', 'open') /*only admission_round round_id*/
                  GROUP BY 1, 2)
SELECT 'application ' || o.application_id AS example FROM outcome o JOIN granted g USING (round_id, segment)
 WHERE o.result = 'waiting' AND o.rank < g.worst /*only admission_round o.round_id*/"""


def stability(checking: Checking) -> Found:
    """INV-16: for rounds of vouchers and choice rounds, from the outcomes as they are stored."""
    return checking.found(_ENVY) + choices.stability(checking)


def recomputation(checking: Checking) -> Found:
    """INV-17: seed, root, numbers, order and grants of every allocated round, made again and compared."""
    total = choices.recomputation(checking)
    drawn, touched = Round.objects.filter(seed__isnull=False).order_by("id"), checking.ids("admission_round")
    for the_round in drawn if touched is None else drawn.filter(id__in=touched):
        total += of([f"round {the_round.id} {fault}" for fault in _faults(the_round)])
    return total


def _faults(the_round: Round) -> Iterator[str]:
    if _seed(the_round) != bytes(the_round.seed or b""):
        yield "seed"
    try:
        run = frozen.run(the_round)
    except Refused:
        yield "root"
        return
    if findings(run.terms, run.arrays, run.answer):
        yield "independent checker"
    if the_round.output_hash is not None:
        if frozen.answer_hash(run) != bytes(the_round.output_hash):
            yield "answer"
        yield from _stored_otherwise(the_round, run)


def _seed(the_round: Round) -> bytes:
    """The seed from the root, the beacon and the revealed secrets, in the parties' order."""
    secrets = list(DrawSecret.objects.filter(round_id=the_round.id).order_by("id"))
    for party in secrets:
        if party.secret is None or draw.commitment(bytes(party.secret)) != bytes(party.commitment):
            return b""
    revealed = [bytes(party.secret or b"") for party in secrets]
    return draw.seed(the_round.number, bytes(the_round.root or b""), bytes(the_round.beacon_value or b""), revealed)


def _stored_otherwise(the_round: Round, run: Run) -> Iterator[str]:
    """What stands in `outcome` against the run: number, rank, place on the waiting list."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT application_id, rank, coalesce(waiting_rank, 0), substr(number, 1, 8) FROM outcome"
            " WHERE round_id = %s ORDER BY application_id",
            [the_round.id],
        )
        rows = cursor.fetchall()
    order = np.argsort(run.closed.applications)
    if [row[0] for row in rows] != run.closed.applications[order].tolist():
        yield "outcomes of other applications"
        return
    columns: tuple[tuple[str, NDArray[np.int32], int], ...] = (
        ("rank", run.answer.ranks(), 1),
        ("waiting rank", run.answer.waiting_ranks(), 2),
    )
    for name, again, column in columns:
        stored = np.array([row[column] for row in rows], np.int32)
        for at in np.flatnonzero(stored != again[order])[:10]:
            yield f"{name} of application {rows[at][0]}"
    numbers = np.frombuffer(b"".join(bytes(row[3]) for row in rows), np.uint8).reshape(-1, 8)
    for at in np.flatnonzero((numbers != run.numbers[order, :8]).any(axis=1))[:10]:
        yield f"number of application {rows[at][0]}"
