"""What the city may ask the state's registers: about oneself, about each child; a no and a yes are one button each."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.http import Http404, HttpResponse

from qosymsha.domain.people import commands, consenting
from qosymsha.domain.people import queries as people
from qosymsha.domain.people.access import Action
from qosymsha.domain.people.consenting import OwnConsent
from qosymsha.domain.people.states import Purpose
from qosymsha.interfaces.family.access import Look
from qosymsha.interfaces.family.many import MANY
from qosymsha.interfaces.ui.signed import SignedRequest, allowed, allowed_post, key_of, moved, page
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.text import sort_key


@dataclass(frozen=True, slots=True)
class Asked:
    """About whom is asked (`child` None: oneself), the guardian's last word on it, and the words before.

    `is_stopped`: nothing is asked, by one's own no or by that of another who speaks for the child.
    """

    child: UUID | None
    name: str
    last: OwnConsent | None
    earlier: list[OwnConsent]
    is_stopped: bool

    @property
    def has_said_no(self) -> bool:
        """One's own last word is a no."""
        return self.last is not None and self.last.withdrawn_at is not None


@allowed(Look.CONSENTS)
def consents(request: SignedRequest) -> HttpResponse:
    """`/family/consents/`: what the city may ask and whom, since when, how it was allowed; what was said before."""
    wards = people.own_wards(actor=request.actor, at=request.at)
    is_long = len(wards) > MANY
    if is_long:
        wards.sort(key=lambda ward: sort_key(ward.name))
    words = consenting.own_consents(request.actor)
    stopped = consenting.stopped_children([ward.id for ward in wards], local_day(request.at))
    children = [_asked(words, ward.id, ward.uuid, ward.name, ward.id in stopped) for ward in wards]
    own = _asked(words, None, None, "", False)
    return page(request, "family/consents.html", own=own, children=children, is_long=is_long)


def _asked(words: list[OwnConsent], child_id: int | None, child: UUID | None, name: str, is_stopped: bool) -> Asked:
    about = [word for word in words if word.child_id == child_id]
    last = about[0] if about else None
    has_said_no = last is not None and last.withdrawn_at is not None
    return Asked(child, name, last, about[1:], is_stopped or has_said_no)


@allowed_post(Action.GIVE_CONSENT)
def give(request: SignedRequest, child_uuid: UUID | None = None) -> HttpResponse:
    """`/family/consents/give/`, `…/{child}/give/`: the city may ask, about oneself or about the child."""
    commands.give_consent(
        actor=request.actor,
        guardian_id=_guardian(request),
        child_id=_child(request, child_uuid),
        purpose=Purpose.REGISTRIES,
        at=request.at,
        key=key_of(request),
    )
    return moved(request, "family-consents", said="consent.given")


@allowed_post(Action.WITHDRAW_CONSENT)
def withdraw(request: SignedRequest, child_uuid: UUID | None = None) -> HttpResponse:
    """`/family/consents/withdraw/`, `…/{child}/withdraw/`: the city asks no more; what is decided stands."""
    commands.withdraw_consent(
        actor=request.actor,
        guardian_id=_guardian(request),
        child_id=_child(request, child_uuid),
        purpose=Purpose.REGISTRIES,
        at=request.at,
        key=key_of(request),
    )
    return moved(request, "family-consents", said="consent.withdrawn")


def _guardian(request: SignedRequest) -> int:
    """Whoever carries guardians' words has other doors: here one speaks for oneself."""
    if request.actor.guardian_id is None:
        raise Http404
    return request.actor.guardian_id


def _child(request: SignedRequest, child_uuid: UUID | None) -> int | None:
    if child_uuid is None:
        return None
    for ward in people.own_wards(actor=request.actor, at=request.at):
        if ward.uuid == child_uuid:
            return ward.id
    raise Http404
