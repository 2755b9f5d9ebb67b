"""The closed list as the engine's market, and the run: a pure function of frozen rows, made again at publication."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qosymsha.domain.allocation import canonical, draw, merkle
from qosymsha.domain.allocation.announcement import Announced
from qosymsha.domain.allocation.choice_list import ChoiceLine, ChoiceTerms, market_of, parse_line, parse_terms
from qosymsha.domain.allocation.freed import Applicants
from qosymsha.domain.allocation.market import Market
from qosymsha.domain.allocation.places import solve
from qosymsha.domain.choice.models import ChoiceRound, ChoiceSecret
from qosymsha.domain.choice.rules import TICKET_KIND, ChoiceRefusal
from qosymsha.domain.errands.states import Phase
from qosymsha.domain.errands.telling import tell
from qosymsha.domain.people import queries as people
from qosymsha.domain.programmes import queries as programmes
from qosymsha.domain.vouchers.queries import rows
from qosymsha.kernel.errors import Refused

CHUNK = 10_000
ENTRIES = 50_000
_ROWS = """
SELECT position, choice_list_id, line, leaf FROM choice_line
 WHERE round_id = %s AND position >= %s ORDER BY position LIMIT %s"""


@dataclass(frozen=True, slots=True)
class ClosedLists:
    """The closed list, n rows in the order of line ids; a salt is empty where the family's ticket is erased."""

    list_ids: list[int]
    lines: list[ChoiceLine]
    salts: list[bytes]
    leaves: bytearray

    def line_ids(self) -> NDArray[np.uint8]:
        """(n, 32) uint8."""
        return np.frombuffer(b"".join(line.line_id for line in self.lines), np.uint8).reshape(-1, 32)


@dataclass(frozen=True, slots=True)
class Frozen:
    """A drawn round as the engine sees it; `group_ids` are the groups of the terms, in their order."""

    terms: ChoiceTerms
    closed: ClosedLists
    numbers: NDArray[np.uint8]
    market: Market
    group_ids: list[int]


def announced(the_round: ChoiceRound) -> Announced:
    """What was published about the draw before the window opened."""
    secrets = ChoiceSecret.objects.filter(round_id=the_round.id).order_by("id")
    return Announced(
        round_id=the_round.number,
        rules_hash=programmes.rules_of(the_round.rule_set_id).hash.hex(),
        commitments=tuple(bytes(commitment) for commitment in secrets.values_list("commitment", flat=True)),
        beacon={"name": the_round.beacon_name},
    )


def root_of(terms_text: str, leaves: bytes | bytearray) -> bytes:
    """The root over the terms' leaf and the lines' leaves: what is published at close."""
    return merkle.root(canonical.terms_leaf(terms_text) + leaves)


def closed_lists(the_round: ChoiceRound) -> ClosedLists:
    """Read the frozen rows of a round; every leaf is hashed anew.

    Raises:
        Refused: `choice_list_changed` — the rows no longer have the root published at close.
    """
    found = ClosedLists([], [], [], bytearray())
    for chunk in _chunks(the_round.id):
        tickets = people.unseal(TICKET_KIND, [list_id for _, list_id, _, _ in chunk])
        for _, list_id, line, leaf in chunk:
            salt = draw.salt(tickets[list_id]) if list_id in tickets else b""
            found.list_ids.append(list_id)
            found.lines.append(parse_line(line))
            found.salts.append(salt)
            found.leaves.extend(canonical.leaf(salt, line) if salt else bytes(leaf))
        tell(Phase.LIST, len(found.list_ids))
    if root_of(the_round.terms, found.leaves) != bytes(the_round.root or b""):
        raise Refused(ChoiceRefusal.CHOICE_LIST_CHANGED, round=the_round.number)
    return found


def _chunks(round_id: int) -> Iterator[list[tuple[int, int, str, bytes]]]:
    start = 0
    while chunk := rows(_ROWS, [round_id, start, CHUNK]):
        yield [(position, list_id, line, bytes(leaf)) for position, list_id, line, leaf in chunk]
        start = chunk[-1][0] + 1


def frozen(the_round: ChoiceRound) -> Frozen:
    """The market of a drawn round from its frozen rows; the same rows and seed give the same one, always."""
    assert the_round.seed is not None, "a market needs its draw"
    terms, closed = parse_terms(the_round.terms), closed_lists(the_round)
    numbers = draw.numbers(bytes(the_round.seed), closed.line_ids())
    return Frozen(terms, closed, numbers, market_of(terms, closed.lines, numbers), _group_ids(terms))


def reserves_of(the_round: ChoiceRound) -> dict[int, list[tuple[str, int]]]:
    """Group → (category, places) that it keeps, for groups that keep any."""
    terms = parse_terms(the_round.terms)
    reserves = [list(group.reserves) for group in terms.groups]
    return {i: kept for i, kept in zip(_group_ids(terms), reserves, strict=True) if kept}


def _group_ids(terms: ChoiceTerms) -> list[int]:
    uuids = [group.id for group in terms.groups]
    found = dict(rows("SELECT uuid::text, id FROM club_group WHERE uuid = ANY (%s::uuid[])", [uuids]))
    return [found[uuid] for uuid in uuids]


def match_of(found: Frozen) -> NDArray[np.int32]:
    """The run: who goes where, int32 (n) of group numbers, UNPLACED for none."""
    tell(Phase.ENGINE)
    return solve(found.market).groups


def entries(found: Frozen, line: Applicants) -> Iterator[Iterator[tuple[int, int, int, int]]]:
    """Every wish on its group's list, chunk by chunk: (group id, place from 1, list id, rank of the wish from 1)."""
    market, ids, groups = found.market, found.closed.list_ids, found.group_ids
    for start in range(0, line.entries.size, ENTRIES):
        part = line.entries[start : start + ENTRIES]
        children, numbers = line.children[start : start + ENTRIES], market.groups[part]
        places = np.arange(start, start + part.size) - line.starts[numbers] + 1
        wishes = part - market.offsets[children] + 1
        columns = zip(numbers.tolist(), places.tolist(), children.tolist(), wishes.tolist(), strict=True)
        yield ((groups[group], place, ids[child], wish) for group, place, child, wish in columns)


def output_hash(lines: Sequence[ChoiceLine], match: NDArray[np.int32]) -> bytes:
    """SHA-256 of the answer: per line of the closed list its id and its group's number (4 bytes, big-endian)."""
    columns = b"".join(
        line.line_id + group.to_bytes(4, "big", signed=True) for line, group in zip(lines, match.tolist(), strict=True)
    )
    return hashlib.sha256(columns).digest()
