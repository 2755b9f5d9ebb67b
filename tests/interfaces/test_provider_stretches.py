"""A club's long lists: every contract, receipt and refusal can be reached, signed, taken back; figures count all."""

from __future__ import annotations

import re
from typing import Any

import pytest

from qosymsha.domain.agreements.models import ChildRefusal, FamilyContract, FamilyContractSignature, FamilyReceipt
from qosymsha.domain.vouchers.models import Enrolment
from qosymsha.interfaces.ui.stretches import Stretch
from tests.interfaces import browsing
from tests.interfaces.test_agreements_pages import Club, club, post, said, shown

pytestmark = pytest.mark.django_db
FAMILIES = "/en/provider/families/"
_INIT = Stretch.__init__


@pytest.fixture
def of() -> Club:
    """A club of three children."""
    return club(3)


@pytest.fixture
def _two_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    def made(self: Any, *args: Any, **given: Any) -> None:
        _INIT(self, *args, **{"most": 2, **given})

    monkeypatch.setattr(Stretch, "__init__", made)


def following(page: str) -> str:
    found = re.search(r'href="([^"]+)" rel="next"', page)
    return found[1] if found else ""


def chosen(page: str) -> list[str]:
    return re.findall(r'name="c" value="([^"]+)"', page)


@pytest.mark.usefixtures("_two_a_page")
def test_contracts_beyond_the_first_stretch_are_reached_and_signed_and_the_count_is_of_all(of: Club) -> None:
    page = shown(of.house, FAMILIES)
    assert len(chosen(page)) == 2
    assert f"<dt>{said('agr.wants_own')}</dt><dd>3</dd>" in page
    last = shown(of.house, FAMILIES + following(page))
    (third,) = chosen(last)
    assert third not in chosen(page)
    assert not following(last)
    address = f"{FAMILIES}sign/?c={third}"
    form = browsing.form_of(shown(of.house, address))
    for _ in range(2):  # sent again, it finds what it did
        assert of.house.post(address, form).status_code == 302
    signed = FamilyContractSignature.objects.get()
    assert str(FamilyContract.objects.get(pk=signed.contract_id).uuid) == third
    assert of.house.get(f"{FAMILIES}sign/?c=nothing").status_code == 302


def test_the_control_where_a_page_holds_all_there_is_no_next(of: Club) -> None:
    page = shown(of.house, FAMILIES)
    assert (len(chosen(page)), following(page)) == (3, "")


@pytest.mark.usefixtures("_two_a_page")
def test_receipts_and_refusals_go_on_too_and_a_child_once_refused_is_not_offered_again(of: Club) -> None:
    places = list(Enrolment.objects.order_by("id"))
    for place in places:
        receipt = f"{FAMILIES}receipts/{place.uuid}/"
        typed = {"month": "2026-09", "amount": "2500", "paid_on": "2026-09-01"}
        assert post(of.house, receipt, **typed).status_code == 302
        assert post(of.house, f"{FAMILIES}refusals/{place.uuid}/", ground="medical", paper="7").status_code == 302
    payments = shown(of.house, f"{FAMILIES}payments/")
    more = shown(of.house, f"{FAMILIES}payments/{following(payments)}")
    shown_there = [one for one in FamilyReceipt.objects.values_list("number", flat=True) if one in payments]
    assert len(shown_there) == 2
    assert sum(one in more for one in FamilyReceipt.objects.values_list("number", flat=True)) == 1
    first = ChildRefusal.objects.earliest("id")
    page = shown(of.house, f"{FAMILIES}refusals/")
    assert f"{first.uuid}/withdraw/" not in page
    assert said("agr.no_children") in page  # all three wait for an officer, the one not shown too
    rest = f"{FAMILIES}refusals/{following(page)}"
    assert post(of.house, f"{FAMILIES}refusals/{first.uuid}/withdraw/", rest).status_code == 302
    first.refresh_from_db()
    assert first.state == "withdrawn"
