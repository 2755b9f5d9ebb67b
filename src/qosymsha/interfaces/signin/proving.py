"""Proving anew who one is, before what is delicate: by a passkey, an authenticator app, a code to the phone."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from enum import StrEnum
from io import BytesIO
from typing import Any
from urllib.parse import urlencode

import segno
from django import forms
from django.conf import settings
from django.http import HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse

from qosymsha.domain.factors import commands as factors_commands
from qosymsha.domain.factors import queries as factors
from qosymsha.domain.factors.access import ALLOWED, STAFF
from qosymsha.domain.factors.access import Action as Factors
from qosymsha.domain.factors.rules import Site, Where
from qosymsha.domain.people import commands
from qosymsha.domain.people import queries as people
from qosymsha.domain.people.access import Action
from qosymsha.domain.people.ports import CodeNotSent
from qosymsha.domain.people.rules import Proof, SignInRefusal
from qosymsha.domain.people.states import Way
from qosymsha.interfaces.signin.views import home_of
from qosymsha.interfaces.ui import texts, visits
from qosymsha.interfaces.ui.doors import context
from qosymsha.interfaces.ui.forms import Form, attempt, typed
from qosymsha.interfaces.ui.signed import SignedRequest, own_context, safe_next, signed_in_only, to_step_up
from qosymsha.kernel.adapters import adapter
from qosymsha.kernel.errors import NotConfigured, Refused
from qosymsha.runtime import outside

_SENT, _SHOWN = "code_sent", "code_shown"


class CodeForm(Form):
    """Six digits; blanks between them do no harm."""

    code = forms.CharField(
        max_length=9,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "one-time-code", "autofocus": True}),
    )


class AnswerForm(Form):
    """What a passkey said, put there by the page's script."""

    answer = forms.CharField(max_length=20_000)


class RecoveryForm(Form):
    """A code from the sheet of paper."""

    recovery = forms.CharField(max_length=40, widget=forms.TextInput(attrs={"autocomplete": "off"}))


_FORMS: dict[str, type[Form]] = {"answer": AnswerForm, "recovery": RecoveryForm, "code": CodeForm}


@dataclass(frozen=True, slots=True)
class Mine:
    """What the one who is asked can prove with."""

    has_passkey: bool
    has_app: bool
    codes: int

    @classmethod
    def of(cls, request: SignedRequest) -> Mine:
        """The factors of the one who asks."""
        user_id = request.actor.user_id
        return cls(factors.has_passkey(user_id), people.has_app(user_id), factors.codes_left(user_id))

    @property
    def has_factor(self) -> bool:
        """True where the code by phone is not enough any more."""
        return self.has_passkey or self.has_app


@signed_in_only(Action.PROVE_AGAIN, "GET", "HEAD", "POST")
def step_up(request: SignedRequest) -> HttpResponse:
    """`/step-up/`: the second factor; believed, one goes on to where one was going.

    Who has a passkey or an app is asked for that, never for the weaker code by phone.
    """
    mine, form = Mine.of(request), _form(request)
    if _must_add(request, mine):
        return _to_adding(request)
    if attempt(request, form, lambda: _judge(request, mine, form)):
        if form.outcome is None:
            _forget_code(request)
            visits.strengthen(request, Proof(request.at, _way(request, mine).value))
            return HttpResponseRedirect(safe_next(request) or home_of(request.actor))
        form.add_error("code" if "code" in form.fields else None, texts.refusal(request.language, form.outcome.value))
    return _ask(request, mine, form)


@signed_in_only(Action.PROVE_AGAIN, "POST")
def ask_passkey(request: SignedRequest) -> HttpResponse:
    """The question for the page's script, which hands it to the browser: `navigator.credentials.get`."""
    try:
        return JsonResponse(factors_commands.ask_to_prove(actor=request.actor, where=where(request), at=request.at))
    except Refused as refusal:
        return JsonResponse({"sentence": texts.refusal(request.language, refusal.reason.value)}, status=409)


@signed_in_only(Action.SEND_CODE, "POST")
def send_code(request: SignedRequest) -> HttpResponse:
    """Send a code (or, in a trial, show it), then ask for it."""
    form, mine = CodeForm(None), Mine.of(request)
    if mine.has_factor or _must_add(request, mine):
        return HttpResponseRedirect(reverse("step-up"))
    try:
        made = commands.make_code(actor=request.actor, at=request.at)
        shown = adapter("codes").send(made.phone, made.code, made.language)
    except Refused as refusal:
        return _ask(request, mine, form, texts.refusal(request.language, refusal.reason.value))
    except (CodeNotSent, NotConfigured):
        return _ask(request, mine, form, texts.say(request.language, "step.not_sent"))
    request.session[_SENT], request.session[_SHOWN] = True, shown
    query = request.GET.urlencode()
    return HttpResponseRedirect(f"{reverse('step-up')}{'?' if query else ''}{query}")


@signed_in_only(Action.ADD_FACTOR, "GET", "HEAD")
def add_first(request: SignedRequest) -> HttpResponse:
    """`/first-factor/`: why nothing opens before a second factor, the two that can be added, and the way out."""
    if not _must_add(request, Mine.of(request)):
        return HttpResponseRedirect(safe_next(request) or home_of(request.actor))
    return may_add(request) or first_page(request)


