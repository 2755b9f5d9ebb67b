"""Rounds that are open, and which of a guardian's children may be filed in one: for the family's own pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from qosymsha.domain.admission.access import Action
from qosymsha.domain.admission.queries.facts import Live, is_past
from qosymsha.domain.admission.queries.filing import RoundSeen
from qosymsha.domain.admission.rules import (
    AdmissionRefusal,
    FilingFacts,
    age_day,
    age_on,
    refuse_filing,
    slot_of,
)
from qosymsha.domain.people import queries as people
from qosymsha.domain.people.queries import OwnWard
from qosymsha.domain.witness import reading
from qosymsha.kernel.actor import Actor
from qosymsha.kernel.clock import local_day

_OPENINGS = """
SELECT r.uuid, p.name_kk, p.name_ru, p.name_en, r.id, r.number, r.territory_id, r.programme_id, r.rule_set_id, u.hash,
       r.state, r.opens_at, r.closes_at, r.first_month
  FROM admission_round r JOIN programme p ON p.id = r.programme_id JOIN rule_set u ON u.id = r.rule_set_id
 WHERE {} ORDER BY r.closes_at, r.id"""
_NOW = _OPENINGS.format("r.state = 'open' AND r.opens_at <= %(at)s AND r.closes_at > %(at)s")
_ONE = _OPENINGS.format("r.uuid = %(uuid)s AND r.state <> 'planned'")

_STANDING = """
SELECT p.id, c.id, c.territory_id,
       ARRAY(SELECT v.slot FROM voucher v WHERE v.child_id = c.id AND v.programme_id = p.id AND v.state <> 'closed'),
       a.slot, a.id, a.state, a.round_id, a.uuid, a.number
  FROM unnest(%s::bigint[]) AS p(id) CROSS JOIN child c
       LEFT JOIN application a ON a.child_id = c.id AND a.programme_id = p.id AND a.is_live
 WHERE c.id = ANY(%s) ORDER BY p.id, c.id"""


@dataclass(frozen=True, slots=True)
class Opening:
    """A round as a family finds it, by the name of its programme; no personal data."""

    uuid: UUID
    programme_kk: str
    programme_ru: str
    programme_en: str
    round: RoundSeen

    def is_open(self, at: datetime) -> bool:
        """True where it may be filed in at this instant."""
        return self.round.state == "open" and self.round.opens_at <= at < self.round.closes_at

    @property
    def kinds(self) -> Sequence[str]:
        """The kinds of lessons to choose from, in the rule set's order."""
        return tuple(self.round.rules.kinds)


@dataclass(frozen=True, slots=True)
class Prospect:
    """An own child: for which kinds it may be filed; else why not, and the application that stands already."""

    child: OwnWard
    kinds: tuple[str, ...]
    reason: AdmissionRefusal | None
    filed_uuid: UUID | None
    filed_number: str


@dataclass(slots=True)
class _Standing:
    """What a child holds in a programme: vouchers and applications by slot."""

    territory_id: int
    held: frozenset[str]
    live: dict[str, tuple[Live, UUID, str]]


def openings(at: datetime) -> list[Opening]:
    """The rounds in which may be filed now, the first to close first."""
    return _openings(_NOW, {"at": at})


def opening(uuid: UUID) -> Opening | None:
    """The round of this uuid, open or past; one that is only planned is as unknown as none."""
    return next(iter(_openings(_ONE, {"uuid": uuid})), None)


def _openings(sql: str, values: Mapping[str, Any]) -> list[Opening]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        rows = cursor.fetchall()
    return [_opening(list(row)) for row in rows]


def _opening(row: list[Any]) -> Opening:
    columns = [*row[4:9], bytes(row[9]), *row[10:]]
    return Opening(row[0], row[1], row[2], row[3], RoundSeen(*columns))


def prospects(*, actor: Actor, of: Opening, at: datetime) -> list[Prospect]:
    """The guardian's own children, each with what may be filed for it; an audited read of the children and theirs.

    Raises:
        Forbidden: the actor is no guardian.
    """
    wards, standing = _seen(actor, [of], at)
    return [_prospect(of.round, ward, standing[of.round.programme_id, ward.id], at) for ward in wards]


def openings_left(*, actor: Actor, at: datetime) -> list[Opening]:
    """The open rounds in which a child of the guardian's own may still be filed, the first to close first; audited.

    Three questions, however many rounds and children; one where no round is open.

    Raises:
        Forbidden: the actor is no guardian.
    """
    found = openings(at)
    wards, standing = _seen(actor, found, at) if found else ([], {})
    return [
        one
        for one in found
        if any(_prospect(one.round, ward, standing[one.round.programme_id, ward.id], at).kinds for ward in wards)
    ]


def _seen(
    actor: Actor, of: Sequence[Opening], at: datetime
) -> tuple[list[OwnWard], Mapping[tuple[int, int], _Standing]]:
    """The guardian's children, and how each stands in the programmes of these rounds; noted as read."""
    wards = people.own_wards(actor=actor, at=at)
    standing = _standing(sorted({one.round.programme_id for one in of}), [ward.id for ward in wards])
    filed = {live.id: child_id for (_, child_id), one in standing.items() for live, *_ in one.live.values()}
    if filed:
        reading.saw(
            actor=actor,
            at=at,
            action=Action.READ_APPLICATION,
            kind="application",
            ids=list(filed),
            children=set(filed.values()),
        )
    return wards, standing


def _standing(programme_ids: Sequence[int], child_ids: Sequence[int]) -> dict[tuple[int, int], _Standing]:
    """By programme and child."""
    found: dict[tuple[int, int], _Standing] = {}
    with connection.cursor() as cursor:
        cursor.execute(_STANDING, [list(programme_ids), list(child_ids)])
        for programme_id, child_id, territory_id, held, slot, i, state, round_id, uuid, number in cursor.fetchall():
            one = found.setdefault((programme_id, child_id), _Standing(territory_id, frozenset(held), {}))
            if slot is not None:
                one.live[slot] = Live(i, state, round_id), uuid, number
    return found


def _prospect(the_round: RoundSeen, ward: OwnWard, standing: _Standing, at: datetime) -> Prospect:
    reasons = {
        kind: refuse_filing(the_round.rules, _facts(the_round, ward, standing, kind, at))
        for kind in the_round.rules.kinds
    }
    kinds = tuple(kind for kind, reason in reasons.items() if reason is None)
    reason = None if kinds else next(iter(reasons.values()), None)
    filed = next((one for one in standing.live.values() if one[0].round_id == the_round.id), None)
    return Prospect(ward, kinds, reason, filed[1] if filed else None, filed[2] if filed else "")


def _facts(the_round: RoundSeen, ward: OwnWard, standing: _Standing, kind: str, at: datetime) -> FilingFacts:
    slot = slot_of(the_round.rules, kind)
    live = standing.live.get(slot or "")
    day = age_day(the_round.rules, filed_on=local_day(at), first_month=the_round.first_month)
    return FilingFacts(
        is_ward=True,
        is_local=standing.territory_id == the_round.territory_id,
        slot=slot,
        age=None if ward.born_on is None else age_on(ward.born_on, day),
        holds_voucher=slot in standing.held,
        has_filed=live is not None and not is_past(live[0], the_round.id),
    )
