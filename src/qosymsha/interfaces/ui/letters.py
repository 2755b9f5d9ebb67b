"""The one letter that no text of ours can hold: NUL, which PostgreSQL refuses. Found by the fuzzer (decision 0057)."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from qosymsha.interfaces.ui.signed import notice, private

_NUL = "\0"


def readable(answer_to: Callable[[HttpRequest], HttpResponseBase]) -> Callable[[HttpRequest], HttpResponseBase]:
    """The innermost middleware: a request with NUL in its path, query or form is answered 400, like any unreadable one.

    A form's fields say so by themselves where there are fields; words that a view takes as they come would be a fault.
    """

    def answer(request: HttpRequest) -> HttpResponseBase:
        return (
            private(notice(request, "error.400", HTTPStatus.BAD_REQUEST)) if _holds_nul(request) else answer_to(request)
        )

    return answer


def _holds_nul(request: HttpRequest) -> bool:
    if _NUL in request.path_info:
        return True
    given = (request.GET, request.POST) if request.method == "POST" else (request.GET,)
    return any(_NUL in name or any(_NUL in one for one in values) for words in given for name, values in words.lists())
