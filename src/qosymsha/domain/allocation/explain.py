"""Why an application stands where it stands, in plain words: reasons as data (code and figures), and their sentences
in three languages.

The reasons come from the trace alone, so that a page, a receipt, an appeal and the command line all say the same.
"""

from dataclasses import dataclass

from qosymsha.domain.allocation.round_answer import Trace
from qosymsha.domain.allocation.round_terms import Outcome, Policy, RoundTerms, Tie
from qosymsha.domain.allocation.sentences import SENTENCES

LANGUAGES = ("kk", "ru", "en")


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason: a code of `sentences.SENTENCES` and the figures that its sentence names."""

    code: str
    figures: dict[str, str | int]


def reasons(trace: Trace, terms: RoundTerms) -> list[Reason]:
    """Return the reasons in the order they are told: the outcome, the queue, who was before, what must happen."""
    if trace.outcome is Outcome.UNKNOWN_SEGMENT:
        return [Reason("unknown_segment", {"segment": trace.segment})]
    if trace.outcome is Outcome.DUPLICATE_CHILD:
        return [Reason("duplicate_child", {"segment": trace.segment})]
    return [*_outcome(trace, terms), *_queue(trace, terms), *_before(trace), *_next(trace, terms)]


def sentences(trace: Trace, terms: RoundTerms, language: str) -> list[str]:
    """Return the reasons as sentences; `language` is one of `LANGUAGES`.

    Raises:
        KeyError: another language.
    """
    words = SENTENCES[language]
    return [words[reason.code].format(**reason.figures) for reason in reasons(trace, terms)]


def _outcome(trace: Trace, terms: RoundTerms) -> list[Reason]:
    places = next(segment.places for segment in terms.segments if segment.id == trace.segment)
    figures: dict[str, str | int] = {"segment": trace.segment, "rank": trace.rank, "places": places}
    if trace.outcome is Outcome.WAITING:
        return [Reason("waiting", figures | {"waiting_rank": trace.waiting_rank})]
    if trace.granted_from == "open":
        return [Reason("granted_open", figures)]
    return [Reason("granted_reserve", figures | {"category": trace.granted_from or ""})]


def _queue(trace: Trace, terms: RoundTerms) -> list[Reason]:
    order = Reason("tie_arrived" if terms.tie is Tie.ARRIVED else "tie_lottery", {"tier": trace.tier, "k": trace.k})
    if terms.policy is Policy.TIERS:
        return [Reason("tiers", {"tier": trace.tier}), order]
    figures: dict[str, str | int] = {
        "tier": trace.tier,
        "coefficient": terms.coefficients[trace.tier],
        "k": trace.k,
        "iteration": trace.iteration,
    }
    return [order, Reason("iterations", figures)]


def _before(trace: Trace) -> list[Reason]:
    counts = [Reason("ahead_of_tier", {"tier": tier, "count": count}) for tier, count in trace.ahead_by_tier]
    return [Reason("ahead", {"ahead": trace.rank - 1, "granted": trace.granted_before}), *counts]


def _next(trace: Trace, terms: RoundTerms) -> list[Reason]:
    if trace.outcome is not Outcome.WAITING:
        return []
    shared = any(trace.segment in budget.segments for budget in terms.budgets)
    code = "needs_places_and_budget" if shared else "needs_places"
    return [Reason(code, {"segment": trace.segment, "waiting_rank": trace.waiting_rank})]
