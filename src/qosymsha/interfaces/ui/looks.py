"""A server that only shows: public pages, from a standby that may be a moment behind. Decision 0056.

Whatever files, signs in or decides needs the one database that leads. The balancer sends it there; where it is wrong,
this says so, and never decides on what it sees. Behind it the connection itself is read only.
"""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from qosymsha.interfaces.ui.doors import PublicAction

MISDIRECTED = 421
_TOLD = "This server only shows public pages. Please open the page again.\n"


class LooksOnly:
    """Middleware: lets views through that anyone may look at, by GET and HEAD; all else is misdirected (421)."""

    def __init__(self, answer_to: Callable[[HttpRequest], HttpResponseBase]) -> None:
        """`answer_to`: the rest of the way."""
        self._answer_to = answer_to

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer."""
        return self._answer_to(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponseBase], *_: object
    ) -> HttpResponseBase | None:
        """Stop before the view is asked anything."""
        is_look = getattr(view, "action", None) is PublicAction.LOOK and request.method in ("GET", "HEAD")
        return None if is_look else misdirected()


def misdirected() -> HttpResponse:
    """421: a browser may ask again on another connection; nobody keeps it."""
    headers = {"Cache-Control": "no-store", "Retry-After": "1"}
    return HttpResponse(_TOLD, status=MISDIRECTED, content_type="text/plain; charset=utf-8", headers=headers)
