"""What one page hands to the next through the browser, sealed: no row is written for it, nobody else reads or makes it.

A sentence said once after a POST travels in a cookie of a few minutes. What a form showed (names, titles) travels in
the form, so that a refused POST can show it again without reading a child's record a second time.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from cryptography.exceptions import InvalidTag
from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.translation import get_language

from qosymsha.interfaces.ui import texts
from qosymsha.kernel import cipher

_COOKIE = "__Host-said" if settings.PRODUCTION else "said"
_SECONDS = 300
_MOST = 32_000


def say_next(answer: HttpResponseBase, key: str, values: dict[str, object]) -> None:
    """Have the next page of this browser say the sentence of `key` once."""
    answer.set_cookie(
        _COOKIE,
        seal([key, values], "said"),
        max_age=_SECONDS,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def said(request: HttpRequest) -> str | None:
    """The sentence to say on this page, or None; who says it calls `forget`."""
    found = unseal(request.COOKIES.get(_COOKIE, ""), "said")
    return None if found is None else texts.say(get_language() or "kk", found[0], **found[1])


def forget(answer: HttpResponseBase) -> None:
    """The sentence was said."""
    answer.delete_cookie(_COOKIE, samesite="Lax")


def seal(value: Any, bound_to: str) -> str:
    """A JSON-able value as text that only this house reads, and only under the same `bound_to`."""
    sealed = cipher.seal(json.dumps(value).encode(), bound_to=f"carried:{bound_to}".encode())
    return ".".join([sealed.key_id, _text(sealed.nonce), _text(sealed.ciphertext)])


def unseal(text: str, bound_to: str) -> Any | None:
    """The value of `seal`; None for what is not ours, was made for something else, or is too long."""
    if not text or len(text) > _MOST:
        return None
    try:
        key_id, nonce, ciphertext = text.split(".")
        sealed = cipher.Sealed(key_id, base64.urlsafe_b64decode(nonce), base64.urlsafe_b64decode(ciphertext))
        return json.loads(cipher.unseal(sealed, bound_to=f"carried:{bound_to}".encode()))
    except (InvalidTag, KeyError, ValueError, binascii.Error):
        return None


def _text(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).decode()
