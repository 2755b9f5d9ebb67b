"""What one of two guardians asked, on the other's pages: it stands first, agreeing begins where the other began."""

from __future__ import annotations

import re
from datetime import date
from html import unescape

import pytest
from django.test import Client

from qosymsha.domain.admission.commands import withdraw_application
from qosymsha.domain.agreements.models import ChildRefusal
from qosymsha.domain.people.models import Guardianship
from qosymsha.domain.providers.models import ClubGroup
from qosymsha.domain.vouchers import commands
from qosymsha.domain.vouchers.models import Voucher
from qosymsha.domain.vouchers.rules import Move, Release, VoucherAnswer
from qosymsha.interfaces.ui import texts
from qosymsha.kernel import clock
from tests.factories import lives
from tests.factories.admission import INSIDE
from tests.factories.vouchers import AT, CHANNEL, accepted, add_group, enrolled, key, make_city
from tests.interfaces import browsing
from tests.rooms.test_agreements import place, refuse
from tests.rooms.test_agreements_places import full
from tests.rooms.test_two_guardians import MONDAY, father_of, placed, shared_voucher

pytestmark = pytest.mark.django_db
GIVEN = ("Шынар", "Ғалым", "Әсел", "Айша", "Өмір", "Гүлім", "Нұрлан")
SUMMARY = re.compile(r"<details><summary>(?:Сынақ )?(\w+)[^<]* · ")


def say(name: str, **more: object) -> str:
    return texts.say("en", name, **more)


def page(guardian: int, address: str) -> str:
    client = browsing.come_in(Client(), browsing.guardian_user(guardian), strong=True)
    return unescape(client.get(f"/en/family/{address}").content.decode())


def test_giving_up_a_place_stands_on_the_others_first_page_and_agreeing_begins_with_the_day_asked() -> None:
    life = lives.gone()
    clock.shift_to(lives.MARCH_OVER)
    father, voucher = lives.second_guardian(life), Voucher.objects.get(child_id=life.children[0])
    asked = say("parting.other_leaves", day="20.04.2026")
    assert asked not in page(father, "")
    release = Release(voucher.pk, life.guardian, date(2026, 4, 20))
    commands.release_vouchers(actor=CHANNEL, releases=[release], reason="family:no_time", at=clock.read(), key=key())
    assert asked in page(father, "")
    assert asked not in page(life.guardian, ""), "who asked has nothing to do"
    agree = page(father, f"vouchers/{voucher.uuid}/leave/")
    assert say("parting.agree_leave") in agree
    assert 'value="2026-04-20"' in agree
    own = page(life.guardian, f"vouchers/{voucher.uuid}/leave/")
    assert say("parting.take_back") in own
    assert 'name="on"' not in own, "asked once, it is not asked again"


def test_a_move_waits_on_both_pages_and_another_group_cannot_be_asked_for() -> None:
    _, voucher, mother, father, group, other = placed()
    clock.shift_to(MONDAY)
    commands.transfer(actor=CHANNEL, moves=[Move(voucher, mother, other, date(2026, 9, 8))], at=MONDAY, key=key())
    uuids = {pk: _uuid(pk) for pk in (group, other)}
    assert say("parting.agree_move") in page(father, f"groups/{uuids[other]}/move/")
    for guardian, address in ((mother, uuids[other]), (father, uuids[group])):
        shown = page(guardian, f"groups/{address}/move/")
        assert say("parting.move_held") in shown
        assert 'name="on"' not in shown


def _uuid(group: int) -> str:
    return str(ClubGroup.objects.get(pk=group).uuid)


def test_who_gave_a_voucher_back_is_not_asked_to_answer_for_it() -> None:
    _, voucher, mother, father = shared_voucher()
    clock.shift_to(AT)
    assert say("home.look_voucher") in page(mother, "")
    commands.refuse_vouchers(actor=CHANNEL, answers=[VoucherAnswer(voucher, mother)], at=AT, key=key())
    assert say("home.look_voucher") not in page(mother, "")
    assert say("parting.other_refuses") in page(father, "")


