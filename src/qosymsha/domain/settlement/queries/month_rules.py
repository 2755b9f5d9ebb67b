"""The rule that pays a month: of the rule set in force on its last day (R-6)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta

from qosymsha.domain.programmes import queries as programme_queries
from qosymsha.domain.settlement.rules.formula import MonthRule
from qosymsha.domain.settlement.rules.pay import PAPER
from qosymsha.kernel.clock import next_month
from qosymsha.kernel.errors import Refused


@dataclass(frozen=True, slots=True)
class RuleInForce:
    """The rule set in force on a month's last day."""

    rule_set_id: int
    month_rule: MonthRule

    @property
    def asks_papers(self) -> bool:
        """True where only absences with a paper are paid."""
        return self.month_rule.pay.evidence == PAPER


def month_rules(programme_id: int, months: Collection[date]) -> dict[date, RuleInForce]:
    """The rule sets by month; a month without one is left out."""
    found: dict[date, RuleInForce] = {}
    for month in sorted(months):
        try:
            in_force = programme_queries.rules_in_force(programme_id, next_month(month) - timedelta(days=1))
        except Refused:
            continue
        rules = in_force.rules
        found[month] = RuleInForce(in_force.id, MonthRule(rules.pay, in_force.hash.hex(), rules.unit))
    return found
