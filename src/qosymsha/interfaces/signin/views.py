"""Coming in as a demo person in a trial; leaving; being told why not. The provider's way stands in `identity.py`."""

from __future__ import annotations

from uuid import NAMESPACE_URL, UUID, uuid5

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import translation
from django.utils.translation import get_language

from qosymsha.domain.factors import queries as factors
from qosymsha.domain.people import commands, demo_people, preferences
from qosymsha.domain.people import queries as people
from qosymsha.domain.people.access import Action
from qosymsha.domain.people.rules import SignInRefusal
from qosymsha.interfaces.ui import drafts, texts, visits
from qosymsha.interfaces.ui.doors import context
from qosymsha.interfaces.ui.signed import (
    SignedRequest,
    anyone,
    doors_of,
    form_key,
    notice,
    private,
    safe_next,
    signed_in_only,
    signed_request,
)
from qosymsha.kernel import clock
from qosymsha.kernel.actor import Actor

HOUSE = Actor.system("sign-in")


@anyone(Action.SIGN_IN, "GET", "HEAD")
def sign_in(request: HttpRequest) -> HttpResponse:
    """`/sign-in/`: the ways in; one who is in already goes on."""
    signed = signed_request(request)
    if signed is not None:
        return HttpResponseRedirect(safe_next(request) or home_of(signed.actor))
    return ways_in(request)


def ways_in(request: HttpRequest, reason: str = "", status: int = 200) -> HttpResponse:
    """The sign-in page; with a refusal's sentence where one came back from a way that did not lead in."""
    first, end = settings.YOUTH_AGES or (0, 0)
    words = {
        "next": safe_next(request),
        "people": [] if settings.PRODUCTION else demo_people.demo_people(clock.read()),
        "is_trial": not settings.PRODUCTION,
        "identity": bool(settings.ADAPTERS["identity"]),
        "fault": texts.refusal(get_language() or "kk", reason, first=first, end=end) if reason else "",
        "key": form_key(request),
        "is_kept": drafts.is_kept(request),
    }
    return render(request, "signin/sign_in.html", context(request) | words, status=status)


@anyone(Action.SIGN_IN, "POST")
def be_demo_person(request: HttpRequest) -> HttpResponse:
    """Sign in as an invented person. In production there is no such page."""
    if settings.PRODUCTION:
        raise Http404
    try:
        person = demo_people.demo_person(UUID(request.POST.get("person", "").strip()))
    except ValueError:
        person = None
    if person is None:
        return ways_in(request, reason=SignInRefusal.DEMO_PERSON_UNKNOWN.value, status=422)
    at = clock.read()
    user_id = person.user_id
    if user_id is None:
        assert person.guardian_id is not None
        subject = f"demo:guardian:{person.uuid}"
        user_id = commands.admit_guardian(
            actor=HOUSE, guardian_id=person.guardian_id, subject=subject, at=at, key=uuid5(NAMESPACE_URL, subject)
        )
    actor = people.actor_for(user_id, at)
    visits.begin(request, user_id, at, awaits=factors.has_factor(user_id))
    commands.record_sign_in(actor=actor, by="demo", at=at)
    return HttpResponseRedirect(safe_next(request) or home_of(actor))


@anyone(Action.SIGN_OUT, "POST")
def sign_out(request: HttpRequest) -> HttpResponse:
    """End the visit: its session is deleted, its cookie worth nothing."""
    signed = signed_request(request)
    if signed is not None:
        commands.record_sign_out(actor=signed.actor, at=signed.at)
    visits.end(request)
    # The cache alone: storage holds marks that a teacher's phone has not sent; keys and kept pages go by our scripts.
    return HttpResponseRedirect(f"{reverse('sign-in')}", headers={"Clear-Site-Data": '"cache"'})


@signed_in_only(Action.SIGN_IN, "GET", "HEAD")
def no_rights(request: SignedRequest) -> HttpResponse:
    """Signed in, but with nothing to do here: what that means and whom to ask."""
    words = {"actor": request.actor, "key": form_key(request)}
    return render(request, "signin/no_rights.html", context(request) | words, status=403)


def home_of(actor: Actor) -> str:
    """The first page of the first door open to this actor, in the language the person has chosen, if one was."""
    doors = doors_of(actor)
    with translation.override(preferences.chosen_language(actor.user_id) or get_language()):
        return reverse(f"{doors[0]}-home" if doors else "no-rights")


def not_our_form(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A POST without the page's own secret (RELIABILITY.md T25): most often the page was open for very long."""
    return private(notice(request, "error.csrf", 403))
