"""The groups' roster: what a provider teaches, where, when, by whom, at what tariff."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from qosymsha.domain.people.rules import PersonDetails, tidy
from qosymsha.domain.people.states import Role
from qosymsha.domain.programmes import classifiers
from qosymsha.domain.programmes import queries as programmes
from qosymsha.domain.providers import commands, queries
from qosymsha.domain.providers.rules import GroupDraft, GroupFacts, ProviderRefusal, SlotDraft, VenueDraft
from qosymsha.interfaces.cli.loading.context import City, advice_of, new_key, number_of
from qosymsha.interfaces.files import cells, layouts
from qosymsha.interfaces.files.faults import CellError
from qosymsha.interfaces.files.reading import Reading, Taken, Verdict
from qosymsha.kernel.text import folded

_COLUMN = {
    ProviderRefusal.PROVIDER_UNKNOWN: "provider",
    ProviderRefusal.NOT_ACCREDITED: "provider",
    ProviderRefusal.NO_CONTRACT: "activity",
    ProviderRefusal.ACTIVITY_UNKNOWN: "activity",
    ProviderRefusal.LANGUAGE_UNKNOWN: "language",
    ProviderRefusal.BAD_AGES: "age_min",
    ProviderRefusal.BAD_CAPACITY: "capacity",
    ProviderRefusal.DISTRICT_UNKNOWN: "district",
    ProviderRefusal.PLACE_UNREADABLE: "latitude",
    ProviderRefusal.TARIFF_ABOVE_RULE: "tariff",
    ProviderRefusal.UNITS_ABOVE_RULE: "lessons",
    ProviderRefusal.TIMETABLE_EMPTY: "timetable",
    ProviderRefusal.TIMETABLE_UNREADABLE: "timetable",
    ProviderRefusal.TIMETABLE_TWICE_A_DAY: "timetable",
    ProviderRefusal.TEACHER_UNREADABLE: "teacher_iin",
    ProviderRefusal.TEACHER_BUSY: "teacher_iin",
    ProviderRefusal.VENUE_FULL: "venue_capacity",
    ProviderRefusal.DAYS_REVERSED: "last_day",
}
_UNKNOWN = "this provider is not known yet: load it with `qosymsha import providers` first"
_OTHER = "a group of this code stands with other facts: close it and open the new one under a new code"


@dataclass(frozen=True, slots=True)
class GroupRow:
    """A row: whose group it is, and the group; the first day is None where the cell is blank."""

    provider: str
    draft: GroupDraft
    is_first_day_told: bool


class GroupLoader:
    """Groups under their providers' contracts. A group that stands is never changed from a file."""

    name = "groups"
    layout = layouts.GROUPS

    def __init__(self, city: City) -> None:
        self.notes: list[str] = []
        self._city = city
        self._activities = _activities()
        self._ids: dict[str, int] = {}

    def read(self, reading: Reading) -> GroupRow | None:
        """The row as a group."""
        provider = number_of(reading, "provider", cells.number)
        first = reading.value("first_day", cells.day)
        capacity = reading.value("capacity", cells.whole) or 0
        draft = GroupDraft(
            code=reading.text("code"),
            activity=reading.value("activity", self._activity) or "",
            language=reading.value("language", cells.language) or "kk",
            age_min=reading.value("age_min", cells.whole) or 0,
            age_max=reading.value("age_max", cells.whole) or 0,
            capacity=capacity,
            unit_tariff_tiyn=reading.value("tariff", cells.tiyn) or 0,
            units_per_month=reading.value("lessons", cells.whole) or 0,
            first_day=first or self._city.today,
            venue=self._venue(reading, capacity),
            teacher=_teacher(reading),
            slots=_slots(reading),
            last_day=reading.value("last_day", cells.day),
            is_adapted=reading.value("adapted", cells.yes) or False,
        )
        return None if reading.faults or provider is None else GroupRow(provider, draft, first is not None)

    def _activity(self, text: str) -> str:
        found = self._activities.get(folded(text))
        if found is None:
            raise CellError("activity_unknown", "name a direction of the classifier: its code or its name")
        return found

    def _venue(self, reading: Reading, capacity: int) -> VenueDraft:
        district = reading.value("district", self._city.district) or 0
        address = reading.text("address")
        room = reading.value("venue_capacity", cells.whole) or capacity
        return VenueDraft(district, address, address, room, _degrees(reading))

    def sort_out(self, batch: list[Taken[GroupRow]]) -> None:
        """Groups known by provider and code: the same facts are there already, others are refused."""
        self._ids = queries.providers_by_number({taken.draft.provider for taken in batch})
        for provider, rows in _by_provider(batch).items():
            provider_id = self._ids.get(provider)
            if provider_id is None:
                for taken in rows:
                    taken.refuse("provider", ProviderRefusal.PROVIDER_UNKNOWN.value, _UNKNOWN)
                continue
            self._compare(provider_id, rows)

    def _compare(self, provider_id: int, rows: list[Taken[GroupRow]]) -> None:
        codes = queries.groups_by_code(provider_id, {taken.draft.draft.code for taken in rows})
        facts = queries.group_facts(codes.values())
        for taken in rows:
            if taken.draft.draft.code in codes:
                standing = facts[codes[taken.draft.draft.code]]
                told, first = taken.draft.draft, standing.first_day if not taken.draft.is_first_day_told else None
                if _facts(told, first) == _facts(standing, None):
                    taken.verdict = Verdict.THERE
                else:
                    taken.refuse("code", ProviderRefusal.CODE_TAKEN.value, _OTHER)

    def store(self, batch: list[Taken[GroupRow]]) -> None:
        """Open the groups, a provider at a time."""
        for provider, rows in _by_provider(batch).items():
            outcomes = commands.open_groups(
                actor=self._city.staff.actor(Role.PROGRAMME_OFFICER),
                provider_id=self._ids[provider],
                groups=[taken.draft.draft for taken in rows],
                at=self._city.staff.at,
                key=new_key(),
            )
            for outcome in outcomes:
                if outcome.reason is not None:
                    assert isinstance(outcome.reason, ProviderRefusal)
                    column = _COLUMN.get(outcome.reason, "code")
                    rows[outcome.row].refuse(column, outcome.reason.value, advice_of(outcome.reason))


