"""What the programme's pages share: the programmes an official may see, names of colleagues, the day in the city."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from django.http import Http404

from qosymsha.domain.people import queries as people
from qosymsha.domain.people.states import Role
from qosymsha.domain.programmes import queries as programmes
from qosymsha.domain.programmes.queries import ProgrammeFacts
from qosymsha.interfaces.ui import texts
from qosymsha.interfaces.ui.signed import SignedRequest

READERS = frozenset({Role.PROGRAMME_OFFICER.value, Role.RULE_APPROVER.value, Role.AUDITOR.value})


def programmes_of(request: SignedRequest, roles: Collection[str] = READERS) -> list[ProgrammeFacts]:
    """The programmes of the territories where the actor has one of these roles."""
    return [p for p in programmes.programmes() if request.actor.holds(roles, territory_id=p.territory_id)]


def programme_of(request: SignedRequest, uuid: UUID, roles: Collection[str] = READERS) -> ProgrammeFacts:
    """The programme of this uuid.

    Raises:
        Http404: unknown, or of another territory.
    """
    found = next((p for p in programmes_of(request, roles) if p.uuid == uuid), None)
    if found is None:
        raise Http404
    return found


def programme_by_id(request: SignedRequest, programme_id: int) -> ProgrammeFacts:
    """The programme that a thing of it belongs to.

    Raises:
        Http404: of another territory.
    """
    found = next((p for p in programmes_of(request) if p.id == programme_id), None)
    if found is None:
        raise Http404
    return found


def chosen_programme(request: SignedRequest) -> tuple[list[ProgrammeFacts], ProgrammeFacts | None]:
    """All programmes one may see, and the one of `?p={uuid}`, else the first.

    Raises:
        Http404: the address names another.
    """
    mine, asked = programmes_of(request), request.GET.get("p", "")
    chosen = next((p for p in mine if str(p.uuid) == asked), None) if asked else next(iter(mine), None)
    if asked and chosen is None:
        raise Http404
    return mine, chosen


def names_of(*people_ids: int | None) -> dict[int, str]:
    """What colleagues are called at sign-in; officials have no other name here."""
    return people.subjects_of([one for one in people_ids if one])


def may(request: SignedRequest, table: dict[Any, frozenset[str]], action: Any, territory_id: int) -> bool:
    """Whether the actor may do that here: what a page offers."""
    return request.actor.holds(table[action], territory_id=territory_id)


def refusal(request: SignedRequest, reason: str) -> str:
    """The sentence of a refusal in the reader's language."""
    return texts.refusal(request.language, reason)
