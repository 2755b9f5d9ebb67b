"""Reads: territories, rights valid today, the table of secrets. Names leave it through an audited read only."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db import connection

from qosymsha.domain.people.access import ALLOWED, Action
from qosymsha.domain.people.rules import PREFIX_LETTERS, PersonDetails, name_words, person_of, searched_words
from qosymsha.domain.people.states import Role, StatusState
from qosymsha.kernel import audit, cipher
from qosymsha.kernel.actor import Actor, Grant, require
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.text import folded

_TOKEN_BYTES = 8  # a collision costs one row more to decrypt, never a wrong answer

_BELOW = """
WITH RECURSIVE below (root, id) AS (
    SELECT id, id FROM territory WHERE id = ANY(%s)
    UNION SELECT below.root, t.id FROM below JOIN territory t ON t.parent_id = below.id
) SELECT root, id FROM below"""

_RIGHTS = """
SELECT m.role, m.territory_id, m.department_id, m.provider_id
  FROM membership m JOIN app_user u ON u.id = m.user_id
 WHERE m.user_id = %s AND u.is_active AND m.valid @> %s::date ORDER BY m.id"""

_WARDS = """
SELECT DISTINCT g.guardian_id, g.child_id FROM guardianship g
  JOIN unnest(%s::bigint[], %s::bigint[]) AS asked (guardian_id, child_id) USING (guardian_id, child_id)
 WHERE g.valid @> %s::date"""

_GUARDIANS = """
SELECT child_id, guardian_id FROM guardianship
 WHERE child_id = ANY(%s) AND valid @> %s::date ORDER BY child_id, guardian_id"""

_STATUSES = """
SELECT child_id, array_agg(DISTINCT category) FROM child_status
 WHERE child_id = ANY(%s) AND state = %s AND valid @> %s::date GROUP BY child_id"""


@dataclass(frozen=True, slots=True)
class TerritoryName:
    """A territory for pages and files."""

    id: int
    kato: str
    kind: str
    name_kk: str
    name_ru: str
    name_en: str


def territory_by_kato(kato: str, on: date) -> int | None:
    """The id of the territory that bears this KATO code on that day; names never identify a place."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM territory WHERE kato = %s AND valid @> %s::date", [kato, on])
        row = cursor.fetchone()
    return int(row[0]) if row else None


def territories_by_kato(katos: Collection[str], on: date) -> dict[str, int]:
    """KATO code → id for the codes in use on that day; unknown codes are left out."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT kato, id FROM territory WHERE kato = ANY(%s) AND valid @> %s::date", [list(katos), on])
        return dict(cursor.fetchall())


def territories_below(territory_ids: Collection[int]) -> dict[int, frozenset[int]]:
    """For each territory: itself and everything under it."""
    with connection.cursor() as cursor:
        cursor.execute(_BELOW, [list(territory_ids)])
        return _grouped(cursor.fetchall())


def districts_of(territory_id: int, on: date) -> list[TerritoryName]:
    """The territories directly under one, in the Kazakh alphabet's order."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, kato, kind, name_kk, name_ru, name_en FROM territory"
            ' WHERE parent_id = %s AND valid @> %s::date ORDER BY sort_kk COLLATE "C", id',
            [territory_id, on],
        )
        return [TerritoryName(*row) for row in cursor.fetchall()]


def department_id(territory_id: int, code: str) -> int | None:
    """A territory's department by its code (`education`, `sport`, `culture`)."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM department WHERE territory_id = %s AND code = %s", [territory_id, code])
        row = cursor.fetchone()
    return int(row[0]) if row else None


def user_by_subject(subject: str) -> int | None:
    """The user whom the identity provider knows by this subject."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM app_user WHERE subject = %s", [subject])
        row = cursor.fetchone()
    return int(row[0]) if row else None


