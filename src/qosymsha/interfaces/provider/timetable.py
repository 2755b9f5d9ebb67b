"""A group's week, changed from a day on: what it would clash with and do is looked at first, then it is saved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta
from typing import Any
from uuid import UUID

from django.http import HttpResponse

from qosymsha.domain.changes import commands, queries
from qosymsha.domain.changes.rules import Fate
from qosymsha.domain.providers import queries as providers
from qosymsha.domain.providers.access import Action
from qosymsha.domain.providers.queries import running, staff
from qosymsha.domain.providers.queries.staff import StaffMember
from qosymsha.domain.providers.rules import GroupFacts, ProviderRefusal
from qosymsha.domain.providers.rules.running import Clash, WeekSlot
from qosymsha.interfaces.provider.access import Look
from qosymsha.interfaces.provider.choices import WEEK, WeekForm, day_field, fill, own_group, staff_labels
from qosymsha.interfaces.ui.forms import attempt, typed
from qosymsha.interfaces.ui.signed import SignedRequest, allowed, key_of, moved, page
from qosymsha.kernel.clock import local_day

_LOOK = "look"
_DAY = timedelta(days=1)
_FIELDS = {"change_too_soon": "first", "change_after_the_end": "first", "change_month_sent": "first"}


@dataclass(frozen=True, slots=True)
class Seen:
    """A clash as the page says it: when, what is in the way (`is_hall`: too full), which own groups; others unnamed."""

    weekday: int
    starts: time
    ends: time
    is_hall: bool
    codes: tuple[str, ...]


class TimetableForm(WeekForm):
    """From which day; the hours and the teacher of each weekday."""

    first = day_field()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.add_week(with_teachers=True)
        self.name_faults()

    def clean(self) -> dict[str, object]:
        """A day with a lesson has a teacher."""
        found = super().clean()
        for day in WEEK:
            if found.get(f"starts_{day}") and not found.get(f"teacher_{day}"):
                self.add_error(f"teacher_{day}", self.fields["first"].error_messages["required"])
        return found

    def week(self, members: Sequence[StaffMember]) -> list[WeekSlot]:
        """The wished lessons of a valid form."""
        ids = {str(one.uuid): one.id for one in members}
        return [WeekSlot(day, a, z, ids[self.cleaned_data[f"teacher_{day}"]]) for day, a, z in self.hours()]


@allowed(Look.TIMETABLE, post=Action.CHANGE_TIMETABLE)
def timetable(request: SignedRequest, group_uuid: UUID) -> HttpResponse:
    """`/provider/groups/{uuid}/timetable/`: the week's form; `step=look` shows what it would do, else it is done."""
    facts, today = own_group(request, group_uuid), local_day(request.at)
    members = staff.staff_of(actor=request.actor, provider_id=facts.provider_id, on=today)
    form = TimetableForm(typed(request), initial=_initial(facts, today))
    labels = {"": "—"} | staff_labels(members)
    for day in WEEK:
        fill(form, f"teacher_{day}", labels)

    def act() -> object:
        said = form.cleaned_data
        return commands.change_timetable(
            actor=request.actor, group_id=facts.id, first=said["first"], week=form.week(members), at=request.at,
            key=key_of(request),
        )  # fmt: skip

    is_look = request.method == "POST" and request.POST.get("step") == _LOOK
    if not is_look and attempt(request, form, act, _FIELDS):
        done: commands.Changed = form.outcome
        return moved(
            request, "provider-group-sheet", group_uuid, said="week.done", cancelled=done.cancelled, made=done.made
        )
    words = _looked(facts, form, members) if request.method == "POST" and form.is_bound else {}
    return page(
        request,
        "provider/timetable.html",
        422 if form.errors and not is_look else 200,
        form=form,
        group=facts,
        sheet=running.group_sheets([facts.id])[facts.id],
        **words,
    )


def _initial(facts: GroupFacts, today: date) -> dict[str, Any]:
    """The week as it will be, from the Monday after today (or the group's first day)."""
    monday = today + timedelta(days=7 - today.weekday())
    first = max(monday, facts.first_day)
    if facts.last_day is not None and first > facts.last_day:
        first = min(today + _DAY, facts.last_day)
    found: dict[str, Any] = {"first": first}
    for one in running.week_of([facts.id], first).get(facts.id, []):
        found |= {
            f"starts_{one.weekday}": f"{one.starts:%H:%M}",
            f"ends_{one.weekday}": f"{one.ends:%H:%M}",
            f"teacher_{one.weekday}": str(one.teacher),
        }
    return found


def _looked(facts: GroupFacts, form: TimetableForm, members: Sequence[StaffMember]) -> dict[str, Any]:
    """Clashes and what becomes of the planned lessons; nothing where the form itself can't be read."""
    if any(form.errors.get(name) for name in form.fields):
        return {}
    first, week = form.cleaned_data["first"], form.week(members)
    ordered = [slot for slot in week if slot.starts < slot.ends]
    clashes = _seen(facts, running.timetable_clashes(facts, ordered, max(first, facts.first_day)))
    fate: Fate = queries.fate_of_week(facts, ordered, first)
    return {"is_looked": True, "clashes": clashes, "fate": fate, "lessons": len(week)}


def _seen(facts: GroupFacts, clashes: Sequence[Clash]) -> list[Seen]:
    groups = providers.group_facts({i for clash in clashes for i in clash.group_ids})
    own = {i: one.code for i, one in groups.items() if one.provider_id == facts.provider_id}
    return [
        Seen(
            clash.weekday,
            clash.starts,
            clash.ends,
            clash.reason is ProviderRefusal.VENUE_FULL,
            tuple(own[i] for i in clash.group_ids if i in own),
        )
        for clash in clashes
    ]
