"""What may be looked at in this door, and by whom; what is done wears the Action of the room that does it."""

from __future__ import annotations

from enum import StrEnum

from qosymsha.domain.attendance.queries.office import LOOK as SHEET_ROLES
from qosymsha.domain.flags.access import ALLOWED as FLAGS
from qosymsha.domain.flags.access import Action as FlagAction
from qosymsha.domain.insights.access import ALLOWED as INSIGHTS
from qosymsha.domain.insights.access import Action as InsightsAction
from qosymsha.domain.people.states import Role
from qosymsha.domain.settlement.access import ALLOWED as SETTLEMENT
from qosymsha.domain.settlement.access import Action as PayAction
from qosymsha.domain.settlement.queries.office import LOOK as CLAIM_ROLES
from qosymsha.domain.settlement.queries.office import LOOK_AT_MONEY
from qosymsha.interfaces.ui.signed import DOOR_ROLES


class Look(StrEnum):
    """The pages of this door that only show."""

    HOME = "office_home"
    SHEETS = "office_sheets"
    FLAGS = "office_flags"
    CLAIMS = "office_claims"
    TRAIL = "office_trail"
    FILES = "office_files"
    REPLIES = "office_replies"
    RECOVERIES = "office_recoveries"
    MONEY = "office_money"
    CHECKS = "office_checks"
    READING = "office_reading"


_PEOPLE = DOOR_ROLES["office"]  # no page is the system's
_PAYMENT = frozenset({Role.PAYER, Role.APPROVER, Role.PROGRAMME_OFFICER, Role.AUDITOR})
ALLOWED: dict[Look, frozenset[str]] = {
    Look.HOME: _PEOPLE,
    Look.SHEETS: SHEET_ROLES,
    Look.FLAGS: FLAGS[FlagAction.READ] & _PEOPLE,
    Look.CLAIMS: CLAIM_ROLES,
    Look.TRAIL: SETTLEMENT[PayAction.READ_TRAIL] & _PEOPLE,
    Look.FILES: _PAYMENT,
    Look.REPLIES: frozenset({Role.PAYER, Role.AUDITOR}),
    Look.RECOVERIES: CLAIM_ROLES,
    Look.MONEY: LOOK_AT_MONEY,
    Look.CHECKS: INSIGHTS[InsightsAction.RUN_INVARIANTS] & _PEOPLE,
    Look.READING: _PEOPLE,
}
