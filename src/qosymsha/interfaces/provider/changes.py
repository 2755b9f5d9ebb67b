"""One lesson in the manager's hands: what was changed about it; move, make up, cancel, reinstate, another teacher."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django import forms
from django.http import Http404, HttpResponse

from qosymsha.domain.attendance import commands, queries
from qosymsha.domain.attendance.access import Action
from qosymsha.domain.attendance.rules import SessionFacts, SessionMove, Substitution
from qosymsha.domain.attendance.states import SessionState
from qosymsha.domain.providers import queries as providers
from qosymsha.domain.providers.rules import GroupFacts
from qosymsha.interfaces.provider.access import Look
from qosymsha.interfaces.provider.house import managed
from qosymsha.interfaces.provider.month import ReasonForm
from qosymsha.interfaces.ui import texts
from qosymsha.interfaces.ui.forms import attempt, typed
from qosymsha.interfaces.ui.signed import SignedRequest, allowed, key_of, moved, page
from qosymsha.kernel.clock import ZONE, local_instant
from qosymsha.kernel.text import sort_key

_FIELDS = {
    "teacher_busy": "teacher",
    "unknown_teacher": "teacher",
    "nothing_changes": "teacher",
    "venue_full": "venue",
    "unknown_venue": "venue",
    "day_off": "on",
    "lesson_past": "on",
    "group_not_running": "on",
    "group_busy": "on",
    "across_midnight": "starts",
    "reason_missing": "reason",
}


@dataclass(frozen=True, slots=True)
class OneLesson:
    """A lesson as these pages show it."""

    uuid: UUID
    facts: SessionFacts
    group: GroupFacts
    address: str
    teacher: str

    @property
    def hours(self) -> str:
        """Its hours in Astana's time."""
        return f"{self.facts.starts_at.astimezone(ZONE):%H:%M}–{self.facts.ends_at.astimezone(ZONE):%H:%M}"

    @property
    def may_move(self) -> bool:
        """Planned, or cancelled and not made up yet."""
        return self.facts.state in (SessionState.PLANNED, SessionState.CANCELLED) and self.facts.moved_to is None

    @property
    def may_cancel(self) -> bool:
        """Planned."""
        return self.facts.state == SessionState.PLANNED

    @property
    def may_reinstate(self) -> bool:
        """Cancelled and not made up."""
        return self.facts.state == SessionState.CANCELLED and self.facts.moved_to is None

    @property
    def may_substitute(self) -> bool:
        """Planned or held."""
        return self.facts.state in (SessionState.PLANNED, SessionState.HELD)


class MoveForm(ReasonForm):
    """Another day and time; another room or teacher, where one is chosen."""

    on = forms.DateField(widget=forms.DateInput({"type": "date"}, "%Y-%m-%d"), input_formats=["%Y-%m-%d"])
    starts = forms.TimeField(widget=forms.TimeInput({"type": "time"}, "%H:%M"), input_formats=["%H:%M", "%H:%M:%S"])
    venue = forms.ChoiceField(required=False)
    teacher = forms.ChoiceField(required=False)
    field_order = ("on", "starts", "venue", "teacher", "reason")


class SubstituteForm(ReasonForm):
    """Another teacher."""

    teacher = forms.ChoiceField()
    field_order = ("teacher", "reason")


@allowed(Look.LESSON)
def lesson(request: SignedRequest, session_uuid: UUID) -> HttpResponse:
    """`/provider/lesson/{uuid}/`: the lesson, what was changed about it, children who have another lesson then."""
    provider_id, one = managed(request), _own(request, session_uuid)
    places = queries.clashes([one.facts.id]).get(one.facts.id, [])
    names = {}
    if places:
        names = queries.place_names(actor=request.actor, provider_id=provider_id, enrolment_ids=places, at=request.at)
    changes = queries.changes_of([one.facts.id])
    pointed = {c.to_session for c in changes if c.to_session} | ({one.facts.moved_to} if one.facts.moved_to else set())
    return page(
        request,
        "provider/lesson.html",
        one=one,
        changes=changes,
        later=next(iter(queries.session_uuids(pointed).values()), None),
        clashes=sorted((" ".join(name).strip() for name in names.values()), key=sort_key),
    )


@allowed(Look.LESSON, post=Action.MOVE)
def move(request: SignedRequest, session_uuid: UUID) -> HttpResponse:
    """`/provider/lesson/{uuid}/move/`: to another day, time, room; a cancelled lesson is made up so."""
    provider_id, one = managed(request), _own(request, session_uuid)
    venues, teachers = providers.venues_of(provider_id), _teachers(request, provider_id)
    starts_at = one.facts.starts_at.astimezone(ZONE)
    first = {"on": starts_at.date(), "starts": f"{starts_at:%H:%M}"}
    form = MoveForm(typed(request), initial=first)
    as_before = {"": texts.say(request.language, "change.as_before")}
    _choose(form, "venue", as_before | {str(v.uuid): _address(v, request.language) for v in venues})
    _choose(form, "teacher", as_before | _labels(teachers))

    def act() -> object:
        typed_in = form.cleaned_data
        at = local_instant(typed_in["on"], typed_in["starts"].hour, typed_in["starts"].minute)
        venue_id = next((v.id for v in venues if str(v.uuid) == typed_in["venue"]), None)
        teacher_id = next((t.id for t in teachers if str(t.uuid) == typed_in["teacher"]), None)
        wish = SessionMove(one.facts.id, at, venue_id=venue_id, teacher_id=teacher_id)
        given = _envelope(request, provider_id, typed_in["reason"])
        return commands.move_session(move=wish, **given)

    return _changed(request, one, form, act, "made_up" if one.may_reinstate else "moved")


