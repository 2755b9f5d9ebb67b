"""Freed places offered to one's children: what a family answers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from qosymsha.domain.choice.access import Action
from qosymsha.domain.choice.models import ChoiceOffer
from qosymsha.domain.choice.queries.families import own_children
from qosymsha.domain.choice.queries.wishing import Wished, wished_groups
from qosymsha.domain.choice.rules import refuse_offer
from qosymsha.domain.people.queries.shared import shared_wards
from qosymsha.domain.vouchers import queries as vouchers
from qosymsha.domain.witness import reading
from qosymsha.kernel.actor import Actor
from qosymsha.kernel.clock import local_day

_MOST = 200  # the latest first: a family has a few, who acts for a body some dozens


@dataclass(frozen=True, slots=True)
class OwnOffer:
    """An offer to an own child, answered up to and with `answer_by`.

    now: the group where the child is, None without a place.   first_day: the voucher's.   is_shared: somebody else
    speaks for the child too.
    """

    id: int
    uuid: UUID
    state: str
    answer_by: date
    child_id: int
    voucher_uuid: UUID
    group: Wished
    now: Wished | None
    first_day: date
    is_open: bool
    is_shared: bool


def own_offers(*, actor: Actor, at: datetime) -> list[OwnOffer]:
    """The offers to the children who are the guardian's own today, of any state, the latest first; an audited read.

    Raises:
        Forbidden: the actor is no guardian.
    """
    own, today, guardian_id = own_children(actor, at), local_day(at), actor.guardian_id or 0
    asked = ChoiceOffer.objects.filter(choice_list__child_id__in=own).select_related("choice_list__voucher")
    found = list(asked.order_by("-id")[:_MOST])
    lists = [one.choice_list for one in found]
    reading.saw(
        actor=actor,
        at=at,
        action=Action.READ,
        kind="choice_offer",
        ids=[one.id for one in found],
        children={one.child_id for one in lists},
    )
    if not found:  # as on most families' first page
        return []
    places = vouchers.live_enrolments([one.voucher_id for one in lists])
    groups = wished_groups({one.group_id for one in found} | {place.group_id for place in places.values()})
    shared = shared_wards([(guardian_id, one.child_id) for one in lists], today)
    return [
        OwnOffer(
            one.id,
            one.uuid,
            one.state,
            one.answer_by,
            one.choice_list.child_id,
            one.choice_list.voucher.uuid,
            groups[one.group_id],
            groups[places[one.choice_list.voucher_id].group_id] if one.choice_list.voucher_id in places else None,
            one.choice_list.voucher.first_month,
            refuse_offer(one.state, one.answer_by, today) is None,
            (guardian_id, one.choice_list.child_id) in shared,
        )
        for one in found
    ]
