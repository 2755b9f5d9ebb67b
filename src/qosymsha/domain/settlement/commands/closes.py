"""Closing a month by hash, and a budget year: what is left lapses, December's places by a named decision."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.db import transaction

from qosymsha.domain.ledger import queries as ledger_queries
from qosymsha.domain.ledger import steps as ledger_steps
from qosymsha.domain.ledger.models import LedgerAccount
from qosymsha.domain.ledger.rules import AccountKey, AccountKind
from qosymsha.domain.programmes import queries as programme_queries
from qosymsha.domain.programmes.models import BudgetLine, Programme
from qosymsha.domain.programmes.rules import YearEnd
from qosymsha.domain.settlement import queries, steps
from qosymsha.domain.settlement.access import ALLOWED, Action, Topic
from qosymsha.domain.settlement.models import Claim, ClosedMonth, ClosedYear
from qosymsha.domain.settlement.rules.refusals import SettlementRefusal
from qosymsha.domain.settlement.rules.totals import claims_digest
from qosymsha.domain.settlement.rules.year_end import Balances, Carried, Ended, by_kind, carry, lapses, promises
from qosymsha.kernel import audit, idempotency, outbox
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.canonical import digest
from qosymsha.kernel.clock import local_day, next_month
from qosymsha.kernel.errors import Refused


@dataclass(frozen=True, slots=True)
class Closed:
    """A closed month or year: its row, the hash of its summary, the summary itself."""

    id: int
    hash: bytes
    summary: dict[str, Any]


@transaction.atomic(durable=True)
def close_month(*, actor: Actor, programme_id: int, month: date, at: datetime, key: UUID) -> Closed:
    """Close a month: a hash over its claims and the ledger's totals; no claim of that month is drawn after it.

    Rows confirmed later go into later months' claims. Claims that are not paid yet and replies that nobody understands
    are named in the summary.

    Raises:
        Forbidden: the actor may not close here.
        Refused: `unknown_programme`, `month_not_over`, `month_closed`.
    """
    programme = queries.programme_of(programme_id)
    require(actor, Action.CLOSE_MONTH, ALLOWED, territory_id=programme.territory_id)
    queries.lock_contracts(programme_id, None)
    seen = idempotency.repeat(actor=actor, verb="close_month", key=key, body=[programme_id, month.isoformat()], at=at)
    if seen is not None:
        stored = ClosedMonth.objects.get(id=seen)
        return _closed(stored)
    if local_day(at) < next_month(month):
        raise Refused(SettlementRefusal.MONTH_NOT_OVER, month=month.isoformat())
    if queries.is_month_closed(programme_id, month):
        raise Refused(SettlementRefusal.MONTH_CLOSED, month=month.isoformat())
    summary = _month_summary(programme_id, month)
    closed = ClosedMonth.objects.create(
        territory_id=programme.territory_id,
        programme_id=programme_id,
        month=month,
        hash=digest(summary),
        summary=summary,
        closed_at=at,
        closed_by=actor.user_id,
    )
    _finish(actor, programme, at, (Action.CLOSE_MONTH, Topic.MONTH_CLOSED, "closed_month", closed.id))
    idempotency.keep(actor=actor, verb="close_month", key=key, outcome=closed.id)
    return _closed(closed)


def _closed(row: ClosedMonth | ClosedYear) -> Closed:
    return Closed(row.id, bytes(row.hash), row.summary)


def _month_summary(programme_id: int, month: date) -> dict[str, Any]:
    claims = Claim.objects.filter(programme_id=programme_id, month=month).exclude(state="reversed").order_by("number")
    rows = list(claims.values_list("number", "hash", "state", "amount_tiyn"))
    return {
        "schema": "qosymsha.closed_month/1",
        "month": month.isoformat()[:7],
        "claims": len(rows),
        "claims_digest": claims_digest([(number, bytes(hash_)) for number, hash_, _, _ in rows]),
        "amount_tiyn": sum(row[3] for row in rows),
        "states": dict(sorted(Counter(row[2] for row in rows).items())),
        "unpaid": [number for number, _, state, _ in rows if state not in ("paid", "nothing_due")],
        "ledger": _ledger_totals(BudgetLine.objects.filter(programme_id=programme_id, fiscal_year=month.year)),
        "held_replies": [reply.reference for reply in queries.held_replies()],
    }


def _ledger_totals(lines: Any) -> dict[str, dict[str, int]]:
    totals = ledger_queries.totals(list(lines.values_list("id", flat=True)))
    return {str(line_id): dict(sorted(kinds.items())) for line_id, kinds in sorted(totals.items())}


class December(StrEnum):
    """What becomes of money still on places at the cut-off: an officer decides, or the rule set says `again`."""

    PAY = "pay"  # stays on its places: claims of December are drawn after the cut-off
    LAPSE = "lapse"
    AGAIN = "again"  # lapses, and is promised again from the next year's free money as far as that covers it


@dataclass(frozen=True, slots=True)
class DecemberDecision:
    """The named decision: what happens, and the number of the document that says so. The officer is the actor."""

    choice: December
    document: str


@transaction.atomic(durable=True)
def close_year(  # noqa: PLR0913 - who, where, which year, by which decision, when, once
    *, actor: Actor, programme_id: int, year: int, december: DecemberDecision | None, at: datetime, key: UUID
) -> Closed:
    """Close a budget year at its cut-off: held, free and released lapse; places go by the named decision.

    Money already earned (payable, transit) stays payable. Where the rule set says `promise_again` no decision is
    needed: places lapse here and stand on the next year's lines as far as those have free money; the others are named.
    Source: LEDGER.md 12; docs/rules/pay.md R-17, R-18.

    Raises:
        Forbidden: the actor may not close here.
        Refused: `unknown_programme`, `no_budget_line`, `year_closed`, `before_cut_off`; `december_undecided` where
            places hold money and nobody decided; `december_not_by_rule` where the decision is not the rule set's;
            `no_next_line` where places are promised again and the next year has no such line.
    """
    programme = queries.programme_of(programme_id)
    require(actor, Action.CLOSE_YEAR, ALLOWED, territory_id=programme.territory_id)
    queries.lock_contracts(programme_id, None)
    body = [programme_id, year, december.choice.value if december else "", december.document if december else ""]
    seen = idempotency.repeat(actor=actor, verb="close_year", key=key, body=body, at=at)
    if seen is not None:
        stored = ClosedYear.objects.get(id=seen)
        return _closed(stored)
    lines = _refuse_close(programme_id, year, at)
    ledger_steps.lock_commitments(lines)
    places = _balances(lines, AccountKind.PLACE)
    choice = _decided(programme_id, year, december, places)
    carried = _carried(programme_id, year, places) if choice is December.AGAIN else Carried()
    leaving = [] if choice is December.PAY else places
    ended = Ended(_free_and_held(lines) + leaving, places if choice is December.PAY else [], carried)
    ledger_steps.post([*lapses(year, ended.lapsed), *promises(year, carried)], at=at)
    summary = _year_summary(year, lines, ended)
    closed = ClosedYear.objects.create(
        territory_id=programme.territory_id,
        programme_id=programme_id,
        year=year,
        december=choice.value if choice else "",
        decision=december.document if december else "",
        hash=digest(summary),
        summary=summary,
        closed_at=at,
        closed_by=actor.user_id,
    )
    steps.carry_lines(closed, carried.next_lines)
    _finish(actor, programme, at, (Action.CLOSE_YEAR, Topic.YEAR_CLOSED, "closed_year", closed.id))
    idempotency.keep(actor=actor, verb="close_year", key=key, outcome=closed.id)
    return _closed(closed)


def _refuse_close(programme_id: int, year: int, at: datetime) -> list[int]:
    """The year's lines, where nothing speaks against closing them."""
    lines = list(
        BudgetLine.objects.filter(programme_id=programme_id, fiscal_year=year)
        .order_by("id")
        .values_list("id", flat=True)
    )
    if not lines:
        raise Refused(SettlementRefusal.NO_BUDGET_LINE, year=year)
    if ClosedYear.objects.filter(programme_id=programme_id, year=year).exists():
        raise Refused(SettlementRefusal.YEAR_CLOSED, year=year)
    year_end = _year_end(programme_id, year)
    cut_off = date(year, year_end.cut_off_month, year_end.cut_off_day)
    if local_day(at) < cut_off:
        raise Refused(SettlementRefusal.BEFORE_CUT_OFF, cut_off=cut_off.isoformat())
    return lines


