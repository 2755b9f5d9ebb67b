"""A small city with a contract, groups, children on places and month sheets, set up row by row; and its officials."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import count, pairwise
from pathlib import Path
from typing import Any

from django.db import connection
from django.db.backends.postgresql.psycopg_any import DateRange

from qosymsha.domain import programmes
from qosymsha.domain.attendance.models import MonthSheet, MonthSheetHistory, Session, SheetRow
from qosymsha.domain.ledger import steps as ledger_steps
from qosymsha.domain.ledger.rules import AccountKey, AccountKind, Draft
from qosymsha.domain.people.models import Child, Department, Guardian, Guardianship, Territory
from qosymsha.domain.people.states import Role
from qosymsha.domain.programmes.models import Activity, BudgetLine, Programme, RuleSet
from qosymsha.domain.providers.models import ClubGroup, Contract, Offering, Provider, Teacher, Venue
from qosymsha.domain.settlement.rules.payment_file import Payer
from qosymsha.domain.vouchers.models import Enrolment, EnrolmentHistory, Seat, Voucher, VoucherHistory
from qosymsha.kernel.actor import Actor, Grant
from qosymsha.kernel.canonical import digest
from qosymsha.kernel.numbers import human_number

AT = datetime(2026, 2, 10, 5, 0, tzinfo=UTC)
JANUARY, FEBRUARY, MARCH = date(2026, 1, 1), date(2026, 2, 1), date(2026, 3, 1)
YEAR = DateRange(date(2026, 1, 1), date(2027, 1, 1))
IBAN = "KZ699990000000000001"  # DOMAIN.md 5.1: synthetic, bank 999
OTHER_IBAN = "KZ63999TEST000000002"
TARIFF = 200_000
UNITS = 8
PAYER = Payer("Synthetic department of education", "010140000008", IBAN, "TESTKZ22")
_number = count(1)


def person(role: Role, user_id: int, **scope: Any) -> Actor:
    """A signed-in person with one role."""
    return Actor(user_id, f"user:{user_id}", (Grant(role, **scope),))


APPROVER, SECOND_APPROVER = person(Role.APPROVER, 11), person(Role.APPROVER, 12)
PAYER_OFFICIAL, OFFICER = person(Role.PAYER, 21), person(Role.PROGRAMME_OFFICER, 31)
SYSTEM = Actor.system("settlement")


@dataclass
class City:
    """What a test needs to name: everything else hangs on these rows."""

    territory: Territory
    programme: Programme
    rule_set: RuleSet
    line: BudgetLine
    provider: Provider
    contract: Contract
    group: ClubGroup
    enrolments: list[Enrolment] = field(default_factory=list)

    @property
    def place_ids(self) -> dict[str, int]:
        """The keys that every fact row repeats."""
        return {"territory_id": self.territory.id, "programme_id": self.programme.id}


def rules_document(**changes: Mapping[str, Any]) -> dict[str, Any]:
    """The default rule set with some sections changed."""
    path = Path(programmes.__file__).parent / "data" / "default-rule-set.json"
    document: dict[str, Any] = json.loads(path.read_text("utf-8"))
    document["pay"]["screened"] = False  # a test that is about red flags says so
    for section, fields in changes.items():
        document[section] = {**document[section], **fields}
    return document


def city(*, volume_tiyn: int = 10**12, budget_tiyn: int = 10**10, **rules: Mapping[str, Any]) -> City:
    """A city whose line has its budget, with one provider, contract and group of 30."""
    territory = Territory.objects.create(
        kato=f"{710000000 + next(_number)}", kind="city", name_kk="Қала", name_ru="Город", valid=YEAR
    )
    department = Department.objects.create(
        territory=territory, code="education", name_kk="Білім", name_ru="Образование"
    )
    programme = Programme.objects.create(territory=territory, code="clubs", name_kk="Үйірмелер", name_ru="Кружки")
    place = {"territory": territory, "programme": programme}
    rule_set = approve_rules(programme, rules_document(**rules))
    line = BudgetLine.objects.create(**place, department=department, kind="creative", code="451-159", fiscal_year=2026)
    ledger_steps.post([_move(f"budget {line.id}", budget_tiyn, _key("approp", line.id), _key("free", line.id))], at=AT)
    provider = add_provider(territory)
    contract, group = add_group(City(territory, programme, rule_set, line, provider, None, None), provider, volume_tiyn)  # type: ignore[arg-type]
    return City(territory, programme, rule_set, line, provider, contract, group)


def approve_rules(programme: Programme, document: dict[str, Any], valid: DateRange = YEAR, version: int = 1) -> RuleSet:
    """A rule set in force, drafted by one and approved by another."""
    return RuleSet.objects.create(
        territory=programme.territory,
        programme=programme,
        version=version,
        schema=document["schema"],
        document=document,
        hash=digest(document),
        state="approved",
        valid=valid,
        drafted_by=1,
        approved_by=2,
        approved_at=AT,
    )


def add_provider(territory: Territory, iban: str = IBAN) -> Provider:
    """A company with an account."""
    n = next(_number)
    return Provider.objects.create(
        number=human_number("P", n),
        territory=territory,
        legal_form="company",
        bin=f"0101400{n:05d}",
        name=f"Әуен студиясы {n}",
        iban=iban,
        created_at=AT,
    )


def add_group(home: City, provider: Provider, volume_tiyn: int = 10**12) -> tuple[Contract, ClubGroup]:
    """A contract of a provider on the city's line and one group of 30 under it."""
    n = next(_number)
    place = {"territory": home.territory, "programme": home.programme}
    contract = Contract.objects.create(
        **place,
        number=f"K-{n}",
        provider=provider,
        line=home.line,
        volume_tiyn=volume_tiyn,
        valid=YEAR,
        state="signed",
        signed_at=AT,
    )
    activity, _ = Activity.objects.get_or_create(
        code="dombra", defaults={"kind": "creative", "name_kk": "Домбыра", "name_ru": "Домбра", "source": "test"}
    )
    offering = Offering.objects.create(**place, provider=provider, contract=contract, activity=activity)
    venue = Venue.objects.create(
        provider=provider, district=home.territory, address_kk=f"{n}-үй", address_ru=f"дом {n}", capacity=100
    )
    group = ClubGroup.objects.create(
        **place,
        provider=provider,
        offering=offering,
        contract=contract,
        line=home.line,
        venue=venue,
        kind="creative",
        code=f"G{n}",
        language="kk",
        age_min=6,
        age_max=17,
        capacity=30,
        unit_tariff_tiyn=TARIFF,
        units_per_month=UNITS,
        valid=YEAR,
        state="open",
    )
    Seat.objects.create(group=group, capacity=30, taken=0)
    return contract, group


