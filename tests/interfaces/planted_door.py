"""Pages as the doors' builders write them, planted for the tests of what all such pages share."""

from __future__ import annotations

from django import forms
from django.http import HttpResponse
from django.template import RequestContext, Template
from django.urls import path

from qosymsha.config.urls import handler404, handler500
from qosymsha.config.urls import urlpatterns as real
from qosymsha.domain.people import commands
from qosymsha.domain.people.access import Action
from qosymsha.interfaces.family.access import Look
from qosymsha.interfaces.ui.forms import Form, attempt, typed
from qosymsha.interfaces.ui.signed import SignedRequest, allowed, allowed_post, key_of, moved, own_context, step_up
from qosymsha.kernel.errors import Forbidden

__all__ = ["handler404", "handler500", "urlpatterns"]
PAGE = Template(
    "{% load pages %}<main>{{ said }}<form method=post action=consent>{% hidden %}{% errors form %}"
    '{% field form.purpose "step.code" hint="step.code_hint" %}{% field form.child "app.h1" %}</form></main>'
)


class ConsentForm(Form):
    """A purpose, and a child by its number."""

    purpose = forms.CharField(max_length=20)
    child = forms.IntegerField(required=False, min_value=1)


def _page(request: SignedRequest) -> HttpResponse:
    form = ConsentForm(typed(request))
    if attempt(request, form, lambda: _give(request, form), {"not_the_guardian": "child"}):
        return moved(request, "family-home", said="door.signed_in")
    words = own_context(request) | {"form": form}
    return HttpResponse(PAGE.render(RequestContext(request, words)), status=422 if form.errors else 200)


def _give(request: SignedRequest, form: ConsentForm) -> int:
    guardian_id = request.actor.guardian_id
    assert guardian_id is not None
    return commands.give_consent(
        actor=request.actor,
        guardian_id=guardian_id,
        child_id=form.cleaned_data["child"],
        purpose=form.cleaned_data["purpose"],
        at=request.at,
        key=key_of(request),
    )


consent = allowed(Look.HOME, post=Action.GIVE_CONSENT)(_page)
delicate = allowed(Look.HOME, post=Action.GIVE_CONSENT)(step_up(_page))


@allowed(Look.HOME)
def another_childs(request: SignedRequest) -> HttpResponse:
    """A thing that exists and is another's."""
    raise Forbidden(Action.GIVE_CONSENT)


@allowed_post(Action.WITHDRAW_CONSENT)
def withdraw(request: SignedRequest) -> HttpResponse:
    """A button; its refusal is not caught here."""
    commands.withdraw_consent(
        actor=request.actor,
        guardian_id=request.actor.guardian_id or 0,
        child_id=int(request.POST["child"]),
        purpose="registries",
        at=request.at,
        key=key_of(request),
    )
    return moved(request, "family-home")


urlpatterns = [
    path("en/planted/", consent),
    path("en/planted/delicate/", delicate),
    path("en/planted/another/", another_childs),
    path("en/planted/withdraw/", withdraw),
    *real,
]
