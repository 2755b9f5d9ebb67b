"""The office door's first page."""

from __future__ import annotations

from django.http import HttpResponse

from qosymsha.interfaces.office.access import Look
from qosymsha.interfaces.ui.signed import SignedRequest, allowed, page


@allowed(Look.HOME)
def home(request: SignedRequest) -> HttpResponse:
    """`/office/`: where one lands after signing in."""
    return page(request, "office/home.html")
