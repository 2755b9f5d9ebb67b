"""What every answer tells the browser about itself, beyond what Django and django-csp say. docs/security/tls.md."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

YEAR_SECONDS = 365 * 24 * 3600
# What a page of ours never asks a browser for; the passkeys of our own pages stay allowed by default.
_NEVER = ("camera", "geolocation", "microphone", "payment", "usb", "serial", "bluetooth", "browsing-topics")
POLICY = ", ".join(f"{name}=()" for name in _NEVER)


def always() -> dict[str, str]:
    """The headers of every answer, also of the one that sends a visitor away before Django."""
    said = {"Permissions-Policy": POLICY, "Cross-Origin-Resource-Policy": "same-origin"}
    if settings.PUBLIC_ADDRESS.startswith("https://"):
        said["Strict-Transport-Security"] = f"max-age={2 * YEAR_SECONDS}; includeSubDomains"
    return said


def hardened(answer_to: Callable[[HttpRequest], HttpResponseBase]) -> Callable[[HttpRequest], HttpResponseBase]:
    """A middleware: no other site loads our answers, no page asks for a device, TLS stays TLS for two years.

    The browser is told to stay with TLS where the pages' own address is https: behind a proxy the request itself does
    not say so, and a header that a visitor can set must not decide it.
    """

    def answer(request: HttpRequest) -> HttpResponseBase:
        given = answer_to(request)
        for name, value in always().items():
            given.headers[name] = value
        return given

    return answer
