"""The applications' roster: a guardian's wish for a child, filed by a clerk into the round that is open."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import connection

from qosymsha.domain.admission import commands
from qosymsha.domain.admission.rules import AdmissionRefusal
from qosymsha.domain.people import queries as people
from qosymsha.domain.people.states import Role
from qosymsha.interfaces.cli.loading.context import City, advice_of, new_key, number_of
from qosymsha.interfaces.files import layouts
from qosymsha.interfaces.files.reading import Reading, Taken, Verdict

_COLUMN = {
    AdmissionRefusal.NOT_GUARDIAN: "guardian_iin",
    AdmissionRefusal.UNKNOWN_KIND: "kind",
}
_STRANGER = AdmissionRefusal.NOT_GUARDIAN
_UNKNOWN = "is not known yet: load this person with `qosymsha import guardians` first"
_STANDING = """
SELECT child_id, guardian_id, kind FROM application
 WHERE round_id = %s AND child_id = ANY(%s) AND state NOT IN ('rejected', 'withdrawn', 'ended')"""


@dataclass(frozen=True, slots=True)
class FilingDraft:
    """A row: who files for whom, for what kind."""

    guardian_iin: str
    child_iin: str
    kind: str


class ApplicationLoader:
    """Applications into one open round."""

    name = "applications"
    layout = layouts.APPLICATIONS

    def __init__(self, city: City, round_id: int) -> None:
        self.notes: list[str] = []
        self._city, self._round_id = city, round_id
        self._rows: dict[int, commands.ApplicationRow] = {}
        self._filed: set[tuple[str, str]] = set()

    def read(self, reading: Reading) -> FilingDraft | None:
        """The row as a wish."""
        guardian = number_of(reading, "guardian_iin")
        child = number_of(reading, "child_iin")
        kind = reading.value("kind", self._city.kind)
        return FilingDraft(guardian, child, kind) if guardian and child and kind else None

    def sort_out(self, batch: list[Taken[FilingDraft]]) -> None:
        """Who is unknown is refused; what stands in the round is there already; another kind is no silent change."""
        guardians = people.by_iin("guardian", {taken.draft.guardian_iin for taken in batch})
        children = people.by_iin("child", {taken.draft.child_iin for taken in batch})
        standing = self._standing(list(children.values()))
        pairs = [(guardians.get(taken.draft.guardian_iin), children.get(taken.draft.child_iin)) for taken in batch]
        wards = people.wards([(g, c) for g, c in pairs if g is not None and c is not None], self._city.today)
        self._rows = {}
        for taken, (guardian, child) in zip(batch, pairs, strict=True):
            if guardian is None or child is None:
                taken.refuse("guardian_iin" if guardian is None else "child_iin", "person_unknown", _UNKNOWN)
                continue
            if (guardian, child) not in wards:  # before all else: a stranger learns nothing of what is filed
                taken.refuse("guardian_iin", _STRANGER.value, advice_of(_STRANGER))
                continue
            self._rows[taken.reading.number] = commands.ApplicationRow(guardian, child, taken.draft.kind)
            self._compare(taken, standing.get(child))

    def _standing(self, children: list[int]) -> dict[int, str]:
        with connection.cursor() as cursor:
            cursor.execute(_STANDING, [self._round_id, children])
            return {child: kind for child, _, kind in cursor.fetchall()}

    def _compare(self, taken: Taken[FilingDraft], kind: str | None) -> None:
        wish = (taken.draft.child_iin, taken.draft.kind)
        if kind is not None and kind != taken.draft.kind:
            advice = f"is filed for {kind} already: the guardian withdraws that application first"
            taken.refuse("kind", AdmissionRefusal.ALREADY_FILED.value, advice)
        elif kind is not None or wish in self._filed:
            taken.verdict = Verdict.THERE
        else:
            self._filed.add(wish)

    def store(self, batch: list[Taken[FilingDraft]]) -> None:
        """File the wishes; the room says row by row what it refuses."""
        outcomes = commands.submit_applications(
            actor=self._city.staff.actor(Role.CLERK),
            round_id=self._round_id,
            rows=[self._rows[taken.reading.number] for taken in batch],
            at=self._city.staff.at,
            key=new_key(),
        )
        for outcome in outcomes:
            if outcome.reason is not None:
                assert isinstance(outcome.reason, AdmissionRefusal)
                column = _COLUMN.get(outcome.reason, "child_iin")
                batch[outcome.row].refuse(column, outcome.reason.value, advice_of(outcome.reason))
