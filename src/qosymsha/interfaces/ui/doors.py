"""What every view wears: the Action it needs, or that it is public; a test walks the addresses and fails on a bare one."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

View = Callable[..., HttpResponse]


class PublicAction(StrEnum):
    """What anyone may do without signing in: look."""

    LOOK = "look"


def public_page(view: View) -> View:
    """Mark a page that anyone may read; only GET and HEAD reach it, everything else is 405."""
    shown: Any = require_safe(view)
    shown.action = PublicAction.LOOK
    return shown  # type: ignore[no-any-return]


def context(request: HttpRequest, language: str, languages: list[tuple[str, str]], mode: str) -> dict[str, object]:
    """What the base template needs."""
    return {"language": language, "languages": languages, "mode_key": f"mode.{mode}" if mode in ("demo", "trial") else ""}
