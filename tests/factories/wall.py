"""One object of each kind that an address names, and for each the people: its owner, a stranger, who owned it before.

`OBJECTS` maps a place of an address to the row that stands in it and to whom the row belongs. A place of a new address
without a line here fails `tests/architecture/test_wall.py`.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.db import connection, transaction
from django.test import Client

from qosymsha.domain.assistance.models import AssistedVisit
from qosymsha.domain.factors import commands as factors
from qosymsha.domain.factors.rules import Site, Where
from qosymsha.domain.people import commands as people
from qosymsha.domain.people.models import Department, Guardianship, Membership, Territory
from qosymsha.domain.people.states import Role
from qosymsha.domain.providers.models import Provider
from qosymsha.domain.settlement import commands as settlement
from qosymsha.domain.vouchers.models import Enrolment
from qosymsha.interfaces.ui.sessions import SessionStore
from qosymsha.kernel import clock
from tests.factories import choice, errands, notices
from tests.factories import wall_stories as stories
from tests.factories.attendance import guardian_of
from tests.factories.office import DESK_DAY, Desk, answer, approved_sheet, claimed, desk, paid_out, screened
from tests.factories.papers import CUSTOMER
from tests.factories.passkeys import Device
from tests.factories.vouchers import SYSTEM, YEAR, add_group, key, make_city
from tests.interfaces import browsing

DOORS = {"family": frozenset({Role.GUARDIAN}), "provider": frozenset({Role.TEACHER, Role.PROVIDER_MANAGER})}
UNKNOWN = {"uuid": "00000000-0000-4000-8000-000000000007", "int": "700700", "str": "unknown", "slug": "x", "path": "x"}


def owners(address: str) -> frozenset[Role]:
    """The roles that own what an address of this door names; others may ask there too, and own nothing."""
    door = address.partition("/")[0]
    return DOORS.get(door, frozenset(Role) - {Role.GUARDIAN} - DOORS["provider"])


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
    is_bare: bool = False  # a row set down without its story: strangers are asked, its owner is not


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


def _bare(columns: str, table: str) -> Kind:
    """`columns`: value, child, provider, territory, user."""
    return Kind(f"SELECT {columns} FROM {table} ORDER BY id LIMIT 1", is_bare=True)


def _word(value: str) -> Kind:
    """A word of an address that names no row: a section, a year, a form of a file."""
    return Kind(f"SELECT '{value}', NULL, NULL, NULL, NULL", is_public=True)


_OPEN_LIST = "FROM choice_list l JOIN choice_round o ON o.id = l.round_id WHERE o.state = 'open' ORDER BY l.id LIMIT 1"
_CASE = "FROM category_case k WHERE k.id = subject_id"  # a document's
_OF_CASE = "subject_kind = 'category_case'"
_DEBT = "FROM recovery r WHERE r.id = recovery_id"  # a refund's
# What belongs to the family that a clerk helps, and the clerk.
_OF_HELPED = (
    "child_id IN (SELECT s.child_id FROM guardianship s JOIN assisted_visit v ON v.guardian_id = s.guardian_id"
    " WHERE v.proved_at IS NOT NULL)"
)
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


@dataclass
class Wall:
    """The objects, and browsers of people by what they are to an object."""

    of: Desk
    other_provider: int
    other_territory: int
    other_guardian: int
    clients: dict[tuple[object, ...], Client] = field(default_factory=dict)
    found: dict[Kind, Owned] = field(default_factory=dict)

    def kind(self, address: str, place: str) -> Kind | None:
        """Which object stands in this place of the address; None where the registry has no line."""
        fitting = [key for key in OBJECTS if key[1] == place and address.startswith(key[0])]
        return OBJECTS[max(fitting, key=lambda key: len(key[0]))] if fitting else None

    def kinds(self, address: str) -> list[Kind]:
        """The objects of an address."""
        found = [self.kind(address, place) for place in re.findall(r"<(?:\w+:)?(\w+)>", address)]
        return [kind for kind in found if kind is not None]

    def owned(self, kind: Kind) -> Owned:
        """The object of that kind, and whose it is; asked of the database once."""
        if kind not in self.found:
            with connection.cursor() as cursor:
                cursor.execute(kind.sql)
                row = cursor.fetchone()
            self.found[kind] = Owned("") if row is None else Owned(str(row[0]), *row[1:])
        return self.found[kind]

    def client(self, role: str, who: str, thing: Owned) -> Client | None:
        """The browser of somebody with this role: `own` to the thing, or one of `STRANGERS`; None: no such person."""
        key = (role, who, thing.child_id, thing.provider_id, thing.territory_id, thing.user_id, thing.department_id)
        if key not in self.clients or not stands(self.clients[key]):
            user = self._user(Role(role), who, thing)
            if user is None:
                return None
            self.clients[key] = browsing.come_in(Client(raise_request_exception=False), user, strong=True)
        return self.clients[key]

    def clerk(self, who: str) -> tuple[Client, str]:
        """The browser of a clerk of the city, by one of `CLERKS`, and the clerk's own visit ("" for none)."""
        user = browsing.official(Role.CLERK, territory_id=self.of.city.territory_id, name=f"wall:clerk:{who}")
        own = ""
        if who != "none":
            row = 0 if who == "another" else -1
            own = str(stories.helped(self.of, user, proved=who != "unproved", row=row))
        if who == "over":
            AssistedVisit.objects.filter(clerk_id=user).update(proved_at=clock.read() - timedelta(hours=12))
        return browsing.come_in(Client(raise_request_exception=False), user, strong=True), own

    def within(self, visit: str, address: str, *filled: str) -> tuple[str, ...]:
        """Addresses with another visit in the place of theirs."""
        kind = self.kind(address, "visit_uuid")
        theirs = self.owned(kind).value if kind is not None else ""
        return tuple(
            one.replace(theirs, visit).replace(f"assist/{UNKNOWN['uuid']}", f"assist/{visit}") for one in filled
        )

    def _user(self, role: Role, who: str, thing: Owned) -> int | None:
        if thing.user_id is not None:
            return thing.user_id if who == "own" else self._user(role, who, Owned(""))
        if role == Role.GUARDIAN:
            return None if who in BY_DEPARTMENT else self._guardian(who, thing)
        if role in DOORS["provider"]:
            house = thing.provider_id or self.of.city.provider_id
            return None if who in BY_DEPARTMENT else self._bound(role, who, house, provider_id=house)
        place = thing.territory_id or self.of.city.territory_id
        if who in BY_DEPARTMENT:
            return None if thing.department_id is None else self._of_department(role, who, place, thing.department_id)
        return self._bound(role, who, place, territory_id=place, department_id=thing.department_id)

    def _guardian(self, who: str, thing: Owned) -> int:
        child = thing.child_id or self.of.rows[0].child_id
        if who == "own":
            return browsing.guardian_user(Guardianship.objects.filter(child_id=child).earliest("id").guardian_id)
        if who == "former":
            began = clock.local_day(clock.read())
            Guardianship.objects.get_or_create(
                guardian_id=self.other_guardian, child_id=child, kind="parent", evidence="ended",
                valid=(began - timedelta(days=900), began - timedelta(days=1)),
            )  # fmt: skip
        return browsing.guardian_user(self.other_guardian)

    def _bound(self, role: Role, who: str, own: int, **scope: int | None) -> int:
        """Somebody with the role here, elsewhere, or elsewhere now and here until today."""
        elsewhere = {"provider_id": self.other_provider} if "provider_id" in scope else None
        there: dict[str, int | None] = elsewhere or {"territory_id": self.other_territory}
        user = _appointed(
            f"wall:{role}:{who}:{own}:{scope.get('department_id')}", role, scope if who == "own" else there
        )
        if who == "former":
            _had(user, role, **scope)
        return user

    def _of_department(self, role: Role, who: str, place: int, department_id: int) -> int:
        """Somebody of the same territory in another department; `moved` was in the thing's own one until today."""
        other = Department.objects.exclude(pk=department_id).filter(territory_id=place).earliest("id").pk
        here = {"territory_id": place, "department_id": other}
        user = _appointed(f"wall:{role}:{who}:{place}:{department_id}", role, here)
        if who == "moved":
            _had(user, role, territory_id=place, department_id=department_id)
        return user


