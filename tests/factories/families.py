"""Families of the small city at their own pages: names, several children of one guardian, a month that is over."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from django.db import transaction

from qosymsha.domain.attendance.models import SheetRow
from qosymsha.domain.people.models import Child, Guardianship
from qosymsha.domain.people.rules import PersonDetails, person_json
from qosymsha.domain.people.steps import SecretRow, seal
from tests.factories.attendance import OVER, mark, send
from tests.factories.presence import Venue, venue

KIDS = (("Әлиева", "Айша"), ("Әлиев", "Бекзат"), ("Әлиева", "Гүлім"), ("Әлиев", "Дәурен"), ("Әлиева", "Еркежан"))


def own_family(children: int = 1, strangers: int = 1) -> Venue:
    """A venue whose first guardian has so many children in the group; after them come other families."""
    here = venue(families=children + strangers)
    mother = here.families[0][0]
    named(("guardian", mother, "Әлиева", "Сәуле"))
    for n in range(children):
        _, child, place = here.families[n]
        Guardianship.objects.filter(child_id=child).update(guardian_id=mother)
        here.families[n] = mother, child, place
        named(("child", child, *KIDS[n]))
    return here


def named(*people: tuple[str, int, str, str]) -> None:
    """Give (kind, id, surname, given name) their names."""
    with transaction.atomic():
        for kind, subject, surname, given in people:
            born = date(2016, 5, 5) if kind == "child" else None
            plain = person_json(
                PersonDetails(iin=None, surname=surname, given=given, born_on=born, phone="+77770000001")
            )
            seal(kind, [SecretRow(subject, plain)])


def month_sent(here: Venue, values: Sequence[str] = ()) -> list[SheetRow]:
    """September marked (present where `values` say nothing) and its sheet sent; the rows by place."""
    for n, lesson in enumerate(here.lessons):
        value = values[n] if n < len(values) else "present"
        assert set(mark(here.city, [(lesson.pk, place, value) for _, _, place in here.families])) == {None}
    (outcome,) = send(here.city, at=OVER)
    assert outcome.reason is None
    return list(SheetRow.objects.filter(sheet_id=outcome.id).order_by("enrolment_id"))


def child_uuid(child_id: int) -> str:
    """The child's outside id."""
    return str(Child.objects.get(pk=child_id).uuid)
