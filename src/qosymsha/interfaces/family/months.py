"""The month: a guardian confirms it, disputes it or days of it, takes a dispute back; always by a second factor."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from django import forms
from django.conf import settings
from django.http import Http404, HttpResponse

from qosymsha.domain.attendance import commands, queries
from qosymsha.domain.attendance.access import Action
from qosymsha.domain.attendance.queries import DayHeld, MonthDay, OwnMonth
from qosymsha.domain.attendance.rules import Word
from qosymsha.domain.attendance.states import CheckInKind, HoldState, MarkValue, WordState
from qosymsha.interfaces.family import installation, shown
from qosymsha.interfaces.family.access import Look
from qosymsha.interfaces.ui import texts
from qosymsha.interfaces.ui.forms import Form, attempt, typed
from qosymsha.interfaces.ui.signed import SignedRequest, allowed, key_of, moved, page, step_up
from qosymsha.kernel.clock import local_day

CONFIRM, DAYS, WHOLE = "confirm", "days", "whole"


@dataclass(frozen=True, slots=True)
class DayShown:
    """A lesson of a month in words; `hold` names what holds the day, `why` what the deciding person wrote."""

    one: MonthDay
    day: str
    mark: str
    is_scanned: bool
    hold: str
    why: str
    may_dispute: bool


@dataclass(frozen=True, slots=True)
class MonthShown:
    """A child's month in words; `word` names the sentence on how it stands."""

    one: OwnMonth
    name: str
    title: str
    word: str
    days: tuple[DayShown, ...]
    is_late: bool

    @property
    def disputable(self) -> list[DayShown]:
        """Days that may be disputed."""
        return [day for day in self.days if day.may_dispute]


class ConfirmForm(Form):
    """Which months' buttons were pressed."""

    row = forms.CharField(required=False)


