"""Reads: what may be drawn, campaigns and visits as officials, a provider, the public see them. No child stands here.

Until the end nobody outside the office learns who is drawn: a provider sees its own findings, the public the promise.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from qosymsha.domain.controls.access import ALLOWED, Action
from qosymsha.domain.controls.rules import Line, Plan
from qosymsha.domain.controls.states import CampaignState, Strata, Unit, VisitState
from qosymsha.domain.people import resealing
from qosymsha.domain.people.states import Role
from qosymsha.domain.programmes import queries as programmes
from qosymsha.domain.vouchers.queries import rows
from qosymsha.kernel.actor import Actor, require

_GROUPS = """
  FROM club_group g JOIN venue v ON v.id = g.venue_id JOIN territory d ON d.id = v.district_id
  JOIN provider p ON p.id = g.provider_id
 WHERE g.programme_id = %(programme)s AND g.state = 'open' AND g.valid && daterange(%(first)s, %(last)s, '[]')
   AND EXISTS (SELECT FROM enrolment e WHERE e.group_id = g.id AND e.state = 'active')"""
SEALED = resealing.Place("control_campaign", "id", "secret_key_id")
_PARTS = {Strata.ALL: "'all'::text", Strata.DISTRICT: "d.kato", Strata.KIND: "g.kind"}
_FRAMES = {
    Unit.GROUP: "SELECT g.uuid, {part}" + _GROUPS,
    Unit.LESSON: "SELECT s.uuid, {part}"
    + _GROUPS.replace("WHERE", "JOIN session s ON s.group_id = g.id AND s.is_live WHERE", 1)
    + ' AND s."on" BETWEEN %(first)s AND %(last)s',
    Unit.PROVIDER: "SELECT p.uuid, string_agg(DISTINCT {part}, '+' ORDER BY {part})" + _GROUPS + " GROUP BY p.uuid",
}

_SUBJECTS = {
    Unit.GROUP: "SELECT uuid, provider_id, id, NULL::bigint FROM club_group WHERE uuid = ANY (%s)",
    Unit.LESSON: "SELECT uuid, provider_id, group_id, id FROM session WHERE uuid = ANY (%s)",
    Unit.PROVIDER: "SELECT uuid, id, NULL::bigint, NULL::bigint FROM provider WHERE uuid = ANY (%s)",
}


class CampaignRow(NamedTuple):
    """A campaign in a list, with its visits by what has become of them; `oldest` waits longest for a decision."""

    id: int
    uuid: UUID
    number: str
    programme_id: int
    territory_id: int
    state: str
    unit: str
    strata: str
    first: date
    last: date
    size: int
    units: int
    beacon_name: str
    commitment: bytes
    root: bytes | None
    planned_at: datetime
    frozen_at: datetime | None
    drawn_at: datetime | None
    ended_at: datetime | None
    typed_by: int | None
    due: int
    clean: int
    found: int
    answered: int
    unanswered: int
    decided: int
    missed: int

    @property
    def plan(self) -> Plan:
        """Its plan."""
        return Plan(Unit(self.unit), Strata(self.strata), self.first, self.last, self.size, self.beacon_name)

    @property
    def visited(self) -> int:
        """Places that were visited."""
        return self.clean + self.with_finding

    @property
    def with_finding(self) -> int:
        """Places where something was found."""
        return self.found + self.answered + self.unanswered + self.decided

    @property
    def waiting(self) -> int:
        """Findings that wait for a decision now."""
        return self.answered + self.unanswered


class VisitShown(NamedTuple):
    """A drawn place as an official's or its provider's page shows it; `marked` counts the provider's marks of that day.

    `lesson_at` is the drawn lesson's beginning, None where groups or providers are drawn.
    """

    id: int
    uuid: UUID
    campaign: UUID
    number: str
    territory_id: int
    programme_id: int
    place: int
    part: str
    state: str
    provider_id: int
    provider_number: str
    provider_name: str
    group_id: int | None
    code: str
    activity: str
    address_kk: str
    address_ru: str
    lesson_at: datetime | None
    visited_at: datetime | None
    visited_by: int | None
    present: int | None
    marked: int | None
    finding: str
    note: str
    document: UUID | None
    answer_until: date | None
    answer: str
    answered_at: datetime | None
    sanction: str
    reason: str
    decided_at: datetime | None


_COUNTS = ", ".join(f"(count(v.id) FILTER (WHERE v.state = '{state}'))::int AS {state.value}" for state in VisitState)
_CAMPAIGNS = f"""
SELECT c.id, c.uuid, c.number, c.programme_id, c.territory_id, c.state, c.unit, c.strata, c.first, c.last, c.size,
       c.units, c.beacon_name, c.commitment, c.root, c.planned_at, c.frozen_at, c.drawn_at, c.ended_at, c.typed_by,
       x.due, x.clean, x.found, x.answered, x.unanswered, x.decided, x.missed
  FROM control_campaign c
 CROSS JOIN LATERAL (SELECT {_COUNTS} FROM control_visit v WHERE v.campaign_id = c.id) x
 WHERE {{which}} ORDER BY c.planned_at DESC, c.id DESC"""  # noqa: S608 - this file's own words

_VISITS = """
SELECT v.id, v.uuid, c.uuid, c.number, v.territory_id, v.programme_id, v.place, v.part, v.state, v.provider_id,
       p.number, p.name, v.group_id, coalesce(g.code, ''), coalesce(o.activity_id, ''),
       coalesce(a.address_kk, ''), coalesce(a.address_ru, ''), s.starts_at, v.visited_at, v.visited_by, v.present,
       CASE WHEN v.visited_at IS NULL OR v.group_id IS NULL THEN NULL ELSE (
            SELECT count(*) FROM session t
              JOIN mark m ON m."on" = t."on" AND m.session_id = t.id AND m.value = 'present'
             WHERE t.group_id = v.group_id AND t."on" = (v.visited_at AT TIME ZONE 'Asia/Almaty')::date
               AND (v.session_id IS NULL OR t.id = v.session_id))::int END,
       v.finding, v.note, v.document, v.answer_until, v.answer, v.answered_at, v.sanction, v.reason, v.decided_at
  FROM control_visit v JOIN control_campaign c ON c.id = v.campaign_id JOIN provider p ON p.id = v.provider_id
  LEFT JOIN club_group g ON g.id = v.group_id LEFT JOIN offering o ON o.id = g.offering_id
  LEFT JOIN venue a ON a.id = g.venue_id LEFT JOIN session s ON s.id = v.session_id
 WHERE {which} ORDER BY {order}"""


@dataclass(frozen=True, slots=True)
class ControlWork:
    """What waits in controls: campaigns to go on with, places to visit, findings to decide; `oldest` of the last."""

    campaigns: int = 0
    due: int = 0
    to_decide: int = 0
    unanswered: int = 0
    oldest: date | None = None


def frame(programme_id: int, plan: Plan) -> list[Line]:
    """What may be drawn: groups with children in the plan's days, their lessons, or those who run them."""
    statement = _FRAMES[plan.unit].format(part=_PARTS[plan.strata])
    found = rows(statement, {"programme": programme_id, "first": plan.first, "last": plan.last})
    return [Line(unit, part) for unit, part in found]