def _facts(group: GroupDraft | GroupFacts, first_day: date | None) -> tuple[object, ...]:
    """What makes a group the same group; `first_day` in place of its own where the row tells none."""
    names = ("activity", "language", "age_min", "age_max", "capacity", "unit_tariff_tiyn", "units_per_month")
    return (first_day or group.first_day, *(getattr(group, name) for name in names))


def _by_provider(batch: list[Taken[GroupRow]]) -> dict[str, list[Taken[GroupRow]]]:
    found: dict[str, list[Taken[GroupRow]]] = {}
    for taken in batch:
        found.setdefault(taken.draft.provider, []).append(taken)
    return found


def _teacher(reading: Reading) -> PersonDetails:
    return tidy(
        PersonDetails(
            iin=number_of(reading, "teacher_iin"),
            surname=reading.text("teacher_surname"),
            given=reading.text("teacher_given"),
            patronymic=reading.text("teacher_patronymic"),
        )
    )


def _degrees(reading: Reading) -> tuple[float, float] | None:
    """Where the venue stands, or None where the row does not tell; half a place is told as a fault."""
    north, east = reading.value("latitude", cells.latitude), reading.value("longitude", cells.longitude)
    if north is not None and east is not None:
        return north, east
    for name, other in (("latitude", "longitude"), ("longitude", "latitude")):
        if reading.text(name) and not reading.text(other):
            reading.fault(other, "half_a_place", f"tell {name} and {other} both, or neither")
    return None


def _slots(reading: Reading) -> tuple[SlotDraft, ...]:
    lessons = reading.value("timetable", cells.lessons) or ()
    return tuple(SlotDraft(lesson.weekday, lesson.starts, lesson.ends) for lesson in lessons)


def _activities() -> dict[str, str]:
    """Folded code or name → code, for the directions loaded."""
    loaded = programmes.activity_kinds()
    named = {a.code: (a.name_kk, a.name_ru, a.name_en) for a in classifiers.activities()}
    return {folded(word): code for code in loaded for word in (code, *named.get(code, ())) if word}
