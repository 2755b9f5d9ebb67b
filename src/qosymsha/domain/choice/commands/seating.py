"""Children go to places by wish of their lists: judged with the money that comes back from places they leave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from qosymsha.domain.choice.queries import facts
from qosymsha.domain.choice.rules import ChoiceRefusal
from qosymsha.domain.vouchers import queries as voucher_queries
from qosymsha.domain.vouchers import steps as vouchers
from qosymsha.domain.vouchers.rules import refuse_day, refuse_place
from qosymsha.domain.vouchers.states import Topic as VoucherTopic
from qosymsha.domain.vouchers.states import VoucherState
from qosymsha.domain.vouchers.steps import Deed, Wish


@dataclass(frozen=True, slots=True)
class Seating:
    """Who may go: wishes by row, what each costs in its first month (tiyn); movers leave a place first."""

    wishes: Sequence[Wish]
    prices: Mapping[int, int]

    @property
    def movers(self) -> list[Wish]:
        """Those who have a place to leave."""
        return [wish for wish in self.wishes if wish.voucher.state == VoucherState.ACTIVE]


def judge(deed: Deed, wishes: Sequence[Wish], refused: dict[int, StrEnum]) -> Seating:
    """Which wishes may be entered, seats apart; the others go to `refused`. A mover's old place pays back first."""
    possible = []
    for wish in wishes:
        reason = _refuse(deed, wish)
        if reason is None:
            possible.append(wish)
        else:
            refused[wish.row] = reason
    terms = vouchers.terms_of(possible)
    leaving = vouchers.leavings(_last_days(possible))
    back = vouchers.remainders(list(leaving.values()))
    seated, prices = [], {}
    for wish in possible:
        voucher = wish.voucher
        returned = sum(tiyn for _, tiyn in back[leaving[voucher.id].enrolment.id]) if voucher.id in leaving else 0
        found = terms.facts(
            wish,
            month_tiyn=voucher.month_tiyn,
            held_tiyn=terms.held[voucher.id] + returned,
            is_kind_allowed=wish.group.kind == voucher.kind and not wish.is_other_line,
        )
        against = refuse_place(found)
        if against is None:
            seated.append(wish)
            prices[wish.row] = found.place_tiyn
        else:
            refused[wish.row] = against
    return Seating(seated, prices)


def _refuse(deed: Deed, wish: Wish) -> StrEnum | None:
    if wish.voucher.state not in facts.ANSWERING:
        return ChoiceRefusal.OFFER_NO_MORE_HOLDER
    return refuse_day(wish.starts_on, deed.today, wish.voucher.first_month, wish.voucher.last_month)


def leave(deed: Deed, seating: Seating) -> None:
    """End the places that movers leave, the day before they begin elsewhere; seats and money come back."""
    movers = seating.movers
    if movers:
        last_days = _last_days(movers)
        vouchers.release(deed, [wish.voucher for wish in movers], last_days, facts.MOVED_BY_CHOICE)


def enter(deed: Deed, seating: Seating) -> dict[int, int]:
    """Open the places; row → enrolment. The seats are taken, places of movers have ended."""
    opened = vouchers.enter(deed, seating.wishes, seating.prices)
    by_territory: dict[int, list[int]] = {}
    for wish in seating.wishes:
        by_territory.setdefault(wish.voucher.territory_id, []).append(opened[wish.row])
    for territory_id, ids in sorted(by_territory.items()):
        vouchers.record(deed, VoucherTopic.ENROLLED, "enrolment", ids, territory_id)
    return opened


def places_left(wishes: Sequence[Wish]) -> dict[int, int]:
    """Voucher → the group its child sits in now."""
    live = voucher_queries.live_enrolments([wish.voucher.id for wish in wishes])
    return {voucher_id: place.group_id for voucher_id, place in live.items()}


def _last_days(wishes: Sequence[Wish]) -> dict[int, date]:
    return {w.voucher.id: w.starts_on - timedelta(days=1) for w in wishes if w.voucher.state == VoucherState.ACTIVE}
