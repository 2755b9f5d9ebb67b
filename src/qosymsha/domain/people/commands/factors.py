"""Proving anew who one is: a code to the phone, an authenticator app. A failed try is stored, so nothing is raised."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor import InvalidToken
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from django.conf import settings
from django.db import transaction

from qosymsha.domain.people import queries, steps
from qosymsha.domain.people.access import ALLOWED, Action
from qosymsha.domain.people.models import OneTimeCode, SecondFactor, StrongTry
from qosymsha.domain.people.rules import CodeFacts, CodeLimits, SignInRefusal, refuse_code
from qosymsha.domain.people.states import Way
from qosymsha.kernel import audit, cipher, entropy, locks
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.errors import Refused

FACTOR = steps.FACTOR
_STEP_SECONDS = 30
_RETENTION = timedelta(days=30)  # as the models say
_SECRET_BYTES = 20


@dataclass(frozen=True, slots=True)
class MadeCode:
    """A code to hand to a `CodeSender` once the transaction is over; it is kept nowhere in plain."""

    code: str
    phone: str
    language: str
    expires_at: datetime


def limits() -> CodeLimits:
    """The installation's limits."""
    return steps.code_limits()


@transaction.atomic(durable=True)
def make_code(*, actor: Actor, at: datetime) -> MadeCode:
    """Make a one-time code for the actor's phone; a code made before is over from now on.

    In production only a phone that is on record gets one; elsewhere a person without a phone is shown the code.

    Raises:
        Forbidden: the actor has no right that is valid now.
        Refused: too_many_codes, too_many_tries, phone_missing.
    """
    require(actor, Action.SEND_CODE, ALLOWED)
    locks.exclusive(f"strong:{actor.user_id}")
    bounds = limits()
    steps.refuse_guessing(actor, at, bounds)
    since = at - timedelta(minutes=bounds.window_minutes)
    made = OneTimeCode.objects.filter(user_id=actor.user_id)
    if made.filter(made_at__gt=since).count() >= bounds.codes_in_window:
        raise Refused(SignInRefusal.TOO_MANY_CODES)
    phone, language = queries.phone_of(actor)
    if not phone and settings.PRODUCTION:
        raise Refused(SignInRefusal.PHONE_MISSING)
    code = _digits(bounds.digits)
    made.filter(expires_at__gt=at).update(expires_at=at)
    expires_at = at + timedelta(minutes=bounds.minutes)
    OneTimeCode.objects.create(user_id=actor.user_id, code_hash=_hash(actor, code), made_at=at, expires_at=expires_at)
    audit.record(actor=actor, at=at, action=Action.SEND_CODE, subject_kind="user", subject_ids=[actor.user_id])
    return MadeCode(code, phone, language, expires_at)


@transaction.atomic(durable=True)
def prove_by_code(*, actor: Actor, code: str, at: datetime) -> SignInRefusal | None:
    """Judge the answer to the latest code; None: believed, once. Every answer counts as a try, also a wrong one.

    Raises:
        Forbidden: the actor has no right that is valid now.
        Refused: too_many_tries.
    """
    require(actor, Action.PROVE_AGAIN, ALLOWED)
    locks.exclusive(f"strong:{actor.user_id}")
    bounds = limits()
    steps.refuse_guessing(actor, at, bounds)
    latest = OneTimeCode.objects.filter(user_id=actor.user_id).order_by("-made_at", "-id").first()
    answer = _hash(actor, "".join(code.split()))
    facts = latest and CodeFacts(
        bytes(latest.code_hash) == answer, latest.expires_at, latest.tries, latest.used_at is not None
    )
    refusal = refuse_code(facts or None, at, bounds)
    if latest is not None:
        latest.tries += 1
        latest.used_at = latest.used_at or (at if refusal is None else None)
        latest.save(update_fields=["tries", "used_at"])
    steps.note_try(actor, Way.CODE, at, passed=refusal is None)
    return refusal


