"""A provider's statement (H7): what is due, why, when; what waits and for whom; what was kept back; what was paid."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any

from qosymsha.domain.programmes import queries as programmes
from qosymsha.domain.programmes.rules import Rules
from qosymsha.domain.providers.models import Provider
from qosymsha.domain.settlement.access import ALLOWED, Action
from qosymsha.domain.settlement.queries.asked import rows
from qosymsha.domain.settlement.queries.claims import programme_of
from qosymsha.domain.settlement.rules.acts import PaperRefusal
from qosymsha.domain.settlement.rules.payment_file import is_iban
from qosymsha.domain.settlement.rules.statements import WAITS_FOR, ClaimFacts, Waiting, claim_waits, pay_day
from qosymsha.domain.settlement.states import ClaimState
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.errors import Refused


@dataclass(frozen=True, slots=True)
class Wait:
    """What is waited for, for whom, and how many rows or days that concerns (0 where it is the whole sum)."""

    reason: Waiting
    whom: str
    count: int = 0


@dataclass(frozen=True, slots=True)
class ClaimDue:
    """A claim on the statement: the sum, what is kept back for earlier overpayments, why, when, what it waits for."""

    number: str
    contract: str
    month: date
    units: int
    amount_tiyn: int
    offset_tiyn: int
    words: dict[str, list[str]]
    state: str
    reason: str
    act: str
    due_on: date
    waits: tuple[Wait, ...]
    paid_at: datetime | None

    @property
    def to_pay_tiyn(self) -> int:
        """What goes to the bank."""
        return self.amount_tiyn - self.offset_tiyn


@dataclass(frozen=True, slots=True)
class SheetDue:
    """A month sheet not claimed in full yet: the most it may still bring, and what that waits for."""

    group: str
    month: date
    state: str
    at_most_tiyn: int
    waits: tuple[Wait, ...]


@dataclass(frozen=True, slots=True)
class Statement:
    """A provider's statement on a day; claims newest month first."""

    provider_id: int
    provider: str
    name: str
    at: datetime
    claims: tuple[ClaimDue, ...]
    sheets: tuple[SheetDue, ...]
    owed_back_tiyn: int

    @property
    def due_tiyn(self) -> int:
        """What is drawn and neither paid nor reversed, less what is kept back."""
        open_states = {ClaimState.DRAWN, ClaimState.APPROVED, ClaimState.IN_FILE, ClaimState.HELD}
        return sum(c.to_pay_tiyn for c in self.claims if c.state in open_states)

    @property
    def paid_tiyn(self) -> int:
        """What the treasury has paid."""
        return sum(c.to_pay_tiyn for c in self.claims if c.state == ClaimState.PAID)

    @property
    def offset_tiyn(self) -> int:
        """What was kept back from claims that stand."""
        return sum(c.offset_tiyn for c in self.claims if c.state != ClaimState.REVERSED)


_CLAIMS = """
SELECT c.number, k.number, c.month, c.units, c.amount_tiyn, c.offset_tiyn, c.formula, c.state, c.reason, c.rule_set_id,
       c.territory_id, a.number, a.state, array(SELECT s.side FROM act_signature s WHERE s.service_act_id = a.id),
       EXISTS (SELECT FROM claim_approval y WHERE y.claim_id = c.id AND y.turn = c.turn AND y.step = 'release'),
       EXISTS (SELECT FROM payment_line l WHERE l.claim_id = c.id AND l.state = 'sent'),
       (SELECT max(b.at) FROM payment_line l JOIN bank_reply b ON b.end_to_end_id = l.end_to_end_id
         WHERE b.outcome = 'paid' AND l.claim_id = c.id AND l.state = 'accepted')
  FROM claim c JOIN contract k ON k.id = c.contract_id
  LEFT JOIN service_act a ON a.claim_id = c.id AND a.state <> 'refused'
 WHERE c.provider_id = %s ORDER BY c.month DESC, c.id"""

# Rows that no live claim has, by sheet; what a present lesson may bring at most. Flags are days held open.
_SHEETS = """
SELECT g.code, s.month, s.state, s.programme_id, s.sent_at,
       sum(r.present * e.unit_tariff_tiyn)::bigint, count(*) FILTER (WHERE r.word IN ('silent', 'disputed')),
       (SELECT count(*) FROM day_hold h JOIN sheet_row hr ON hr.id = h.sheet_row_id
         WHERE hr.sheet_id = s.id AND h.state = 'open')
  FROM month_sheet s JOIN club_group g ON g.id = s.group_id JOIN sheet_row r ON r.sheet_id = s.id
  JOIN enrolment e ON e.id = r.enrolment_id
 WHERE s.provider_id = %s AND s.state NOT IN ('void', 'closed') AND r.word <> 'rejected'
   AND NOT EXISTS (SELECT FROM claim_row c WHERE c.sheet_row_id = r.id AND c.live)
 GROUP BY s.id, g.code ORDER BY s.month DESC, g.code"""

