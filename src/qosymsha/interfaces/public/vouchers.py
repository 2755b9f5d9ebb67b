"""Checking a voucher that somebody shows: whether this house made its code, and whether it holds today."""

from __future__ import annotations

from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from qosymsha.domain.vouchers import queries
from qosymsha.domain.vouchers.states import VoucherState
from qosymsha.interfaces.ui import reasons
from qosymsha.interfaces.ui.doors import context, public_page
from qosymsha.interfaces.ui.papers import voucher as papers

_SAID = {
    VoucherState.ISSUED: ("wait", "vouchercheck.not_now"),
    VoucherState.SUSPENDED: ("wait", "vouchercheck.not_now"),
    VoucherState.CLOSED: ("red", "vouchercheck.over"),
}
_HOLDS = ("ok", "vouchercheck.holds")
_FALSE = ("red", "vouchercheck.false")


@public_page
def check(request: HttpRequest, code: str) -> HttpResponse:
    """`/{language}/voucher/{code}/`: what the code on a paper or a phone is worth; no name, no club, no category."""
    ready = context(request)
    told = papers.read(code)
    found = queries.standing(told.number) if told else None
    if told is None or found is None:
        words: dict[str, object] = {"said": _FALSE}
        return render(request, "public/voucher.html", ready | words, status=HTTPStatus.NOT_FOUND)
    words = {
        "said": _SAID.get(VoucherState(found.state), _HOLDS),
        "told": told,
        "found": found,
        "kind": reasons.kind_name(found.kind, str(ready["language"])),
    }
    return render(request, "public/voucher.html", ready | words)
