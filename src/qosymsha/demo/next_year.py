"""The year after begins: a few clubs and families, so that the demo ends on a day on which something is left to do.

The report's figures are of the year before, which is closed. What stands open at the end is listed in `begin`. The
first year's rules go on: what the next year's are is not known (assumption).
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from itertools import islice
from pathlib import Path

from qosymsha.demo import agreeing, choosing, city, figures, founding, intake, months, places, pupils, supply, trying
from qosymsha.demo.people import DemoFamily, families
from qosymsha.demo.world import STAGE_HAND, YEAR, Term, World
from qosymsha.domain.admission.commands import filing, refilling
from qosymsha.domain.attendance import queries as attendance
from qosymsha.domain.attendance.commands import marks, sessions, sheets
from qosymsha.domain.attendance.rules import SessionFacts
from qosymsha.domain.attendance.states import SheetState, WordState
from qosymsha.domain.choice import queries as choice
from qosymsha.domain.people import asking
from qosymsha.domain.people import commands as people_commands
from qosymsha.domain.people import queries as people
from qosymsha.domain.people.commands import statuses
from qosymsha.domain.programmes import commands as programmes
from qosymsha.domain.providers import queries
from qosymsha.domain.providers.commands import accreditation, contracts, groups
from qosymsha.domain.providers.rules import GroupDraft, Paper, PaperKind
from qosymsha.domain.vouchers import queries as vouchers
from qosymsha.domain.vouchers.commands import answers, ends, money
from qosymsha.domain.vouchers.rules import Release, VoucherAnswer
from qosymsha.kernel.actor import Actor

HOUSE = Actor.system("sign-in")
NEXT, FOLDER = YEAR + 1, "next"
CLUBS, FAMILIES, LATE_FAMILIES = 6, 70, 25
FUNDED_PERMILLE, MONTHS = 650, 9
SMALL = 4  # children in each club's first group: it is full at once, and freed places are waited for
BUILT, ANSWERED, LEFT_OVER = date(NEXT, 3, 25), date(NEXT, 4, 2), date(NEXT, 4, 7)
INTAKE = Term("next year", date(NEXT, 3, 29), date(NEXT, 3, 31), date(NEXT, 4, 1), date(NEXT, 4, 1))
CHOICE = Term("next year", date(NEXT, 4, 3), date(NEXT, 4, 5), date(NEXT, 4, 6), date(NEXT, 4, 12))
LATE_INTAKE = Term("late", date(NEXT, 5, 5), date(NEXT, 5, 14), date(NEXT, 5, 17), date(NEXT, 6, 1))
LATE_CHOICE = Term("late", date(NEXT, 5, 5), date(NEXT, 5, 12), date(NEXT, 5, 13), date(NEXT, 5, 17))
LAST_DAY = date(NEXT, 12, 31)
CLOSED_MONTH, RUNNING_MONTH = date(NEXT, 4, 1), date(NEXT, 5, 1)
SENT, NOW = date(NEXT, 5, 4), date(NEXT, 5, 5)  # a Wednesday, lessons under way


def begin(world: World, folder: Path) -> None:
    """Play from the next year's budget to an evening in May; the second round's files go into `folder`.

    At the end stand open: an admission round and a choice round, groups with places, vouchers to answer, an offered
    place, April's sheets with the families, May's lessons, contracts to sign, trial lessons booked.
    """
    _budget(world)
    providers = world.facts["providers"][:CLUBS]
    for serial, spec in enumerate(supply.planned(world)[: len(providers)]):
        _open_club(world, spec, serial, providers[serial])
    towns = _families(world)
    _admit(world, towns[:FAMILIES], folder)
    _place(world, folder)
    _teach(world, providers)
    _leave_open(world, towns)
    figures.count(world, NEXT)


def _budget(world: World) -> None:
    at, officer = world.at(BUILT), world.actors["officer"]
    for kind, department in founding.PAYS.items():
        line = programmes.LineDraft(world.programme_id, world.departments[department], kind, f"159-{kind}", NEXT)
        world.lines[kind] = programmes.open_budget_line(
            actor=officer, line=line, at=at, key=world.key("line", kind, NEXT)
        )
        month = int(world.facts["rules"].planning_tariff[kind])
        share = FAMILIES * FUNDED_PERMILLE * founding.KIND_PERMILLE[kind] * 3 // 2 // 1_000_000
        first, amount = date(NEXT, 1, 1), month * MONTHS * max(share, 2)
        plan = programmes.PlanDraft(world.lines[kind], first, LAST_DAY, amount, "demo 2")
        programmes.plan_budget(actor=officer, plan=plan, at=at, key=world.key("budget", kind, NEXT))


def _open_club(world: World, spec: city.ProviderSpec, serial: int, provider_id: int) -> None:
    """New papers, a new contract, the old groups under new codes."""
    at, officer, checker = world.at(BUILT, 11), world.actors["officer"], world.actors["checker"]
    accreditation.expire_accreditations(actor=STAGE_HAND, on=BUILT, at=at, key=world.key("papers over", serial))
    papers = tuple(Paper(k, f"{k.value}-{NEXT}-{serial}", date(NEXT, 1, 1), date(NEXT + 1, 1, 31)) for k in PaperKind)
    filed = accreditation.file_accreditation(
        actor=officer, filing=accreditation.Filing(provider_id, world.programme_id, papers), at=at,
        key=world.key("file", serial, NEXT),
    )  # fmt: skip
    accreditation.take_up_accreditation(
        actor=checker, accreditation_id=filed, at=at, key=world.key("take up", serial, NEXT)
    )
    accreditation.decide_accreditation(
        actor=checker, accreditation_id=filed, decision=accreditation.Decision(accreditation.Verdict.ACCREDIT), at=at,
        key=world.key("decide", serial, NEXT),
    )  # fmt: skip
    volume = int(world.facts["rules"].planning_tariff[spec.kind]) * sum(group.capacity for group in spec.groups) * 12
    draft = contracts.ContractDraft(provider_id, world.lines[spec.kind], volume, CHOICE.starts, LAST_DAY)
    contracts.sign_contract(actor=officer, draft=draft, at=at, key=world.key("contract", serial, NEXT))
    outcomes = groups.open_groups(
        actor=world.actors[f"provider {provider_id}"], provider_id=provider_id, groups=_drafts(world, spec, serial),
        at=at, key=world.key("groups", serial, NEXT),
    )  # fmt: skip
    world.accepted(outcomes)


def _drafts(world: World, spec: city.ProviderSpec, serial: int) -> list[GroupDraft]:
    drafts = supply.group_drafts(world, spec, serial, (CHOICE.starts, LAST_DAY))
    drafts[0] = replace(drafts[0], capacity=SMALL)
    return [replace(draft, code=f"{draft.code}-{NEXT % 100}") for draft in drafts]


def _families(world: World) -> list[DemoFamily]:
    """The city's first families, as they came the year before."""
    stream = families(
        children=world.children, seed=world.seed, school_year=YEAR, districts=sorted(world.facts["districts"]),
        kinds=list(world.lines),
    )  # fmt: skip
    return list(islice(stream, FAMILIES + LATE_FAMILIES))


