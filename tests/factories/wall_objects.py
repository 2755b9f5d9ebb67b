"""Which object stands in each place of an address, and whose it is: one line for each place. `wall.py` makes them.

`OBJECTS` maps a place of an address to the row that stands in it, `NAMED` what an address names in its query or form. A
place of a new address without a line here fails `tests/architecture/test_wall.py`. Rows are made by commands, in
`wall_stories.py`; there is no bare row.
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.factories.office import DESK_DAY


@dataclass(frozen=True, slots=True)
class Owned:
    """What stands in a place, and to whom it belongs (None: that does not say who may)."""

    value: str
    child_id: int | None = None
    provider_id: int | None = None
    territory_id: int | None = None
    user_id: int | None = None
    department_id: int | None = None

    def joined(self, other: Owned) -> Owned:
        """Several things of one address: whoever owns the one owns the other."""
        return Owned(
            self.value,
            self.child_id or other.child_id,
            self.provider_id or other.provider_id,
            self.territory_id or other.territory_id,
            self.user_id or other.user_id,
            self.department_id or other.department_id,
        )


@dataclass(frozen=True, slots=True)
class Kind:
    """Where an object comes from: SQL of (value, child, provider, territory, user[, department]); public: nobody's."""

    sql: str
    is_public: bool = False


def _of_enrolment(column: str, table: str, join: str) -> Kind:
    return Kind(
        f"SELECT {column}, e.child_id, g.provider_id, e.territory_id, NULL FROM {table} JOIN enrolment e ON {join}"
        " JOIN club_group g ON g.id = e.group_id ORDER BY e.id LIMIT 1"
    )


def _public(table: str) -> Kind:
    return Kind(f"SELECT uuid, NULL, NULL, NULL, NULL FROM {table} ORDER BY id LIMIT 1", is_public=True)


def _row(table: str, where: str = "true", **columns: str) -> Kind:
    """The first row of a table that a command made; what is not named belongs to nobody."""
    names = ("child", "provider", "territory", "user", "department")
    asked = ", ".join([columns.get("value", "uuid"), *(columns.get(name, "NULL") for name in names)])
    return Kind(f"SELECT {asked} FROM {table} WHERE {where} ORDER BY id LIMIT 1")


def _on_line(table: str, where: str = "true", value: str = "uuid", line: str = "line_id") -> Kind:
    """A row that stands on a budget line: of a territory, and of the department that the line is of."""
    department = f"(SELECT department_id FROM budget_line l WHERE l.id = {table}.{line})"
    return _row(table, where, value=value, territory="territory_id", department=department)


def _on_claim(table: str, value: str) -> Kind:
    department = (
        f"(SELECT l.department_id FROM claim c JOIN budget_line l ON l.id = c.line_id WHERE c.id = {table}.claim_id)"
    )
    return _row(table, value=value, territory="territory_id", department=department)


def _of_child(table: str) -> Kind:
    return Kind(f"SELECT uuid, child_id, NULL, NULL, NULL FROM {table} ORDER BY id LIMIT 1")


def _of_territory(table: str, value: str = "uuid") -> Kind:
    return Kind(f"SELECT {value}, NULL, NULL, territory_id, NULL FROM {table} ORDER BY id LIMIT 1")


def _word(value: str) -> Kind:
    """A word of an address that names no row: a section, a year, a form of a file."""
    return Kind(f"SELECT '{value}', NULL, NULL, NULL, NULL", is_public=True)


