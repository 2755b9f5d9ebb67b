"""A guardian links a child by its number: the registry's word alone counts, knowing a number proves nothing.

Whether the child is known here is not asked before the registry has spoken for it: a number of nobody, of a child of
others, of one enrolled take the same path, the same statements, the same answer (RELIABILITY.md T3).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from django.conf import settings
from django.db import transaction

from qosymsha.domain.people import queries, steps
from qosymsha.domain.people.access import ALLOWED, Action
from qosymsha.domain.people.linked import link_guardians
from qosymsha.domain.people.models import Guardian, NumberMiss
from qosymsha.domain.people.ports import ProvedChild
from qosymsha.domain.people.rules import (
    GuardRefusal,
    NumberLimits,
    PeopleRefusal,
    PersonDetails,
    proof_of,
    refuse_child,
    refuse_person,
    tidy,
)
from qosymsha.domain.people.states import Alarm, Topic
from qosymsha.kernel import audit, cipher, idempotency, locks, outbox
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.errors import Forbidden, Refused

CHILD = "child"
LINKED = "linked"


def limits() -> NumberLimits:
    """The installation's limits on guessing."""
    return NumberLimits(**getattr(settings, "NUMBER_LIMITS", {}))


@transaction.atomic(durable=True)
def link_child(
    *, actor: Actor, child: PersonDetails, proved: Sequence[ProvedChild], at: datetime, key: UUID
) -> StrEnum | None:
    """Link a child to the acting guardian where `proved` (the registry's answer, fetched before) names it; None: done.

    A child linked already stays so; one known here keeps its stored name and birth date. A refusal that counts
    as a miss is stored, so it is returned, not raised: child_not_proved, too_many_numbers (which asks nothing more).
    The guardian's consent to ask the registries is stored with it, for oneself and for a linked child, where no word
    on it is on record; what was withdrawn stays so.

    Raises:
        Forbidden: the actor is no guardian.
        Refused: the fields cannot be a child's (bad_iin, name_missing, …): said of any number alike, and not counted.
    """
    require(actor, Action.LINK_CHILD, ALLOWED)
    guardian = queries.own_record(actor)
    if actor.guardian_id is None or guardian is None:
        raise Forbidden(Action.LINK_CHILD)
    typed = tidy(child)
    _refuse_unreadable(typed, at)
    locks.exclusive(f"numbers:{actor.user_id}")
    seen = idempotency.repeat(actor=actor, verb="link_child", key=key, body=_body(typed), at=at)
    if seen is not None:
        return _outcome(str(seen))
    refusal = _too_many(actor, at) or _judged(actor, guardian, typed, proved, at)
    idempotency.keep(actor=actor, verb="link_child", key=key, outcome=refusal.value if refusal else LINKED)
    return refusal


def _refuse_unreadable(typed: PersonDetails, at: datetime) -> None:
    if typed.iin is None:
        raise Refused(PeopleRefusal.BAD_IIN)
    if typed.born_on is None:
        raise Refused(PeopleRefusal.BIRTH_DATE_MISSING)
    fault = refuse_person(typed, today=local_day(at), synthetic_allowed=settings.SYNTHETIC_PEOPLE_ALLOWED)
    if fault is not None:
        raise Refused(fault)


def _body(typed: PersonDetails) -> list[str]:
    """Keyed: a plain hash of a number could be found by trying them all."""
    return [cipher.lookup("link_child", str(typed)).hex()]


def _outcome(kept: str) -> StrEnum | None:
    if kept == LINKED:
        return None
    return GuardRefusal(kept) if kept in set(GuardRefusal) else PeopleRefusal(kept)


def _too_many(actor: Actor, at: datetime) -> StrEnum | None:
    """The limit, exact: tries of one account wait for each other. The first try past it is told to the auditor."""
    bounds = limits()
    recent = NumberMiss.objects.filter(user_id=actor.user_id, at__gt=at - timedelta(minutes=bounds.minutes))
    missed = recent.count()
    if missed < bounds.misses:
        return None
    if missed == bounds.misses:
        _miss(actor, at, GuardRefusal.TOO_MANY_NUMBERS)
        steps.alarm(Alarm.GUESSING_STOPPED, actor.user_id, [], at)
    return GuardRefusal.TOO_MANY_NUMBERS


def _judged(
    actor: Actor, guardian: PersonDetails, typed: PersonDetails, proved: Sequence[ProvedChild], at: datetime
) -> StrEnum | None:
    assert actor.guardian_id is not None, "asked above"
    steps.first_consent(actor, actor.guardian_id, None, at)
    proof = proof_of(typed, proved)
    if proof is None:
        _miss(actor, at, GuardRefusal.CHILD_NOT_PROVED)
        return GuardRefusal.CHILD_NOT_PROVED
    return refuse_child(guardian, typed, proof) or _linked(actor, typed, proof, at)


def _miss(actor: Actor, at: datetime, reason: GuardRefusal) -> None:
    NumberMiss.objects.create(user_id=actor.user_id, at=at)
    audit.record(
        actor=actor,
        at=at,
        action=Action.LINK_CHILD,
        subject_kind="user",
        subject_ids=[actor.user_id],
        detail={"refused": reason.value},
    )


def _linked(actor: Actor, typed: PersonDetails, proof: ProvedChild, at: datetime) -> StrEnum | None:
    """From here on the registry has spoken: what is known of the child may be told to this guardian."""
    lookup = queries.iin_lookup(CHILD, typed.iin or "")
    if steps.differing_births(CHILD, {lookup: typed}):
        return PeopleRefusal.BIRTH_DATE_DIFFERS
    is_known = bool(queries.by_lookup(CHILD, [lookup]))
    told = replace(typed, surname="", given="", patronymic="") if is_known else typed
    assert actor.guardian_id is not None, "asked above"
    home = Guardian.objects.get(pk=actor.guardian_id)
    stored = steps.store_persons(CHILD, CHILD, {lookup: told})
    child_id, made = stored.ids[lookup], sorted(stored.made)
    steps.insert_children(made, [None] * len(made), home.territory_id, at)
    link_guardians({(home.pk, child_id): (proof.kind, proof.evidence)}, at)
    steps.first_consent(actor, home.pk, child_id, at)
    audit.record(
        actor=actor,
        at=at,
        action=Action.LINK_CHILD,
        subject_kind=CHILD,
        subject_ids=[child_id],
        territory_id=home.territory_id,
        detail={"new": bool(made)},
    )
    outbox.tell(topic=Topic.CHILD_REGISTERED, subject_kind=CHILD, subject_ids=made, at=at)
    return None
