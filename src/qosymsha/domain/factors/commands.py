"""Passkeys and recovery codes. A failed answer is stored (its question is spent), so it is returned, not raised."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction

from qosymsha.domain.factors import rules
from qosymsha.domain.factors.access import ALLOWED, Action
from qosymsha.domain.factors.models import Passkey, PasskeyQuestion, RecoveryCode
from qosymsha.domain.factors.queries import has_passkey
from qosymsha.domain.factors.rules import FactorRefusal, Known, Seen, Where
from qosymsha.domain.factors.states import Purpose
from qosymsha.domain.people import queries as people
from qosymsha.domain.people import steps as people_steps
from qosymsha.domain.people.access import ALLOWED as PEOPLE_ALLOWED
from qosymsha.domain.people.access import Action as PeopleAction
from qosymsha.domain.people.states import Alarm, Way
from qosymsha.kernel import audit, cipher, entropy, locks
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.errors import Refused

_LIFE = timedelta(minutes=5)
_RETENTION = timedelta(days=30)  # as the model says
_CHALLENGE_BYTES = 32


@transaction.atomic(durable=True)
def ask_to_add(*, actor: Actor, where: Where, at: datetime) -> dict[str, Any]:
    """Options for `navigator.credentials.create`: the question is bound to this person and this visit, five minutes.

    Raises:
        Forbidden: the actor is no official, teacher or manager today.
        Refused: too_many_passkeys.
    """
    require(actor, Action.ADD_PASSKEY, ALLOWED)
    known = _known(actor.user_id)
    if len(known) >= rules.MOST_PASSKEYS:
        raise Refused(FactorRefusal.TOO_MANY_PASSKEYS)
    handle = cipher.lookup("passkey user", str(actor.user_id))[:16]  # says nothing to who finds the device
    name = people.subject_of(actor.user_id)[:64]
    challenge = _ask(actor, Purpose.ADD, where.visit, at)
    return rules.question_to_add(where.site, (handle, name), list(known.values()), challenge, settings.RSA_BITS)


@transaction.atomic(durable=True)
def add_passkey(
    *, actor: Actor, where: Where, answer: Mapping[str, Any], name: str, at: datetime
) -> FactorRefusal | None:
    """Keep a passkey that answers the question just put; None: kept. The question is spent either way.

    Raises:
        Forbidden: the actor is no official, teacher or manager today.
        Refused: passkey_nameless.
    """
    require(actor, Action.ADD_PASSKEY, ALLOWED)
    plain = _name(name)
    locks.exclusive(f"strong:{actor.user_id}")
    challenge = _spent(actor, Purpose.ADD, where.visit, at)
    seen: Seen | FactorRefusal = FactorRefusal.PASSKEY_QUESTION_OVER
    if challenge:
        seen = rules.judge_added(answer, challenge, where.site, settings.RSA_BITS)
    if isinstance(seen, Seen) and Passkey.objects.filter(credential_id=seen.credential_id).exists():
        seen = FactorRefusal.PASSKEY_THERE
    if isinstance(seen, FactorRefusal):
        _record(actor, at, Action.ADD_PASSKEY, {"refused": seen.value})
        return seen
    made = Passkey.objects.create(
        user_id=actor.user_id, name=plain, added_at=at, credential_id=seen.credential_id,
        credential=seen.credential, sign_count=seen.sign_count,
    )  # fmt: skip
    _record(actor, at, Action.ADD_PASSKEY, {"passkey": str(made.uuid)})
    return None


@transaction.atomic(durable=True)
def ask_to_prove(*, actor: Actor, where: Where, at: datetime) -> dict[str, Any]:
    """Options for `navigator.credentials.get`, naming the actor's own passkeys.

    Raises:
        Forbidden: the actor has no right that is valid now.
        Refused: passkey_missing; too_many_tries.
    """
    require(actor, PeopleAction.PROVE_AGAIN, PEOPLE_ALLOWED)
    people_steps.refuse_guessing(actor, at, people_steps.code_limits())
    known = [one for one in _known(actor.user_id).values() if not one.is_stopped]
    if not known:
        raise Refused(FactorRefusal.PASSKEY_MISSING)
    return rules.question_to_prove(where.site, known, _ask(actor, Purpose.PROVE, where.visit, at))


@transaction.atomic(durable=True)
def prove_by_passkey(*, actor: Actor, where: Where, answer: Mapping[str, Any], at: datetime) -> FactorRefusal | None:
    """Judge the answer to the question just put; None: believed. The question is spent either way.

    A counter that did not go on stops the passkey at once and for good: somebody has a copy.

    Raises:
        Forbidden: the actor has no right that is valid now.
        Refused: too_many_tries.
    """
    require(actor, PeopleAction.PROVE_AGAIN, PEOPLE_ALLOWED)
    locks.exclusive(f"strong:{actor.user_id}")
    people_steps.refuse_guessing(actor, at, people_steps.code_limits())
    challenge = _spent(actor, Purpose.PROVE, where.visit, at)
    known = _known(actor.user_id)
    seen = rules.judge_proof(answer, challenge, where.site, known) if challenge else FactorRefusal.PASSKEY_QUESTION_OVER
    if isinstance(seen, Seen):
        mine = Passkey.objects.filter(credential_id=seen.credential_id, user_id=actor.user_id)
        mine.update(sign_count=seen.sign_count, used_at=at)
        people_steps.note_try(actor, Way.PASSKEY, at, passed=True)
        return None
    if seen is FactorRefusal.PASSKEY_COPIED:
        _stop(actor, answer, at)
    people_steps.note_try(actor, Way.PASSKEY, at, passed=False, reason=seen.value)
    return seen


@transaction.atomic(durable=True)
def name_passkey(*, actor: Actor, passkey_uuid: UUID, name: str, at: datetime) -> None:
    """Call an own passkey something else. Needs no key: the last word holds.

    Raises:
        Forbidden: the actor is no official, teacher or manager today.
        Refused: passkey_missing; passkey_nameless.
    """
    require(actor, Action.NAME_PASSKEY, ALLOWED)
    mine = Passkey.objects.filter(user_id=actor.user_id, uuid=passkey_uuid, ended_at=None)
    if not mine.update(name=_name(name)):
        raise Refused(FactorRefusal.PASSKEY_MISSING)
    _record(actor, at, Action.NAME_PASSKEY, {"passkey": str(passkey_uuid)})


@transaction.atomic(durable=True)
def remove_passkey(*, actor: Actor, passkey_uuid: UUID, at: datetime) -> None:
    """End an own passkey; one that was stopped goes always, the last that works never. Needs no key: gone is gone.

    Raises:
        Forbidden: the actor is no official, teacher or manager today.
        Refused: passkey_missing; last_factor.
    """
    require(actor, Action.REMOVE_FACTOR, ALLOWED)
    locks.exclusive(f"strong:{actor.user_id}")
    mine = Passkey.objects.filter(user_id=actor.user_id, ended_at=None)
    found = mine.filter(uuid=passkey_uuid).first()
    if found is None:
        raise Refused(FactorRefusal.PASSKEY_MISSING)
    others = mine.filter(stopped_at=None).exclude(pk=found.pk)
    if found.stopped_at is None and not others.exists() and not people.has_app(actor.user_id):
        raise Refused(FactorRefusal.LAST_FACTOR)
    mine.filter(pk=found.pk).update(ended_at=at)
    _record(actor, at, Action.REMOVE_FACTOR, {"passkey": str(passkey_uuid)})


@transaction.atomic(durable=True)
def remove_app(*, actor: Actor, at: datetime) -> None:
    """End one's own authenticator app, where a passkey stays. Needs no key: gone is gone.

    Raises:
        Forbidden: the actor is no official, teacher or manager today.
        Refused: last_factor.
    """
    require(actor, Action.REMOVE_FACTOR, ALLOWED)
    locks.exclusive(f"strong:{actor.user_id}")
    if not has_passkey(actor.user_id):
        raise Refused(FactorRefusal.LAST_FACTOR)
    people_steps.end_app(actor.user_id, at)
    _record(actor, at, Action.REMOVE_FACTOR, {"way": Way.TOTP.value})


@transaction.atomic(durable=True)
def make_recovery_codes(*, actor: Actor, at: datetime) -> list[str]:
    """A fresh set of codes for a sheet of paper; those made before are over. They are shown once, kept as hashes.

    Raises:
        Forbidden: the actor is no official, teacher or manager today.
    """
    require(actor, Action.MAKE_RECOVERY_CODES, ALLOWED)
    locks.exclusive(f"strong:{actor.user_id}")
    RecoveryCode.objects.filter(user_id=actor.user_id, ended_at=None, used_at=None).update(ended_at=at)
    codes = [rules.recovery_code(entropy.token(_CHALLENGE_BYTES)) for _ in range(rules.RECOVERY_CODES)]
    RecoveryCode.objects.bulk_create(
        RecoveryCode(user_id=actor.user_id, code_hash=_hash(actor, code), made_at=at) for code in codes
    )
    _record(actor, at, Action.MAKE_RECOVERY_CODES, {"codes": len(codes)})
    return codes


@transaction.atomic(durable=True)
def prove_by_recovery_code(*, actor: Actor, code: str, at: datetime) -> FactorRefusal | None:
    """Judge a recovery code; None: believed, once. Every answer counts as a try.

    Raises:
        Forbidden: the actor has no right that is valid now.
        Refused: too_many_tries.
    """
    require(actor, PeopleAction.PROVE_AGAIN, PEOPLE_ALLOWED)
    locks.exclusive(f"strong:{actor.user_id}")
    people_steps.refuse_guessing(actor, at, people_steps.code_limits())
    good = RecoveryCode.objects.filter(user_id=actor.user_id, used_at=None, ended_at=None)
    is_good = good.filter(code_hash=_hash(actor, code)).update(used_at=at) == 1
    people_steps.note_try(actor, Way.RECOVERY, at, passed=is_good)
    return None if is_good else FactorRefusal.RECOVERY_WRONG


@transaction.atomic(durable=True)
def end_factors(*, actor: Actor, user_id: int, at: datetime) -> None:
    """End all that another person can prove with, who lost it: passkeys, app, codes. They add anew at the next sign-in.

    Raises:
        Forbidden: the actor is no operator.
        Refused: last_factor — one's own.
    """
    require(actor, Action.END_FACTORS, ALLOWED)
    if actor.user_id == user_id:
        raise Refused(FactorRefusal.LAST_FACTOR)
    locks.exclusive(f"strong:{user_id}")
    Passkey.objects.filter(user_id=user_id, ended_at=None).update(ended_at=at)
    RecoveryCode.objects.filter(user_id=user_id, ended_at=None, used_at=None).update(ended_at=at)
    people_steps.end_app(user_id, at)
    audit.record(actor=actor, at=at, action=Action.END_FACTORS, subject_kind="user", subject_ids=[user_id])


@transaction.atomic(durable=True)
def forget_questions(*, actor: Actor, at: datetime) -> int:
    """Delete questions older than their retention; returns how many. Needs no key: gone is gone.

    Raises:
        Forbidden: only the house itself forgets.
    """
    require(actor, Action.FORGET_QUESTIONS, ALLOWED)
    gone, _ = PasskeyQuestion.objects.filter(asked_at__lt=at - _RETENTION).delete()
    return gone


def _known(user_id: int) -> dict[bytes, Known]:
    mine = Passkey.objects.filter(user_id=user_id, ended_at=None).order_by("id")
    return {
        bytes(one.credential_id): Known(bytes(one.credential), one.sign_count, one.stopped_at is not None)
        for one in mine
    }


def _ask(actor: Actor, purpose: Purpose, visit: str, at: datetime) -> bytes:
    challenge = entropy.token(_CHALLENGE_BYTES)
    PasskeyQuestion.objects.create(
        user_id=actor.user_id, purpose=purpose, visit=_mark(visit), challenge=challenge, asked_at=at,
        expires_at=at + _LIFE,
    )  # fmt: skip
    return challenge


def _spent(actor: Actor, purpose: Purpose, visit: str, at: datetime) -> bytes:
    """The challenge last put in this visit, spent from now on; nothing where there is none, it is late or was answered.

    Only the latest counts: of two windows open at once the earlier asks again.
    """
    asked = PasskeyQuestion.objects.filter(user_id=actor.user_id, purpose=purpose, visit=_mark(visit))
    latest = asked.order_by("-asked_at", "-id").first()
    if latest is None or latest.answered_at is not None or at >= latest.expires_at:
        return b""
    asked.filter(pk=latest.pk).update(answered_at=at)
    return bytes(latest.challenge)


def _stop(actor: Actor, answer: Mapping[str, Any], at: datetime) -> None:
    mine = Passkey.objects.filter(user_id=actor.user_id, credential_id=rules.answered_by(answer))
    if mine.filter(stopped_at=None).update(stopped_at=at):
        people_steps.alarm(Alarm.PASSKEY_COPIED, actor.user_id, list(mine.values_list("pk", flat=True)), at)


def _mark(visit: str) -> bytes:
    return cipher.lookup("passkey visit", visit)


def _hash(actor: Actor, code: str) -> bytes:
    return cipher.lookup("recovery code", f"{actor.user_id}:{rules.plain_code(code)}")


def _name(name: str) -> str:
    plain = " ".join(name.split())[:60]
    if not plain:
        raise Refused(FactorRefusal.PASSKEY_NAMELESS)
    return plain


def _record(actor: Actor, at: datetime, action: Action, detail: Mapping[str, object]) -> None:
    ids = [actor.user_id]
    audit.record(actor=actor, at=at, action=action, subject_kind="user", subject_ids=ids, detail=detail)
