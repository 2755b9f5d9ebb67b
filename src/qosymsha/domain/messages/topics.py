"""Which news concerns whom, by which ways it goes, and why the rest concerns nobody: one table over all rooms' topics.

A topic that stands in neither half fails a test: whoever tells something new says here for whom it is a notice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from qosymsha.domain.admission.access import Topic as Admission
from qosymsha.domain.agreements.states import Topic as Agreements
from qosymsha.domain.attendance.states import Topic as Attendance
from qosymsha.domain.casework.states import Topic as Casework
from qosymsha.domain.choice.access import Topic as Choice
from qosymsha.domain.controls.states import Topic as Controls
from qosymsha.domain.documents.states import Topic as Documents
from qosymsha.domain.errands.states import Topic as Errands
from qosymsha.domain.flags.states import Topic as Flags
from qosymsha.domain.intake.access import Topic as Intake
from qosymsha.domain.messages.states import Door
from qosymsha.domain.people.states import Channel, Role
from qosymsha.domain.people.states import Topic as People
from qosymsha.domain.programmes.states import Topic as Programmes
from qosymsha.domain.providers.states import Topic as Providers
from qosymsha.domain.settlement.access import Topic as Settlement
from qosymsha.domain.trials.states import Topic as Trials
from qosymsha.domain.vouchers.states import Topic as Vouchers

PAGE: frozenset[str] = frozenset()  # stands in the app alone
POST: frozenset[str] = frozenset({Channel.EMAIL})
CALL: frozenset[str] = frozenset({Channel.EMAIL, Channel.SMS})


@dataclass(frozen=True, slots=True)
class Heard:
    """News that becomes a notice.

    `kind` is what the notice says; `subject` the kind of row that the news names; `ways` beside the app, where the
    person wants them; `merges`: all rows of one deed are one notice with a number; `roles`: whose desk, in the
    office, or the child itself;
    `only`: a word of the news' detail and the values with which it counts; `others`: for everybody who speaks for the
    child but the guardian whose word it was (the detail's `by`), who then hears the deed's other notice alone.
    """

    kind: str
    door: Door
    subject: str
    ways: frozenset[str] = PAGE
    is_urgent: bool = False
    merges: bool = False
    roles: frozenset[str] = frozenset()
    only: tuple[str, frozenset[str]] | None = field(default=None)
    others: bool = False

    def counts(self, detail: Mapping[str, object]) -> bool:
        """True where this news is meant."""
        return self.only is None or str(detail.get(self.only[0], "")) in self.only[1]


def _family(kind: str, subject: str, ways: frozenset[str] = CALL, **more: object) -> Heard:
    return Heard(kind, Door.FAMILY, subject, ways, **more)  # type: ignore[arg-type]


def _other(kind: str, subject: str, ways: frozenset[str] = PAGE, **more: object) -> Heard:
    """What one guardian did, told to the others who speak for the child."""
    return _family(kind, subject, ways, others=True, **more)


def _club(kind: str, subject: str, ways: frozenset[str] = POST, **more: object) -> Heard:
    return Heard(kind, Door.PROVIDER, subject, ways, merges=True, **more)  # type: ignore[arg-type]


def _desk(kind: str, subject: str, *roles: Role) -> Heard:
    return Heard(kind, Door.OFFICE, subject, POST, merges=True, roles=frozenset(roles))


def _when(word: str, *values: str) -> tuple[str, frozenset[str]]:
    return word, frozenset(values)


HEARD: dict[StrEnum, tuple[Heard, ...]] = {
    People.GUARDIANSHIP_ENDED: (_family("guardianship_ended", "child"), _other("guardian_left", "child", CALL)),
    People.GUARDIAN_ADDED: (_other("guardian_added", "child", CALL),),
    People.YOUTH_ADMITTED: (_family("child_account", "child", POST),),
    # The way in.
    Admission.APPLICATION_SUBMITTED: (
        _family("application_filed", "application", PAGE),
        _other("other_applied", "application"),
    ),
    Admission.APPLICATION_WITHDRAWN: (
        _family("application_withdrawn", "application", PAGE),
        _other("other_took_back", "application", CALL),
    ),
    Admission.APPLICATION_REJECTED: (_family("application_rejected", "application"),),
    Admission.APPLICATION_WAITING: (_family("application_waits", "application"),),
    Admission.APPLICATION_ENDED: (_family("application_ended", "application", POST),),
    Intake.CASE_OPENED: (_other("other_gave_papers", "category_case"),),
    Intake.CASE_CERTIFIED: (_family("papers_accepted", "category_case"),),
    Intake.CASE_REFUSED: (_family("papers_refused", "category_case"),),
    Intake.CASE_ASKED: (_family("papers_asked", "category_case", is_urgent=True),),
    Documents.PAPER_SEALED: (_family("paper_sealed", "document"), _club("papers_sealed", "document")),
    # Vouchers and places.
    Vouchers.ISSUED: (_family("voucher_issued", "voucher", is_urgent=True),),
    Vouchers.ACCEPTED: (_other("other_accepted", "voucher"),),
    Vouchers.PARTING_ASKED: (
        _other("other_refuses", "parting", CALL, is_urgent=True, only=_when("what", "refuse")),
        _other("other_leaves", "parting", CALL, is_urgent=True, only=_when("what", "leave")),
        _other("other_moves", "parting", CALL, is_urgent=True, only=_when("what", "move")),
    ),
    Vouchers.PARTING_STOPPED: (_other("other_keeps", "parting", CALL),),
    Vouchers.PARTING_OVER: (_family("parting_over", "parting"),),
    Vouchers.RELEASED: (_family("voucher_free", "voucher"), _other("other_left", "voucher", CALL)),
    Vouchers.CLOSED: (_family("voucher_closed", "voucher"), _other("other_refused", "voucher", CALL)),
    Vouchers.ENROLLED: (
        _family("place_taken", "enrolment", PAGE),
        _other("other_took_place", "enrolment"),
        _club("child_came", "enrolment", PAGE),
    ),
    Vouchers.TRANSFERRED: (
        _family("place_moved", "enrolment", PAGE),
        _other("other_moved", "enrolment", CALL),
        _club("child_came", "enrolment", PAGE),
    ),
    Vouchers.TRANSFER_WAITS: (_other("other_asked_move", "transfer_request"),),
    Vouchers.TRANSFER_WITHDRAWN: (_other("other_stays", "transfer_request"),),
    Vouchers.TRANSFER_EXPIRED: (_family("transfer_over", "transfer_request"),),
    Vouchers.TRANSFER_REFUSED: (_family("transfer_refused", "transfer_request"),),
    Choice.ROUND_OPENED: (_family("wishes_open", "choice_round", is_urgent=True),),
    Choice.LIST_FILED: (_family("wishes_filed", "choice_list", PAGE), _other("other_wished", "choice_list")),
    Choice.LIST_WITHDRAWN: (_other("other_wishes_gone", "choice_list"),),
    Choice.ANSWERED: (_other("other_answered_offer", "choice_offer"),),
    Choice.LIST_REJECTED: (_family("wishes_rejected", "choice_list"),),
    Choice.PLACED: (_family("place_found", "choice_list"),),
    Choice.UNPLACED: (_family("no_place_found", "choice_list"),),
    Choice.OFFERED: (_family("place_offered", "choice_offer", is_urgent=True),),
    Choice.EXPIRED: (_family("offer_over", "choice_offer", POST),),
    Choice.SET_BACK: (_family("wishes_set_back", "choice_list"),),
    # Family and club.
    Agreements.CONTRACT_DRAWN: (_family("contract_to_sign", "family_contract"),),
    Agreements.CONTRACT_SIGNED: (
        _family("contract_signed", "family_contract", PAGE, only=_when("side", "provider")),
        _other("other_signed", "family_contract", only=_when("side", "family")),
        _club("contracts_signed", "family_contract", PAGE, only=_when("side", "family")),
    ),
    Agreements.CONTRACT_UNSIGNED: (_family("contract_reminder", "family_contract", is_urgent=True),),
    Agreements.PAPER_GIVEN: (
        _other("other_gave_paper", "enrolment_paper"),
        _club("papers_given", "enrolment_paper", PAGE),
    ),
    Agreements.PAPER_RETURNED: (_family("paper_returned", "enrolment_paper"),),
    Agreements.CHILD_REFUSED: (_family("club_refuses", "child_refusal", is_urgent=True),),
    Agreements.REFUSAL_ANSWERED: (_other("other_answered_refusal", "child_refusal", CALL),),
    Agreements.REFUSAL_STANDS: (_family("refusal_stands", "child_refusal"), _club("refusals_stand", "child_refusal")),
    Agreements.REFUSAL_OVERTURNED: (
        _family("refusal_overturned", "child_refusal"),
        _club("refusals_overturned", "child_refusal"),
    ),
    Agreements.REFUSAL_WITHDRAWN: (_family("refusal_withdrawn", "child_refusal"),),
    Agreements.RENEWED: (_family("place_renewed", "enrolment"),),
    Agreements.RENEWAL_ANSWERED: (
        _other("other_renews", "enrolment", only=_when("continues", "True")),
        _other("other_ends", "enrolment", CALL, only=_when("continues", "False")),
        _club("renewals_answered", "enrolment", PAGE),
    ),
    Agreements.CHARGE_SET: (_family("charge_changed", "group", POST),),
    Agreements.RECEIPT_RECORDED: (_family("receipt_written", "family_receipt", PAGE),),
    Agreements.RECEIPT_CANCELLED: (_family("receipt_cancelled", "family_receipt", POST),),
    Agreements.WAIT_BEGUN: (_other("other_waits", "group_wait"),),
    Agreements.SEAT_OFFERED: (_family("seat_offered", "group_wait", is_urgent=True),),
    Agreements.WAIT_ENDED: (
        _family("wait_over", "group_wait", POST, only=_when("state", "expired", "dropped")),
        _other("other_waits_no_more", "group_wait", only=_when("state", "left", "declined")),
    ),
    Trials.BOOKED: (_other("other_booked", "trial_lesson"), _club("trials_booked", "trial_lesson")),
    Trials.CANCELLED: (_other("other_cancelled", "trial_lesson"), _club("trials_cancelled", "trial_lesson")),
    Casework.ENDING_PROPOSED: (_desk("endings_to_decide", "voucher_ending", Role.PROGRAMME_OFFICER),),
    # Lessons and months.
    Attendance.CANCELLED: (_family("lesson_cancelled", "session", is_urgent=True, merges=True),),
    Attendance.MOVED: (_family("lesson_moved", "session", is_urgent=True, merges=True),),
    Attendance.REINSTATED: (_family("lesson_held", "session", is_urgent=True, merges=True),),
    Attendance.MARK_CHANGED: (_family("mark_changed", "enrolment", PAGE, merges=True),),
    Attendance.SENT: (_family("month_to_confirm", "month_sheet", merges=True),),
    Attendance.RESENT: (_family("month_again", "month_sheet", merges=True),),
    Attendance.REMINDED: (_family("month_reminder", "sheet_row", merges=True),),
    Attendance.SPOKEN: (_other("other_spoke", "sheet_row", merges=True),),
    Attendance.DECIDED: (_family("month_decided", "sheet_row", POST, merges=True),),
    Attendance.APPROVED: (_club("sheets_approved", "month_sheet", PAGE),),
    Attendance.RETURNED: (_club("sheets_returned", "month_sheet"),),
    Attendance.PAUSED: (_club("sheets_paused", "month_sheet"),),
    Attendance.RESUMED: (_club("sheets_resumed", "month_sheet"),),
    Attendance.VOIDED: (_club("sheets_voided", "month_sheet"),),
    Attendance.HOLD_UPHELD: (_club("days_not_paid", "day_hold"),),
    Attendance.ABSENCE_ANNOUNCED: (
        _other("other_told_absence", "absence_notice"),
        _club("absences_told", "absence_notice", PAGE),
    ),
    Attendance.ABSENCE_WARNED: (_family("absence_warning", "absence_case"),),
    Attendance.ABSENCE_SUSPENDED: (_family("absence_hearing", "absence_case", is_urgent=True),),
    Attendance.ABSENCE_OBJECTED: (
        _other("other_objected", "absence_case"),
        _desk("absence_objections", "absence_case", Role.CHECKER),
    ),
    Attendance.ABSENCE_RELEASED: (_family("absence_released", "absence_case"),),
    Attendance.ABSENCE_OVER: (_family("absence_over", "absence_case", PAGE),),
    # The club's file and money.
    Providers.ACCREDITATION_FILED: (_desk("accreditations_filed", "accreditation", Role.CHECKER),),
    Providers.ACCREDITATION_ANSWERED: (_desk("accreditations_answered", "accreditation", Role.CHECKER),),
    Providers.ACCREDITATION_DECIDED: (_club("accreditation_decided", "accreditation"),),
    Providers.ACCREDITATION_EXPIRED: (_club("accreditation_expired", "accreditation"),),
    Providers.CONTRACT_SIGNED: (_club("city_contract_signed", "contract"),),
    Providers.CONTRACT_ENDED: (_club("city_contract_ended", "contract"),),
    Providers.GROUP_CHANGED: (_family("group_changed", "group", POST),),
    Providers.TIMETABLE_CHANGED: (_family("timetable_changed", "group"),),
    Providers.HALL_CHANGED: (_family("hall_changed", "group"),),
    Settlement.CLAIM_DRAWN: (_club("claims_drawn", "claim", PAGE),),
    Settlement.CLAIM_RELEASED: (_club("claims_released", "claim", PAGE),),
    Settlement.CLAIM_RETURNED: (_club("claims_returned", "claim"),),
    Settlement.CLAIM_REVERSED: (_club("claims_reversed", "claim"),),
    Settlement.CLAIM_PAID: (_club("claims_paid", "claim"),),
    Settlement.CLAIM_HELD: (_club("claims_held", "claim"),),
    Settlement.ACT_DRAWN: (_club("acts_to_sign", "service_act"),),
    Settlement.ACT_REFUSED: (_club("acts_refused", "service_act"),),
    Settlement.EINVOICE_DECIDED: (_club("invoices_decided", "service_act"),),
    Settlement.RECOVERY_SUPPORTED: (_desk("recoveries_to_decide", "recovery", Role.APPROVER),),
    Settlement.RECOVERY_DECIDED: (_club("recoveries_decided", "recovery"),),
    Settlement.REFUND_RECORDED: (_desk("refunds_to_confirm", "refund", Role.APPROVER),),
    Settlement.REFUND_CONFIRMED: (_club("refunds_confirmed", "refund"),),
    Controls.FOUND: (_club("control_found", "control_visit"),),
    Controls.UNANSWERED: (_desk("control_to_decide", "control_visit", Role.CHECKER),),
    Controls.ANSWERED: (_desk("control_answered", "control_visit", Role.CHECKER),),
    Controls.DECIDED: (_club("control_decided", "control_visit"),),
    # An official's own wish that a worker carried out.
    Errands.ENDED: (
        Heard("errand_done", Door.OFFICE, "errand", only=_when("state", "done")),
        Heard("errand_undone", Door.OFFICE, "errand", only=_when("state", "refused", "failed")),
    ),
    Programmes.RULES_APPROVED: (_desk("rules_approved", "rule_set", Role.PROGRAMME_OFFICER),),
}

# What a child with an own account is told too, each as a kind of its own with its own words (`own_…`): what its pages
# show, nothing that waits for a decision. No SMS: a phone on record is the guardian's. docs/rules/messages.md.
YOUTH: frozenset[str] = frozenset(
    {"voucher_issued", "place_taken", "place_moved", "lesson_cancelled", "lesson_moved", "lesson_held",
     "timetable_changed", "hall_changed"}
)  # fmt: skip


def own(one: Heard) -> Heard | None:
    """The same news as the child itself is told; None for what is its guardians' alone."""
    if one.door is not Door.FAMILY or one.kind not in YOUTH:
        return None
    return replace(one, kind=f"own_{one.kind}", ways=one.ways & POST, roles=frozenset({Role.YOUTH}))


# Made by this room itself, by the clock: no news tells that a day comes near.
REMINDERS: tuple[Heard, ...] = (
    _family("voucher_reminder", "voucher", is_urgent=True),
    _club("accreditation_ends", "accreditation"),
)

_OWN = "the person's own deed: its page answered at once and shows it from then on"
_PUBLIC = "told to everybody on the public pages; the results come to each family by news of their own"
_INSIDE = "a step inside the office: a queue of the desk shows it to whoever has to act"
_SAID = "other news of the same deed says it to the same people"
SILENT: dict[StrEnum, str] = {
    **dict.fromkeys(
        (Attendance.PLANNED, Attendance.MARKED, Attendance.SYNCED, Providers.GROUP_OPENED, Agreements.PAPER_SEEN,
         Trials.MARKED),
        _OWN,
    ),
    **dict.fromkeys(
        (Admission.ROUND_OPENED, Admission.ROUND_CLOSED, Admission.ROUND_DRAWN, Admission.ROUND_PUBLISHED,
         Choice.ROUND_CLOSED, Choice.ROUND_DRAWN, Choice.ROUND_PUBLISHED, Controls.ENDED),
        _PUBLIC,
    ),
    **dict.fromkeys(
        (Settlement.CLAIM_APPROVED, Settlement.FILE_SENT, Settlement.REPLY_RESOLVED, Settlement.ACT_SIGNED,
         Settlement.EINVOICE_RECORDED, Settlement.RECOVERY_PROPOSED, Settlement.PLACE_COVERED,
         Settlement.MONEY_EXPLAINED, Settlement.MONTH_CLOSED, Settlement.YEAR_CLOSED, Programmes.BUDGET_PLANNED,
         Vouchers.PROMISED, Vouchers.SWEPT, Flags.SCREENED, Flags.RESOLVED, Flags.RECORDED, Flags.POINTS_REGISTERED,
         Attendance.ASKED,
         Casework.ROW_TAKEN, Casework.ROW_ASSIGNED, Casework.ROW_PUT_BACK),
        _INSIDE,
    ),
    **dict.fromkeys(
        (Admission.ROUND_CANCELLED, Choice.ROUND_CANCELLED, Admission.APPLICATION_GRANTED, Vouchers.SUSPENDED,
         Vouchers.RESUMED, Providers.GROUP_CLOSED, Casework.ENDING_DECIDED),
        _SAID,
    ),
    People.CHILD_REGISTERED: "the family linked the child itself, or an import did, which is no news to anybody",
    Attendance.SUBSTITUTED: "the lesson takes place where and when it was; the timetable names the teacher",
    Attendance.OBJECTION_RESOLVED: "between the club and its teacher; the club's page lists it",
    Attendance.HELD: "a day under examination: whoever may be told reads it on the month's page, in its time",
    Attendance.HOLD_CLEARED: "nothing changes for anybody",
    Providers.TEACHER_INVITED: "the club tells its teacher; the teacher's first page says so",
    Providers.TEACHER_ENDED: "the club tells its teacher; a right that ended is no page to be called to",
}  # fmt: skip


def kinds() -> dict[tuple[Door, str], Heard]:
    """Every notice there can be, by its door and kind."""
    return {(one.door, one.kind): one for one in every()}


def every() -> Iterable[Heard]:
    """All notices of the table, those a child with an own account is told, and those of the clock."""
    told = [one for heard in HEARD.values() for one in heard]
    return [*told, *(one for one in map(own, told) if one), *REMINDERS]


_BY_VALUE: dict[str, tuple[Heard, ...]] = {topic.value: heard for topic, heard in HEARD.items()}


def heard(topic: str, detail: Mapping[str, object]) -> list[Heard]:
    """What a piece of news is told as; [] where it concerns nobody."""
    return [one for one in _BY_VALUE.get(topic, ()) if one.counts(detail)]
