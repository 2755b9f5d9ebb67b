"""What any room's verb may do with this room's rows inside its transaction: seal secrets, find or store persons."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from qosymsha.domain.people import queries, resealing
from qosymsha.domain.people.access import Action
from qosymsha.domain.people.models import SecondFactor, SecurityEvent, StrongTry, User
from qosymsha.domain.people.rules import (
    CodeLimits,
    GuardRefusal,
    PersonDetails,
    SignInRefusal,
    merged,
    person_json,
    person_of,
    reading_limit,
)
from qosymsha.domain.people.states import SELF, Alarm, ConsentWay, Purpose, Role, Way
from qosymsha.kernel import audit, cipher, entropy
from qosymsha.kernel.actor import Actor
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.errors import Refused

_log = logging.getLogger(__name__)
FACTOR = "second_factor"  # the kind of an app's secret

_FIRST_CONSENT = """
INSERT INTO consent (guardian_id, child_id, purpose, way, given_at)
SELECT s.* FROM (VALUES (%s::bigint, %s::bigint, %s, %s, %s::timestamptz)) AS s (guardian, child, purpose, way, given)
 WHERE NOT EXISTS (SELECT FROM consent c WHERE (c.guardian_id, c.purpose) = (s.guardian, s.purpose)
                   AND c.child_id IS NOT DISTINCT FROM s.child)
    ON CONFLICT DO NOTHING RETURNING id"""

# Two registrations of the same person at once: the second waits at the unique look-up and then finds the first's row.
# `keep` leaves rows that are there; `replace` writes a subject's own row anew.
_SEAL = """
INSERT INTO person_secret (subject_kind, subject_id, key_id, nonce, ciphertext, lookup, name_tokens)
SELECT %(kind)s, id, %(key)s, nonce, ciphertext, lookup, tokens::bytea[]
  FROM unnest(%(ids)s::bigint[], %(nonces)s::bytea[], %(texts)s::bytea[], %(lookups)s::bytea[], %(tokens)s::text[])
       AS given (id, nonce, ciphertext, lookup, tokens)
 ORDER BY lookup, id
"""
_REPLACE = """
ON CONFLICT (subject_kind, subject_id) DO UPDATE SET key_id = excluded.key_id, nonce = excluded.nonce,
    ciphertext = excluded.ciphertext, lookup = excluded.lookup, name_tokens = excluded.name_tokens"""
_KEEP = "ON CONFLICT (subject_kind, lookup) DO NOTHING RETURNING lookup, subject_id"

_STALE = """
SELECT id, subject_kind, subject_id, key_id, nonce, ciphertext FROM person_secret
 WHERE key_id = ANY (%s) AND id > %s ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED"""
_REWRITE = """
UPDATE person_secret s SET key_id = %s, nonce = given.nonce, ciphertext = given.ciphertext
  FROM unnest(%s::bigint[], %s::bytea[], %s::bytea[]) AS given (id, nonce, ciphertext) WHERE s.id = given.id"""


_STANDING = """
SELECT id FROM membership WHERE user_id = %s AND role = %s AND territory_id IS NOT DISTINCT FROM %s
   AND department_id IS NOT DISTINCT FROM %s AND provider_id IS NOT DISTINCT FROM %s
   AND valid @> daterange(%s, %s, '[]')"""
_GIVE = """
INSERT INTO membership (user_id, role, territory_id, department_id, provider_id, valid)
VALUES (%s, %s, %s, %s, %s, daterange(%s, %s, '[]')) RETURNING id"""


@dataclass(frozen=True, slots=True)
class SecretRow:
    """A secret to store: the subject's id, the plain bytes, and what it may be found by (keyed hashes)."""

    subject_id: int
    plain: bytes
    lookup: bytes | None = None
    tokens: Sequence[bytes] = ()


@dataclass(frozen=True, slots=True)
class Scope:
    """A role and what it is bound to; None: not bound to it."""

    role: str
    territory_id: int | None = None
    department_id: int | None = None
    provider_id: int | None = None


@dataclass(frozen=True, slots=True)
class Stored:
    """Persons found or made: look-up → subject id; which ids are new here."""

    ids: dict[bytes, int]
    made: frozenset[int]


