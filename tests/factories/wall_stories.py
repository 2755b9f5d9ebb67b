"""What stands on the wall, each object made by the commands that make it: one city, one day, nothing set down bare."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import UUID

from django.db import transaction

from qosymsha.domain.admission import commands as admission
from qosymsha.domain.admission.rules import RoundPlan
from qosymsha.domain.agreements import commands as agreements
from qosymsha.domain.agreements.commands import PaperDraft, Payment
from qosymsha.domain.agreements.models import ChildRefusal
from qosymsha.domain.allocation import draw
from qosymsha.domain.assistance import commands as assistance
from qosymsha.domain.assistance.states import VisitWay
from qosymsha.domain.attendance import commands as attendance
from qosymsha.domain.attendance.models import Session
from qosymsha.domain.attendance.rules import Trace
from qosymsha.domain.attendance.states import TraceKind
from qosymsha.domain.attendance.steps import leave_traces
from qosymsha.domain.casework import commands as casework
from qosymsha.domain.casework.rules import EndingDraft
from qosymsha.domain.casework.states import Ending
from qosymsha.domain.controls.commands import record_visit
from qosymsha.domain.controls.rules import Found
from qosymsha.domain.enquiries import commands as enquiries
from qosymsha.domain.enquiries.models import EnquiryHit
from qosymsha.domain.enquiries.rules import Asked
from qosymsha.domain.figures.commands import COUNTS, count_figure
from qosymsha.domain.flags import commands as flags
from qosymsha.domain.flags.rules.recording import Resolution
from qosymsha.domain.intake import commands as intake
from qosymsha.domain.people import queries as people_queries
from qosymsha.domain.people.models import Child, Department, Guardianship
from qosymsha.domain.people.rules import PersonDetails, person_json
from qosymsha.domain.people.states import Role
from qosymsha.domain.people.steps import SecretRow, seal
from qosymsha.domain.programmes import commands as programmes
from qosymsha.domain.programmes.classifiers import CalendarDraft
from qosymsha.domain.programmes.models import RuleSet
from qosymsha.domain.providers import commands as providers
from qosymsha.domain.providers.models import Accreditation, TimetableSlot
from qosymsha.domain.providers.rules import Paper
from qosymsha.domain.settlement import commands as settlement
from qosymsha.domain.settlement.commands.corrections import Verdict
from qosymsha.domain.settlement.models import Claim, PaymentLine
from qosymsha.domain.settlement.queries import paid_of_rows
from qosymsha.domain.trials import commands as trials
from qosymsha.domain.vouchers import commands as vouchers
from qosymsha.domain.vouchers.models import Enrolment, Voucher
from qosymsha.domain.vouchers.states import CloseReason
from qosymsha.kernel import clock
from qosymsha.kernel.actor import Actor
from tests.factories import choice, controls, uploads
from tests.factories.attendance import guardian_of, mark, plan
from tests.factories.office import Desk, answer, screened
from tests.factories.people import number
from tests.factories.vouchers import FIRST, SYSTEM, accepted, add_children, add_group, enrolled, issue, key
from tests.interfaces import browsing

CHARGED = {"charge": {"allowed": True, "ceiling_tiyn": 300_000}}
OCTOBER = date(2026, 10, 1)
PARTIES = {"akimat": b"\1" * 32, "parents": b"\2" * 32}


def guardian(guardian_id: int) -> Actor:
    """A guardian signed in."""
    return browsing.actor(browsing.guardian_user(guardian_id))


def manager(of: Desk) -> Actor:
    """The manager of the city's club."""
    user = browsing.official(Role.PROVIDER_MANAGER, provider_id=of.city.provider_id, name="wall:story:manager")
    return browsing.actor(user)


def official(of: Desk, role: Role) -> Actor:
    """An official of the city: who makes what others look at."""
    user = browsing.official(role, territory_id=of.city.territory_id, name=f"wall:story:{role}")
    return browsing.actor(user)


