"""Contracts, papers, refusals, next year, charges and lists at the family's, the club's and the office's pages."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from html import unescape
from typing import Any
from unittest.mock import patch
from uuid import UUID

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from qosymsha.domain.agreements import commands, queries
from qosymsha.domain.agreements.commands import PaperDraft
from qosymsha.domain.agreements.commands import papers as papers_verbs
from qosymsha.domain.agreements.models import (
    ChildRefusal,
    EnrolmentPaper,
    FamilyContract,
    FamilyContractSignature,
    FamilyReceipt,
)
from qosymsha.domain.documents.commands import forget_documents
from qosymsha.domain.documents.models import Document
from qosymsha.domain.people.states import Role
from qosymsha.domain.providers.models import ClubGroup
from qosymsha.domain.providers.steps import write_cards
from qosymsha.domain.vouchers.models import Enrolment, Voucher
from qosymsha.interfaces.ui import texts
from qosymsha.kernel import clock
from qosymsha.kernel.errors import Refused
from qosymsha.kernel.models import AuditEvent
from tests.factories import uploads
from tests.factories.families import named
from tests.factories.vouchers import AT, SYSTEM, City, add_group, enrolled, key, make_city
from tests.interfaces import browsing
from tests.rooms.test_agreements_places import next_group

pytestmark = pytest.mark.django_db
ALLOWED = {"charge": {"allowed": True, "ceiling_tiyn": 300_000}}


@dataclass
class Club:
    """A club with one child in a group, its contract drawn; clients of the family, the manager, an officer."""

    city: City
    group: ClubGroup
    enrolment: Enrolment
    guardian: int
    family: Client
    house: Client
    office: Client

    @property
    def contract(self) -> FamilyContract:
        return FamilyContract.objects.get(enrolment=self.enrolment)


def club(children: int = 1, capacity: int = 15) -> Club:
    city = make_city(agreements=ALLOWED)
    group = add_group(city, capacity=capacity)
    manager = browsing.actor(come(Client(), city))
    commands.set_charge(actor=manager, group_id=group, amount_tiyn=250_000, what_for="kimono", at=AT, key=key())
    placed = enrolled(city, group, children)
    for n, (_, _, place) in enumerate(placed):
        named(("child", Enrolment.objects.get(pk=place).child_id, "Серікова", f"Айгүл {n + 1}"))
    commands.draw_contracts(actor=SYSTEM, programme_id=city.programme_id, at=AT, key=key())
    clock.shift_to(AT)
    _, guardian, enrolment = placed[0]
    family, house, office = Client(), Client(), Client()
    browsing.come_in(family, browsing.guardian_user(guardian), strong=True)
    come(house, city)
    user = browsing.official(Role.CHECKER, territory_id=city.territory_id, name=f"test:checker:{city.territory_id}")
    browsing.come_in(office, user, strong=True)
    return Club(
        city, ClubGroup.objects.get(pk=group), Enrolment.objects.get(pk=enrolment), guardian, family, house, office
    )


def come(client: Client, city: City, role: Role = Role.PROVIDER_MANAGER, *, strong: bool = True) -> int:
    user = browsing.official(role, provider_id=city.provider_id, name=f"test:{role}:{city.provider_id}")
    browsing.come_in(client, user, strong=strong)
    return user


def later(one: Club) -> None:
    """Twenty days on: everybody signs in anew."""
    clock.shift_to(AT + timedelta(days=20))
    for client in (one.family, one.house, one.office):
        browsing.come_in(client, int(client.session["user"]), strong=True)


def shown(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200, (address, answer.status_code, answer.content.decode()[-1500:])
    return unescape(answer.content.decode())


def post(client: Client, address: str, page: str = "", **typed: Any) -> Any:
    sent = browsing.form_of(client.get(page or address).content.decode(), address if page else "")
    return client.post(address, sent | typed)


def said(key_: str, **values: object) -> str:
    return texts.say("en", key_, **values)


def test_a_family_reads_signs_once_and_keeps_its_contract_and_the_club_signs_in_bulk() -> None:
    one = club()
    address = f"/en/family/contracts/{one.contract.uuid}/"
    assert said("agr.sign_by", day="08.09.2026") in shown(one.family, "/en/family/contracts/")
    assert "Борьба" in shown(one.family, f"/ru/family/contracts/{one.contract.uuid}/")
    assert "Күрес" in shown(one.family, f"/kk/family/contracts/{one.contract.uuid}/")
    assert post(one.family, f"{address}sign/").status_code == 422  # not said to have been read
    assert [post(one.family, f"{address}sign/", has_read="on").status_code for _ in range(2)] == [302, 422]
    assert FamilyContractSignature.objects.count() == 1
    assert one.family.get(f"{address}contract.pdf").content.startswith(b"%PDF")
    listed = shown(one.house, "/en/provider/families/")
    assert said("agr.choose", name="Серікова Айгүл 1") in listed
    sign = f"/en/provider/families/sign/?c={one.contract.uuid}"
    assert post(one.house, sign).status_code == 302
    assert one.contract.state == "signed"
    assert said("agr.signed_n", n=1) in shown(one.house, "/en/provider/families/?signed=1")
    pdf = one.house.get(f"/en/provider/families/contracts/{one.contract.uuid}/contract.pdf")
    assert pdf.content.startswith(b"%PDF")
    assert one.house.get(sign).status_code == 302  # nothing is left to sign


def test_signing_asks_for_a_second_factor_on_both_sides() -> None:
    one = club()
    for client, user, address in (
        (Client(), browsing.guardian_user(one.guardian), f"/en/family/contracts/{one.contract.uuid}/sign/"),
        (Client(), come(Client(), one.city), f"/en/provider/families/sign/?c={one.contract.uuid}"),
    ):
        browsing.come_in(client, user)
        answer = client.get(address)
        assert answer.status_code == 302
        assert "/step-up/" in answer["Location"]


def test_a_paper_goes_from_the_family_to_the_club_and_no_official_sees_it() -> None:
    one = club()
    place = one.enrolment.uuid
    give = f"/en/family/enrolment-papers/{place}/"
    assert said("agr.stands.missing") in shown(one.family, "/en/family/enrolment-papers/")
    typed = {"code": "health_027u", "number": "N 5", "issued_on": "2026-08-20"}
    assert post(one.family, give, **(typed | {"issued_on": "2027-01-01"})).status_code == 422
    assert post(one.family, give, **typed).status_code == 302
    paper = EnrolmentPaper.objects.get()
    own, house = shown(one.family, "/en/family/enrolment-papers/"), shown(one.house, "/en/provider/families/papers/")
    assert (said("agr.own_given") in own, said("agr.stands.given") in own) == (True, False)
    assert (said("agr.own_given") in house, said("agr.stands.given") in house) == (False, True)
    assert said("agr.look_at", number="N 5") in house
    check = f"/en/provider/families/papers/{place}/{paper.uuid}/"
    assert post(one.house, check, is_good="no", reason="").status_code == 422
    assert post(one.house, check, is_good="no", reason="the number differs").status_code == 302
    assert "the number differs" in shown(one.family, "/en/family/enrolment-papers/")
    assert post(one.house, f"/en/provider/families/papers/{place}/", **typed).status_code == 302
    assert said("agr.in_order", n=1) in shown(one.house, "/en/provider/families/papers/")
    assert one.office.get("/en/provider/families/papers/").status_code == 403


def test_a_scan_is_seen_by_both_sides_alone_and_each_reading_of_it_is_told_the_family() -> None:
    one, other = club(), club()
    place = one.enrolment.uuid
    typed = {"code": "health_027u", "number": "N 5", "issued_on": "2026-08-20"}
    give = f"/en/family/enrolment-papers/{place}/"
    wrong = SimpleUploadedFile("scan.html", uploads.SCRIPT, "image/png")
    answer = post(one.family, give, **typed, scan=wrong)
    assert answer.status_code == 422
    assert 'id="f-scan-error"' in answer.content.decode()
    assert not EnrolmentPaper.objects.exists()
    scan = SimpleUploadedFile("Серікова.jpg", uploads.jpeg(extra=uploads.exif()), "image/jpeg")
    assert post(one.family, give, **typed, scan=scan).status_code == 302
    paper = EnrolmentPaper.objects.get()
    own, theirs = (
        f"/en/{door}/{place}/{paper.uuid}/scan/" for door in ("family/enrolment-papers", "provider/families/papers")
    )
    check = f"/en/provider/families/papers/{place}/{paper.uuid}/"
    assert theirs in shown(one.house, check)
    assert own in shown(one.family, "/en/family/enrolment-papers/")
    for client, address in ((one.family, own), (one.house, theirs)):
        answer = client.get(address)
        assert answer.content.startswith(b"\xff\xd8")
        assert uploads.EXIF_PLACE not in answer.content
        assert "attachment" in answer.headers["Content-Disposition"]
        read = AuditEvent.objects.filter(subject_kind="child").latest("id")
        assert read.subject_ids == [one.enrolment.child_id]
        assert any("document" in kinds for kinds in read.detail["read"].values())
    assert [other.family.get(own).status_code, other.house.get(theirs).status_code] == [404, 404]
    assert [one.office.get(own).status_code, one.office.get(theirs).status_code] == [403, 403]
    kept = Document.objects.get()
    assert kept.keep_until == AT.date() + timedelta(days=365)
    forget_documents(actor=SYSTEM, at=AT + timedelta(days=366))
    assert one.house.get(theirs).status_code == 409  # erased, and the paper's number still stands


def test_a_club_brings_a_scan_too_and_the_rules_may_take_none() -> None:
    one = club()
    scan = SimpleUploadedFile("scan.png", uploads.png(), "image/png")
    typed: dict[str, Any] = {"code": "health_027u", "number": "N 5", "issued_on": "2026-08-20"}
    record = f"/en/provider/families/papers/{one.enrolment.uuid}/"
    assert post(one.house, record, **typed, scan=scan).status_code == 302
    assert said("agr.scan_of", number="N 5") in shown(one.family, "/en/family/enrolment-papers/")
    assert said("agr.scan_of", number="N 5") in shown(one.house, "/en/provider/families/papers/")
    draft = PaperDraft(one.enrolment.pk, "health_027u", "N 6", date(2026, 8, 20), scan=uploads.png())
    given = {"actor": browsing.actor(come(Client(), one.city)), "paper": draft, "at": AT}
    with patch("qosymsha.domain.agreements.commands.papers._terms", without_scans), pytest.raises(Refused) as caught:
        commands.record_paper(**given, key=key())
    assert caught.value.reason.value == "scan_not_taken"
    assert EnrolmentPaper.objects.count() == 1


_ASKED = papers_verbs._terms


def without_scans(place: Any, code: str) -> Any:
    """What is asked, by a rule set that takes no scans."""
    return replace(_ASKED(place, code), scan_keep_days=0)


def test_one_childs_papers_are_read_alone() -> None:
    one = club(children=3)
    record = f"/en/provider/families/papers/{one.enrolment.uuid}/"
    for client, address in ((one.house, record), (one.family, f"/en/family/enrolment-papers/{one.enrolment.uuid}/")):
        assert shown(client, address)
        assert AuditEvent.objects.filter(subject_kind="child").latest("id").subject_ids == [one.enrolment.child_id]
    shown(one.house, "/en/provider/families/papers/")  # the control: the list reads them all
    assert len(AuditEvent.objects.filter(subject_kind="child").latest("id").subject_ids) == 3


def test_a_refusal_is_filed_objected_to_and_decided_and_the_family_learns_what_now() -> None:
    one = club()
    place = one.enrolment.uuid
    address = f"/en/provider/families/refusals/{place}/"
    answer = post(one.house, address, ground="wrong_age", paper="")
    assert answer.status_code == 422
    assert texts.refusal("en", "ground_not_so") in unescape(answer.content.decode())
    assert post(one.house, address, ground="medical", paper="77").status_code == 302
    refusal = ChildRefusal.objects.get()
    own = f"/en/family/refusals/{refusal.uuid}/"
    assert said("agr.club_refuses", name="Серікова Айгүл 1") in shown(one.family, "/en/family/contracts/")
    assert said("agr.ground_why.medical") in shown(one.family, own)
    assert post(one.family, own, agrees="no", words="she is healthy").status_code == 302
    desk = f"/en/office/refusals/{refusal.uuid}/"
    assert "she is healthy" in shown(one.office, desk)
    assert said("agr.family_word.objects") in shown(one.office, "/en/office/refusals/")
    assert said("office.task.refusals", n=1) in shown(one.office, "/en/office/")
    assert "she is healthy" not in shown(one.house, "/en/provider/families/refusals/")
    assert post(one.office, desk, overturn="yes", reason="").status_code == 422
    assert post(one.office, desk, overturn="no", reason="").status_code == 302
    assert Voucher.objects.get(pk=one.enrolment.voucher_id).state == "released"
    assert said("agr.now_stands") in shown(one.family, own)
    assert texts.refusal("en", "provider_medical") in shown(one.family, "/en/family/vouchers/")


def test_a_club_takes_its_refusal_back() -> None:
    one = club()
    post(one.house, f"/en/provider/families/refusals/{one.enrolment.uuid}/", ground="medical", paper="7")
    refusal = ChildRefusal.objects.get()
    withdraw = f"/en/provider/families/refusals/{refusal.uuid}/withdraw/"
    assert post(one.house, withdraw, "/en/provider/families/refusals/").status_code == 302
    refusal.refresh_from_db()
    assert refusal.state == "withdrawn"
    assert said("agr.now_goes_on") in shown(one.family, f"/en/family/refusals/{refusal.uuid}/")


def test_a_charge_is_set_paid_and_seen_by_the_family() -> None:
    one = club()
    charge = f"/en/provider/families/payments/{one.group.uuid}/"
    assert post(one.house, charge, amount="3001", what_for="kimono").status_code == 422
    assert post(one.house, charge, amount="3000", what_for="kimono").status_code == 302
    with transaction.atomic():
        write_cards([one.group.pk])
    for public in (f"/en/clubs/{one.group.uuid}/", "/en/clubs/"):
        page = shown(Client(), public)
        assert said("agr.charge_month", sum="3\u00a0000\u00a0₸") in page
        assert said("club.no_cost") not in page
    receipt = f"/en/provider/families/receipts/{one.enrolment.uuid}/"
    typed = {"month": "2026-09", "amount": "2500", "paid_on": "2026-09-01"}
    assert post(one.house, receipt, **(typed | {"amount": "2600"})).status_code == 422
    assert post(one.house, receipt, **typed).status_code == 302
    made = FamilyReceipt.objects.get()
    assert made.number in shown(one.family, "/en/family/contracts/")
    assert budget(one)["September 2026"][1:] == ["2\u00a0500\u00a0₸", "2\u00a0500\u00a0₸"]
    cancel = f"/en/provider/families/receipts/{made.uuid}/cancel/"
    assert post(one.house, cancel, "/en/provider/families/payments/").status_code == 302
    assert said("agr.cancelled") in shown(one.family, "/en/family/contracts/")
    months = budget(one)
    assert months["September 2026"][1:] == ["2\u00a0500\u00a0₸", "0\u00a0₸"]
    assert months["September 2026"][0] != "0\u00a0₸", "the voucher covers its part"
    later_on = clock.local_instant(date(2026, 11, 5))
    asked = {voucher: [one.month.month for one in added] for voucher, added in added_at(one.family, later_on).items()}
    assert asked == {one.enrolment.voucher.uuid: [11, 10, 9]}, "each month of the place, no other family's"


def added_at(family: Client, at: datetime) -> dict[UUID, list[queries.FamilyMonth]]:
    """What this family adds, by voucher, as its own guardian asks."""
    return queries.own_additions(actor=browsing.actor(int(family.session["user"])), at=at)


def budget(one: Club) -> dict[str, list[str]]:
    """Month → what the voucher covers, what the family adds, what it has paid, as the family's page says it."""
    found = re.findall(r"<h3>([^<]*)</h3><dl[^>]*>(.*?)</dl>", shown(one.family, "/en/family/money/"))
    return {month: re.findall(r"<dd>([^<]*)</dd>", said) for month, said in found}


