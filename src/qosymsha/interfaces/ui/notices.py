"""Notices in words: what each kind says in three languages, where it leads, and how an SMS or e-mail is put together.

No text names a child, a number or a category: a way out says "your child", the inbox adds the guardian's own names.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.urls import reverse
from django.utils import translation

from qosymsha.domain.messages import sms
from qosymsha.domain.messages.rules import last_day
from qosymsha.interfaces.ui import texts
from qosymsha.interfaces.ui.templatetags.words import moment

# Kind → the page of its matter, by door; what is not here leads to the door's first page.
_PAGES: dict[str, dict[str, str]] = {
    "family": {
        **dict.fromkeys(
            ("application_filed", "application_withdrawn", "application_rejected", "application_waits",
             "application_ended", "papers_accepted", "papers_refused", "papers_asked", "paper_sealed"),
            "family-applications",
        ),
        **dict.fromkeys(
            ("voucher_issued", "voucher_reminder", "voucher_closed", "voucher_free", "place_taken", "place_moved",
             "transfer_over", "transfer_refused", "place_renewed", "absence_released",
             "place_found", "no_place_found", "own_voucher_issued", "own_place_taken", "own_place_moved"),
            "family-vouchers",
        ),
        **dict.fromkeys(
            ("wishes_open", "wishes_filed", "wishes_rejected", "wishes_set_back"), "family-wishes-now"
        ),
        **dict.fromkeys(
            ("contract_to_sign", "contract_signed", "contract_reminder", "club_refuses", "refusal_stands",
             "refusal_overturned", "refusal_withdrawn"),
            "family-contracts",
        ),
        **dict.fromkeys(("paper_returned",), "family-enrolment-papers"),
        **dict.fromkeys(("seat_offered", "wait_over"), "family-waiting"),
        **dict.fromkeys(("place_offered", "offer_over", "other_answered_offer"), "family-offers"),
        **dict.fromkeys(("charge_changed", "receipt_written", "receipt_cancelled"), "family-money"),
        **dict.fromkeys(
            ("lesson_cancelled", "lesson_moved", "lesson_held", "group_changed", "timetable_changed", "hall_changed",
             "own_lesson_cancelled", "own_lesson_moved", "own_lesson_held", "own_timetable_changed",
             "own_hall_changed"),
            "family-week",
        ),
        **dict.fromkeys(
            ("month_to_confirm", "month_again", "month_reminder", "month_decided", "mark_changed"), "family-months"
        ),
        **dict.fromkeys(("absence_warning", "absence_hearing", "absence_over"), "family-absences"),
        **dict.fromkeys(("guardianship_ended", "child_account"), "family-children"),
        # What the child's other guardian did.
        **dict.fromkeys(("guardian_added", "guardian_left"), "family-children"),
        **dict.fromkeys(("other_applied", "other_took_back", "other_gave_papers"), "family-applications"),
        **dict.fromkeys(
            ("other_accepted", "other_refuses", "other_leaves", "other_moves", "other_keeps", "parting_over",
             "other_left", "other_refused", "other_took_place", "other_moved", "other_asked_move", "other_stays"),
            "family-vouchers",
        ),
        **dict.fromkeys(("other_wished", "other_wishes_gone"), "family-wishes-now"),
        **dict.fromkeys(
            ("other_signed", "other_answered_refusal", "other_renews", "other_ends"), "family-contracts"
        ),
        **dict.fromkeys(("other_waits", "other_waits_no_more"), "family-waiting"),
        **dict.fromkeys(("other_booked", "other_cancelled"), "family-trials"),
        **dict.fromkeys(("other_told_absence", "other_objected"), "family-absences"),
        "other_gave_paper": "family-enrolment-papers",
        "other_spoke": "family-months",
    },
    "provider": {
        **dict.fromkeys(("child_came", "absences_told"), "provider-groups"),
        **dict.fromkeys(("trials_booked", "trials_cancelled"), "provider-guests"),
        **dict.fromkeys(
            ("contracts_signed", "papers_given", "refusals_stand", "refusals_overturned", "renewals_answered"),
            "provider-families",
        ),
        **dict.fromkeys(
            ("sheets_approved", "sheets_returned", "sheets_paused", "sheets_resumed", "sheets_voided",
             "days_not_paid"),
            "provider-sheets",
        ),
        **dict.fromkeys(
            ("accreditation_decided", "accreditation_expired", "accreditation_ends", "papers_sealed"),
            "provider-accreditation",
        ),
        **dict.fromkeys(
            ("city_contract_signed", "city_contract_ended", "claims_drawn", "claims_released", "claims_returned",
             "claims_reversed", "claims_paid", "claims_held", "acts_to_sign", "acts_refused", "invoices_decided",
             "recoveries_decided", "refunds_confirmed"),
            "provider-pay",
        ),
        **dict.fromkeys(("control_found", "control_decided"), "provider-findings"),
    },
    "office": {
        "absence_objections": "office-absences",
        **dict.fromkeys(("accreditations_filed", "accreditations_answered"), "office-accreditation"),
        "recoveries_to_decide": "office-recoveries",
        "refunds_to_confirm": "office-refunds",
        **dict.fromkeys(("control_to_decide", "control_answered"), "office-controls"),
        "rules_approved": "office-programmes",
        **dict.fromkeys(("errand_done", "errand_undone"), "office-errands"),
        "endings_to_decide": "office-home",
    },
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Said:
    """What a notice says in a language, and the path of the page it leads to."""

    text: str
    path: str


def said(language: str, door: str, kind: str, n: int, due_at: datetime | None) -> Said:
    """A notice's sentence and page; `n` matters, until when something can be done."""
    day = f"{last_day(due_at):%d.%m.%Y}" if due_at else ""
    until = texts.say(language, "notices.until", day=day) if day and not _is_instant(kind) else ""
    when = moment(due_at) if due_at else ""
    text = texts.say(language, f"notice.{door}.{kind}", n=n, when=when)
    return Said(f"{text} {until}".strip(), path_of(language, door, kind))


def _is_instant(kind: str) -> bool:
    """A lesson's time is said in its sentence: it is no last day."""
    return kind.startswith(("lesson_", "own_lesson_", "trials_"))


def path_of(language: str, door: str, kind: str) -> str:
    """The address of the page where the matter stands, in a language."""
    with translation.override(language):
        return reverse(_PAGES[door].get(kind, f"{door}-home"))


def sms_text(language: str, one: Said, door: str, most_parts: int) -> str:
    """An SMS: who speaks, the sentence, the address of the inbox; in plain Latin letters where it would be too long."""
    return sms.as_sent(" ".join(part for part in ("Qosymsha:", one.text, _inbox(language, door)) if part), most_parts)


def mail_texts(language: str, one: Said, door: str) -> tuple[str, str]:
    """(subject, text) of an e-mail; the subject says as little as a stranger over the shoulder may know."""
    where = f"{settings.PUBLIC_ADDRESS}{one.path}" if settings.PUBLIC_ADDRESS else ""
    parts = [one.text, where, texts.say(language, "notices.mail_end")]
    return texts.say(language, "notices.mail_subject"), "\n\n".join(part for part in parts if part) + "\n"


def _inbox(language: str, door: str) -> str:
    if not settings.PUBLIC_ADDRESS:
        return ""
    with translation.override(language):
        return f"{settings.PUBLIC_ADDRESS}{reverse(f'{door}-notices')}"
