"""The closed list as the engine's columns, and the run: a pure function of frozen rows, made again at publication."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from qosymsha.domain.admission.models import DrawSecret, Round
from qosymsha.domain.admission.rules import TICKET_KIND, AdmissionRefusal, Places, terms_of
from qosymsha.domain.allocation import canonical, draw, merkle
from qosymsha.domain.allocation.announcement import Announced
from qosymsha.domain.allocation.protocol import Drawn, Publication
from qosymsha.domain.allocation.round import solve
from qosymsha.domain.allocation.round_answer import RoundAnswer
from qosymsha.domain.allocation.round_terms import RoundArrays, RoundTerms, Tie
from qosymsha.domain.errands.states import Phase
from qosymsha.domain.errands.telling import tell
from qosymsha.domain.people import queries as people
from qosymsha.domain.programmes import queries as programmes
from qosymsha.kernel.errors import Refused

CHUNK = 10_000
_ROWS = """
SELECT position, application_id, line, leaf FROM frozen_line
 WHERE round_id = %s AND position >= %s ORDER BY position LIMIT %s"""


@dataclass(frozen=True, slots=True)
class ClosedList:
    """The frozen rows as columns, n rows in the order of line ids.

    applications: (n,) ids.   line_ids: (n, 32) uint8.   segment, tier, arrived: (n,).   claims: (categories, n) bool,
    rows as `RoundTerms.categories()`.   leaves: 32 bytes per line, made anew from line and salt, without the terms'.
    salts: 16 bytes per line.
    """

    applications: NDArray[np.int64]
    line_ids: NDArray[np.uint8]
    leaves: bytearray
    salts: bytearray
    segment: NDArray[np.int16]
    tier: NDArray[np.int16]
    arrived: NDArray[np.int64]
    claims: NDArray[np.bool_]

    def has_erased(self) -> bool:
        """Whether a family's ticket is erased: its salt is unknown then, so the public files can't be made again."""
        return not np.frombuffer(self.salts, np.uint8).reshape(-1, canonical.SALT_BYTES).any(axis=1).all()


@dataclass(frozen=True, slots=True)
class Run:
    """A run: what it was given and what came of it; `numbers` are (n, 32) uint8 in the order of the closed list."""

    terms: RoundTerms
    closed: ClosedList
    arrays: RoundArrays
    numbers: NDArray[np.uint8]
    answer: RoundAnswer


def places_of(the_round: Round) -> dict[str, Places]:
    """Segment → places and money as they were fixed at close."""
    return {segment: Places(**fields) for segment, fields in (the_round.places or {}).items()}


def terms_for(the_round: Round, places: dict[str, Places]) -> RoundTerms:
    """The engine's terms of a round: its rule set and the places of its segments."""
    rules = programmes.rules_of(the_round.rule_set_id).rules
    return terms_of(rules, {segment: found.places for segment, found in places.items()})


def announced(the_round: Round) -> Announced:
    """What was published about the draw before the window opened."""
    commitments = DrawSecret.objects.filter(round_id=the_round.id).order_by("id").values_list("commitment", flat=True)
    return Announced(
        round_id=the_round.number,
        rules_hash=programmes.rules_of(the_round.rule_set_id).hash.hex(),
        commitments=tuple(bytes(commitment) for commitment in commitments),
        beacon={"name": the_round.beacon_name},
    )