def seal(kind: str, rows: Sequence[SecretRow]) -> None:
    """Encrypt and store the rows, replacing what the same subjects had; one statement for any number of rows."""
    assert transaction.get_connection().in_atomic_block, "a secret commits with its subject"
    if rows:
        _write(kind, rows, _REPLACE)


def sealed(kind: str, subject_id: int, plain: bytes) -> cipher.Sealed:
    """A secret as `seal` would store it: for a verb that stores it by the SQL function `seal_secret`."""
    return cipher.seal(plain, bound_to=queries.binding(kind, subject_id))


def erase(kind: str, subject_ids: Sequence[int]) -> int:
    """Destroy these subjects' secrets: that is what erasing a person is. Returns how many there were."""
    assert transaction.get_connection().in_atomic_block, "an erasure commits with its record"
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM person_secret WHERE subject_kind = %s AND subject_id = ANY(%s)", [kind, list(subject_ids)]
        )
        return int(cursor.rowcount)


def store_persons(kind: str, table: str, wanted: Mapping[bytes, PersonDetails]) -> Stored:
    """Find or make the secrets of persons keyed by look-up, with ids reserved from `table`'s sequence.

    The caller inserts the rows of `made` into `table`. Those found keep what they have and take what is told anew.
    Race-free without a lock: who comes second waits for the first's transaction and gets its ids.
    """
    found = queries.by_lookup(kind, list(wanted))
    missing = [lookup for lookup in wanted if lookup not in found]
    made = _insert(kind, table, {lookup: wanted[lookup] for lookup in missing}) if missing else {}
    if len(made) < len(missing):  # another transaction was faster with some; now they are visible
        found |= queries.by_lookup(kind, [lookup for lookup in missing if lookup not in made])
    _refresh(kind, found, wanted)
    return Stored({**found, **made}, frozenset(made.values()))


def user_called(subject: str, language: str = "kk") -> int:
    """The user whom the identity provider calls so, made on first sight."""
    assert transaction.get_connection().in_atomic_block, "a user commits with a right"
    user, _ = User.objects.get_or_create(subject=subject, defaults={"language": language})
    return user.pk


def give_role(user_id: int, scope: Scope, first: date, last: date | None) -> int:
    """Give a right for these days, both counted; one that covers them already is kept. Returns its id."""
    assert transaction.get_connection().in_atomic_block, "a right commits with its cause"
    mine: list[Any] = [user_id, scope.role, scope.territory_id, scope.department_id, scope.provider_id]
    with connection.cursor() as cursor:
        cursor.execute(_STANDING, [*mine, first, last])
        row = cursor.fetchone()
        if row is None:
            cursor.execute(_GIVE, [*mine, first, last])
            row = cursor.fetchone()
    return int(row[0])


def end_role(user_id: int, scope: Scope, day: date) -> int:
    """End every right of this scope from `day` on: the next request sees none. Returns how many there were."""
    assert transaction.get_connection().in_atomic_block, "a right ends with its cause"
    mine: list[Any] = [user_id, scope.role, scope.territory_id, scope.department_id, scope.provider_id]
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE membership SET valid = valid * daterange(NULL, %s) WHERE user_id = %s AND role = %s"
            " AND territory_id IS NOT DISTINCT FROM %s AND department_id IS NOT DISTINCT FROM %s"
            " AND provider_id IS NOT DISTINCT FROM %s AND NOT valid << daterange(%s, NULL)",
            [day, *mine, day],
        )
        return int(cursor.rowcount)


def youth_lock(child_id: int) -> str:
    """The lock under which a child's own account opens and ends."""
    return f"youth:{child_id}"


def end_youth(child_id: int, at: datetime) -> int | None:
    """End a child's own account: from this instant it opens nothing. Returns its user, None where there is none.

    Under `youth_lock`, so that it cannot open at the same time.
    """
    today = local_day(at)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE guardianship SET valid = valid * daterange(NULL, %s) WHERE child_id = %s AND kind = %s"
            " AND upper(valid) > %s RETURNING (SELECT user_id FROM guardian WHERE id = guardian_id)",
            [today, child_id, SELF, today],
        )
        row = cursor.fetchone()
    if row is None or row[0] is None:
        return None
    end_role(int(row[0]), Scope(Role.YOUTH), today)
    return int(row[0])


