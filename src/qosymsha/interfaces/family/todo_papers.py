"""What a family must do about papers: a draft to file, a contract to sign, a paper that ends, a seat on offer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from django.urls import reverse

from qosymsha.domain.agreements import queries as agreements
from qosymsha.domain.agreements.states import Side, WaitState
from qosymsha.domain.intake import queries as intake
from qosymsha.domain.people.rules import ERASED_NAME
from qosymsha.interfaces.ui import texts
from qosymsha.interfaces.ui.signed import SignedRequest
from qosymsha.interfaces.ui.templatetags.agreed import direction
from qosymsha.interfaces.ui.templatetags.words import moment
from qosymsha.kernel.clock import local_day

DAY = "%d.%m.%Y"
_ASKED = ("late", "over", "missing", "soon")  # how a paper stands that the family must see to, the worst first


@dataclass(frozen=True, slots=True)
class Todo:
    """A thing to do: until which day (None: no hurry), whose and what, why, the page and its link's words."""

    by: date | None
    heading: str
    text: str
    address: str
    label: str


def of_papers(request: SignedRequest, names: Mapping[int, str]) -> Iterator[Todo]:
    """Everything about papers that waits for the guardian, in no order."""
    yield from _drafts(request, names)
    yield from _contracts(request)
    yield from _papers(request)
    yield from _offers(request)


def _drafts(request: SignedRequest, names: Mapping[int, str]) -> Iterator[Todo]:
    for one in intake.own_drafts(actor=request.actor, at=request.at):
        if one.is_open(request.at):
            day = local_day(one.closes_at)
            text = texts.say(request.language, "draft.not_filed", day=moment(one.closes_at))
            address = reverse("family-draft", args=[one.uuid])
            yield Todo(day, names.get(one.child_id, ERASED_NAME), text, address, _said(request, "draft.go_on"))


def _contracts(request: SignedRequest) -> Iterator[Todo]:
    for one in agreements.own_contracts(actor=request.actor, at=request.at):
        if one.wants(Side.FAMILY):
            text = texts.say(request.language, "agr.sign_by", day=f"{one.sign_by:{DAY}}")
            address = reverse("family-contract", args=[one.uuid])
            heading = f"{one.name} · {direction(one.activity)}"
            yield Todo(one.sign_by, heading, text, address, _said(request, "agr.read_contract"))


def _papers(request: SignedRequest) -> Iterator[Todo]:
    """The worst paper of each place: the page shows the others."""
    for place in agreements.own_papers(actor=request.actor, at=request.at):
        asked = [one for one in place.standings if one.stands in _ASKED]
        if asked:
            worst = min(asked, key=lambda one: _ASKED.index(one.stands))
            paper, stands = (_said(request, f"agr.{key}") for key in (f"paper.{worst.code}", f"stands.{worst.stands}"))
            until = "agr.due_by" if worst.stands in ("late", "missing") else "agr.holds_to"
            day = ", " + texts.say(request.language, until, day=f"{worst.on:{DAY}}") if worst.on else ""
            heading, address = f"{place.name} · {direction(place.activity)}", reverse("family-enrolment-papers")
            yield Todo(worst.on, heading, f"{paper}: {stands}{day}", address, _said(request, "agr.tell_paper"))


def _offers(request: SignedRequest) -> Iterator[Todo]:
    for one in agreements.own_waits(actor=request.actor, at=request.at):
        if one.state == WaitState.OFFERED:
            text = texts.say(request.language, "home.seat_offered", day=f"{one.until:{DAY}}" if one.until else "")
            heading = f"{one.name} · {direction(one.activity)}"
            yield Todo(one.until, heading, text, reverse("family-waiting"), _said(request, "home.look_seat"))


def _said(request: SignedRequest, key: str) -> str:
    return texts.say(request.language, key)
