"""Enrolment papers as the family and the provider's manager see them. No office list shows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from qosymsha.domain.agreements.access import Action
from qosymsha.domain.agreements.queries.asked import guardian_of, names, of_house, rows
from qosymsha.domain.agreements.queries.places import Place, places, standings
from qosymsha.domain.agreements.rules import PaperStanding
from qosymsha.domain.agreements.states import PAPER
from qosymsha.domain.documents import queries as documents
from qosymsha.domain.documents.queries import DocumentHead
from qosymsha.domain.people import queries as people
from qosymsha.domain.people.rules import ERASED_NAME
from qosymsha.kernel.actor import Actor
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.text import sort_key

TO_DO = ("late", "over", "given", "missing", "soon")  # what is looked at first


class PaperShown(NamedTuple):
    """A paper that was told of or seen; the number whole for its family, and for the provider who saw it."""

    id: int
    uuid: UUID
    child_id: int
    provider_id: int
    code: str
    issued_on: date
    valid_until: date | None
    state: str
    reason: str
    document_id: int | None
    number: str = ""


@dataclass(frozen=True, slots=True)
class PlacePapers:
    """A place with the papers asked of its child, and what was brought, newest first."""

    place: UUID
    enrolment_id: int
    child_id: int
    name: str
    group: str
    activity: str
    provider: str
    standings: tuple[PaperStanding, ...]
    brought: tuple[PaperShown, ...]

    @property
    def worst(self) -> int:
        """How urgent: 0 is the most."""
        return min((TO_DO.index(s.stands) for s in self.standings if s.stands in TO_DO), default=len(TO_DO))


_LIVE = """
SELECT e.id, e.child_id, e.uuid, g.code, o.activity_id, p.name FROM enrolment e JOIN club_group g ON g.id = e.group_id
  JOIN offering o ON o.id = g.offering_id JOIN provider p ON p.id = e.provider_id
 WHERE e.state IN ('contracted', 'active') AND """
_BROUGHT = """
SELECT p.id, p.uuid, p.child_id, p.provider_id, p.code, p.issued_on, p.valid_until, p.state, p.reason, p.document_id
  FROM enrolment_paper p JOIN unnest(%s::bigint[], %s::bigint[]) AS asked (child_id, provider_id)
       USING (child_id, provider_id) ORDER BY p.id DESC"""


def own_papers(*, actor: Actor, at: datetime) -> list[PlacePapers]:
    """The places of the guardian's children with the papers they ask for; an audited read.

    Raises:
        Forbidden: the actor is no guardian.
    """
    children = people.own_child_ids(guardian_of(actor), local_day(at))
    found = rows(_LIVE + "e.child_id = ANY (%s) ORDER BY e.id", [children])
    return _shown(actor, Action.READ_OWN, found, at, None)


def own_papers_of(*, actor: Actor, place: UUID, at: datetime) -> PlacePapers | None:
    """The papers of one place of a child of the guardian's; None for another's; an audited read of that child alone.

    Raises:
        Forbidden: the actor is no guardian.
    """
    children = people.own_child_ids(guardian_of(actor), local_day(at))
    found = rows(_LIVE + "e.child_id = ANY (%s) AND e.uuid = %s", [children, place])
    return next(iter(_shown(actor, Action.READ_OWN, found, at, None)), None) if found else None


def papers_of_provider(*, actor: Actor, provider_id: int, at: datetime) -> list[PlacePapers]:
    """A provider's children with the papers asked of them, the most urgent first; an audited read.

    Raises:
        Forbidden: the actor does not manage the provider.
    """
    territory_id = of_house(actor, provider_id)
    found = rows(_LIVE + "g.provider_id = %s ORDER BY g.code, e.id", [provider_id])
    shown = _shown(actor, Action.READ_HOUSE, found, at, territory_id)
    return sorted((one for one in shown if one.standings), key=lambda one: (one.worst, one.group, sort_key(one.name)))


def papers_to_look_at(*, actor: Actor, provider_id: int) -> int:
    """How many papers families told of and nobody has looked at; a number.

    Raises:
        Forbidden: the actor does not manage the provider.
    """
    of_house(actor, provider_id)
    ((n,),) = rows("SELECT count(*) FROM enrolment_paper WHERE provider_id = %s AND state = 'given'", [provider_id])
    return int(n)


def papers_of_place(*, actor: Actor, provider_id: int, place: UUID, at: datetime) -> PlacePapers | None:
    """The papers of one of the provider's places; None for another's; an audited read of that child alone.

    Raises:
        Forbidden: the actor does not manage the provider.
    """
    territory_id = of_house(actor, provider_id)
    found = rows(_LIVE + "g.provider_id = %s AND e.uuid = %s", [provider_id, place])
    return next(iter(_shown(actor, Action.READ_HOUSE, found, at, territory_id)), None) if found else None


def scan_of(*, actor: Actor, action: Action, paper: PaperShown, at: datetime) -> tuple[DocumentHead, bytes] | None:
    """The scan of a paper that the actor has just been shown by this action, with its bytes; None where it has none.

    Raises:
        Refused: paper_erased.
    """
    about = documents.documents_about(PAPER, [paper.id]).get(paper.id, [])
    head = next((one for one in about if one.id == paper.document_id), None)
    if head is None:
        return None
    return head, documents.content_of(actor=actor, document=head, action=action, at=at)


def _shown(
    actor: Actor, action: Action, found: Sequence[tuple[Any, ...]], at: datetime, territory_id: int | None
) -> list[PlacePapers]:
    facts = places([row[0] for row in found])
    stand = standings(list(facts.values()), local_day(at))
    brought = _brought(list(facts.values()))
    children = {row[1] for row in found}
    records = [p.id for papers in brought.values() for p in papers]
    named = names(actor, action, ("enrolment_paper", records), children, at, territory_id)
    return [
        PlacePapers(
            uuid, i, child_id, named.get(child_id, ERASED_NAME), code, activity, provider, tuple(stand[i]),
            tuple(brought.get((child_id, facts[i].provider_id), ())),
        )
        for i, child_id, uuid, code, activity, provider in found
    ]  # fmt: skip


def _brought(found: Sequence[Place]) -> dict[tuple[int, int], list[PaperShown]]:
    pairs = sorted({(p.child_id, p.provider_id) for p in found})
    papers = [PaperShown(*row) for row in rows(_BROUGHT, [[c for c, _ in pairs], [p for _, p in pairs]])]
    numbers = people.unseal("enrolment_paper", [p.id for p in papers])
    shown: dict[tuple[int, int], list[PaperShown]] = {}
    for paper in papers:
        whole = paper._replace(number=numbers.get(paper.id, b"").decode())
        shown.setdefault((paper.child_id, paper.provider_id), []).append(whole)
    return shown


def paper_id(provider_id: int, uuid: UUID) -> int | None:
    """A provider's paper by its outside id; another's is as unknown as none."""
    found = rows("SELECT id FROM enrolment_paper WHERE uuid = %s AND provider_id = %s", [uuid, provider_id])
    return found[0][0] if found else None
