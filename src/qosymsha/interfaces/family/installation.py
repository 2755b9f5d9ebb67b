"""Which phone speaks: a random name of this browser's installation, for red flags. It says which phone, never who.

The server keeps only 16 bytes of a hash under the month's own key, for 90 days (docs/rules/presence.md).
"""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from qosymsha.domain.attendance.rules import Trace
from qosymsha.kernel import entropy

_LIFE = 180 * 24 * 3600


def _name() -> str:
    return "__Host-phone" if settings.SESSION_COOKIE_SECURE else "phone"


def trace(request: HttpRequest) -> Trace:
    """Device and network of a request. No cookie, no device: a browser's kind would be everybody's."""
    return Trace(_known(request), str(request.META.get("REMOTE_ADDR", "")))


def named(request: HttpRequest, answer: HttpResponse) -> HttpResponse:
    """The answer, which gives this installation its name where it has none yet."""
    if not _known(request):
        answer.set_cookie(
            _name(),
            str(entropy.uuid4()),
            max_age=_LIFE,
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
            samesite="Lax",
        )
    return answer


def _known(request: HttpRequest) -> str:
    try:
        return str(UUID(request.COOKIES.get(_name(), "")))
    except ValueError:
        return ""
