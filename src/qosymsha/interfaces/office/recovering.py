"""Money of a paid claim to be claimed back: proposed row by row with a reason and evidence; another person decides."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django import forms
from django.http import Http404, HttpResponse

from qosymsha.domain.settlement import commands, queries
from qosymsha.domain.settlement.access import Action
from qosymsha.domain.settlement.queries import PaidRow, office
from qosymsha.domain.settlement.states import ClaimState
from qosymsha.interfaces.office.city import programmes_of
from qosymsha.interfaces.ui import texts
from qosymsha.interfaces.ui.forms import Form, attempt, typed
from qosymsha.interfaces.ui.signed import SignedRequest, allowed, key_of, moved, page, roles_of, step_up
from qosymsha.kernel.money import TIYN_PER_TENGE


class RecoverForm(Form):
    """How much of each row, why, and on what evidence; a row left empty is left as it is."""

    reason = forms.CharField(max_length=500, widget=forms.Textarea({"rows": 2}))
    evidence = forms.CharField(max_length=1000, widget=forms.Textarea({"rows": 2}))

    def __init__(self, *args: Any, rows: Sequence[PaidRow], language: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.rows = rows
        for row in rows:
            self.fields[name_of(row)] = forms.DecimalField(
                required=False,
                min_value=Decimal("0.01"),
                decimal_places=2,
                label=texts.say(language, "office.recover.row", short=row.short, code=row.code),
            )
        self.name_faults()

    def amounts(self) -> dict[int, int]:
        """Sheet row → tiyn, of the rows that were filled in."""
        typed_ = {row.row_id: self.cleaned_data.get(name_of(row)) for row in self.rows}
        return {row_id: int(tenge * TIYN_PER_TENGE) for row_id, tenge in typed_.items() if tenge}


def name_of(row: PaidRow) -> str:
    """The field of a row."""
    return f"row-{row.place.hex}-{row.month:%Y%m}"


@allowed(Action.SUPPORT_RECOVERY, post=Action.SUPPORT_RECOVERY)
@step_up
def propose(request: SignedRequest, number: str) -> HttpResponse:
    """`/office/claims/{number}/recover/`: this person proposes and supports; an approver decides."""
    found = office.office_claims(actor=request.actor, numbers=[number])
    mine = {p.id: p for p in programmes_of(request, roles_of(Action.SUPPORT_RECOVERY))}
    if not found or found[0].programme_id not in mine or found[0].state != ClaimState.PAID:
        raise Http404
    (claim,) = found
    rows = queries.paid_rows(
        actor=request.actor, claim_id=claim.id, territory_id=mine[claim.programme_id].territory_id, at=request.at
    )
    form = RecoverForm(typed(request), rows=rows, language=request.language)

    def act_on() -> int | None:
        amounts = form.amounts()
        if not amounts:
            form.add_error(None, texts.say(request.language, "office.recover.choose"))
            return None
        said = form.cleaned_data
        return commands.propose_recovery(
            actor=request.actor,
            claim_id=claim.id,
            amounts=amounts,
            reason=said["reason"],
            evidence=said["evidence"],
            at=request.at,
            key=key_of(request),
        )

    if attempt(request, form, act_on, {"evidence_missing": "evidence"}) and not form.errors:
        return moved(request, "office-recoveries", said="office.recover.done")
    open_rows = [row for row in rows if row.left_tiyn]  # the others stay in the form: a second touch is the same touch
    words: dict[str, Any] = {"claim": claim, "form": form, "rows": [(row, form[name_of(row)]) for row in open_rows]}
    words["left"] = sum(row.left_tiyn for row in rows)
    return page(request, "office/claim_recover.html", 422 if form.errors else 200, **words)