def _admit(world: World, batch: Sequence[DemoFamily], folder: Path) -> None:
    """They file anew, the draw decides, most answer."""
    intake.plan_and_open(world, INTAKE)
    _file(world, batch, INTAKE)
    intake.decide(world, folder, INTAKE)
    places.answer_all(world, f"answers {NEXT}", ANSWERED)


def _file(world: World, batch: Sequence[DemoFamily], term: Term) -> None:
    at = world.at(term.opens, 10)
    intake.teach(world, batch)
    children = [child.person.iin for family in batch for child in family.children]
    certified = asking.statuses_of(world.registry, children, term.opens).answers
    statuses.record_statuses(actor=STAGE_HAND, answers=certified, at=at, key=world.key("statuses", term.name))
    guardians = people.by_iin("guardian", [family.guardian.iin for family in batch])
    ids = people.by_iin("child", children)
    rows = [
        filing.ApplicationRow(guardians[family.guardian.iin], ids[child.person.iin], child.kind)
        for family in batch
        for child in family.children
        if family.guardian.iin in guardians and child.person.iin in ids
    ]
    outcomes = filing.submit_applications(
        actor=world.actors["app"], round_id=world.round_id, rows=rows, at=at, key=world.key("applications", term.name)
    )
    world.accepted(outcomes)


def _place(world: World, folder: Path) -> None:
    """A choice round, then what it left over; contracts of all places, signed by the clubs."""
    places.choose(world, folder, CHOICE)
    places.take_places(world, places.left_over(world, CHOICE.starts), LEFT_OVER, CHOICE.starts)
    agreeing.draw(world, CHOICE.starts)


def _teach(world: World, providers: Sequence[int]) -> None:
    """April's lessons, marked the same evenings; its sheets are with the families; May has begun."""
    for month, day in ((CLOSED_MONTH, CHOICE.starts), (RUNNING_MONTH, RUNNING_MONTH)):
        at = world.at(day, 0, 30)
        money.promise_month(
            actor=STAGE_HAND, programme_id=world.programme_id, month=month, at=at, key=world.key("promise", month)
        )
        for provider_id in providers:
            key = world.key("plan", month, provider_id)
            sessions.plan_sessions(actor=STAGE_HAND, provider_id=provider_id, month=month, at=at, key=key)
    for provider_id in providers:
        for month in (CLOSED_MONTH, RUNNING_MONTH):
            _mark(world, provider_id, month)
        outcomes = sheets.send_sheets(
            actor=world.actors[f"provider {provider_id}"], provider_id=provider_id, month=CLOSED_MONTH,
            at=world.at(SENT, 9), key=world.key("send", CLOSED_MONTH, provider_id),
        )  # fmt: skip
        world.accepted(outcomes)
    _confirm(world, providers)


