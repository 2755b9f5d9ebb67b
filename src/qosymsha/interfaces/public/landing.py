"""The first page: what the programme is, the latest round, where each tenge is, the self-checks, the consultation points."""

from __future__ import annotations

from dataclasses import dataclass, field

from qosymsha.domain.admission import queries as admission
from qosymsha.domain.casework import queries as casework
from qosymsha.domain.insights import queries as insights
from qosymsha.domain.ledger import queries as ledger
from qosymsha.domain.programmes import classifiers
from qosymsha.domain.programmes import queries as programmes
from qosymsha.domain.vouchers import queries as vouchers
from qosymsha.interfaces.ui.templatetags.words import moment

HOLDING = ("issued", "accepted", "active", "suspended", "released")
IN_GROUPS = ("contracted", "active")
# Account kinds in the order a tenge passes them, each with the colour of its bar; dark enough to be told apart on paper too.
MONEY = (
    ("paid", "#1b6b3a"),
    ("transit", "#4f9d69"),
    ("payable", "#9ccfae"),
    ("place", "#0b5a5c"),
    ("held", "#4d9a9b"),
    ("released", "#c9b37e"),
    ("free", "#f2b632"),
    ("lapsed", "#a08f86"),
    ("refunds", "#6b5b53"),
)


@dataclass(frozen=True, slots=True)
class MoneyRow:
    """An account kind's row and its part of the bar (0 to 1,000 units wide)."""

    key: str
    tiyn: int
    colour: str
    x: int
    width: int


@dataclass(frozen=True, slots=True)
class RoundBox:
    """The latest round as the page shows it."""

    number: str
    state_key: str
    applications: int
    beacon_name: str
    root: str
    seed: str
    granted: list[tuple[str, int]]


@dataclass(slots=True)
class Landing:
    """All figures of the page; an empty installation has zeros and empty lists."""

    funded: int = 0
    in_groups: int = 0
    waiting: int = 0
    paid_tiyn: int = 0
    budget_tiyn: int = 0
    round: RoundBox | None = None
    money: list[MoneyRow] = field(default_factory=list)
    checks_total: int = 0
    checks_red: int = 0
    checked_at: str = ""
    points: list[object] = field(default_factory=list)


def landing(language: str) -> Landing:
    """The page's figures over all programmes of the installation."""
    page = Landing(points=list(casework.points()))
    for programme in programmes.programmes():
        page.funded += _sum(vouchers.vouchers_by_state(programme.id), HOLDING)
        page.in_groups += _sum(vouchers.enrolments_by_state(programme.id), IN_GROUPS)
        _add_round(page, programme.id, language)
    _add_money(page)
    _add_checks(page)
    return page


def _sum(counts: dict[str, int], states: tuple[str, ...]) -> int:
    return sum(counts.get(state, 0) for state in states)


def _add_round(page: Landing, programme_id: int, language: str) -> None:
    numbers = admission.rounds(programme_id)
    if not numbers:
        return
    summary = admission.round_summary(numbers[0])
    names = {row.code: getattr(row, f"name_{language}") for row in classifiers.categories()}
    page.waiting += sum(segment.waiting for segment in summary.segments)
    page.round = RoundBox(
        number=summary.number,
        state_key=f"round.state.{summary.state}",
        applications=summary.applications,
        beacon_name=summary.beacon_name,
        root=summary.root,
        seed=summary.seed,
        granted=[(names.get(code, ""), count) for code, count in summary.granted_by_category.items()],
    )


def _add_money(page: Landing) -> None:
    sums: dict[str, int] = {}
    for kinds in ledger.totals().values():
        for kind, tiyn in kinds.items():
            sums[kind] = sums.get(kind, 0) + tiyn
    page.budget_tiyn = -sums.get("approp", 0)
    page.paid_tiyn = sums.get("paid", 0)
    at = 0
    for kind, colour in MONEY:
        if tiyn := sums.get(kind, 0):
            width = round(1000 * tiyn / page.budget_tiyn) if page.budget_tiyn else 0
            page.money.append(MoneyRow(f"money.{kind}", tiyn, colour, at, width))
            at += width


def _add_checks(page: Landing) -> None:
    checks = insights.latest_checks()
    page.checks_total = len(checks)
    page.checks_red = sum(1 for check in checks if not check.ok)
    page.checked_at = moment(max((check.at for check in checks), default=None))
