"""The guardians' roster: a row is a guardian, a child, what proves the tie, and the child's categories."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction

from qosymsha.domain.people import asking, commands
from qosymsha.domain.people import queries as people
from qosymsha.domain.people.ports import ProvedChild, RegistryFault, RegistryUnavailable, StatusAnswer
from qosymsha.domain.people.rules import (
    FamilyRow,
    PeopleRefusal,
    PersonDetails,
    merged,
    refuse_child,
    refuse_guardian,
    refuse_person,
    tidy,
)
from qosymsha.domain.people.states import Role
from qosymsha.interfaces.cli.loading.context import City, advice_of, new_key, number_of
from qosymsha.interfaces.files import cells, layouts
from qosymsha.interfaces.files.faults import CellError
from qosymsha.interfaces.files.reading import Reading, Taken, Verdict
from qosymsha.kernel.adapters import adapter
from qosymsha.kernel.text import folded

STATED = "stated in the roster, trial mode"
_SOURCE = "roster"
_HOME_KEPT = "a known child's district is kept: a move is an officer's act"
_NO_ANSWER = "the registry gives no answer now: load the same file again later"
_NO_CONSENT = "not asked, the family withdrew its consent: papers to an officer, or the file again once it is given"
_COLUMN: dict[PeopleRefusal, str] = {
    PeopleRefusal.BAD_IIN: "iin",
    PeopleRefusal.SYNTHETIC_IIN: "child_iin",
    PeopleRefusal.NAME_MISSING: "child_given",
    PeopleRefusal.NAME_UNREADABLE: "child_given",
    PeopleRefusal.PHONE_UNREADABLE: "phone",
    PeopleRefusal.LANGUAGE_UNKNOWN: "language",
    PeopleRefusal.BIRTH_DATE_MISSING: "child_born",
    PeopleRefusal.BIRTH_DATE_IMPOSSIBLE: "child_born",
    PeopleRefusal.BIRTH_DATE_DIFFERS: "child_born",
    PeopleRefusal.GUARDIANSHIP_NOT_PROVED: "child_iin",
    PeopleRefusal.HOME_UNKNOWN: "district",
}
_KINDS = {
    "parent": "parent|родитель|мать|отец|мама|папа|ана|анасы|әке|әкесі|ата-ана|ата-анасы",
    "guardian": "guardian|опекун|попечитель|қорғаншы|қорғаншысы|қамқоршы|қамқоршысы",
    "foster": "foster|приемный|приемный родитель|қабылдаушы ата-ана|патронат|патронатный|патронатный воспитатель|"
    "патронат тәрбиеші",
    "body": "body|guardianship body|орган опеки|орган опеки и попечительства|детский дом|директор детского дома|"
    "қорғаншылық органы|қорғаншылық және қамқоршылық органы|балалар үйі|балалар үйінің директоры",
}


@dataclass(frozen=True, slots=True)
class FamilyDraft:
    """A row: the guardian, the child, where they live, what proves it, the child's categories."""

    guardian: PersonDetails
    child: PersonDetails
    language: str
    home_id: int | None
    proof: ProvedChild
    categories: frozenset[str]

    @property
    def row(self) -> FamilyRow:
        """As the room takes it."""
        return FamilyRow(self.guardian, (self.child,), self.language, self.home_id)


