"""The public door's pages. A GET reads; nothing here writes."""

from __future__ import annotations

import sys
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.utils.translation import get_language, get_language_from_request

from qosymsha.interfaces.public.landing import landing
from qosymsha.interfaces.ui.doors import context, public_page
from qosymsha.interfaces.ui.outage import RETRY_SECONDS, is_outage
from qosymsha.interfaces.ui.signed import door_of, notice, private, signed_request


@public_page
def home(request: HttpRequest) -> HttpResponse:
    """`/`: to the first page in the browser's language, Kazakh where it says nothing we speak."""
    answer = HttpResponseRedirect(f"/{get_language_from_request(request)}/")
    patch_vary_headers(answer, ["Accept-Language"])
    return answer


@public_page
def first_page(request: HttpRequest) -> HttpResponse:
    """`/{language}/`: the landing page."""
    ready = context(request)
    return render(request, "public/landing.html", ready | {"page": landing(str(ready["language"]))})


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404 with a way out; inside a door, for who is signed in, in its layout."""
    if door_of(request) and signed_request(request) is not None:
        return private(notice(request, "error.404", HTTPStatus.NOT_FOUND))
    return _lost(request, HTTPStatus.NOT_FOUND)


def broken(request: HttpRequest) -> HttpResponse:
    """500 with a way out; 503 where what we stand on failed and will be back. Asks the database nothing."""
    if not is_outage(sys.exc_info()[1]):
        return _lost(request, HTTPStatus.INTERNAL_SERVER_ERROR)
    answer = _lost(request, HTTPStatus.SERVICE_UNAVAILABLE)
    answer.headers["Retry-After"] = str(RETRY_SECONDS)
    return answer


def _lost(request: HttpRequest, status: HTTPStatus) -> HttpResponse:
    language = get_language() or "kk"
    door = door_of(request)
    words = {
        "heading": f"error.{status}.h1",
        "advice": f"error.{status}.p",
        "again": request.get_full_path() if status >= HTTPStatus.INTERNAL_SERVER_ERROR and _is_look(request) else "",
        "start": f"/{language}/{door}/" if door else "",
    }
    answer = render(request, "public/error.html", context(request) | words, status=status)
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _is_look(request: HttpRequest) -> bool:
    return request.method in ("GET", "HEAD")
