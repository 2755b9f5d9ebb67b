"""Which provider a signed-in person works for on these pages."""

from __future__ import annotations

from django.http import Http404

from qosymsha.domain.people.states import Role
from qosymsha.interfaces.ui.signed import SignedRequest

_CHOSEN = "provider"
_ROLES = frozenset({Role.TEACHER, Role.PROVIDER_MANAGER})


def houses(request: SignedRequest) -> list[int]:
    """Ids of the providers that the actor works for today."""
    grants = request.actor.grants
    return sorted({g.provider_id for g in grants if g.role in _ROLES and g.provider_id is not None})


def house(request: SignedRequest) -> int:
    """The provider these pages are about: the one chosen in this visit where it is still the actor's, else the first.

    Raises:
        Http404: the actor works for none.
    """
    mine = houses(request)
    if not mine:
        raise Http404
    chosen = request.session.get(_CHOSEN)
    return chosen if chosen in mine else mine[0]


def is_manager(request: SignedRequest) -> bool:
    """True where the actor manages the provider of these pages."""
    return request.actor.holds({Role.PROVIDER_MANAGER}, provider_id=house(request))
