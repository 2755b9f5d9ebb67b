"""Language and messages in this door."""

from __future__ import annotations

from django.http import HttpResponse

from qosymsha.domain.messages.states import Door
from qosymsha.domain.people.access import Action
from qosymsha.interfaces.office.access import Look
from qosymsha.interfaces.ui import preferring
from qosymsha.interfaces.ui.signed import SignedRequest, allowed


@allowed(Look.PREFERENCES, post=Action.SET_PREFERENCES)
def preferences(request: SignedRequest) -> HttpResponse:
    """`/office/preferences/`: the language of pages and news, and how news comes; told again at any time."""
    return preferring.preferences(request, Door.OFFICE)