# What a clerk may be to a family: without a visit; with one it did not prove; with a proved one of another family; with
# one that is over; at another point, where the family was too.
CLERKS = ("none", "unproved", "another", "over", "elsewhere")
# What somebody may be to a thing. Own, another's, once one's own; of the same territory but of another department, now
# or since today. The last two are people of things that a department's line pays for.
BY_DEPARTMENT = ("department", "moved")
STRANGERS = ("foreign", "former", *BY_DEPARTMENT)


def _appointed(name: str, role: Role, scope: Mapping[str, int | None]) -> int:
    appointment = people.Appointment(name, role, **scope)
    return people.appoint(actor=SYSTEM, appointment=appointment, at=clock.read(), key=key())


def _had(user_id: int, role: Role, **scope: int | None) -> None:
    """The right they had until today."""
    today = clock.local_day(clock.read())
    Membership.objects.get_or_create(user_id=user_id, role=role, valid=(today - timedelta(days=900), today), **scope)


def build() -> Wall:
    """A city on one day with everything an address names, made by commands, and strangers to all of it."""
    of = desk(
        families=6, silent=1, device="", of=make_city(agreements=stories.CHARGED)
    )  # first: its rows are the first
    answer(paid_out(of))
    for story in stories.STORIES:
        story(of)
    _bare_rows(of)
    notices.planted(of)
    errands.waiting(of.city.territory_id, of.official(Role.PROGRAMME_OFFICER))
    other = desk(families=1, silent=0, device="")
    stranger = guardian_of(other.rows[0])
    _act(other)
    wished = choice.town()
    (child,) = choice.holders(wished, 1)
    choice.run(wished, [(child, [add_group(wished, capacity=1)])])
    stories.wished()
    _staff(of)
    _passkey(of.official(Role.PAYER))
    bare = Provider.objects.create(
        number="P-bare", territory_id=other.city.territory_id, legal_form="company", bin="990440000999", name="Bare",
        created_at=clock.read(),
    )  # fmt: skip
    elsewhere = Territory.objects.create(kato="999000000", kind="city", name_kk="Бөтен", name_ru="Чужой", valid=YEAR)
    return Wall(of, bare.pk, elsewhere.pk, stranger)