def test_children_go_on_to_the_next_contract_row_by_row_and_a_family_may_say_no() -> None:
    one = club(children=2)
    after, first = next_group(one.city)
    target = ClubGroup.objects.get(pk=after)
    later(one)
    stays = f"/en/family/renewals/{one.enrolment.uuid}/"
    asked = shown(one.family, "/en/family/contracts/")
    assert said("agr.own_word.silent") in asked
    headings = re.findall(r"<h[23][^>]*>(.*?)</h[23]>", asked.partition("<main")[2])
    assert len([name for name in headings if "Серікова" in name]) == 1, "the question stands with the child's contract"
    assert post(one.family, stays, "/en/family/contracts/", continues="no").status_code == 302
    page = shown(one.house, "/en/provider/families/next-year/")
    assert said("agr.why_not.leaves") in page
    assert said("agr.go_on", n=1) in page
    places = [str(e.uuid) for e in Enrolment.objects.filter(group=one.group)]
    sent = browsing.form_of(one.house.get("/en/provider/families/next-year/").content.decode())
    typed = {"to": str(target.uuid), "on": first.isoformat(), "place": places}
    answer = one.house.post("/en/provider/families/next-year/", sent | typed)
    assert answer.status_code == 422
    assert texts.refusal("en", "family_leaves") in unescape(answer.content.decode())
    assert Enrolment.objects.filter(group=target, state="active").count() == 1
    assert Enrolment.objects.get(pk=one.enrolment.pk).state == "active"