def _mark(world: World, provider_id: int, month: date) -> None:
    """Each day's lessons that evening; today's are still to be marked."""
    draw = random.Random(f"{world.seed} {month} {provider_id}")
    lessons = [one for one in attendance.sessions_of(provider_id, month) if one.on < NOW]
    by_day: dict[date, list[SessionFacts]] = {}
    for lesson in sorted(lessons, key=lambda one: (one.on, one.id)):
        by_day.setdefault(lesson.on, []).append(lesson)
    for day, held in by_day.items():
        here = vouchers.enrolments_of_groups(sorted({one.group_id for one in held}), month)
        outcomes = marks.mark_sessions(
            actor=world.actors[f"provider {provider_id}"], provider_id=provider_id,
            marks=months.marks_of(held, here, draw, (), ()), at=world.at(day, 20),
            key=world.key("mark", provider_id, day),
        )  # fmt: skip
        world.accepted(outcomes)


def _confirm(world: World, providers: Sequence[int]) -> None:
    """Half of the families have answered on the first evening."""
    at, app = world.at(SENT, 19), world.actors["app"]
    ids = months.sheet_ids(world, CLOSED_MONTH, providers, (SheetState.WITH_PARENTS,))
    rows = attendance.rows_of_sheets(actor=app, sheet_ids=ids, at=at, words=(WordState.SILENT,))
    words = months.words_of(world, rows[1::2], at.date(), NEXT, ())
    world.accepted(sheets.confirm_rows(actor=app, words=words, at=at, key=world.key("words", CLOSED_MONTH)))


def _leave_open(world: World, towns: Sequence[DemoFamily]) -> None:
    """A freed place is offered, a voucher granted from the waiting list; then the next rounds open, and time stops."""
    _free_seats(world)
    choosing.look(world, SENT)
    at, programme_id = world.at(SENT, 10), world.programme_id
    money.sweep_released(actor=STAGE_HAND, programme_id=programme_id, at=at, key=world.key("sweep", SENT))
    at = world.at(SENT, 11)
    refilling.refill(actor=world.actors["officer"], round_id=world.round_id, at=at, key=world.key("refill", SENT))
    _accept_some(world)
    _let_in(world)
    intake.plan_and_open(world, LATE_INTAKE)
    _file(world, towns[FAMILIES + LATE_FAMILIES // 2 :], LATE_INTAKE)
    choosing.plan_and_open(world, LATE_CHOICE)
    world.at(NOW, 18, 5)
    pupils.let_in(world, RUNNING_MONTH)


def _accept_some(world: World) -> None:
    """Half of the vouchers granted today are accepted; their families may wish groups in the round that opens."""
    issued = next(places.pages(world, "issued"), [])[1::2]
    guardians = people.guardians_of([one.child_id for one in issued], SENT)
    yes = [VoucherAnswer(one.id, guardians[one.child_id][0]) for one in issued]
    at, key = world.at(SENT, 13), world.key("answers", SENT)
    world.accepted(answers.accept_vouchers(actor=world.actors["app"], answers=yes, at=at, key=key))


def _free_seats(world: World) -> None:
    """In two full groups a child gives its place up."""
    groups_now = [group.id for group in queries.groups_open_on(world.programme_id, NOW)]
    full = [group_id for group_id, free in sorted(vouchers.free_places(groups_now).items()) if free == 0]
    held = {place.group_id: place for place in vouchers.enrolments_of_groups(full[:2], RUNNING_MONTH)}
    guardians = people.guardians_of([place.child_id for place in held.values()], SENT)
    releases = [Release(one.voucher_id, guardians[one.child_id][0], SENT) for one in held.values()]
    at, key = world.at(SENT, 7), world.key("releases", NEXT)
    outcomes = ends.release_vouchers(actor=world.actors["app"], releases=releases, reason="", at=at, key=key)
    world.accepted(outcomes)


def _let_in(world: World) -> None:
    """One family of each kind has a user, so that they stand first on the sign-in page of a trial."""
    offered = [offer.guardian_id for offer in choice.offers_waiting(world.facts["choice_id"])]
    ids = months.sheet_ids(world, CLOSED_MONTH, world.facts["providers"][:CLUBS], (SheetState.WITH_PARENTS,))
    rows = attendance.rows_of_sheets(actor=world.actors["app"], sheet_ids=ids, at=world.now, words=(WordState.SILENT,))
    granted = [one.child_id for one in next(places.pages(world, "issued"), [])]
    without = [one.child_id for one in next(places.pages(world, "accepted"), [])]
    guardians = people.guardians_of([*(row.child_id for row in rows), *granted, *without], SENT)
    first = [offered, *([guardians[i][0] for i in ids] for ids in ([row.child_id for row in rows], granted, without))]
    for guardian_id in dict.fromkeys(ids[0] for ids in first if ids):
        subject = f"demo:family:{guardian_id}"
        people_commands.admit_guardian(
            actor=HOUSE, guardian_id=guardian_id, subject=subject, at=world.now, key=world.key(subject)
        )
    trying.book(world, [*granted, *without][:6])
