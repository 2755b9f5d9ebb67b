"""A voucher to show and to check: a page, a PDF (PDF/UA-1), and a code that this house alone can make.

The code is sealed (AES-GCM): it holds the voucher's number and the child's initials, so that a paper with another name
is seen, and no address, log or stranger learns a name. What the voucher is worth stands on the checking page.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import segno
from django.urls import reverse
from django.utils.translation import override

from qosymsha.domain.attendance.queries import OwnChild
from qosymsha.domain.vouchers.queries import OwnVoucher
from qosymsha.domain.vouchers.states import VoucherState
from qosymsha.interfaces.ui import carried, reasons, texts
from qosymsha.interfaces.ui.papers.setting import compiled
from qosymsha.interfaces.ui.templatetags.words import moment, tenge

_BOUND = "voucher paper"


@dataclass(frozen=True, slots=True)
class Shown:
    """What a code says: the voucher's number, the child's initials."""

    number: str
    initials: str


def code_of(voucher: OwnVoucher, child: OwnChild) -> str:
    """The code of a voucher for an address; each one made is another, all of them hold."""
    return carried.seal([voucher.number, initials(child.surname, child.given)], _BOUND)


def initials(*names: str) -> str:
    """`С. Ә.`: the first letters of the names that are known."""
    return " ".join(f"{name[0].upper()}." for name in names if name)


def read(code: str) -> Shown | None:
    """What a code says; None for one that this house never made, or that was changed since."""
    found = carried.unseal(code, _BOUND)
    return None if found is None else Shown(*map(str, found))


def address_of(code: str, language: str, house: str) -> str:
    """Where a code is checked; `house` is the pages' own address, as `https://…`."""
    with override(language):
        return house + reverse("voucher-check", args=[code])


def picture(address: str) -> str:
    """The address as a QR code, an image that stands in the page itself."""
    return str(segno.make_qr(address, error="m").svg_data_uri(scale=6, border=4, light="#fff"))


def facts_of(voucher: OwnVoucher, child: OwnChild, language: str, *, is_own: bool = False) -> list[tuple[str, str]]:
    """The voucher in words, in their order: for the page and for the paper. A category is never among them.

    `is_own`: the child itself looks, who is asked for no answer and shown no money.
    """
    waits = is_own and voucher.state in (VoucherState.ISSUED, VoucherState.ACCEPTED)
    rows = {
        "voucher.number": voucher.number,
        "voucher.child": child.name,
        "voucher.kind": reasons.kind_name(voucher.kind, language),
        "voucher.months": f"{voucher.first_month:%m.%Y} – {voucher.last_month:%m.%Y}",
        "voucher.month_at_most": str(tenge(voucher.month_tiyn)),
        "voucher.stands": texts.say(language, f"{'youth.' if waits else ''}voucher.{voucher.state}"),
    }
    if is_own:
        del rows["voucher.month_at_most"]
    return [(texts.say(language, key), value) for key, value in rows.items()]


def voucher_pdf(facts: list[tuple[str, str]], address: str, language: str, at: datetime) -> bytes:
    """The paper on one page of A4, tagged for screen readers."""
    drawn = segno.make_qr(address, error="m").svg_inline(scale=8, border=4, light="white")
    said = partial(texts.say, language)
    paper: dict[str, Any] = {
        "language": language,
        "title": said("voucher.h1"),
        "lead": said("voucher.paper_lead"),
        "facts": facts,
        "qr": drawn,
        "qr_alt": said("voucher.qr"),
        "qr_lead": said("voucher.qr_lead"),
        "printed": f"{said('voucher.printed')}: {moment(at)}. {said('voucher.may_change')}",
    }
    return compiled("voucher.typ", paper, at)