def addresses(one: Club) -> dict[str, list[str]]:
    """Every page of these, by whose client opens it."""
    contract, place, group = one.contract.uuid, one.enrolment.uuid, one.group.uuid
    house, family = "/en/provider/families", "/en/family"
    return {
        "house": [
            f"{house}/contracts/{contract}/", f"{house}/contracts/{contract}/contract.pdf", f"{house}/papers/{place}/",
            f"{house}/refusals/{place}/", f"{house}/payments/{group}/", f"{house}/receipts/{place}/",
        ],
        "family": [
            f"{family}/contracts/{contract}/", f"{family}/contracts/{contract}/sign/",
            f"{family}/contracts/{contract}/contract.pdf", f"{family}/enrolment-papers/{place}/",
        ],
    }  # fmt: skip


def test_anothers_are_as_unknown_as_none_and_teachers_and_officials_have_no_such_pages() -> None:
    one, other = club(), club()
    own = addresses(one)
    unknown = {who: [_unknown(a) for a in listed] for who, listed in own.items()}
    for who, mine, stranger in (("house", one.house, other.house), ("family", one.family, other.family)):
        assert {mine.get(a).status_code for a in own[who]} == {200}  # the control
        assert {stranger.get(a).status_code for a in own[who] + unknown[who]} == {404}
        assert {one.office.get(a).status_code for a in own[who]} == {403}
    teacher = Client()
    come(teacher, one.city, Role.TEACHER)
    assert {teacher.get(a).status_code for a in own["house"]} == {403}
    post(one.house, f"/en/provider/families/refusals/{one.enrolment.uuid}/", ground="medical", paper="7")
    refusal = ChildRefusal.objects.get().uuid
    assert other.office.get(f"/en/office/refusals/{refusal}/").status_code == 404
    assert one.office.get(f"/en/office/refusals/{refusal}/").status_code == 200
    assert other.family.get(f"/en/family/refusals/{refusal}/").status_code == 404


def _unknown(address: str) -> str:
    parts = address.split("/")
    return "/".join("00000000-0000-0000-0000-000000000007" if _is_uuid(p) else p for p in parts)


def _is_uuid(text: str) -> bool:
    try:
        return bool(UUID(text))
    except ValueError:
        return False


def test_the_clubs_lists_ask_the_database_as_often_for_three_children_as_for_one() -> None:
    pages = ["", "papers/", "refusals/", "next-year/", "payments/"]
    counts = []
    for children in (1, 3):
        one = club(children)
        later(one)
        seen = []
        for page in pages:
            address = f"/en/provider/families/{page}"
            one.house.get(address)
            with CaptureQueriesContext(connection) as asked:
                assert one.house.get(address).status_code == 200
            seen.append(len(asked))
        counts.append(seen)
    assert counts[0] == counts[1]
    assert date(2026, 9, 1) == AT.date()
