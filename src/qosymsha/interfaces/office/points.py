"""Devices of consultation points: registered so that families who are helped there are not suspected for it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.http import HttpResponse

from qosymsha.domain.flags import queries
from qosymsha.domain.flags.access import Action
from qosymsha.domain.flags.commands import register_points
from qosymsha.domain.flags.rules.recording import PointDraft
from qosymsha.interfaces.office.city import programmes_of
from qosymsha.interfaces.ui.forms import Form, attempt, typed
from qosymsha.interfaces.ui.signed import SignedRequest, allowed, key_of, moved, page, roles_of
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.errors import Refused

_DAY = {"type": "date"}


class PointForm(Form):
    """A device as its screen says it, the point's name, its first day and its last if that is known."""

    programme = forms.ChoiceField()
    device = forms.CharField(max_length=100, widget=forms.TextInput({"autocomplete": "off"}))
    name = forms.CharField(max_length=200)
    first = forms.DateField(widget=forms.DateInput(_DAY, "%Y-%m-%d"), input_formats=["%Y-%m-%d"])
    last = forms.DateField(required=False, widget=forms.DateInput(_DAY, "%Y-%m-%d"), input_formats=["%Y-%m-%d"])


@allowed(Action.REGISTER_POINTS, post=Action.REGISTER_POINTS)
def points(request: SignedRequest) -> HttpResponse:
    """`/office/points/`: the registered devices; a POST registers another."""
    mine = programmes_of(request, roles_of(Action.REGISTER_POINTS))
    first = mine[0] if mine else None
    form = PointForm(
        typed(request), initial={"first": local_day(request.at), "programme": str(first.uuid) if first else ""}
    )
    programme = form.fields["programme"]
    assert isinstance(programme, forms.ChoiceField)
    programme.choices = [(str(one.uuid), getattr(one, f"name_{request.language}") or one.name_kk) for one in mine]

    def act_on() -> bool:
        said = form.cleaned_data
        of = next(one for one in mine if str(one.uuid) == said["programme"])
        until = said["last"] + timedelta(days=1) if said["last"] else None
        draft = PointDraft(said["device"].strip(), said["name"].strip(), said["first"], until)
        (outcome,) = register_points(
            actor=request.actor, programme_id=of.id, points=[draft], at=request.at, key=key_of(request)
        )
        if outcome.reason is not None:
            raise Refused(outcome.reason)
        return True

    if attempt(request, form, act_on, {"point_known": "device", "point_days": "last", "point_unnamed": "name"}):
        return moved(request, "office-points", said="points.registered")
    today = local_day(request.at)
    shown = [
        (one, one.until - timedelta(days=1) if one.until else None, one.until is not None and one.until <= today)
        for programme_ in mine
        for one in queries.points(programme_.id)
    ]
    words: dict[str, Any] = {"form": form, "points": shown, "is_one": len(mine) == 1}
    return page(request, "office/points.html", 422 if form.errors else 200, **words)
