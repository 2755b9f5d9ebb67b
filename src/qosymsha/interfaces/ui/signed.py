"""The signed-in doors' gate: who asks, what they may, the page they get. `docs/decisions/0027-sign-in.md` says why.

@allowed(Look.MONTHS, post=Action.CONFIRM_ROWS)
@step_up
def months(request: SignedRequest) -> HttpResponse: ...
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from datetime import datetime
from enum import StrEnum
from functools import partial, wraps
from http import HTTPStatus
from typing import Any, cast
from urllib.parse import urlencode, urlsplit
from uuid import UUID, uuid5

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import get_language

from qosymsha.domain.people import queries as people
from qosymsha.domain.people.rules import Proof
from qosymsha.domain.people.states import FAMILY, Role
from qosymsha.interfaces.ui import carried, drafts, fresh, guard, keys, readings, texts, visits
from qosymsha.interfaces.ui.doors import Answer, context
from qosymsha.kernel import entropy
from qosymsha.kernel.actor import Actor
from qosymsha.kernel.errors import BadInput, Forbidden, Refused

DOOR_ROLES: dict[str, frozenset[str]] = {
    "family": frozenset(FAMILY),
    "provider": frozenset({Role.TEACHER, Role.PROVIDER_MANAGER}),
    "office": frozenset(Role) - FAMILY - {Role.TEACHER, Role.PROVIDER_MANAGER, Role.CHANNEL, Role.SYSTEM},
}


class SignedRequest(HttpRequest):
    """A request of somebody signed in: rights, instant and proof, all of this very request.

    `at` is the database's clock; `proof` is set where the view wears `step_up`.
    """

    actor: Actor
    at: datetime
    language: str
    visit: visits.Visit
    proof: Proof | None


SignedView = Callable[..., HttpResponseBase]


def allowed(action: StrEnum, *, post: StrEnum | None = None) -> Callable[[SignedView], SignedView]:
    """Let in who may do `action` (GET), and `post` (POST; without it a POST is 405). Roles: the room's `ALLOWED`.

    Anonymous: to sign in, and back. No such right: 403. `Forbidden` or `Http404` from inside: 404, the same for a thing
    that is unknown and one that is another's. `Refused` that the view did not catch: a page with its sentence, 409.
    """
    return _gate({"GET": action, "HEAD": action} | ({"POST": post} if post else {}))


def allowed_post(action: StrEnum, *, is_first: bool = False) -> Callable[[SignedView], SignedView]:
    """Let in who may do `action`, by POST alone: for a button without a page of its own.

    `is_first`: open before the second factor that the visit awaits, to add one; the view judges for itself.
    """
    return _gate({"POST": action}, is_first=is_first)


def _gate(deeds: dict[str, StrEnum], *, is_first: bool = False) -> Callable[[SignedView], SignedView]:
    roles = {method: roles_of(deed) for method, deed in deeds.items()}

    def wear(view: SignedView) -> SignedView:
        proved = _proving(view, deeds.get("POST"))

        @wraps(view)
        def shown(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
            if request.method not in deeds:
                return not_allowed(request, deeds)
            signed = signed_request(request)
            if signed is None:
                return private(to_sign_in(request))
            if not signed.actor.holds(roles[request.method]):
                is_youth = signed.actor.holds({Role.YOUTH}) and door_of(request) == "family"
                return private(notice(request, "youth.closed" if is_youth else "error.403", HTTPStatus.FORBIDDEN))
            if signed.visit.awaits and not is_first:
                return private(to_step_up(signed))
            inner = proved if request.method == "POST" else view
            return private(keys.told(request, _answer(inner, signed, *args, **kwargs)))

        shown.action = deeds.get("GET", deeds.get("POST"))  # type: ignore[attr-defined]
        shown.deeds, shown.roles = deeds, roles  # type: ignore[attr-defined]
        return shown

    return wear


def _proving(view: SignedView, deed: StrEnum | None) -> SignedView:
    """The view as a POST meets it: behind a fresh proof where the table of `fresh` asks for one."""
    if deed is None or not fresh.asks(deed):
        return view
    proved: SignedView = step_up(view, minutes=partial(fresh.minutes_of, deed))
    return proved


def anyone(action: StrEnum, *methods: str) -> Callable[[SignedView], SignedView]:
    """Mark a page of the way in that needs no right: these methods only, never kept by anyone."""

    def wear(view: SignedView) -> SignedView:
        @wraps(view)
        def shown(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
            if request.method not in methods:
                return not_allowed(request, methods)
            return private(keys.told(request, view(request, *args, **kwargs)))

        shown.action = action  # type: ignore[attr-defined]
        return shown

    return wear


def signed_in_only(action: StrEnum, *methods: str) -> Callable[[SignedView], SignedView]:
    """Mark a page for whoever is signed in, with or without a right: to leave, to prove anew, to be told why not."""

    def wear(view: SignedView) -> SignedView:
        @wraps(view)
        def shown(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
            signed = signed_request(request)
            return to_sign_in(request) if signed is None else _answer(view, signed, *args, **kwargs)

        return anyone(action, *methods)(shown)

    return wear


def roles_of(action: StrEnum) -> frozenset[str]:
    """The roles that `ALLOWED` beside the Action's own class gives it.

    Raises:
        KeyError: the room (or door) forgot the action: seen at start.
    """
    table: dict[StrEnum, frozenset[str]] = sys.modules[type(action).__module__].ALLOWED
    return table[action]


def step_up(view: SignedView | None = None, *, minutes: int | Callable[[], int] | None = None) -> Any:
    """Ask for a second factor first, unless one was given at most `minutes` ago; then `request.proof` says when, how.

    Worn below `allowed` where a page itself is delicate; a POST is asked by the gate, as the table in `fresh` says.
    What was typed in a POST that is interrupted comes back with the form.
    """
    if view is None:
        return lambda inner: step_up(inner, minutes=minutes)

    @wraps(view)
    def shown(request: SignedRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        most = minutes() if callable(minutes) else minutes
        request.proof = request.visit.fresh_proof(request.at, most or settings.STEP_UP_MINUTES)
        return to_step_up(request) if request.proof is None else view(request, *args, **kwargs)

    return shown


def to_step_up(request: SignedRequest) -> HttpResponse:
    """To the second factor, and back here afterwards with what was typed."""
    drafts.keep(request, request.visit.user_id, request.at)
    return HttpResponseRedirect(f"{reverse('step-up')}?{urlencode({'next': _page_of(request)})}")


def _answer(view: SignedView, request: SignedRequest, *args: object, **kwargs: object) -> HttpResponseBase:
    try:
        return readings.answered(view, request, request.actor, request.at, *args, **kwargs)
    except Forbidden:
        raise Http404 from None
    except Refused as refusal:
        keys.noted(request, refusal.reason)
        if guard.is_over(refusal):
            return guard.stopped(request, request.actor, request.at, request.language)
        sentence = texts.refusal(request.language, refusal.reason.value)
        return notice(request, "error.409", HTTPStatus.CONFLICT, sentence=sentence)
    except BadInput:
        return notice(request, "error.400", HTTPStatus.BAD_REQUEST)


def signed_request(request: HttpRequest) -> SignedRequest | None:
    """The request with its actor and instant, or None where nobody is signed in."""
    at = visits.instant(request)
    visit = visits.current(request, at) if at is not None else None
    if at is None or visit is None:
        return None
    signed = cast(SignedRequest, request)
    signed.actor, signed.at, signed.visit, signed.proof = people.actor_for(visit.user_id, at), at, visit, None
    signed.language = get_language() or "kk"
    return signed


def to_sign_in(request: HttpRequest) -> HttpResponse:
    """To the sign-in page, and back here afterwards; what was typed is kept for the one whose visit ran out."""
    return HttpResponseRedirect(f"{reverse('sign-in')}?{urlencode({'next': _page_of(request)})}")


def page(request: SignedRequest, template: str, status: int = HTTPStatus.OK, **words: object) -> HttpResponse:
    """A signed-in page: the template (which extends its door's base) with what the base needs."""
    own = own_context(request)
    answer = render(request, template, context(request) | own | words, status=status)
    if own["said"]:
        carried.forget(answer)
    return answer


def own_context(request: SignedRequest) -> dict[str, object]:
    """Who is here, the doors open to them, this form's key, and what is to be said once."""
    own = people.own_record(request.actor)
    return {
        "actor": request.actor,
        "me": own.full_name if own else "",
        "doors": doors_of(request.actor),
        "is_youth": request.actor.holds({Role.YOUTH}),
        "key": form_key(request),
        "said": carried.said(request),
    }


def doors_of(actor: Actor) -> list[str]:
    """Names of the signed-in doors that have something for this actor: `family`, `provider`, `office`."""
    return [door for door, roles in DOOR_ROLES.items() if actor.holds(roles)]


def moved(request: HttpRequest, to: str, *args: object, said: str = "", **values: object) -> HttpResponse:
    """The answer after a POST that did its work: to the named page, which says the sentence of `said` once."""
    answer = HttpResponseRedirect(to if to.startswith("/") else reverse(to, args=args))
    if said:
        carried.say_next(answer, said, values)
    return answer


def form_key(request: HttpRequest) -> UUID:
    """The key a form carries: a new one for a page just opened, the same one for a form shown again."""
    try:
        return UUID(str((drafts.taken(request) or request.POST)["key"]))
    except (KeyError, ValueError):
        return entropy.uuid4()


def key_of(request: HttpRequest, salt: object = "") -> UUID:
    """The idempotency key a POST brought, for the command; `salt` tells several commands of one key apart.

    Raises:
        BadInput: none, or no UUID: the form was not ours.
    """
    try:
        key = UUID(str(request.POST["key"]))
    except (KeyError, ValueError):
        raise BadInput("key", "send the page's own form") from None
    return uuid5(key, str(salt)) if salt else key


def safe_next(request: HttpRequest) -> str:
    """Where `next` leads, if it stays on this site; else nothing."""
    wanted = str(request.POST.get("next") or request.GET.get("next") or "")
    stays = wanted.startswith("/") and url_has_allowed_host_and_scheme(wanted, allowed_hosts=None)
    return wanted if stays else ""


def notice(request: HttpRequest, key: str, status: int, sentence: str = "") -> HttpResponse:
    """A page that says what is the matter: `key`.h1, and `sentence` or `key`.p; it leads back, by GET, and out.

    It wears the layout of the door it was met in where that door is open to who asks, so that its menu stands.
    """
    words = {"heading": f"{key}.h1", "advice": f"{key}.p", "sentence": sentence, "back": _back(request)}
    return render(request, "ui/notice.html", context(request) | _layout(request) | words, status=status)


def not_allowed(request: HttpRequest, methods: Iterable[str]) -> HttpResponse:
    """405; in words where a person came by an address, as by a reload or another language after a button's answer."""
    answer: HttpResponse = HttpResponseNotAllowed(sorted(methods))
    if request.method == "GET":
        answer = notice(request, "error.405", HTTPStatus.METHOD_NOT_ALLOWED)
        answer.headers["Allow"] = ", ".join(sorted(methods))
    return private(answer)


def door_of(request: HttpRequest) -> str:
    """The signed-in door that an address belongs to: `family`, `provider`, `office`, or "" for all others."""
    door = [*request.path.split("/"), "", ""][2]
    return door if door in DOOR_ROLES else ""


def _layout(request: HttpRequest) -> dict[str, object]:
    known: Any = request
    signed = cast(SignedRequest, request) if hasattr(known, "actor") else signed_request(request)
    if signed is None:
        return {"layout": "ui/base.html"}
    doors, door = doors_of(signed.actor), door_of(request)
    start = f"{door}-home" if door in doors else f"{doors[0]}-home" if doors else "no-rights"
    layout = f"{door}/base.html" if door in doors else "ui/door.html"
    # Nobody's name on a page that something went wrong on: such pages are the ones that get shown around.
    return own_context(signed) | {"me": "", "layout": layout, "start": reverse(start)}


def _page_of(request: HttpRequest) -> str:
    """The page to come back to: this address, or for a button without a page of its own the one it stood on."""
    if request.method in ("GET", "HEAD") or _may_look(request):
        return request.get_full_path()
    from_page = urlsplit(request.headers.get("Referer", ""))
    return from_page.path if from_page.netloc == request.get_host() else ""


def _back(request: HttpRequest) -> str:
    return "" if request.method in ("GET", "HEAD") else _page_of(request)


def _may_look(request: HttpRequest) -> bool:
    view: Any = request.resolver_match.func if request.resolver_match else None
    return "GET" in getattr(view, "deeds", {})


def private(answer: Answer) -> Answer:
    """Nobody keeps a copy: no browser, no proxy."""
    answer.headers["Cache-Control"] = "no-store"
    patch_vary_headers(answer, ["Cookie"])
    return answer
