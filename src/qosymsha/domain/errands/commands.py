"""Ask for an errand, take it back; and what a worker does with it: begin, tell how far, end; mind those left over."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from django.db import transaction

from qosymsha.domain.errands import queries, steps
from qosymsha.domain.errands.access import ALLOWED, Action
from qosymsha.domain.errands.models import Errand
from qosymsha.domain.errands.rules import KEPT, LAPSES_AFTER, MOST_TRIES, ErrandRefusal, Wanted
from qosymsha.domain.errands.states import OPEN, ErrandState, Phase
from qosymsha.domain.people import resealing
from qosymsha.kernel import audit, cipher, entropy, idempotency, locks
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.errors import Forbidden, Refused


@dataclass(frozen=True, slots=True)
class Begun:
    """An errand in a worker's hands: what to do, for whom, with what; `tries` counts this one."""

    uuid: UUID
    verb: str
    subject_kind: str
    subject_id: int
    subject_uuid: UUID
    user_id: int
    body: dict[str, Any]
    tries: int


@transaction.atomic(durable=True)
def ask(*, actor: Actor, wanted: Wanted, at: datetime, key: UUID) -> UUID:
    """Store the wish and its job; the errand's uuid. The same wish about the same thing, by anybody, is one errand.

    A key whose errand ended undone may be sent again: nothing was done by it.

    Raises:
        Forbidden: the actor may not do what is asked for, there.
        Refused: `errand_under_way` — something else is being done with the same thing.
    """
    about = wanted.about
    require(actor, Action.ASK, ALLOWED, territory_id=about.territory_id)
    require(actor, wanted.verb, wanted.allowed, territory_id=about.territory_id)
    locks.exclusive(f"errands.{about.kind}.{about.id}")
    own_key = _own_key(actor, key)
    body = [wanted.verb.value, about.kind, about.id, wanted.wish or dict(wanted.body)]
    seen = idempotency.repeat(actor=actor, verb=Action.ASK, key=own_key, body=body, at=at)
    if seen is not None:
        return UUID(seen)
    running = queries.open_errand(about.kind, about.id)
    if running is not None and (running.verb, running.wish) != (wanted.verb, wanted.wish):
        raise Refused(ErrandRefusal.ERRAND_UNDER_WAY, errand=str(running.uuid))
    uuid = running.uuid if running is not None else _make(actor, wanted, at, key)
    audit.record(
        actor=actor, at=at, action=Action.ASK, subject_kind=about.kind, subject_ids=[about.id],
        territory_id=about.territory_id, detail=_told(wanted, uuid),
    )  # fmt: skip
    idempotency.keep(actor=actor, verb=Action.ASK, key=own_key, outcome=str(uuid))
    return uuid


def _own_key(actor: Actor, key: UUID) -> UUID:
    undone = (ErrandState.REFUSED, ErrandState.FAILED, ErrandState.WITHDRAWN)
    tried = Errand.objects.filter(user_id=actor.user_id, form_key=key, state__in=undone).count()
    return uuid5(key, str(tried)) if tried else key


def _make(actor: Actor, wanted: Wanted, at: datetime, key: UUID) -> UUID:
    about, uuid = wanted.about, entropy.uuid4()
    sealed = cipher.seal(json.dumps(dict(wanted.body)).encode(), bound_to=queries.binding(uuid))
    made = Errand(
        uuid=uuid, verb=wanted.verb.value, territory_id=about.territory_id, subject_kind=about.kind,
        subject_id=about.id, subject_uuid=about.uuid, label=about.label, wish=wanted.wish, user_id=actor.user_id,
        form_key=key,
        body_key_id=sealed.key_id, body_nonce=sealed.nonce, body=sealed.ciphertext, asked_at=at,
    )  # fmt: skip
    if wanted.proof is not None:
        made.proved_at, made.proved_by = wanted.proof.at, wanted.proof.way
    made.save()
    steps.hand_over(made)
    return uuid


def _told(wanted: Wanted, uuid: UUID) -> dict[str, object]:
    proof = {} if wanted.proof is None else {"proved_at": wanted.proof.at.isoformat(), "proved_by": wanted.proof.way}
    return {"verb": wanted.verb.value, "errand": str(uuid), **proof}


