"""Applications and lists of wishes: where each stands and why; a category only after a second factor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import Http404, HttpResponse

from qosymsha.domain.admission import commands as filing
from qosymsha.domain.admission import queries as admission
from qosymsha.domain.admission.access import Action
from qosymsha.domain.admission.queries import OwnApplication
from qosymsha.domain.admission.states import ApplicationState
from qosymsha.domain.assistance import queries as assistance
from qosymsha.domain.assistance.queries import Help
from qosymsha.domain.attendance import queries as attendance
from qosymsha.domain.casework import queries as casework
from qosymsha.domain.choice import queries as choice
from qosymsha.domain.choice.queries import OwnList
from qosymsha.interfaces.family.access import Look
from qosymsha.interfaces.family.many import MANY
from qosymsha.interfaces.ui import reasons
from qosymsha.interfaces.ui.papers import receipt as papers
from qosymsha.interfaces.ui.signed import SignedRequest, allowed, allowed_post, key_of, moved, page, step_up
from qosymsha.interfaces.ui.templatetags.words import in_language
from qosymsha.kernel.text import sort_key

_TAKEN_BACK = frozenset({ApplicationState.SUBMITTED, ApplicationState.CHECKED, ApplicationState.WAITING})
_OVER = frozenset({ApplicationState.REJECTED, ApplicationState.WITHDRAWN, ApplicationState.ENDED})


@dataclass(frozen=True, slots=True)
class ApplicationShown:
    """An application in short, with the child's name; its state in a sentence, and in a word where many are folded."""

    one: OwnApplication
    name: str
    kind: str
    state: str
    word: str


@dataclass(frozen=True, slots=True)
class ListShown:
    """A list of wishes in short, with the child's name."""

    one: OwnList
    name: str


@allowed(Look.APPLICATIONS)
def applications(request: SignedRequest) -> HttpResponse:
    """`/family/applications/`: the applications and lists of wishes of one's children."""
    children = attendance.own_children(actor=request.actor, at=request.at)
    filed = [
        ApplicationShown(
            one,
            children[one.child_id].name,
            reasons.kind_name(one.kind, request.language),
            "" if one.state == "rejected" else f"why.state.{one.state}",
            "application.refused" if one.state == "rejected" else f"why.to.{one.state}",
        )
        for one in admission.own_applications(actor=request.actor, at=request.at)
    ]
    lists = choice.own_lists(actor=request.actor, at=request.at)
    wishes = [ListShown(one, children[one.child_id].name) for one in lists]
    if len(filed) > MANY:
        filed.sort(key=lambda shown: (shown.one.state in _OVER, sort_key(shown.name)))
    if len(wishes) > MANY:
        wishes.sort(key=lambda shown: sort_key(shown.name))
    words: dict[str, Any] = {
        "is_long": len(filed) > MANY,
        "is_long_list": len(wishes) > MANY,
        "helped": _helped(request),
    }
    return page(request, "family/applications.html", applications=filed, lists=wishes, **words)


def _helped(request: SignedRequest) -> list[tuple[Help, str]]:
    """What was done in one's name at a point, with the point's name."""
    found = assistance.own_help(actor=request.actor)
    points = {one.id: in_language(one) for one in casework.points()} if found else {}
    return [(one, points.get(one.point_id or 0, "")) for one in found]


@allowed(Look.APPLICATIONS)
def application(request: SignedRequest, application_uuid: UUID) -> HttpResponse:
    """`/family/applications/{uuid}/`: why it stands where it stands; the category after a fresh second factor."""
    one = _own(request, application_uuid)
    is_told = request.visit.fresh_proof(request.at, settings.STEP_UP_MINUTES) is not None
    told = admission.explain(actor=request.actor, application_id=one.id, at=request.at, with_category=is_told)
    lines = reasons.of_application(told, request.language)
    words: dict[str, Any] = {"title": one.number, "receipt": one.uuid, "lines": lines, "is_told": is_told}
    words["may_withdraw"] = one.state in _TAKEN_BACK
    return page(request, "family/why.html", **words, has_category=True, to_categories=one)


@allowed_post(Action.WITHDRAW)
def withdraw(request: SignedRequest, application_uuid: UUID) -> HttpResponse:
    """`/family/applications/{uuid}/withdraw/`: take it back; while the round is open another may be filed."""
    one = _own(request, application_uuid)
    guardian = request.actor.guardian_id or 0
    filing.withdraw_application(
        actor=request.actor, application_id=one.id, guardian_id=guardian, at=request.at, key=key_of(request)
    )
    return moved(request, "family-applications", said="application.withdrawn")


@allowed(Action.READ_RECEIPT)
@step_up
def receipt(request: SignedRequest, application_uuid: UUID) -> HttpResponse:
    """`/family/applications/{uuid}/receipt/`: the ticket, what was filed, the salted leaf, how to check."""
    one = _own(request, application_uuid)
    found = admission.receipt(actor=request.actor, application_id=one.id, at=request.at)
    paper = papers.paper_of(found, request.language, _address(request))
    return page(request, "family/receipt.html", one=one, paper=paper, ticket=found)


@allowed(Action.READ_RECEIPT)
@step_up
def receipt_paper(request: SignedRequest, application_uuid: UUID) -> HttpResponse:
    """The same as a PDF of one page."""
    one = _own(request, application_uuid)
    found = admission.receipt(actor=request.actor, application_id=one.id, at=request.at)
    content = papers.receipt_pdf(found, request.language, _address(request))
    return _download(content, "application/pdf", f"{one.number}.pdf")


@allowed(Action.READ_RECEIPT)
@step_up
def receipt_file(request: SignedRequest, application_uuid: UUID) -> HttpResponse:
    """The same as the file that the checking page takes."""
    one = _own(request, application_uuid)
    found = admission.receipt(actor=request.actor, application_id=one.id, at=request.at)
    return _download(papers.receipt_json(found).encode(), "application/json", f"{one.number}.json")


def _own(request: SignedRequest, application_uuid: UUID) -> OwnApplication:
    found = admission.own_applications(actor=request.actor, at=request.at)
    one = next((a for a in found if a.uuid == application_uuid), None)
    if one is None:
        raise Http404
    return one


def _address(request: SignedRequest) -> str:
    return settings.PUBLIC_ADDRESS or f"{request.scheme}://{request.get_host()}"


def _download(content: bytes, kind: str, name: str) -> HttpResponse:
    return HttpResponse(content, content_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})


@allowed(Look.APPLICATIONS)
def wishes(request: SignedRequest, list_uuid: UUID) -> HttpResponse:
    """`/family/choices/{uuid}/`: why a list of wishes got this group, or none yet."""
    one = next((x for x in choice.own_lists(actor=request.actor, at=request.at) if x.uuid == list_uuid), None)
    if one is None:
        raise Http404
    told = choice.explain(actor=request.actor, list_id=one.id, at=request.at)
    lines = reasons.of_list(told, request.language)
    return page(request, "family/why.html", title=one.round_number, lines=lines, has_category=False)
