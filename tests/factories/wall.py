"""One object of each kind that an address names, and for each the people: its owner, a stranger, who owned it before.

`OBJECTS` maps a place of an address to the row that stands in it and to whom the row belongs. A place of a new address
without a line here fails `tests/architecture/test_wall.py`.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.db import connection, transaction
from django.test import Client

from qosymsha.domain.attendance.models import AbsenceCase
from qosymsha.domain.factors import commands as factors
from qosymsha.domain.factors.rules import Site, Where
from qosymsha.domain.flags.models import RedFlag
from qosymsha.domain.people import commands as people
from qosymsha.domain.people.models import Guardianship, Membership, Territory
from qosymsha.domain.people.states import Role
from qosymsha.domain.providers.models import Provider
from qosymsha.domain.settlement import commands as settlement
from qosymsha.domain.settlement.models import Claim, Recovery
from qosymsha.domain.vouchers.models import Enrolment
from qosymsha.interfaces.ui.sessions import SessionStore
from qosymsha.kernel import clock
from tests.factories import admission, choice
from tests.factories.attendance import guardian_of
from tests.factories.office import Desk, answer, approved_sheet, claimed, desk, paid_out, screened
from tests.factories.papers import CUSTOMER
from tests.factories.passkeys import Device
from tests.factories.vouchers import FIRST, SYSTEM, YEAR, add_group, key
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

    def joined(self, other: Owned) -> Owned:
        """Several things of one address: whoever owns the one owns the other."""
        return Owned(
            self.value,
            self.child_id or other.child_id,
            self.provider_id or other.provider_id,
            self.territory_id or other.territory_id,
            self.user_id or other.user_id,
        )


@dataclass(frozen=True, slots=True)
class Kind:
    """Where an object comes from: SQL of (value, child, provider, territory, user), or public: nobody's own."""

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
    ("family/wishes/", "round_uuid"): _public("choice_round"),
    ("family/", "voucher_uuid"): _of_child("voucher"),
    ("family/", "row_uuid"): _of_child("sheet_row"),
    ("family/", "case_uuid"): _of_enrolment("c.uuid", "absence_case c", "e.id = c.enrolment_id"),
    ("family/", "application_uuid"): Kind(
        "SELECT uuid, child_id, NULL, NULL, NULL FROM application ORDER BY id LIMIT 1"
    ),
    ("family/", "list_uuid"): _of_child("choice_list"),
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
    ("office/claims/", "number"): _of_territory("claim", "number"),
    ("office/files/", "number"): Kind(
        "SELECT number, NULL, NULL, territory_id, NULL FROM payment_file ORDER BY id LIMIT 1"
    ),
    ("family/", "contract_uuid"): _bare("uuid, child_id, NULL, NULL, NULL", "family_contract"),
    ("family/", "refusal_uuid"): _bare("uuid, child_id, NULL, NULL, NULL", "child_refusal"),
    ("family/", "place_uuid"): Kind(
        "SELECT uuid, child_id, NULL, NULL, NULL FROM enrolment ORDER BY id LIMIT 1", is_bare=True
    ),
    ("family/", "wait_uuid"): _bare("uuid, child_id, NULL, NULL, NULL", "group_wait"),
    ("family/", "draft_uuid"): _bare("uuid, child_id, NULL, NULL, NULL", "application_draft"),
    ("family/", "paper_uuid"): _bare("uuid, NULL, NULL, NULL, uploaded_by", "document"),
    ("family/apply/", "child_uuid"): _bare("uuid, id, NULL, NULL, NULL", "child"),
    ("family/apply/", "case_uuid"): _bare("uuid, child_id, NULL, NULL, NULL", "category_case"),
    ("provider/", "contract_uuid"): _bare("uuid, NULL, provider_id, NULL, NULL", "family_contract"),
    ("provider/", "paper_uuid"): _bare("uuid, NULL, provider_id, NULL, NULL", "enrolment_paper"),
    ("provider/", "refusal_uuid"): _bare("uuid, NULL, provider_id, NULL, NULL", "child_refusal"),
    ("provider/", "receipt_uuid"): _bare(
        "uuid, NULL, (SELECT g.provider_id FROM enrolment e JOIN club_group g ON g.id = e.group_id"
        " WHERE e.id = enrolment_id), NULL, NULL",
        "family_receipt",
    ),
    ("provider/", "visit_uuid"): _bare("uuid, NULL, provider_id, NULL, NULL", "control_visit"),
    ("office/", "programme_uuid"): _of_territory("programme"),
    ("office/", "rule_set_uuid"): _bare("uuid, NULL, NULL, territory_id, NULL", "rule_set"),
    ("office/", "draft_uuid"): _bare("uuid, NULL, NULL, territory_id, NULL", "rule_draft"),
    ("office/rounds/", "round_uuid"): _bare("uuid, NULL, NULL, territory_id, NULL", "admission_round"),
    ("office/choice", "round_uuid"): _bare("uuid, NULL, NULL, territory_id, NULL", "choice_round"),
    ("office/", "line_uuid"): _of_territory("budget_line"),
    ("office/", "refusal_uuid"): _bare("uuid, NULL, NULL, territory_id, NULL", "child_refusal"),
    ("office/", "refund_uuid"): _bare(
        "uuid, NULL, NULL, (SELECT territory_id FROM recovery r WHERE r.id = recovery_id), NULL", "refund"
    ),
    ("office/acts/", "number"): _of_territory("service_act", "number"),
    ("office/applications/", "case_uuid"): _bare("uuid, NULL, NULL, territory_id, NULL", "category_case"),
    ("office/applications/", "paper_uuid"): _word("00000000-0000-4000-8000-000000000003"),
    ("office/absences/", "case_uuid"): _of_territory("absence_case"),
    ("office/assist/", "visit_uuid"): _bare("uuid, NULL, NULL, NULL, clerk_id", "assisted_visit"),
    ("office/assist/", "round_uuid"): _public("admission_round"),
    ("office/assist/", "row_uuid"): _public("sheet_row"),
    ("office/assist/", "application_uuid"): _public("application"),
    ("office/controls/", "campaign_uuid"): _bare("uuid, NULL, NULL, territory_id, NULL", "control_campaign"),
    ("office/controls/", "visit_uuid"): _bare("uuid, NULL, NULL, territory_id, NULL", "control_visit"),
    ("office/people/", "enquiry_uuid"): _bare("uuid, NULL, NULL, NULL, user_id", "enquiry"),
    ("office/people/", "hit_uuid"): _bare(
        "uuid, NULL, NULL, NULL, (SELECT user_id FROM enquiry q WHERE q.id = enquiry_id)", "enquiry_hit"
    ),
    ("office/", "day"): _word("2026-12-16"),
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
    ("office/", "recovery_uuid"): _of_territory("recovery", "uuid"),
}


