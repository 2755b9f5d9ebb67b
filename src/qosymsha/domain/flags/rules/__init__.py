"""What looks wrong in a month of attendance, and how wrong: pure functions of arrays. Source: docs/rules/flags.md."""

from qosymsha.domain.flags.rules.evidence import COLUMNS, Beyond, Month, assemble
from qosymsha.domain.flags.rules.scoring import CODES, RULES, Common, Scored, how_common, scored
from qosymsha.domain.flags.rules.signals import Signal

__all__ = [
    "Beyond",
    "CODES",
    "COLUMNS",
    "Common",
    "Month",
    "RULES",
    "Scored",
    "Signal",
    "assemble",
    "how_common",
    "scored",
]
