"""One's own notices, as each signed-in door shows them; a door adds its address, its access and its frame."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.http import Http404, HttpResponse

from qosymsha.domain.messages import commands, queries
from qosymsha.domain.messages.queries import NoticeShown
from qosymsha.domain.messages.states import Door
from qosymsha.domain.people.states import Role
from qosymsha.interfaces.ui import notices
from qosymsha.interfaces.ui.signed import SignedRequest, moved, page

_MOST_PAGES = 200


@dataclass(frozen=True, slots=True)
class Line:
    """A notice in words: whose children, the sentence, when it was told, whether it is new, whether its day is over."""

    uuid: UUID
    heading: str
    text: str
    told_at: datetime
    is_fresh: bool
    is_over: bool


def inbox(request: SignedRequest, door: Door) -> HttpResponse:
    """The page of one's own notices; a POST marks all of them as read."""
    if request.method == "POST":
        commands.mark_all_read(actor=request.actor, door=door, at=request.at)
        return moved(request, f"{door}-notices", said="notices.read_done")
    number = _number(request)
    found, has_more = queries.inbox(actor=request.actor, door=door, at=request.at, page=number)
    lines = [_line(request, door, one) for one in found]
    return page(
        request,
        f"{door}/notices.html",
        lines=lines,
        has_fresh=any(one.is_fresh for one in lines),
        newer=number - 1,
        older=number + 1 if has_more else 0,
    )


def opened(request: SignedRequest, door: Door, notice_uuid: UUID) -> HttpResponse:
    """Mark one's own notice as read and go where its matter stands."""
    kind = commands.mark_read(actor=request.actor, door=door, notice_uuid=notice_uuid, at=request.at)
    return moved(request, notices.path_of(request.language, door, kind))


def _line(request: SignedRequest, door: Door, one: NoticeShown) -> Line:
    said = notices.said(request.language, door, one.kind, one.n, one.due_at)
    is_over = one.due_at is not None and one.due_at <= request.at
    heading = "" if request.actor.holds({Role.YOUTH}) else ", ".join(one.children)  # a child's own need no name
    return Line(one.uuid, heading, said.text, one.told_at, one.read_at is None, is_over)


def _number(request: SignedRequest) -> int:
    asked = request.GET.get("page", "1")
    if not (asked.isascii() and asked.isdigit() and 1 <= int(asked[:6]) <= _MOST_PAGES):
        raise Http404
    return int(asked)
