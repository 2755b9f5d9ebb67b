"""Vouchers: what a child holds, until when it must be answered; a yes or a no is one button each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from uuid import UUID

from django.http import Http404, HttpResponse

from qosymsha.domain.attendance import queries as attendance
from qosymsha.domain.casework.queries.endings import OfficeWord, office_words
from qosymsha.domain.people.queries.shared import shared_wards
from qosymsha.domain.people.rules import ERASED_NAME
from qosymsha.domain.people.states import Role
from qosymsha.domain.vouchers import commands, partings, queries
from qosymsha.domain.vouchers.access import Action
from qosymsha.domain.vouchers.partings import GroupNamed, Parting
from qosymsha.domain.vouchers.queries import OwnVoucher, Waiting
from qosymsha.domain.vouchers.rules import PartingRefusal, VoucherAnswer
from qosymsha.domain.vouchers.states import CloseReason, VoucherState
from qosymsha.interfaces.family import shown
from qosymsha.interfaces.family.access import Look
from qosymsha.interfaces.family.many import MANY
from qosymsha.interfaces.ui import reasons, texts
from qosymsha.interfaces.ui.signed import SignedRequest, allowed, allowed_post, key_of, moved, page
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.errors import Refused, RowOutcome
from qosymsha.kernel.text import sort_key

CHOOSES = frozenset({VoucherState.ACCEPTED, VoucherState.RELEASED})


@dataclass(frozen=True, slots=True)
class PartingShown:
    """What one of two guardians asked, in words: who, where to, when asked, when it is done by itself, the last day."""

    one: Parting
    is_own: bool
    asked_on: date
    last_on: date | None
    group: str
    group_uuid: UUID | None

    def agrees_with(self, kind: str, group_uuid: UUID | None = None) -> bool:
        """Whether my own same word would do at once what the other guardian has asked."""
        return not self.is_own and self.one.kind == kind and self.group_uuid == group_uuid


@dataclass(frozen=True, slots=True)
class VoucherShown:
    """A voucher in words; `why`: the reason it was closed or suspended; `waiting`: a move that waits for money.

    `parting`: what waits for the child's other guardian; `is_shared`: there is one.
    """

    one: OwnVoucher
    name: str
    kind: str
    group: str
    why: str
    may_answer: bool
    waiting: Waiting | None
    parting: PartingShown | None = None
    is_shared: bool = False
    office: OfficeWord | None = None


@allowed(Look.VOUCHERS)
def vouchers(request: SignedRequest) -> HttpResponse:
    """`/family/vouchers/`: the vouchers of one's children, those that wait for an answer or a club first."""
    children = attendance.own_children(actor=request.actor, at=request.at)
    every = own_vouchers(request, {i: child.name for i, child in children.items()})
    if request.actor.holds({Role.YOUTH}):
        return page(request, "family/own_vouchers.html", vouchers=every)
    is_long = len(every) > MANY
    if is_long:
        every.sort(key=lambda one: (one.one.state == VoucherState.CLOSED, sort_key(one.name)))
    every.sort(key=lambda one: (not one.may_answer, one.one.state not in CHOOSES))
    return page(request, "family/vouchers.html", vouchers=every, is_long=is_long)


def own_vouchers(request: SignedRequest, names: Mapping[int, str]) -> list[VoucherShown]:
    """The vouchers of the guardian's children, newest first, by name."""
    found = queries.own_vouchers(actor=request.actor, at=request.at)
    ids = [one.id for one in found]
    waiting, told = queries.waiting_of(ids), office_words(ids)
    own, today = request.actor.guardian_id or 0, local_day(request.at)
    shared = shared_wards([(own, one.child_id) for one in found], today)
    standing = partings.standing(ids, today)
    groups = partings.groups_named({one.group_id for one in standing.values() if one.group_id is not None})
    asked = {i: _parting(request, one, groups.get(one.group_id or 0)) for i, one in standing.items()}
    return [
        replace(
            _shown(request, one, names.get(one.child_id, ERASED_NAME), waiting.get(one.id)),
            office=told.get(one.id),
            parting=asked.get(one.id),
            is_shared=(own, one.child_id) in shared,
        )
        for one in found
    ]


def _parting(request: SignedRequest, one: Parting, named: GroupNamed | None) -> PartingShown:
    return PartingShown(
        one,
        one.guardian_id == request.actor.guardian_id,
        local_day(one.asked_at),
        one.takes_on - timedelta(days=1) if one.takes_on else None,
        f"{shown.in_words(request.language, named, 'activity')} {named.code}" if named else "",
        named.uuid if named else None,
    )


def _shown(request: SignedRequest, one: OwnVoucher, name: str, waiting: Waiting | None) -> VoucherShown:
    why = texts.refusals().get(one.reason, {}).get(request.language, "") if one.reason else ""
    return VoucherShown(
        one,
        name,
        reasons.kind_name(one.kind, request.language),
        shown.in_words(request.language, one, "group"),
        why,
        one.state == VoucherState.ISSUED and local_day(request.at) <= one.accept_by,
        waiting,
    )


@allowed_post(Action.ACCEPT)
def accept(request: SignedRequest, voucher_uuid: UUID) -> HttpResponse:
    """`/family/vouchers/{uuid}/accept/`: the family takes the voucher."""
    return _answered(
        request, voucher_uuid, commands.accept_vouchers, "voucher.said_accepted", (VoucherState.ACCEPTED, "")
    )


@allowed_post(Action.REFUSE)
def refuse(request: SignedRequest, voucher_uuid: UUID) -> HttpResponse:
    """`/family/vouchers/{uuid}/refuse/`: the family gives the voucher back, to whoever is next."""
    done = (VoucherState.CLOSED, CloseReason.REFUSED)
    return _answered(request, voucher_uuid, commands.refuse_vouchers, "voucher.said_refused", done)


def _answered(
    request: SignedRequest,
    voucher_uuid: UUID,
    verb: Callable[..., list[RowOutcome]],
    said: str,
    done: tuple[str, str],
) -> HttpResponse:
    """Run the verb, and say so; said too where it was done already, in another tab or by the other parent."""
    found = queries.own_vouchers(actor=request.actor, at=request.at)
    one = next((v for v in found if v.uuid == voucher_uuid), None)
    if one is None:
        raise Http404
    answer = VoucherAnswer(one.id, request.actor.guardian_id or 0)
    (outcome,) = verb(actor=request.actor, answers=[answer], at=request.at, key=key_of(request))
    if outcome.reason is PartingRefusal.OTHER_MAY_STOP:
        return moved(request, "family-vouchers", said="parting.asked")
    if outcome.reason is not None and (one.state, one.reason) != done:
        raise Refused(outcome.reason)
    return moved(request, "family-vouchers", said=said)
