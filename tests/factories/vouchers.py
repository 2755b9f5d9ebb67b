"""A small city in which vouchers can live: a programme with two lines, a provider with groups, families."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from importlib import resources
from uuid import UUID

from django.db import transaction
from django.db.backends.postgresql.psycopg_any import DateRange

from qosymsha.domain.ledger.queries import balances, totals
from qosymsha.domain.ledger.rules import AccountKey, AccountKind, Draft
from qosymsha.domain.ledger.steps import lock_commitments, post
from qosymsha.domain.people.models import Child, Department, Guardian, Guardianship, Territory
from qosymsha.domain.people.rules import PersonDetails, person_json
from qosymsha.domain.people.states import Role
from qosymsha.domain.people.steps import SecretRow, seal
from qosymsha.domain.programmes.models import Activity, BudgetLine, Programme, RuleSet
from qosymsha.domain.providers.models import (
    Accreditation,
    ClubGroup,
    Contract,
    Offering,
    Provider,
    Teacher,
    TimetableSlot,
    Venue,
)
from qosymsha.domain.vouchers import commands
from qosymsha.domain.vouchers.rules import Award, EnrolWish, VoucherAnswer
from qosymsha.domain.vouchers.steps import issue_vouchers
from qosymsha.kernel.actor import Actor, Grant
from qosymsha.kernel.canonical import digest
from qosymsha.kernel.clock import local_instant

YEAR = DateRange(date(2026, 1, 1), date(2027, 1, 1))
FIRST, LAST = date(2026, 9, 1), date(2026, 12, 1)
AT = local_instant(date(2026, 9, 1), 10)  # a Tuesday
CHANNEL = Actor(900, "user:900", (Grant(Role.CHANNEL),))
OFFICER = Actor(500, "user:500", (Grant(Role.CHECKER),))
SYSTEM = Actor.system("test")
MONTH_TIYN = {"sport": 96_000, "creative": 80_000, "educational": 80_000}
_serial = itertools.count(1)


def key() -> UUID:
    """A key nobody used before."""
    return UUID(int=next(_serial) + (4 << 76))


@dataclass(slots=True)
class City:
    """Ids of what was made; `lines` by kind; `wards` child → guardian."""

    territory_id: int
    programme_id: int
    rule_set_id: int
    lines: dict[str, int]
    contracts: dict[str, int]
    provider_id: int
    venue_id: int
    wards: dict[int, int] = field(default_factory=dict)

    def guardian(self, child_id: int) -> int:
        return self.wards[child_id]


def make_city(
    money: int = 100_000_000,
    choice: Mapping[str, object] | None = None,
    who_marks: str = "any",
    agreements: Mapping[str, Mapping[str, object]] | None = None,
    **timers: int,
) -> City:
    """A programme with a sport and a creative line of so much free money each, and an accredited provider.

    `choice` replaces fields of the rule set's section of that name, `agreements` those of its parts.
    """
    territory = Territory.objects.create(
        kato=f"{710_000_000 + next(_serial)}", kind="city", name_kk="Қала", name_ru="Город", valid=DateRange(YEAR.lower)
    )
    programme = Programme.objects.create(territory=territory, code="clubs", name_kk="Үйірмелер", name_ru="Кружки")
    lines = {kind: _line(territory, programme, kind) for kind in ("sport", "creative")}
    with transaction.atomic():
        post([_grant(line.pk, money) for line in lines.values() if money], at=AT)
    provider = Provider.objects.create(
        number=f"P-{next(_serial)}",
        territory=territory,
        legal_form="company",
        bin=f"{260_440_000_000 + next(_serial)}",
        name="Тұлпар",
        created_at=AT,
    )
    place = {"territory": territory, "programme": programme, "provider": provider}
    accredit(place)
    contracts = {kind: contract_of(place, line.pk) for kind, line in lines.items()}
    venue = Venue.objects.create(
        provider=provider, district=territory, address_kk=f"Көше {next(_serial)}", address_ru="Улица", capacity=500
    )
    rule_set = _rule_set(territory, programme, timers, choice or {}, who_marks, agreements or {})
    return City(
        territory.pk,
        programme.pk,
        rule_set.pk,
        {kind: line.pk for kind, line in lines.items()},
        contracts,
        provider.pk,
        venue.pk,
    )


def _line(territory: Territory, programme: Programme, kind: str) -> BudgetLine:
    department, _ = Department.objects.get_or_create(
        territory=territory, code=kind, name_kk="Басқарма", name_ru="Управление"
    )
    return BudgetLine.objects.create(
        territory=territory, programme=programme, department=department, kind=kind, code="464", fiscal_year=2026
    )


def _grant(line_id: int, money: int) -> Draft:
    approp, free = AccountKey(AccountKind.APPROP, line_id), AccountKey(AccountKind.FREE, line_id)
    return Draft("budget", f"test:{line_id}", ((approp, -money), (free, money)))


def accredit(place: dict[str, object], state: str = "accredited") -> None:
    """An accreditation of the provider for 2026."""
    Accreditation.objects.create(**place, state=state, valid=YEAR, filed_at=AT, review_by=YEAR.lower, decided_by=1)


def contract_of(place: dict[str, object], line_id: int) -> int:
    """A signed contract for 2026 on a line; its id."""
    return Contract.objects.create(
        **place,
        number=f"K-{next(_serial)}",
        line_id=line_id,
        volume_tiyn=10**12,
        valid=YEAR,
        state="signed",
        signed_at=AT,
    ).pk


def _rule_set(  # noqa: PLR0913 - where, and every part a test may change
    territory: Territory,
    programme: Programme,
    timers: dict[str, int],
    choice: Mapping[str, object],
    who_marks: str,
    agreements: Mapping[str, Mapping[str, object]],
) -> RuleSet:
    text = resources.files("qosymsha.domain.programmes").joinpath("data/default-rule-set.json").read_text("utf-8")
    document = json.loads(text)
    document["timers"].update(timers)
    document["choice"].update(choice)
    for part, fields in agreements.items():
        document["agreements"][part].update(fields)
    document["marks"]["who"] = who_marks  # a test that is about whose lesson it is says so
    document["pay"]["screened"] = False  # a test that is about red flags says so
    document["planning_tariff"]["tiyn"] = MONTH_TIYN
    document["mrp"]["tiyn"] = 12_000
    for tariff in document["tariffs"]["list"]:
        is_sport = tariff["kind"] == "sport"
        tariff |= {"unit_mrp": "1", "unit_tiyn": 12_000} if is_sport else {"unit_mrp": "0.5", "unit_tiyn": 6_000}
        tariff["units_per_month"] = 8
    return RuleSet.objects.create(
        territory=territory,
        programme=programme,
        version=1,
        schema=document["schema"],
        document=document,
        hash=digest(document),
        state="approved",
        valid=YEAR,
        drafted_by=1,
        approved_by=2,
        approved_at=AT,
    )


def add_group(
    city: City,
    kind: str = "sport",
    *,
    capacity: int = 15,
    weekdays: Sequence[int] = (2, 4),
    tariff: int = 12_000,
    units: int = 8,
    ages: tuple[int, int] = (4, 17),
    valid: DateRange = YEAR,
) -> int:
    """A group with lessons at 15:00 on these ISO weekdays; by default eight lessons a month at 120 tenge."""
    activity, _ = Activity.objects.get_or_create(
        code=f"{kind}-1", kind=kind, name_kk="Күрес", name_ru="Борьба", source="test"
    )
    place = {
        "territory_id": city.territory_id,
        "programme_id": city.programme_id,
        "provider_id": city.provider_id,
        "contract_id": city.contracts[kind],
    }
    offering, _ = Offering.objects.get_or_create(**place, activity=activity)
    group = ClubGroup.objects.create(
        **place,
        offering=offering,
        line_id=city.lines[kind],
        venue_id=city.venue_id,
        kind=kind,
        code=f"G{next(_serial)}",
        language="kk",
        age_min=ages[0],
        age_max=ages[1],
        capacity=capacity,
        unit_tariff_tiyn=tariff,
        units_per_month=units,
        valid=valid,
        state="open",
    )
    teacher = Teacher.objects.create()
    for weekday in weekdays:
        TimetableSlot.objects.create(
            group=group, teacher=teacher, weekday=weekday, starts=time(15), ends=time(16), valid=YEAR
        )
    return group.pk


def add_children(city: City, how_many: int, born_on: date = date(2016, 5, 5)) -> list[int]:
    """Children of so many guardians, one each, with birth dates in the table of secrets."""
    place = {"territory_id": city.territory_id, "created_at": AT}
    guardians = Guardian.objects.bulk_create(Guardian(**place) for _ in range(how_many))
    children = Child.objects.bulk_create(Child(**place) for _ in range(how_many))
    pairs = list(zip(guardians, children, strict=True))
    Guardianship.objects.bulk_create(
        Guardianship(guardian=g, child=c, kind="mother", evidence="test", valid=YEAR) for g, c in pairs
    )
    plain = person_json(PersonDetails(iin=None, surname="", given="Айша", born_on=born_on))
    with transaction.atomic():
        seal("child", [SecretRow(c.pk, plain) for c in children])
    city.wards |= {c.pk: g.pk for g, c in pairs}
    return [c.pk for c in children]


def issue(city: City, children: Sequence[int], kind: str = "sport", at: datetime = AT) -> list[int]:
    """Issue a voucher per child for September to December 2026, to be accepted by 3 September."""
    awards = [Award(child, None, "main", kind, city.lines[kind]) for child in children]
    with transaction.atomic():
        lock_commitments([city.lines[kind]])
        return issue_vouchers(
            awards=awards,
            territory_id=city.territory_id,
            programme_id=city.programme_id,
            rule_set_id=city.rule_set_id,
            months=(FIRST, LAST),
            month_tiyn=MONTH_TIYN,
            accept_by=date(2026, 9, 3),
            cause_key=f"round:{next(_serial)}",
            actor=SYSTEM,
            at=at,
        )


def accepted(city: City, how_many: int = 1, kind: str = "sport") -> list[tuple[int, int, int]]:
    """(voucher, child, guardian) of so many children whose vouchers were accepted."""
    children = add_children(city, how_many)
    vouchers = issue(city, children, kind)
    answers = [VoucherAnswer(v, city.guardian(c)) for v, c in zip(vouchers, children, strict=True)]
    outcomes = commands.accept_vouchers(actor=CHANNEL, answers=answers, at=AT, key=key())
    assert all(o.reason is None for o in outcomes)
    return [(v, c, city.guardian(c)) for v, c in zip(vouchers, children, strict=True)]


def enrolled(
    city: City, group_id: int, how_many: int = 1, kind: str = "sport", on: date = FIRST
) -> list[tuple[int, int, int]]:
    """(voucher, guardian, enrolment) of so many children with a place in the group."""
    held = accepted(city, how_many, kind)
    wishes = [EnrolWish(v, g, group_id, on) for v, _, g in held]
    outcomes = commands.enrol(actor=CHANNEL, wishes=wishes, at=AT, key=key())
    assert all(o.reason is None for o in outcomes), outcomes
    return [(v, g, o.id or 0) for (v, _, g), o in zip(held, outcomes, strict=True)]


def held(city: City, voucher_id: int, kind: str = "sport") -> int:
    """Tiyn held for a voucher on the kind's line."""
    account = AccountKey(AccountKind.HELD, city.lines[kind], voucher_id)
    return balances([account])[account]


def place(city: City, enrolment_id: int, month: date = FIRST, kind: str = "sport") -> int:
    """Tiyn promised to a place for a month on the kind's line."""
    account = AccountKey(AccountKind.PLACE, city.lines[kind], enrolment_id, month)
    return balances([account])[account]


def money(city: City, kind: str = "sport") -> dict[str, int]:
    """Account kind → tiyn of the kind's line, empty ones left out; checks that the line is whole."""
    found = totals([city.lines[kind]])[city.lines[kind]]
    assert sum(found.values()) == 0
    return {name: tiyn for name, tiyn in found.items() if tiyn}