@transaction.atomic(durable=True)
def withdraw(*, actor: Actor, errand_uuid: UUID, at: datetime, key: UUID) -> UUID:
    """Take one's own errand back while nobody has begun it; answers the errand's uuid.

    Raises:
        Forbidden: there is none, or another asked for it.
        Refused: `errand_not_waiting`.
    """
    found = Errand.objects.select_for_update().filter(uuid=errand_uuid, user_id=actor.user_id).first()
    if found is None:
        raise Forbidden(Action.WITHDRAW)
    require(actor, Action.WITHDRAW, ALLOWED, territory_id=found.territory_id)
    if idempotency.repeat(actor=actor, verb=Action.WITHDRAW, key=key, body=str(errand_uuid), at=at) is not None:
        return errand_uuid
    if found.state != ErrandState.WAITING:
        raise Refused(ErrandRefusal.ERRAND_NOT_WAITING)
    steps.move(found, ErrandState.WITHDRAWN, at)
    audit.record(
        actor=actor, at=at, action=Action.WITHDRAW, subject_kind=found.subject_kind, subject_ids=[found.subject_id],
        territory_id=found.territory_id, detail={"verb": found.verb, "errand": str(errand_uuid)},
    )  # fmt: skip
    idempotency.keep(actor=actor, verb=Action.WITHDRAW, key=key, outcome=str(errand_uuid))
    return errand_uuid


@transaction.atomic(durable=True)
def begin(*, actor: Actor, errand_uuid: UUID, at: datetime) -> Begun | None:
    """Take an errand in hand; None where nothing is to be done: it has ended, or it ends now (too late, too often)."""
    require(actor, Action.CARRY, ALLOWED)
    found = Errand.objects.select_for_update().filter(uuid=errand_uuid, state__in=OPEN).first()
    if found is None or _given_up(found, at):
        return None
    body = queries.body_of(found)
    steps.move(found, ErrandState.RUNNING, at)
    return Begun(
        found.uuid,
        found.verb,
        found.subject_kind,
        found.subject_id,
        found.subject_uuid,
        found.user_id,
        body,
        found.tries,
    )


@transaction.atomic(durable=True)
def end(  # noqa: PLR0913 - how it ended: done with a tally, or not and why
    *,
    actor: Actor,
    errand_uuid: UUID,
    state: ErrandState,
    at: datetime,
    reason: str = "",
    tally: Mapping[str, int] = {},
) -> None:
    """Say how an errand that was begun ended; one that has ended meanwhile stays as it is."""
    require(actor, Action.CARRY, ALLOWED)
    found = Errand.objects.select_for_update().filter(uuid=errand_uuid, state=ErrandState.RUNNING).first()
    if found is not None:
        steps.move(found, state, at, reason=reason, tally=tally)


@transaction.atomic(durable=True)
def note(*, actor: Actor, errand_uuid: UUID, phase: Phase, done: int, of: int) -> None:
    """Note how far an errand has come, beside the transaction that does it."""
    require(actor, Action.CARRY, ALLOWED)
    running = Errand.objects.filter(uuid=errand_uuid, state=ErrandState.RUNNING)
    running.update(phase=phase, rows_done=done, rows_all=of)


@transaction.atomic(durable=True)
def mind(*, actor: Actor, at: datetime) -> int:
    """Bring errands back that have lost their job, end those that waited or were tried for too long, forget old ones.

    Answers how many were brought back. Needs no key: each finds what is so now.
    """
    require(actor, Action.CARRY, ALLOWED)
    for late in Errand.objects.select_for_update(skip_locked=True).filter(
        state=ErrandState.WAITING, asked_at__lt=at - LAPSES_AFTER
    ):
        _given_up(late, at)
    lost = Errand.objects.select_for_update(skip_locked=True).filter(pk__in=queries.lost_ids(), state__in=OPEN)
    brought = sum(not _given_up(one, at) and steps.hand_over(one) for one in lost)
    Errand.objects.filter(ended_at__lt=at - KEPT).delete()
    return brought


@transaction.atomic(durable=True)
def rotate_errands(*, actor: Actor, at: datetime, after: int = 0, most: int = 1_000) -> resealing.Batch:
    """Re-encrypt up to `most` bodies of open errands that stand under an older key, in the order of ids, from `after`.

    Doing it twice does nothing the second time. A worker that has begun one holds what it needs already.

    Raises:
        Forbidden: the actor may not.
    """
    require(actor, Action.ROTATE, ALLOWED)
    batch = steps.rotate_errands(after, most)
    resealing.record(batch, actor=actor, at=at, action=Action.ROTATE, kind="errand")
    return batch


def _given_up(found: Errand, at: datetime) -> bool:
    """End an errand that waited for too long or was begun too often."""
    if found.state == ErrandState.WAITING and at - found.asked_at > LAPSES_AFTER:
        steps.move(found, ErrandState.REFUSED, at, reason=ErrandRefusal.ERRAND_LAPSED)
    elif found.tries >= MOST_TRIES:
        steps.move(found, ErrandState.FAILED, at, reason=ErrandRefusal.ERRAND_GAVE_UP)
    else:
        return False
    return True
