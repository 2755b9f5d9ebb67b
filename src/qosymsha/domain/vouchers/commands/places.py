"""Taking a place with a voucher."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from django.db import transaction

from qosymsha.domain.providers import queries as providers
from qosymsha.domain.vouchers import steps
from qosymsha.domain.vouchers.access import ALLOWED, Action
from qosymsha.domain.vouchers.queries import VoucherFacts
from qosymsha.domain.vouchers.rules import EnrolRefusal, EnrolWish, outcomes_of, unpacked
from qosymsha.domain.vouchers.states import Topic
from qosymsha.domain.vouchers.steps import Deed, Wish
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.errors import RowOutcome


@transaction.atomic(durable=True)
def enrol(*, actor: Actor, wishes: Sequence[EnrolWish], at: datetime, key: UUID) -> list[RowOutcome]:
    """Give each voucher's child a seat in the group wished for and move the first month's money from held to place.

    Seats go in the order of the rows; who comes after the last one is refused `group_full`. Ids are enrolments.

    Raises:
        Forbidden: the actor may not bring guardians' words at all.
    """
    require(actor, Action.ENROL, ALLOWED)
    deed = Deed(actor, Action.ENROL, at, key)
    seen = steps.begin(deed, [[w.voucher_id, w.guardian_id, w.group_id, w.starts_on.isoformat()] for w in wishes])
    if seen is not None:
        return unpacked(seen)
    vouchers, refused = steps.hear(deed, Action.ENROL, [(w.voucher_id, w.guardian_id) for w in wishes])
    possible = steps.refuse_before_choice(_possible(deed, wishes, vouchers, refused), refused)
    judged, prices = steps.judge(possible, refused)
    seated = []
    for wish, has_seat in zip(judged, steps.take_seats([w.group.id for w in judged], directly=True), strict=True):
        if has_seat:
            seated.append(wish)
        else:
            refused[wish.row] = EnrolRefusal.GROUP_FULL
    ids = steps.enter(deed, seated, prices)
    by = [wish.guardian_id for wish in wishes]
    return steps.conclude(deed, Topic.ENROLLED, "enrolment", outcomes_of(len(wishes), ids, refused), by=by)


def _possible(
    deed: Deed, wishes: Sequence[EnrolWish], vouchers: Mapping[int, VoucherFacts], refused: dict[int, StrEnum]
) -> list[Wish]:
    groups = providers.group_facts(sorted({w.group_id for w in wishes}))
    possible = []
    for row, asked in enumerate(wishes):
        if row in refused:
            continue
        voucher, group = vouchers[asked.voucher_id], groups.get(asked.group_id)
        reason = steps.refuse_wish(voucher, group, asked.starts_on, deed.today)
        if reason is not None or group is None:
            refused[row] = reason or EnrolRefusal.UNKNOWN_GROUP
        else:
            possible.append(Wish(row, voucher, group, asked.starts_on))
    return possible