def test_a_page_offers_no_word_that_would_be_refused_for_the_others_sake() -> None:
    city = make_city()
    clock.shift_to(AT)
    voucher, mother, enrolment = place(city)
    father = father_of(city, Voucher.objects.get(pk=voucher).child_id)
    refusal = refuse(city, enrolment)
    address = f"refusals/{ChildRefusal.objects.get(pk=refusal).uuid}/"
    assert 'value="yes"' in page(father, address)
    ChildRefusal.objects.filter(pk=refusal).update(family_word="objects")
    assert 'value="yes"' not in page(father, address)
    assert say("agr.objection_stays") in page(father, address)
    _, _, ((_, waits, joined),) = full(city, 1)
    other = father_of(city, Voucher.objects.get(pk=waits).child_id)
    assert say("agr.leave_list") in page(joined, "waiting/")
    assert say("agr.leave_list") not in page(other, "waiting/")
    assert say("agr.wait_of_other") in page(other, "waiting/")


def test_a_bodys_children_go_by_name_folded_and_a_choice_of_many_drops_down() -> None:
    life = lives.begun()
    wards = [child for _, child in life.city.families(7)]
    Guardianship.objects.filter(child_id__in=wards).update(guardian_id=life.guardian, kind="body")
    clock.shift_to(INSIDE)
    shown = page(life.guardian, f"apply/{life.the_round.uuid}/")
    assert '<select name="child" required' in shown
    assert shown.count("<option") == 9, "eight children, and nobody yet"
    assert page(life.guardian, "consents/").count("<summary>") > page(life.guardian, "children/").count("<summary>")
    city = make_city()
    held = accepted(city, 7)
    Guardianship.objects.filter(child_id__in=[child for _, child, _ in held]).update(guardian_id=held[0][2])
    clock.shift_to(AT)
    shown = page(held[0][2], "vouchers/")
    assert shown.count('<details id="v-') == 7
    assert say("voucher.n", n=7) in shown
    assert '<details id="v-' not in page(accepted(city)[0][2], "vouchers/")


def test_a_bodys_applications_go_by_name_those_under_way_first_folded() -> None:
    life = lives.begun()
    wards = [child for _, child in life.city.families(7)]
    Guardianship.objects.filter(child_id__in=wards).update(guardian_id=life.guardian, kind="body")
    lives.named(*(("child", child, "Сынақ", given) for child, given in zip(wards, GIVEN, strict=True)))
    filed = life.city.file(life.the_round, [(life.guardian, child) for child in wards])
    clock.shift_to(INSIDE)
    shown = page(life.guardian, "applications/")
    assert say("application.n", n=7) in shown
    by_alphabet = ["Айша", "Әсел", "Гүлім", "Ғалым", "Нұрлан", "Өмір", "Шынар"]
    assert SUMMARY.findall(shown) == by_alphabet
    first = filed[GIVEN.index("Айша")].id or 0
    withdraw_application(actor=life.city.channel, application_id=first, guardian_id=life.guardian, at=INSIDE, key=key())
    shown = page(life.guardian, "applications/")
    assert SUMMARY.findall(shown) == [*by_alphabet[1:], "Айша"], "what is over stands last"
    assert f'<span class="badge wait">{say("why.to.withdrawn")}</span>' in shown


def test_vouchers_that_wait_for_a_club_stand_before_those_that_run() -> None:
    city = make_city()
    ((chooses, child, _),) = accepted(city)
    ((running, mother, _),) = enrolled(city, add_group(city))
    Guardianship.objects.filter(child_id=child).update(guardian_id=mother)
    clock.shift_to(AT)
    shown = page(mother, "vouchers/")
    places = [shown.index(Voucher.objects.get(pk=one).number) for one in (chooses, running)]
    assert chooses < running, "the newest first, it would be the other way round"
    assert places == sorted(places)