def agreed(of: Desk) -> None:
    """A contract open to be signed with a charge agreed, a paper told of, a payment written down, a child refused."""
    house, row, at = manager(of), of.rows[0], clock.read()
    agreements.set_charge(
        actor=house, group_id=of.sheet.group_id, amount_tiyn=250_000, what_for="kimono", at=at, key=key()
    )
    agreements.draw_contracts(actor=SYSTEM, programme_id=of.city.programme_id, at=at, key=key())
    paper = PaperDraft(row.enrolment_id, "health_027u", "N 5", date(2026, 8, 20), scan=uploads.png())
    agreements.give_paper(actor=guardian(guardian_of(row)), paper=paper, at=at, key=key())
    paid = Payment(row.enrolment_id, OCTOBER, 100_000, clock.local_day(at))
    agreements.record_receipt(actor=house, payment=paid, at=at, key=key())
    agreements.refuse_child(
        actor=house, enrolment_id=of.rows[1].enrolment_id, ground="medical", paper_number="77", at=at, key=key()
    )
    assert ChildRefusal.objects.filter(state="filed").exists()


def waited(of: Desk) -> None:
    """Two on a full group's list, and the seat that came free offered to the first."""
    at, group = clock.read(), add_group(of.city, capacity=1)
    ((leaving, _, _),) = enrolled(of.city, group, 1)
    for voucher, _, guardian_id in accepted(of.city, 2):
        agreements.join_waiting(actor=guardian(guardian_id), group_id=group, voucher_id=voucher, at=at, key=key())
    vouchers.close_vouchers(
        actor=official(of, Role.CHECKER), voucher_ids=[leaving], reason=CloseReason.MOVED, at=at, key=key()
    )
    assert agreements.offer_seats(actor=SYSTEM, programme_id=of.city.programme_id, at=at, key=key()) == (0, 1)


def missed(of: Desk) -> None:
    """A child who missed the first three lessons of October: its family is warned."""
    ((_, _, place),) = enrolled(of.city, add_group(of.city, weekdays=(1, 2, 3, 4, 5)), 1, on=OCTOBER)
    plan(of.city, OCTOBER)
    lessons = Session.objects.filter(group_id=Enrolment.objects.get(pk=place).group_id, on__gte=OCTOBER)
    marks = [(one.pk, place, "absent") for one in lessons.order_by("starts_at")[:4]]
    at = clock.read()
    assert set(mark(of.city, marks, at=at)) == {None}
    seen = attendance.watch_absences(
        actor=SYSTEM, programme_id=of.city.programme_id, on=clock.local_day(at), at=at, key=key()
    )
    assert seen.warned == 1


def tried(of: Desk) -> None:
    """A child booked for a lesson on trial."""
    at, group = clock.read(), add_group(of.city, weekdays=(1, 2, 3, 4, 5, 6))
    for month in {clock.local_day(at).replace(day=1), clock.local_day(at + timedelta(days=3)).replace(day=1)}:
        plan(of.city, month)
    lesson = Session.objects.filter(group_id=group, starts_at__gt=at).earliest("starts_at")
    (child,) = add_children(of.city, 1)
    visitor = guardian(of.city.guardian(child))
    trials.book_trial(actor=visitor, child_id=child, session_id=lesson.pk, at=at, key=key())


def taught_now(of: Desk) -> None:
    """A lesson of this hour, with a child in it: its code is shown."""
    now = clock.read().astimezone(clock.ZONE)
    group = add_group(of.city, weekdays=(now.isoweekday(),))
    begins = now.replace(minute=0, second=0, microsecond=0)
    hours = {"starts": begins.time(), "ends": (begins + timedelta(hours=1)).time()}
    TimetableSlot.objects.filter(group_id=group).update(**hours)
    enrolled(of.city, group, 1, on=OCTOBER)
    plan(of.city, OCTOBER)


def flagged(of: Desk) -> None:
    """After the payment it comes out that families spoke at one phone: flags stand, one upheld is owed."""
    at = clock.read()
    with transaction.atomic():
        rows = [row.pk for row in of.rows[:5]]
        leave_traces(TraceKind.WORD, rows, Trace("one-phone", "net-one-phone"), at, month=FIRST)
    found = screened(of)
    assert len(found) > 1
    word = Resolution(found[-1].pk, "upheld", "one phone for all", "act 5")
    (outcome,) = flags.resolve_flags(actor=official(of, Role.CHECKER), resolutions=[word], at=at, key=key())
    assert outcome.reason is None
    (told,) = settlement.propose_recoveries(actor=SYSTEM, programme_id=of.city.programme_id, at=at, key=key())
    assert told.reason is None


