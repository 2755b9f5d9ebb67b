"""Coming in, and proving it anew, at the identity provider (OpenID Connect; eGov's place)."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from enum import StrEnum
from urllib.parse import urlencode
from uuid import NAMESPACE_URL, uuid5

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import translation

from qosymsha.domain.factors import queries as factors
from qosymsha.domain.factors.access import STAFF
from qosymsha.domain.people import commands
from qosymsha.domain.people import queries as people
from qosymsha.domain.people.access import Action
from qosymsha.domain.people.ports import Identity, IdentityFault, IdentityProvider, IdentityQuestion, IdentityRefused
from qosymsha.domain.people.rules import Proof, SignInRefusal, YouthRefusal
from qosymsha.domain.people.states import Role, Way
from qosymsha.domain.providers import commands as providers_commands
from qosymsha.domain.providers import queries as providers
from qosymsha.interfaces.signin.asked import NEXT_AT_MOST, Question, keep, of_state, waiting
from qosymsha.interfaces.signin.views import HOUSE, home_of, ways_in
from qosymsha.interfaces.ui import visits
from qosymsha.interfaces.ui.signed import SignedRequest, anyone, safe_next, signed_in_only, signed_request
from qosymsha.kernel import clock, iin
from qosymsha.kernel.actor import Actor
from qosymsha.kernel.adapters import adapter
from qosymsha.kernel.errors import NotConfigured, Refused

log = logging.getLogger(__name__)
_SKEW = timedelta(seconds=60)


@anyone(Action.SIGN_IN, "GET")
def begin(request: HttpRequest) -> HttpResponse:
    """`/sign-in/begin/`: to the provider. A link, not a form: a form's redirect to another site is against our CSP."""
    return _send(request, user_id=None)


@signed_in_only(Action.PROVE_AGAIN, "GET")
def begin_anew(request: SignedRequest) -> HttpResponse:
    """`/step-up/identity/`: to the provider, where one must prove it now, again."""
    return _send(request, user_id=request.actor.user_id)


@anyone(Action.SIGN_IN, "GET")
def come_back(request: HttpRequest) -> HttpResponse:
    """`/sign-in/callback/`: the provider's answer; only what this browser asked, once, and soon."""
    at, questions = clock.read(), waiting(request)
    asked = of_state(questions, request.GET.get("state", ""), at)
    if asked is None:
        return ways_in(request, reason=IdentityFault.TOO_LATE.value, status=400)
    answer = _judged(request, asked, at)
    keep(answer, [one for one in questions if one is not asked])  # struck off: no answer counts twice
    return answer


def _judged(request: HttpRequest, asked: Question, at: datetime) -> HttpResponse:
    with translation.override(asked["language"]):
        try:
            if "code" not in request.GET:  # nobody was seen: nothing to write down
                return ways_in(request, reason=IdentityFault.SAYS_NO.value, status=403)
            question = IdentityQuestion("", asked["state"], asked["nonce"], asked["verifier"])
            identity = _provider().answer(question, _callback(request), request.GET["code"], at)
            return (
                _proved_anew(request, asked, identity, at) if asked["user"] else _come_in(request, asked, identity, at)
            )
        except IdentityRefused as refused:
            log.warning("identity: %s", refused)
            if refused.fault in (IdentityFault.UNREACHABLE, IdentityFault.UNREADABLE):
                return ways_in(request, reason=refused.fault.value, status=503)
            commands.record_refused_sign_in(actor=HOUSE, reason=refused.fault, at=at)
            return ways_in(request, reason=refused.fault.value, status=403)


def _send(request: HttpRequest, user_id: int | None) -> HttpResponse:
    at = clock.read()
    try:
        question = _provider().ask(_callback(request), anew=user_id is not None)
    except IdentityRefused as refused:
        log.warning("identity: %s", refused)
        return ways_in(request, reason=refused.fault.value, status=503)
    except NotConfigured:
        return ways_in(request, reason=IdentityFault.UNREACHABLE.value, status=503)
    wanted = safe_next(request)
    pending = Question(
        state=question.state,
        nonce=question.nonce,
        verifier=question.verifier,
        at=at.isoformat(),
        next=wanted if len(wanted) <= NEXT_AT_MOST else "",
        language=translation.get_language() or "kk",
        user=user_id,
    )
    answer = HttpResponseRedirect(question.address)
    keep(answer, [*waiting(request), pending])
    return answer


def _come_in(request: HttpRequest, asked: Question, identity: Identity, at: datetime) -> HttpResponse:
    user_id = _admitted(identity, at)
    if user_id is None or not people.actor_for(user_id, at).grants:
        try:
            user_id = _youth(identity, at) or user_id
        except Refused as refused:
            return _not_let_in(request, refused.reason, at)
    if user_id is None:
        return _not_let_in(request, SignInRefusal.PERSON_UNKNOWN, at)
    actor = people.actor_for(user_id, at)
    is_alone = awaits(actor, identity)
    if is_alone and actor.holds({Role.YOUTH}):
        return _not_let_in(request, YouthRefusal.ONE_FACTOR, at)
    visits.begin(request, user_id, at, awaits=is_alone)
    commands.record_sign_in(actor=actor, by="identity", at=at)
    return HttpResponseRedirect(asked["next"] or home_of(actor))


