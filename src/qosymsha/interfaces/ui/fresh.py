"""Which deeds ask for a fresh proof of who one is, and how old it may be: one table, enforced by the gate at each POST.

A deed that a page offers by POST stands here in `ASKED` or in `PLAIN`; a test fails for one that stands in neither.
"""

from __future__ import annotations

from enum import StrEnum

from django.conf import settings

from qosymsha.domain.admission.access import Action as Rounds
from qosymsha.domain.agreements.access import Action as Agreements
from qosymsha.domain.assistance.access import Action as Assistance
from qosymsha.domain.attendance.access import Action as Attendance
from qosymsha.domain.casework.access import Action as Casework
from qosymsha.domain.choice.access import Action as Choice
from qosymsha.domain.controls.access import Action as Controls
from qosymsha.domain.enquiries.access import Action as Enquiries
from qosymsha.domain.errands.access import Action as Errands
from qosymsha.domain.factors.access import Action as Factors
from qosymsha.domain.flags.access import Action as Flags
from qosymsha.domain.intake.access import Action as Intake
from qosymsha.domain.messages.access import Action as Messages
from qosymsha.domain.people.access import Action as People
from qosymsha.domain.programmes.access import Action as Rules
from qosymsha.domain.providers.access import Action as Providers
from qosymsha.domain.settlement.access import Action as Money
from qosymsha.domain.trials.access import Action as Trials
from qosymsha.domain.vouchers.access import Action as Vouchers


class Why(StrEnum):
    """What makes a deed delicate (RELIABILITY.md T12, ASVS 7.5.3)."""

    MONEY = "money"
    RULE = "rule"
    EXCEPTION = "exception"
    EXPORT = "export"
    RIGHT = "right"