@allowed(Look.LESSON, post=Action.CANCEL)
def cancel(request: SignedRequest, session_uuid: UUID) -> HttpResponse:
    """`/provider/lesson/{uuid}/cancel/`: it does not take place; it may be made up later."""
    provider_id, one, form = managed(request), _own(request, session_uuid), ReasonForm(typed(request))

    def act() -> object:
        given = _envelope(request, provider_id, form.cleaned_data["reason"])
        return commands.cancel_session(session_id=one.facts.id, **given)

    return _changed(request, one, form, act, "cancelled")


@allowed(Look.LESSON, post=Action.REINSTATE)
def reinstate(request: SignedRequest, session_uuid: UUID) -> HttpResponse:
    """`/provider/lesson/{uuid}/reinstate/`: a cancelled lesson takes place after all."""
    provider_id, one, form = managed(request), _own(request, session_uuid), ReasonForm(typed(request))

    def act() -> object:
        given = _envelope(request, provider_id, form.cleaned_data["reason"])
        return commands.reinstate_session(session_id=one.facts.id, **given)

    return _changed(request, one, form, act, "reinstated")


@allowed(Look.LESSON, post=Action.SUBSTITUTE)
def substitute(request: SignedRequest, session_uuid: UUID) -> HttpResponse:
    """`/provider/lesson/{uuid}/substitute/`: another of the provider's teachers takes it."""
    provider_id, one = managed(request), _own(request, session_uuid)
    teachers = [t for t in _teachers(request, provider_id) if t.id != one.facts.teacher_id]
    form = SubstituteForm(typed(request))
    _choose(form, "teacher", _labels(teachers))

    def act() -> object:
        teacher_id = next(t.id for t in teachers if str(t.uuid) == form.cleaned_data["teacher"])
        given = _envelope(request, provider_id, form.cleaned_data["reason"])
        return commands.substitute_teacher(wish=Substitution(one.facts.id, teacher_id), **given)

    return _changed(request, one, form, act, "substituted")


def _changed(
    request: SignedRequest, one: OneLesson, form: ReasonForm, act: Callable[[], object], verb: str
) -> HttpResponse:
    """The one way of these pages: the form, or the lesson that now takes place, with what was done said."""
    if attempt(request, form, act, {reason: field for reason, field in _FIELDS.items() if field in form.fields}):
        new = form.outcome.session_id if isinstance(form.outcome, commands.Moved) else one.facts.id
        return moved(request, "provider-lesson", queries.session_uuids([new])[new], said=f"change.{verb}.done")
    status = 422 if form.errors else 200
    shown = [(bound, f"change.{bound.name}") for bound in form]
    return page(request, "provider/change.html", status, one=one, form=form, fields=shown, verb=verb)


def _own(request: SignedRequest, session_uuid: UUID) -> OneLesson:
    provider_id = managed(request)
    facts = queries.own_session(provider_id, session_uuid)
    if facts is None:
        raise Http404
    venue = next(v for v in providers.venues_of(provider_id) if v.id == facts.venue_id)
    teachers = {t.id: t.name for t in _teachers(request, provider_id)}
    group = providers.group_facts([facts.group_id])[facts.group_id]
    return OneLesson(session_uuid, facts, group, _address(venue, request.language), teachers.get(facts.teacher_id, ""))


def _teachers(request: SignedRequest, provider_id: int) -> list[providers.TeacherName]:
    return providers.teachers_of(actor=request.actor, provider_id=provider_id)


def _labels(teachers: list[providers.TeacherName]) -> dict[str, str]:
    """Uuid → name; who has none is told apart by a number."""
    return {str(t.uuid): t.name or f"№ {n}" for n, t in enumerate(teachers, 1)}


def _address(venue: providers.VenueFacts, language: str) -> str:
    return venue.address_kk if language == "kk" else venue.address_ru


def _choose(form: forms.Form, name: str, labels: Mapping[str, str]) -> None:
    field = form.fields[name]
    assert isinstance(field, forms.ChoiceField)
    field.choices = list(labels.items())


def _envelope(request: SignedRequest, provider_id: int, reason: str) -> dict[str, Any]:
    at: datetime = request.at
    return {
        "actor": request.actor, "provider_id": provider_id, "reason": reason, "at": at, "key": key_of(request),
    }  # fmt: skip
