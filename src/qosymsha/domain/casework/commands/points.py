"""Consultation points are loaded from the product's own data file."""

from __future__ import annotations

import csv
from datetime import datetime
from pathlib import Path
from uuid import UUID

from django.db import transaction

from qosymsha.domain.casework.access import ALLOWED, Action
from qosymsha.domain.casework.models import ConsultationPoint
from qosymsha.domain.people import queries as people
from qosymsha.kernel import audit, idempotency
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.errors import BadInput

_FILE = Path(__file__).parent.parent / "data" / "consultation_points.csv"
_TAKEN_OVER = ["name_kk", "name_en", "address", "opening_days", "source"]


@transaction.atomic(durable=True)
def load_consultation_points(*, actor: Actor, at: datetime, key: UUID) -> int:
    """Load the points of Astana; run again, it takes over what the file changed. Returns how many the file has.

    Raises:
        Forbidden: the actor may not.
        BadInput: the districts are not loaded yet (load territories first).
    """
    require(actor, Action.LOAD_CONSULTATION_POINTS, ALLOWED)
    with _FILE.open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    seen = idempotency.repeat(actor=actor, verb="load_consultation_points", key=key, body=lines, at=at)
    if seen is not None:
        return int(seen)
    districts = people.territories_by_kato({line["district_kato"] for line in lines}, local_day(at))
    ConsultationPoint.objects.bulk_create(
        [_point(line, districts) for line in lines],
        update_conflicts=True,
        unique_fields=["district", "name_ru"],
        update_fields=_TAKEN_OVER,
    )
    audit.record(
        actor=actor, at=at, action=Action.LOAD_CONSULTATION_POINTS, subject_kind="consultation_point", subject_ids=[]
    )
    idempotency.keep(actor=actor, verb="load_consultation_points", key=key, outcome=len(lines))
    return len(lines)


def _point(line: dict[str, str], districts: dict[str, int]) -> ConsultationPoint:
    if line["district_kato"] not in districts:
        raise BadInput("district_kato", f"load the territories first: {line['district_kato']} is unknown")
    return ConsultationPoint(
        district_id=districts[line["district_kato"]],
        name_kk=line["name_kk"],
        name_ru=line["name_ru"],
        name_en=line["name_en"],
        address=line["address"],
        opening_days=line["opening_days"],
        source=line["source"],
    )
