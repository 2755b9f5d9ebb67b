"""Problem A: solve a round of vouchers."""

from qosymsha.domain.allocation.round_answer import RoundAnswer
from qosymsha.domain.allocation.round_budgets import grant_under_budgets
from qosymsha.domain.allocation.round_order import line_up
from qosymsha.domain.allocation.round_reserves import grant_by_segment
from qosymsha.domain.allocation.round_terms import RoundArrays, RoundTerms


def solve(terms: RoundTerms, applications: RoundArrays) -> RoundAnswer:
    """Return who is funded, who waits in which order and who is rejected. The order of the input's rows never matters.

    Raises:
        ValueError: terms that contradict themselves (see `refuse_terms`), or a tier in use without a coefficient.
    """
    refuse_terms(terms, applications)
    queue = line_up(terms, applications)
    if terms.budgets:
        kind = grant_under_budgets(terms, queue, applications)
    else:
        kind = grant_by_segment(terms, queue, applications.claims)
    return RoundAnswer(terms, queue, kind, len(applications.segment))


def refuse_terms(terms: RoundTerms, applications: RoundArrays) -> None:
    """Check what types cannot say: names, amounts, claims for each category.

    Raises:
        ValueError: with the fault in one sentence.
    """
    names = {segment.id for segment in terms.segments}
    if len(names) < len(terms.segments) or len({budget.id for budget in terms.budgets}) < len(terms.budgets):
        raise ValueError("two segments or two budgets have the same id")
    amounts = [
        n for segment in terms.segments for n in (segment.places, segment.cost, *(n for _, n in segment.reserves))
    ]
    if min([*amounts, *(budget.limit for budget in terms.budgets)], default=0) < 0:
        raise ValueError("places, reserves, costs and limits are not negative")
    if any(set(budget.segments) - names for budget in terms.budgets):
        raise ValueError("a budget names a segment that does not exist")
    if applications.segment.size and int(applications.segment.max()) >= len(terms.segments):
        raise ValueError("an application's segment is an index into the terms' segments, or -1")
    categories = terms.categories()
    if categories and (applications.claims is None or len(applications.claims) != len(categories)):
        raise ValueError("claims need one row for each category that a reserve names")
