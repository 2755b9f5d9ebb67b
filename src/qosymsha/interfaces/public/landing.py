"""The first page: intake, figures, the latest round, where each tenge is, self-checks, consultation points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from qosymsha.domain.admission import queries as admission
from qosymsha.domain.casework import queries as casework
from qosymsha.domain.insights.queries import front, standing
from qosymsha.domain.insights.rules import PROMISES
from qosymsha.domain.ledger import queries as ledger
from qosymsha.domain.programmes import classifiers
from qosymsha.interfaces.ui.templatetags.words import moment

# Account kinds in the order a tenge passes them, each with its colour in the bar, told apart on grey paper too.
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
    ("receivable", "#a1260d"),
    ("suspense", "#7a4b8a"),
)
BAR_UNITS = 1000


@dataclass(frozen=True, slots=True)
class MoneyRow:
    """An account kind's row and its part of the bar, in units of a thousandth."""

    key: str
    tiyn: int
    colour: str
    x: int
    width: int


@dataclass(frozen=True, slots=True)
class Intake:
    """The round that families can file in, now or soon."""

    is_open: bool
    opens_at: str
    closes_at: str


@dataclass(frozen=True, slots=True)
class Check:
    """A self-check in the page's language."""

    words: str
    ok: bool


@dataclass(frozen=True, slots=True)
class Place:
    """A consultation point; `days` are keys of day names."""

    point: casework.Point
    days: tuple[str, ...]


@dataclass(slots=True)
class Landing:
    """All figures of the page; an empty installation has zeros and empty lists."""

    figures: front.Figures
    intake: Intake | None = None
    round: admission.RoundSummary | None = None
    granted: list[tuple[str, int]] = field(default_factory=list)
    budget_tiyn: int = 0
    paid_tiyn: int = 0
    money: list[MoneyRow] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    checked_at: str = ""
    places: list[Place] = field(default_factory=list)

    @property
    def round_state_key(self) -> str:
        """The key of the latest round's state in words."""
        return f"round.state.{self.round.state}" if self.round else ""

    @property
    def granted_in_round(self) -> int:
        """How many applications of the latest round hold a grant, those refilled later too."""
        return sum(segment.granted for segment in self.round.segments) if self.round else 0

    @property
    def checks_red(self) -> int:
        """How many self-checks found a fault."""
        return sum(not check.ok for check in self.checks)


def landing(language: str) -> Landing:
    """The page over all programmes of the installation; the number of statements does not grow with what is stored."""
    page = Landing(figures=front.figures(), intake=_intake())
    _add_round(page, language)
    _add_money(page)
    _add_checks(page, language)
    page.places = [Place(point, tuple(f"day.{day}" for day in point.days)) for point in casework.points()]
    return page


def _intake() -> Intake | None:
    head = front.coming_round()
    return None if head is None else Intake(head.state == "open", moment(head.opens_at), moment(head.closes_at))


def _add_round(page: Landing, language: str) -> None:
    head = front.past_round()
    if head is None:
        return
    page.round = admission.round_summary(head.number)
    names = {row.code: getattr(row, f"name_{language}") or row.name_ru for row in classifiers.categories()}
    names["other"] = ""
    page.granted = [(names.get(code, code), count) for code, count in page.round.granted_by_category.items()]


def _add_money(page: Landing) -> None:
    sums: dict[str, int] = {}
    for kinds in ledger.totals().values():
        for kind, tiyn in kinds.items():
            sums[kind] = sums.get(kind, 0) + tiyn
    page.budget_tiyn = -sums.get("approp", 0)
    page.paid_tiyn = sums.get("paid", 0)
    page.money = bar([(kind, sums[kind], colour) for kind, colour in MONEY if sums.get(kind)])


def bar(rows: Sequence[tuple[str, int, str]]) -> list[MoneyRow]:
    """(kind, tiyn, colour) → rows that fill the bar from end to end without a gap; amounts below zero have no width."""
    whole = sum(max(tiyn, 0) for _, tiyn, _ in rows) or 1
    passed, drawn = 0, []
    for kind, tiyn, colour in rows:
        x = passed * BAR_UNITS // whole
        passed += max(tiyn, 0)
        drawn.append(MoneyRow(f"money.{kind}", tiyn, colour, x, passed * BAR_UNITS // whole - x))
    return drawn


def _add_checks(page: Landing, language: str) -> None:
    words = {promise.id: getattr(promise, language) for promise in PROMISES}
    looked = [one for one in standing.standings() if one.looks]
    page.checks = [Check(words[one.invariant], bool(one.is_green)) for one in looked]
    page.checked_at = moment(max((look.at for one in looked for look in one.looks), default=None))