def owed(of: Desk) -> None:
    """Debts of the club after an audit: one supported, two decided, money for one of them come back."""
    at, city = clock.read(), of.city
    checker, approver, payer = (official(of, role) for role in (Role.CHECKER, Role.APPROVER, Role.PAYER))
    where = {"programme_id": city.programme_id, "at": at}
    claim = Claim.objects.filter(provider_id=city.provider_id, state="paid").earliest("id")
    rows = [(row, tiyn) for row, tiyn in sorted(paid_of_rows(claim.pk).items()) if tiyn][:3]
    made = [
        settlement.propose_recovery(
            actor=checker, claim_id=claim.pk, amounts={row: tiyn // 4}, reason="audit", evidence=f"act {row}", at=at,
            key=key(),
        )
        for row, tiyn in rows
    ]  # fmt: skip
    verdicts = [Verdict(one, True, "order 9") for one in made[1:]]
    decided = settlement.decide_recoveries(actor=approver, verdicts=verdicts, key=key(), **where)
    assert [one.reason for one in decided] == [None, None], (decided, made, rows)
    settlement.record_refund(actor=payer, recovery_id=made[2], reference="bank 7", amount_tiyn=1, key=key(), **where)


def accredited(of: Desk) -> None:
    """A paper with its scan in the club's file."""
    file = Accreditation.objects.get(provider_id=of.city.provider_id)
    paper = Paper("fire", "N 1", date(2026, 1, 5), None, content=uploads.pdf())
    providers.add_papers(actor=manager(of), accreditation_id=file.pk, papers=[paper], at=clock.read(), key=key())


def filed(of: Desk) -> None:
    """An open round; a family with a draft in it, another that filed and named a category with a paper."""
    at, city, officer = clock.read(), of.city, official(of, Role.PROGRAMME_OFFICER)
    department = Department.objects.filter(territory_id=city.territory_id).earliest("id").pk
    line = programmes.LineDraft(city.programme_id, department, "educational", "464", at.year)
    programmes.open_budget_line(actor=officer, line=line, at=at, key=key())
    commitments = {party: draw.commitment(secret) for party, secret in PARTIES.items()}
    plan_ = RoundPlan(at, at + timedelta(days=14), date(2026, 11, 1), date(2026, 12, 1), "fake:wall", commitments)
    planned = admission.plan_round(actor=officer, programme_id=city.programme_id, plan=plan_, at=at, key=key())
    the_round = admission.open_round(actor=officer, round_id=planned.pk, at=at, key=key())
    first, second = add_children(city, 2)
    drafting = guardian(city.guardian(first))
    where = {"round_uuid": the_round.uuid, "at": at}
    intake.save_draft(actor=drafting, child_uuid=_uuid(first), kind="sport", key=key(), **where)
    helped = guardian_of(of.rows[-1])  # the family whom a clerk helps: a silent month, and this child
    Guardianship.objects.filter(child_id=second).update(guardian_id=helped)
    child = {"actor": guardian(helped), "child_uuid": _uuid(second)}
    intake.name_category(**child, category="emergency", content=uploads.pdf(), key=key(), **where)
    outcome = admission.submit_own_application(**child, kind="sport", key=key(), **where)
    assert outcome


def _uuid(child_id: int) -> UUID:
    return Child.objects.get(pk=child_id).uuid


def controlled(of: Desk) -> None:
    """Controls at each step: planned, frozen, drawn; a finding that waits for the club's answer, and a clean visit."""
    city = of.city
    found = controls.drawn(city, controls.plan(size=2))
    one, _ = controls.visits(found)
    what = Found(1, "absent_children", "two came", uploads.png())
    checker = controls.actor(city, Role.CHECKER)
    record_visit(actor=checker, visit_uuid=one.uuid, found=what, at=clock.read(), key=key())


def looked_up(of: Desk) -> None:
    """A child looked up by a voucher's number."""
    number_of = Voucher.objects.get(pk=Enrolment.objects.get(pk=of.rows[0].enrolment_id).voucher_id).number
    asker = browsing.actor(of.official(Role.PROGRAMME_OFFICER))
    asked = Asked("complaint", "CM-2026/118", number=number_of)
    enquiries.ask(actor=asker, asked=asked, at=clock.read(), key=key())
    hit = EnquiryHit.objects.get().uuid
    enquiries.open_record(actor=asker, hit=hit, purpose="complaint", at=clock.read(), key=key())


def helped(of: Desk, clerk: int = 0, *, proved: bool = True, row: int = -1) -> UUID:
    """A clerk's visit with the guardian of a row (by default of the silent one), begun by the guardian's number."""
    guardian_id, at = guardian_of(of.rows[row]), clock.read()
    own = PersonDetails(number(7 + row, "850612"), "Серікова", "Гүл", born_on=date(1985, 6, 12), phone="+77770000007")
    with transaction.atomic():
        lookup = people_queries.iin_lookup("guardian", str(own.iin))
        seal("guardian", [SecretRow(guardian_id, person_json(own), lookup, people_queries.person_tokens(own))])
    actor = browsing.actor(clerk or of.official(Role.CLERK))
    coming = assistance.Coming(str(own.iin), None, VisitWay.CODE)
    begun = assistance.begin_visit(actor=actor, coming=coming, at=at, key=key())
    assert begun.uuid is not None
    assert begun.code is not None
    if proved:
        said = assistance.prove_visit(actor=actor, visit_uuid=begun.uuid, code=begun.code.code, at=at)
        assert said is None
    return begun.uuid


def given(of: Desk) -> None:
    """The family that is helped has two children more: one's voucher waits for an answer, the other's for a club."""
    guardian_id, at = guardian_of(of.rows[-1]), clock.read()
    (child,) = add_children(of.city, 1)
    (voucher,) = issue(of.city, [child], at=at)
    Voucher.objects.filter(pk=voucher).update(accept_by=clock.local_day(at) + timedelta(days=2))
    ((_, other, _),) = accepted(of.city, 1)
    Guardianship.objects.filter(child_id__in=[child, other]).update(guardian_id=guardian_id)


def ruled(of: Desk) -> None:
    """Rules of next year drafted and handed in; another draft begun; a day of the city's own calendar."""
    at, officer = clock.read(), official(of, Role.PROGRAMME_OFFICER)
    in_force = RuleSet.objects.get(pk=of.city.rule_set_id)
    given = {"actor": officer, "programme_id": of.city.programme_id, "based_on": in_force.pk}
    draft = programmes.open_rule_draft(**given, valid_from=date(2027, 1, 1), at=at, key=key())
    rules = programmes.RuleSetDraft(of.city.programme_id, in_force.document, date(2027, 1, 1))
    programmes.draft_rule_set(actor=officer, draft=rules, at=at, key=key())
    day = CalendarDraft(date(2026, 12, 15), False, "Қала күні", "День города", "decision 1")
    programmes.set_calendar_days(actor=officer, territory_id=of.city.territory_id, days=[day], at=at, key=key())
    assert draft


def ended(of: Desk) -> None:
    """A voucher without a place that one official proposed to close."""
    ((voucher, _, _),) = accepted(of.city, 1)
    casework.propose_ending(
        actor=official(of, Role.CHECKER),
        voucher_uuid=Voucher.objects.get(pk=voucher).uuid,
        draft=EndingDraft(Ending.CLOSE, CloseReason.MOVED, "you have moved"),
        at=clock.read(),
        key=key(),
    )


def strange(of: Desk) -> None:
    """The treasury says another sum of a payment: a word that a person must end."""
    line = PaymentLine.objects.filter(claim__provider_id=of.city.provider_id).earliest("id")
    answer(line, more_tiyn=7)


def counted(of: Desk) -> None:
    """The figures of the year, as the night counts them."""
    for name in COUNTS:
        count_figure(
            actor=SYSTEM, programme_id=of.city.programme_id, year=FIRST.year, name=name, at=clock.read(), key=key()
        )


def wished() -> None:
    """Another city in whose open round a family has filed its list."""
    city, at = choice.town(), clock.read()
    starts = clock.local_day(at) + timedelta(days=9)
    the_round = choice.opened(city, choice.plan(opens_at=at, closes_at=at + timedelta(days=3), starts_on=starts))
    (child,) = choice.holders(city, 1)
    (outcome,) = choice.file(the_round, [(child, [add_group(city)])], at=at)
    assert outcome.reason is None


def offered() -> choice.Child:
    """A place that a child gave back, offered to the next on the group's list: that child."""
    city, at = choice.town(), clock.read()
    the_round, (first, second) = choice.queue(city, add_group(city, capacity=1), 2)
    choice.closed_for_good(first)
    made = choice.offer(the_round, at)
    assert made.offers == 1
    return second


STORIES = (
    strange, counted,
    agreed, waited, missed, tried, taught_now, owed, flagged, accredited, filed, controlled, looked_up, helped, given,
    ruled, ended,
)  # fmt: skip