def _year_end(programme_id: int, year: int) -> YearEnd:
    return programme_queries.rules_in_force(programme_id, date(year, 12, 31)).rules.year_end


def _decided(programme_id: int, year: int, december: DecemberDecision | None, places: Balances) -> December | None:
    if not places:
        return december.choice if december else None
    by_rule = _year_end(programme_id, year).december == "promise_again"
    if december is not None and by_rule != (december.choice is December.AGAIN):
        raise Refused(SettlementRefusal.DECEMBER_NOT_BY_RULE)
    if by_rule:
        return December.AGAIN
    if december is None:
        raise Refused(SettlementRefusal.DECEMBER_UNDECIDED, amount_tiyn=sum(amount for _, amount in places))
    return december.choice


def _balances(lines: list[int], kind: AccountKind) -> Balances:
    accounts = LedgerAccount.objects.filter(kind=kind.value, line_id__in=lines, balance_tiyn__gt=0).order_by("id")
    rows = accounts.values_list("line_id", "subject_id", "month", "balance_tiyn")
    return [
        (AccountKey(kind, line_id, subject_id, month), balance or 0) for line_id, subject_id, month, balance in rows
    ]


def _free_and_held(lines: list[int]) -> Balances:
    released = ledger_queries.totals(lines)
    return (
        _balances(lines, AccountKind.FREE)
        + _balances(lines, AccountKind.HELD)
        + [
            (AccountKey(AccountKind.RELEASED, line_id), kinds[AccountKind.RELEASED])
            for line_id, kinds in released.items()
            if kinds.get(AccountKind.RELEASED)
        ]
    )