def closed_list(the_round: Round, terms: RoundTerms) -> ClosedList:
    """Read the frozen rows of a round, chunk by chunk, into columns; every leaf is hashed anew.

    Raises:
        Refused: `list_changed` — the rows no longer have the root published at close.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM frozen_line WHERE round_id = %s", [the_round.id])
        (count,) = cursor.fetchone()
    found = ClosedList(
        applications=np.empty(count, np.int64),
        line_ids=np.empty((count, 32), np.uint8),
        leaves=bytearray(),
        salts=bytearray(),
        segment=np.empty(count, np.int16),
        tier=np.empty(count, np.int16),
        arrived=np.zeros(count, np.int64),
        claims=np.zeros((len(terms.categories()), count), bool),
    )
    segments = {segment.id: i for i, segment in enumerate(terms.segments)}
    categories = {category: i for i, category in enumerate(terms.categories())}
    for rows in _chunks(the_round.id):
        _fill(found, rows, segments, categories)
        tell(Phase.LIST, rows[-1][0] + 1, count)
    if root_of(the_round.terms, found.leaves) != bytes(the_round.root or b""):
        raise Refused(AdmissionRefusal.LIST_CHANGED, round=the_round.number)
    return found


def _chunks(round_id: int) -> Iterator[list[tuple[int, int, str, bytes]]]:
    start = 0
    while True:
        with connection.cursor() as cursor:
            cursor.execute(_ROWS, [round_id, start, CHUNK])
            rows = cursor.fetchall()
        if not rows:
            return
        yield rows
        start = rows[-1][0] + 1


def _fill(
    found: ClosedList, rows: list[tuple[int, int, str, bytes]], segments: dict[str, int], categories: dict[str, int]
) -> None:
    start, end = rows[0][0], rows[-1][0] + 1
    assert end - start == len(rows), "positions of a closed list have no gap"
    lines = [canonical.parse_line(line) for _, _, line, _ in rows]
    found.applications[start:end] = [application_id for _, application_id, _, _ in rows]
    found.line_ids[start:end] = np.frombuffer(b"".join(line.line_id for line in lines), np.uint8).reshape(-1, 32)
    _fill_leaves(found, rows)
    found.segment[start:end] = [segments.get(line.segment, -1) for line in lines]
    found.tier[start:end] = [line.tier for line in lines]
    found.arrived[start:end] = [line.arrived or 0 for line in lines]
    for row, line in enumerate(lines, start):
        for category in line.categories:
            found.claims[categories[category], row] = True


def _fill_leaves(found: ClosedList, rows: list[tuple[int, int, str, bytes]]) -> None:
    """Salts come from the sealed tickets; a family's erased ticket leaves its stored leaf as the only witness."""
    tickets = people.unseal(TICKET_KIND, [application_id for _, application_id, _, _ in rows])
    for _, application_id, line, leaf in rows:
        ticket = tickets.get(application_id)
        salt = draw.salt(ticket) if ticket is not None else bytes(canonical.SALT_BYTES)
        found.salts.extend(salt)
        found.leaves.extend(leaf if ticket is None else canonical.leaf(salt, line))


def root_of(terms_text: str, leaves: bytes | bytearray) -> bytes:
    """The root over the terms' leaf and the lines' leaves: what is published at close."""
    return merkle.root(canonical.terms_leaf(terms_text) + leaves)


def run(the_round: Round) -> Run:
    """Make the run of a drawn round from its frozen rows; the same rows and seed give the same answer, always."""
    assert the_round.seed is not None, "a run needs a drawn round"
    terms = terms_for(the_round, places_of(the_round))
    closed = closed_list(the_round, terms)
    numbers = draw.numbers(bytes(the_round.seed), closed.line_ids)
    arrays = RoundArrays(
        segment=closed.segment,
        tier=closed.tier,
        number=numbers if terms.tie is Tie.LOTTERY else closed.arrived,
        claims=closed.claims if len(closed.claims) else None,
    )
    tell(Phase.ENGINE)
    return Run(terms, closed, arrays, numbers, solve(terms, arrays))


def answer_hash(run: Run) -> bytes:
    """SHA-256 of the answer: per line of the closed list its id, outcome (1 byte), pool (2) and rank (4), big-endian.

    Outcome and pool are `RoundAnswer.outcomes` and `granted_from`. Kept at allocation; the run made again must have it.
    """
    answer = run.answer
    columns = (
        run.closed.line_ids,
        answer.outcomes().astype(">i1").reshape(-1, 1).view(np.uint8),
        answer.granted_from().astype(">i2").reshape(-1, 1).view(np.uint8),
        answer.ranks().astype(">i4").reshape(-1, 1).view(np.uint8),
    )
    return hashlib.sha256(np.hstack(columns).tobytes()).digest()


def lines(round_id: int) -> Iterator[str]:
    """The canonical lines of a closed list in their order."""
    for rows in _chunks(round_id):
        yield from (line for _, _, line, _ in rows)


def publication(the_round: Round, run: Run, withheld: NDArray[np.bool_]) -> Publication:
    """What `protocol.write` makes the round's files of; lines are read again from the closed list while it writes."""
    revealed = DrawSecret.objects.filter(round_id=the_round.id).order_by("id").values_list("secret", flat=True)
    drawn = Drawn(
        terms_text=the_round.terms,
        root=bytes(the_round.root or b""),
        beacon=bytes(the_round.beacon_value or b""),
        secrets=tuple(bytes(secret or b"") for secret in revealed),
        seed=bytes(the_round.seed or b""),
    )
    salts = (bytes(run.closed.salts[at : at + 16]) for at in range(0, len(run.closed.salts), canonical.SALT_BYTES))
    return Publication(
        drawn=drawn,
        lines=lines(the_round.id),
        salts=salts,
        line_ids=run.closed.line_ids,
        numbers=run.numbers,
        arrays=run.arrays,
        answer=run.answer,
        withheld=withheld,
    )
