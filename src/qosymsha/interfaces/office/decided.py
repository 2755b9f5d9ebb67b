"""Rows that officers decided in a silent family's place: their share, and a sample for the control to look at again."""

from __future__ import annotations

from django.http import Http404, HttpResponse

from qosymsha.domain.attendance import queries
from qosymsha.domain.attendance.access import Action
from qosymsha.domain.attendance.queries import hearings, office
from qosymsha.domain.programmes import queries as programmes
from qosymsha.interfaces.office.lists import month_filter
from qosymsha.interfaces.ui.signed import SignedRequest, allowed, page
from qosymsha.kernel.clock import local_day, month_of

PERMILLE = 200  # of the decided rows are looked at again; the sheet's hash, which nobody chose, says which


@allowed(Action.CONTROL)
def decided(request: SignedRequest) -> HttpResponse:
    """`/office/decided/?m=&p=`: a month's decided rows: how many of all, and the sample with evidence and decider."""
    month = month_filter(request) or month_of(local_day(request.at))
    mine = [p for p in programmes.programmes() if p.id in office.office_programmes(request.actor)]
    asked = request.GET.get("p", "")
    chosen = next((p for p in mine if str(p.uuid) == asked), None) if asked else next(iter(mine), None)
    if chosen is None and asked:
        raise Http404
    found = (
        queries.sampled_decisions(
            actor=request.actor, programme_id=chosen.id, month=month, permille=PERMILLE, at=request.at
        )
        if chosen
        else []
    )
    words = hearings.words_of_month(chosen.id, month) if chosen else {}
    decided_n = words.get("decided", 0) + words.get("rejected", 0)
    return page(
        request,
        "office/decided.html",
        month=month,
        programmes=mine,
        programme=chosen,
        decided=decided_n,
        total=sum(words.values()),
        share=1000 * decided_n // max(1, sum(words.values())),
        permille=PERMILLE,
        rows=hearings.decided_rows(actor=request.actor, row_ids=[row.row_id for row in found], at=request.at),
    )
