"""A child's own account speaks for nobody, neither by itself nor through a channel that carries it; with controls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection

from qosymsha.domain.admission import commands as admission
from qosymsha.domain.admission.commands import ApplicationRow
from qosymsha.domain.agreements import commands as agreements
from qosymsha.domain.agreements.models import FamilyContract
from qosymsha.domain.attendance import commands as attendance
from qosymsha.domain.attendance.rules import Notice, Word
from qosymsha.domain.choice import commands as wishes
from qosymsha.domain.choice.rules import ListRow
from qosymsha.domain.people import queries
from qosymsha.domain.people.models import Guardianship
from qosymsha.domain.people.states import Role
from qosymsha.domain.vouchers import commands as vouchers
from qosymsha.domain.vouchers.models import Voucher
from qosymsha.domain.vouchers.rules import EnrolWish, Move, PlaceWish, VoucherAnswer
from qosymsha.kernel.actor import Actor, Grant
from qosymsha.kernel.errors import Forbidden, Refused
from tests.factories import choice, youths
from tests.factories.admission import INSIDE
from tests.factories.admission import City as Town
from tests.factories.attendance import OVER, sent_sheet
from tests.factories.families import own_family
from tests.factories.presence import minutes
from tests.factories.vouchers import AT as SEPTEMBER
from tests.factories.vouchers import CHANNEL, FIRST, accepted, add_children, add_group, enrolled, issue, make_city
from tests.rooms.test_agreements import PROOF
from tests.rooms.test_people_youth import reason_of

SYSTEM = Actor.system("test")


def refused(outcomes: list[Any]) -> str:
    (one,) = outcomes
    return "" if one.reason is None else str(one.reason.value)


def spoken(act: Callable[[Actor, int], object], child_id: int) -> tuple[str, ...]:
    """What comes of a verb said by the youth itself, and by a channel that carries the youth's word."""
    own = queries.actor_for(youths.admit(child_id, SEPTEMBER), SEPTEMBER)
    account = youths.account(child_id)
    return tuple(_said(act, actor, account) for actor in (own, CHANNEL))


def _said(act: Callable[[Actor, int], object], actor: Actor, account: int) -> str:
    try:
        found = act(actor, account)
    except Forbidden:
        return "forbidden"
    except Refused as no:
        return str(no.reason.value)
    return refused(found) if isinstance(found, list) and found else ""


@pytest.mark.django_db
def test_a_youth_answers_for_no_voucher_and_takes_leaves_or_moves_no_place() -> None:
    city = make_city()
    group, other = add_group(city), add_group(city)
    (child,) = add_children(city, 1)
    (voucher,) = issue(city, [child])
    key: dict[str, Any] = {"at": SEPTEMBER}

    def accept(actor: Actor, who: int) -> object:
        return vouchers.accept_vouchers(actor=actor, answers=[VoucherAnswer(voucher, who)], key=uuid4(), **key)

    def refuse(actor: Actor, who: int) -> object:
        return vouchers.refuse_vouchers(actor=actor, answers=[VoucherAnswer(voucher, who)], key=uuid4(), **key)

    assert spoken(accept, child) == spoken(refuse, child) == ("forbidden", "not_guardian")
    ((held, second, _),) = accepted(city, 1)
    held_uuid = Voucher.objects.get(pk=held).uuid

    def enrol(actor: Actor, who: int) -> object:
        return vouchers.enrol(actor=actor, wishes=[EnrolWish(held, who, group, FIRST)], key=uuid4(), **key)

    def take(actor: Actor, who: int) -> object:
        wish = PlaceWish(held_uuid, who, group_uuid(group), FIRST)
        vouchers.take_place(actor=actor, wish=wish, key=uuid4(), **key)
        return []

    assert spoken(enrol, second) == spoken(take, second) == ("forbidden", "not_guardian")
    ((placed, _, _),) = enrolled(city, group, 1)
    third = Voucher.objects.get(pk=placed).child_id

    def move(actor: Actor, who: int) -> object:
        return vouchers.transfer(actor=actor, moves=[Move(placed, who, other, FIRST)], key=uuid4(), **key)

    assert spoken(move, third) == ("forbidden", "not_guardian")
    # The control run: the same row as a parent's is heard, by the person and through the channel.
    for one in (child, second, third):
        Guardianship.objects.filter(child_id=one, kind="self").update(kind="parent")
    own = Actor(7, "user:7", (Grant(Role.GUARDIAN),), guardian_id=youths.account(second))
    assert _said(take, own, youths.account(second)) == ""
    assert _said(refuse, CHANNEL, youths.account(child)) == "other_may_stop"
    assert _said(accept, CHANNEL, youths.account(child)) == ""
    assert _said(move, CHANNEL, youths.account(third)) == "other_may_stop"


def group_uuid(group_id: int) -> Any:
    with connection.cursor() as cursor:
        cursor.execute("SELECT uuid FROM club_group WHERE id = %s", [group_id])
        return cursor.fetchone()[0]


