"""Providers come: registration, papers, accreditation, contract, groups with timetables."""

from __future__ import annotations

import random
from datetime import date, datetime, timedelta
from uuid import UUID

from qosymsha.demo import city, names
from qosymsha.demo.world import STAGE_HAND, YEAR, World
from qosymsha.domain.people import queries as people
from qosymsha.domain.people.rules import PersonDetails
from qosymsha.domain.people.states import Role
from qosymsha.domain.programmes import classifiers
from qosymsha.domain.providers import queries
from qosymsha.domain.providers.commands import accreditation, contracts, groups, registration, teachers
from qosymsha.domain.providers.rules import GroupDraft, Paper, PaperKind, ProviderRow, SlotDraft, VenueDraft
from qosymsha.kernel import iin
from qosymsha.kernel.actor import Actor

OPENS, LESSONS_FROM, LESSONS_TO = date(YEAR, 1, 12), date(YEAR, 3, 2), date(YEAR, 12, 31)
TEACHER_BORN = date(1985, 6, 15)
WITH_USERS, TEACHERS_EACH = 3, 2  # of how many providers so many teachers are users: enough to try their pages
REACH = (0.014, 0.022)  # degrees of latitude and longitude: about a mile and a half around Astana's districts
UNTOLD_EVERY = 9
FORGETFUL_EVERY = 11  # one provider in so many comes without its fire paper


def open_city(world: World) -> None:
    """Let every provider of the plan go the whole way from registration to its groups."""
    plan = planned(world)
    world.facts["providers"] = []
    for done, spec in enumerate(plan):
        world.facts["providers"].append(_settle(world, spec, done))
        world.say("providers", done + 1, len(plan))


def planned(world: World) -> list[city.ProviderSpec]:
    """The providers of this city, in the order of `facts["providers"]`."""
    world.facts["districts"] = {d.kato: d.id for d in people.districts_of(world.territory_id, OPENS)}
    activities: dict[str, list[str]] = {kind: [] for kind in world.lines}
    for row in classifiers.activities():
        activities[row.kind].append(row.code)
    districts = sorted(world.facts["districts"])
    specs = city.providers(
        children=world.children, seed=world.seed, districts=districts, activities=activities, year=YEAR
    )
    return list(specs)


def _settle(world: World, spec: city.ProviderSpec, serial: int) -> int:
    """One provider's way; returns its id."""
    at = world.at(OPENS + timedelta(days=serial % 5))
    row = ProviderRow(spec.number, spec.name, spec.iban, _owner(spec, serial))
    provider_id = registration.register_provider(
        actor=world.actors["officer"],
        territory_id=world.territory_id,
        row=row,
        at=at,
        key=world.key("provider", serial),
    )
    manager = world.appoint(f"manager-{serial}", Role.PROVIDER_MANAGER, at, provider_id=provider_id)
    _accredit(world, spec, provider_id, serial)
    _contract(world, spec, provider_id, serial)
    outcomes = groups.open_groups(
        actor=manager,
        provider_id=provider_id,
        groups=group_drafts(world, spec, serial),
        at=at,
        key=world.key("groups", serial),
    )
    world.accepted(outcomes)
    if serial < WITH_USERS:
        _let_teachers_in(world, manager, provider_id, at)
    world.actors[f"provider {provider_id}"] = world.actors.pop(f"manager-{serial}")
    return provider_id


def _let_teachers_in(world: World, manager: Actor, provider_id: int, at: datetime) -> None:
    """A trial has no identity provider: the stage hand admits a few teachers as it would."""
    for teacher in queries.teachers_of(actor=manager, provider_id=provider_id)[:TEACHERS_EACH]:
        subject = f"demo:teacher-{teacher.id}"
        key = world.key("teacher", teacher.id)
        teachers.admit_teacher(actor=STAGE_HAND, teacher_id=teacher.id, subject=subject, at=at, key=key)


