"""Accreditation files as their pages show them: the provider's own, an officer's queue and case."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db import connection

from qosymsha.domain.documents import queries as documents
from qosymsha.domain.documents.queries import DocumentHead
from qosymsha.domain.people.states import Role
from qosymsha.domain.providers.access import ALLOWED, Action
from qosymsha.domain.providers.rules import Paper
from qosymsha.kernel.actor import Actor, require

MOST = 200  # rows of a queue on one page
_COLUMNS = """
SELECT a.id, a.uuid, a.provider_id, a.programme_id, a.territory_id, p.number, p.name, r.name_kk, r.name_ru, r.name_en,
       a.state, lower(a.valid), upper(a.valid) - 1, a.filed_at, a.review_by, a.reason, a.grounds, a.kinds
  FROM accreditation a JOIN provider p ON p.id = a.provider_id JOIN programme r ON r.id = a.programme_id"""
WAITING = ("filed", "in_review")
LIVE = (*WAITING, "accredited", "limited")


@dataclass(frozen=True, slots=True)
class FileFacts:
    """An accreditation with whose it is, for which programme (three names), its days and reasons."""

    id: int
    uuid: UUID
    provider_id: int
    programme_id: int
    territory_id: int
    number: str
    provider: str
    name_kk: str
    name_ru: str
    name_en: str
    state: str
    first_day: date | None
    last_day: date | None
    filed_at: datetime
    review_by: date
    reason: str
    grounds: list[str]
    kinds: list[str]

    @property
    def is_live(self) -> bool:
        """Papers may be added and an officer may decide."""
        return self.state in LIVE


@dataclass(frozen=True, slots=True)
class Event:
    """A step of a file's life, or the provider's answer (`to_state` empty, its words in `reason`)."""

    at: datetime
    from_state: str
    to_state: str
    reason: str
    grounds: list[str]
    is_provider: bool


def own_files(*, actor: Actor, provider_id: int) -> list[FileFacts]:
    """A provider's files, the newest first.

    Raises:
        Forbidden: the actor is neither the provider's manager nor an official of its territory.
    """
    found = _files("a.provider_id = %s ORDER BY a.id DESC", [provider_id])
    territory_id = found[0].territory_id if found else None
    require(actor, Action.READ_ACCREDITATION, ALLOWED, provider_id=provider_id, territory_id=territory_id)
    return found


def file_by_uuid(*, actor: Actor, uuid: UUID) -> FileFacts | None:
    """One file; None where it is unknown, or neither the actor's own nor of the actor's territory."""
    for found in _files("a.uuid = %s", [uuid]):
        if actor.holds(
            ALLOWED[Action.READ_ACCREDITATION], provider_id=found.provider_id, territory_id=found.territory_id
        ):
            return found
    return None


def office_files(  # noqa: PLR0913 - the filters of a queue
    *,
    actor: Actor,
    states: Sequence[str],
    only: Sequence[int] | None = None,
    but: Sequence[int] = (),
    after: int = 0,
    most: int = MOST,
) -> list[FileFacts]:
    """The files of the actor's territories in these states, the longest waiting first.

    `only` these ids, `but` not those.   after: so many are passed over.
    """
    territories = _territories(actor)
    condition = "a.state = ANY (%s) AND (%s::bigint[] IS NULL OR a.territory_id = ANY (%s))"
    condition += " AND (%s::bigint[] IS NULL OR a.id = ANY (%s::bigint[])) AND a.id <> ALL (%s::bigint[])"
    some = None if only is None else list(only)
    values = [list(states), territories, territories, some, some, list(but), most, after]
    return _files(f"{condition} ORDER BY a.filed_at, a.id LIMIT %s OFFSET %s", values)


def files_waiting(*, actor: Actor) -> tuple[int, date | None]:
    """How many files of the actor's territories wait for an officer, and the earliest day by which one is due."""
    territories = _territories(actor)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*), min(review_by) FROM accreditation WHERE state = ANY (%s)"
            " AND (%s::bigint[] IS NULL OR territory_id = ANY (%s))",
            [list(WAITING), territories, territories],
        )
        row = cursor.fetchone()
    return row[0], row[1]


def events_of(accreditation_id: int) -> list[Event]:
    """The file's life and the provider's answers, the oldest first."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT at, from_state, to_state, reason, grounds, false FROM accreditation_history"
            " WHERE accreditation_id = %s UNION ALL SELECT at, '', '', words, '{}', true FROM accreditation_answer"
            " WHERE accreditation_id = %s ORDER BY 1",
            [accreditation_id, accreditation_id],
        )
        return [Event(*row) for row in cursor.fetchall()]


def papers_of_files(accreditation_ids: Sequence[int]) -> dict[int, list[Paper]]:
    """File → its papers, in the order they came; one statement for a whole queue."""
    found: dict[int, list[Paper]] = {i: [] for i in accreditation_ids}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT accreditation_id, kind, number, lower(valid), upper(valid) - 1, file_hash, document_uuid"
            " FROM accreditation_evidence WHERE accreditation_id = ANY (%s) ORDER BY id",
            [list(accreditation_ids)],
        )
        for accreditation_id, *paper in cursor.fetchall():
            found[accreditation_id].append(Paper(*paper))
    return found


def paper_content(
    *, actor: Actor, of: FileFacts, document_uuid: UUID, at: datetime
) -> tuple[DocumentHead, bytes] | None:
    """A scan of a file that the actor may see, with its bytes; None where the file has no such scan.

    Raises:
        Refused: paper_erased.
    """
    head = documents.document_of(document_uuid)
    if head is None or (head.subject_kind, head.subject_id) != ("accreditation", of.id):
        return None
    return head, documents.content_of(actor=actor, document=head, action=Action.READ_ACCREDITATION, at=at)


def _territories(actor: Actor) -> list[int] | None:
    """Of which territories the actor may see files; None: of all."""
    scopes = [
        grant.territory_ids
        for grant in actor.grants
        if grant.role in (Role.CHECKER, Role.PROGRAMME_OFFICER, Role.AUDITOR)
    ]
    if any(scope is None for scope in scopes):
        return None
    return sorted({i for scope in scopes for i in scope or ()})


def _files(condition: str, parameters: list[Any]) -> list[FileFacts]:
    with connection.cursor() as cursor:
        cursor.execute(f"{_COLUMNS} WHERE {condition}", parameters)
        return [FileFacts(*row) for row in cursor.fetchall()]
