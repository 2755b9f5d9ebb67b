"""What a rule set says about families and providers: contracts, papers, refusals, renewal, charges, waiting lists."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class ContractTerms:
    """The contract of a family with a provider: `mode` off | asked | must; its template; working days to sign.

    `asked` reminds and blocks nothing; under `must` a contract unsigned after its days is a ground of refusal.
    """

    mode: str
    template: str
    sign_working_days: int


@dataclass(frozen=True, slots=True)
class Ground:
    """A ground on which a provider may refuse a child; with a paper's number; also after the refusal's days."""

    code: str
    needs_paper: bool
    any_time: bool


@dataclass(frozen=True, slots=True)
class RefusalTerms:
    """Working days after the place was taken to refuse, then to be looked at by an officer; the grounds, in order.

    `silence` stands | waits: what becomes of a refusal on which no officer has spoken in time.
    """

    working_days: int
    review_working_days: int
    silence: str
    grounds: tuple[Ground, ...]

    def ground(self, code: str) -> Ground | None:
        """The ground of a code, or None where the rule set has none."""
        return next((one for one in self.grounds if one.code == code), None)


@dataclass(frozen=True, slots=True)
class PaperTerms:
    """A paper asked of a child who takes a place: for which kinds, due in how many working days, how long it holds.

    `valid_days` None: it has no end. Days before the end from which one is reminded. `at_expiry` remind | may_refuse.
    `scan_keep_days`: how long an uploaded scan is kept; 0: none is taken.
    """

    code: str
    kinds: tuple[str, ...]
    due_working_days: int
    valid_days: int | None
    warn_days: int
    at_expiry: str
    scan_keep_days: int = 0


@dataclass(frozen=True, slots=True)
class RenewalTerms:
    """What a family's silence means when a place is carried on (continues | ends), and its working days to say no."""

    silence: str
    answer_working_days: int


@dataclass(frozen=True, slots=True)
class ChargeTerms:
    """Whether a provider may charge a family beside the voucher, and the most it may be a month, in tiyn."""

    allowed: bool
    ceiling_tiyn: int


@dataclass(frozen=True, slots=True)
class WaitingTerms:
    """A group's own waiting list: on or off, working days an offered seat is kept, lists a child may stand on."""

    on: bool
    offer_working_days: int
    most_lists: int


@dataclass(frozen=True, slots=True)
class TrialTerms:
    """Trial lessons: on or off; days ahead one may be booked; guests in one lesson; `most` a child in `within_days`."""

    on: bool = False
    ahead_days: int = 14
    guests: int = 2
    most: int = 3
    within_days: int = 90


@dataclass(frozen=True, slots=True)
class Agreements:
    """The rule set's section `agreements`."""

    contract: ContractTerms
    refusal: RefusalTerms
    papers: tuple[PaperTerms, ...]
    renewal: RenewalTerms
    charge: ChargeTerms
    waiting: WaitingTerms
    trial: TrialTerms = TrialTerms()

    def papers_for(self, kind: str) -> tuple[PaperTerms, ...]:
        """The papers asked for a place in a group of this kind."""
        return tuple(paper for paper in self.papers if kind in paper.kinds)


def agreements_of(section: Mapping[str, Any]) -> Agreements:
    """The section as the code reads it; the schema has checked its form."""
    refusal = section["refusal"]
    return Agreements(
        contract=ContractTerms(**section["contract"]),
        refusal=RefusalTerms(**{**refusal, "grounds": tuple(Ground(**one) for one in refusal["grounds"])}),
        papers=tuple(PaperTerms(**{**one, "kinds": tuple(one["kinds"])}) for one in section["papers"]),
        renewal=RenewalTerms(**section["renewal"]),
        charge=ChargeTerms(**section["charge"]),
        waiting=WaitingTerms(**section["waiting"]),
        trial=TrialTerms(**section.get("trial", {})),
    )