def subjects(unit: Unit, uuids: Sequence[UUID]) -> dict[UUID, tuple[int, int | None, int | None]]:
    """Drawn unit → (provider, group, session)."""
    return {row[0]: row[1:] for row in rows(_SUBJECTS[unit], [list(uuids)])}


def controlled_programmes(actor: Actor) -> list[programmes.ProgrammeFacts]:
    """The programmes whose controls the actor may look at."""
    return [p for p in programmes.programmes() if actor.holds(ALLOWED[Action.READ], territory_id=p.territory_id)]


def campaigns(*, actor: Actor, uuid: UUID | None = None) -> list[CampaignRow]:
    """The campaigns of the actor's programmes, the latest first.

    Raises:
        Forbidden: the actor has no part in controls.
    """
    require(actor, Action.READ, ALLOWED)
    which = "c.programme_id = ANY (%s) AND (%s::uuid IS NULL OR c.uuid = %s)"
    found = rows(_CAMPAIGNS.format(which=which), [[p.id for p in controlled_programmes(actor)], uuid, uuid])
    return [CampaignRow(*row) for row in found]


def visits(*, actor: Actor, campaign: UUID | None = None, uuid: UUID | None = None) -> list[VisitShown]:
    """A campaign's drawn places in the order of the draw, or one of them.

    Raises:
        Forbidden: the actor has no part in controls.
    """
    require(actor, Action.READ, ALLOWED)
    which = "v.programme_id = ANY (%s) AND (%s::uuid IS NULL OR c.uuid = %s) AND (%s::uuid IS NULL OR v.uuid = %s)"
    asked = [[p.id for p in controlled_programmes(actor)], campaign, campaign, uuid, uuid]
    return [VisitShown(*row) for row in rows(_VISITS.format(which=which, order="c.id DESC, v.place"), asked)]


