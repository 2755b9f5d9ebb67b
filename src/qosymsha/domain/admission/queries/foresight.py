"""What a step of a round will do, in figures, before it is done: nothing here is stored, no child is named."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from django.db import connection

from qosymsha.domain.admission.models import DrawSecret, Round
from qosymsha.domain.admission.queries import facts
from qosymsha.domain.admission.queries.frozen import places_of
from qosymsha.domain.admission.rules import Places, affordable, months_between, places_for, refuse_filing
from qosymsha.domain.admission.states import RoundState
from qosymsha.domain.allocation.announcement import TYPED
from qosymsha.domain.ledger import queries as ledger
from qosymsha.domain.ledger.rules import AccountKey, AccountKind
from qosymsha.domain.programmes import queries as programmes
from qosymsha.domain.programmes.rules import Rules
from qosymsha.kernel.clock import local_day, month_of

LOOKED_AT = 20_000  # applications that a page looks at again while somebody waits
CHUNK = 5_000
REMEMBERED = timedelta(minutes=1)
REMEMBERED_FROM = 50_000  # applications of a round; fewer are counted each time
_BY_KIND = "SELECT kind, state, count(*) FROM application WHERE round_id = %s GROUP BY kind, state"


@dataclass(frozen=True, slots=True)
class Queue:
    """A segment before a step: places that the money makes, what a voucher takes, who stands in it, what is free now.

    places: at close, or as fixed by it.   filed: submitted, in the closed list, or waiting, by the round's state.
    """

    kind: str
    places: int
    voucher_tiyn: int
    free_tiyn: int
    kept_tiyn: int
    filed: int
    granted: int = 0

    @property
    def will_get(self) -> int:
        """At most so many children get a voucher."""
        return min(self.places, self.filed)

    @property
    def needed_tiyn(self) -> int:
        """The money those vouchers take."""
        return self.will_get * self.voucher_tiyn

    @property
    def is_covered(self) -> bool:
        """False where the line lost money since the close: the run would refuse."""
        return self.needed_tiyn <= self.free_tiyn

    @property
    def can_refill(self) -> int:
        """How many more vouchers the free money covers now, of those who wait."""
        return min(self.filed, affordable(self.free_tiyn, kept_tiyn=self.kept_tiyn, voucher_tiyn=self.voucher_tiyn))


@dataclass(frozen=True, slots=True)
class RoundSeen:
    """A round as the office sees it: whose it is, when, and what its next step will do.

    queues: empty where there is no budget line.   lost: at close, reasons → how many; None: too many to look at here.
    waiting_elsewhere: who waits from earlier rounds and leaves that list at the run.   other_runs: number of a round of
    the programme that runs, "" for none.
    """

    id: int
    uuid: UUID
    number: str
    state: str
    programme_id: int
    territory_id: int
    rule_set_id: int
    opens_at: datetime
    closes_at: datetime
    first_month: date
    last_month: date
    beacon_name: str
    parties: tuple[str, ...]
    cancel_reason: str
    is_typed: bool
    queues: tuple[Queue, ...]
    applications: int
    lost: Mapping[str, int] | None
    waiting_elsewhere: int
    other_runs: str


@dataclass(frozen=True, slots=True)
class RoundRow:
    """A round in the office's list."""

    uuid: UUID
    number: str
    state: str
    opens_at: datetime
    closes_at: datetime
    programme_id: int


def programme_rounds(programme_ids: list[int]) -> list[RoundRow]:
    """Rounds of these programmes, the latest first."""
    found = Round.objects.filter(programme_id__in=programme_ids).order_by("-opens_at", "-id")
    names = ("uuid", "number", "state", "opens_at", "closes_at", "programme_id")
    return [RoundRow(*row) for row in found.values_list(*names)]


