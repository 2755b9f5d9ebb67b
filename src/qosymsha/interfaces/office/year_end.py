"""The end of a budget year: what lapses, what becomes of December's places, by a named decision; then it is closed."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from django import forms
from django.http import Http404, HttpResponse

from qosymsha.domain.errands.rules import Wanted
from qosymsha.domain.ledger import queries as ledger
from qosymsha.domain.ledger.rules import AccountKind
from qosymsha.domain.programmes import queries
from qosymsha.domain.programmes.queries import ProgrammeFacts
from qosymsha.domain.settlement.access import ALLOWED, Action
from qosymsha.domain.settlement.commands.closes import December
from qosymsha.domain.settlement.queries import closing as settled
from qosymsha.interfaces.office import city, money_errands
from qosymsha.interfaces.office.errands import asked
from qosymsha.interfaces.ui.forms import Form, typed
from qosymsha.interfaces.ui.signed import SignedRequest, allowed, moved, page, step_up
from qosymsha.kernel.clock import local_day

BY_RULE = "promise_again"
_FIELDS = {"december_undecided": "december", "december_not_by_rule": "december"}


class CloseForm(Form):
    """What becomes of December's places, by which paper; the officer has read what lapses."""

    december = forms.ChoiceField(choices=[(one.value, "") for one in (December.PAY, December.LAPSE)], required=False)
    document = forms.CharField(max_length=300, required=False)
    looked = forms.BooleanField()


@allowed(Action.CLOSE_YEAR, post=Action.CLOSE_YEAR)
@step_up
def close_year(request: SignedRequest, programme_uuid: UUID, year: int) -> HttpResponse:
    """`/office/programmes/{uuid}/years/{2026}/close/`: what is free and held lapses; December goes by the rule."""
    programme = city.programme_of(request, programme_uuid, ALLOWED[Action.CLOSE_YEAR])
    standing = queries.standing_on(programme.id, date(year, 12, 31)) if 2000 <= year <= 2100 else None
    if standing is None:
        raise Http404
    rules = queries.rules_of(standing.id).rules.year_end
    form = CloseForm(typed(request))

    def wish() -> Wanted:
        said = form.cleaned_data
        is_decided = bool(said["december"]) and rules.december != BY_RULE
        december, document = (said["december"], said["document"]) if is_decided else ("", "")
        body = {"year": year, "december": december, "document": document}
        return money_errands.wanted(request, Action.CLOSE_YEAR, programme, str(year), body, body)

    where = f"/{request.language}/office/budget/?p={programme.uuid}&y={year}"
    answer = asked(
        request, form, wish, _FIELDS, lambda _: moved(request, where, said="budget.year_closed", year=str(year))
    )
    closed = settled.year_to_close(programme.id, year, request.at)
    cut_off = date(year, rules.cut_off_month, rules.cut_off_day)
    return answer or page(
        request,
        "office/year_close.html",
        422 if form.errors else 200,
        programme=programme,
        year=year,
        form=form,
        cut_off=cut_off,
        is_closed=closed is not None and bool(closed.hash),
        is_early=local_day(request.at) < cut_off,
        by_rule=rules.december == BY_RULE,
        under_way=money_errands.under_way(programme),
        **_sums(programme, year),
    )


def _sums(programme: ProgrammeFacts, year: int) -> dict[str, int]:
    """What lapses, what stands on places, what is earned and stays to be paid; in tiyn."""
    lines = [line.id for line in queries.lines(programme.id, year)]
    kinds = ledger.totals(lines).values() if lines else ()
    sums = {kind: sum(one.get(kind, 0) for one in kinds) for kind in AccountKind}
    return {
        "lapses": sums[AccountKind.FREE] + sums[AccountKind.HELD] + sums[AccountKind.RELEASED],
        "on_places": sums[AccountKind.PLACE],
        "earned": sums[AccountKind.PAYABLE] + sums[AccountKind.TRANSIT],
    }
