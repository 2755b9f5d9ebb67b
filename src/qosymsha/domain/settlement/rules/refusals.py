"""Why this room says no."""

from __future__ import annotations

from enum import StrEnum


class SettlementRefusal(StrEnum):
    """Reasons of refusal; those of the first group stand on rows of a claim, which wait and come again next month."""

    CONTRACT_VOLUME = "contract_volume"
    PLACE_NOT_COVERED = "place_not_covered"
    NO_RULES_IN_FORCE = "no_rules_in_force"
    NOT_SCREENED = "not_screened"
    SHEET_INCOMPLETE = "sheet_incomplete"

    UNKNOWN_PROGRAMME = "unknown_programme"
    UNKNOWN_CLAIM = "unknown_claim"
    UNKNOWN_FILE = "unknown_file"
    CLAIM_ALREADY_DRAWN = "claim_already_drawn"
    MONTH_CLOSED = "month_closed"
    MONTH_NOT_OVER = "month_not_over"
    CLAIM_IN_OTHER_STATE = "claim_in_other_state"
    SAME_OFFICIAL = "same_official"
    ALREADY_RELEASED = "already_released"
    NO_ACCOUNT = "no_account"
    ACCOUNT_MALFORMED = "account_malformed"
    ACCOUNT_CHANGED = "account_changed"
    PAY_DAY_PAST = "pay_day_past"
    NOTHING_TO_PAY = "nothing_to_pay"
    FILE_MALFORMED = "file_malformed"
    PAYMENT_KEY_MISSING = "payment_key_missing"
    FILE_ALREADY_SENT = "file_already_sent"
    YEAR_CLOSED = "year_closed"
    BEFORE_CUT_OFF = "before_cut_off"
    DECEMBER_UNDECIDED = "december_undecided"
    DECEMBER_NOT_BY_RULE = "december_not_by_rule"
    NO_BUDGET_LINE = "no_budget_line"
    NO_NEXT_LINE = "no_next_line"
    UNKNOWN_RECOVERY = "unknown_recovery"
    RECOVERY_IN_OTHER_STATE = "recovery_in_other_state"
    CLAIM_NOT_PAID = "claim_not_paid"
    MORE_THAN_PAID = "more_than_paid"
    MORE_THAN_OWED = "more_than_owed"
    EVIDENCE_MISSING = "evidence_missing"
    REFERENCE_REUSED = "refund_reference_reused"
    UNKNOWN_REFUND = "unknown_refund"
    NOTHING_TO_COVER = "nothing_to_cover"
    NO_FREE_MONEY = "no_money_to_cover"
