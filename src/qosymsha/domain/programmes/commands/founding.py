"""Found a programme; load the product's own directions and holidays."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction

from qosymsha.domain.programmes import classifiers, steps
from qosymsha.domain.programmes.access import ALLOWED, Action
from qosymsha.domain.programmes.models import Activity, CalendarDay, Programme
from qosymsha.domain.programmes.rules import ProgrammeRefusal
from qosymsha.kernel import idempotency, locks
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.errors import Refused
from qosymsha.kernel.text import folded, normal, sort_key


@dataclass(frozen=True, slots=True)
class ProgrammeDraft:
    """A programme of a territory: a short code, once there; Kazakh and Russian names required."""

    territory_id: int
    code: str
    name_kk: str
    name_ru: str
    name_en: str = ""


@transaction.atomic(durable=True)
def create_programme(*, actor: Actor, programme: ProgrammeDraft, at: datetime, key: UUID) -> int:
    """Found a programme and return its id.

    Raises:
        Forbidden: the actor may not, here.
        BadInput: a code or a name is empty.
        Refused: `programme_code_taken`, or the key was used otherwise.
    """
    place = programme.territory_id
    require(actor, Action.CREATE_PROGRAMME, ALLOWED, territory_id=place)
    locks.exclusive(f"programmes.codes.{place}")
    seen = idempotency.repeat(actor=actor, verb="create_programme", key=key, body=asdict(programme), at=at)
    if seen is not None:
        return int(seen)
    steps.require_texts(code=programme.code, name_kk=programme.name_kk, name_ru=programme.name_ru)
    if Programme.objects.filter(territory_id=place, code=programme.code).exists():
        raise Refused(ProgrammeRefusal.CODE_TAKEN, code=programme.code)
    names = {name: normal(getattr(programme, name)) for name in ("name_kk", "name_ru", "name_en")}
    made = Programme.objects.create(territory_id=place, code=programme.code, **names)
    steps.record(actor, at, Action.CREATE_PROGRAMME, "programme", [made.pk], place)
    idempotency.keep(actor=actor, verb="create_programme", key=key, outcome=made.pk)
    return made.pk


@transaction.atomic(durable=True)
def load_classifiers(*, actor: Actor, at: datetime, key: UUID) -> int:
    """Load the product's directions and holidays; return how many rows. Run again it renews directions, but leaves days
    that stand in the calendar as they are: somebody may have corrected them.

    Raises:
        Forbidden: the actor may not.
    """
    require(actor, Action.LOAD_CLASSIFIERS, ALLOWED)
    seen = idempotency.repeat(actor=actor, verb="load_classifiers", key=key, body=None, at=at)
    if seen is not None:
        return int(seen)
    activities, days = classifiers.activities(), classifiers.holidays()
    Activity.objects.bulk_create(
        [
            Activity(
                **asdict(row),
                folded=folded(f"{row.name_kk} {row.name_ru} {row.name_en}"),
                sort_kk=sort_key(row.name_kk),
            )
            for row in activities
        ],
        update_conflicts=True,
        unique_fields=["code"],
        update_fields=["kind", "name_kk", "name_ru", "name_en", "folded", "sort_kk", "source"],
    )
    CalendarDay.objects.bulk_create([CalendarDay(**asdict(day)) for day in days], ignore_conflicts=True)
    steps.record(actor, at, Action.LOAD_CLASSIFIERS, "classifier", [], None)
    idempotency.keep(actor=actor, verb="load_classifiers", key=key, outcome=len(activities) + len(days))
    return len(activities) + len(days)
