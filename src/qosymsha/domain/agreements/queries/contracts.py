"""Contracts of families with providers, as both sides see them, and as they are printed."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from qosymsha.domain.agreements.access import Action
from qosymsha.domain.agreements.queries.asked import guardian_of, names, of_house, rows
from qosymsha.domain.agreements.states import Side
from qosymsha.domain.people import queries as people
from qosymsha.domain.people.rules import ERASED_NAME, person_of
from qosymsha.kernel.actor import Actor
from qosymsha.kernel.clock import local_day


class ContractShown(NamedTuple):
    """A contract in a list; `sides` have signed; `is_over`: its place has ended; the child's name."""

    id: int
    uuid: UUID
    number: str
    child_id: int
    state: str
    drawn_at: datetime
    sign_by: date
    charge_tiyn: int
    group: str
    activity: str
    provider: str
    starts_on: date
    is_over: bool
    sides: tuple[str, ...]
    place: UUID
    name: str = ""

    def wants(self, side: Side) -> bool:
        """True where this side's signature is asked."""
        return not self.is_over and side.value not in self.sides


_CONTRACTS = """
SELECT f.id, f.uuid, f.number, f.child_id, f.state, f.drawn_at, f.sign_by, f.charge_tiyn, g.code, o.activity_id, p.name,
       e.starts_on, e.state = 'ended',
       array(SELECT s.side FROM family_contract_signature s WHERE s.contract_id = f.id ORDER BY s.id), e.uuid
  FROM family_contract f JOIN enrolment e ON e.id = f.enrolment_id JOIN club_group g ON g.id = e.group_id
  JOIN offering o ON o.id = g.offering_id JOIN provider p ON p.id = f.provider_id WHERE """


def own_contracts(*, actor: Actor, at: datetime) -> list[ContractShown]:
    """The contracts of the guardian's children, newest first; an audited read.

    Raises:
        Forbidden: the actor is no guardian.
    """
    children = people.own_child_ids(guardian_of(actor), local_day(at))
    found = rows(_CONTRACTS + "f.child_id = ANY (%s) ORDER BY f.id DESC", [children])
    return _shown(actor, Action.READ_OWN, found, at, None)


MOST = 200


def contracts_of_provider(  # noqa: PLR0913 - whose list, for whom, which of them, which stretch
    *,
    actor: Actor,
    provider_id: int,
    at: datetime,
    unsigned: bool,
    uuids: Collection[UUID] | None = None,
    limit: int = MOST,
    after: int = 0,
) -> list[ContractShown]:
    """A provider's contracts of live places, by group: those that lack a signature, or those signed; or these of them.

    An audited read. `after`: so many are passed over.

    Raises:
        Forbidden: the actor does not manage the provider.
    """
    territory_id = of_house(actor, provider_id)
    where = "f.provider_id = %s AND e.state <> 'ended' AND f.state = %s AND (%s::uuid[] IS NULL OR f.uuid = ANY (%s))"
    where += " ORDER BY f.sign_by, g.code, f.id LIMIT %s OFFSET %s"
    some = None if uuids is None else list(uuids)
    asked = [provider_id, "open" if unsigned else "signed", some, some, limit, after]
    found = rows(_CONTRACTS + where, asked)
    return _shown(actor, Action.READ_HOUSE, found, at, territory_id)


def _shown(
    actor: Actor, action: Action, found: list[tuple[Any, ...]], at: datetime, territory_id: int | None
) -> list[ContractShown]:
    listed = [ContractShown(*row)._replace(sides=tuple(row[13])) for row in found]
    ids, children = [c.id for c in listed], {c.child_id for c in listed}
    named = names(actor, action, ("family_contract", ids), children, at, territory_id)
    return [c._replace(name=named.get(c.child_id, ERASED_NAME)) for c in listed]


