"""Reads: territories, rights valid today, the table of secrets. Names leave it through an audited read only."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

from qosymsha.domain.people.access import ALLOWED, Action
from qosymsha.domain.people.queries.places import TerritoryName as TerritoryName
from qosymsha.domain.people.queries.places import department_id as department_id
from qosymsha.domain.people.queries.places import districts_of as districts_of
from qosymsha.domain.people.queries.places import territories_below as territories_below
from qosymsha.domain.people.queries.places import territories_by_kato as territories_by_kato
from qosymsha.domain.people.queries.places import territory_by_kato as territory_by_kato
from qosymsha.domain.people.rules import (
    ERASED_NAME,
    PREFIX_LETTERS,
    PersonDetails,
    name_words,
    person_of,
    searched_words,
)
from qosymsha.domain.people.states import Role, StatusState
from qosymsha.domain.witness import reading
from qosymsha.kernel import cipher, iin
from qosymsha.kernel.actor import Actor, Grant, require
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.errors import Forbidden
from qosymsha.kernel.text import folded

_TOKEN_BYTES = 8  # a collision costs one row more to decrypt, never a wrong answer

_RIGHTS = (
    "SELECT r.guardian_id, r.role, r.territory_id, r.department_id, r.provider_id, r.below,"
    " (SELECT g.id FROM guardian g WHERE g.user_id = %(user)s AND g.child_id IS NOT NULL)"
    " FROM rights_of(%(user)s, %(today)s) r"
)

_WARDS = """
SELECT DISTINCT g.guardian_id, g.child_id FROM guardianship g
  JOIN unnest(%s::bigint[], %s::bigint[]) AS asked (guardian_id, child_id) USING (guardian_id, child_id)
 WHERE g.valid @> %s::date AND (g.kind <> 'self' OR %s)"""

_GUARDIANS = """
SELECT child_id, guardian_id FROM guardianship
 WHERE child_id = ANY(%s) AND valid @> %s::date AND kind <> 'self' ORDER BY child_id, guardian_id"""

_STATUSES = """
SELECT child_id, array_agg(DISTINCT category) FROM child_status
 WHERE child_id = ANY(%s) AND state = %s AND valid @> %s::date GROUP BY child_id"""


_OWN_WARDS = """
SELECT c.id, c.uuid, g.kind, lower(g.valid), (
    SELECT count(*) FROM guardianship o
     WHERE o.child_id = c.id AND o.guardian_id <> g.guardian_id AND o.kind <> 'self' AND o.valid @> %(on)s::date), (
    SELECT lower(o.valid) FROM guardianship o
     WHERE o.child_id = c.id AND o.kind = 'self' AND o.valid @> %(on)s::date)
  FROM guardianship g JOIN child c ON c.id = g.child_id
 WHERE g.guardian_id = %(guardian)s AND g.valid @> %(on)s::date ORDER BY c.id"""


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


def subjects_of(user_ids: Collection[int]) -> dict[int, str]:
    """What the identity provider calls these users; unknown ones are left out."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, subject FROM app_user WHERE id = ANY(%s::bigint[])", [list(user_ids)])
        return dict(cursor.fetchall())


def actor_for(user_id: int, at: datetime) -> Actor:
    """The user as an actor: grants from memberships valid today, each covering its territory and all below.

    An unknown or inactive user is an actor without any right. A guardian's own right is the grant `guardian`; who has a
    child's own account has `youth` on its days instead, and afterwards neither.
    """
    with connection.cursor() as cursor:
        cursor.execute(_RIGHTS, {"user": user_id, "today": local_day(at)})
        rights = cursor.fetchall()
    guardian_id, account_id = (rights[0][0], rights[0][-1]) if rights else (None, None)
    grants = [
        Grant(role, None if territory is None else frozenset(below), department, provider)
        for _, role, territory, department, provider, below, _ in rights
        if role is not None
    ]
    if guardian_id is not None:
        grants.append(Grant(Role.GUARDIAN))
    elif any(grant.role == Role.YOUTH for grant in grants):
        guardian_id = account_id
    return Actor(user_id, f"user:{user_id}", tuple(grants), guardian_id=guardian_id)


