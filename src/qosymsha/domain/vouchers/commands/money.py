"""The clock's verbs for money: the next month is promised to places, what was released is free again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID

from django.db import transaction

from qosymsha.domain.ledger import queries as ledger
from qosymsha.domain.ledger.rules import AccountKey, AccountKind, Draft
from qosymsha.domain.ledger.steps import lock_commitments, post
from qosymsha.domain.providers import queries as providers
from qosymsha.domain.vouchers import steps
from qosymsha.domain.vouchers.access import ALLOWED, Action
from qosymsha.domain.vouchers.queries import EnrolmentFacts, lines_of_programme, live_enrolments, unpromised
from qosymsha.domain.vouchers.rules import EnrolRefusal, month_end, place_tiyn
from qosymsha.domain.vouchers.states import EnrolmentState, Topic, VoucherState
from qosymsha.domain.vouchers.steps import Deed
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.clock import month_of

CHUNK = 10_000


@dataclass(slots=True)
class Tally:
    """What a run over a whole programme did: how many, how much (tiyn), and (id, reason) of those it could not do."""

    done: int = 0
    tiyn: int = 0
    refused: list[tuple[int, EnrolRefusal]] = field(default_factory=list)

    def packed(self) -> dict[str, object]:
        """The tally as JSON."""
        return {"done": self.done, "tiyn": self.tiyn, "refused": [[i, r.value] for i, r in self.refused]}

    @classmethod
    def unpacked(cls, kept: Mapping[str, object]) -> Tally:
        """The tally of `packed`."""
        refused = kept["refused"]
        assert isinstance(refused, list)
        return cls(int(str(kept["done"])), int(str(kept["tiyn"])), [(i, EnrolRefusal(r)) for i, r in refused])


@transaction.atomic(durable=True)
def promise_month(*, actor: Actor, programme_id: int, month: date, at: datetime, key: UUID) -> Tally:
    """Move the month's money held → place for every active place of the programme that has none of it yet.

    Months follow each other: a place gets a month only when the one before was promised. Run again (new key) it finds
    only who came meanwhile. A place whose voucher holds too little is refused by name and left as it is.

    Raises:
        Forbidden: the actor is neither a job nor an official.
    """
    require(actor, Action.PROMISE, ALLOWED)
    deed = Deed(actor, Action.PROMISE, at, key)
    month = month_of(month)
    seen = steps.begin(deed, [programme_id, month.isoformat()])
    if seen is not None:
        return Tally.unpacked(seen)
    tally, after = Tally(), 0
    while waiting := unpromised(programme_id, month, after, CHUNK):
        after = waiting[-1][0]
        vouchers = steps.lock_vouchers([voucher_id for _, voucher_id in waiting])
        active = [v.id for v in vouchers.values() if v.state == VoucherState.ACTIVE]
        places = sorted(live_enrolments(active).values(), key=lambda e: e.id)
        _promise(
            deed, month, [e for e in places if e.state == EnrolmentState.ACTIVE and e.promised_month < month], tally
        )
    if not tally.done:
        steps.record(deed, Topic.PROMISED, "enrolment", [], month=month.isoformat())
    steps.keep(deed, tally.packed())
    return tally


def _promise(deed: Deed, month: date, places: Sequence[EnrolmentFacts], tally: Tally) -> None:
    prices = _prices(month, places)
    held = {e.id: AccountKey(AccountKind.HELD, e.line_id, e.voucher_id) for e in places}
    balances = ledger.balances(list(held.values()))
    covered = []
    for place in places:
        if prices[place.id] <= balances[held[place.id]]:
            covered.append(place)
            tally.tiyn += prices[place.id]
        else:
            tally.refused.append((place.id, EnrolRefusal.HELD_TOO_LITTLE))
    tally.done += len(covered)
    steps.keep_promise([e.id for e in covered], month)
    post(_promises(month, [e for e in covered if prices[e.id]], prices, held), at=deed.at)
    for territory_id in sorted({e.territory_id for e in covered}):
        ids = [e.id for e in covered if e.territory_id == territory_id]
        steps.record(deed, Topic.PROMISED, "enrolment", ids, territory_id, month=month.isoformat())


def _prices(month: date, places: Sequence[EnrolmentFacts]) -> dict[int, int]:
    lessons = steps.lesson_days(((e.territory_id, e.group_id) for e in places), month, month_end(month))
    groups = providers.group_facts(sorted({e.group_id for e in places}))
    return {
        e.id: place_tiyn(
            e.unit_tariff_tiyn, lessons[e.group_id], max(month, e.starts_on), groups[e.group_id].units_per_month
        )
        for e in places
    }


def _promises(
    month: date, places: Sequence[EnrolmentFacts], prices: Mapping[int, int], held: Mapping[int, AccountKey]
) -> list[Draft]:
    """One posting per line and chunk, named by its first place: nobody is promised a month twice, so it is unique."""
    by_line: defaultdict[int, list[tuple[AccountKey, int]]] = defaultdict(list)
    first: dict[int, int] = {}
    for e in places:
        first.setdefault(e.line_id, e.id)
        place = AccountKey(AccountKind.PLACE, e.line_id, e.id, month)
        by_line[e.line_id] += ((held[e.id], -prices[e.id]), (place, prices[e.id]))
    return [
        Draft("promise", f"{month.isoformat()}:{line}:{first[line]}", tuple(entries))
        for line, entries in sorted(by_line.items())
    ]


@transaction.atomic(durable=True)
def sweep_released(*, actor: Actor, programme_id: int, at: datetime, key: UUID) -> dict[int, int]:
    """Make what was released free again, per line; return line → tiyn swept. The refill takes from there.

    Raises:
        Forbidden: the actor is neither a job nor an official.
    """
    require(actor, Action.SWEEP, ALLOWED)
    deed = Deed(actor, Action.SWEEP, at, key)
    lines = lines_of_programme(programme_id)
    lock_commitments(lines)
    seen = steps.begin(deed, [programme_id])
    if seen is not None:
        return {int(line): int(tiyn) for line, tiyn in seen.items()}
    totals = ledger.totals(lines)
    swept = {line: totals.get(line, {}).get(AccountKind.RELEASED.value, 0) for line in lines}
    swept = {line: tiyn for line, tiyn in swept.items() if tiyn > 0}
    drafts = [
        Draft(
            "sweep",
            f"{line}:{key}",
            ((AccountKey(AccountKind.RELEASED, line), -t), (AccountKey(AccountKind.FREE, line), t)),
        )
        for line, t in swept.items()
    ]
    post(drafts, at=at)
    steps.record(deed, Topic.SWEPT, "budget_line", sorted(swept))
    steps.keep(deed, {str(line): tiyn for line, tiyn in swept.items()})
    return swept
