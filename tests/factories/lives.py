"""A city in which a family can go the whole way: an intake round, clubs, lessons, a month. All people are made up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import transaction

from qosymsha.domain.attendance.models import Session
from qosymsha.domain.people.models import Guardianship
from qosymsha.domain.providers.models import Provider, Venue
from qosymsha.domain.providers.steps import write_cards
from qosymsha.domain.vouchers import commands
from qosymsha.domain.vouchers.models import Enrolment, Voucher
from qosymsha.domain.vouchers.rules import EnrolWish, VoucherAnswer
from qosymsha.kernel.clock import local_instant
from tests.factories import admission, attendance, vouchers
from tests.factories.families import KIDS, named

MARCH = date(2026, 3, 1)
AT_LESSON = local_instant(date(2026, 3, 10), 12)
MARCH_OVER = local_instant(date(2026, 4, 1), 9)
TARIFF, UNITS = 194_625, 12  # the default rule set's for sport


@dataclass
class Life:
    """A city, its provider's side of it, the round one files in, one guardian of two children, a group."""

    city: admission.City
    clubs: vouchers.City
    the_round: admission.Round
    guardian: int
    children: list[int]
    group: int


def begun(children: int = 1, categories: Sequence[str] = ()) -> Life:
    """An open round with money for ten vouchers, a club with free places; the guardian has filed nothing yet."""
    city = admission.City(money={"sport": admission.money_for(10)})
    families = city.families(children, categories=categories)
    guardian, own = families[0][0], [child for _, child in families]
    Guardianship.objects.filter(child_id__in=own).update(guardian_id=guardian)
    named(("guardian", guardian, "Әлиева", "Сәуле"), *(("child", own[n], *KIDS[n]) for n in range(children)))
    clubs = _clubs(city)
    group = vouchers.add_group(clubs, tariff=TARIFF, units=UNITS, weekdays=(2, 4, 6))
    with transaction.atomic():
        write_cards([group])
    return Life(city, clubs, city.opened(), guardian, own, group)


def _clubs(city: admission.City) -> vouchers.City:
    provider = Provider.objects.create(
        number="P-1",
        territory=city.territory,
        legal_form="company",
        bin="260440000017",
        name="Тұлпар",
        created_at=admission.OPENS,
    )
    place = {"territory": city.territory, "programme": city.programme, "provider": provider}
    vouchers.accredit(place)
    venue = Venue.objects.create(
        provider=provider,
        district=city.territory,
        address_kk="Мәңгілік Ел 10",
        address_ru="Мангилик Ел, 10",
        capacity=500,
    )
    contract = vouchers.contract_of(place, city.lines["sport"])
    return vouchers.City(
        city.territory.pk,
        city.programme.pk,
        city.rule_set.pk,
        city.lines,
        {"sport": contract},
        provider.pk,
        venue.pk,
    )


def drawn(life: Life) -> None:
    """A few others file too; the window closes, the draw and the allocation run."""
    life.city.file(life.the_round, life.city.families(4))
    life.city.run(life.the_round)


def lessons_over(life: Life, at: datetime = MARCH_OVER) -> None:
    """March's lessons of the children's places are marked and the month's sheet is sent."""
    attendance.plan(life.clubs, MARCH)
    mine = list(Enrolment.objects.filter(child_id__in=life.children).values_list("id", flat=True))
    lessons = Session.objects.filter(group_id=life.group, starts_at__lt=at).order_by("starts_at")
    marks = [(lesson.pk, one, "ill" if n == 1 else "present") for n, lesson in enumerate(lessons) for one in mine]
    assert set(attendance.mark(life.clubs, marks, at)) == {None}
    (outcome,) = attendance.send(life.clubs, at, MARCH)
    assert outcome.reason is None


def gone(categories: Sequence[str] = ()) -> Life:
    """The whole way of one child by commands alone: filed, drawn, accepted, in the group, March's sheet sent."""
    life = begun(1, categories)
    (child,) = life.children
    assert life.city.file(life.the_round, [(life.guardian, child)])[0].reason is None
    drawn(life)
    at = admission.AFTER + timedelta(hours=1)
    voucher = Voucher.objects.get(child_id=child).pk
    answer = VoucherAnswer(voucher, life.guardian)
    (accepted,) = commands.accept_vouchers(actor=vouchers.CHANNEL, answers=[answer], at=at, key=vouchers.key())
    wish = EnrolWish(voucher, life.guardian, life.group, MARCH)
    (placed,) = commands.enrol(actor=vouchers.CHANNEL, wishes=[wish], at=at, key=vouchers.key())
    assert (accepted.reason, placed.reason) == (None, None)
    lessons_over(life)
    return life


def second_guardian(life: Life) -> int:
    """Another guardian of the same children; the id."""
    ((father, _),) = life.city.families(1)
    valid = Guardianship.objects.get(guardian_id=life.guardian, child_id=life.children[0]).valid
    Guardianship.objects.bulk_create(
        Guardianship(guardian_id=father, child_id=child, kind="parent", evidence="e", valid=valid)
        for child in life.children
    )
    return father