class FamilyLoader:
    """Guardians and children, on a registry's proof; outside production the roster's own word is the proof."""

    name = "guardians"
    layout = layouts.GUARDIANS

    def __init__(self, city: City) -> None:
        self.notes = [] if settings.PRODUCTION else [f"guardianships and categories are taken as {STATED}"]
        self._city = city
        self._pairs: set[tuple[str, str]] = set()
        self._guardians: dict[str, PersonDetails] = {}

    def read(self, reading: Reading) -> FamilyDraft | None:
        """The row as a family of one child."""
        guardian = _person(reading, "", number_of(reading, "iin"))
        child_iin = number_of(reading, "child_iin")
        child = _person(reading, "child_", child_iin)
        language = reading.value("language", cells.language) or "kk"
        home_id = reading.value("district", self._city.district)
        categories = reading.value("categories", self._city.categories) or frozenset()
        kind = reading.value("kind", _kind) or "parent"
        proof = ProvedChild(child_iin, kind, reading.text("proof") or STATED)
        if reading.faults:
            return None
        self._refuse_early(reading, guardian, child, proof)
        guardian = self._as_first_told(reading, guardian)
        return FamilyDraft(guardian, child, language, home_id, proof, categories)

    def _as_first_told(self, reading: Reading, guardian: PersonDetails) -> PersonDetails:
        """A guardian of several children stands in several rows; where these differ, the first row counts."""
        if reading.faults or guardian.iin is None:
            return guardian
        first = self._guardians.setdefault(guardian.iin, guardian)
        if first != guardian:
            reading.remark("iin", "told_otherwise", "an earlier row tells this guardian otherwise: that row counts")
        return first

    def _refuse_early(
        self, reading: Reading, guardian: PersonDetails, child: PersonDetails, proof: ProvedChild
    ) -> None:
        """The room's own judgement of what a row says by itself, with the column it is about."""
        today, may = self._city.today, settings.SYNTHETIC_PEOPLE_ALLOWED
        own = refuse_person(guardian, today=today, synthetic_allowed=may) or refuse_guardian(guardian, "kk")
        names = {PeopleRefusal.NAME_UNREADABLE: "given", PeopleRefusal.SYNTHETIC_IIN: "iin"}
        if own is not None:
            reading.fault(names.get(own, _COLUMN[own]), own.value, advice_of(own))
        theirs = refuse_person(child, today=today, synthetic_allowed=may) or refuse_child(guardian, child, proof)
        if theirs is not None:
            column = "child_iin" if theirs is PeopleRefusal.BAD_IIN else _COLUMN[theirs]
            reading.fault(column, theirs.value, advice_of(theirs))

    def sort_out(self, batch: list[Taken[FamilyDraft]]) -> None:
        """Rows whose people, tie and categories stand as told are there already; known ones told anew are changed."""
        stored = _Stored(self._city, [taken.draft for taken in batch])
        for taken in batch:
            pair = (taken.draft.guardian.iin or "", taken.draft.child.iin or "")
            if pair in self._pairs or stored.has_all(taken.draft):
                taken.verdict = Verdict.THERE
            elif stored.has_child(taken.draft):
                taken.verdict = Verdict.CHANGED
            if stored.has_moved(taken.draft):
                taken.reading.remark("district", "home_kept", _HOME_KEPT)
            self._pairs.add(pair)

    def store(self, batch: list[Taken[FamilyDraft]]) -> None:
        """Register the families, then record the categories of those that stand."""
        proved = self._proofs(batch)
        rows = [taken for taken in batch if taken.verdict is not Verdict.REFUSED]
        outcomes = commands.register_families(
            actor=self._city.staff.actor(Role.PROGRAMME_OFFICER),
            territory_id=self._city.place.territory_id,
            families=[taken.draft.row for taken in rows],
            proofs=proved,
            at=self._city.staff.at,
            key=new_key(),
        )
        for outcome in outcomes:
            if outcome.reason is not None:
                assert isinstance(outcome.reason, PeopleRefusal)
                column = _COLUMN.get(outcome.reason, "child_iin")
                rows[outcome.row].refuse(column, outcome.reason.value, advice_of(outcome.reason))
        self._record([taken for taken in rows if taken.verdict is not Verdict.REFUSED])

    def _proofs(self, batch: Sequence[Taken[FamilyDraft]]) -> dict[str, list[ProvedChild]]:
        """Guardian's IIN → proved children. No transaction is open: the registry may take its time."""
        proofs: dict[str, list[ProvedChild]] = {}
        if not settings.PRODUCTION:
            for taken in batch:
                proofs.setdefault(taken.draft.guardian.iin or "", []).append(taken.draft.proof)
            return proofs
        found = asking.families_of(adapter("registry"), [taken.draft.guardian.iin or "" for taken in batch])
        for taken in batch:
            fault = found.unanswered.get(taken.draft.guardian.iin or "")
            if fault is not None:
                taken.refuse("iin", fault.value, _advice(fault))
        return found.proved

    def _record(self, rows: Sequence[Taken[FamilyDraft]]) -> None:
        answers = self._certified(rows) if settings.PRODUCTION else self._stated(rows)
        if not answers:
            return
        by_child = {taken.draft.child.iin: taken for taken in rows}
        outcomes = commands.record_statuses(
            actor=self._city.staff.actor(Role.CHECKER), answers=answers, at=self._city.staff.at, key=new_key()
        )
        for outcome in outcomes:
            if outcome.reason is not None:
                taken = by_child[answers[outcome.row].child_iin]
                taken.refuse("categories", outcome.reason.value, advice_of(outcome.reason))

    def _stated(self, rows: Sequence[Taken[FamilyDraft]]) -> list[StatusAnswer]:
        known = people.by_iin("child", {taken.draft.child.iin or "" for taken in rows})
        standing = people.statuses(known.values(), self._city.today)
        return [
            StatusAnswer(iin, category, _SOURCE, taken.draft.proof.evidence, self._city.today, None)
            for taken in rows
            if (iin := taken.draft.child.iin) is not None
            for category in sorted(taken.draft.categories - standing.get(known.get(iin, 0), frozenset()))
        ]

    def _certified(self, rows: Sequence[Taken[FamilyDraft]]) -> list[StatusAnswer]:
        children = [taken.draft.child.iin for taken in rows if taken.draft.child.iin is not None]
        try:
            found = asking.statuses_of(adapter("registry"), children, self._city.today)
        except RegistryUnavailable as error:
            for taken in rows:
                taken.refuse("categories", error.fault.value, _NO_ANSWER)
            return []
        for taken in rows:
            if taken.draft.child.iin in found.not_asked:
                taken.refuse("categories", RegistryFault.CONSENT_WITHDRAWN.value, _NO_CONSENT)
        return found.answers


