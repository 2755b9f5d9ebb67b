"""The register: every table of the house, what becomes of its rows when their time is over, by whose hand.

What a table's own note says (`Retention: …`) and this register are held to each other by a test, and the page of the
tables in the docs is made from both. A job that stands here is on the schedule.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from qosymsha.domain.keeping.rules import Way


@dataclass(frozen=True, slots=True)
class Kept:
    """How a table is kept: the way its rows end, the period (a name of `terms`, "" for its room's own), the job."""

    way: Way
    term: str = ""
    job: str = ""


_HOW: tuple[tuple[Kept, str], ...] = (
    (
        Kept(Way.ROWS, "", "check_invariants_by_night"),
        "invariant_run",
    ),
    (
        Kept(Way.ROWS, "", "forget_keys"),
        "idempotency_key",
    ),
    (
        Kept(Way.ROWS, "", "forget_notices"),
        "notice notice_delivery",
    ),
    (
        Kept(Way.ROWS, "", "forget_visits"),
        "application_draft document_content number_miss one_time_code passkey_question read_child reading_day "
        "strong_try",
    ),
    (
        Kept(Way.ROWS, "", "mind_errands"),
        "errand",
    ),
    (
        Kept(Way.ROWS, "consent", "erase_persons"),
        "consent",
    ),
    (
        Kept(Way.ROWS, "person", "erase_persons"),
        "child_status person_secret",
    ),
    (
        Kept(Way.ROWS, "user", "erase_persons"),
        "notice_choice notice_preference passkey recovery_code",
    ),
    (
        Kept(Way.MONTHS, "", "forget_news"),
        "outbox",
    ),
    (
        Kept(Way.MONTHS, "", "forget_traces"),
        "check_in_refusal trace",
    ),
    (
        Kept(Way.MONTHS, "audit", "erase_persons"),
        "audit_event",
    ),
    (
        Kept(Way.MONTHS, "mark", "erase_persons"),
        "check_in mark",
    ),
    (
        Kept(Way.MONTHS, "outside_mark", "erase_persons"),
        "outside_mark",
    ),
    (
        Kept(Way.SECRETS, "person", "erase_persons"),
        "application child choice_list enrolment_paper guardian",
    ),
    (
        Kept(Way.SECRETS, "signature", "erase_persons"),
        "act_signature e_invoice signatory",
    ),
    (
        Kept(Way.SECRETS, "teacher", "erase_persons"),
        "teacher",
    ),
    (
        Kept(Way.SECRETS, "trader", "erase_persons"),
        "provider",
    ),
    (
        Kept(Way.SECRETS, "user", "erase_persons"),
        "app_user second_factor",
    ),
    (
        Kept(Way.WORDS, "person", "erase_persons"),
        "absence_case absence_notice category_case category_case_step child_refusal day_hold guardianship "
        "mark_change mark_objection red_flag returned_row sheet_row voucher_ending",
    ),
    (
        Kept(Way.IDS),
        "absence_case_history application_history assisted_act assisted_visit child_refusal_history "
        "choice_entry choice_line choice_list_history choice_offer choice_offer_history choice_setback "
        "claim_approval claim_input claim_offset claim_row control_campaign_history control_visit_history "
        "document engagement enquiry enquiry_hit enquiry_opening enrolment enrolment_history family_contract "
        "family_contract_signature family_receipt flag_reason flag_run group_wait group_wait_history "
        "ledger_account ledger_entry ledger_posting mark_batch membership money_day month_sheet "
        "month_sheet_history parting place_cover reading_grant recovery recovery_row red_flag_history renewal "
        "renewal_word reply_decision role_proposal row_hold security_event session_change sheet_version "
        "timetable_slot transfer_request transfer_request_history trial_lesson trial_lesson_history voucher "
        "voucher_history",
    ),
    (
        Kept(Way.EVER),
        "accreditation accreditation_answer accreditation_evidence accreditation_history activity "
        "admission_round audit_link bank_reply budget_line budget_plan calendar_day carried_line "
        "choice_cutoff choice_outcome choice_round choice_round_history choice_secret claim clock_shift "
        "closed_month closed_year club_group club_word consultation_point contract control_campaign "
        "control_visit department draw_secret draw_word erasure erasure_run frozen_line group_charge "
        "honeytoken invariant_mark legal_hold mark_device notice_way offering outbox_cursor outcome "
        "payment_file payment_line point_device programme refill refund round_history rule_draft rule_set "
        "seat service_act service_act_history session territory venue",
    ),
    (
        Kept(Way.ANEW),
        "club_card figure measure waiting_line",
    ),
)
TABLES: Mapping[str, Kept] = {table: kept for kept, tables in _HOW for table in tables.split()}


def tables_of(job: str) -> list[str]:
    """The tables whose rows a job lets go."""
    return sorted(table for table, kept in TABLES.items() if kept.job == job)
