"""Proving anew who one is, before what is delicate: by a code to the phone, or by an authenticator app."""

from __future__ import annotations

import base64
from io import BytesIO

import segno
from django import forms
from django.conf import settings
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse

from qosymsha.domain.people import commands
from qosymsha.domain.people import queries as people
from qosymsha.domain.people.access import Action
from qosymsha.domain.people.ports import CodeNotSent
from qosymsha.domain.people.rules import Proof, SignInRefusal
from qosymsha.domain.people.states import Role, Way
from qosymsha.interfaces.signin.views import home_of
from qosymsha.interfaces.ui import texts, visits
from qosymsha.interfaces.ui.doors import context
from qosymsha.interfaces.ui.forms import Form, attempt, typed
from qosymsha.interfaces.ui.signed import SignedRequest, own_context, safe_next, signed_in_only
from qosymsha.kernel.adapters import adapter
from qosymsha.kernel.errors import NotConfigured, Refused

_SENT, _SHOWN = "code_sent", "code_shown"


class CodeForm(Form):
    """Six digits; blanks between them do no harm."""

    code = forms.CharField(
        max_length=9,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "one-time-code", "autofocus": True}),
    )


@signed_in_only(Action.PROVE_AGAIN, "GET", "HEAD", "POST")
def step_up(request: SignedRequest) -> HttpResponse:
    """`/step-up/`: the second factor; believed, one goes on to where one was going."""
    way = Way.TOTP if people.has_app(request.actor.user_id) else Way.CODE
    form = CodeForm(request.POST or None)
    if attempt(request, form, lambda: _prove(request, way, form.cleaned_data["code"])):
        if form.outcome is None:
            _forget_code(request)
            visits.strengthen(request, Proof(request.at, way.value))
            return HttpResponseRedirect(safe_next(request) or home_of(request.actor))
        form.add_error("code", texts.refusal(request.language, form.outcome.value))
    return _ask(request, way, form)


@signed_in_only(Action.SEND_CODE, "POST")
def send_code(request: SignedRequest) -> HttpResponse:
    """Send a code (or, in a trial, show it), then ask for it."""
    form = CodeForm(None)
    try:
        made = commands.make_code(actor=request.actor, at=request.at)
        shown = adapter("codes").send(made.phone, made.code, made.language)
    except Refused as refusal:
        return _ask(request, Way.CODE, form, texts.refusal(request.language, refusal.reason.value))
    except (CodeNotSent, NotConfigured):
        return _ask(request, Way.CODE, form, texts.say(request.language, "step.not_sent"))
    request.session[_SENT], request.session[_SHOWN] = True, shown
    query = request.GET.urlencode()
    return HttpResponseRedirect(f"{reverse('step-up')}{'?' if query else ''}{query}")


@signed_in_only(Action.ADD_FACTOR, "GET", "HEAD", "POST")
def add_app(request: SignedRequest) -> HttpResponse:
    """`/second-factor/`: an official adds an authenticator app; only soon after signing in, a taken session is not."""
    begins = "begin" in request.POST
    form = CodeForm(None if begins else typed(request))
    if (request.at - request.visit.since).total_seconds() > settings.STEP_UP_MINUTES * 60:
        return _frame(request, "signin/app.html", 403, is_late=True)
    if request.method != "POST":  # a key is made by a press, never by a look
        return _frame(request, "signin/app.html", may_begin=True)
    try:
        secret = commands.add_app(actor=request.actor, at=request.at)
    except Refused as refusal:
        return _frame(request, "signin/app.html", 409, sentence=texts.refusal(request.language, refusal.reason.value))
    if not begins and attempt(request, form, lambda: _prove(request, Way.TOTP, form.cleaned_data["code"])):
        if form.outcome is None:
            visits.strengthen(request, Proof(request.at, Way.TOTP.value))
            return HttpResponseRedirect(safe_next(request) or home_of(request.actor))
        form.add_error("code", texts.refusal(request.language, form.outcome.value))
    return _frame(request, "signin/app.html", form=form, secret=secret, picture=_picture(secret))


def _prove(request: SignedRequest, way: Way, code: str) -> SignInRefusal | None:
    prove = commands.prove_by_app if way is Way.TOTP else commands.prove_by_code
    return prove(actor=request.actor, code=code, at=request.at)


def _ask(request: SignedRequest, way: Way, form: CodeForm, fault: str = "") -> HttpResponse:
    may_send = way is Way.CODE and (not settings.PRODUCTION or request.actor.guardian_id is not None)
    is_asked = way is Way.TOTP or request.session.get(_SENT, False)
    return _frame(
        request,
        "signin/step_up.html",
        422 if fault or form.errors else 200,
        form=form,
        fault=fault,
        may_send=may_send,
        may_add_app=way is Way.CODE and request.actor.holds(frozenset(Role) - {Role.GUARDIAN, Role.SYSTEM}),
        is_asked=is_asked,
        is_app=way is Way.TOTP,
        identity=bool(settings.ADAPTERS["identity"]),
        shown=request.session.get(_SHOWN, ""),
    )


def _frame(request: SignedRequest, template: str, status: int = 200, **words: object) -> HttpResponse:
    ready = context(request) | own_context(request) | {"next": safe_next(request), "query": request.GET.urlencode()}
    return render(request, template, ready | words, status=status)


def _forget_code(request: SignedRequest) -> None:
    for name in (_SENT, _SHOWN):
        request.session.pop(name, None)


def _picture(secret: str) -> str:
    """The QR code of an `otpauth:` address as an image that stands in the page itself."""
    drawn = BytesIO()
    address = f"otpauth://totp/Qosymsha?secret={secret}&issuer=Qosymsha"
    segno.make(address, error="m", micro=False).save(drawn, kind="svg", scale=5, border=3, dark="#000", light="#fff")
    return "data:image/svg+xml;base64," + base64.b64encode(drawn.getvalue()).decode()
