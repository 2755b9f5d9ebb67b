"""Two guardians at a club's doors: an offer, a waiting list, a refusal; and what one does by page the other hears."""

from __future__ import annotations

from uuid import uuid4

import pytest

from qosymsha.domain.admission import commands as admission
from qosymsha.domain.admission.commands import ApplicationRow
from qosymsha.domain.agreements import commands as agreements
from qosymsha.domain.agreements.models import ChildRefusal, GroupWait
from qosymsha.domain.people.models import Guardianship
from qosymsha.domain.vouchers import commands as vouchers
from qosymsha.domain.vouchers.models import Voucher
from qosymsha.domain.vouchers.rules import PlaceWish
from qosymsha.kernel import clock
from tests.factories import choice, lives
from tests.factories.admission import INSIDE
from tests.factories.choice import LATER, queue, town
from tests.factories.notices import make, over
from tests.factories.vouchers import AT, CHANNEL, FIRST, accepted, add_group, key, make_city
from tests.rooms.test_agreements import guardian, place, refuse, refused
from tests.rooms.test_agreements_places import full
from tests.rooms.test_people_youth_voice import group_uuid
from tests.rooms.test_two_guardians import father_of, told

pytestmark = pytest.mark.django_db
__all__ = ["over"]


def alone(guardian_id: int) -> None:
    """The control: the other's right is no more, and nothing else is changed."""
    Guardianship.objects.filter(guardian_id=guardian_id).delete()


def test_one_of_two_declines_no_offered_place_and_either_takes_it() -> None:
    city = town()
    group = add_group(city, capacity=1)
    the_round, (first, second, _) = queue(city, group, 3)
    choice.closed_for_good(first)
    choice.offer(the_round, LATER)
    offer = choice.open_offers()[second.voucher]
    father = father_of(city, second.child)
    for who in (second.guardian, father):
        assert choice.answer(offer.pk, who, LATER, yes=False).reason == "offer_of_both"
    assert set(choice.open_offers()) == {second.voucher}, "it stands, and is not offered to the next"
    assert choice.answer(offer.pk, father, LATER).reason is None
    assert choice.place_of(second) == group


def test_control_who_is_alone_declines_it_at_once() -> None:
    city = town()
    group = add_group(city, capacity=1)
    the_round, (first, second, third) = queue(city, group, 3)
    choice.closed_for_good(first)
    choice.offer(the_round, LATER)
    offer = choice.open_offers()[second.voucher]
    alone(father_of(city, second.child))
    assert choice.answer(offer.pk, second.guardian, LATER, yes=False).reason is None
    assert second.voucher not in choice.open_offers()


def test_only_who_joined_takes_the_child_off_a_waiting_list_while_both_speak_for_it() -> None:
    city = make_city()
    _, _, ((wait, voucher, mother),) = full(city, 1)
    father = father_of(city, Voucher.objects.get(pk=voucher).child_id)

    def leave(who: int) -> None:
        agreements.leave_waiting(actor=guardian(who), wait_id=wait, at=AT, key=key())

    assert refused(lambda: leave(father)) == "wait_of_other"
    assert GroupWait.objects.get(pk=wait).state == "waiting"
    alone(mother)
    leave(father)
    assert GroupWait.objects.get(pk=wait).state == "left"


def test_an_objection_to_a_clubs_refusal_stays_whatever_the_other_says() -> None:
    city = make_city()
    voucher, mother, enrolment = place(city)
    father = father_of(city, Voucher.objects.get(pk=voucher).child_id)
    refusal = refuse(city, enrolment)

    def says(who: int, *, agrees: bool) -> None:
        words = "" if agrees else "she is healthy"
        agreements.answer_refusal(actor=guardian(who), refusal_id=refusal, agrees=agrees, words=words, at=AT, key=key())

    says(mother, agrees=False)
    assert refused(lambda: says(father, agrees=True)) == "other_objects"
    assert ChildRefusal.objects.get(pk=refusal).family_word == "objects"
    alone(mother)  # the control
    says(father, agrees=True)
    assert ChildRefusal.objects.get(pk=refusal).family_word == "agrees"


def test_a_place_taken_by_page_is_heard_by_the_other_in_words_of_its_own(over: None) -> None:
    """The page's own verb stores by one statement of the database: it names the guardian as the batch does."""
    city = make_city()
    group = add_group(city)
    ((voucher, _, mother),) = accepted(city, 1)
    found = Voucher.objects.get(pk=voucher)
    father = father_of(city, found.child_id)
    make(AT)
    wish = PlaceWish(found.uuid, mother, group_uuid(group), FIRST)
    vouchers.take_place(actor=CHANNEL, wish=wish, at=AT, key=uuid4())
    make(AT)
    assert told(father)[-1] == "other_took_place"
    assert "other_took_place" not in told(mother)


def test_an_application_filed_by_page_is_heard_by_the_other(over: None) -> None:
    life = lives.begun()
    father = lives.second_guardian(life)
    (child,) = life.children
    row = ApplicationRow(life.guardian, child, kind="sport")
    admission.submit_application(actor=life.city.channel, round_id=life.the_round.pk, row=row, at=INSIDE, key=uuid4())
    clock.shift_to(INSIDE)
    make(INSIDE)
    assert told(father)[-1] == "other_applied"
    assert "other_applied" not in told(life.guardian)