@transaction.atomic(durable=True)
def prove_by_app(*, actor: Actor, code: str, at: datetime) -> SignInRefusal | None:
    """Judge a code of the actor's authenticator app, of this half minute; none counts twice.

    The first code believed confirms an app that was just added.

    Raises:
        Forbidden: the actor has no right that is valid now.
        Refused: too_many_tries, factor_missing.
    """
    require(actor, Action.PROVE_AGAIN, ALLOWED)
    locks.exclusive(f"strong:{actor.user_id}")
    steps.refuse_guessing(actor, at, limits())
    factor = _app_of(actor)
    if factor is None:
        raise Refused(SignInRefusal.FACTOR_MISSING)
    step = _step_of("".join(code.split()), queries.unseal(FACTOR, [factor.id])[factor.id], at)
    is_believed = step is not None and step > factor.last_step
    if is_believed and step is not None:
        factor.last_step, factor.confirmed_at = step, factor.confirmed_at or at
        factor.save(update_fields=["last_step", "confirmed_at"])
    steps.note_try(actor, Way.TOTP, at, passed=is_believed)
    return None if is_believed else SignInRefusal.APP_CODE_WRONG


@transaction.atomic(durable=True)
def record_proof(*, actor: Actor, way: Way, at: datetime) -> None:
    """Write down a proof that the identity provider gave: the person signed in there again.

    Raises:
        Forbidden: the actor has no right that is valid now.
    """
    require(actor, Action.PROVE_AGAIN, ALLOWED)
    steps.note_try(actor, way, at, passed=True)


@transaction.atomic(durable=True)
def add_app(*, actor: Actor, at: datetime) -> str:
    """Begin to add an authenticator app; returns its secret (base32) once more until a first code confirms it.

    Raises:
        Forbidden: the actor is no official, teacher or manager today.
        Refused: factor_there — one is in use; an operator ends it first.
    """
    require(actor, Action.ADD_FACTOR, ALLOWED)
    locks.exclusive(f"strong:{actor.user_id}")
    factor = _app_of(actor)
    if factor is not None and factor.confirmed_at is not None:
        raise Refused(SignInRefusal.FACTOR_THERE)
    if factor is None:
        factor = SecondFactor.objects.create(user_id=actor.user_id, kind=Way.TOTP, added_at=at)
        steps.seal(FACTOR, [steps.SecretRow(factor.id, entropy.token(_SECRET_BYTES))])
        audit.record(actor=actor, at=at, action=Action.ADD_FACTOR, subject_kind="user", subject_ids=[actor.user_id])
    return base64.b32encode(queries.unseal(FACTOR, [factor.id])[factor.id]).decode()


@transaction.atomic(durable=True)
def end_app(*, actor: Actor, user_id: int, at: datetime) -> None:
    """End a lost authenticator app, so that its owner adds another; its secret is destroyed.

    Raises:
        Forbidden: the actor is no operator.
        Refused: factor_missing.
    """
    require(actor, Action.END_FACTOR, ALLOWED)
    locks.exclusive(f"strong:{user_id}")
    if not steps.end_app(user_id, at):
        raise Refused(SignInRefusal.FACTOR_MISSING)
    audit.record(actor=actor, at=at, action=Action.END_FACTOR, subject_kind="user", subject_ids=[user_id])


@transaction.atomic(durable=True)
def forget_tries(*, actor: Actor, at: datetime) -> int:
    """Delete one-time codes and tries older than their retention; returns how many. Needs no key: gone is gone.

    Raises:
        Forbidden: only the house itself forgets.
    """
    require(actor, Action.FORGET_TRIES, ALLOWED)
    codes, _ = OneTimeCode.objects.filter(made_at__lt=at - _RETENTION).delete()
    tries, _ = StrongTry.objects.filter(at__lt=at - _RETENTION).delete()
    return codes + tries


def _app_of(actor: Actor) -> SecondFactor | None:
    return SecondFactor.objects.filter(user_id=actor.user_id, kind=Way.TOTP, ended_at=None).order_by("id").first()


def _digits(count: int) -> str:
    """Digits of even chance: 8 random bytes modulo 10^6 favour none by more than 1 in 10^13."""
    return str(int.from_bytes(entropy.token(8), "big") % 10**count).zfill(count)


def _hash(actor: Actor, code: str) -> bytes:
    return cipher.lookup("one-time code", f"{actor.user_id}:{code}")


def _step_of(code: str, secret: bytes, at: datetime) -> int | None:
    """The half minute whose code this is, else None: the present one, where the operator says so the one before too."""
    totp = TOTP(secret, 6, SHA1(), _STEP_SECONDS)  # noqa: S303 - RFC 6238's default, what every app computes
    now = int(at.timestamp())
    for instant in (now, now - _STEP_SECONDS) if settings.APP_CODE_BEFORE else (now,):
        try:
            totp.verify(code.encode(), instant)
        except InvalidToken:
            continue
        return instant // _STEP_SECONDS
    return None
