"""One's own notices in this door."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse

from qosymsha.domain.messages.access import Action
from qosymsha.domain.messages.states import Door
from qosymsha.interfaces.family.access import Look
from qosymsha.interfaces.ui import inbox as shared
from qosymsha.interfaces.ui.signed import SignedRequest, allowed, allowed_post


@allowed(Look.NOTICES, post=Action.MARK_NOTICES)
def inbox(request: SignedRequest) -> HttpResponse:
    """`/family/notices/`: what one was told, the latest first; a POST marks all of it as read."""
    return shared.inbox(request, Door.FAMILY)


@allowed_post(Action.MARK_NOTICES)
def opened(request: SignedRequest, notice_uuid: UUID) -> HttpResponse:
    """`/family/notices/{uuid}/open/`: mark it as read and go where its matter stands."""
    return shared.opened(request, Door.FAMILY, notice_uuid)
