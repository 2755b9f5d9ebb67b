"""The public door's pages. A GET reads; nothing here writes."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.utils.translation import get_language_from_request

from qosymsha.interfaces.public.landing import landing
from qosymsha.interfaces.ui.doors import context, public_page


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
    """404 with a way out."""
    return _lost(request, 404)


def broken(request: HttpRequest) -> HttpResponse:
    """500 with a way out; asks the database nothing."""
    return _lost(request, 500)


def _lost(request: HttpRequest, status: int) -> HttpResponse:
    words = {"heading": f"error.{status}.h1", "advice": f"error.{status}.p"}
    answer = render(request, "public/error.html", context(request) | words, status=status)
    answer.headers["Cache-Control"] = "no-store"
    return answer