def differing_births(kind: str, wanted: Mapping[bytes, PersonDetails]) -> set[bytes]:
    """Look-ups of stored persons whose birth date is another than the one given now: a person must look at them."""
    ids = queries.by_lookup(kind, list(wanted))
    stored = queries.unseal(kind, list(ids.values()))
    return {lookup for lookup, i in ids.items() if i in stored and _differs(person_of(stored[i]), wanted[lookup])}


def insert_children(ids: Sequence[int], homes: Sequence[int | None], territory_id: int, at: datetime) -> None:
    """The rows of new children, in one statement."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO child (id, uuid, territory_id, home_id, created_at)"
            " SELECT id, uuid, %s, home, %s FROM unnest(%s::bigint[], %s::uuid[], %s::bigint[]) AS g (id, uuid, home)",
            [territory_id, at, list(ids), [entropy.uuid4() for _ in ids], list(homes)],
        )


def first_consent(actor: Actor, guardian_id: int, child_id: int | None, at: datetime) -> None:
    """The consent that lies in the button "ask the registry", where this guardian has no word on record, yes or no."""
    with connection.cursor() as cursor:
        cursor.execute(_FIRST_CONSENT, [guardian_id, child_id, Purpose.REGISTRIES, ConsentWay.LINKING, at])
        row = cursor.fetchone()
    if row is not None:
        record_consent(actor, at, Action.GIVE_CONSENT, guardian_id, int(row[0]))


def record_consent(actor: Actor, at: datetime, action: Action, guardian_id: int, consent_id: int) -> None:
    """The audit row of a consent given or withdrawn."""
    audit.record(
        actor=actor,
        at=at,
        action=action,
        subject_kind="guardian",
        subject_ids=[guardian_id],
        detail={"consent_id": consent_id, "purpose": Purpose.REGISTRIES},
    )


def insert_guardians(ids: Sequence[int], languages: Sequence[str], territory_id: int, at: datetime) -> None:
    """The rows of new guardians, in one statement."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO guardian (id, uuid, territory_id, language, created_at) SELECT id, uuid, %s, language, %s"
            " FROM unnest(%s::bigint[], %s::uuid[], %s::text[]) AS g (id, uuid, language)",
            [territory_id, at, list(ids), [entropy.uuid4() for _ in ids], list(languages)],
        )


def spend_reading(*, actor: Actor, child_ids: Collection[int], at: datetime) -> None:
    """Count these children among those whose records the actor has read today; a honeytoken raises an alarm unseen.

    A child read before today counts once, the actor's own children not at all. One statement for any number of
    children; of two reads at once the later waits, so that the day's number is exact.

    Raises:
        Refused: reading_over — nothing may be shown; the caller's transaction must not go on.
    """
    assert transaction.get_connection().in_atomic_block, "a read counts where its audit row is written"
    if not actor.user_id or not child_ids:
        return
    limit = reading_limit({g.role for g in actor.grants}, getattr(settings, "READING_LIMITS", {}))
    ids = sorted(set(child_ids))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT remaining, caught FROM reading_spend(%s, %s, %s::bigint[], %s::bytea[], %s, %s)",
            [actor.user_id, local_day(at), ids, [queries.honey_mark(i) for i in ids], limit, actor.guardian_id],
        )
        remaining, caught = cursor.fetchone()
    if remaining is not None and remaining < 0:
        raise Refused(GuardRefusal.READING_OVER)
    if caught:
        alarm(Alarm.HONEYTOKEN_READ, actor.user_id, caught, at)


def alarm(kind: Alarm, user_id: int, subject_ids: Sequence[int], at: datetime) -> None:
    """Something a person must look at, committed with its cause; the log hears of it without a name."""
    assert transaction.get_connection().in_atomic_block, "an alarm commits with its cause"
    SecurityEvent.objects.create(at=at, kind=kind.value, user_id=user_id, subject_ids=list(subject_ids))
    transaction.on_commit(lambda: _log.error("security event: %s, user %s", kind.value, user_id))


def code_limits() -> CodeLimits:
    """What an installation lets a guesser of second factors have."""
    return CodeLimits(**getattr(settings, "CODE_LIMITS", {}))


def refuse_guessing(actor: Actor, at: datetime, bounds: CodeLimits) -> None:
    """Stop who has missed too often lately, whatever the factor; the caller holds the person's lock.

    Raises:
        Refused: too_many_tries.
    """
    since = at - timedelta(minutes=bounds.window_minutes)
    missed = StrongTry.objects.filter(user_id=actor.user_id, at__gt=since, passed=False).count()
    if missed >= bounds.misses_in_window:
        raise Refused(SignInRefusal.TOO_MANY_TRIES)


