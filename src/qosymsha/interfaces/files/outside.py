"""The roster of a month kept elsewhere: a row is a child at a lesson, with the evidence that came with the mark."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from qosymsha.domain.flags import commands, queries
from qosymsha.domain.flags.rules.recording import EVIDENCE, OutsideRow
from qosymsha.domain.people import queries as people
from qosymsha.domain.providers import queries as providers
from qosymsha.interfaces.files import cells, layouts
from qosymsha.interfaces.files.districts import Districts
from qosymsha.interfaces.files.faults import CellError
from qosymsha.interfaces.files.instants import instant
from qosymsha.interfaces.files.reading import Reading, Taken, Verdict
from qosymsha.kernel import cipher
from qosymsha.kernel.actor import Actor
from qosymsha.kernel.clock import local_instant
from qosymsha.kernel.text import folded

_VALUES = {
    folded(word): value
    for value, words in {
        1: "present 1 + был была есть присутствовал присутствовала п yes да бар келді қатысты иә",
        0: "absent 0 - нет не был н отсутствовал отсутствовала no жоқ келмеді",
        2: "ill болел болеет болезнь б sick ауру ауырды науқас",
        3: "excused уваж уважительная у уважит отпросился себепті дәлелді",
    }.items()
    for word in words.split()
}
_AWAY = {
    folded(word): value
    for value, words in {
        1: "abroad заграница заграницей шетел шетелде travel border выезд",
        2: "hospital больница стационар аурухана ауруханада",
        3: "ill больничный справка ауру sick",
        4: "school школа мектеп мектепте club",
        5: "notice предупредил ескертті",
    }.items()
    for word in words.split()
}
_DIGITS = re.compile(r"[0-9]{12}\Z")
_DIGITS_OF_KATO = 9
_MASKED = ""


@dataclass(frozen=True, slots=True)
class Bringing:
    """Where marks go, who brings them, when; a key for each batch, and what is advised about a room's refusal.

    `takes_unknown`: any word will do for a provider, a group and a person (a trial's choice). `asks_people`: a person
    whom the register does not know is refused; else none is looked for aloud, and who brings a file learns of nobody
    whether the register knows them.
    """

    territory_id: int
    programme_id: int
    districts: Districts
    actor: Callable[[], Actor]
    at: datetime
    key: Callable[[], UUID]
    advice: Callable[[StrEnum], str]
    takes_unknown: bool = False
    asks_people: bool = True


@dataclass(frozen=True, slots=True)
class MarkDraft:
    """A row: persons as the file names them; the mark itself as it will be stored, its ids yet to be found."""

    provider: str
    child: str
    guardian: str
    row: OutsideRow


class MarkLoader:
    """Marks of months kept elsewhere."""

    name = "marks"
    layout = layouts.MARKS

    def __init__(self, where: Bringing) -> None:
        self.notes = ["marks kept elsewhere are screened, never paid"]
        self._where = where
        self._hashes: dict[tuple[str, str], int] = {}
        self._rows: dict[int, OutsideRow] = {}

    def read(self, reading: Reading) -> MarkDraft | None:
        """The row as a mark with its evidence."""
        provider, child = self._number(reading, "provider"), self._number(reading, "child")
        guardian = self._number(reading, "guardian")
        group, day = reading.text("group"), reading.value("date", cells.day)
        value = reading.value("mark", _mark)
        if not (provider and child and group) or day is None or value is None:
            return None
        seen = self._instants(reading, day)
        starts = seen["starts"] or local_instant(day)
        if seen["ends"] is not None and seen["ends"] <= starts:
            reading.fault("ends", "ends_before_it_begins", "the lesson must end after it begins")
        if reading.faults:
            return None
        known = self._evidence(reading, day, value, seen, guardian)
        if reading.faults:
            return None
        row = OutsideRow(
            on=day,
            provider=provider,
            group_code=group,
            child=cipher.lookup("outside.child", child)[:16],
            starts_at=starts,
            evidence=tuple(known.get(name, 0) for name in EVIDENCE),
            child_ref=reading.text("child_ref") or (_MASKED if _DIGITS.match(child) else child),
            ref=reading.text("ref") or str(reading.number),
        )
        return MarkDraft(provider, child, guardian, row)

    def _number(self, reading: Reading, field_name: str) -> str:
        """An IIN or BIN; where the file may bring its own codes, any word."""
        parse = cells.number if field_name == "provider" else cells.person
        if not self._where.takes_unknown:
            found = reading.value(field_name, parse)
            return found.text if found is not None else ""
        text = reading.text(field_name)
        if not text and field_name != "guardian":
            return reading.value(field_name, str) or ""
        return text

    def _instants(self, reading: Reading, day: date) -> dict[str, datetime | None]:
        names = ("starts", "ends", "marked_at", "recorded_at", "scan_at")
        found = {name: reading.value(name, lambda text: instant(text, day)) for name in names}
        found["confirmed_at"] = reading.value("confirmed_at", instant)
        return found

    def _evidence(
        self, reading: Reading, day: date, value: int, seen: dict[str, datetime | None], guardian: str
    ) -> dict[str, int]:
        month = f"{day:%Y-%m}"
        given = {name: _epoch(moment) for name, moment in seen.items()}
        for name in ("mark_device", "scan_device", "confirm_device"):
            given[name] = self._hash(f"device.{month}", reading.text(name))
        for name in ("mark_network", "scan_network", "confirm_network"):
            given[name] = self._hash(f"network.{month}", reading.text(name))
        given |= {
            "value": value,
            "family": self._hash("guardian", guardian),
            "venue": self._hash(
                "venue", f"{reading.text('venue')}" and f"{reading.text('provider')} {reading.text('venue')}"
            ),
            "teacher": self._hash("teacher", reading.text("teacher")),
            "home": reading.value("home", self._kato) or 0,
            "district": reading.value("district", self._kato) or 0,
            "capacity": reading.value("capacity", cells.whole) or 0,
            "is_card": int(reading.value("card", _card) or False),
            "is_confirm_point": int(folded(reading.text("confirm_device_kind")) == "point"),
            "is_scan_point": int(folded(reading.text("scan_device_kind")) == "point"),
            "away": reading.value("elsewhere", _away) or 0,
        }
        return given

    def _room(self, reading: Reading) -> str:
        """A room is known by its name among a provider's."""
        room = reading.text("venue")
        return f"{reading.text('provider')} {room}" if room else ""

    def _hash(self, purpose: str, text: str) -> int:
        """64 bits of a keyed hash, never 0 for a text; each is made once."""
        if not text:
            return 0
        known = self._hashes.get((purpose, text))
        if known is None:
            known = int.from_bytes(cipher.lookup(f"outside.{purpose}", text)[:8], "big", signed=True) or 1
            self._hashes[purpose, text] = known
        return known

    def _kato(self, text: str) -> int:
        digits = text.replace(" ", "")
        if re.fullmatch(r"[0-9]{2,9}", digits):
            return int(digits.ljust(_DIGITS_OF_KATO, "0"))
        found = self._where.districts.katos.get(self._where.districts.find(text))
        if found is None:
            raise CellError("district_unknown", "name one of the city's districts, or a KATO code")
        return found

    def sort_out(self, batch: list[Taken[MarkDraft]]) -> None:
        """Whom the city does not know is refused, unless the file may bring them; what stands as told is there."""
        ids = self._providers({t.draft.provider for t in batch if _DIGITS.match(t.draft.provider)})
        children = people.by_iin("child", {t.draft.child for t in batch if _DIGITS.match(t.draft.child)})
        guardians = people.by_iin("guardian", {t.draft.guardian for t in batch if _DIGITS.match(t.draft.guardian)})
        groups = {number: self._groups(provider_id, batch, number) for number, provider_id in ids.items()}
        self._rows = {}
        for taken in batch:
            draft = taken.draft
            group_id = groups.get(draft.provider, {}).get(draft.row.group_code)
            self._refuse_unknown(taken, draft.provider in ids, group_id, draft.child in children, guardians)
            if taken.verdict is not Verdict.REFUSED:
                self._rows[taken.reading.number] = _with_ids(
                    draft.row, ids.get(draft.provider), group_id, children.get(draft.child)
                )
        self._compare([t for t in batch if t.verdict is not Verdict.REFUSED])

    def _providers(self, numbers: set[str]) -> dict[str, int]:
        """Those of the territory; another's are as unknown as none."""
        found = providers.providers_by_number(numbers)
        facts = providers.provider_facts(found.values())
        return {n: i for n, i in found.items() if facts[i].territory_id == self._where.territory_id}

    def _groups(self, provider_id: int, batch: list[Taken[MarkDraft]], number: str) -> dict[str, int]:
        return providers.groups_by_code(
            provider_id, {t.draft.row.group_code for t in batch if t.draft.provider == number}
        )

    def _refuse_unknown(  # noqa: PLR0913 (what is known of a row)
        self,
        taken: Taken[MarkDraft],
        has_provider: bool,
        group_id: int | None,
        has_child: bool,
        guardians: dict[str, int],
    ) -> None:
        if self._where.takes_unknown:
            return
        if not has_provider:
            taken.refuse("provider", "provider_unknown", _unknown("providers"))
        elif group_id is None:
            taken.refuse("group", "group_unknown", _unknown("groups"))
        elif not self._where.asks_people:
            return
        elif not has_child:
            taken.refuse("child", "person_unknown", _unknown("guardians"))
        elif taken.draft.guardian and taken.draft.guardian not in guardians:
            taken.refuse("guardian", "person_unknown", _unknown("guardians"))

    def _compare(self, fresh: list[Taken[MarkDraft]]) -> None:
        drafts = [self._rows[taken.reading.number] for taken in fresh]
        stored = queries.stored_rows(self._where.programme_id, drafts)
        first: dict[Any, int] = {}
        for taken, draft in zip(fresh, drafts, strict=True):
            if first.setdefault(draft.key, taken.reading.number) != taken.reading.number:
                taken.refuse("child", "outside_mark_twice", f"row {first[draft.key]} tells the same child and lesson")
            elif draft.key in stored:
                is_same = stored[draft.key] == queries.told(draft)
                taken.verdict = Verdict.THERE if is_same else Verdict.CHANGED

    def store(self, batch: list[Taken[MarkDraft]]) -> None:
        """Bring the marks in."""
        outcomes = commands.record_outside_marks(
            actor=self._where.actor(),
            territory_id=self._where.territory_id,
            programme_id=self._where.programme_id,
            marks=[self._rows[taken.reading.number] for taken in batch],
            at=self._where.at,
            key=self._where.key(),
        )
        for outcome in outcomes:
            if outcome.reason is not None:
                batch[outcome.row].refuse("child", outcome.reason.value, self._where.advice(outcome.reason))


def _with_ids(row: OutsideRow, provider_id: int | None, group_id: int | None, child_id: int | None) -> OutsideRow:
    if provider_id is None and child_id is None:
        return row
    return OutsideRow(
        row.on, row.provider, row.group_code, row.child, row.starts_at, row.evidence, row.child_ref, row.ref,
        child_id, group_id, provider_id,
    )  # fmt: skip


def _unknown(roster: str) -> str:
    return f"is not known here: load it with `qosymsha import {roster}` first, or use --create-missing in a trial"


def _mark(text: str) -> int:
    found = _VALUES.get(folded(text))
    if found is None:
        raise CellError("mark_unknown", "write present, absent, ill or excused (есть, нет, болел, уважит; 1 or 0)")
    return found


def _away(text: str) -> int:
    found = _AWAY.get(folded(text).split()[0].strip(".,:;"))
    if found is None:
        raise CellError("elsewhere_unknown", "write abroad, hospital, ill, school or notice")
    return found


def _card(text: str) -> bool:
    try:
        return cells.yes(text)
    except CellError:
        instant(text, date(2000, 1, 1))
        return True


def _epoch(moment: datetime | None) -> int:
    return 0 if moment is None else (moment - _BEGIN) // timedelta(seconds=1)


_BEGIN = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
