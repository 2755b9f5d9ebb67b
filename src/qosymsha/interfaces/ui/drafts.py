"""What was typed when a visit ran out or a second factor was asked for: sealed, short-lived, for the same person."""

from __future__ import annotations

import base64
import json
from datetime import datetime, timedelta

from cryptography.exceptions import InvalidTag
from django.http import HttpRequest, QueryDict

from qosymsha.kernel import cipher

_NAME, _TAKEN = "draft", "qosymsha.draft"
_LIFE = timedelta(minutes=20)
_MOST_BYTES = 32_000  # a form of ours is far smaller; files are never kept
_LEFT_OUT = frozenset({"csrfmiddlewaretoken"})


def keep(request: HttpRequest, user_id: int, at: datetime) -> None:
    """Keep the fields of an interrupted POST for this user; the session holds them encrypted."""
    if request.method != "POST":
        return
    fields = [[name, values] for name, values in request.POST.lists() if name not in _LEFT_OUT]
    plain = json.dumps({"path": request.path, "fields": fields, "at": at.isoformat()}).encode()
    if len(plain) > _MOST_BYTES:
        return
    sealed = cipher.seal(plain, bound_to=_bound(user_id))
    request.session[_NAME] = [
        sealed.key_id,
        *(base64.b64encode(part).decode() for part in (sealed.nonce, sealed.ciphertext)),
    ]


def is_kept(request: HttpRequest) -> bool:
    """Whether something typed waits here for whoever typed it."""
    return _NAME in request.session


def take(request: HttpRequest, user_id: int, at: datetime) -> QueryDict | None:
    """The fields kept for this page and this user, once; None where there are none, or they are old or another's."""
    if _NAME not in request.session:
        return None
    key_id, nonce, text = request.session[_NAME]
    try:
        sealed = cipher.Sealed(key_id, base64.b64decode(nonce), base64.b64decode(text))
        kept = json.loads(cipher.unseal(sealed, bound_to=_bound(user_id)))
    except (InvalidTag, KeyError):
        del request.session[_NAME]
        return None
    if kept["path"] != request.path:
        return None
    del request.session[_NAME]
    if at - datetime.fromisoformat(kept["at"]) > _LIFE:
        return None
    fields = QueryDict(mutable=True)
    for name, values in kept["fields"]:
        fields.setlist(name, values)
    request.META[_TAKEN] = fields
    return fields


def taken(request: HttpRequest) -> QueryDict | None:
    """What `take` found for this request, if it was asked."""
    found = request.META.get(_TAKEN)
    return found if isinstance(found, QueryDict) else None


def _bound(user_id: int) -> bytes:
    return f"draft:{user_id}".encode()