_OPEN_LIST = "FROM choice_list l JOIN choice_round o ON o.id = l.round_id WHERE o.state = 'open' ORDER BY l.id LIMIT 1"
_OFFERED_LIST = "FROM choice_list l WHERE l.id = choice_list_id"  # an offer's
_CASE = "FROM category_case k WHERE k.id = subject_id"  # a document's
_OF_CASE = "subject_kind = 'category_case'"
_DEBT = "FROM recovery r WHERE r.id = recovery_id"  # a refund's
# What belongs to the family that a clerk helps, and the clerk.
_OF_HELPED = (
    "child_id IN (SELECT s.child_id FROM guardianship s JOIN assisted_visit v ON v.guardian_id = s.guardian_id"
    " WHERE v.proved_at IS NOT NULL)"
)
_VISIT = "office/assist/<uuid:visit_uuid>/"
_HELPER = "(SELECT clerk_id FROM assisted_visit WHERE proved_at IS NOT NULL ORDER BY id LIMIT 1)"
_SHEET = (
    "SELECT s.uuid, NULL, g.provider_id, s.territory_id, NULL FROM month_sheet s JOIN club_group g ON g.id = s.group_id"
    " ORDER BY s.id LIMIT 1"
)
_ACCREDITATION = "SELECT uuid, NULL, provider_id, territory_id, NULL FROM accreditation ORDER BY id LIMIT 1"
_SCAN = (
    "SELECT d.uuid, NULL, a.provider_id, a.territory_id, NULL FROM document d JOIN accreditation a"
    " ON a.id = d.subject_id WHERE d.subject_kind = 'accreditation' ORDER BY d.id LIMIT 1"
)
# (beginning of the address, name of the place) → the object; the longest beginning that fits counts.
OBJECTS: dict[tuple[str, str], Kind] = {
    ("", "passkey_uuid"): Kind("SELECT uuid, NULL, NULL, NULL, user_id FROM passkey ORDER BY id LIMIT 1"),
    ("family/", "child_uuid"): Kind("SELECT c.uuid, c.id, NULL, NULL, NULL FROM child c ORDER BY id LIMIT 1"),
    ("family/", "group_uuid"): _public("club_group"),
    ("family/", "round_uuid"): _public("admission_round"),
    ("family/wishes/", "round_uuid"): _row("choice_round", "state = 'open'", child=f"(SELECT l.child_id {_OPEN_LIST})"),
    ("family/", "voucher_uuid"): _of_child("voucher"),
    ("family/", "row_uuid"): _of_child("sheet_row"),
    ("family/", "case_uuid"): _of_enrolment("c.uuid", "absence_case c", "e.id = c.enrolment_id"),
    ("family/", "application_uuid"): _of_child("application"),
    ("family/", "list_uuid"): _of_child("choice_list"),
    ("provider/lessons/", "session_uuid"): Kind(
        "SELECT s.uuid, NULL, g.provider_id, NULL, NULL FROM session s JOIN club_group g ON g.id = s.group_id"
        f""" WHERE s."on" = '{DESK_DAY:%Y-%m-%d}' ORDER BY s.starts_at LIMIT 1"""
    ),
    ("provider/", "session_uuid"): Kind(
        "SELECT s.uuid, NULL, g.provider_id, NULL, NULL FROM session s JOIN club_group g ON g.id = s.group_id"
        " ORDER BY s.id LIMIT 1"
    ),
    ("provider/", "place_uuid"): _of_enrolment("e.uuid", "(SELECT) AS nothing", "true"),
    ("provider/", "group_uuid"): Kind("SELECT uuid, NULL, provider_id, NULL, NULL FROM club_group ORDER BY id LIMIT 1"),
    ("provider/", "venue_uuid"): Kind("SELECT uuid, NULL, provider_id, NULL, NULL FROM venue ORDER BY id LIMIT 1"),
    ("provider/", "teacher_uuid"): Kind(
        "SELECT t.uuid, NULL, g.provider_id, NULL, NULL FROM teacher t JOIN timetable_slot s ON s.teacher_id = t.id"
        " JOIN club_group g ON g.id = s.group_id ORDER BY t.id LIMIT 1"
    ),
    ("provider/", "programme_uuid"): _public("programme"),
    ("provider/accreditation/", "file_uuid"): Kind(_ACCREDITATION),
    ("provider/accreditation/", "document_uuid"): Kind(_SCAN),
    ("office/accreditation/", "file_uuid"): Kind(_ACCREDITATION),
    ("office/accreditation/", "document_uuid"): Kind(_SCAN),
    ("office/accreditation/", "verdict"): Kind("SELECT 'revoke', NULL, NULL, NULL, NULL", is_public=True),
    ("provider/", "sheet_uuid"): Kind(_SHEET),
    ("provider/", "act_uuid"): Kind(
        "SELECT a.uuid, NULL, a.provider_id, NULL, NULL FROM service_act a ORDER BY a.id LIMIT 1"
    ),
    ("office/", "sheet_uuid"): Kind(_SHEET),
    ("office/", "place"): _of_enrolment("e.uuid", "(SELECT) AS nothing", "true"),
    ("office/", "flag_uuid"): _of_territory("red_flag", "uuid"),
    ("office/claims/", "number"): _on_line("claim", value="number"),
    ("office/files/", "number"): Kind(
        "SELECT number, NULL, NULL, territory_id, NULL FROM payment_file ORDER BY id LIMIT 1"
    ),
    ("family/notices/", "notice_uuid"): _row("notice", "door = 'family'", child="child_ids[1]"),
    ("provider/notices/", "notice_uuid"): _row("notice", "door = 'provider'", user="user_id"),
    ("office/notices/", "notice_uuid"): _row("notice", "door = 'office'", user="user_id"),
    ("family/", "contract_uuid"): _row("family_contract", "state = 'open'", child="child_id"),
    ("family/", "refusal_uuid"): _row("child_refusal", child="child_id"),
    ("family/", "place_uuid"): _of_child("enrolment"),
    ("family/wishes/", "voucher_uuid"): _row("voucher", f"id = (SELECT l.voucher_id {_OPEN_LIST})", child="child_id"),
    ("family/", "wait_uuid"): _row("group_wait", "state = 'offered'", child="child_id"),
    ("family/", "offer_uuid"): _row("choice_offer", "state = 'offered'", child=f"(SELECT l.child_id {_OFFERED_LIST})"),
    ("family/", "trial_uuid"): _row("trial_lesson", child="child_id"),
    ("family/enrolment-papers/", "paper_uuid"): _row("enrolment_paper", child="child_id"),
    ("provider/", "trial_uuid"): _row("trial_lesson", provider="provider_id"),
    ("family/", "draft_uuid"): _row("application_draft", child="child_id"),
    ("family/", "paper_uuid"): _row("document", _OF_CASE, child=f"(SELECT child_id {_CASE})"),
    ("family/apply/", "child_uuid"): _row("child", "id IN (SELECT child_id FROM category_case)", child="id"),
    ("family/apply/", "case_uuid"): _row("category_case", child="child_id"),
    ("provider/", "contract_uuid"): _row("family_contract", "state = 'open'", provider="provider_id"),
    ("provider/", "paper_uuid"): _row("enrolment_paper", provider="provider_id"),
    ("provider/families/papers/", "place_uuid"): _row(
        "enrolment", "id IN (SELECT enrolment_id FROM enrolment_paper)", provider="provider_id"
    ),
    ("provider/", "refusal_uuid"): _row("child_refusal", provider="provider_id"),
    ("provider/", "receipt_uuid"): _row(
        "family_receipt", provider="(SELECT provider_id FROM enrolment e WHERE e.id = enrolment_id)"
    ),
    ("provider/", "visit_uuid"): _row("control_visit", "state = 'found'", provider="provider_id"),
    ("office/", "programme_uuid"): _of_territory("programme"),
    ("office/", "rule_set_uuid"): _row("rule_set", "state = 'draft'", territory="territory_id"),
    ("office/", "draft_uuid"): _row("rule_draft", territory="territory_id"),
    ("office/rounds/", "round_uuid"): _row("admission_round", territory="territory_id"),
    ("office/rounds/choice/", "round_uuid"): _row("choice_round", territory="territory_id"),
    ("office/choice", "round_uuid"): _row("choice_round", territory="territory_id"),
    ("office/errands/", "errand_uuid"): _row("errand", territory="territory_id"),
    ("office/errands/<uuid:errand_uuid>/withdraw/", "errand_uuid"): _row("errand", user="user_id"),
    ("office/", "line_uuid"): _row("budget_line", territory="territory_id", department="department_id"),
    ("office/", "refusal_uuid"): _row("child_refusal", territory="territory_id"),
    ("office/", "refund_uuid"): _row(
        "refund",
        territory=f"(SELECT territory_id {_DEBT})",
        department=f"(SELECT l.department_id {_DEBT.replace('WHERE', 'JOIN budget_line l ON l.id = r.line_id WHERE')})",
    ),
    ("office/acts/", "number"): _on_claim("service_act", "number"),
    ("office/applications/", "case_uuid"): _row("category_case", territory="territory_id"),
    ("office/applications/", "paper_uuid"): _row("document", _OF_CASE, territory=f"(SELECT territory_id {_CASE})"),
    ("office/absences/", "case_uuid"): _of_territory("absence_case"),
    ("office/assist/", "visit_uuid"): _row("assisted_visit", "proved_at IS NOT NULL", user="clerk_id"),
    ("office/assist/", "round_uuid"): _public("admission_round"),
    ("office/assist/", "group_uuid"): _public("club_group"),
    ("office/assist/", "voucher_uuid"): _row("voucher", f"state = 'issued' AND {_OF_HELPED}", user=_HELPER),
    (f"{_VISIT}vouchers/<uuid:voucher_uuid>/clubs/", "voucher_uuid"): _row(
        "voucher", f"state = 'accepted' AND {_OF_HELPED}", user=_HELPER
    ),
    ("office/assist/", "row_uuid"): _row("sheet_row", _OF_HELPED, user=_HELPER),
    ("office/assist/", "application_uuid"): _row("application", _OF_HELPED, user=_HELPER),
    ("office/controls/", "campaign_uuid"): _row("control_campaign", territory="territory_id"),
    ("office/controls/", "visit_uuid"): _row("control_visit", "state = 'found'", territory="territory_id"),
    ("office/people/", "enquiry_uuid"): _row("enquiry", user="user_id"),
    ("office/people/", "hit_uuid"): _row("enquiry_hit", user="(SELECT user_id FROM enquiry q WHERE q.id = enquiry_id)"),
    ("office/", "day"): _word("2026-12-15"),
    ("office/", "year"): _word("2026"),
    ("office/closing/", "number"): _word("9"),
    ("office/figures/", "name"): _word("demand"),
    ("office/programmes/drafts/", "name"): _word("pay"),
    ("office/figures/", "n"): _word("1"),
    ("office/figures/", "form"): _word("csv"),
    ("office/staff/", "proposal_uuid"): _of_territory("role_proposal"),
    ("office/staff/", "right_id"): Kind(
        "SELECT id, NULL, NULL, territory_id, NULL FROM membership WHERE role = 'clerk' ORDER BY id LIMIT 1"
    ),
    ("office/staff/", "user_uuid"): Kind(
        "SELECT u.uuid, NULL, NULL, m.territory_id, NULL FROM membership m JOIN app_user u ON u.id = m.user_id"
        " WHERE m.role = 'clerk' ORDER BY m.id LIMIT 1"
    ),
    ("office/", "recovery_uuid"): _on_line("recovery", "state = 'proposed'"),
    ("office/recoveries/<uuid:recovery_uuid>/decide", "recovery_uuid"): _on_line("recovery", "state = 'supported'"),
    ("office/refunds/", "recovery_uuid"): _on_line("recovery", "state = 'decided'"),
    ("office/claims/<str:number>/recover", "number"): _on_line("claim", "state = 'paid'", value="number"),
    ("office/providers/", "provider_uuid"): _of_territory("provider", "uuid"),
    ("office/contracts/", "contract_uuid"): _on_line("contract", "state = 'signed'"),
    ("office/holds/", "kind"): _word("refusal"),
    ("office/holds/", "subject_uuid"): _row("child_refusal", "state = 'filed'", territory="territory_id"),
    ("office/vouchers/", "voucher_uuid"): _of_territory("voucher", "uuid"),
    ("office/vouchers/", "ending"): _word("close"),
    ("office/endings/", "ending_uuid"): _row("voucher_ending", territory="territory_id"),
}


# What an address names in its query or in its form, not in its path: the address → field → the object.
NAMED: dict[str, dict[str, Kind]] = {
    **dict.fromkeys(
        (f"office/claims/{step}/" for step in ("approve", "release", "return", "reverse")),
        {"c": _on_line("claim", value="number")},
    ),
    "office/sheets/approve/": {"s": Kind(_SHEET)},
    "office/replies/resolve/": {
        "r": Kind(
            "SELECT b.reference, NULL, NULL, l.territory_id, NULL FROM bank_reply b JOIN payment_line l"
            " ON l.end_to_end_id = b.end_to_end_id WHERE b.outcome LIKE 'held%' ORDER BY b.id LIMIT 1"
        )
    },
    "office/money/seal/": {"programme": _of_territory("programme")},
    "provider/families/sign/": {"c": _row("family_contract", "state = 'open'", provider="provider_id")},
    "provider/choose/": {"provider": _row("provider", provider="id")},
}
