"""What may be looked at in this door, and by whom; what is done wears the Action of the room that does it."""

from __future__ import annotations

from enum import StrEnum

from qosymsha.domain.agreements.access import ALLOWED as AGREEMENTS
from qosymsha.domain.agreements.access import Action as AgreementAction
from qosymsha.domain.attendance.queries.hearings import HEARERS
from qosymsha.domain.attendance.queries.office import LOOK as SHEET_ROLES
from qosymsha.domain.errands.access import ALLOWED as ERRANDS
from qosymsha.domain.errands.access import Action as ErrandAction
from qosymsha.domain.flags.access import ALLOWED as FLAGS
from qosymsha.domain.flags.access import Action as FlagAction
from qosymsha.domain.insights.access import ALLOWED as INSIGHTS
from qosymsha.domain.insights.access import Action as InsightsAction
from qosymsha.domain.people.access import ALLOWED as STAFF
from qosymsha.domain.people.access import Action as StaffAction
from qosymsha.domain.people.states import Role
from qosymsha.domain.providers.access import ALLOWED as PROVIDERS
from qosymsha.domain.providers.access import Action as FileAction
from qosymsha.domain.settlement.access import ALLOWED as SETTLEMENT
from qosymsha.domain.settlement.access import Action as PayAction
from qosymsha.domain.settlement.queries.closing import COVER_LOOK, REFUND_LOOK
from qosymsha.domain.settlement.queries.closing import LOOK as CLOSING_LOOK
from qosymsha.domain.settlement.queries.drawing import DRAWERS
from qosymsha.domain.settlement.queries.houses import LOOK as HOUSE_LOOK
from qosymsha.domain.settlement.queries.office import LOOK as CLAIM_ROLES
from qosymsha.domain.settlement.queries.office import LOOK_AT_MONEY
from qosymsha.domain.vouchers.desk import LOOK as TRANSFER_LOOK
from qosymsha.interfaces.ui.signed import DOOR_ROLES


class Look(StrEnum):
    """The pages of this door that only show."""

    ACCREDITATION = "office_accreditation"
    DECIDING = "office_accreditation_deciding"
    HOME = "office_home"
    NOTICES = "office_notices"
    PREFERENCES = "office_preferences"
    ABSENCES = "office_absences"
    WORDS = "office_objections"
    ROWS = "office_rows"
    TRANSFERS = "office_transfers"
    GUARDIANS = "office_guardians"
    CLOSING = "office_closing"
    REFUNDS = "office_refunds"
    COVERS = "office_covers"
    SHEETS = "office_sheets"
    FLAGS = "office_flags"
    CLAIMS = "office_claims"
    DRAWING = "office_drawing"
    HOUSES = "office_houses"
    REGISTERING = "office_registering"
    ACTS = "office_acts"
    REFUSALS = "office_refusals"
    TRAIL = "office_trail"
    FILES = "office_files"
    REPLIES = "office_replies"
    RECOVERIES = "office_recoveries"
    MONEY = "office_money"
    CHECKS = "office_checks"
    READING = "office_reading"
    STAFF = "office_staff"
    PROGRAMMES = "office_programmes"
    ROUNDS = "office_rounds"
    ERRANDS = "office_errands"
    BUDGET = "office_budget"
    CALENDAR = "office_calendar"


_PEOPLE = DOOR_ROLES["office"]  # no page is the system's
_RULES = frozenset({Role.PROGRAMME_OFFICER, Role.RULE_APPROVER, Role.AUDITOR})
_PAYMENT = frozenset({Role.PAYER, Role.APPROVER, Role.PROGRAMME_OFFICER, Role.AUDITOR})
ALLOWED: dict[Look, frozenset[str]] = {
    Look.ACCREDITATION: PROVIDERS[FileAction.READ_ACCREDITATION] & _PEOPLE,
    Look.DECIDING: PROVIDERS[FileAction.DECIDE_ACCREDITATION] & _PEOPLE,
    Look.HOME: _PEOPLE,
    Look.NOTICES: _PEOPLE,
    Look.PREFERENCES: _PEOPLE,
    Look.ABSENCES: HEARERS,
    Look.WORDS: HEARERS,
    Look.ROWS: HEARERS,
    Look.TRANSFERS: TRANSFER_LOOK,
    Look.GUARDIANS: STAFF[StaffAction.END_GUARDIANSHIP],
    Look.CLOSING: CLOSING_LOOK,
    Look.REFUNDS: REFUND_LOOK,
    Look.COVERS: COVER_LOOK,
    Look.SHEETS: SHEET_ROLES,
    Look.FLAGS: FLAGS[FlagAction.READ] & _PEOPLE,
    Look.CLAIMS: CLAIM_ROLES,
    Look.DRAWING: DRAWERS,
    Look.HOUSES: HOUSE_LOOK & _PEOPLE,
    Look.REGISTERING: PROVIDERS[FileAction.REGISTER_PROVIDER] & _PEOPLE,
    Look.ACTS: CLAIM_ROLES,
    Look.REFUSALS: AGREEMENTS[AgreementAction.READ_REFUSALS],
    Look.TRAIL: SETTLEMENT[PayAction.READ_TRAIL] & _PEOPLE,
    Look.FILES: _PAYMENT,
    Look.REPLIES: frozenset({Role.PAYER, Role.AUDITOR}),
    Look.RECOVERIES: CLAIM_ROLES,
    Look.MONEY: LOOK_AT_MONEY,
    Look.CHECKS: INSIGHTS[InsightsAction.RUN_INVARIANTS] & _PEOPLE,
    Look.READING: _PEOPLE,
    Look.STAFF: STAFF[StaffAction.READ_STAFF] & _PEOPLE,
    Look.PROGRAMMES: _RULES,
    Look.ROUNDS: _RULES,
    Look.ERRANDS: ERRANDS[ErrandAction.READ] & _PEOPLE,
    Look.BUDGET: _RULES,
    Look.CALENDAR: _RULES,
}
