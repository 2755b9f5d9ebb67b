"""Erasing persons whose time is over, a portion a transaction; letting go what else is past its time; legal holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from django.db import connection, transaction

from qosymsha.domain.admission import steps as admission
from qosymsha.domain.agreements import steps as agreements
from qosymsha.domain.attendance import steps as attendance
from qosymsha.domain.casework import steps as casework
from qosymsha.domain.choice import steps as choice
from qosymsha.domain.erasure import queries
from qosymsha.domain.erasure.access import ALLOWED, Action
from qosymsha.domain.erasure.models import Erasure, ErasureRun, LegalHold
from qosymsha.domain.erasure.rules import REASON_LENGTH, ErasureRefusal, Kind, refuse_hold
from qosymsha.domain.factors import steps as factors
from qosymsha.domain.flags import steps as flags
from qosymsha.domain.intake import steps as intake
from qosymsha.domain.keeping.terms import terms
from qosymsha.domain.messages import steps as messages
from qosymsha.domain.people import erasing as people
from qosymsha.domain.people.models import Child
from qosymsha.domain.providers import steps as providers
from qosymsha.domain.settlement import steps as settlement
from qosymsha.kernel import audit, locks
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.clock import local_day, local_instant, month_of
from qosymsha.kernel.errors import Refused

PORTION = 100  # persons a transaction: its locks are held for a moment


def _children(ids: Sequence[int], at: datetime) -> dict[str, int]:
    people.erase_children(ids)  # first: the words that only erased children lose are blanked after it
    words = sum(room.forget_words(ids) for room in (agreements, attendance, flags, intake, casework))
    tickets = admission.forget_tickets(ids) + choice.forget_tickets(ids)
    return {"words": words, "tickets": tickets, "notices": messages.forget_about(ids, [], [])}


def _guardians(ids: Sequence[int], at: datetime) -> dict[str, int]:
    people.erase_guardians(ids)
    return {"notices": messages.forget_about([], ids, [])}


def _teachers(ids: Sequence[int], at: datetime) -> dict[str, int]:
    providers.erase_teachers(ids)
    return {}


def _traders(ids: Sequence[int], at: datetime) -> dict[str, int]:
    providers.erase_traders(ids)
    return {}


def _users(ids: Sequence[int], at: datetime) -> dict[str, int]:
    people.erase_users(ids, at)
    return {"factors": factors.forget_factors(ids), "notices": messages.forget_about([], [], ids)}


_ERASE: Mapping[Kind, Callable[[Sequence[int], datetime], dict[str, int]]] = {
    Kind.CHILD: _children,
    Kind.GUARDIAN: _guardians,
    Kind.TEACHER: _teachers,
    Kind.TRADER: _traders,
    Kind.USER: _users,
}


@transaction.atomic(durable=True)
def erase(*, actor: Actor, kind: Kind, at: datetime, most: int = PORTION) -> int:
    """Erase a portion of a kind's persons who are due; how many. Run until it gives 0. Needs no key: gone is gone.

    All of a person goes in this transaction, with its audit event: a kill leaves it whole or gone. Who is worked with
    this very moment is left for the next call.

    Raises:
        Forbidden: the actor is not the clock.
        NotConfigured: the installation's own periods cannot be read or lie below a floor; nobody is erased.
    """
    require(actor, Action.ERASE_PERSONS, ALLOWED)
    locks.exclusive("erasure")
    found = queries.due(kind, at, most)
    held = people.held_users(found) if kind is Kind.USER else people.held_secrets(kind, found)
    held = queries.still_due(kind, at, held)
    if not held:
        return 0
    detail = _ERASE[kind](held, at)
    Erasure.objects.bulk_create(Erasure(subject_kind=kind.value, subject_id=i, at=at) for i in held)
    audit.record(
        actor=actor, at=at, action=Action.ERASE_PERSONS, subject_kind=kind.value, subject_ids=held, detail=detail
    )
    return len(held)


@transaction.atomic(durable=True)
def forget_over(*, actor: Actor, at: datetime) -> dict[str, int]:
    """Let go what is counted by its own day: withdrawn consents, sealed signatures, months of marks; how many of each.

    Raises:
        Forbidden: the actor is not the clock.
        NotConfigured: the installation's own periods cannot be read or lie below a floor; nothing is let go.
    """
    require(actor, Action.FORGET_OVER, ALLOWED)
    locks.exclusive("erasure")
    periods, today = terms(), local_day(at)
    gone = {
        "consents": people.forget_consents(periods["consent"].before(at)),
        "signatures": settlement.forget_signatures(periods["signature"].before(at)),
        "months_of_marks": attendance.forget_presence(month_of(periods["mark"].before(today))),
        "months_of_outside_marks": flags.forget_outside(month_of(periods["outside_mark"].before(today))),
    }
    if any(gone.values()):
        _record(actor, Action.FORGET_OVER, [], at, dict(gone))
    return gone


@transaction.atomic(durable=True)
def forget_audit(*, actor: Actor, at: datetime) -> int:
    """Drop the months of audit events past their time; how many. Their links stay, so that the chain still continues.

    The event of this verb says which is the first day that is still kept.

    Raises:
        Forbidden: the actor is not the clock.
        NotConfigured: the installation's own periods cannot be read or lie below a floor; nothing is dropped.
    """
    require(actor, Action.FORGET_OVER, ALLOWED)
    locks.exclusive("erasure")
    first = month_of(terms()["audit"].before(local_day(at)))
    with connection.cursor() as cursor:
        cursor.execute("SELECT audit_forget(%s)", [first])  # it keeps five years, whatever is asked
        gone = int(cursor.fetchone()[0])
    if gone:
        _record(actor, Action.FORGET_OVER, [], at, {"months_of_audit": gone, "kept_from": first.isoformat()})
    return gone


@transaction.atomic(durable=True)
def close_run(*, actor: Actor, at: datetime, gone: Mapping[str, int]) -> None:
    """Say that the night's work is done: nobody more is due. Of two at once, or again on that day, the counts add up.

    Raises:
        Forbidden: the actor is not the clock.
    """
    require(actor, Action.ERASE_PERSONS, ALLOWED)
    locks.exclusive("erasure")
    today = local_day(at)
    since = Erasure.objects.filter(at__gte=local_instant(today))
    erased = {kind.value: n for kind in Kind if (n := since.filter(subject_kind=kind).count())}
    run, _ = ErasureRun.objects.get_or_create(on=today, defaults={"at": at, "gone": {}})
    over = Counter({name: n for name, n in run.gone.items() if name not in set(Kind)}) + Counter(gone)
    ErasureRun.objects.filter(pk=run.pk).update(gone={**over, **erased})


@transaction.atomic(durable=True)
def hold(*, actor: Actor, child_uuid: UUID, reason: str, at: datetime) -> UUID:
    """Keep a child from being erased while a court, an audit or an inquiry asks; `reason` names its paper.

    Raises:
        Forbidden: the actor is no operator.
        Refused: child_to_hold_unknown; hold_without_reason; hold_stands; already_erased.
    """
    require(actor, Action.HOLD_ERASURE, ALLOWED)
    locks.exclusive("erasure")
    child = Child.objects.filter(uuid=child_uuid).first()
    if child is None:
        raise Refused(ErasureRefusal.CHILD_TO_HOLD_UNKNOWN)
    is_held = LegalHold.objects.filter(child=child, lifted_at=None).exists()
    is_erased = bool(queries.erased_on(Kind.CHILD, [child.pk]))
    fault = refuse_hold(reason=reason, is_held=is_held, is_erased=is_erased)
    if fault is not None:
        raise Refused(fault)
    kept = LegalHold.objects.create(
        child=child, reason=reason.strip()[:REASON_LENGTH], held_by=actor.user_id, held_at=at
    )
    _record(actor, Action.HOLD_ERASURE, [child.pk], at, {"hold_id": kept.pk})
    return kept.uuid


@transaction.atomic(durable=True)
def lift(*, actor: Actor, hold_uuid: UUID, at: datetime) -> None:
    """End a legal hold: from now on the child is erased when its time is over.

    Raises:
        Forbidden: the actor is no operator.
        Refused: hold_missing.
    """
    require(actor, Action.LIFT_ERASURE_HOLD, ALLOWED)
    locks.exclusive("erasure")
    held = LegalHold.objects.filter(uuid=hold_uuid, lifted_at=None).first()
    if held is None:
        raise Refused(ErasureRefusal.HOLD_MISSING)
    held.lifted_at, held.lifted_by = at, actor.user_id
    held.save(update_fields=["lifted_at", "lifted_by"])
    _record(actor, Action.LIFT_ERASURE_HOLD, [held.child_id], at, {"hold_id": held.pk})


def _record(actor: Actor, action: Action, child_ids: list[int], at: datetime, detail: dict[str, object]) -> None:
    audit.record(actor=actor, at=at, action=action, subject_kind="child", subject_ids=child_ids, detail=detail)
