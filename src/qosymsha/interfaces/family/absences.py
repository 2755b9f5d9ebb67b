"""Absences: a family announces them, sees a warning before anything happens, and speaks up in the hearing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from django import forms
from django.http import Http404, HttpResponse

from qosymsha.domain.attendance import commands, queries
from qosymsha.domain.attendance.access import Action
from qosymsha.domain.attendance.queries import OwnCase, OwnNotice, OwnPlace
from qosymsha.domain.attendance.rules import Notice
from qosymsha.domain.attendance.states import AbsenceState, MarkValue
from qosymsha.domain.people.rules import ERASED_NAME
from qosymsha.interfaces.family import shown
from qosymsha.interfaces.family.access import Look
from qosymsha.interfaces.ui import texts
from qosymsha.interfaces.ui.forms import Form, attempt, typed
from qosymsha.interfaces.ui.signed import SignedRequest, allowed, key_of, moved, page

_FIELDS = {
    "unknown_place": "place",
    "unknown_absence": "kind",
    "wrong_days": "last",
    "reason_missing": "reason",
    "paper_missing": "paper",
}
_DAY = ["%Y-%m-%d", "%d.%m.%Y"]


@dataclass(frozen=True, slots=True)
class CaseShown:
    """A long absence with the child's name and the group's."""

    one: OwnCase
    name: str
    title: str

    @property
    def is_suspended(self) -> bool:
        """True once the place is suspended and the hearing runs."""
        return self.one.state == AbsenceState.SUSPENDED


@dataclass(frozen=True, slots=True)
class NoticeShown:
    """An announced absence with the child's name and the group's."""

    one: OwnNotice
    name: str
    title: str
    kind: str


class AnnounceForm(Form):
    """Who is away, why, from when until when, by which paper."""

    place = forms.ChoiceField()
    kind = forms.ChoiceField(widget=forms.RadioSelect)
    first = forms.DateField(input_formats=_DAY, widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}))
    last = forms.DateField(input_formats=_DAY, widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}))
    reason = forms.CharField(max_length=500, widget=forms.Textarea(attrs={"rows": 2}))
    paper = forms.CharField(required=False, max_length=60)

    def __init__(self, places: Sequence[tuple[str, str]], language: str, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.fields["place"].choices = places  # type: ignore[attr-defined]
        kinds = [
            (MarkValue.ILL.value, texts.say(language, "absence.ill")),
            (MarkValue.EXCUSED.value, texts.say(language, "absence.excused")),
        ]
        self.fields["kind"].choices = kinds  # type: ignore[attr-defined]


class ObjectForm(Form):
    """What the family says in the hearing."""

    reason = forms.CharField(max_length=1000, widget=forms.Textarea(attrs={"rows": 4}))


@allowed(Look.ABSENCES, post=Action.ANNOUNCE)
def absences(request: SignedRequest) -> HttpResponse:
    """`/family/absences/`: what was announced, what is warned of; a POST announces an absence."""
    children = queries.own_children(actor=request.actor, at=request.at)
    names = {i: child.name for i, child in children.items()}
    places = queries.own_places(actor=request.actor, at=request.at)
    choices = [(str(p.uuid), f"{names[p.child_id]} · {_title(request, p)}") for p in places]
    form = AnnounceForm(choices, request.language, typed(request), initial={"place": choices[0][0] if choices else ""})
    by_uuid = {str(place.uuid): place for place in places}
    if attempt(request, form, lambda: _announce(request, form, by_uuid), _FIELDS):
        return moved(request, "family-absences", said="absence.announced")
    found = queries.own_notices(actor=request.actor, at=request.at)
    words = {
        "form": form,
        "has_places": bool(places),
        "cases": own_cases(request, names),
        "notices": [_notice(request, names, one) for one in found],
    }
    return page(request, "family/absences.html", 422 if form.errors else 200, **words)


def own_cases(request: SignedRequest, names: Mapping[int, str]) -> list[CaseShown]:
    """The long absences of the guardian's children, by name."""
    found = queries.own_absence_cases(actor=request.actor, at=request.at)
    return [CaseShown(one, names.get(one.child_id, ERASED_NAME), _title(request, one)) for one in found]


def _notice(request: SignedRequest, names: dict[int, str], one: OwnNotice) -> NoticeShown:
    return NoticeShown(
        one,
        names.get(one.child_id, ERASED_NAME),
        _title(request, one),
        texts.say(request.language, f"absence.{one.kind}"),
    )


def _title(request: SignedRequest, one: OwnPlace | OwnCase | OwnNotice) -> str:
    return shown.in_words(request.language, one.group, "title")


def _announce(request: SignedRequest, form: AnnounceForm, places: dict[str, OwnPlace]) -> int:
    said = form.cleaned_data
    notice = Notice(
        places[said["place"]].enrolment_id,
        request.actor.guardian_id or 0,
        said["kind"],
        said["first"],
        said["last"],
        said["reason"],
        said["paper"],
    )
    return commands.announce_absence(actor=request.actor, notice=notice, at=request.at, key=key_of(request))


@allowed(Look.ABSENCES, post=Action.OBJECT)
def case(request: SignedRequest, case_uuid: UUID) -> HttpResponse:
    """`/family/absences/{uuid}/`: a long absence, what follows when; a POST is the family's objection."""
    children = queries.own_children(actor=request.actor, at=request.at)
    names = {i: child.name for i, child in children.items()}
    found = next((c for c in own_cases(request, names) if c.one.uuid == case_uuid), None)
    if found is None:
        raise Http404
    form = ObjectForm(typed(request))
    if attempt(request, form, lambda: _object(request, found.one.id, form), {"reason_missing": "reason"}):
        return moved(request, "family-case", case_uuid, said="absence.heard")
    return page(request, "family/case.html", 422 if form.errors else 200, form=form, case=found)


def _object(request: SignedRequest, case_id: int, form: ObjectForm) -> None:
    commands.object_to_absence(
        actor=request.actor,
        case_id=case_id,
        guardian_id=request.actor.guardian_id or 0,
        reason=form.cleaned_data["reason"],
        at=request.at,
        key=key_of(request),
    )