def subject_of(user_id: int) -> str:
    """What the identity provider calls this user."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT subject FROM app_user WHERE id = %s", [user_id])
        (subject,) = cursor.fetchone()
    return str(subject)


def actor_for(user_id: int, at: datetime) -> Actor:
    """The user as an actor: grants from memberships valid today, each covering its territory and all below.

    An unknown or inactive user is an actor without any right. A guardian's own right is the grant `guardian`.
    """
    with connection.cursor() as cursor:
        cursor.execute(_RIGHTS, [user_id, local_day(at)])
        rights = cursor.fetchall()
        cursor.execute(
            "SELECT g.id FROM guardian g JOIN app_user u ON u.id = g.user_id WHERE u.id = %s AND u.is_active", [user_id]
        )
        guardian = cursor.fetchone()
    below = territories_below({territory for _, territory, _, _ in rights if territory is not None})
    grants = [
        Grant(role, None if territory is None else below[territory], department, provider)
        for role, territory, department, provider in rights
    ]
    if guardian is not None:
        grants.append(Grant(Role.GUARDIAN))
    return Actor(user_id, f"user:{user_id}", tuple(grants), guardian_id=guardian[0] if guardian else None)


def own_record(actor: Actor) -> PersonDetails | None:
    """A guardian's own record, to be shown to nobody else; None for officials, of whom no name is kept, or erased."""
    if actor.guardian_id is None:
        return None
    plain = unseal("guardian", [actor.guardian_id]).get(actor.guardian_id)
    return None if plain is None else person_of(plain)


def phone_of(actor: Actor) -> tuple[str, str]:
    """The actor's own phone ("" where none is on record) and language, for a one-time code."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT language FROM app_user WHERE id = %s", [actor.user_id])
        row = cursor.fetchone()
    own = own_record(actor)
    return (own.phone if own else "", row[0] if row else "kk")


def has_app(user_id: int) -> bool:
    """True where the user has an authenticator app in use."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM second_factor WHERE user_id = %s AND ended_at IS NULL"
            " AND confirmed_at IS NOT NULL)",
            [user_id],
        )
        (has,) = cursor.fetchone()
    return bool(has)


def user_of_guardian(guardian_id: int) -> int | None:
    """The user of a guardian who has signed in before."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT user_id FROM guardian WHERE id = %s", [guardian_id])
        row = cursor.fetchone()
    return row[0] if row else None


def wards(pairs: Sequence[tuple[int, int]], on: date) -> set[tuple[int, int]]:
    """Those of the pairs (guardian_id, child_id) in which the guardian speaks for the child on that day."""
    with connection.cursor() as cursor:
        cursor.execute(_WARDS, [[g for g, _ in pairs], [c for _, c in pairs], on])
        return set(cursor.fetchall())


def own_child_ids(guardian_id: int, on: date) -> list[int]:
    """The children whom a guardian speaks for on that day."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT child_id FROM guardianship WHERE guardian_id = %s AND valid @> %s::date ORDER BY 1",
            [guardian_id, on],
        )
        return [child_id for (child_id,) in cursor.fetchall()]


def guardians_of(child_ids: Collection[int], on: date) -> dict[int, list[int]]:
    """Child → its guardians on that day, the earliest known first."""
    found: dict[int, list[int]] = {}
    with connection.cursor() as cursor:
        cursor.execute(_GUARDIANS, [list(child_ids), on])
        for child_id, guardian_id in cursor.fetchall():
            found.setdefault(child_id, []).append(guardian_id)
    return found


def homes(child_ids: Collection[int]) -> dict[int, int]:
    """Child → the district it lives in, where one is known."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, home_id FROM child WHERE id = ANY(%s) AND home_id IS NOT NULL", [list(child_ids)])
        return dict(cursor.fetchall())


def statuses(child_ids: Collection[int], on: date) -> dict[int, frozenset[str]]:
    """Child → codes of the categories certified and valid on that day; children without any are left out.

    For the machinery of a round: whoever shows a category to a person must read it through a door that audits.
    """
    with connection.cursor() as cursor:
        cursor.execute(_STATUSES, [list(child_ids), StatusState.CERTIFIED, on])
        return {child_id: frozenset(categories) for child_id, categories in cursor.fetchall()}


def certificates(child_id: int, category: str, on: date) -> list[tuple[str, str, date | None, date | None]]:
    """A category's words valid on a day, the latest first: (source, evidence, first day, last day). pii: audit it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT source, evidence, lower(valid), upper(valid) - 1 FROM child_status WHERE child_id = %s"
            " AND category = %s AND state = %s AND valid @> %s::date ORDER BY certified_at DESC, id DESC",
            [child_id, category, StatusState.CERTIFIED, on],
        )
        return list(cursor.fetchall())


