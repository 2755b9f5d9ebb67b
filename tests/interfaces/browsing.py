"""Somebody signed in at the test client: rights as they stand in the database, a second factor where a test says so."""

from __future__ import annotations

import base64
import re
from datetime import UTC, datetime
from uuid import UUID, uuid4

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from django.db import connection
from django.test import Client

from qosymsha.domain.people import commands, queries
from qosymsha.domain.people.states import Role, Way
from qosymsha.kernel import clock
from qosymsha.kernel.actor import Actor

SYSTEM = Actor.system("test")


def come_in(client: Client, user_id: int, *, strong: bool = False, at: datetime | None = None) -> Client:
    """The client as this user's browser; `strong`: a second factor was given just now."""
    now = (at or clock.read()).isoformat()
    session = client.session
    session.update({"user": user_id, "since": now, "seen": now})
    if strong:
        session.update({"strong_at": now, "strong_way": Way.CODE.value})
    session.save()
    return client


def app_code(secret: str) -> str:
    """What an authenticator app with this secret (base32) shows as a half minute begins, to which the clock goes on."""
    begins = (int(clock.read().timestamp()) // 30 + 1) * 30
    clock.shift_to(datetime.fromtimestamp(begins, UTC))
    return TOTP(base64.b32decode(secret), 6, SHA1(), 30).generate(begins).decode()  # noqa: S303 - RFC 6238's default


def official(role: Role, *, territory_id: int | None = None, provider_id: int | None = None, name: str = "") -> int:
    """The user id of somebody appointed now."""
    appointment = commands.Appointment(name or f"test:{role.value}", role, territory_id, provider_id=provider_id)
    return commands.appoint(actor=SYSTEM, appointment=appointment, at=clock.read(), key=uuid4())


def guardian_user(guardian_id: int) -> int:
    """The user id of a guardian, admitted now where this is the first time."""
    subject = f"test:guardian:{guardian_id}"
    return commands.admit_guardian(actor=SYSTEM, guardian_id=guardian_id, subject=subject, at=clock.read(), key=uuid4())


def actor(user_id: int) -> Actor:
    """The user as the next request will see it."""
    return queries.actor_for(user_id, clock.read())


def form_of(shown: str, action: str = "") -> dict[str, str]:
    """The hidden fields of the page's form that posts to `action` (else of the first in the page's own part)."""
    for form in re.findall(r"<form[^>]*>.*?</form>", shown.partition("<main")[2] or shown, re.DOTALL):
        if action in form.partition(">")[0]:
            return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form))
    return {}


def plain(content: bytes) -> bytes:
    """A page without what differs from answer to answer: ids and keys, the token against foreign forms."""
    without_ids = re.sub(rb"[0-9a-f]{8}-[0-9a-f-]{27}", b"", content)
    return re.sub(rb'(csrfmiddlewaretoken" value=")\w+', rb"\1", without_ids)


def new_key() -> UUID:
    """A key as a page just opened carries it."""
    return uuid4()


def memberships(user_id: int) -> list[int]:
    """The ids of a user's rights, the oldest first."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM membership WHERE user_id = %s ORDER BY id", [user_id])
        return [row[0] for row in cursor.fetchall()]


_KEYS = re.compile(
    r'(name="(?:csrfmiddlewaretoken|key)" value=)"[^"]*"|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}'
)


def masked(shown: str) -> str:
    """A page without what differs by itself: tokens, keys, outside ids."""
    return _KEYS.sub(r"\1", shown)