def _carried(programme_id: int, year: int, places: Balances) -> Carried:
    """December's places promised again from the next year's lines, as far as their free money covers them."""
    lines = {line.id: line for line in programme_queries.lines(programme_id, year)}
    following = programme_queries.lines(programme_id, year + 1)
    next_lines: dict[int, int] = {}
    for line_id in sorted({account.line_id for account, _ in places}):
        line = lines[line_id]
        heirs = [
            n for n in following if (n.department_id, n.kind, n.code) == (line.department_id, line.kind, line.code)
        ]
        if not heirs:
            raise Refused(SettlementRefusal.NO_NEXT_LINE, line_id=line_id, year=year + 1)
        next_lines[line_id] = heirs[0].id
    ledger_steps.lock_commitments(sorted(next_lines.values()))
    free = ledger_queries.balances([AccountKey(AccountKind.FREE, line_id) for line_id in sorted(next_lines.values())])
    return carry(places, next_lines, {account.line_id: amount for account, amount in free.items()})


def _year_summary(year: int, lines: list[int], ended: Ended) -> dict[str, Any]:
    return {
        "schema": "qosymsha.closed_year/2",
        "year": year,
        "lapsed": by_kind(ended.lapsed),
        "kept_on_places_tiyn": sum(amount for _, amount in ended.kept),
        "promised_again_tiyn": sum(amount for _, amount in ended.carried.covered),
        "not_covered": [
            [account.subject_id, account.month.isoformat() if account.month else "", amount]
            for account, amount in ended.carried.uncovered
        ],
        "ledger": _ledger_totals(BudgetLine.objects.filter(id__in=lines)),
        "held_replies": [reply.reference for reply in queries.held_replies()],
    }


def _finish(actor: Actor, programme: Programme, at: datetime, what: tuple[Action, Topic, str, int]) -> None:
    """Record and tell."""
    action, topic, kind, id_ = what
    audit.record(
        actor=actor, at=at, action=action, subject_kind=kind, subject_ids=[id_], territory_id=programme.territory_id
    )
    outbox.tell(topic=topic, subject_kind=kind, subject_ids=[id_], at=at)
