"""What the desk's forms share: lists to choose from, an own group, a week of lessons, days of the calendar."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time
from uuid import UUID

from django import forms
from django.http import Http404

from qosymsha.domain.programmes import queries as programmes
from qosymsha.domain.programmes.rules import Rules
from qosymsha.domain.providers import queries as providers
from qosymsha.domain.providers.queries.running import VenueSheet
from qosymsha.domain.providers.queries.staff import StaffMember
from qosymsha.domain.providers.rules import LANGUAGES, GroupFacts, Mode
from qosymsha.interfaces.provider.house import managed
from qosymsha.interfaces.ui import texts
from qosymsha.interfaces.ui.forms import Form
from qosymsha.interfaces.ui.signed import SignedRequest
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.errors import Refused

WEEK = range(1, 8)


def day_field(*, required: bool = True) -> forms.DateField:
    """A day, chosen from the browser's own calendar or typed as 2026-09-01."""
    widget = forms.DateInput({"type": "date"}, "%Y-%m-%d")
    return forms.DateField(widget=widget, input_formats=["%Y-%m-%d", "%d.%m.%Y"], required=required)


def hour_field() -> forms.TimeField:
    """A time of the day; empty: no lesson."""
    widget = forms.TimeInput({"type": "time"}, "%H:%M")
    return forms.TimeField(widget=widget, input_formats=["%H:%M", "%H:%M:%S"], required=False)


def fill(form: Form, name: str, labels: Mapping[str, str]) -> None:
    """Give a field of choices what may be chosen: value → label."""
    field = form.fields[name]
    assert isinstance(field, forms.ChoiceField | forms.MultipleChoiceField)
    field.choices = list(labels.items())


def words(request: SignedRequest, family: str, members: object) -> dict[str, str]:
    """Members of a family of texts → their words, in order."""
    assert hasattr(members, "__iter__")
    return {str(member): texts.say(request.language, f"{family}.{member}") for member in members}


def languages(request: SignedRequest) -> dict[str, str]:
    """The languages a group may be taught in."""
    return words(request, "teaching", sorted(LANGUAGES))


def modes(request: SignedRequest) -> dict[str, str]:
    """The ways lessons may be given."""
    return words(request, "desk.mode", list(Mode))


def staff_labels(staff: list[StaffMember]) -> dict[str, str]:
    """Those who may teach: outside id → name; who has none is told apart by a number."""
    return {str(one.uuid): one.name or f"№ {n}" for n, one in enumerate(staff, 1) if not one.is_gone}


def venue_labels(venues: list[VenueSheet], language: str) -> dict[str, str]:
    """A provider's venues: outside id → address and how many children it may hold."""
    return {str(v.uuid): f"{v.address_kk if language == 'kk' else v.address_ru} ({v.capacity})" for v in venues}


def own_group(request: SignedRequest, group_uuid: UUID) -> GroupFacts:
    """The group of the provider that these pages are about.

    Raises:
        Http404: another's, or none.
    """
    group_id = providers.group_id(managed(request), group_uuid)
    if group_id is None:
        raise Http404
    return providers.group_facts([group_id])[group_id]


def rules_of(request: SignedRequest, programme_id: int) -> Rules | None:
    """The rules of today; None where none are in force."""
    try:
        return programmes.rules_in_force(programme_id, local_day(request.at)).rules
    except Refused:
        return None


@dataclass(frozen=True, slots=True)
class WeekRow:
    """A weekday's fields in a form of a week."""

    day: int
    starts: forms.BoundField
    ends: forms.BoundField
    teacher: forms.BoundField | None

    @property
    def is_wrong(self) -> bool:
        """Something about this day must be put right."""
        return bool(self.starts.errors or self.ends.errors or (self.teacher and self.teacher.errors))


class WeekForm(Form):
    """A form with hours for each weekday: both empty is no lesson, one alone is a fault at the other."""

    def add_week(self, *, with_teachers: bool) -> None:
        """Add the fields of the seven days."""
        for day in WEEK:
            self.fields[f"starts_{day}"], self.fields[f"ends_{day}"] = hour_field(), hour_field()
            if with_teachers:
                self.fields[f"teacher_{day}"] = forms.ChoiceField(required=False)

    def rows(self) -> list[WeekRow]:
        """The days' fields, for the template."""
        return [
            WeekRow(
                day,
                self[f"starts_{day}"],
                self[f"ends_{day}"],
                self[f"teacher_{day}"] if f"teacher_{day}" in self.fields else None,
            )
            for day in WEEK
        ]

    def clean(self) -> dict[str, object]:
        """Each day has both hours or none, in order."""
        found = super().clean() or self.cleaned_data
        for day in WEEK:
            starts, ends = found.get(f"starts_{day}"), found.get(f"ends_{day}")
            faulty = "ends" if starts and not ends else "starts" if ends and not starts else ""
            if faulty and not self.errors.get(f"{faulty}_{day}"):
                self.add_error(f"{faulty}_{day}", self.fields["starts_1"].error_messages["required"])
        return found

    def hours(self) -> list[tuple[int, time, time]]:
        """(weekday, from, to) of each lesson of a valid form."""
        typed = self.cleaned_data
        return [
            (day, typed[f"starts_{day}"], typed[f"ends_{day}"]) for day in WEEK if typed[f"starts_{day}"] is not None
        ]