def round_seen(uuid: UUID, at: datetime, *, looks_again: bool = False) -> RoundSeen | None:
    """The round of this uuid with what its next step will do; `looks_again` makes the close's own look, unstored."""
    found = Round.objects.filter(uuid=uuid).first()
    if found is None:
        return None
    rules = programmes.rules_of(found.rule_set_id).rules
    counted = _counted(found, at)
    queues = _queues(found, rules, counted, at)
    other = Round.objects.filter(programme_id=found.programme_id, state__in=["open", "closed", "drawn"])
    runs = other.exclude(pk=found.id).values_list("number", flat=True).first()
    return RoundSeen(
        id=found.id,
        uuid=found.uuid,
        number=found.number,
        state=found.state,
        programme_id=found.programme_id,
        territory_id=found.territory_id,
        rule_set_id=found.rule_set_id,
        opens_at=found.opens_at,
        closes_at=found.closes_at,
        first_month=found.first_month,
        last_month=found.last_month,
        beacon_name=found.beacon_name,
        parties=tuple(DrawSecret.objects.filter(round_id=found.id).order_by("id").values_list("party", flat=True)),
        cancel_reason=found.cancel_reason,
        is_typed=found.beacon_name.startswith(TYPED),
        queues=tuple(queues),
        applications=sum(queue.filed for queue in queues),
        lost=_lost(found, rules, sum(queue.filed for queue in queues)) if looks_again else None,
        waiting_elsewhere=facts.waiting_elsewhere_count(found.programme_id, found.id),
        other_runs=runs or "",
    )


_STANDING = {
    RoundState.OPEN: ("submitted",),
    RoundState.CLOSED: ("checked",),
    RoundState.DRAWN: ("checked",),
    RoundState.ALLOCATED: ("waiting",),
    RoundState.PUBLISHED: ("waiting",),
}


_remembered: dict[tuple[int, str], tuple[datetime, dict[tuple[str, str], int]]] = {}


def _counted(found: Round, at: datetime) -> dict[tuple[str, str], int]:
    """Applications by kind and state; of a large round the figures of this minute: counting takes nearly a second."""
    key = (found.id, found.state)
    counted_at, counted = _remembered.get(key, (at, None))
    if counted is None or not timedelta(0) <= at - counted_at < REMEMBERED:
        counted = _count(found.id)
        _remembered.pop(key, None)
        if sum(counted.values()) > REMEMBERED_FROM:
            _remembered[key] = at, counted
    return counted


def _count(round_id: int) -> dict[tuple[str, str], int]:
    with connection.cursor() as cursor:
        cursor.execute(_BY_KIND, [round_id])
        return {(kind, state): count for kind, state, count in cursor.fetchall()}


def _queues(found: Round, rules: Rules, counted: dict[tuple[str, str], int], at: datetime) -> list[Queue]:
    places = places_of(found) or _money_now(found, rules)
    free = ledger.balances([AccountKey(AccountKind.FREE, one.line_id) for one in places.values()])
    states = _STANDING.get(RoundState(found.state), ())
    is_over = found.state in (RoundState.ALLOCATED, RoundState.PUBLISHED)
    months = months_between(max(found.first_month, month_of(local_day(at))), found.last_month) if is_over else 0
    return [
        Queue(
            kind,
            one.places,
            rules.planning_tariff[kind] * max(1, months) if is_over else one.voucher_tiyn,
            free[AccountKey(AccountKind.FREE, one.line_id)],
            one.kept_tiyn,
            sum(counted.get((kind, state), 0) for state in states),
            counted.get((kind, "granted"), 0),
        )
        for kind, one in places.items()
    ]


def _money_now(found: Round, rules: Rules) -> dict[str, Places]:
    """The places that the free money of this moment makes: what a close would fix now."""
    months, year = months_between(found.first_month, found.last_month), found.first_month.year
    lines = {kind: programmes.line_id(found.programme_id, kind, year) for kind in rules.kinds}
    known = {kind: line for kind, line in lines.items() if line is not None}
    free = ledger.balances([AccountKey(AccountKind.FREE, line) for line in known.values()])
    return {
        kind: places_for(
            line_id=line,
            free_tiyn=free[AccountKey(AccountKind.FREE, line)],
            voucher_tiyn=rules.planning_tariff[kind] * months,
            appeals_reserve_permille=rules.appeals_reserve_permille,
        )
        for kind, line in known.items()
    }


def _lost(found: Round, rules: Rules, filed: int) -> Mapping[str, int] | None:
    """Reasons for which the close would reject, counted by its own look at every application; None for too many."""
    if found.state != RoundState.OPEN or filed > LOOKED_AT:
        return None
    reasons, last = Counter[str](), b""
    on = facts.cut_off_day(found)
    while rows := facts.submitted_after(found.id, last, CHUNK):
        last = rows[-1].line_id
        again = facts.seen_again(found, rules, rows, on=on)
        reasons.update(reason.value for fact in again if (reason := refuse_filing(rules, fact)) is not None)
    return dict(reasons)
