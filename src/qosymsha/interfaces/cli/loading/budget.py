"""The budget's roster: money for a kind of lessons in a year, each row one decision, taken once."""

from __future__ import annotations

from dataclasses import dataclass

from qosymsha.domain.ledger.rules import LedgerRefusal
from qosymsha.interfaces.cli import installation
from qosymsha.interfaces.cli.loading.context import City, advice_of
from qosymsha.interfaces.files import cells, layouts
from qosymsha.interfaces.files.reading import Reading, Taken, Verdict
from qosymsha.kernel.errors import Refused


@dataclass(frozen=True, slots=True)
class BudgetDraft:
    """A row: the kind, the amount (negative is a cut), the paper."""

    kind: str
    amount_tiyn: int
    decision: str


class BudgetLoader:
    """Decisions on one year's lines. The same kind, amount and decision is one decision, however often it is loaded."""

    name = "budget"
    layout = layouts.BUDGET

    def __init__(self, city: City, year: int) -> None:
        self.notes = [f"money of the budget year {year}"]
        self._city, self._year = city, year
        self._lines = city.lines(year)

    def read(self, reading: Reading) -> BudgetDraft | None:
        """The row as a decision."""
        kind = reading.value("kind", self._city.kind)
        amount = reading.value("tenge", _amount)
        decision = reading.text("decision")
        return BudgetDraft(kind, amount, decision) if kind and amount is not None and decision else None

    def sort_out(self, batch: list[Taken[BudgetDraft]]) -> None:
        """Decisions taken before are recognised by line, amount and paper."""
        taken_before = installation.plans(list(self._lines.values()))
        for taken in batch:
            plan = (self._lines[taken.draft.kind], taken.draft.amount_tiyn, taken.draft.decision)
            if plan in taken_before:
                taken.verdict = Verdict.THERE
            taken_before.add(plan)

    def store(self, batch: list[Taken[BudgetDraft]]) -> None:
        """One posting per decision; a cut of money that is no longer free is refused."""
        for taken in batch:
            draft, line_id = taken.draft, self._lines[taken.draft.kind]
            try:
                installation.plan(self._city.staff, line_id, self._year, draft.amount_tiyn, draft.decision)
            except Refused as refused:
                is_cut = refused.reason is LedgerRefusal.NOT_COVERED
                advice = "cuts more than is still free" if is_cut else advice_of(refused.reason)
                taken.refuse("tenge", refused.reason.value, advice)


def _amount(text: str) -> int:
    plain = text.replace("−", "-")
    return -cells.tiyn(plain[1:].strip()) if plain.startswith("-") else cells.tiyn(plain)
