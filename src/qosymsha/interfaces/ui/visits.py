"""A visit: who signed in at this browser, when, and when they last proved it anew. Kept in the session, in our time.

The rights themselves are never kept: `signed.py` resolves them at each request (RELIABILITY.md T5).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.http import HttpRequest
from django.middleware.csrf import rotate_token

from qosymsha.domain.people.rules import Proof
from qosymsha.interfaces.ui import drafts, sessions
from qosymsha.kernel import clock

_SEEN_EVERY = timedelta(minutes=5)  # how finely idleness is measured: a write of the session costs a round trip
_KEPT = ("draft",)  # what outlives a visit that ran out: a form typed when it did, sealed to its user
_USER, _SINCE, _SEEN, _STRONG_AT, _STRONG_WAY = "user", "since", "seen", "strong_at", "strong_way"
_AWAITS, _AGENT = "awaits", "agent"
_BROWSERS = (("Edg/", "Edge"), ("YaBrowser", "Yandex"), ("OPR/", "Opera"), ("Firefox/", "Firefox"),
             ("Chrome/", "Chrome"), ("Safari/", "Safari"))  # fmt: skip
_SYSTEMS = (("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows"),
            ("Mac OS X", "macOS"), ("Linux", "Linux"))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Visit:
    """A signed-in user's visit; `proof` is the last strong authentication, however old.

    `awaits`: a second factor is asked for and was not shown yet, so that nothing is open but to show or add one.
    """

    user_id: int
    since: datetime
    proof: Proof | None
    awaits: bool = False

    def fresh_proof(self, at: datetime, minutes: int) -> Proof | None:
        """The proof where it is at most `minutes` old."""
        is_fresh = self.proof is not None and timedelta(0) <= at - self.proof.at <= timedelta(minutes=minutes)
        return self.proof if is_fresh else None


@dataclass(frozen=True, slots=True)
class Place:
    """A visit of a user at some browser, for its owner's eyes."""

    name: str
    agent: str
    since: datetime
    seen: datetime
    is_this: bool


def begin(request: HttpRequest, user_id: int, at: datetime, *, awaits: bool = False) -> None:
    """Start a visit under a fresh session id (a session id planted before signing in is worth nothing).

    `awaits`: only a second factor opens the rest.
    """
    kept = {name: value for name, value in request.session.items() if name in _KEPT}
    request.session.flush()
    mine = {_USER: user_id, _SINCE: at.isoformat(), _SEEN: at.isoformat(), _AGENT: _agent(request)}
    request.session.update(kept | mine | ({_AWAITS: True} if awaits else {}))
    rotate_token(request)


def instant(request: HttpRequest) -> datetime | None:
    """The database's clock as it was when this request's session was read; None where nobody is signed in."""
    if _USER not in request.session:
        return None
    read_at: datetime | None = getattr(request.session, "read_at", None)
    return read_at or clock.read()


def current(request: HttpRequest, at: datetime) -> Visit | None:
    """The visit of this request, or None: nobody signed in, idle too long, or too long ago. A visit over is ended."""
    kept = request.session
    if _USER not in kept:
        return None
    since, seen = datetime.fromisoformat(kept[_SINCE]), datetime.fromisoformat(kept[_SEEN])
    if at - since > settings.VISIT_LENGTH or at - seen > settings.VISIT_IDLE:
        drafts.keep(request, kept[_USER], at)
        _forget(request)
        return None
    if at - seen > _SEEN_EVERY:
        kept[_SEEN] = at.isoformat()
    proof = Proof(datetime.fromisoformat(kept[_STRONG_AT]), kept[_STRONG_WAY]) if _STRONG_AT in kept else None
    return Visit(kept[_USER], since, proof, awaits=_AWAITS in kept and proof is None)


def strengthen(request: HttpRequest, proof: Proof) -> None:
    """Keep a strong authentication just made; the session gets a new id, as the old one was worth less."""
    request.session.cycle_key()
    _write(request, proof)


def end(request: HttpRequest) -> None:
    """Sign out: the session's row is deleted, its cookie is dead."""
    request.session.flush()


def places(request: HttpRequest, user_id: int, at: datetime) -> list[Place]:
    """The user's visits that are open now, the one last seen first."""
    found = []
    for one in sessions.of_user(user_id, at):
        since, seen = (datetime.fromisoformat(one.content[name]) for name in (_SINCE, _SEEN))
        if at - since <= settings.VISIT_LENGTH and at - seen <= settings.VISIT_IDLE:
            is_this = one.key == request.session.session_key
            found.append(Place(one.name, one.content.get(_AGENT, ""), since, seen, is_this))
    return sorted(found, key=lambda place: (not place.is_this, -place.seen.timestamp()))


def _agent(request: HttpRequest) -> str:
    """What a person calls their browser; the rest of what it says of itself is not kept."""
    said = request.headers.get("User-Agent", "")
    named = [next((name for sign, name in table if sign in said), "") for table in (_BROWSERS, _SYSTEMS)]
    return " · ".join(name for name in named if name)


def _forget(request: HttpRequest) -> None:
    for name in (_USER, _SINCE, _SEEN, _STRONG_AT, _STRONG_WAY, _AWAITS, _AGENT):
        request.session.pop(name, None)


def _write(request: HttpRequest, proof: Proof) -> None:
    request.session[_STRONG_AT], request.session[_STRONG_WAY] = proof.at.isoformat(), proof.way
