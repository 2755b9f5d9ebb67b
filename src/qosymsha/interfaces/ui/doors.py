"""What every view wears: the Action it needs, or that it is public; a test walks the addresses for bare ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import wraps
from typing import Any, TypeVar

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import patch_cache_control
from django.utils.translation import get_language
from django.views.decorators.http import conditional_page, require_safe

View = Callable[..., HttpResponse]
FileView = Callable[..., HttpResponseBase]
FRESH_SECONDS = 60
Answer = TypeVar("Answer", bound=HttpResponseBase)
FILE_SECONDS = 365 * 24 * 3600
KEPT_SECONDS = 3600  # a page this old may be shown while a fresh one is fetched: the network may be slow


class PublicAction(StrEnum):
    """What anyone may do without signing in: look."""

    LOOK = "look"


@dataclass(frozen=True, slots=True)
class Tongue:
    """A language, and this very page in it."""

    code: str
    name: str
    address: str


def public_page(view: View) -> View:
    """Mark a page that anyone may read: GET and HEAD only (405 else), cached a minute, 304 where unchanged."""
    guarded: Any = conditional_page(require_safe(view))

    @wraps(view)
    def shown(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        answer: HttpResponse = guarded(request, *args, **kwargs)
        if answer.status_code < 400:
            patch_cache_control(answer, public=True, max_age=FRESH_SECONDS, stale_while_revalidate=KEPT_SECONDS)
        return answer

    shown.action = PublicAction.LOOK  # type: ignore[attr-defined]
    return shown


def public_file(view: FileView) -> FileView:
    """Mark a file that anyone may fetch: GET and HEAD only (405 else), never changed, so kept for a year."""
    guarded: Any = require_safe(view)

    @wraps(view)
    def sent(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        answer: HttpResponseBase = guarded(request, *args, **kwargs)
        if answer.status_code < 400:
            patch_cache_control(answer, public=True, max_age=FILE_SECONDS, immutable=True)
        return answer

    sent.action = PublicAction.LOOK  # type: ignore[attr-defined]
    return sent


def context(request: HttpRequest) -> dict[str, object]:
    """What the base template needs; asks the database nothing."""
    language = get_language() or "kk"
    mode_key = f"mode.{settings.MODE}" if settings.MODE in ("demo", "trial") else ""
    return {"language": language, "tongues": tongues(request), "mode_key": mode_key}


def tongues(request: HttpRequest) -> list[Tongue]:
    """Every language with the address of this page in it; a page without a language leads to the first page."""
    first, _, rest = request.get_full_path().removeprefix("/").partition("/")
    codes = dict(settings.LANGUAGES)
    return [Tongue(code, name, f"/{code}/{rest if first in codes else ''}") for code, name in codes.items()]
