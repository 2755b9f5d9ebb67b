"""Choice rounds, made again from their frozen lists, and judged as they are stored: INV-16 and INV-17."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from django.db import connection
from django.db.models import QuerySet
from numpy.typing import NDArray

from qosymsha.domain.allocation.announcement import RevealError, seed_of
from qosymsha.domain.allocation.freed import applicants
from qosymsha.domain.allocation.market import UNPLACED
from qosymsha.domain.allocation.stability import findings
from qosymsha.domain.allocation.standing import ranks_of_wishes
from qosymsha.domain.choice.models import ChoiceRound, ChoiceSecret
from qosymsha.domain.choice.queries import frozen
from qosymsha.domain.choice.queries.frozen import Frozen
from qosymsha.domain.insights.queries.found import EXAMPLES, Checking, Found, of
from qosymsha.kernel.errors import Refused

# A group without reserves took the first of its list who did not get a better wish: nobody who wished it more than what
# it got stands before the last taken, or waits while a place is free.
_ENVY = """
WITH plain AS (SELECT c.round_id, c.group_id, c.places,
                      (SELECT count(*) FROM choice_outcome o WHERE o.round_id = c.round_id AND o.group_id = c.group_id)
                      AS taken
                 FROM choice_cutoff c WHERE c.reserved = 0 /*only choice_round c.round_id*/),
     last AS (SELECT e.round_id, e.group_id, max(e.place) AS place FROM choice_entry e
                JOIN choice_outcome o ON o.choice_list_id = e.choice_list_id AND o.group_id = e.group_id
               WHERE true /*only choice_round e.round_id*/ GROUP BY 1, 2)
SELECT 'choice list ' || e.choice_list_id || ' group ' || e.group_id AS example
  FROM choice_entry e JOIN plain p ON p.round_id = e.round_id AND p.group_id = e.group_id
  JOIN choice_outcome o ON o.choice_list_id = e.choice_list_id
  LEFT JOIN last ON last.round_id = e.round_id AND last.group_id = e.group_id
 WHERE (o.wish IS NULL OR e.wish < o.wish) AND (e.place < last.place OR p.taken < p.places)
       /*only choice_round e.round_id*/
 UNION ALL
SELECT 'choice group ' || group_id FROM plain WHERE taken > places"""
_STORED = "SELECT choice_list_id, group_id, coalesce(wish, 0), number FROM choice_outcome WHERE round_id = %s"
_ENTRIES = """
SELECT group_id, place, choice_list_id, wish FROM choice_entry WHERE round_id = %s ORDER BY group_id, place"""


def stability(checking: Checking) -> Found:
    """INV-16: nobody had a better wish that its group would have taken before somebody it took; as it is stored.

    Groups without reserves by the definition, in the database; rounds with reserves by the independent judge.
    """
    total = checking.found(_ENVY)
    allocated = _touched(checking).filter(output_hash__isnull=False)
    for the_round in allocated.filter(choicecutoff__reserved__gt=0).distinct():
        try:
            found = frozen.frozen(the_round)
        except Refused:
            continue  # INV-17 says so
        faults = findings(found.market, _stored_match(the_round, found))
        total += of([f"choice round {the_round.id} {one.kind.value} child {one.child}" for one in faults])
    return total


def recomputation(checking: Checking) -> Found:
    """INV-17: seed, root, numbers, groups' lists and places of every choice round, made again and compared."""
    total = Found()
    for the_round in _touched(checking).filter(seed__isnull=False):
        total += of([f"choice round {the_round.id} {fault}" for fault in _faults(the_round)])
    return total


def _touched(checking: Checking) -> QuerySet[ChoiceRound]:
    touched, rounds = checking.ids("choice_round"), ChoiceRound.objects.order_by("id")
    return rounds if touched is None else rounds.filter(id__in=touched)


def _faults(the_round: ChoiceRound) -> Iterator[str]:
    if _seed(the_round) != bytes(the_round.seed or b""):
        yield "seed"
    try:
        found = frozen.frozen(the_round)
    except Refused:
        yield "root"
        return
    match = frozen.match_of(found)
    if findings(found.market, match):
        yield "independent checker"
    if the_round.output_hash is not None:
        if frozen.output_hash(found.closed.lines, match) != bytes(the_round.output_hash):
            yield "answer"
        yield from _stored_otherwise(the_round, found, match)


def _seed(the_round: ChoiceRound) -> bytes:
    """The seed from the root, the beacon and the revealed secrets; empty where a secret is not the one committed to."""
    secrets = ChoiceSecret.objects.filter(round_id=the_round.id).order_by("id").values_list("secret", flat=True)
    revealed = [bytes(secret or b"") for secret in secrets]
    try:
        root, beacon = bytes(the_round.root or b""), bytes(the_round.beacon_value or b"")
        return seed_of(frozen.announced(the_round), root, beacon, revealed)
    except RevealError:
        return b""


def _stored_match(the_round: ChoiceRound, found: Frozen) -> NDArray[np.int32]:
    """Who sits where by the stored outcomes, int32 (n) of the market's groups."""
    numbers = {group_id: number for number, group_id in enumerate(found.group_ids)}
    stored = {row[0]: numbers.get(row[1], UNPLACED) for row in _rows(_STORED, the_round.id)}
    return np.array([stored.get(list_id, UNPLACED) for list_id in found.closed.list_ids], np.int32)


def _stored_otherwise(the_round: ChoiceRound, found: Frozen, match: NDArray[np.int32]) -> Iterator[str]:
    """What stands in the tables against the run: places, ranks of wishes, numbers, the groups' lists."""
    ranks = ranks_of_wishes(found.market, match).tolist()
    numbers = found.numbers.tobytes()
    due = {
        list_id: (
            None if group == UNPLACED else found.group_ids[group],
            ranks[row],
            numbers[row * 32 : row * 32 + 32],
        )
        for row, (list_id, group) in enumerate(zip(found.closed.list_ids, match.tolist(), strict=True))
    }
    stored = {i: (group, wish, bytes(number)) for i, group, wish, number in _rows(_STORED, the_round.id)}
    wrong = [i for i in sorted(due.keys() | stored.keys()) if due.get(i) != stored.get(i)]
    yield from (f"outcome of choice list {i}" for i in wrong[:EXAMPLES])
    entries = sorted(entry for chunk in frozen.entries(found, applicants(found.market)) for entry in chunk)
    if entries != [tuple(row) for row in _rows(_ENTRIES, the_round.id)]:
        yield "groups' lists"


def _rows(statement: str, round_id: int) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, [round_id])
        return list(cursor.fetchall())
