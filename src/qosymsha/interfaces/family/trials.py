"""Trial lessons: book one lesson of a group for a child, see what is booked, take it back."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.http import Http404, HttpResponse

from qosymsha.domain.attendance import queries as attendance
from qosymsha.domain.trials import commands, queries
from qosymsha.domain.trials.access import Action
from qosymsha.domain.trials.states import TrialState
from qosymsha.domain.vouchers import offers
from qosymsha.interfaces.family import shown
from qosymsha.interfaces.family.access import Look
from qosymsha.interfaces.ui.forms import Form, attempt, typed
from qosymsha.interfaces.ui.signed import SignedRequest, allowed, allowed_post, key_of, moved, page
from qosymsha.kernel.clock import local_day

_AT_LESSON = ("trial_lesson_gone", "trial_too_far", "trial_lesson_full")
_AT_CHILD = ("trial_wrong_age", "trial_has_place", "trial_once", "trial_too_many")
_FIELDS = dict.fromkeys(_AT_LESSON, "lesson") | dict.fromkeys(_AT_CHILD, "child")


class TrialForm(Form):
    """Which child, to which lesson."""

    child = forms.ChoiceField(widget=forms.RadioSelect)
    lesson = forms.ChoiceField(widget=forms.RadioSelect)

    def __init__(
        self, children: list[tuple[str, str]], lessons: list[tuple[str, str]], *args: object, **kwargs: object
    ) -> None:
        super().__init__(*args, **kwargs)
        self.offer("child", children)
        self.offer("lesson", lessons)

    def offer(self, name: str, choices: list[tuple[str, str]]) -> None:
        """What there is to choose from; a single one is chosen already."""
        field = self.fields[name]
        field.choices = choices  # type: ignore[attr-defined]
        field.initial = choices[0][0] if len(choices) == 1 else None


@allowed(Look.TRIALS)
def trials(request: SignedRequest) -> HttpResponse:
    """`/family/trials/`: what is booked, by day; below it what was."""
    found = queries.own_trials(actor=request.actor, at=request.at)
    coming = [one for one in found if one.state == TrialState.BOOKED and one.ends_at > request.at]
    coming.reverse()
    return page(
        request,
        "family/trials.html",
        coming=[(one, _when(request, one), _where(request, one)) for one in coming],
        over=[(one, _when(request, one)) for one in found if one not in coming and one.state != TrialState.CANCELLED],
        now=request.at,
    )


@allowed(Look.TRIALS, post=Action.BOOK)
def book(request: SignedRequest, group_uuid: UUID) -> HttpResponse:
    """`/family/groups/{uuid}/trial/`: come to one lesson of the group before deciding."""
    group = offers.group_offer(group_uuid, request.at)
    facts = queries.group_of(group_uuid)
    if group is None or facts is None:
        raise Http404
    children = attendance.own_children(actor=request.actor, at=request.at)
    lessons = queries.lessons_open(facts, request.at)
    form = TrialForm(
        [(str(one.uuid), one.name) for one in children.values()],
        [(str(one.uuid), _when(request, one)) for one in lessons],  # a booking sent twice names one it has filled
        typed(request),
    )

    def act() -> int:
        child = next(i for i, one in children.items() if str(one.uuid) == form.cleaned_data["child"])
        lesson = next(one.id for one in lessons if str(one.uuid) == form.cleaned_data["lesson"])
        return commands.book_trial(
            actor=request.actor, child_id=child, session_id=lesson, at=request.at, key=key_of(request)
        )

    if attempt(request, form, act, _FIELDS):
        return moved(request, "family-trials", said="trial.booked")
    form.offer("lesson", [(str(one.uuid), _when(request, one)) for one in lessons if not one.is_full])
    _, terms = queries.terms_of(facts.programme_id, local_day(request.at))
    words: dict[str, Any] = {
        "title": shown.in_words(request.language, group, "activity"),
        "address": shown.in_words(request.language, group, "address"),
        "terms": terms,
        "has_children": bool(children),
        "is_full": bool(lessons) and all(one.is_full for one in lessons),
        "has_lessons": bool(lessons),
    }
    return page(request, "family/trial.html", 422 if form.errors else 200, form=form, group=group, **words)


@allowed_post(Action.CANCEL)
def cancel(request: SignedRequest, trial_uuid: UUID) -> HttpResponse:
    """`/family/trials/{uuid}/cancel/`: the child does not come."""
    found = queries.own_trials(actor=request.actor, at=request.at)
    one = next((trial for trial in found if trial.uuid == trial_uuid), None)
    if one is None:
        raise Http404
    commands.cancel_trial(actor=request.actor, trial_id=one.id, at=request.at, key=key_of(request))
    return moved(request, "family-trials", said="trial.cancelled")


def _when(request: SignedRequest, one: queries.TrialShown | queries.TrialLessonOffer) -> str:
    day = shown.week_day(request.language, local_day(one.starts_at))
    return f"{day}, {shown.hours(one.starts_at, one.ends_at)}"


def _where(request: SignedRequest, one: queries.TrialShown) -> str:
    return shown.in_words(request.language, one, "address")