@dataclass
class Wall:
    """The objects, and browsers of people by what they are to an object."""

    of: Desk
    other_provider: int
    other_territory: int
    other_guardian: int
    clients: dict[tuple[object, ...], Client] = field(default_factory=dict)

    def kind(self, address: str, place: str) -> Kind | None:
        """Which object stands in this place of the address; None where the registry has no line."""
        fitting = [key for key in OBJECTS if key[1] == place and address.startswith(key[0])]
        return OBJECTS[max(fitting, key=lambda key: len(key[0]))] if fitting else None

    def kinds(self, address: str) -> list[Kind]:
        """The objects of an address."""
        found = [self.kind(address, place) for place in re.findall(r"<(?:\w+:)?(\w+)>", address)]
        return [kind for kind in found if kind is not None]

    def owned(self, kind: Kind) -> Owned:
        """The object of that kind, and whose it is."""
        with connection.cursor() as cursor:
            cursor.execute(kind.sql)
            row = cursor.fetchone()
        return Owned("") if row is None else Owned(str(row[0]), *row[1:])

    def client(self, role: str, who: str, thing: Owned) -> Client | None:
        """The browser of somebody with this role: `own`, `foreign` or `former` to the thing; None: no such person."""
        key = (role, who, thing.child_id, thing.provider_id, thing.territory_id, thing.user_id)
        if key not in self.clients or not stands(self.clients[key]):
            user = self._user(Role(role), who, thing)
            if user is None:
                return None
            self.clients[key] = browsing.come_in(Client(raise_request_exception=False), user, strong=True)
        return self.clients[key]

    def _user(self, role: Role, who: str, thing: Owned) -> int | None:
        if thing.user_id is not None:
            return thing.user_id if who == "own" else self._user(role, who, Owned(""))
        if role == Role.GUARDIAN:
            return self._guardian(who, thing)
        if role in DOORS["provider"]:
            return self._scoped(
                role, who, "provider_id", thing.provider_id or self.of.city.provider_id, self.other_provider
            )
        return self._scoped(
            role, who, "territory_id", thing.territory_id or self.of.city.territory_id, self.other_territory
        )

    def _guardian(self, who: str, thing: Owned) -> int | None:
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

    def _scoped(self, role: Role, who: str, column: str, own: int, other: int) -> int:
        name = f"wall:{role}:{who}:{own}"
        user = browsing.official(role, name=name, **{column: own if who == "own" else other})
        if who == "former":
            today = clock.local_day(clock.read())
            ended = (today - timedelta(days=900), today)
            Membership.objects.create(user_id=user, role=role, valid=ended, **{column: own})
        return user