def _act(of: Desk) -> None:
    assert screened(of) == []
    approved_sheet(of)
    where = {"actor": SYSTEM, "programme_id": of.city.programme_id, "at": clock.read(), "key": key()}
    (outcome,) = settlement.draw_acts(claim_ids=[claimed(of).pk], customer=CUSTOMER, **where)
    assert outcome.reason is None


# Tables whose rows here need no story, with what their CHECKs ask for; `None` stands for what the city gives.
_BARE: dict[str, dict[str, object]] = {}
_FILLED = {
    "text": "x", "character varying": "x", "bigint": 1, "integer": 1, "smallint": 1, "boolean": False, "bytea": b"x",
    "date": "2026-09-01", "timestamp with time zone": "2026-09-01T00:00:00Z", "jsonb": "{}", "ARRAY": "{}",
    "daterange": "[2026-01-01,2027-01-01)",
}  # fmt: skip


def _bare_rows(of: Desk) -> None:
    row, city = of.rows[0], of.city
    enrolment = Enrolment.objects.get(pk=row.enrolment_id)
    given: dict[str, object] = {
        "territory_id": city.territory_id, "programme_id": city.programme_id, "rule_set_id": city.rule_set_id,
        "provider_id": city.provider_id, "child_id": row.child_id, "enrolment_id": enrolment.pk,
        "voucher_id": enrolment.voucher_id, "group_id": enrolment.group_id, "guardian_id": guardian_of(row),
        "clerk_id": of.official(Role.CLERK), "user_id": of.official(Role.PROGRAMME_OFFICER),
        "uploaded_by": browsing.guardian_user(guardian_of(row)),
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")  # no story, so no trigger that would ask for it
        for table, known in _BARE.items():
            cursor.execute(
                "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = %s"
                " AND is_nullable = 'NO' AND column_default IS NULL AND is_identity = 'NO'",
                [table],
            )
            wanted = dict(cursor.fetchall())
            values = {name: uuid4() if kind == "uuid" else _FILLED[kind] for name, kind in wanted.items()}
            values |= {name: value for name, value in given.items() if name in wanted} | known
            names, places = ", ".join(f'"{name}"' for name in values), ", ".join(["%s"] * len(values))
            cursor.execute(f"INSERT INTO {table} ({names}) VALUES ({places})", list(values.values()))  # noqa: S608
        cursor.execute("SET session_replication_role = DEFAULT")


def _staff(of: Desk) -> None:
    """A clerk of the city, and a powerful role that waits for a second operator."""
    territory = of.city.territory_id
    of.official(Role.CLERK)
    proposer = browsing.actor(browsing.official(Role.OPERATOR, territory_id=territory, name="wall:proposer"))
    draft = people.Appointment("wall:payer", Role.PAYER, territory)
    people.propose_role(actor=proposer, appointment=draft, at=clock.read(), key=key())


def _passkey(user_id: int) -> None:
    actor, where = browsing.actor(user_id), Where("wall", Site("http://testserver", "testserver"))
    options = factors.ask_to_add(actor=actor, where=where, at=clock.read())
    told = Device().add(options)
    assert factors.add_passkey(actor=actor, where=where, answer=told, name="key", at=clock.read()) is None


@contextmanager
def undone(*clients: Client) -> Iterator[None]:
    """What happens inside is as if it never was, also to browsers' cookies; commands may open transactions in it."""
    cookies = [(one, copy.deepcopy(one.cookies)) for one in clients]
    atom: Any = transaction.atomic()
    atom._from_testcase = True
    with atom:
        yield
        transaction.set_rollback(True)
    for client, kept in cookies:
        client.cookies = kept


def stands(client: Client) -> bool:
    """Whether its visit is there: what signed in within a test is gone with it."""
    name = client.cookies[settings.SESSION_COOKIE_NAME].value
    return SessionStore().exists(name)
