"""The public door's pages. A GET reads; nothing here writes."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.utils.translation import get_language, get_language_from_request

from qosymsha.interfaces.public.landing import landing
from qosymsha.interfaces.ui.doors import context, public_page


def _context(request: HttpRequest) -> dict[str, object]:
    return context(request, get_language() or "kk", settings.LANGUAGES, settings.MODE)


@public_page
def home(request: HttpRequest) -> HttpResponse:
    """`/`: to the first page in the browser's language, Kazakh where it says nothing we speak."""
    answer = HttpResponseRedirect(f"/{get_language_from_request(request)}/")
    patch_vary_headers(answer, ["Accept-Language"])
    return answer


@public_page
def first_page(request: HttpRequest) -> HttpResponse:
    """`/{language}/`: the landing page."""
    ready = _context(request)
    return render(request, "public/landing.html", ready | {"page": landing(str(ready["language"]))})


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404 with a way out."""
    words = {"heading": "error.404.h1", "advice": "error.404.p"}
    return render(request, "public/error.html", _context(request) | words, status=404)


def broken(request: HttpRequest) -> HttpResponse:
    """500 with a way out; asks the database nothing."""
    words = {"heading": "error.500.h1", "advice": "error.500.p"}
    return render(request, "public/error.html", _context(request) | words, status=500)
