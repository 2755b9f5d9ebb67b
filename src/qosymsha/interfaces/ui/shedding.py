"""How many requests a worker takes on, and what those are told who come past that. Decision 0036.

A request runs, waits its turn in a short line, or is sent away at once: 503, Retry-After, a page that says that nothing
is lost. Who waits longest comes first; the line is as long as can be served within `patience`. So under any load who is
let in is answered in time, and who is not knows it within milliseconds. Pages that anyone may look at have a line of
their own, so that those who file do not keep others from reading; files, health and status pages have none at all.
"""

from __future__ import annotations

import os
import random
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cache
from html import escape
from typing import Any

from qosymsha.interfaces.ui import headers as told
from qosymsha.interfaces.ui import meters, texts
from qosymsha.interfaces.ui.build import HEADER, build_id

Environ = dict[str, Any]
Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]

_EXEMPT = re.compile(r"/(?:(?:kk|ru|en)/)?(?:static|health|status)(?:/|\Z)")
_OWN = re.compile(r"/(?:kk|ru|en)/(?:family|provider|office|sign-in|sign-out|step-up)/")
_RETRY_SECONDS = (3, 9)  # drawn anew each time, so that those sent away do not come back as one
_WEIGHT = 0.05  # of the newest wait in the average: it follows a change within some twenty requests
_LEAP, _BRISK = 4.0, 0.005  # one wait counts for so many times the pace at most; seconds, a pace that any server has
_POLICY = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'"


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one worker: requests at work at once, how many may wait for a place at most, and for how long (seconds).

    The line is as long as what can be served within `patience` at the pace of the last requests, but at least `least`
    and at most `queue`. Those who only look have as many places, and a quarter of the line.
    """

    places: int = 4
    queue: int = 200
    patience: float = 1.5
    least: int = 32

    @property
    def threads(self) -> int:
        """Threads that the server needs so that both lines can stand and somebody can still be sent away."""
        return 2 * self.places + self.queue + self.looking.queue + 8 if self.places else 16

    @property
    def looking(self) -> Limits:
        """The line of those who only look."""
        return replace(self, queue=self.queue // 4)


def limits() -> Limits:
    """The limits of this installation: QOSYMSHA_PLACES (0: no limit), QOSYMSHA_QUEUE, QOSYMSHA_QUEUE_SECONDS."""
    usual = Limits()
    return Limits(
        int(os.environ.get("QOSYMSHA_PLACES", usual.places)),
        int(os.environ.get("QOSYMSHA_QUEUE", usual.queue)),
        float(os.environ.get("QOSYMSHA_QUEUE_SECONDS", usual.patience)),
    )


class Line:
    """Places, and a line before them: first come, first served.

    `pace`: seconds between two places that became free, an average over the last ones while somebody waited. One long
    wait is no pace: a second in which the disk stood still must not send those away who will be served right after it.
    """

    def __init__(self, given: Limits) -> None:
        """An empty line with all places free."""
        self.pace = 0.0
        self._limits = given
        self._taken = 0
        self._waiting: deque[threading.Lock] = deque()
        self._lock = threading.Lock()
        self._freed_at: float | None = None  # None: since then nobody waited

    def __len__(self) -> int:
        """How many wait."""
        return len(self._waiting)

    def enter(self) -> bool:
        """Take a place, at once or in one's turn; False, at once: the line is as long as it may be.

        False after a wait: the pace broke down meanwhile, and the turn did not come in four times the patience.
        """
        with self._lock:
            if self._taken < self._limits.places:
                self._taken += 1
                return True
            if self._is_full():
                return False
            turn = threading.Lock()
            turn.acquire()
            self._waiting.append(turn)
        if turn.acquire(timeout=4 * self._limits.patience):
            return True
        with self._lock:
            if turn in self._waiting:
                self._waiting.remove(turn)
                return False
        return True  # the place was handed over while we gave up

    def leave(self) -> None:
        """Give the place to who waits longest, or free it."""
        with self._lock:
            if self._waiting:
                self._count()
                self._waiting.popleft().release()
            else:
                self._taken -= 1
                self._freed_at = None

    def _is_full(self) -> bool:
        waiting, given = len(self._waiting), self._limits
        return waiting >= given.queue or (waiting >= given.least and waiting * self.pace > given.patience)

    def _count(self) -> None:
        now = time.monotonic()
        if self._freed_at is not None:
            wait = min(now - self._freed_at, _LEAP * max(self.pace, _BRISK))
            self.pace += (wait - self.pace) * _WEIGHT
        self._freed_at = now


class Shedding:
    """A WSGI application behind its lines."""

    def __init__(self, application: Application, given: Limits) -> None:
        """`given.places` of 0 lets everybody in."""
        self._application = application
        self._is_open = given.places == 0
        self.looking, self.doing = Line(given.looking), Line(given)

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer, in turn, or say that it is too much now."""
        path = environ.get("PATH_INFO", "")
        if self._is_open or _EXEMPT.match(path):
            return self._application(environ, start_response)
        is_look = environ["REQUEST_METHOD"] in ("GET", "HEAD") and not _OWN.match(path)
        line = self.looking if is_look else self.doing
        if not line.enter():
            return _sent_away(environ, start_response)
        try:
            return self._application(environ, start_response)
        finally:
            line.leave()


def _sent_away(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
    meters.count_shed()
    language, is_post = language_of(environ), environ["REQUEST_METHOD"] not in ("GET", "HEAD")
    body = busy_page(language, is_post)
    headers = [
        ("Content-Type", "text/html; charset=utf-8"),
        ("Content-Length", str(len(body))),
        ("Content-Language", language),
        ("Content-Security-Policy", _POLICY),
        ("X-Content-Type-Options", "nosniff"),
        ("X-Frame-Options", "DENY"),
        ("Referrer-Policy", "same-origin"),
        ("Cache-Control", "no-store"),
        ("Retry-After", str(random.randint(*_RETRY_SECONDS))),  # noqa: S311 - spreads a crowd, keeps no secret
        (HEADER, build_id()),
        *told.always().items(),
    ]
    start_response("503 Service Unavailable", headers)
    return [b"" if environ["REQUEST_METHOD"] == "HEAD" else body]


def language_of(environ: Environ) -> str:
    """The language of the address; where it has none, the first of the browser's that we speak, else Kazakh."""
    wished = [
        environ.get("PATH_INFO", "")[1:3],
        *(w.strip()[:2] for w in environ.get("HTTP_ACCEPT_LANGUAGE", "").split(",")),
    ]
    return next((one for one in wished if one in texts.LANGUAGES), texts.LANGUAGES[0])


@cache
def busy_page(language: str, is_post: bool) -> bytes:
    """The page of a 503: what became of what was sent, and what to do. Asks nobody anything; made once."""
    heading, kept, press, again, link = (
        escape(texts.say(language, key)) for key in ("busy.h1", "busy.kept", "busy.press", "busy.again", "busy.link")
    )
    advice = f"<p>{kept} {press}</p>" if is_post else f'<p>{again} <a href="">{link}</a></p>'
    return (
        f'<!doctype html>\n<html lang="{language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{heading} · Qosymsha</title><link rel="stylesheet" href="/static/ui/qosymsha.css"></head>'
        f'<body><main id="main"><div class="wrap hero"><h1>{heading}</h1>{advice}</div></main></body></html>\n'
    ).encode()
