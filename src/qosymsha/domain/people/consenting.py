"""Reads: whom the registries may not be asked about, and a guardian's own consents."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime
from typing import NamedTuple

from django.db import connection

from qosymsha.domain.people.access import ALLOWED, Action
from qosymsha.domain.people.states import Purpose
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.errors import Forbidden

# Withdrawn and not given again: of all words on record none stands. Who has no word on record says neither.
_STOPPED_CHILDREN = """
SELECT DISTINCT child_id FROM (
    SELECT c.child_id FROM consent c JOIN guardianship g USING (guardian_id, child_id)
     WHERE c.child_id = ANY(%s) AND c.purpose = %s AND g.valid @> %s::date
     GROUP BY c.guardian_id, c.child_id HAVING bool_and(c.withdrawn_at IS NOT NULL)
) AS said_no"""

_STOPPED_GUARDIANS = """
SELECT guardian_id FROM consent WHERE guardian_id = ANY(%s) AND child_id IS NULL AND purpose = %s
 GROUP BY guardian_id HAVING bool_and(withdrawn_at IS NOT NULL)"""


class OwnConsent(NamedTuple):
    """A guardian's word: for a child (None: oneself), how and when given, when withdrawn (None: it stands)."""

    child_id: int | None
    way: str
    given_at: datetime
    withdrawn_at: datetime | None


def stopped_children(child_ids: Collection[int], on: date) -> frozenset[int]:
    """Those of the children about whom no registry is asked: one who speaks for them on that day withdrew consent."""
    with connection.cursor() as cursor:
        cursor.execute(_STOPPED_CHILDREN, [list(child_ids), Purpose.REGISTRIES, on])
        return frozenset(child_id for (child_id,) in cursor.fetchall())


def stopped_guardians(guardian_ids: Collection[int]) -> frozenset[int]:
    """Those of the guardians of whom no registry is asked whose guardians they are: they withdrew consent."""
    with connection.cursor() as cursor:
        cursor.execute(_STOPPED_GUARDIANS, [list(guardian_ids), Purpose.REGISTRIES])
        return frozenset(guardian_id for (guardian_id,) in cursor.fetchall())


def own_consents(actor: Actor) -> list[OwnConsent]:
    """The acting guardian's own words on the registries, the latest first.

    Raises:
        Forbidden: the actor is no guardian.
    """
    require(actor, Action.READ_OWN_CHILDREN, ALLOWED)
    if actor.guardian_id is None:
        raise Forbidden(Action.READ_OWN_CHILDREN)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT child_id, way, given_at, withdrawn_at FROM consent WHERE guardian_id = %s AND purpose = %s"
            " ORDER BY id DESC",
            [actor.guardian_id, Purpose.REGISTRIES],
        )
        return [OwnConsent(*row) for row in cursor.fetchall()]
