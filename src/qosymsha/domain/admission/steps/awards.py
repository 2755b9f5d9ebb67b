"""Granted applications become vouchers, with their money."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Protocol

from qosymsha.domain.admission.models import Round
from qosymsha.domain.programmes import queries as programmes
from qosymsha.domain.vouchers import steps as vouchers
from qosymsha.domain.vouchers.rules import Award
from qosymsha.kernel.actor import Actor
from qosymsha.kernel.clock import local_day

_CALENDAR_DAYS = 90  # far beyond any timer of working days


class Winner(Protocol):
    """What a voucher is issued from: `queries.granted.Granted` and `queries.facts.Filed` are such."""

    @property
    def id(self) -> int:
        """The application."""

    @property
    def child_id(self) -> int:
        """The child."""

    @property
    def slot(self) -> str:
        """The entitlement slot."""

    @property
    def kind(self) -> str:
        """The kind of lessons."""


def award(  # noqa: PLR0913 - a voucher is born with all of its terms at once
    the_round: Round,
    winners: Sequence[Winner],
    *,
    line_id: int,
    first_month: date,
    cause_key: str,
    actor: Actor,
    at: datetime,
) -> list[int]:
    """Issue a voucher to each winner from `first_month` to the round's last, under the rule set of the round.

    The caller holds `ledger.steps.lock_commitments` of the line (LEDGER.md 3).
    """
    rules = programmes.rules_of(the_round.rule_set_id).rules
    today = local_day(at)
    calendar = programmes.calendar(the_round.territory_id, today, today + timedelta(days=_CALENDAR_DAYS))
    return vouchers.issue_vouchers(
        awards=[Award(w.child_id, w.id, w.slot, w.kind, line_id) for w in winners],
        territory_id=the_round.territory_id,
        programme_id=the_round.programme_id,
        rule_set_id=the_round.rule_set_id,
        months=(first_month, the_round.last_month),
        month_tiyn=rules.planning_tariff,
        accept_by=calendar.add_working_days(today, rules.timers.accept_working_days),
        cause_key=cause_key,
        actor=actor,
        at=at,
    )