def control_work(*, actor: Actor) -> ControlWork:
    """What waits in the actor's controls; one statement."""
    found = rows(
        "SELECT count(DISTINCT c.id) FILTER (WHERE c.state IN ('planned', 'frozen')),"
        " count(v.id) FILTER (WHERE v.state = 'due'), count(v.id) FILTER (WHERE v.state IN ('answered', 'unanswered')),"
        " count(v.id) FILTER (WHERE v.state = 'unanswered'),"
        " min(v.answer_until) FILTER (WHERE v.state IN ('answered', 'unanswered'))"
        " FROM control_campaign c LEFT JOIN control_visit v ON v.campaign_id = c.id"
        " WHERE c.programme_id = ANY (%s) AND c.state IN ('planned', 'frozen', 'drawn')",
        [[p.id for p in controlled_programmes(actor)]],
    )
    return ControlWork(*found[0])


def own_findings(*, actor: Actor, provider_id: int, uuid: UUID | None = None) -> list[VisitShown]:
    """What was found at a provider, for its manager: what waits for an answer first; never places yet to be visited.

    Raises:
        Forbidden: the actor does not manage this provider.
    """
    require(actor, Action.READ_OWN, ALLOWED, provider_id=provider_id)
    which = "v.provider_id = %s AND v.finding <> '' AND (%s::uuid IS NULL OR v.uuid = %s)"
    order = "array_position(ARRAY['found', 'unanswered', 'answered', 'decided'], v.state), v.visited_at DESC, v.id"
    return [VisitShown(*row) for row in rows(_VISITS.format(which=which, order=order), [provider_id, uuid, uuid])]


def unanswered(on: date) -> list[int]:
    """Visits whose last day to answer lies before a day, by id."""
    found = rows("SELECT id FROM control_visit WHERE state = 'found' AND answer_until < %s ORDER BY id", [on])
    return [visit_id for (visit_id,) in found]


@dataclass(frozen=True, slots=True)
class PublicCampaign:
    """A campaign as everybody may see it: findings and sanctions are counts; `document` only once it has ended."""

    head: CampaignRow
    findings: tuple[tuple[str, int], ...]
    sanctions: tuple[tuple[str, int], ...]


def public_campaigns(uuid: UUID | None = None) -> list[CampaignRow]:
    """Campaigns whose list is frozen, the latest first; counts of visits are nobody's business before the end."""
    found = rows(_CAMPAIGNS.format(which="c.root IS NOT NULL AND (%s::uuid IS NULL OR c.uuid = %s)"), [uuid, uuid])
    return [_as_public(CampaignRow(*row)) for row in found]


def _as_public(one: CampaignRow) -> CampaignRow:
    hidden: dict[str, Any] = {} if one.state == CampaignState.ENDED else {state.value: 0 for state in VisitState}
    return one._replace(typed_by=None, **hidden)


def public_campaign(uuid: UUID) -> PublicCampaign | None:
    """One campaign in public, or None."""
    found = public_campaigns(uuid)
    if not found:
        return None
    if found[0].state != CampaignState.ENDED:
        return PublicCampaign(found[0], (), ())
    return PublicCampaign(found[0], _counted("finding", found[0].id), _counted("sanction", found[0].id))


def _counted(column: str, campaign_id: int) -> tuple[tuple[str, int], ...]:
    statement = (
        f"SELECT {column}, count(*)::int FROM control_visit WHERE campaign_id = %s AND {column} <> ''"  # noqa: S608
        " GROUP BY 1 ORDER BY 2 DESC, 1"
    )
    return tuple((word, n) for word, n in rows(statement, [campaign_id]))


def document(uuid: UUID) -> dict[str, Any] | None:
    """All that verify/sample.py needs of an ended campaign, or None: list, promises, seed's parts, sample."""
    found = rows(
        "SELECT id, number, terms, frame, root, commitment, secret, beacon_value, seed FROM control_campaign"
        " WHERE uuid = %s AND state = 'ended'",
        [uuid],
    )
    if not found:
        return None
    campaign_id, number, terms, listed, *hashes = found[0]
    names = ("root", "commitment", "secret", "beacon_value", "seed")
    drawn = rows("SELECT unit::text FROM control_visit WHERE campaign_id = %s ORDER BY place", [campaign_id])
    return {
        "schema": "qosymsha.control_sample/1",
        "number": number,
        "terms": json.loads(terms),
        "frame": listed.splitlines(),
        **{name: bytes(value).hex() for name, value in zip(names, hashes, strict=True)},
        "sample": [unit for (unit,) in drawn],
    }


def is_party(actor: Actor, provider_id: int) -> bool:
    """True where the actor works for the provider."""
    roles = {Role.PROVIDER_MANAGER, Role.TEACHER}
    return any(grant.role in roles and grant.provider_id == provider_id for grant in actor.grants)
