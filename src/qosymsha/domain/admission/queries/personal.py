"""What one family may see of its own application: the receipt, and its place on the waiting list. Reads are audited."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection, transaction

from qosymsha.domain.admission.access import ALLOWED, Action
from qosymsha.domain.admission.models import Application, FrozenLine, Outcome
from qosymsha.domain.admission.rules import TICKET_KIND, AdmissionRefusal
from qosymsha.domain.allocation import draw
from qosymsha.domain.people import queries as people
from qosymsha.domain.people.states import Role
from qosymsha.domain.witness import reading
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.errors import Forbidden, Refused

_POSITION = """
SELECT count(*) FROM outcome o JOIN application a ON a.id = o.application_id
 WHERE o.round_id = %s AND o.segment = %s AND o.rank <= %s AND o.result = 'waiting' AND a.state = 'waiting'"""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a family keeps: the ticket is its secret; line id and leaf (hex) stand in public, the leaf after close."""

    number: str
    round_number: str
    ticket: str
    line_id: str
    kind: str
    submitted_at: datetime
    line: str
    leaf: str
    round_uuid: UUID


@transaction.atomic
def receipt(*, actor: Actor, application_id: int, at: datetime) -> Receipt:
    """The receipt of an application, for its guardian or the door that files for one.

    Raises:
        Forbidden: the actor is neither.
        Refused: `unknown_application`, or `tickets_erased`.
    """
    found = readable(actor, Action.READ_RECEIPT, application_id, at)
    ticket = people.unseal(TICKET_KIND, [found.id]).get(found.id)
    if ticket is None:
        raise Refused(AdmissionRefusal.TICKETS_ERASED)
    frozen = FrozenLine.objects.filter(application_id=found.id).first()
    return Receipt(
        number=found.number,
        round_number=found.round.number,
        ticket=draw.ticket_text(ticket),
        line_id=bytes(found.line_id).hex(),
        kind=found.kind,
        submitted_at=found.submitted_at,
        line=frozen.line if frozen else "",
        leaf=bytes(frozen.leaf).hex() if frozen else "",
        round_uuid=found.round.uuid,
    )


def position(application_id: int) -> int | None:
    """The place on the waiting list now, from 1; None for an application that does not wait. No personal data."""
    outcome = Outcome.objects.filter(application_id=application_id, application__state="waiting").first()
    return _position(outcome) if outcome else None


def positions(round_id: int, segment: str) -> Mapping[int, int]:
    """Application → its place on the waiting list of a segment now, from 1."""
    waiting = Outcome.objects.filter(round_id=round_id, segment=segment, application__state="waiting").order_by("rank")
    return {application_id: i for i, application_id in enumerate(waiting.values_list("application_id", flat=True), 1)}


def application_numbered(number: str) -> int:
    """The id of an application by its human number: how the doors name it. No personal data.

    Raises:
        Refused: `unknown_application`.
    """
    found = Application.objects.filter(number=number.strip().upper()).values_list("id", flat=True).first()
    if found is None:
        raise Refused(AdmissionRefusal.UNKNOWN_APPLICATION, number=number)
    return found


def readable(actor: Actor, action: Action, application_id: int, at: datetime) -> Application:
    """The application, if the actor may read it, with the read recorded."""
    found = Application.objects.select_related("round").filter(pk=application_id).first()
    if found is None:
        require(actor, action, ALLOWED)
        raise Refused(AdmissionRefusal.UNKNOWN_APPLICATION)
    pair = (actor.guardian_id or 0, found.child_id)
    is_family = bool(people.wards([pair], local_day(at)))
    if not is_family and not actor.holds(ALLOWED[action] - {Role.GUARDIAN}, territory_id=found.territory_id):
        raise Forbidden(action)
    reading.saw(
        actor=actor,
        at=at,
        action=action,
        kind="application",
        ids=[found.id],
        children=[found.child_id],
        territory_id=found.territory_id,
    )
    return found


def _position(outcome: Outcome) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_POSITION, [outcome.round_id, outcome.segment, outcome.rank])
        return int(cursor.fetchone()[0])