def _not_let_in(request: HttpRequest, reason: StrEnum, at: datetime) -> HttpResponse:
    commands.record_refused_sign_in(actor=HOUSE, reason=reason, at=at)
    return ways_in(request, reason=reason.value, status=403)


def awaits(actor: Actor, identity: Identity) -> bool:
    """Whether a second factor opens the rest (decision 0058): one's own is asked always, another where none was stated.

    Of families only where the installation asks everybody; no setting lets staff in by one. A child's own account has
    no other to show, as the phone on record is its guardian's: the provider states two, or it stays out.
    """
    if factors.has_factor(actor.user_id):
        return True
    is_asked = settings.TWO_FACTORS != "staff" or actor.holds(STAFF)
    return is_asked and not identity.has_two_factors


def _proved_anew(request: HttpRequest, asked: Question, identity: Identity, at: datetime) -> HttpResponse:
    """Believed where the same person was seen by the provider after we asked; an old sight is no new proof."""
    signed = signed_request(request)
    is_same = signed is not None and signed.actor.user_id == asked["user"] == _known(identity)
    is_anew = identity.seen_at is not None and datetime.fromisoformat(asked["at"]) - identity.seen_at <= _SKEW
    if not is_same or signed is None:
        commands.record_refused_sign_in(actor=HOUSE, reason=SignInRefusal.NOT_THE_SAME_PERSON, at=at)
        return ways_in(request, reason=SignInRefusal.NOT_THE_SAME_PERSON.value, status=403)
    if signed.visit.awaits:  # the first factor, shown twice, is no second one
        return HttpResponseRedirect(f"{reverse('step-up')}?{urlencode({'next': asked['next']})}")
    if not is_anew:
        raise IdentityRefused(IdentityFault.NOT_BELIEVED, "auth_time")
    visits.strengthen(request, Proof(at, Way.IDENTITY.value))
    commands.record_proof(actor=signed.actor, way=Way.IDENTITY, at=at)
    return HttpResponseRedirect(asked["next"] or home_of(signed.actor))


def _known(identity: Identity) -> int | None:
    """The user whom the provider saw: by its name for them, by the number of an official, a guardian or a teacher."""
    number = _number(identity)
    user_id = people.user_by_subject(identity.subject) or people.by_iin("user", [number]).get(number)
    guardian_id = people.by_iin("guardian", [number]).get(number)
    teacher_id = people.by_iin("teacher", [number]).get(number)
    return (
        user_id
        or (people.user_of_guardian(guardian_id) if guardian_id is not None else None)
        or (providers.user_of_teacher(teacher_id) if teacher_id is not None else None)
    )


def _admitted(identity: Identity, at: datetime) -> int | None:
    """The user, made now for a guardian or a teacher who comes for the first time; who is both gets both rights."""
    known, number = _guardian(identity, at), _number(identity)
    teacher_id = people.by_iin("teacher", [number]).get(number)
    if teacher_id is None:
        return known
    subject = people.subject_of(known) if known else identity.subject
    key = uuid5(NAMESPACE_URL, f"teach:{teacher_id}:{subject}:{at.isoformat()}")  # anew each time: lessons went on
    try:
        taught = providers_commands.admit_teacher(actor=HOUSE, teacher_id=teacher_id, subject=subject, at=at, key=key)
    except Refused:
        return known
    return known or taught


def _guardian(identity: Identity, at: datetime) -> int | None:
    known, number = _known(identity), _number(identity)
    guardian_id = people.by_iin("guardian", [number]).get(number)
    if guardian_id is None or people.user_of_guardian(guardian_id) is not None:
        return known
    subject = people.subject_of(known) if known else identity.subject
    key = uuid5(NAMESPACE_URL, f"admit:{guardian_id}:{subject}")
    try:
        return commands.admit_guardian(actor=HOUSE, guardian_id=guardian_id, subject=subject, at=at, key=key)
    except Refused:
        return known


def _youth(identity: Identity, at: datetime) -> int | None:
    """The user of a child known here who comes for itself; None: no child has this number.

    Raises:
        Refused: why it has no account of its own today. The provider has proved whose number it is: no oracle.
    """
    number = _number(identity)
    child_id = people.by_iin("child", [number]).get(number)
    if child_id is None:
        return None
    key = uuid5(NAMESPACE_URL, f"youth:{child_id}:{identity.subject}:{at.isoformat()}")  # anew each time: rights end
    return commands.admit_youth(actor=HOUSE, child_id=child_id, subject=identity.subject, at=at, key=key)


def _number(identity: Identity) -> str:
    try:
        return iin.person(identity.iin or "", synthetic_allowed=settings.SYNTHETIC_PEOPLE_ALLOWED)
    except iin.NumberError:
        return ""


def _provider() -> IdentityProvider:
    provider: IdentityProvider = adapter("identity")
    return provider


def _callback(request: HttpRequest) -> str:
    path = reverse("sign-in-callback")
    return f"{settings.PUBLIC_ADDRESS}{path}" if settings.PUBLIC_ADDRESS else request.build_absolute_uri(path)