def enrol(home: City, children: int = 1, *, group: ClubGroup | None = None) -> list[Enrolment]:
    """Children of this city with a guardian, a voucher and a place each; money stands on free until it is promised."""
    group = group or home.group
    made = [_enrol_one(home, group) for _ in range(children)]
    Seat.objects.filter(group=group).update(taken=Enrolment.objects.filter(group=group, state="active").count())
    home.enrolments += made
    return made


def _enrol_one(home: City, group: ClubGroup) -> Enrolment:
    guardian = Guardian.objects.create(territory=home.territory, created_at=AT)
    child = Child.objects.create(territory=home.territory, created_at=AT)
    Guardianship.objects.create(
        guardian=guardian, child=child, kind="parent", evidence="test", valid=DateRange(date(2020, 1, 1), None)
    )
    place = {"territory": home.territory, "programme": home.programme}
    voucher = Voucher.objects.create(
        **place,
        number=human_number("V", 800_000 + next(_number)),  # far from those that the product gives
        child=child,
        slot="club",
        kind="creative",
        line=home.line,
        rule_set=home.rule_set,
        state="issued",
        issued_at=AT,
        accept_by=date(2026, 1, 20),
        first_month=JANUARY,
        last_month=date(2026, 12, 1),
        month_tiyn=TARIFF * UNITS,
    )
    for seq, (before, after) in enumerate((("", "issued"), ("issued", "accepted"), ("accepted", "active")), 1):
        Voucher.objects.filter(id=voucher.id).update(state=after)
        VoucherHistory.objects.create(
            voucher=voucher, seq=seq, from_state=before, to_state=after, cause="test", at=AT, actor_id=1
        )
    enrolment = Enrolment.objects.create(
        **place,
        voucher=voucher,
        child=child,
        group=group,
        provider=group.provider,
        line=home.line,
        state="active",
        starts_on=JANUARY,
        unit_tariff_tiyn=group.unit_tariff_tiyn,
        promised_month=JANUARY,
        created_at=AT,
    )
    EnrolmentHistory.objects.create(
        enrolment=enrolment, seq=1, from_state="", to_state="active", cause="test", at=AT, actor_id=1
    )
    return enrolment