# How old a proof may be, in minutes; None: the installation's own number (`STEP_UP_MINUTES`). Exceptions come by the
# dozen at one sitting, so that theirs is longer; money and rights never are.
MINUTES: dict[Why, int | None] = {
    Why.MONEY: None,
    Why.RULE: None,
    Why.EXCEPTION: 30,
    Why.EXPORT: None,
    Why.RIGHT: None,
}
ASKED: dict[StrEnum, Why] = {
    **dict.fromkeys(
        (
            Money.APPROVE_CLAIMS, Money.RELEASE_CLAIMS, Money.RETURN_CLAIMS, Money.REVERSE_CLAIMS,
            Money.DRAW_PAYMENT_FILE, Money.SEND_PAYMENT_FILE, Money.RESOLVE_REPLY, Money.REGISTER_SIGNATORY,
            Money.SIGN_AS_PROVIDER, Money.SIGN_AS_CUSTOMER, Money.DECIDE_EINVOICE, Money.SUPPORT_RECOVERY,
            Money.DECIDE_RECOVERY, Money.RECORD_REFUND, Money.CONFIRM_REFUND, Money.COVER_PLACES, Money.CLOSE_MONTH,
            Money.CLOSE_YEAR, Money.DRAW_CLAIMS, Providers.SIGN_CONTRACT, Providers.END_CONTRACT,
            Providers.REGISTER_PROVIDER,
            Rules.OPEN_LINE, Rules.PLAN_BUDGET, Rounds.REFILL, Vouchers.TAKE_TRANSFERS, Agreements.SIGN_AS_PROVIDER,
        ),
        Why.MONEY,
    ),
    **dict.fromkeys(
        (
            Rules.CREATE_PROGRAMME, Rules.APPROVE_RULES, Rules.WITHDRAW_RULES, Rules.SET_CALENDAR,
            Rules.SET_NATIONAL_CALENDAR, Rounds.OPEN_ROUND, Rounds.CLOSE_ROUND, Rounds.CANCEL_ROUND, Rounds.DRAW,
            Rounds.ALLOCATE, Rounds.PUBLISH, Choice.OPEN, Choice.CLOSE, Choice.CANCEL, Choice.DRAW, Choice.ALLOCATE,
            Choice.PUBLISH, Choice.RERUN,
        ),
        Why.RULE,
    ),
    **dict.fromkeys(
        (
            Attendance.DECIDE, Attendance.DECIDE_DAYS, Attendance.VOID, Attendance.DECIDE_ABSENCE, Flags.RESOLVE,
            People.GRANT_READING, People.REGISTER_FAMILIES, People.END_GUARDIANSHIP, Intake.CERTIFY_CASE,
            Agreements.DECIDE_REFUSAL, Controls.DECIDE,
            Providers.DECIDE_ACCREDITATION, Vouchers.SUSPEND, Vouchers.RESUME, Casework.DECIDE_ENDING,
            Flags.REGISTER_POINTS,
        ),
        Why.EXCEPTION,
    ),
    **dict.fromkeys((Enquiries.SEARCH, Enquiries.OPEN), Why.EXPORT),
    **dict.fromkeys(
        (
            People.APPOINT, People.DISMISS, People.GIVE_ROLE, People.END_VISITS, Factors.END_FACTORS,
            Factors.REMOVE_FACTOR, Factors.MAKE_RECOVERY_CODES,
        ),
        Why.RIGHT,
    ),
}  # fmt: skip
# What else pages offer by POST, by the reason why no fresh proof is asked. `ADD_PASSKEY` asks by a rule of its own.
PLAIN: dict[str, frozenset[StrEnum]] = {
    "a family's own word about its own child, which it may take back or an official looks at": frozenset({
        People.LINK_CHILD, People.GIVE_CONSENT, People.WITHDRAW_CONSENT,
        Attendance.CHECK_IN, Attendance.CONFIRM, Attendance.ANNOUNCE, Attendance.OBJECT,
        Vouchers.ACCEPT, Vouchers.REFUSE, Vouchers.ENROL, Vouchers.TRANSFER, Vouchers.RELEASE,
        Vouchers.WITHDRAW_TRANSFER, Vouchers.STOP_PARTING, Choice.FILE, Choice.WITHDRAW, Rounds.SUBMIT,
        Rounds.WITHDRAW, Intake.SAVE_DRAFT,
        Intake.DROP_DRAFT, Intake.ADD_PAPER, Intake.NAME_CATEGORY, Intake.WITHDRAW_CASE, Choice.ANSWER,
        Agreements.SIGN_AS_FAMILY, Agreements.GIVE_PAPER, Agreements.ANSWER_RENEWAL, Agreements.JOIN_WAITING,
        Agreements.LEAVE_WAITING, Agreements.ANSWER_SEAT, Agreements.ANSWER_REFUSAL, Trials.BOOK, Trials.CANCEL,
    }),
    "a club's own work, which families or officials confirm": frozenset({
        Attendance.PLAN, Attendance.READ_CARD, Attendance.SYNC, Attendance.MOVE, Attendance.CANCEL,
        Attendance.REINSTATE,
        Attendance.SUBSTITUTE, Attendance.AMEND, Attendance.RESOLVE, Attendance.SEND, Attendance.RESEND,
        Money.REFUSE_ACT, Money.RECORD_EINVOICE, Controls.ANSWER, Providers.FILE_ACCREDITATION, Providers.ADD_PAPERS,
        Providers.ANSWER_ACCREDITATION, Providers.CHANGE_VENUE, Providers.CHANGE_GROUP, Providers.CHANGE_TIMETABLE,
        Providers.OPEN_GROUPS, Providers.CLOSE_GROUP, Providers.RESIZE_GROUP, Providers.CHANGE_HALL,
        Providers.INVITE_TEACHER, Providers.END_TEACHER, Agreements.DRAW_CONTRACTS, Agreements.REMIND_TO_SIGN,
        Agreements.RECORD_PAPER,
        Agreements.CHECK_PAPER, Agreements.REFUSE_CHILD, Agreements.WITHDRAW_REFUSAL, Agreements.RENEW,
        Agreements.SET_CHARGE, Agreements.RECORD_RECEIPT, Agreements.CANCEL_RECEIPT, Agreements.OFFER_SEATS,
        Trials.MARK,
    }),
    "a draft or a first step: a second person's step asks": frozenset({
        Rules.DRAFT_RULES, Rounds.PLAN_ROUND, Choice.PLAN, Choice.OFFER, Controls.PLAN, Controls.FREEZE, Controls.DRAW,
        Controls.CANCEL, Controls.END, Controls.VISIT, Providers.TAKE_UP_ACCREDITATION, Attendance.APPROVE,
        Attendance.RETURN, Attendance.PAUSE, Attendance.RESUME, Intake.ASK_PAPER, Intake.REFUSE_CASE,
        Casework.PROPOSE_ENDING, Casework.TAKE_ROW, Casework.PUT_BACK_ROW, Casework.ASSIGN_ROW, Money.DRAW_ACTS,
        Money.EXPLAIN_MONEY, Errands.WITHDRAW, Flags.SCREEN, Flags.RECORD,
    }),
    "a family that sits beside the clerk proves each deed by a code of its own": frozenset({
        Assistance.SEND_CODE, Assistance.BEGIN_VISIT, Assistance.PROVE_VISIT, Assistance.CONFIRM_ACT,
        Assistance.END_VISIT,
    }),
    "one's own account": frozenset({
        Messages.MARK_NOTICES, Messages.CHOOSE_NOTICES, People.SET_PREFERENCES, People.SIGN_OUT,
        Factors.ADD_PASSKEY, Factors.NAME_PASSKEY,
    }),
}  # fmt: skip


def asks(deed: StrEnum) -> bool:
    """True where the deed is done only after a fresh proof."""
    return deed in ASKED


def minutes_of(deed: StrEnum) -> int:
    """How old the proof may be, in minutes."""
    own = MINUTES[ASKED[deed]]
    return settings.STEP_UP_MINUTES if own is None else own