class _Stored:
    """What is stored about a batch's people, read in a handful of queries; the read of persons is audited."""

    def __init__(self, city: City, drafts: Sequence[FamilyDraft]) -> None:
        self._guardians = people.by_iin("guardian", {d.guardian.iin or "" for d in drafts})
        self._children = people.by_iin("child", {d.child.iin or "" for d in drafts})
        self._persons = {kind: self._read(city, kind, ids) for kind, ids in self._known()}
        pairs = [ids for draft in drafts if (ids := self._ids(draft)) is not None]
        self._wards = people.wards(pairs, city.today)
        self._statuses = people.statuses(self._children.values(), city.today)
        self._homes = people.homes(self._children.values())

    def _known(self) -> list[tuple[str, list[int]]]:
        return [("guardian", sorted(self._guardians.values())), ("child", sorted(self._children.values()))]

    def _read(self, city: City, kind: str, ids: Sequence[int]) -> Mapping[int, PersonDetails]:
        if not ids:
            return {}
        with transaction.atomic():
            actor = city.staff.actor(Role.PROGRAMME_OFFICER)
            return people.persons(actor=actor, kind=kind, subject_ids=ids, at=city.staff.at)

    def _ids(self, draft: FamilyDraft) -> tuple[int, int] | None:
        guardian = self._guardians.get(draft.guardian.iin or "")
        child = self._children.get(draft.child.iin or "")
        return None if guardian is None or child is None else (guardian, child)

    def has_child(self, draft: FamilyDraft) -> bool:
        """The child is known."""
        return (draft.child.iin or "") in self._children

    def has_moved(self, draft: FamilyDraft) -> bool:
        """The child is known in another district than told."""
        home = self._homes.get(self._children.get(draft.child.iin or "", 0))
        return None not in (home, draft.home_id) and home != draft.home_id

    def has_all(self, draft: FamilyDraft) -> bool:
        """Everything the row says is stored."""
        ids = self._ids(draft)
        if ids is None or ids not in self._wards:
            return False
        is_certified = draft.categories <= self._statuses.get(ids[1], frozenset())
        return is_certified and self._is_told("guardian", ids[0], draft.guardian, ids[1], draft.child)

    def _is_told(
        self, kind: str, guardian_id: int, guardian: PersonDetails, child_id: int, child: PersonDetails
    ) -> bool:
        was, child_was = self._persons[kind].get(guardian_id), self._persons["child"].get(child_id)
        if was is None or child_was is None or child_was.born_on != child.born_on:
            return False
        return merged(was, guardian) == was and merged(child_was, child) == child_was


def _person(reading: Reading, prefix: str, iin: str | None) -> PersonDetails:
    return tidy(
        PersonDetails(
            iin=iin,
            surname=reading.text(f"{prefix}surname"),
            given=reading.text(f"{prefix}given"),
            patronymic=reading.text(f"{prefix}patronymic"),
            born_on=reading.value("child_born", cells.day) if prefix else None,
            phone="" if prefix else reading.text("phone"),
        )
    )


def _advice(fault: RegistryFault) -> str:
    return _NO_CONSENT if fault is RegistryFault.CONSENT_WITHDRAWN else _NO_ANSWER


def _kind(text: str) -> str:
    word = folded(text)
    for kind, words in _KINDS.items():
        if word in folded(words).split("|"):
            return kind
    raise CellError("kind_unknown", "write parent, guardian, foster or body")