def promise(home: City, enrolments: Sequence[Enrolment], month: date = JANUARY, tiyn: int = TARIFF * UNITS) -> None:
    """Money of a month on each place: free → place."""
    ledger_steps.post(
        [
            _move(f"{e.id} {month}", tiyn, _key("free", home.line.id), _key("place", home.line.id, e.id, month))
            for e in enrolments
        ],
        at=AT,
    )


def sheet(
    home: City, month: date = JANUARY, *, group: ClubGroup | None = None, state: str = "for_payment"
) -> MonthSheet:
    """A group's held lessons of a month and their sheet, by default approved by the customer."""
    group = group or home.group
    _hold_lessons(home, group, month)
    made = MonthSheet.objects.create(
        **home.place_ids,
        provider=group.provider,
        group=group,
        month=month,
        state="open",
        lessons_held=UNITS,
        hash=b"\1" * 32,
        sent_at=AT,
    )
    lives = ["", "open", "with_parents", "with_customer", "for_payment"]
    for seq, (before, after) in enumerate(pairwise(lives[: lives.index(state) + 1]), 1):
        MonthSheet.objects.filter(id=made.id).update(state=after)
        MonthSheetHistory.objects.create(
            month_sheet=made, seq=seq, from_state=before, to_state=after, cause="test", at=AT, actor_id=1
        )
    made.refresh_from_db()
    return made


def _hold_lessons(home: City, group: ClubGroup, month: date) -> None:
    teacher = Teacher.objects.create()
    for n in range(UNITS):
        starts_at = datetime(month.year, month.month, 2 + 3 * n, 10, tzinfo=UTC)
        Session.objects.create(
            **home.place_ids,
            provider=group.provider,
            group=group,
            venue=group.venue,
            teacher=teacher,
            on=starts_at.date(),
            starts_at=starts_at,
            ends_at=starts_at + timedelta(hours=1),
            state="planned",
        )
    Session.objects.filter(group=group).update(state="held")


def row(
    on: MonthSheet,
    enrolment: Enrolment,
    marks: tuple[int, int, int, int] = (UNITS, 0, 0, 0),
    word: str = "confirmed",
    *,
    seen: int = 0,
) -> SheetRow:
    """A child's row: (present, ill, excused, absent), the marks behind it, and the second party's word."""
    present, ill, excused, absent = marks
    values = ["present"] * present + ["ill"] * ill + ["excused"] * excused + ["absent"] * absent
    lessons = Session.objects.filter(group=on.group, on__year=on.month.year, on__month=on.month.month).order_by("on")
    with connection.cursor() as cursor:
        for lesson, value in zip(lessons, values, strict=False):
            cursor.execute(
                "INSERT INTO mark VALUES (%s, %s, %s, %s, %s, %s, %s, 'teacher', %s, 1)",
                [lesson.on, lesson.id, enrolment.id, enrolment.child_id, *on_place(on), value, AT],
            )
    made = SheetRow.objects.create(
        territory_id=on.territory_id,
        programme_id=on.programme_id,
        sheet=on,
        enrolment=enrolment,
        child=enrolment.child,
        present=present,
        ill=ill,
        excused=excused,
        absent=absent,
        seen=seen,
        word="silent",
    )
    speak(made, word)
    return made


def on_place(on: MonthSheet) -> tuple[int, int]:
    """Territory and programme of a sheet."""
    return on.territory_id, on.programme_id


def speak(on: SheetRow, word: str) -> None:
    """The guardian confirms, or an officer decides or rejects on evidence."""
    if word == "confirmed":
        guardian_id = Guardianship.objects.get(child=on.child).guardian_id
        SheetRow.objects.filter(id=on.id).update(word=word, confirmed_by=guardian_id, confirmed_at=AT)
    elif word != "silent":
        SheetRow.objects.filter(id=on.id).update(word=word, decided_by=51, decided_at=AT, evidence="act 1")
    on.refresh_from_db()


def confirmed_month(home: City, children: int = 3, month: date = JANUARY) -> list[SheetRow]:
    """Children on places with a promised month and a confirmed row of every lesson."""
    enrolments = enrol(home, children)
    promise(home, enrolments, month)
    on = sheet(home, month)
    return [row(on, e) for e in enrolments]


def _key(kind: str, line: int, subject: int = 0, month: date | None = None) -> AccountKey:
    return AccountKey(AccountKind(kind), line, subject, month)


def _move(cause: str, amount: int, source: AccountKey, target: AccountKey) -> Draft:
    return Draft("test", cause, ((source, -amount), (target, amount)))
