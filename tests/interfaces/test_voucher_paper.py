"""A voucher on a phone or on paper: anyone can check its code, nobody makes one, no name or category is told."""

from __future__ import annotations

import re
from html import unescape

import pytest
from django.test import Client

from qosymsha.domain.admission.models import Application
from qosymsha.domain.people.models import Guardian
from qosymsha.domain.vouchers import queries
from qosymsha.domain.vouchers.models import Voucher
from qosymsha.domain.vouchers.states import VoucherState
from qosymsha.interfaces.ui import carried, texts
from qosymsha.interfaces.ui.papers import voucher as papers
from qosymsha.kernel import clock
from tests.factories import lives
from tests.factories.families import KIDS
from tests.interfaces import browsing

pytestmark = pytest.mark.django_db
CATEGORY = "large-family"
Shown = tuple[Client, Voucher, str]


@pytest.fixture
def shown() -> Shown:
    """A guardian's browser, the child's voucher, the address that its code leads to."""
    life = lives.gone([CATEGORY])
    clock.shift_to(lives.MARCH_OVER)
    client = browsing.come_in(Client(), browsing.guardian_user(life.guardian))
    one = Voucher.objects.get(child_id=life.children[0])
    found = unescape(client.get(f"/kk/family/vouchers/{one.uuid}/").content.decode())
    (address,) = re.findall(r'href="http://testserver(/kk/voucher/[^"]+/)"', found)
    return client, one, address


def test_the_code_says_that_the_voucher_holds_and_whose_initials_but_no_name(
    shown: Shown,
) -> None:
    _, one, address = shown
    surname, given = KIDS[0][1].split() if " " in KIDS[0][1] else (KIDS[0][0], KIDS[0][1])
    for language in texts.LANGUAGES:
        answer = Client().get(address.replace("/kk/", f"/{language}/"))
        told = unescape(answer.content.decode())
        assert answer.status_code == 200
        assert texts.say(language, "vouchercheck.holds") in told
        assert one.number in told
        assert "<dd>Ә. А.</dd>" in told
        assert not [word for word in (*KIDS[0], CATEGORY, "Тұлпар") if word in told]


@pytest.mark.parametrize("state", list(VoucherState))
def test_the_page_says_how_it_stands_now(shown: Shown, state: VoucherState, monkeypatch: pytest.MonkeyPatch) -> None:
    _, one, address = shown
    now = queries.standing(one.number)
    assert now is not None
    monkeypatch.setattr(queries, "standing", lambda _: now._replace(state=state))
    said = {"issued": "not_now", "suspended": "not_now", "closed": "over"}.get(state, "holds")
    assert texts.say("kk", f"vouchercheck.{said}") in unescape(Client().get(address).content.decode())


def test_a_closed_voucher_has_no_code(shown: Shown) -> None:
    client, one, _ = shown
    Voucher.objects.filter(pk=one.pk).update(state="closed", reason="absent")
    told = unescape(client.get(f"/kk/family/vouchers/{one.uuid}/").content.decode())
    assert texts.say("kk", "voucher.closed_paper") in told
    assert "/voucher/" not in told
    assert client.get(f"/kk/family/vouchers/{one.uuid}/voucher.pdf").status_code == 404


def test_no_code_but_ours_is_believed(shown: Shown) -> None:
    _, one, address = shown
    code = address.split("/")[3]
    key, nonce, text = code.split(".")
    swapped = text[:4] + ("A" if text[4] != "A" else "B") + text[5:]
    another = carried.seal([one.number, "A. A."], "said")  # sealed by this house, but as something else
    for false in (f"{key}.{nonce}.{swapped}", another, one.number, "x", f"{key}.{nonce}.", "." * 200):
        answer = Client().get(f"/kk/voucher/{false}/")
        assert answer.status_code == 404
        assert texts.say("kk", "vouchercheck.false") in unescape(answer.content.decode())
    assert papers.read(code) is not None, "the control: the true one is believed"


def test_the_paper_is_a_pdf_in_each_language(shown: Shown) -> None:
    client, one, _ = shown
    for language in texts.LANGUAGES:
        answer = client.get(f"/{language}/family/vouchers/{one.uuid}/voucher.pdf")
        assert answer["Content-Type"] == "application/pdf"
        assert f'"{one.number}.pdf"' in answer["Content-Disposition"]
        assert answer.content.startswith(b"%PDF-")
        assert f"/Lang ({language}".encode() in answer.content.replace(b"/Lang(", b"/Lang (")


def test_anothers_voucher_has_no_page_and_no_paper(shown: Shown) -> None:
    _, one, _ = shown
    guardian = Application.objects.get(child_id=one.child_id).guardian_id
    other = Guardian.objects.exclude(pk=guardian).earliest("id")
    stranger = browsing.come_in(Client(), browsing.guardian_user(other.pk))
    for end in ("", "voucher.pdf"):
        assert stranger.get(f"/kk/family/vouchers/{one.uuid}/{end}").status_code == 404