@pytest.mark.django_db
def test_a_youth_files_no_application_one_or_many() -> None:
    town = Town()
    the_round = town.opened()
    ((_, child),) = town.families(1)
    youths.admit(child, INSIDE)
    account = youths.account(child)
    row = ApplicationRow(account, child, kind="sport")
    asked: dict[str, Any] = {"round_id": the_round.id, "row": row, "at": INSIDE}
    own = queries.actor_for(queries.user_of_guardian(account) or 0, INSIDE)
    with pytest.raises(Forbidden):
        admission.submit_application(actor=own, key=uuid4(), **asked)
    no = reason_of(lambda: admission.submit_application(actor=town.channel, key=uuid4(), **asked))
    assert no.value == "not_guardian"
    assert refused(town.file(the_round, [(account, child)])) == "not_guardian"
    Guardianship.objects.filter(child_id=child, kind="self").update(kind="parent")  # the control run
    assert admission.submit_application(actor=town.channel, key=uuid4(), **asked).child_id == child


@pytest.mark.django_db
def test_a_youth_files_no_wishes() -> None:
    city = choice.town()
    group = add_group(city)
    (child,) = choice.holders(city, 1)
    the_round = choice.opened(city)

    def wish(actor: Actor, who: int) -> object:
        rows = [ListRow(child.voucher, who, (group,))]
        return wishes.file_lists(actor=actor, round_id=the_round.pk, rows=rows, at=choice.INSIDE, key=uuid4())

    assert spoken(wish, child.child) == ("forbidden", "not_holder")
    Guardianship.objects.filter(child_id=child.child, kind="self").update(kind="parent")  # the control run
    assert _said(wish, CHANNEL, youths.account(child.child)) == ""


@pytest.mark.django_db
def test_a_youth_confirms_no_month_announces_no_absence_and_signs_nothing() -> None:
    city = make_city()
    group = add_group(city)
    ((voucher, _, place),) = enrolled(city, group)
    ((_, _, second),) = enrolled(city, group)  # keeps the sheet open
    child = Voucher.objects.get(pk=voucher).child_id
    _, rows = sent_sheet(city, [place, second])
    (row,) = (one for one in rows if one.enrolment_id == place)
    agreements.draw_contracts(actor=SYSTEM, programme_id=city.programme_id, at=SEPTEMBER, key=uuid4())
    contract = FamilyContract.objects.get(enrolment_id=place)

    def confirm(actor: Actor, who: int) -> object:
        return attendance.confirm_rows(actor=actor, words=[Word(row.pk, who, "confirmed", "")], at=OVER, key=uuid4())

    def announce(actor: Actor, who: int) -> object:
        notice = Notice(place, who, "ill", FIRST, FIRST + timedelta(days=3), "flu", "027/u 12")
        attendance.announce_absence(actor=actor, notice=notice, at=OVER, key=uuid4())
        return []

    def sign(actor: Actor, _: int) -> object:
        given: dict[str, Any] = {"content_hash": bytes(contract.hash), "at": SEPTEMBER, "key": uuid4()}
        agreements.sign_as_family(actor=actor, contract_id=contract.pk, proof=PROOF, **given)
        return []

    assert spoken(confirm, child) == spoken(announce, child) == ("forbidden", "not_guardian")
    assert spoken(sign, child) == ("forbidden", "forbidden")
    as_guardian = Actor(7, "user:7", (Grant(Role.GUARDIAN),), guardian_id=youths.account(child))
    assert _said(sign, as_guardian, 0) == "forbidden", "even with a guardian's right"
    Guardianship.objects.filter(child_id=child, kind="self").update(kind="parent")  # the control run
    assert _said(confirm, CHANNEL, youths.account(child)) == ""
    assert _said(announce, CHANNEL, youths.account(child)) == ""
    assert _said(sign, as_guardian, 0) == ""


@pytest.mark.django_db
def test_a_youth_checks_itself_in_and_nobody_else() -> None:
    here = own_family(1, strangers=1)
    (_, child, place), (_, other, _) = here.families
    at = here.lesson.starts_at + minutes(0.2)
    own = queries.actor_for(youths.admit(child, SEPTEMBER), at)
    account = youths.account(child)
    here.families[0] = account, child, place
    scan = here.scan(0)
    outcome = attendance.check_in(actor=own, scan=scan, at=at, key=uuid4())
    assert (outcome.id, outcome.detail) == (place, "code")
    foreign = replace(scan, child_id=other)
    assert reason_of(lambda: attendance.check_in(actor=own, scan=foreign, at=at, key=uuid4())).value == "not_guardian"
    carried = reason_of(lambda: attendance.check_in(actor=CHANNEL, scan=scan, at=at, key=uuid4()))
    assert carried.value == "not_guardian", "a channel carries guardians' words, not a child's"