def first_page(request: SignedRequest, fault: str = "", status: int = 200) -> HttpResponse:
    """The page of `add_first`, with what was wrong with a passkey just made."""
    return _frame(request, "signin/first.html", status, fault=fault)


@signed_in_only(Action.ADD_FACTOR, "GET", "HEAD", "POST")
def add_app(request: SignedRequest) -> HttpResponse:
    """`/second-factor/`: an official adds an authenticator app: see `may_add` for when."""
    begins = "begin" in request.POST
    form = CodeForm(None if begins else typed(request))
    stopped = may_add(request)
    if stopped is not None:
        return stopped
    if request.method != "POST":  # a key is made by a press, never by a look
        return _frame(request, "signin/app.html", may_begin=True)
    try:
        secret = commands.add_app(actor=request.actor, at=request.at)
    except Refused as refusal:
        return _frame(request, "signin/app.html", 409, sentence=texts.refusal(request.language, refusal.reason.value))
    if not begins and attempt(request, form, lambda: _prove(request, Way.TOTP, form.cleaned_data["code"])):
        if form.outcome is None:
            visits.strengthen(request, Proof(request.at, Way.TOTP.value))
            return HttpResponseRedirect(safe_next(request) or reverse("security"))
        form.add_error("code", texts.refusal(request.language, form.outcome.value))
    return _frame(request, "signin/app.html", form=form, secret=secret, picture=_picture(secret))


def where(request: SignedRequest) -> Where:
    """This visit at this site, as a passkey is bound to them."""
    return Where(request.session.session_key or "", Site.at(settings.PUBLIC_ADDRESS or request.build_absolute_uri("/")))


def answered(text: str) -> dict[str, Any]:
    """What a browser's passkey said, as the page's script wrote it; nothing where it is no such thing."""
    try:
        found = outside.document(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def may_add(request: SignedRequest) -> HttpResponse | None:
    """None where a factor may be added now, else the answer that says why not.

    The first only soon after signing in, so that a session taken later cannot make itself one; each further one after a
    proof by one that is there.
    """
    if factors.has_factor(request.actor.user_id):
        is_proved = request.visit.fresh_proof(request.at, settings.STEP_UP_MINUTES) is not None
        return None if is_proved else to_step_up(request)
    is_late = (request.at - request.visit.since).total_seconds() > settings.STEP_UP_MINUTES * 60
    return _frame(request, "signin/app.html", 403, is_late=True) if is_late else None


def _must_add(request: SignedRequest, mine: Mine) -> bool:
    """True for staff without a factor of their own whose provider stated but one: a code by phone is not enough."""
    return request.visit.awaits and not mine.has_factor and request.actor.holds(STAFF)


def _to_adding(request: SignedRequest) -> HttpResponse:
    return HttpResponseRedirect(f"{reverse('first-factor')}?{urlencode({'next': safe_next(request)})}")


def _form(request: SignedRequest) -> Form:
    """The form that was sent: a page has one for each way."""
    kind = next((one for name, one in _FORMS.items() if name in request.POST), CodeForm)
    return kind(request.POST or None)


def _way(request: SignedRequest, mine: Mine) -> Way:
    if "answer" in request.POST:
        return Way.PASSKEY
    if "recovery" in request.POST:
        return Way.RECOVERY
    return Way.TOTP if mine.has_app else Way.CODE


def _judge(request: SignedRequest, mine: Mine, form: Form) -> StrEnum | None:
    told, way = form.cleaned_data, _way(request, mine)
    if way is Way.PASSKEY:
        answer = answered(told["answer"])
        who: dict[str, Any] = {"actor": request.actor, "at": request.at}
        return factors_commands.prove_by_passkey(where=where(request), answer=answer, **who)
    if way is Way.RECOVERY:
        return factors_commands.prove_by_recovery_code(actor=request.actor, code=told["recovery"], at=request.at)
    if way is Way.CODE and mine.has_passkey:
        return SignInRefusal.CODE_WRONG
    return _prove(request, way, told["code"])


def _prove(request: SignedRequest, way: Way, code: str) -> SignInRefusal | None:
    prove = commands.prove_by_app if way is Way.TOTP else commands.prove_by_code
    return prove(actor=request.actor, code=code, at=request.at)


def _ask(request: SignedRequest, mine: Mine, form: Form, fault: str = "") -> HttpResponse:
    may_send = not mine.has_factor and (not settings.PRODUCTION or request.actor.guardian_id is not None)
    return _frame(
        request,
        "signin/step_up.html",
        422 if fault or form.errors else 200,
        form=form if isinstance(form, CodeForm) else CodeForm(None),
        recovery=form if isinstance(form, RecoveryForm) else RecoveryForm(None),
        faults=[fault] if fault else list(form.non_field_errors()),
        mine=mine,
        may_send=may_send,
        may_add=not mine.has_factor and request.actor.holds(ALLOWED[Factors.ADD_PASSKEY]),
        is_asked=mine.has_app or (not mine.has_factor and request.session.get(_SENT, False)),
        awaits=request.visit.awaits,
        identity=bool(settings.ADAPTERS["identity"]) and not request.visit.awaits,
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
