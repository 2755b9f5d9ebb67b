"""Reads: which factors a person has. A person sees their own; whether somebody has one is asked at sign-in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection

from qosymsha.domain.factors.access import ALLOWED, Action
from qosymsha.domain.people import queries as people
from qosymsha.kernel.actor import Actor, require

_MINE = """
SELECT uuid, name, added_at, used_at, stopped_at IS NOT NULL FROM passkey
 WHERE user_id = %s AND ended_at IS NULL ORDER BY added_at, id"""


@dataclass(frozen=True, slots=True)
class OwnPasskey:
    """A passkey as its owner sees it."""

    uuid: UUID
    name: str
    added_at: datetime
    used_at: datetime | None
    is_stopped: bool


@dataclass(frozen=True, slots=True)
class OwnFactors:
    """All that a person can prove with; `codes` is how many recovery codes are left."""

    passkeys: list[OwnPasskey]
    has_app: bool
    codes: int

    @property
    def is_last(self) -> bool:
        """True where one factor is left, so that it cannot be removed."""
        return sum(not one.is_stopped for one in self.passkeys) + self.has_app <= 1


def own_factors(*, actor: Actor) -> OwnFactors:
    """The actor's own factors.

    Raises:
        Forbidden: the actor is no official, teacher or manager today.
    """
    require(actor, Action.SEE_FACTORS, ALLOWED)
    with connection.cursor() as cursor:
        cursor.execute(_MINE, [actor.user_id])
        passkeys = [OwnPasskey(*row) for row in cursor.fetchall()]
    return OwnFactors(passkeys, people.has_app(actor.user_id), codes_left(actor.user_id))


def codes_left(user_id: int) -> int:
    """How many recovery codes of a user are still good."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM recovery_code WHERE user_id = %s AND used_at IS NULL AND ended_at IS NULL", [user_id]
        )
        (left,) = cursor.fetchone()
    return int(left)


def has_passkey(user_id: int) -> bool:
    """True where the user has a passkey in use (one that was stopped proves nothing)."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM passkey WHERE user_id = %s AND ended_at IS NULL AND stopped_at IS NULL)",
            [user_id],
        )
        (has,) = cursor.fetchone()
    return bool(has)


def has_factor(user_id: int) -> bool:
    """True where the user has a passkey or an authenticator app: then signing in asks for it too."""
    return has_passkey(user_id) or people.has_app(user_id)