def note_try(actor: Actor, way: Way, at: datetime, *, passed: bool, reason: str = "") -> None:
    """A try of a second factor, passed or not, with its event."""
    assert transaction.get_connection().in_atomic_block, "a try commits with what it did"
    StrongTry.objects.create(user_id=actor.user_id, way=way, at=at, passed=passed)
    detail = {"way": way.value, "passed": passed} | ({"reason": reason} if reason else {})
    ids = [actor.user_id]
    audit.record(actor=actor, at=at, action=Action.PROVE_AGAIN, subject_kind="user", subject_ids=ids, detail=detail)


def end_app(user_id: int, at: datetime) -> int:
    """End a user's authenticator app and destroy its secret; returns how many there were (0 or 1, begun ones too)."""
    assert transaction.get_connection().in_atomic_block, "an end commits with its event"
    ended = list(SecondFactor.objects.filter(user_id=user_id, ended_at=None).values_list("id", flat=True))
    SecondFactor.objects.filter(id__in=ended).update(ended_at=at)
    erase(FACTOR, ended)
    return len(ended)


def rotate(after: int, most: int) -> resealing.Batch:
    """Encrypt up to `most` rows of older keys under the first key; rows somebody holds are left for another round."""
    with connection.cursor() as cursor:
        cursor.execute(_STALE, [resealing.older_keys(), after, most])
        fresh, batch = resealing.resealed(map(_stale, cursor.fetchall()), most)
        if fresh:
            sealed = fresh.values()
            cursor.execute(
                _REWRITE,
                [resealing.first_key(), list(fresh), [s.nonce for s in sealed], [s.ciphertext for s in sealed]],
            )
    return batch


def _stale(row: tuple[int, str, int, str, bytes, bytes]) -> resealing.Stale:
    row_id, kind, subject_id, key_id, nonce, ciphertext = row
    return resealing.Stale(row_id, cipher.Sealed(key_id, nonce, ciphertext), queries.binding(kind, subject_id))


def _insert(kind: str, table: str, missing: Mapping[bytes, PersonDetails]) -> dict[bytes, int]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)", [table, len(missing)]
        )
        ids = [int(row[0]) for row in cursor.fetchall()]
    rows = [_secret(i, lookup, person) for i, (lookup, person) in zip(ids, missing.items(), strict=True)]
    return {bytes(lookup): int(subject_id) for lookup, subject_id in _write(kind, rows, _KEEP)}


def _refresh(kind: str, found: Mapping[bytes, int], wanted: Mapping[bytes, PersonDetails]) -> None:
    stored = queries.unseal(kind, list(found.values()))
    rows = []
    for lookup, subject_id in found.items():
        before = person_of(stored[subject_id])
        after = merged(before, wanted[lookup])
        if after != before:
            rows.append(_secret(subject_id, lookup, after))
    seal(kind, rows)


def _secret(subject_id: int, lookup: bytes, person: PersonDetails) -> SecretRow:
    return SecretRow(subject_id, person_json(person), lookup, queries.person_tokens(person))


def _differs(stored: PersonDetails, given: PersonDetails) -> bool:
    return None not in (stored.born_on, given.born_on) and stored.born_on != given.born_on


def _write(kind: str, rows: Sequence[SecretRow], conflict: str) -> list[tuple[bytes, int]]:
    sealed = [cipher.seal(row.plain, bound_to=queries.binding(kind, row.subject_id)) for row in rows]
    with connection.cursor() as cursor:
        cursor.execute(
            _SEAL + conflict,
            {
                "kind": kind,
                "key": next(iter(settings.SECRET_KEYS)),
                "ids": [row.subject_id for row in rows],
                "nonces": [s.nonce for s in sealed],
                "texts": [s.ciphertext for s in sealed],
                "lookups": [row.lookup for row in rows],
                "tokens": [_bytea_array(row.tokens) for row in rows],
            },
        )
        return cursor.fetchall() if conflict is _KEEP else []


def _bytea_array(tokens: Sequence[bytes]) -> str:
    return "{" + ",".join(f'"\\\\x{token.hex()}"' for token in tokens) + "}"