class WordForm(Form):
    """A guardian's word on one month: the button, the days ticked, the reason."""

    word = forms.ChoiceField(choices=[(w, w) for w in (CONFIRM, DAYS, WHOLE)])
    days = forms.TypedMultipleChoiceField(coerce=int, required=False, widget=forms.CheckboxSelectMultiple)
    reason = forms.CharField(required=False, max_length=500, widget=forms.Textarea(attrs={"rows": 3}))

    def __init__(self, choices: Sequence[tuple[int, str]], *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.fields["days"].choices = choices  # type: ignore[attr-defined]


@allowed(Look.MONTHS, post=Action.CONFIRM)
def months(request: SignedRequest) -> HttpResponse:
    """`/family/months/`: the months of all one's children; a POST confirms one, or all that were shown open."""
    if request.method == "POST":
        return _after_proof(request, _confirmed)
    return _list(request, ConfirmForm(typed(request)))


def _list(request: SignedRequest, form: ConfirmForm) -> HttpResponse:
    every = shown_months(request)
    waiting = [m for m in every if m.one.is_open]
    asked = set(form.data.getlist("row")) if form.is_bound else set()  # type: ignore[attr-defined]
    words = {
        "form": form,
        "waiting": waiting,
        "spoken": [m for m in every if not m.one.is_open],
        "again": [m for m in waiting if str(m.one.uuid) in asked],
    }
    return installation.named(request, page(request, "family/months.html", 422 if form.errors else 200, **words))


def _confirmed(request: SignedRequest) -> HttpResponse:
    form = ConfirmForm(request.POST)
    by_uuid = _own(request)
    wanted = list(dict.fromkeys(request.POST.getlist("row")))
    if not set(wanted) <= set(by_uuid):
        raise Http404
    if not wanted:
        form.add_error(None, texts.say(request.language, "months.choose"))
        return _list(request, form)
    words = [_word(request, by_uuid[one], WordState.CONFIRMED) for one in wanted]
    outcomes = commands.confirm_rows(actor=request.actor, words=words, at=request.at, key=key_of(request))
    refused = [o.reason.value for o in outcomes if o.reason is not None]
    if len(refused) < len(outcomes):
        return moved(request, "family-months", said="months.confirmed", n=len(outcomes) - len(refused))
    for reason in dict.fromkeys(refused):
        form.add_error(None, texts.refusal(request.language, reason))
    return _list(request, form)


def _after_proof(request: SignedRequest, view: Callable[..., HttpResponse], *of: object) -> HttpResponse:
    """The view, once a second factor is as fresh as the rules of all months here want it (R-30)."""
    minutes = [month.proof_minutes for month in _own(request).values()]
    answer: HttpResponse = step_up(view, minutes=min([settings.STEP_UP_MINUTES, *minutes]))(request, *of)
    return answer


def _own(request: SignedRequest) -> dict[str, OwnMonth]:
    found = queries.own_family_months(actor=request.actor, at=request.at)
    return {str(month.uuid): month for month in found}


def _word(request: SignedRequest, month: OwnMonth, word: WordState, reason: str = "", days: Sequence[int] = ()) -> Word:
    guardian = request.actor.guardian_id or 0
    trace = installation.trace(request)
    return Word(month.row.row_id, guardian, word, reason, tuple(days), request.proof, trace)


@allowed(Look.MONTHS, post=Action.CONFIRM)
def month(request: SignedRequest, row_uuid: UUID) -> HttpResponse:
    """`/family/months/{uuid}/`: one child's month day by day, and what one says to it."""
    if request.method == "POST":
        return _after_proof(request, _spoken, row_uuid)
    one = _month(request, row_uuid)
    return _shown(request, one, _form(one, typed(request)))


def _spoken(request: SignedRequest, row_uuid: UUID) -> HttpResponse:
    one = _month(request, row_uuid)
    form = _form(one, request.POST)
    if form.is_valid() and form.cleaned_data["word"] == DAYS and not form.cleaned_data["days"]:
        form.add_error("days", texts.say(request.language, "month.tick"))
    where = {"reason_missing": "reason", "unknown_day": "days"}
    if attempt(request, form, lambda: _say(request, one, form), where):
        return moved(request, "family-month", row_uuid, said=_said(one, form.cleaned_data["word"]))
    return _shown(request, one, form)


def _say(request: SignedRequest, one: MonthShown, form: WordForm) -> None:
    said = form.cleaned_data
    word = WordState.DISPUTED if said["word"] == WHOLE else WordState.CONFIRMED
    reason = "" if said["word"] == CONFIRM else said["reason"]
    days = said["days"] if said["word"] == DAYS else ()
    spoken = _word(request, one.one, word, reason, days)
    commands.confirm_month(actor=request.actor, word=spoken, at=request.at, key=key_of(request))


def _said(one: MonthShown, word: str) -> str:
    if word == CONFIRM:
        return "month.said_withdrawn" if one.one.may_withdraw else "month.said_confirmed"
    return "month.said_disputed"


def _form(one: MonthShown, given: Mapping[str, object] | None) -> WordForm:
    return WordForm([(d.one.session_id, f"{d.day}: {d.mark}") for d in one.disputable], given)


def _shown(request: SignedRequest, one: MonthShown, form: WordForm) -> HttpResponse:
    asked = str(form["word"].value() or "") if form.is_bound else ""
    words = {
        "month": one,
        "form": form,
        "asked": asked,
        "is_again": form.is_bound and not form.errors,
        "confirm": CONFIRM,
        "by_days": DAYS,
        "whole": WHOLE,
    }
    return installation.named(request, page(request, "family/month.html", 422 if form.errors else 200, **words))


def _month(request: SignedRequest, row_uuid: UUID) -> MonthShown:
    found = next((m for m in shown_months(request) if m.one.uuid == row_uuid), None)
    if found is None:
        raise Http404
    return found


def shown_months(request: SignedRequest) -> list[MonthShown]:
    """The months of the guardian's children, newest first, in words."""
    children = queries.own_children(actor=request.actor, at=request.at)
    found = queries.own_family_months(actor=request.actor, at=request.at)
    today = local_day(request.at)
    return [
        MonthShown(
            one,
            children[one.row.child_id].name,
            shown.in_words(request.language, one.group, "title"),
            word_of(one),
            tuple(_day(request, day, one) for day in one.row.days),
            today >= one.officer_from,
        )
        for one in found
    ]


def word_of(one: OwnMonth) -> str:
    """The key of the sentence on how a month stands."""
    if one.row.word == WordState.SILENT:
        return "month.word.open" if one.is_open else "month.word.stopped"
    if one.row.word == WordState.CONFIRMED:
        return _confirmed_word(one)
    return {
        WordState.DISPUTED: "month.word.others_disputed" if one.is_others else "month.word.disputed",
        WordState.DECIDED: "month.word.decided",
        WordState.REJECTED: "month.word.rejected",
    }[WordState(one.row.word)]


def _confirmed_word(one: OwnMonth) -> str:
    if one.disputed_days:
        return "month.word.in_part" if one.own_disputed else "month.word.others_in_part"
    return "month.word.others_confirmed" if one.is_others else "month.word.confirmed"


def _day(request: SignedRequest, day: MonthDay, one: OwnMonth) -> DayShown:
    held = one.held.get(day.session_id, [])
    strongest = next((h for state in HoldState for h in held if h.state == state and state != HoldState.CLEARED), None)
    upheld = next((h for h in held if h.state == HoldState.UPHELD), strongest)
    return DayShown(
        day,
        shown.week_day(request.language, day.on),
        texts.say(request.language, f"family.mark.{day.mark}"),
        day.check_in == CheckInKind.CODE,
        _hold(upheld, one) if upheld else ("month.hold.cleared" if held else ""),
        next((h.evidence for h in held if h.evidence), ""),
        day.mark == MarkValue.PRESENT and (one.is_open or (one.may_object and strongest is None)),
    )


def _hold(held: DayHeld, one: OwnMonth) -> str:
    if held.state == HoldState.UPHELD:
        return "month.hold.upheld"
    if held.kind != "disputed":
        return "month.hold.flagged"
    is_own = (held.guardian_id or one.spoken_by) == one.reader
    return "month.hold.disputed" if is_own else "month.hold.others"
