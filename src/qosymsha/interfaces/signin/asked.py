"""Questions put to the identity provider and not yet answered: sealed in the browser's own cookie.

Nothing of somebody who only opens the way in is stored here: no session row, however often it is opened. The cookie is
read by this house alone (AES-GCM), lives ten minutes, and an answer strikes its question off.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
from datetime import datetime, timedelta
from typing import TypedDict

from cryptography.exceptions import InvalidTag
from django.conf import settings
from django.http import HttpRequest, HttpResponse

from qosymsha.kernel import cipher

LIFE = timedelta(minutes=10)
NEXT_AT_MOST = 500  # a longer way back is not worth a cookie that browsers refuse
_TABS = 4  # questions of one browser that may be open at a time
_MOST_BYTES = 3_800
_BOUND = b"asked"


class Question(TypedDict):
    """What was asked: the provider's secrets, when, where to go on to, in which language, for which user (anew)."""

    state: str
    nonce: str
    verifier: str
    at: str
    next: str
    language: str
    user: int | None


def waiting(request: HttpRequest) -> list[Question]:
    """The questions of this browser; a cookie that is not ours holds none."""
    kept = request.COOKIES.get(_name(), "")
    key_id, _, text = kept.partition(":")
    try:
        raw = base64.urlsafe_b64decode(text)
        found: list[Question] = json.loads(cipher.unseal(cipher.Sealed(key_id, raw[:12], raw[12:]), bound_to=_BOUND))
    except (InvalidTag, KeyError, ValueError, binascii.Error):
        return []
    return found


def keep(answer: HttpResponse, questions: list[Question]) -> None:
    """Leave the newest questions with the browser; none left: the cookie goes."""
    kept = questions[-_TABS:]
    while kept:
        sealed = cipher.seal(json.dumps(kept).encode(), bound_to=_BOUND)
        text = f"{sealed.key_id}:{base64.urlsafe_b64encode(sealed.nonce + sealed.ciphertext).decode()}"
        if len(text) <= _MOST_BYTES:
            answer.set_cookie(
                _name(), text, max_age=LIFE, secure=settings.SESSION_COOKIE_SECURE, httponly=True, samesite="Lax"
            )
            return
        kept = kept[1:]
    answer.delete_cookie(_name(), samesite="Lax")


def of_state(questions: list[Question], state: str, at: datetime) -> Question | None:
    """The question this answer belongs to, if it is not too old."""
    told = state.encode()
    found = next((one for one in questions if hmac.compare_digest(one["state"].encode(), told)), None)
    is_late = found is not None and at - datetime.fromisoformat(found["at"]) > LIFE
    return None if is_late else found


def _name() -> str:
    return "__Host-asked" if settings.PRODUCTION else "asked"
