"""A group's own waiting list: joined by families, freed seats offered in the order of asking, each kept some days."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from django.db import transaction

from qosymsha.domain.agreements import queries, steps
from qosymsha.domain.agreements.access import ALLOWED, Action
from qosymsha.domain.agreements.models import GroupWait
from qosymsha.domain.agreements.rules import AgreementRefusal
from qosymsha.domain.agreements.states import LIVE_WAITS, Topic, WaitState
from qosymsha.domain.people import queries as people
from qosymsha.domain.programmes.agreement_rules import WaitingTerms
from qosymsha.domain.providers import queries as providers
from qosymsha.domain.providers.rules import GroupFacts
from qosymsha.domain.providers.states import GroupState
from qosymsha.domain.vouchers import steps as vouchers
from qosymsha.domain.vouchers.queries import VoucherFacts, free_places
from qosymsha.domain.vouchers.rules import EnrolRefusal, VoucherRefusal, refuse_day, whole_years
from qosymsha.domain.vouchers.states import VoucherState
from qosymsha.domain.vouchers.steps import Deed, Wish
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.errors import Forbidden, Refused

_KIND = "group_wait"
_FREE = frozenset({VoucherState.ACCEPTED, VoucherState.RELEASED})
_FAMILYS = frozenset({Action.LEAVE_WAITING, Action.ANSWER_SEAT})
_HOLDS = _FREE | {VoucherState.ACTIVE}
_AT_ONCE = 2_000


@transaction.atomic(durable=True)
def join_waiting(*, actor: Actor, group_id: int, voucher_id: int, at: datetime, key: UUID) -> int:
    """Put a child on a group's list, behind all who stand there; the wait's id.

    Raises:
        Forbidden: the actor is no guardian of the voucher's child.
        Refused: no_waiting_here, seats_free, waits_already, too_many_waits; voucher_not_free, group_closed, other_line,
            wrong_age — where a place could not be had at all.
    """
    require(actor, Action.JOIN_WAITING, ALLOWED)
    voucher = vouchers.lock_vouchers([voucher_id]).get(voucher_id)
    if voucher is None or not steps.speaks_for(actor, voucher.child_id, at):
        raise Forbidden(Action.JOIN_WAITING)
    deed = Deed(actor, Action.JOIN_WAITING, at, key)
    seen = vouchers.begin(deed, [group_id, voucher_id])
    if seen is not None:
        return int(seen["id"])
    group = providers.group_facts([group_id]).get(group_id)
    reason = _refuse(voucher, group, deed.today) or _refuse_list(voucher, group_id)
    if reason is not None or group is None:
        raise Refused(reason or EnrolRefusal.UNKNOWN_GROUP)
    made = GroupWait.objects.create(
        territory_id=voucher.territory_id,
        programme_id=voucher.programme_id,
        group_id=group_id,
        voucher_id=voucher_id,
        child_id=voucher.child_id,
        guardian_id=actor.guardian_id or 0,
        state=WaitState.WAITING,
        asked_at=at,
    )
    steps.trail(_KIND, [made.pk], "", WaitState.WAITING, cause=Action.JOIN_WAITING, actor=actor, at=at)
    _mind_lines([group_id])
    by = made.guardian_id
    steps.told(actor, Action.JOIN_WAITING, Topic.WAIT_BEGUN, _KIND, [made.pk], at, voucher.territory_id, by=by)
    vouchers.keep(deed, {"id": made.pk})
    return made.pk


def _terms(voucher: VoucherFacts) -> WaitingTerms:
    return queries.agreements_of(voucher.rule_set_id).waiting


def _refuse(voucher: VoucherFacts, group: GroupFacts | None, today: date) -> StrEnum | None:
    """Why the child could have no place there, seats apart."""
    if group is None:
        return EnrolRefusal.UNKNOWN_GROUP
    born = people.birth_dates([voucher.child_id]).get(voucher.child_id)
    first = max(today, group.first_day, voucher.first_month)
    checks: tuple[tuple[bool, StrEnum], ...] = (
        (not _terms(voucher).on, AgreementRefusal.NO_WAITING_HERE),
        (voucher.state not in _HOLDS, EnrolRefusal.VOUCHER_NOT_FREE),
        (group.state != GroupState.OPEN or not group.runs_on(first), EnrolRefusal.GROUP_CLOSED),
        (group.line_id != voucher.line_id, EnrolRefusal.OTHER_LINE),
        (born is None or not group.takes_age(whole_years(born, first)), EnrolRefusal.WRONG_AGE),
    )
    return next((reason for is_against, reason in checks if is_against), None)


def _refuse_list(voucher: VoucherFacts, group_id: int) -> StrEnum | None:
    live = GroupWait.objects.filter(voucher_id=voucher.id, state__in=LIVE_WAITS)
    groups = list(live.values_list("group_id", flat=True))
    place = queries.group_of_voucher(voucher.id)
    checks: tuple[tuple[bool, StrEnum], ...] = (
        (place == group_id, EnrolRefusal.SAME_GROUP),
        (group_id in groups, AgreementRefusal.WAITS_ALREADY),
        (len(groups) >= _terms(voucher).most_lists, AgreementRefusal.TOO_MANY_WAITS),
        (
            free_places([group_id]).get(group_id, 0) > 0 and not queries.is_waited_for(group_id),
            AgreementRefusal.SEATS_FREE,
        ),
    )
    return next((reason for is_against, reason in checks if is_against), None)


@transaction.atomic(durable=True)
def leave_waiting(*, actor: Actor, wait_id: int, at: datetime, key: UUID) -> None:
    """Take a child off a list; an offered seat goes to the next.

    Raises:
        Forbidden: the actor is no guardian of the child.
        Refused: wait_over; wait_of_other — another guardian of the child put it on the list.
    """
    wait, deed = _own(actor, Action.LEAVE_WAITING, wait_id, at, key)
    if vouchers.begin(deed, [wait_id]) is not None:
        return
    if wait.state not in LIVE_WAITS:
        raise Refused(AgreementRefusal.WAIT_OVER)
    if wait.guardian_id != actor.guardian_id and people.wards([(wait.guardian_id, wait.child_id)], deed.today):
        raise Refused(AgreementRefusal.WAIT_OF_OTHER)
    _end(deed, [wait], WaitState.DECLINED if wait.state == WaitState.OFFERED else WaitState.LEFT)
    vouchers.keep(deed, {"id": wait_id})


@transaction.atomic(durable=True)
def take_seat(*, actor: Actor, wait_id: int, starts_on: date, at: datetime, key: UUID) -> int:
    """Take an offered seat from a day on: a first place, or a move from the present one on the same line. Its place.

    Raises:
        Forbidden: the actor is no guardian of the child.
        Refused: wait_over — no offer, or its day has passed; what refuses a place (docs R-8 … R-16).
    """
    wait, deed = _own(actor, Action.ANSWER_SEAT, wait_id, at, key)
    seen = vouchers.begin(deed, [wait_id, starts_on.isoformat()])
    if seen is not None:
        return int(seen["id"])
    voucher = vouchers.lock_vouchers([wait.voucher_id])[wait.voucher_id]
    group = providers.group_facts([wait.group_id])[wait.group_id]
    if wait.state != WaitState.OFFERED or wait.until is None or wait.until < deed.today:
        raise Refused(AgreementRefusal.WAIT_OVER)
    reason = refuse_day(starts_on, deed.today, voucher.first_month, voucher.last_month)
    if reason is None and group.line_id != voucher.line_id:
        reason = EnrolRefusal.OTHER_LINE
    if reason is not None:
        raise Refused(reason)
    wish = Wish(0, voucher, group, starts_on)
    place = _enter(deed, wish) if voucher.state in _FREE else _move(deed, wish)
    wait.enrolment_id = place
    _end(deed, [wait], WaitState.TAKEN, place)
    vouchers.keep(deed, {"id": place})
    return place


def _own(actor: Actor, action: Action, wait_id: int, at: datetime, key: UUID) -> tuple[GroupWait, Deed]:
    require(actor, action, ALLOWED)
    found = GroupWait.objects.filter(pk=wait_id).first()
    if found is None or not steps.speaks_for(actor, found.child_id, at):
        raise Forbidden(action)
    vouchers.lock_vouchers([found.voucher_id])
    return GroupWait.objects.select_for_update(no_key=True).get(pk=wait_id), Deed(actor, action, at, key)


def _enter(deed: Deed, wish: Wish) -> int:
    refused: dict[int, StrEnum] = {}
    judged, prices = vouchers.judge([wish], refused)
    if not judged:
        raise Refused(refused[0])
    return vouchers.enter(deed, judged, prices)[0]


def _move(deed: Deed, wish: Wish) -> int:
    """From the present place: the seat there is freed, the seat here was kept by the offer."""
    if wish.voucher.state != VoucherState.ACTIVE:
        raise Refused(VoucherRefusal.WRONG_STATE)
    refused: dict[int, StrEnum] = {}
    leavings = vouchers.leavings({wish.voucher.id: wish.starts_on - timedelta(days=1)})
    judged = vouchers.judge_moves([wish], leavings, refused)
    if not judged:
        raise Refused(refused[0])
    return vouchers.carry_out(deed, judged)[0]


@transaction.atomic(durable=True)
def offer_seats(*, actor: Actor, programme_id: int, at: datetime, key: UUID) -> tuple[int, int]:
    """End offers whose day has passed, then offer free seats in the order of asking: (ended, offered).

    An offered seat is held. Who could have no place any more is dropped with the reason. Run again with another key,
    it does what is due by then.

    Raises:
        Forbidden: the actor is no job.
    """
    require(actor, Action.OFFER_SEATS, ALLOWED)
    deed = Deed(actor, Action.OFFER_SEATS, at, key)
    seen = vouchers.begin(deed, [programme_id])
    if seen is not None:
        return int(seen["ended"]), int(seen["offered"])
    found = queries.waits_to_look_at(programme_id, deed.today, _AT_ONCE)
    locked = vouchers.lock_vouchers([voucher_id for _, voucher_id in found])
    waits = GroupWait.objects.select_for_update(no_key=True).filter(id__in=[i for i, _ in found]).order_by("id")
    live = [wait for wait in waits if wait.state in LIVE_WAITS]
    over = [w for w in live if w.state == WaitState.OFFERED and w.until is not None and w.until < deed.today]
    waiting = [w for w in live if w.state == WaitState.WAITING]
    vouchers.lock_seats(w.group_id for w in live)
    _end(deed, over, WaitState.EXPIRED)
    offered = _offer(deed, waiting, locked)
    vouchers.keep(deed, {"ended": len(over), "offered": offered})
    return len(over), offered


def _offer(deed: Deed, waiting: Sequence[GroupWait], locked: Mapping[int, VoucherFacts]) -> int:
    groups = providers.group_facts({w.group_id for w in waiting})
    gone: dict[int, str] = {}
    for wait in waiting:
        reason = _refuse(locked[wait.voucher_id], groups.get(wait.group_id), deed.today)
        if reason is not None:
            gone[wait.pk] = reason.value
    for reason_code in sorted(set(gone.values())):
        mine = [w for w in waiting if gone.get(w.pk) == reason_code]
        _end(deed, mine, WaitState.DROPPED, reason=reason_code)
    still = [w for w in waiting if w.pk not in gone]
    wishes = [Wish(n, locked[w.voucher_id], groups[w.group_id], deed.today) for n, w in enumerate(still)]
    refused: dict[int, StrEnum] = {}  # where choice rounds have the first word, they have it here too
    open_rows = {wish.row for wish in vouchers.refuse_before_choice(wishes, refused)}
    return _keep_seats(deed, [w for n, w in enumerate(still) if n in open_rows], locked)


def _keep_seats(deed: Deed, queue: Sequence[GroupWait], locked: Mapping[int, VoucherFacts]) -> int:
    """Hold as many seats as are free for the first of each group's queue, each up to its own rule set's day."""
    free = Counter({g: n for g, n in free_places(sorted({w.group_id for w in queue})).items() if n > 0})
    first: list[GroupWait] = []
    for wait in queue:
        if free[wait.group_id] > 0:
            free[wait.group_id] -= 1
            first.append(wait)
    taken = vouchers.take_seats([w.group_id for w in first])
    assert all(taken), "the seats are locked"
    by_day: defaultdict[date, list[GroupWait]] = defaultdict(list)
    for wait in first:
        days = _terms(locked[wait.voucher_id]).offer_working_days
        by_day[queries.calendar_from(wait.territory_id, deed.today).add_working_days(deed.today, days)].append(wait)
    for until, waits in sorted(by_day.items()):
        ids = [w.pk for w in waits]
        GroupWait.objects.filter(id__in=ids).update(state=WaitState.OFFERED, until=until)
        action = Action.OFFER_SEATS
        steps.trail(_KIND, ids, WaitState.WAITING, WaitState.OFFERED, cause=action, actor=deed.actor, at=deed.at)
        steps.told(deed.actor, action, Topic.SEAT_OFFERED, _KIND, ids, deed.at, until=until.isoformat())
    _mind_lines([w.group_id for w in first])
    return len(first)


def _mind_lines(group_ids: Sequence[int]) -> None:
    """A free seat of a group whose list somebody stands on is nobody else's. Counted under the seats' lock, so that of
    two who join and leave at once the later one sees both.
    """
    if group_ids:
        vouchers.lock_seats(group_ids)
        vouchers.mark_waited_for(group_ids, queries.waited_for(group_ids))


def _end(
    deed: Deed, waits: Sequence[GroupWait], state: WaitState, place: int | None = None, *, reason: str = ""
) -> None:
    """Bring waits to their end; the seats of offers that nobody takes are freed."""
    action = Action(deed.action)
    held = [w.group_id for w in waits if w.state == WaitState.OFFERED]
    for before in (WaitState.WAITING, WaitState.OFFERED):
        ids = [w.pk for w in waits if w.state == before]
        if ids:
            GroupWait.objects.filter(id__in=ids).update(state=state, enrolment_id=place, reason=reason)
            steps.trail(_KIND, ids, before, state, cause=action, actor=deed.actor, at=deed.at)
    if held and state is not WaitState.TAKEN:
        vouchers.free_seats(held)
    _mind_lines([w.group_id for w in waits])
    by = {"by": deed.actor.guardian_id} if action in _FAMILYS else {}
    ids = [w.pk for w in waits]
    steps.told(deed.actor, action, Topic.WAIT_ENDED, _KIND, ids, deed.at, state=state.value, **by)