class ContractCount(NamedTuple):
    """A provider's contracts of live places: without the provider's own signature, without the family's, past the day,
    signed by both, and places that have none yet.
    """

    own: int
    family: int
    late: int
    signed: int
    undrawn: int


_COUNT = """
SELECT count(*) FILTER (WHERE f.state = 'open' AND NOT s.own),
       count(*) FILTER (WHERE f.state = 'open' AND NOT s.family),
       count(*) FILTER (WHERE f.state = 'open' AND f.sign_by < %s), count(*) FILTER (WHERE f.state = 'signed'),
       count(*) FILTER (WHERE f.id IS NULL)
  FROM enrolment e JOIN club_group g ON g.id = e.group_id LEFT JOIN family_contract f ON f.enrolment_id = e.id
  LEFT JOIN LATERAL (SELECT coalesce(bool_or(side = 'provider'), false) AS own,
                            coalesce(bool_or(side = 'family'), false) AS family
                       FROM family_contract_signature WHERE contract_id = f.id) s ON true
 WHERE g.provider_id = %s AND e.state IN ('contracted', 'active')"""


def contract_count(*, actor: Actor, provider_id: int, at: datetime) -> ContractCount:
    """How a provider stands with its contracts, in figures.

    Raises:
        Forbidden: the actor does not manage the provider.
    """
    of_house(actor, provider_id)
    (found,) = rows(_COUNT, [local_day(at), provider_id])
    return ContractCount(*found)


@dataclass(frozen=True, slots=True)
class SignatureOf:
    """A side's signature: when, after which proof of identity."""

    side: str
    at: datetime
    way: str
    proof_at: datetime


@dataclass(frozen=True, slots=True)
class ContractPaper:
    """A contract to be read and printed: what was frozen, its hash, and names that stand nowhere else in it."""

    shown: ContractShown
    template: str
    content: dict[str, Any]
    document: bytes
    hash: bytes
    template_hash: bytes
    guardian: str
    signatures: tuple[SignatureOf, ...]


_PAPER = "SELECT template, content, hash, template_hash FROM family_contract WHERE id = %s"
_SIGNED = """
SELECT side, at, proof_way, proof_at, guardian_id FROM family_contract_signature WHERE contract_id = %s ORDER BY id"""


def own_contract(*, actor: Actor, uuid: UUID, at: datetime) -> ContractPaper | None:
    """One contract of the guardian's own child; None for another's and for none. An audited read."""
    found = next((c for c in own_contracts(actor=actor, at=at) if c.uuid == uuid), None)
    return None if found is None else _paper(found, actor)


def house_contract(*, actor: Actor, provider_id: int, uuid: UUID, at: datetime) -> ContractPaper | None:
    """One contract of the provider; None for another's and for none. An audited read."""
    territory_id = of_house(actor, provider_id)
    found = rows(_CONTRACTS + "f.provider_id = %s AND f.uuid = %s", [provider_id, uuid])
    shown = _shown(actor, Action.READ_HOUSE, found, at, territory_id)
    return _paper(shown[0], actor) if shown else None


def _paper(shown: ContractShown, actor: Actor) -> ContractPaper:
    ((template, content, digest, template_hash),) = rows(_PAPER, [shown.id])
    signed = rows(_SIGNED, [shown.id])
    guardian_id = next((row[4] for row in signed if row[4] is not None), actor.guardian_id)
    return ContractPaper(
        shown,
        template,
        json.loads(bytes(content)),
        bytes(content),
        bytes(digest),
        bytes(template_hash),
        _guardian(guardian_id),
        tuple(SignatureOf(*row[:4]) for row in signed),
    )


def _guardian(guardian_id: int | None) -> str:
    """The guardian who signed, or who reads it now: both sides of a contract know each other's name."""
    plain = people.unseal("guardian", [guardian_id]).get(guardian_id) if guardian_id is not None else None
    person = person_of(plain) if plain else None
    return f"{person.surname} {person.given}".strip() if person else ERASED_NAME