def own_record(actor: Actor) -> PersonDetails | None:
    """One's own record, to be shown to nobody else; None for officials, of whom no name is kept, or erased.

    A child with an own account is the child's record: one's own name on a page is no read of somebody's record.
    """
    if actor.guardian_id is None:
        return None
    kind, subject = "guardian", actor.guardian_id
    if actor.holds({Role.YOUTH}):
        with connection.cursor() as cursor:
            cursor.execute("SELECT child_id FROM guardian WHERE id = %s", [actor.guardian_id])
            kind, subject = "child", int(cursor.fetchone()[0])
    plain = _opened(kind, [subject]).get(subject)
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


def wards(pairs: Sequence[tuple[int, int]], on: date, *, with_self: bool = False) -> set[tuple[int, int]]:
    """Those of the pairs (guardian_id, child_id) in which the guardian speaks for the child on that day.

    `with_self`: children's own accounts too, for what a child may do for itself.
    """
    with connection.cursor() as cursor:
        cursor.execute(_WARDS, [[g for g, _ in pairs], [c for _, c in pairs], on, with_self])
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
    """Child → its guardians on that day, the earliest known first; the child's own account is none."""
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
    if kind == "child":
        reading.unsealed(len(subject_ids))
    return _opened(kind, subject_ids)


def _opened(kind: str, subject_ids: Collection[int]) -> dict[int, bytes]:
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


def born_on(child_id: int, sealed: cipher.Sealed) -> date | None:
    """The birth date out of a child's sealed row that a query brought along."""
    return person_of(cipher.unseal(sealed, bound_to=binding("child", child_id))).born_on


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


def honey_mark(child_id: int) -> bytes:
    """What the table of honeytokens holds of a child: a keyed hash, so that the table names nobody."""
    return cipher.lookup("honeytoken", str(child_id))


class OwnWard(NamedTuple):
    """A child whom the guardian speaks for: how (`GuardianKind`), since when, how many others do too.

    `account_since`: since when the child has an own account, None: it has none.
    """

    id: int
    uuid: UUID
    name: str
    born_on: date | None
    masked_iin: str
    kind: str
    since: date
    others: int
    account_since: date | None = None


def own_wards(*, actor: Actor, at: datetime) -> list[OwnWard]:
    """The guardian's children today, the earliest known first; an audited read.

    Raises:
        Forbidden: the actor is no guardian.
    """
    require(actor, Action.READ_OWN_CHILDREN, ALLOWED)
    if actor.guardian_id is None:
        raise Forbidden(Action.READ_OWN_CHILDREN)
    with connection.cursor() as cursor:
        cursor.execute(_OWN_WARDS, {"guardian": actor.guardian_id, "on": local_day(at)})
        found = cursor.fetchall()
    ids = [row[0] for row in found]
    reading.saw(actor=actor, at=at, action=Action.READ_OWN_CHILDREN, kind="child", ids=ids)
    people = {i: person_of(plain) for i, plain in unseal("child", ids).items()}
    return [_ward(row, people.get(row[0])) for row in found]


def _ward(row: tuple[Any, ...], person: PersonDetails | None) -> OwnWard:
    child_id, uuid, *how = row
    name = f"{person.surname} {person.given}".strip() if person else ERASED_NAME
    number = iin.masked(person.iin) if person and person.iin else ""
    return OwnWard(child_id, uuid, name, person.born_on if person else None, number, *how)


def persons(*, actor: Actor, kind: str, subject_ids: Sequence[int], at: datetime) -> dict[int, PersonDetails]:
    """Names, dates and phones of these subjects, for a page or a file; the read itself is audited.

    Raises:
        Forbidden: the actor may not read people's records.
    """
    require(actor, Action.READ_PERSONS, ALLOWED)
    reading.saw(actor=actor, at=at, action=Action.READ_PERSONS, kind=kind, ids=subject_ids)
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
    reading.saw(actor=actor, at=at, action=Action.READ_PERSONS, kind=kind, ids=sorted(found))
    return dict(sorted(found.items()))


def person_tokens(person: PersonDetails) -> list[bytes]:
    """All tokens of a person's names: to be found by words, and by words together with the birth date."""
    words = name_words(person)
    dated = [] if person.born_on is None else dated_tokens(words, person.born_on)
    return sorted({*name_tokens(searched_words(words)), *dated})


def dated_tokens(words: Iterable[str], born_on: date) -> list[bytes]:
    """The keyed hashes of folded name words each tied to the birth date: a date alone finds, and tells, nobody."""
    return name_tokens(f"{word}|{born_on.isoformat()}" for word in words)


def _bears(person: PersonDetails, sought: Sequence[str]) -> bool:
    words = name_words(person)
    return all(any(word.startswith(part) for word in words) for part in sought)
