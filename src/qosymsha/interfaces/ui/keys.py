"""The browser's own keys: `ui/keys.js` makes one before it sends, keeps it until the answer says what became of it.

That word is a cookie of the key's own, so that two tabs never overwrite each other's, and so that it arrives with the
answer even where the page after it does not. `docs/decisions/0040-browser-keys.md` says why.
"""

from __future__ import annotations

from enum import StrEnum
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase, HttpResponseRedirect
from django.urls import reverse
from django.utils.crypto import salted_hmac

from qosymsha.interfaces.ui.doors import Answer
from qosymsha.kernel.actor import Actor
from qosymsha.kernel.errors import KeyReason

MARK = "kept"  # a form's field by which the script says that it keeps the key
SECONDS = 3600  # for a browser that lost the page after the answer and comes back; the script deletes it when read
_REUSED = "qosymsha.key_reused"


def whose(actor: Actor) -> str:
    """A name for the user under which a browser shared by several keeps each one's keys; tells nothing else."""
    return salted_hmac("qosymsha.keys.whose", str(actor.user_id)).hexdigest()[:16]


def noted(request: HttpRequest, reason: StrEnum) -> None:
    """Remember that a command refused the key because it was used with another content."""
    request.META[_REUSED] = request.META.get(_REUSED) or reason is KeyReason.KEY_REUSED


def told(request: HttpRequest, answer: Answer) -> Answer:
    """Say what became of the key that a POST brought: `taken`, `reused` with another content, or nothing: not yet."""
    if request.method != "POST" or MARK not in request.POST:
        return answer
    try:
        key = UUID(str(request.POST.get("key")))
    except ValueError:
        return answer
    word = "reused" if request.META.get(_REUSED) else "taken" if _is_taken(answer) else ""
    if word:
        secure = bool(settings.SESSION_COOKIE_SECURE)
        name = f"{'__Host-' if secure else ''}{word}.{key}"
        answer.set_cookie(name, "1", max_age=SECONDS, secure=secure, httponly=False, samesite="Lax")
    return answer


def _is_taken(answer: HttpResponseBase) -> bool:
    """Done, not interrupted by a visit that ran out or a second factor that is asked for."""
    if isinstance(answer, HttpResponseRedirect):
        return not answer.url.startswith((reverse("sign-in"), reverse("step-up")))
    return answer.status_code < 400