def _accredit(world: World, spec: city.ProviderSpec, provider_id: int, serial: int) -> None:
    """File, be reviewed, be accredited; some come without the fire paper, are refused and bring it."""
    at = world.at(OPENS + timedelta(days=serial % 5), 11)
    papers = [Paper(k, f"{k.value}-{serial}", date(YEAR, 1, 1), spec.evidence_until) for k in PaperKind]
    forgotten = [p for p in papers if p.kind == PaperKind.FIRE and serial % FORGETFUL_EVERY == 5]
    brought = tuple(p for p in papers if p not in forgotten)
    filed = accreditation.file_accreditation(
        actor=world.actors["officer"],
        filing=accreditation.Filing(provider_id, world.programme_id, brought),
        at=at,
        key=world.key("file", serial),
    )
    checker = world.actors["checker"]
    accreditation.take_up_accreditation(actor=checker, accreditation_id=filed, at=at, key=world.key("take up", serial))
    if forgotten:
        with world.counting():
            _decide(world, filed, at, world.key("decide too early", serial))
        accreditation.add_papers(
            actor=world.actors["officer"],
            accreditation_id=filed,
            papers=forgotten,
            at=at,
            key=world.key("papers", serial),
        )
    _decide(world, filed, at, world.key("decide", serial))


def _decide(world: World, accreditation_id: int, at: datetime, key: UUID) -> None:
    accreditation.decide_accreditation(
        actor=world.actors["checker"],
        accreditation_id=accreditation_id,
        decision=accreditation.Decision(accreditation.Verdict.ACCREDIT),
        at=at,
        key=key,
    )


def _contract(world: World, spec: city.ProviderSpec, provider_id: int, serial: int) -> None:
    places = sum(group.capacity for group in spec.groups)
    month = world.facts["rules"].planning_tariff[spec.kind]
    volume = int(month) * places * 12
    draft = contracts.ContractDraft(provider_id, world.lines[spec.kind], volume, date(YEAR, 2, 1), LESSONS_TO)
    at = world.at(OPENS + timedelta(days=serial % 5), 12)
    contracts.sign_contract(actor=world.actors["officer"], draft=draft, at=at, key=world.key("contract", serial))


def group_drafts(
    world: World, spec: city.ProviderSpec, serial: int, days: tuple[date, date] = (LESSONS_FROM, LESSONS_TO)
) -> list[GroupDraft]:
    """A provider's groups from a first to a last day."""
    districts = world.facts["districts"]
    staff = [_teacher(serial, n) for n in range(spec.teachers)]
    venues = [
        VenueDraft(districts[kato], kk, ru, capacity, _place(world, kato, serial, n))
        for n, (kato, kk, ru, capacity) in enumerate(spec.venues)
    ]
    tariffs = [world.facts["rules"].tariff(spec.kind, group.activity) for group in spec.groups]
    return [
        GroupDraft(
            code=group.code,
            activity=group.activity,
            language=group.language,
            age_min=group.ages[0],
            age_max=group.ages[1],
            capacity=group.capacity,
            unit_tariff_tiyn=tariff.unit_tiyn,
            units_per_month=tariff.units_per_month,
            first_day=days[0],
            last_day=days[1],
            venue=venues[group.venue],
            teacher=staff[group.teacher],
            slots=tuple(SlotDraft(weekday, group.starts, group.ends) for weekday in group.weekdays),
        )
        for group, tariff in zip(spec.groups, tariffs, strict=True)
    ]


def _place(world: World, kato: str, serial: int, n: int) -> tuple[float, float] | None:
    """Somewhere around the district's assumed middle, to four digits; one venue in `UNTOLD_EVERY` tells no place."""
    middle = queries.centres().get(kato)
    if middle is None or (serial + n) % UNTOLD_EVERY == UNTOLD_EVERY - 1:
        return None
    draw = random.Random(f"place {world.seed} {serial} {n}")
    north, east = (degree + draw.uniform(-reach, reach) for degree, reach in zip(middle, REACH, strict=True))
    return round(north, 4), round(east, 4)


def _owner(spec: city.ProviderSpec, serial: int) -> PersonDetails | None:
    if not spec.is_sole_trader:
        return None
    draw = random.Random(f"owner {serial}")
    return PersonDetails(spec.number, draw.choice(names.SURNAMES), draw.choice(names.BOYS), born_on=TEACHER_BORN)


def _teacher(serial: int, n: int) -> PersonDetails:
    """A teacher with a synthetic IIN of a birth date that no demo family uses."""
    draw, index = random.Random(f"teacher {serial} {n}"), serial * 8 + n
    while True:
        body = f"850615{7 + index // 10_000 % 3}{index % 10_000:04d}"
        digit = iin.check_digit(body)
        if digit is not None:
            number = f"{body}{digit}"
            return PersonDetails(number, draw.choice(names.SURNAMES), draw.choice(names.GIRLS), born_on=TEACHER_BORN)
        index += 4
