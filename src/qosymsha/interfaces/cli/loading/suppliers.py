"""The providers' roster: who they are, the papers of their accreditation, what their contracts are for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from qosymsha.domain.people.rules import PersonDetails
from qosymsha.domain.people.states import Role
from qosymsha.domain.providers import commands, queries
from qosymsha.domain.providers.commands import ContractDraft, Decision, Filing
from qosymsha.domain.providers.commands import Verdict as Decided
from qosymsha.domain.providers.queries import AccreditationFacts, ContractFacts, ProviderFacts
from qosymsha.domain.providers.rules import Paper, PaperKind, ProviderRefusal, ProviderRow
from qosymsha.domain.providers.states import AccreditationState
from qosymsha.interfaces.cli.loading.context import City, advice_of, new_key, number_of
from qosymsha.interfaces.files import cells, layouts
from qosymsha.interfaces.files.reading import Reading, Taken, Verdict
from qosymsha.kernel.errors import Refused

_COLUMN = {
    ProviderRefusal.BAD_NUMBER: "number",
    ProviderRefusal.NAME_MISSING: "name",
    ProviderRefusal.BAD_IBAN: "iban",
    ProviderRefusal.PAPERS_MISSING: "premises",
    ProviderRefusal.PAPER_UNREADABLE: "papers_until",
}
_LIVE = frozenset({AccreditationState.FILED, AccreditationState.IN_REVIEW})
_GRANTED = frozenset({AccreditationState.ACCREDITED, AccreditationState.LIMITED})


@dataclass(frozen=True, slots=True)
class ProviderDraft:
    """A row: the provider, its papers, its contracts' volumes by kind in tiyn."""

    row: ProviderRow
    papers: tuple[Paper, ...]
    volumes: Mapping[str, int]


class ProviderLoader:
    """Providers with accreditation and contracts, in that order; each step is left alone where it stands already."""

    name = "providers"
    layout = layouts.PROVIDERS

    def __init__(self, city: City) -> None:
        self.notes: list[str] = []
        self._city = city
        self._lines = city.lines(city.today.year)

    def read(self, reading: Reading) -> ProviderDraft | None:
        """The row as a provider."""
        number = number_of(reading, "number", cells.number)
        name = reading.text("name")
        owner = PersonDetails(
            iin=number,
            surname=reading.text("owner_surname"),
            given=reading.text("owner_given"),
            patronymic=reading.text("owner_patronymic"),
            phone=reading.text("phone"),
        )
        papers = self._papers(reading)
        volumes = {kind: reading.value(f"volume_{kind}", cells.tiyn) for kind in self._lines}
        if reading.faults or number is None:
            return None
        row = ProviderRow(number, name, reading.text("iban"), owner if owner.given else None)
        return ProviderDraft(row, papers, {kind: volume for kind, volume in volumes.items() if volume})

    def _papers(self, reading: Reading) -> tuple[Paper, ...]:
        first = reading.value("papers_from", cells.day) or date(self._city.today.year, 1, 1)
        last = reading.value("papers_until", cells.day)
        if last is not None and last < first:
            reading.fault("papers_until", "days_reversed", "the papers' last day is before their first")
        numbers = [(kind.value, reading.text(kind.value)) for kind in PaperKind]
        return tuple(Paper(kind, number, first, last) for kind, number in numbers if number)

    def sort_out(self, batch: list[Taken[ProviderDraft]]) -> None:
        """A provider whose name, account, papers and contracts stand as told is there already."""
        stored = _Stored(self._city, batch)
        seen: set[str] = set()
        for taken in batch:
            number = taken.draft.row.number
            if number in seen:
                taken.refuse("number", "named_twice", "this provider stands in an earlier row: keep one")
            elif stored.has_all(taken.draft, self._lines):
                taken.verdict = Verdict.THERE
            elif number in stored.ids:
                taken.verdict = Verdict.CHANGED
            seen.add(number)

    def store(self, batch: list[Taken[ProviderDraft]]) -> None:
        """Register all; then, provider by provider, accredit on the papers and sign the contracts."""
        outcomes = commands.register_providers(
            actor=self._city.staff.actor(Role.PROGRAMME_OFFICER),
            territory_id=self._city.place.territory_id,
            rows=[taken.draft.row for taken in batch],
            at=self._city.staff.at,
            key=new_key(),
        )
        for outcome in outcomes:
            if outcome.reason is not None:
                _refuse(batch[outcome.row], outcome.reason)
        stored = _Stored(self._city, batch)
        for taken in batch:
            if taken.verdict is not Verdict.REFUSED:
                try:
                    self._accredit(stored, taken.draft)
                    self._contract(stored, taken)
                except Refused as refused:
                    _refuse(taken, refused.reason)

    def _accredit(self, stored: _Stored, draft: ProviderDraft) -> None:
        missing = stored.missing_papers(draft)
        if not missing:
            return
        staff, provider_id = self._city.staff, stored.ids[draft.row.number]
        officer, facts = staff.actor(Role.PROGRAMME_OFFICER), stored.accreditations.get(provider_id)
        if facts is not None and facts.state in _LIVE | _GRANTED:
            accreditation_id = facts.id
            commands.add_papers(
                actor=officer, accreditation_id=accreditation_id, papers=missing, at=staff.at, key=new_key()
            )
        else:
            filing = Filing(provider_id, self._city.place.programme_id, draft.papers)
            accreditation_id = commands.file_accreditation(actor=officer, filing=filing, at=staff.at, key=new_key())
        commands.decide_accreditation(
            actor=staff.actor(Role.CHECKER),
            accreditation_id=accreditation_id,
            decision=Decision(Decided.ACCREDIT),
            at=staff.at,
            key=new_key(),
        )

    def _contract(self, stored: _Stored, taken: Taken[ProviderDraft]) -> None:
        staff, provider_id = self._city.staff, stored.ids[taken.draft.row.number]
        for kind, volume in taken.draft.volumes.items():
            standing = stored.contract(provider_id, self._lines[kind])
            if standing is None:
                today = self._city.today
                draft = ContractDraft(provider_id, self._lines[kind], volume, today, date(today.year, 12, 31))
                officer = staff.actor(Role.PROGRAMME_OFFICER)
                commands.sign_contract(actor=officer, draft=draft, at=staff.at, key=new_key())
            elif standing.volume_tiyn != volume:
                advice = "a signed contract has another volume: end it first, then load the row again"
                taken.refuse(f"volume_{kind}", ProviderRefusal.CONTRACT_OVERLAPS.value, advice)


