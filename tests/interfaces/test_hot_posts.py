"""Filing and taking at opening time: how many statements a whole POST sends, whatever comes of it."""

from __future__ import annotations

from uuid import UUID

import pytest
from django.http import HttpResponse
from django.test import Client

from qosymsha.domain.admission.models import Application
from qosymsha.domain.people.models import Child, Guardianship
from qosymsha.domain.programmes import queries as programmes
from qosymsha.domain.providers.models import ClubGroup
from qosymsha.domain.vouchers.models import Enrolment, Seat, Voucher
from qosymsha.interfaces.ui import texts
from qosymsha.kernel import clock
from qosymsha.kernel.models import AuditEvent, Outbox
from tests.factories import admission, vouchers
from tests.interfaces import browsing
from tests.interfaces.wire import Wire, listening

pytestmark = pytest.mark.django_db(transaction=True)
STATEMENTS, DECISIONS = 8, 2


class Family:
    """A family's browser on one page: its form is read once, and sent as often as a test likes."""

    def __init__(self, guardian_id: int, page: str) -> None:
        self.client, self.page = Client(), page
        browsing.come_in(self.client, browsing.guardian_user(guardian_id))
        self.form = browsing.form_of(self.client.get(page).content.decode())

    def send(self, **fields: object) -> tuple[HttpResponse, Wire]:
        """The answer to the form with these fields, and what it took."""
        with listening() as wire:
            answer = self.client.post(self.page, self.form | fields)
        assert len(wire.statements) <= STATEMENTS, wire.statements
        assert len(wire.decisions) <= DECISIONS, wire.decisions
        assert wire.waits == len(wire.statements)
        return answer, wire


def opened() -> tuple[admission.City, str, list[tuple[int, int]]]:
    city = admission.City()
    the_round = city.opened()
    clock.shift_to(admission.INSIDE)
    programmes.rules_of(city.rule_set.pk)  # a process parses a rule set once
    return city, f"/kk/family/apply/{the_round.uuid}/", city.families(3)


def child_uuid(child_id: int) -> UUID:
    return Child.objects.get(pk=child_id).uuid


def test_filing_takes_four_statements_and_so_does_its_replay() -> None:
    _, page, (family, *_) = opened()
    one = Family(family[0], page)
    fields = {"child": child_uuid(family[1]), "kind": "sport"}
    first, wire = one.send(**fields)
    filed = Application.objects.get()
    assert (first.status_code, first["Location"]) == (302, f"/kk/family/applications/{filed.uuid}/")
    assert len(wire.statements) == 4, wire.statements
    again, repeated = one.send(**fields)
    assert (again.status_code, again["Location"]) == (302, first["Location"])
    assert len(repeated.statements) == 4
    assert filed.number in texts.say("kk", "apply.done", number=filed.number)
    assert AuditEvent.objects.filter(action="submit_applications").count() == 1
    assert Outbox.objects.filter(topic="application_submitted").count() == 1
    shown = one.client.get(first["Location"]).content.decode()
    assert filed.number in shown
    assert texts.say("kk", "apply.done", number=filed.number) in shown
    assert texts.say("kk", "apply.done", number=filed.number) not in one.client.get(first["Location"]).content.decode()


def test_a_refused_filing_stays_as_small_and_says_its_sentence_at_the_field() -> None:
    city, page, (family, other, _) = opened()
    one = Family(family[0], page)
    city.file(commands_round(page), [family])
    refused, wire = one.send(child=child_uuid(family[1]), kind="sport")
    shown = refused.content.decode()
    assert refused.status_code == 422
    assert texts.refusal("kk", "already_filed") in shown
    assert 'aria-invalid="true"' in shown
    assert len(wire.statements) <= 5
    stranger, _ = one.send(child=child_uuid(other[1]), kind="sport")
    unknown, _ = one.send(child="00000000-0000-4000-8000-000000000007", kind="sport")
    assert texts.refusal("kk", "not_guardian") in stranger.content.decode()
    assert stranger.status_code == unknown.status_code == 422
    assert Application.objects.count() == 1


def commands_round(page: str) -> admission.Round:
    return admission.Round.objects.get(uuid=page.rstrip("/").rpartition("/")[2])


def test_a_key_of_another_body_is_told_and_stores_nothing() -> None:
    _, page, (family, *_) = opened()
    one = Family(family[0], page)
    one.send(child=child_uuid(family[1]), kind="sport")
    other, _ = one.send(child=child_uuid(family[1]), kind="creative")
    assert other.status_code == 422
    assert texts.refusal("kk", "key_reused") in other.content.decode()
    assert Application.objects.count() == 1


