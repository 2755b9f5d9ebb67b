"""Roots of closed lists: published at once, so asked at once. All other open figures are counted by night (figures)."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.db import connection

_ROOTS = """
SELECT 'round', uuid, number, encode(root, 'hex'), closes_at FROM admission_round WHERE root IS NOT NULL
 UNION ALL SELECT 'choice', uuid, number, encode(root, 'hex'), closes_at FROM choice_round WHERE root IS NOT NULL
 ORDER BY 5 DESC"""


@dataclass(frozen=True, slots=True)
class Root:
    """A closed list's root: `kind` is round or choice."""

    kind: str
    uuid: UUID
    number: str
    root: str


def roots() -> list[Root]:
    """The roots of all closed lists, the latest first."""
    with connection.cursor() as cursor:
        cursor.execute(_ROOTS)
        return [Root(kind, uuid, number, root) for kind, uuid, number, root, _ in cursor.fetchall()]