class _Stored:
    """What is stored about a batch's providers."""

    def __init__(self, city: City, batch: Sequence[Taken[ProviderDraft]]) -> None:
        self.ids = queries.providers_by_number({taken.draft.row.number for taken in batch})
        self._facts: Mapping[int, ProviderFacts] = queries.provider_facts(self.ids.values())
        self.accreditations: Mapping[int, AccreditationFacts] = queries.accreditations_of(
            list(self.ids.values()), city.place.programme_id
        )
        self._contracts: dict[int, list[ContractFacts]] = {}
        self._today = city.today

    def has_all(self, draft: ProviderDraft, lines: Mapping[str, int]) -> bool:
        """Everything the row says is stored."""
        provider_id = self.ids.get(draft.row.number)
        if provider_id is None or self.missing_papers(draft) or not self._is_told(provider_id, draft.row):
            return False
        standing = {kind: self.contract(provider_id, lines[kind]) for kind in draft.volumes}
        return all(c is not None and c.volume_tiyn == draft.volumes[kind] for kind, c in standing.items())

    def _is_told(self, provider_id: int, row: ProviderRow) -> bool:
        facts = self._facts.get(provider_id)
        return facts is not None and facts.name == row.name and row.iban in ("", facts.iban)

    def missing_papers(self, draft: ProviderDraft) -> tuple[Paper, ...]:
        """The papers told that no accreditation in force holds."""
        facts = self.accreditations.get(self.ids.get(draft.row.number, 0))
        if facts is None or facts.state not in _GRANTED:
            return draft.papers
        held = {(p.kind, p.number, p.last_day) for p in queries.papers_of(facts.id)}
        return tuple(p for p in draft.papers if (p.kind, p.number, p.last_day) not in held)

    def contract(self, provider_id: int, line_id: int) -> ContractFacts | None:
        """The provider's contract for a line that stands today."""
        if provider_id not in self._contracts:
            self._contracts[provider_id] = queries.contracts_of_provider(provider_id)
        standing = (c for c in self._contracts[provider_id] if c.line_id == line_id and c.state == "signed")
        return next((c for c in standing if c.last_day is None or c.last_day >= self._today), None)


def _refuse(taken: Taken[ProviderDraft], reason: object) -> None:
    assert isinstance(reason, ProviderRefusal), f"another room's reason: {reason}"
    taken.refuse(_COLUMN.get(reason, "number"), reason.value, advice_of(reason))
