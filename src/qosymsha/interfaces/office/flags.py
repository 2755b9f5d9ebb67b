"""Red flags: which rules spoke, on what figures, the month as a picture and a table, and a checker's word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.http import Http404, HttpResponse

from qosymsha.domain.attendance import queries as attendance
from qosymsha.domain.attendance.queries import office as places
from qosymsha.domain.attendance.queries.office import PlaceDay, PlaceFacts
from qosymsha.domain.casework.states import Kind
from qosymsha.domain.flags import explaining
from qosymsha.domain.flags.access import ALLOWED, Action
from qosymsha.domain.flags.commands import resolve_flags
from qosymsha.domain.flags.explaining import Words
from qosymsha.domain.flags.queries import FlagFacts, Reason, office
from qosymsha.domain.flags.rules.recording import Resolution
from qosymsha.domain.flags.states import FlagState
from qosymsha.domain.providers import queries as providers
from qosymsha.interfaces.office import holding
from qosymsha.interfaces.office.access import Look
from qosymsha.interfaces.office.lists import Stretch, choice, month_filter
from qosymsha.interfaces.office.sheets import NAMES_FOR
from qosymsha.interfaces.ui.forms import Form, attempt, typed
from qosymsha.interfaces.ui.signed import SignedRequest, allowed, key_of, moved, page
from qosymsha.kernel.clock import next_month
from qosymsha.kernel.errors import Refused

STATES = [state.value for state in FlagState]
_CELL, _STEP, _TOP = 20, 22, 18


@dataclass(frozen=True, slots=True)
class Said:
    """What one rule said, in words, with its share of the score; `days` none: the whole month."""

    words: Words
    reason: Reason


@dataclass(frozen=True, slots=True)
class Square:
    """A square of the picture: its place, what it says (`kind`: a mark, a scan, a flag)."""

    x: int
    y: int
    kind: str


@dataclass(frozen=True, slots=True)
class Picture:
    """A month: one column per day; rows of marks, scans and flagged days. The table beside it says the same."""

    width: int
    height: int
    side: int
    squares: tuple[Square, ...]
    ticks: tuple[tuple[int, int], ...]


@allowed(Look.FLAGS)
def flags(request: SignedRequest) -> HttpResponse:
    """`/office/flags/?state=&m=&provider=`: the queue, those that wait longest first."""
    state = choice(request, "state", [*STATES, ""], FlagState.OPEN if "state" not in request.GET else "")
    month, provider = month_filter(request), request.GET.get("provider", "")
    part = holding.part_of(request, Kind.FLAG)
    stretch = Stretch.asked(request)
    found, stretch = stretch.cut(
        office.office_flags(
            actor=request.actor, at=request.at, state=state, month=month, provider=provider, only=part.only,
            but=part.but, after=stretch.after, most=stretch.one_more,
        )
    )  # fmt: skip
    names = providers.provider_facts([flag.provider_id for flag in found if flag.provider_id is not None])
    shown = [(flag, names.get(flag.provider_id or 0), _said(flag, request.language)) for flag in found]
    return page(
        request,
        "office/flags.html",
        flags=shown,
        states=[(value, f"office.flag.{value}") for value in STATES],
        state=state,
        month=month,
        provider=provider,
        stretch=stretch,
        may_screen=request.actor.holds(ALLOWED[Action.SCREEN]),
        **holding.held(request, part, [one.id for one in found]),
    )


class ResolutionForm(Form):
    """Founded or not, why, and on what evidence."""

    outcome = forms.ChoiceField(choices=[(FlagState.DISMISSED.value, ""), (FlagState.UPHELD.value, "")])
    reason = forms.CharField(max_length=500, widget=forms.Textarea({"rows": 2}))
    evidence = forms.CharField(max_length=1000, widget=forms.Textarea({"rows": 2}))


@allowed(Look.FLAGS, post=Action.RESOLVE)
def flag(request: SignedRequest, flag_uuid: UUID) -> HttpResponse:
    """`/office/flags/{uuid}/`: the flag explained, what upholding costs; a POST resolves it."""
    found = office.office_flag(actor=request.actor, uuid=flag_uuid, at=request.at)
    if found is None:
        raise Http404
    form = ResolutionForm(typed(request))

    def act_on() -> object:
        said = form.cleaned_data
        resolution = Resolution(found.id, said["outcome"], said["reason"], said["evidence"])
        (outcome,) = resolve_flags(actor=request.actor, resolutions=[resolution], at=request.at, key=key_of(request))
        if outcome.reason is not None:
            raise Refused(outcome.reason)
        return outcome

    fields = {"flag_reason_missing": "reason", "flag_evidence_missing": "evidence"}
    if attempt(request, form, act_on, fields):
        return moved(request, "office-flag", flag_uuid, said=f"office.flag.done.{form.cleaned_data['outcome']}")
    words = _shown(request, found) | holding.one(request, Kind.FLAG, found.id)
    return page(request, "office/flag.html", 422 if form.errors else 200, form=form, **words)


def _shown(request: SignedRequest, found: FlagFacts) -> dict[str, Any]:
    place = places.place_facts(found.enrolment_id, found.month) if found.enrolment_id is not None else None
    days = _days(request, found, place)
    at_stake = [day for day in days if day.on in found.days and day.mark == "present"]
    provider = providers.provider_facts([found.provider_id]) if found.provider_id is not None else {}
    return {
        "flag": found,
        "spoken": _said(found, request.language),
        "provider": provider.get(found.provider_id or 0),
        "place": place,
        "name": _name(request, found, place),
        "days": [(day, day.on in found.days) for day in days],
        "picture": picture(found.month, days, found.days) if days else None,
        "lessons": len(at_stake),
        "tiyn": len(at_stake) * place.unit_tariff_tiyn if place else 0,
        "may_resolve": found.state == FlagState.OPEN and request.actor.holds(ALLOWED[Action.RESOLVE]),
    }


def _days(request: SignedRequest, found: FlagFacts, place: PlaceFacts | None) -> list[PlaceDay]:
    if place is None or found.enrolment_id is None:
        return []
    return places.place_days(
        actor=request.actor,
        enrolment_id=found.enrolment_id,
        territory_id=place.territory_id,
        month=found.month,
        at=request.at,
    )


def _name(request: SignedRequest, found: FlagFacts, place: PlaceFacts | None) -> str:
    """The child's name for the checker, who has to ask and to visit; nobody else's page needs it."""
    if place is None or found.enrolment_id is None:
        return ""
    if not request.actor.holds(NAMES_FOR, territory_id=place.territory_id):
        return ""
    names = attendance.place_names(
        actor=request.actor, provider_id=place.provider_id, enrolment_ids=[found.enrolment_id], at=request.at
    )
    return " ".join(names.get(found.enrolment_id, ())).strip()


def _said(found: FlagFacts, language: str) -> list[Said]:
    return [Said(explaining.words(r.code, r.figures, language), r) for r in found.reasons]


def picture(month: date, days: Sequence[PlaceDay], flagged: Sequence[date]) -> Picture:
    """Three rows of squares over the month's days: the mark, the family's scan, the days the flag names."""
    long = (next_month(month) - timedelta(days=1)).day
    squares = [Square(_x(day.on.day), _TOP, day.mark) for day in days]
    squares += [Square(_x(day.on.day), _TOP + _STEP, day.check_in) for day in days if day.check_in]
    squares += [Square(_x(on.day), _TOP + 2 * _STEP, "flagged") for on in flagged]
    ticks = tuple((_x(day) + _CELL // 2, day) for day in range(1, long + 1) if day == 1 or day % 5 == 0)
    return Picture(_x(long) + _STEP, _TOP + 3 * _STEP, _CELL, tuple(squares), ticks)


def _x(day: int) -> int:
    return (day - 1) * _STEP + 1
