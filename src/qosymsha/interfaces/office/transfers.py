"""Transfers across departments' lines: who waits for which money, in turn; how the months of those who moved split."""

from __future__ import annotations

from django.http import Http404, HttpResponse

from qosymsha.domain.vouchers import commands, desk
from qosymsha.domain.vouchers.access import ALLOWED, Action
from qosymsha.interfaces.office.access import Look
from qosymsha.interfaces.ui.signed import SignedRequest, allowed, allowed_post, key_of, moved, page


@allowed(Look.TRANSFERS)
def transfers(request: SignedRequest) -> HttpResponse:
    """`/office/transfers/`: queues by line with their free money, each move in its turn, what the last moves split."""
    queues = desk.line_queues(actor=request.actor)
    waiting = desk.waiting_moves(actor=request.actor, at=request.at)
    shown = [(queue, [one for one in waiting if one.line_id == queue.line_id]) for queue in queues]
    return page(
        request,
        "office/transfers.html",
        queues=shown,
        programmes=sorted({queue.programme_id for queue in queues}),
        splits=desk.split_months(actor=request.actor, at=request.at),
        may_take=request.actor.holds(ALLOWED[Action.TAKE_TRANSFERS]),
    )


@allowed_post(Action.TAKE_TRANSFERS)
def take(request: SignedRequest) -> HttpResponse:
    """`/office/transfers/take/`: carry out, in turn, what the free money covers now; nobody is overtaken."""
    mine = {queue.programme_id for queue in desk.line_queues(actor=request.actor)}
    asked = str(request.POST.get("programme", ""))
    if not asked.isdecimal() or int(asked) not in mine:
        raise Http404
    run = commands.take_transfers(actor=request.actor, programme_id=int(asked), at=request.at, key=key_of(request))
    return moved(request, "office-transfers", said="transfers.taken", n=len(run.taken))
