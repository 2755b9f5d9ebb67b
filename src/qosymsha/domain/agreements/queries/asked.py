"""Asking the database, and whose provider it is."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import connection

from qosymsha.domain.agreements.access import ALLOWED, Action
from qosymsha.domain.people import queries as people
from qosymsha.domain.people.rules import person_of
from qosymsha.domain.providers import queries as providers
from qosymsha.domain.witness import reading
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.errors import Forbidden


def rows(statement: str, arguments: Sequence[Any] | Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """All rows of a statement."""
    with connection.cursor() as cursor:
        cursor.execute(statement, arguments)
        return list(cursor.fetchall())


def of_house(actor: Actor, provider_id: int) -> int | None:
    """The provider's territory, where the actor manages it.

    Raises:
        Forbidden: the actor does not.
    """
    facts = providers.provider_facts([provider_id]).get(provider_id)
    territory_id = facts.territory_id if facts else None
    require(actor, Action.READ_HOUSE, ALLOWED, provider_id=provider_id, territory_id=territory_id)
    return territory_id


def guardian_of(actor: Actor) -> int:
    """The guardian whom the actor is.

    Raises:
        Forbidden: the actor is none.
    """
    require(actor, Action.READ_OWN, ALLOWED)
    if actor.guardian_id is None:
        raise Forbidden(Action.READ_OWN)
    return actor.guardian_id


def names(  # noqa: PLR0913 - who, by which right, which records, whose, where, when
    actor: Actor,
    action: Action,
    records: tuple[str, Collection[int]],
    child_ids: Collection[int],
    at: datetime,
    territory_id: int | None = None,
) -> dict[int, str]:
    """Child → surname and given name, with the audit of the read; erased children are left out."""
    kind, ids = records
    reading.saw(
        actor=actor, at=at, action=action, kind=kind, ids=ids, children=set(child_ids), territory_id=territory_id
    )
    found = {child_id: person_of(plain) for child_id, plain in people.unseal("child", set(child_ids)).items()}
    return {child_id: f"{one.surname} {one.given}".strip() for child_id, one in found.items()}
