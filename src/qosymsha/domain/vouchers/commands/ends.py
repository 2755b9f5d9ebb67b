"""Giving a place up, standing a voucher still, closing it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from django.db import transaction

from qosymsha.domain.vouchers import steps
from qosymsha.domain.vouchers.access import ALLOWED, Action, may_decide
from qosymsha.domain.vouchers.queries import VoucherFacts
from qosymsha.domain.vouchers.rules import Release, VoucherRefusal, outcomes_of, repeated, unpacked
from qosymsha.domain.vouchers.states import (
    CloseReason,
    PartingKind,
    PartingState,
    Topic,
    VoucherState,
    states_before,
)
from qosymsha.domain.vouchers.steps import Deed
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.errors import RowOutcome


@transaction.atomic(durable=True)
def release_vouchers(
    *, actor: Actor, releases: Sequence[Release], reason: str, at: datetime, key: UUID
) -> list[RowOutcome]:
    """End the places from a day on and let the vouchers choose again; money of lessons not held goes place → held.

    A guardian gives a place up; an official or a job takes it (long absence, accreditation lost) with a reason. Ids are
    vouchers. Where another guardian speaks for the child, a guardian's word waits for that one (`other_may_stop`).

    Raises:
        Forbidden: the actor may not release anybody's place.
    """
    require(actor, Action.RELEASE, ALLOWED)
    deed = Deed(actor, Action.RELEASE, at, key)
    seen = steps.begin(deed, [reason, [[r.voucher_id, r.guardian_id, r.on.isoformat()] for r in releases]])
    if seen is not None:
        return unpacked(seen)
    vouchers, refused = steps.hear(deed, Action.RELEASE, [(r.voucher_id, r.guardian_id) for r in releases])
    ids, last_days = {}, {}
    for row, one in enumerate(releases):
        if row in refused:
            continue
        if vouchers[one.voucher_id].state not in (VoucherState.ACTIVE, VoucherState.SUSPENDED):
            refused[row] = VoucherRefusal.WRONG_STATE
        elif one.on < deed.today:
            refused[row] = VoucherRefusal.DAY_PAST
        elif not reason:
            refused[row] = VoucherRefusal.REASON_MISSING
        else:
            ids[row] = one.voucher_id
            last_days[one.voucher_id] = one.on - timedelta(days=1)
    said = [
        steps.Said(row, vouchers[i], guardian, on=releases[row].on, reason=reason)
        for row, i in ids.items()
        if (guardian := releases[row].guardian_id) is not None
    ]
    unheard, agreed = steps.hear_others(deed, PartingKind.LEAVE, said)
    refused |= unheard
    ids = {row: i for row, i in ids.items() if row not in unheard}
    steps.release(deed, [vouchers[i] for i in ids.values()], {i: last_days[i] for i in ids.values()}, reason)
    steps.end_partings(deed, PartingState.DONE, agreed.values())
    by = [one.guardian_id for one in releases]
    return steps.conclude(deed, Topic.RELEASED, "voucher", outcomes_of(len(releases), ids, refused), by=by)


@transaction.atomic(durable=True)
def suspend_vouchers(
    *, actor: Actor, voucher_ids: Sequence[int], reason: str, at: datetime, key: UUID
) -> list[RowOutcome]:
    """Stand active vouchers still before anything harmful is decided: the seat stays, no further month is promised.

    Raises:
        Forbidden: the actor is neither an official nor a job.
    """
    return _stand(Deed(actor, Action.SUSPEND, at, key), voucher_ids, VoucherState.SUSPENDED, reason)


@transaction.atomic(durable=True)
def resume_vouchers(
    *, actor: Actor, voucher_ids: Sequence[int], reason: str, at: datetime, key: UUID
) -> list[RowOutcome]:
    """Make suspended vouchers active again.

    Raises:
        Forbidden: the actor is neither an official nor a job.
    """
    return _stand(Deed(actor, Action.RESUME, at, key), voucher_ids, VoucherState.ACTIVE, reason)


@transaction.atomic(durable=True)
def close_vouchers(
    *, actor: Actor, voucher_ids: Sequence[int], reason: CloseReason, at: datetime, key: UUID
) -> list[RowOutcome]:
    """Close live vouchers for a reason, their places with today; what is held goes to released. Ids are vouchers.

    Raises:
        Forbidden: the actor is neither an official nor a job.
    """
    require(actor, Action.CLOSE, ALLOWED)
    deed = Deed(actor, Action.CLOSE, at, key)
    seen = steps.begin(deed, [reason.value, list(voucher_ids)])
    if seen is not None:
        return unpacked(seen)
    chosen, refused = _choose(deed, voucher_ids, states_before(VoucherState.CLOSED), reason.value)
    steps.close(deed, list(chosen.values()), reason)
    ids = {row: voucher.id for row, voucher in chosen.items()}
    return steps.conclude(deed, Topic.CLOSED, "voucher", outcomes_of(len(voucher_ids), ids, refused))


def _stand(deed: Deed, voucher_ids: Sequence[int], to_state: VoucherState, reason: str) -> list[RowOutcome]:
    action = Action(deed.action)
    require(deed.actor, action, ALLOWED)
    seen = steps.begin(deed, [reason, list(voucher_ids)])
    if seen is not None:
        return unpacked(seen)
    is_suspending = to_state is VoucherState.SUSPENDED
    before = frozenset({VoucherState.ACTIVE if is_suspending else VoucherState.SUSPENDED})
    chosen, refused = _choose(deed, voucher_ids, before, reason)
    ids = {row: voucher.id for row, voucher in chosen.items()}
    steps.move_vouchers(list(ids.values()), to_state, reason=reason, cause=action.value, actor=deed.actor, at=deed.at)
    topic = Topic.SUSPENDED if is_suspending else Topic.RESUMED
    return steps.conclude(deed, topic, "voucher", outcomes_of(len(voucher_ids), ids, refused))


def _choose(
    deed: Deed, voucher_ids: Sequence[int], before: frozenset[str], reason: str
) -> tuple[dict[int, VoucherFacts], dict[int, StrEnum]]:
    """Lock the vouchers; row → voucher where the actor may and the state fits, row → reason where not."""
    vouchers = steps.lock_vouchers(voucher_ids)
    refused: dict[int, StrEnum] = dict.fromkeys(repeated(voucher_ids), VoucherRefusal.NAMED_TWICE)
    chosen = {}
    for row, voucher_id in enumerate(voucher_ids):
        voucher = vouchers.get(voucher_id)
        if row in refused:
            continue
        if voucher is None or not may_decide(deed.actor, Action(deed.action), voucher.territory_id):
            refused[row] = VoucherRefusal.UNKNOWN_VOUCHER
        elif voucher.state not in before:
            refused[row] = VoucherRefusal.WRONG_STATE
        elif not reason:
            refused[row] = VoucherRefusal.REASON_MISSING
        else:
            chosen[row] = voucher
    return chosen, refused
