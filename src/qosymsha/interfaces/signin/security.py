"""What one proves oneself with, and where one is signed in: seen, added, named, removed, ended."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any
from uuid import UUID

from django import forms
from django.http import HttpResponse, HttpResponseRedirect, JsonResponse

from qosymsha.domain.factors import commands, queries
from qosymsha.domain.factors.access import ALLOWED, Action
from qosymsha.domain.people import commands as people
from qosymsha.domain.people.access import Action as People
from qosymsha.domain.people.rules import Proof
from qosymsha.domain.people.states import Way
from qosymsha.interfaces.signin.proving import answered, first_page, may_add, where
from qosymsha.interfaces.signin.views import home_of
from qosymsha.interfaces.ui import sessions, texts, visits
from qosymsha.interfaces.ui.forms import Form
from qosymsha.interfaces.ui.signed import SignedRequest, allowed, allowed_post, moved, page, safe_next
from qosymsha.kernel.errors import Refused


class PasskeyForm(Form):
    """A passkey just made, and what its owner calls it."""

    answer = forms.CharField(max_length=20_000)
    name = forms.CharField(max_length=60)


@allowed(Action.SEE_FACTORS)
def security(request: SignedRequest) -> HttpResponse:
    """`/security/`: passkeys, authenticator app, recovery codes of the one who looks."""
    return _page(request)


@allowed_post(Action.ADD_PASSKEY, is_first=True)
def ask_to_add(request: SignedRequest) -> HttpResponse:
    """The question for the page's script, which hands it to the browser: `navigator.credentials.create`."""
    if may_add(request) is not None:
        return JsonResponse({"sentence": texts.say(request.language, "passkey.prove_first")}, status=403)
    try:
        return JsonResponse(commands.ask_to_add(actor=request.actor, where=where(request), at=request.at))
    except Refused as refusal:
        return JsonResponse({"sentence": texts.refusal(request.language, refusal.reason.value)}, status=409)


@allowed_post(Action.ADD_PASSKEY, is_first=True)
def add(request: SignedRequest) -> HttpResponse:
    """Keep the passkey that answers; who adds one has just proved oneself by it."""
    stopped = may_add(request)
    if stopped is not None:
        return stopped
    form = PasskeyForm(request.POST)
    if not form.is_valid():
        return _asked_again(request, texts.say(request.language, "form.look"))
    told = form.cleaned_data
    who: dict[str, Any] = {"actor": request.actor, "at": request.at}
    refusal = commands.add_passkey(where=where(request), answer=answered(told["answer"]), name=told["name"], **who)
    if refusal is not None:
        return _asked_again(request, texts.refusal(request.language, refusal.value))
    visits.strengthen(request, Proof(request.at, Way.PASSKEY.value))
    if request.visit.awaits:
        return moved(request, safe_next(request) or home_of(request.actor), said="first.kept")
    return moved(request, "security", said="passkey.kept")


def _asked_again(request: SignedRequest, fault: str) -> HttpResponse:
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    return first_page(request, fault, status) if request.visit.awaits else _page(request, status, fault=fault)


@allowed_post(Action.NAME_PASSKEY)
def rename(request: SignedRequest, passkey_uuid: UUID) -> HttpResponse:
    """Call a passkey something else."""
    name = request.POST.get("name", "")
    who: dict[str, Any] = {"actor": request.actor, "at": request.at}
    return _done(request, lambda: commands.name_passkey(passkey_uuid=passkey_uuid, name=name, **who), "passkey.renamed")


@allowed_post(Action.REMOVE_FACTOR)
def remove(request: SignedRequest, passkey_uuid: UUID) -> HttpResponse:
    """End a passkey."""
    who: dict[str, Any] = {"actor": request.actor, "at": request.at}
    return _done(request, lambda: commands.remove_passkey(passkey_uuid=passkey_uuid, **who), "passkey.removed")


@allowed_post(Action.REMOVE_FACTOR)
def remove_app(request: SignedRequest) -> HttpResponse:
    """End the authenticator app."""
    return _done(request, lambda: commands.remove_app(actor=request.actor, at=request.at), "app.removed")


@allowed_post(Action.MAKE_RECOVERY_CODES)
def codes(request: SignedRequest) -> HttpResponse:
    """A fresh set of recovery codes, on this one page and never again."""
    return _page(request, codes=commands.make_recovery_codes(actor=request.actor, at=request.at))


@allowed(People.SIGN_OUT, post=People.SIGN_OUT)
def places(request: SignedRequest) -> HttpResponse:
    """`/visits/`: where one is signed in; a POST ends one visit, or all of them, this one too."""
    if request.method != "POST":
        mine = visits.places(request, request.visit.user_id, request.at)
        may = request.actor.holds(ALLOWED[Action.SEE_FACTORS])
        return page(request, "signin/visits.html", places=mine, may_have_factors=may)
    name = request.POST.get("visit", "")
    people.record_sign_out(actor=request.actor, at=request.at)
    sessions.end_of(request.visit.user_id, request.at, name=name)
    if name:
        return moved(request, "visits", said="visits.ended")
    visits.end(request)
    return HttpResponseRedirect(f"/{request.language}/sign-in/")


def _done(request: SignedRequest, act: Callable[[], None], said: str) -> HttpResponse:
    try:
        act()
    except Refused as refusal:
        return _page(request, HTTPStatus.CONFLICT, fault=texts.refusal(request.language, refusal.reason.value))
    return moved(request, "security", said=said)


def _page(request: SignedRequest, status: int = HTTPStatus.OK, **words: object) -> HttpResponse:
    return page(request, "signin/security.html", status, mine=queries.own_factors(actor=request.actor), **words)