def group_page(capacity: int = 5, families: int = 3) -> tuple[vouchers.City, str, int, list[tuple[int, int, int]]]:
    city = vouchers.make_city()
    group = vouchers.add_group(city, capacity=capacity)
    held = vouchers.accepted(city, families)
    programmes.rules_of(city.rule_set_id)  # a process parses a rule set once
    clock.shift_to(vouchers.AT)
    return city, f"/kk/family/groups/{ClubGroup.objects.get(pk=group).uuid}/take/", group, held


def voucher_uuid(voucher_id: int) -> UUID:
    return Voucher.objects.get(pk=voucher_id).uuid


def test_taking_takes_four_statements_and_so_does_its_replay() -> None:
    city, page, group, (own, *_) = group_page()
    one = Family(own[2], page)
    fields = {"voucher": voucher_uuid(own[0]), "starts_on": "2026-09-01"}
    first, wire = one.send(**fields)
    assert (first.status_code, first["Location"]) == (302, "/kk/family/vouchers/")
    assert len(wire.statements) == 4, wire.statements
    again, repeated = one.send(**fields)
    assert (again.status_code, again["Location"]) == (302, first["Location"])
    assert len(repeated.statements) == 4
    place = Enrolment.objects.get()
    assert (place.group_id, place.state, Seat.objects.get(group_id=group).taken) == (group, "active", 1)
    assert vouchers.place(city, place.pk) > 0
    assert texts.say("kk", "take.done") in one.client.get(first["Location"]).content.decode()


def test_a_full_group_and_a_refused_day_stay_as_small() -> None:
    _, page, _, (first, second, third) = group_page(capacity=1)
    waiting, careless = Family(second[2], page), Family(third[2], page)
    early, wire = careless.send(voucher=voucher_uuid(third[0]), starts_on="2026-08-31")
    assert early.status_code == 422
    assert texts.refusal("kk", "start_past") in early.content.decode()
    Family(first[2], page).send(voucher=voucher_uuid(first[0]), starts_on="2026-09-01")
    full, wire = waiting.send(voucher=voucher_uuid(second[0]), starts_on="2026-09-01")
    assert full.status_code == 422
    assert texts.say("kk", "take.full") in full.content.decode()
    assert len(wire.statements) <= 5
    waiting.form.pop("seen")  # a form that brings nothing back is told by the plain page
    bare, _ = waiting.send(voucher=voucher_uuid(second[0]), starts_on="2026-09-01")
    assert (bare.status_code, texts.refusal("kk", "group_full") in bare.content.decode()) == (409, True)
    assert Enrolment.objects.count() == 1


def test_anothers_voucher_and_an_unknown_group_are_the_same_nothing() -> None:
    _, page, _, (own, other, _) = group_page()
    one = Family(own[2], page)
    stranger, _ = one.send(voucher=voucher_uuid(other[0]), starts_on="2026-09-01")
    unknown, _ = one.send(voucher="00000000-0000-4000-8000-000000000007", starts_on="2026-09-01")
    assert stranger.status_code == unknown.status_code == 404
    assert browsing.plain(stranger.content) == browsing.plain(unknown.content)
    assert one.client.get("/kk/family/groups/00000000-0000-4000-8000-000000000007/take/").status_code == 404
    assert not Enrolment.objects.exists()


def test_control_the_batch_verbs_send_several_times_as_many() -> None:
    city, page, families = opened()
    with listening() as wire:
        city.file(commands_round(page), families[:1])
    assert len(wire.statements) > 2 * STATEMENTS


def test_looking_pages_ask_as_much_for_one_child_as_for_five() -> None:
    counts: dict[str, list[int]] = {}
    for number, children in enumerate((1, 5)):
        city = admission.City(kato=f"71{number}000000")
        the_round = city.opened()
        clock.shift_to(admission.INSIDE)
        families = city.families(children)
        Guardianship.objects.filter(child_id__in=[c for _, c in families]).update(guardian_id=families[0][0])
        one = Family(families[0][0], f"/ru/family/apply/{the_round.uuid}/")
        for address in ("/ru/family/apply/", one.page):
            one.client.get(address)
            with listening() as wire:
                assert one.client.get(address).status_code == 200
            counts.setdefault(address.replace(str(the_round.uuid), "x"), []).append(len(wire.statements))
    assert all(first == last <= 14 for first, last in counts.values()), counts
