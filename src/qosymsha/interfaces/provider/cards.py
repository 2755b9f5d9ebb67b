"""Children's cards at the door: the voucher that a child shows is read, by a reader or by its number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django import forms
from django.http import HttpResponse

from qosymsha.domain.attendance import commands, queries
from qosymsha.domain.attendance.access import Action
from qosymsha.domain.attendance.rules import CardRead, PresenceRefusal, Trace
from qosymsha.domain.attendance.states import CheckInKind
from qosymsha.interfaces.provider.access import Look
from qosymsha.interfaces.provider.house import house
from qosymsha.interfaces.provider.lessons import Lesson, own_lesson
from qosymsha.interfaces.ui import texts
from qosymsha.interfaces.ui.forms import Form, attempt, typed
from qosymsha.interfaces.ui.papers import voucher as papers
from qosymsha.interfaces.ui.signed import SignedRequest, allowed, key_of, moved, page
from qosymsha.kernel.clock import ZONE
from qosymsha.kernel.errors import Refused

_LONGEST = 600  # the address in a voucher's picture


class CardForm(Form):
    """What the reader typed: the address in the voucher's picture; or the number that stands under it."""

    code = forms.CharField(
        max_length=_LONGEST,
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false", "autofocus": True}
        ),
    )


@dataclass(frozen=True, slots=True)
class Came:
    """A child that came: by name, at what time, by its family's own scan or by its card."""

    name: str
    at: str
    is_card: bool


@allowed(Look.CODES, post=Action.READ_CARD)
def cards(request: SignedRequest, session_uuid: UUID) -> HttpResponse:
    """`/provider/lessons/{uuid}/cards/`: a field that a reader fills, child after child; who has come so far."""
    lesson = own_lesson(request, session_uuid)
    form = CardForm(typed(request))

    def read() -> bool:
        own = [one.enrolment_id for one in lesson.one.children]
        place = queries.place_of_voucher(number_in(form.cleaned_data["code"]), own)
        if place is None:
            form.add_error("code", texts.say(request.language, "card.unknown"))
            return False
        (outcome,) = commands.read_cards(
            actor=request.actor,
            provider_id=house(request),
            reads=[CardRead(lesson.one.session.id, place)],
            trace=Trace("", str(request.META.get("REMOTE_ADDR", ""))),
            at=request.at,
            key=key_of(request),
        )
        if outcome.reason not in (None, PresenceRefusal.ALREADY_CHECKED_IN):  # shown twice at the door: it is in
            raise Refused(outcome.reason)
        return True

    if attempt(request, form, read, dict.fromkeys(map(str, PresenceRefusal), "code")) and not form.errors:
        return moved(request, "provider-cards", session_uuid, said="card.done")
    words: dict[str, Any] = {"lesson": lesson, "form": form, "came": _came(request, lesson)}
    return page(request, "provider/cards.html", 422 if form.errors else 200, **words)


def number_in(text: str) -> str:
    """The voucher's number in what a reader typed: of an address what its code says, else the text itself."""
    code = text.strip().rstrip("/").rpartition("/voucher/")[2]
    told = papers.read(code)
    return told.number if told is not None else code.strip().upper()


def _came(request: SignedRequest, lesson: Lesson) -> list[Came]:
    found = queries.check_ins_of_lessons(
        actor=request.actor, provider_id=house(request), session_ids=[lesson.one.session.id], at=request.at
    )
    names = {one.enrolment_id: f"{one.surname} {one.given}".strip() for one in lesson.one.children}
    latest = sorted(found, key=lambda one: one.at, reverse=True)
    return [
        Came(names.get(one.enrolment_id, ""), f"{one.at.astimezone(ZONE):%H:%M}", one.kind == CheckInKind.CARD)
        for one in latest
    ]
