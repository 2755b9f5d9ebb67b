"""A child's voucher to show at a club: a page and a PDF with a code that anyone can check and nobody can forge."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.http import Http404, HttpResponse

from qosymsha.domain.attendance import queries as attendance
from qosymsha.domain.people.states import Role
from qosymsha.domain.vouchers import queries
from qosymsha.domain.vouchers.states import VoucherState
from qosymsha.interfaces.family.access import Look
from qosymsha.interfaces.ui.papers import voucher as papers
from qosymsha.interfaces.ui.signed import SignedRequest, allowed, page


@dataclass(frozen=True, slots=True)
class Paper:
    """A voucher in words, and where its code leads; no code once it is closed."""

    number: str
    facts: list[tuple[str, str]]
    address: str


@allowed(Look.VOUCHERS)
def voucher(request: SignedRequest, voucher_uuid: UUID) -> HttpResponse:
    """`/family/vouchers/{uuid}/`: the voucher with its code, to be shown on the phone."""
    paper = _paper(request, voucher_uuid)
    picture = papers.picture(paper.address) if paper.address else ""
    return page(request, "family/voucher.html", voucher=voucher_uuid, paper=paper, picture=picture)


@allowed(Look.VOUCHERS)
def printed(request: SignedRequest, voucher_uuid: UUID) -> HttpResponse:
    """`/family/vouchers/{uuid}/voucher.pdf`: the same on paper; none of a voucher that is closed."""
    paper = _paper(request, voucher_uuid)
    if not paper.address:
        raise Http404
    content = papers.voucher_pdf(paper.facts, paper.address, request.language, request.at)
    headers = {"Content-Disposition": f'attachment; filename="{paper.number}.pdf"'}
    return HttpResponse(content, content_type="application/pdf", headers=headers)


def _paper(request: SignedRequest, voucher_uuid: UUID) -> Paper:
    found = queries.own_vouchers(actor=request.actor, at=request.at)
    one = next((voucher for voucher in found if voucher.uuid == voucher_uuid), None)
    if one is None:
        raise Http404
    child = attendance.own_children(actor=request.actor, at=request.at)[one.child_id]
    house = settings.PUBLIC_ADDRESS or f"{request.scheme}://{request.get_host()}"
    is_live = one.state != VoucherState.CLOSED
    address = papers.address_of(papers.code_of(one, child), request.language, house) if is_live else ""
    is_own = request.actor.holds({Role.YOUTH})
    return Paper(one.number, papers.facts_of(one, child, request.language, is_own=is_own), address)