_OWED = """
SELECT coalesce(sum(balance_tiyn), 0)::bigint FROM ledger_account WHERE kind = 'receivable' AND subject_id = %s"""
_WITH_PROVIDER = ("open", "returned", "paused")


class _Terms:
    """What a statement's rows are judged by, asked once however many rows there are."""

    def __init__(self, at: datetime, months: Sequence[date], sent: Sequence[datetime | None]) -> None:
        self.today = local_day(at)
        days = [self.today, *months, *(local_day(instant) for instant in sent if instant is not None)]
        first, last = min(days), max(days) + timedelta(days=31 + 92)  # a pay day, moved over the longest holidays
        self.rules_of = cache(lambda rule_set_id: programmes.rules_of(rule_set_id).rules)
        self.rules_now = cache(self._rules_now)
        self.territory_of = cache(lambda programme_id: programme_of(programme_id).territory_id)
        self.calendar = cache(lambda territory_id: programmes.calendar(territory_id, first, last))

    def _rules_now(self, programme_id: int) -> Rules | None:
        try:
            return programmes.rules_in_force(programme_id, self.today).rules
        except Refused:
            return None


def statement(*, actor: Actor, provider_id: int, at: datetime) -> Statement:
    """The provider's statement as of now.

    Raises:
        Forbidden: the actor is neither the provider's nor an official of its territory.
        Refused: `unknown_provider_number`.
    """
    provider = Provider.objects.filter(id=provider_id).first()
    if provider is None:
        raise Refused(PaperRefusal.UNKNOWN_PROVIDER)
    require(actor, Action.READ_PAPERS, ALLOWED, territory_id=provider.territory_id, provider_id=provider_id)
    claimed, sent = rows(_CLAIMS, [provider_id]), rows(_SHEETS, [provider_id])
    terms = _Terms(at, [row[2] for row in claimed], [row[4] for row in sent])
    claims = tuple(_claim(row, terms, has_account=is_iban(provider.iban)) for row in claimed)
    sheets = tuple(_sheet(row, terms) for row in sent)
    ((owed,),) = rows(_OWED, [provider_id])
    return Statement(provider_id, provider.number, provider.name, at, claims, sheets, owed)


def provider_numbered(number: str) -> int:
    """The provider of a number, as people type it.

    Raises:
        Refused: `unknown_provider_number`.
    """
    found = Provider.objects.filter(number=number.strip().upper()).values_list("id", flat=True).first()
    if found is None:
        raise Refused(PaperRefusal.UNKNOWN_PROVIDER)
    return found


def _claim(row: tuple[Any, ...], terms: _Terms, *, has_account: bool) -> ClaimDue:
    number, contract, month, units, amount, offset, formula, state, reason, rule_set_id, territory_id, *rest = row
    act, act_state, sides, is_released, is_line_sent, paid_at = rest
    rules = terms.rules_of(rule_set_id)
    facts = ClaimFacts(ClaimState(state), act_state, frozenset(sides or ()), has_account, is_released, is_line_sent)
    return ClaimDue(
        number=number,
        contract=contract,
        month=month,
        units=units,
        amount_tiyn=amount,
        offset_tiyn=offset,
        words=json.loads(formula).get("words", {}),
        state=state,
        reason=reason,
        act=act or "",
        due_on=pay_day(month, rules.pay.pay_day, rules.papers.pay_day_moves, terms.calendar(territory_id)),
        waits=tuple(Wait(w, WAITS_FOR[w]) for w in claim_waits(facts, rules.papers)),
        paid_at=paid_at,
    )


def _sheet(row: tuple[Any, ...], terms: _Terms) -> SheetDue:
    group, month, state, programme_id, sent_at, at_most, silent, held_days = row
    waits: list[Wait] = []
    if state in _WITH_PROVIDER:
        waits.append(_wait(Waiting.SHEET_WITH_PROVIDER))
    elif silent:
        waits.append(_wait(_silence(programme_id, sent_at, terms), silent))
    if held_days:
        waits.append(_wait(Waiting.FLAGS, held_days))
    if state == "with_customer":
        waits.append(_wait(Waiting.SHEET_WITH_CUSTOMER))
    return SheetDue(group, month, state, at_most, tuple(waits or [_wait(Waiting.CLAIM)]))


def _silence(programme_id: int, sent_at: datetime, terms: _Terms) -> Waiting:
    """Parents' turn, until the officer's day has come."""
    rules = terms.rules_now(programme_id)
    if rules is None:
        return Waiting.PARENTS
    calendar = terms.calendar(terms.territory_of(programme_id))
    passed = calendar.working_days_between(local_day(sent_at), terms.today)
    return Waiting.OFFICER_DECIDES if passed > rules.confirmation.officer_after_working_days else Waiting.PARENTS


def _wait(reason: Waiting, count: int = 0) -> Wait:
    return Wait(reason, WAITS_FOR[reason], count)


def provider_bin(provider_id: int) -> str:
    """The provider's BIN, "" for a sole trader."""
    return Provider.objects.values_list("bin", flat=True).get(id=provider_id) or ""