def unseal(kind: str, subject_ids: Collection[int]) -> dict[int, bytes]:
    """The plain bytes of these subjects' secrets; a subject without a row (erased) is left out."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT subject_id, key_id, nonce, ciphertext FROM person_secret"
            " WHERE subject_kind = %s AND subject_id = ANY(%s)",
            [kind, list(subject_ids)],
        )
        return {
            subject_id: cipher.unseal(cipher.Sealed(key_id, nonce, text), bound_to=binding(kind, subject_id))
            for subject_id, key_id, nonce, text in cursor.fetchall()
        }


def binding(kind: str, subject_id: int) -> bytes:
    """What a secret is tied to, so that rows can't be swapped between subjects or kinds."""
    return f"{kind}:{subject_id}".encode()


def iin_lookup(kind: str, number: str) -> bytes:
    """The keyed hash a canonical IIN is found by, separate for each kind of subject."""
    return cipher.lookup(f"iin:{kind}", number)


def by_lookup(kind: str, lookups: Collection[bytes]) -> dict[bytes, int]:
    """Keyed hash → subject id, for those that are stored."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT lookup, subject_id FROM person_secret WHERE subject_kind = %s AND lookup = ANY(%s)",
            [kind, list(lookups)],
        )
        return {bytes(lookup): subject_id for lookup, subject_id in cursor.fetchall()}


def by_iin(kind: str, iins: Collection[str]) -> dict[str, int]:
    """Canonical IIN → subject id (kind: guardian | child | provider | teacher); unknown numbers are left out."""
    numbers = {iin_lookup(kind, number): number for number in iins}
    return {numbers[lookup]: subject_id for lookup, subject_id in by_lookup(kind, list(numbers)).items()}


def birth_dates(child_ids: Collection[int]) -> dict[int, date]:
    """Child → birth date (from papers and registers, never from the IIN); erased children are left out."""
    born = {child_id: person_of(plain).born_on for child_id, plain in unseal("child", child_ids).items()}
    return {child_id: day for child_id, day in born.items() if day is not None}


def name_tokens(words: Iterable[str]) -> list[bytes]:
    """The keyed hashes stored for searched words, in a stable order."""
    return sorted(cipher.lookup("name", word)[:_TOKEN_BYTES] for word in words)


def persons(*, actor: Actor, kind: str, subject_ids: Sequence[int], at: datetime) -> dict[int, PersonDetails]:
    """Names, dates and phones of these subjects, for a page or a file; the read itself is audited.

    Raises:
        Forbidden: the actor may not read people's records.
    """
    require(actor, Action.READ_PERSONS, ALLOWED)
    audit.record(actor=actor, at=at, action=Action.READ_PERSONS, subject_kind=kind, subject_ids=list(subject_ids))
    return {subject_id: person_of(plain) for subject_id, plain in unseal(kind, subject_ids).items()}


def persons_named(*, actor: Actor, kind: str, text: str, at: datetime) -> dict[int, PersonDetails]:
    """Who bears these names or name beginnings (three letters at least), typed with or without Kazakh letters. Audited.

    Raises:
        Forbidden: the actor may not read people's records.
    """
    require(actor, Action.READ_PERSONS, ALLOWED)
    sought = folded(text).replace("-", " ").split()
    if not sought or any(len(word) < PREFIX_LETTERS for word in sought):
        return {}
    beginnings = [f"{word[:PREFIX_LETTERS]}*" for word in sought]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT subject_id FROM person_secret WHERE subject_kind = %s AND name_tokens @> %s::bytea[]",
            [kind, name_tokens(beginnings)],
        )
        candidates = [subject_id for (subject_id,) in cursor.fetchall()]
    read = {subject_id: person_of(plain) for subject_id, plain in unseal(kind, candidates).items()}
    found = {i: p for i, p in read.items() if _bears(p, sought)}
    audit.record(actor=actor, at=at, action=Action.READ_PERSONS, subject_kind=kind, subject_ids=sorted(found))
    return dict(sorted(found.items()))


def person_tokens(person: PersonDetails) -> list[bytes]:
    """All tokens of a person's names."""
    return name_tokens(searched_words(name_words(person)))


def _bears(person: PersonDetails, sought: Sequence[str]) -> bool:
    words = name_words(person)
    return all(any(word.startswith(part) for word in words) for part in sought)


def _grouped(pairs: Iterable[tuple[int, int]]) -> dict[int, frozenset[int]]:
    groups: dict[int, set[int]] = {}
    for key, value in pairs:
        groups.setdefault(key, set()).add(value)
    return {key: frozenset(values) for key, values in groups.items()}