def build() -> Wall:
    """A month that was paid, a flag, a debt, an absence, an act, a round with applications, wishes; and strangers."""
    of = desk(families=3, silent=0, device="")  # first, so that its rows are the first of their tables
    answer(paid_out(of))
    _things(of)
    _bare_rows(of)
    other = desk(families=1, silent=0, device="")
    stranger = guardian_of(other.rows[0])
    _act(other)
    _made_room()
    city = admission.City(money={"sport": admission.money_for(2)})
    the_round = city.opened()
    city.file(the_round, city.families(2))
    city.run(the_round)
    _made_room()
    wished = choice.town()
    (child,) = choice.holders(wished, 1)
    choice.run(wished, [(child, [add_group(wished, capacity=1)])])
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


def _made_room() -> None:
    """Each factory numbers its cities from one: those that stand get numbers nobody else uses."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE territory SET kato = (800000000 + id)::text")
        cursor.execute("UPDATE provider SET number = 'W-' || id, bin = (990440000000 + id)::text")


# Tables whose rows here need no story, with what their CHECKs ask for; `None` stands for what the city gives.
_BARE: dict[str, dict[str, object]] = {
    "family_contract": {"state": "open"},
    "enrolment_paper": {"state": "given"},
    "family_receipt": {"amount_tiyn": 100},
    "child_refusal": {"state": "filed", "family_word": ""},
    "group_wait": {"state": "waiting"},
    "application_draft": {"kind": "sport"},
    "category_case": {"state": "open", "ground": ""},
    "document": {
        "media_type": "application/pdf",
        "purpose": "category_evidence",
        "subject_kind": "category_case",
        "subject_id": 1,
    },
    "control_campaign": {"state": "planned"},
    "control_visit": {"state": "due", "campaign_id": 1, "finding": ""},
    "assisted_visit": {"way": "code"},
    "rule_draft": {"state": "open"},
    "refund": {"state": "recorded", "recovery_id": 1},
    "enquiry": {},
    "enquiry_hit": {"enquiry_id": 1},
}
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


def _things(of: Desk) -> None:
    """Rows that need a long story, set down as they would stand after it."""
    row, claim = of.rows[0], Claim.objects.get(provider_id=of.city.provider_id)
    place = {"territory_id": of.city.territory_id, "programme_id": of.city.programme_id}
    RedFlag.objects.create(
        **place, month=FIRST, provider="x", provider_id=of.city.provider_id, group_code="x",
        enrolment_id=row.enrolment_id, child_id=row.child_id, child_key=b"k", state="open", score_permille=900,
        days=[FIRST], opened_at=clock.read(),
    )  # fmt: skip
    Recovery.objects.create(
        **place, number="R-1", provider_id=of.city.provider_id, line_id=of.city.lines["sport"], claim=claim,
        amount_tiyn=100, reason="x", state="proposed", proposed_by=0, proposed_at=clock.read(),
    )  # fmt: skip
    enrolment = Enrolment.objects.get(pk=row.enrolment_id)
    AbsenceCase.objects.create(
        **place, enrolment=enrolment, voucher_id=enrolment.voucher_id, state="warned", missed=3, opened_at=clock.read()
    )


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
