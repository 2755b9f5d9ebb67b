"""Next year's contract: who goes on, who leaves or ages out and why; carried on in bulk, row by row."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django.http import HttpResponse

from qosymsha.domain.agreements import commands, queries
from qosymsha.domain.agreements.access import Action
from qosymsha.domain.agreements.commands import Carry
from qosymsha.domain.agreements.queries import EndingGroup
from qosymsha.interfaces.provider.access import Look
from qosymsha.interfaces.provider.house import managed
from qosymsha.interfaces.ui import texts
from qosymsha.interfaces.ui.signed import SignedRequest, allowed, key_of, moved, page, step_up
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.errors import BadInput, Refused, RowOutcome


@dataclass(frozen=True, slots=True)
class Refusal:
    """A child who was not carried on, and why."""

    name: str
    sentence: str


@allowed(Look.FAMILIES, post=Action.RENEW)
@step_up
def renewal(request: SignedRequest) -> HttpResponse:
    """`/provider/families/next-year/`: groups with their children; a POST carries the chosen ones of a group on."""
    given: dict[str, Any] = {"actor": request.actor, "provider_id": managed(request), "at": request.at}
    found = queries.ending_groups(**given)
    refused: list[Refusal] = []
    fault = ""
    if request.method == "POST":
        try:
            done, refused = _renew(request, found)
            if not refused:
                return moved(request, "provider-renewal", said="agr.renewed", n=done)
            found = queries.ending_groups(**given)
        except Refused as refusal:
            fault = texts.refusal(request.language, refusal.reason.value)
    return page(
        request,
        "provider/renewal.html",
        422 if refused or fault else 200,
        groups=[(one, first_day(one, local_day(request.at))) for one in found],
        refused=refused,
        fault=fault,
    )


def first_day(one: EndingGroup, today: date) -> date | None:
    """The first day under the next contract: the day after this one ends, or tomorrow if that has passed."""
    if one.suggested is None:
        return None
    after = one.group.contract_last + timedelta(days=1) if one.group.contract_last else today
    return max(after, one.suggested.first_day, one.suggested.contract_first, today + timedelta(days=1))


def _renew(request: SignedRequest, found: list[EndingGroup]) -> tuple[int, list[Refusal]]:
    """Carry the chosen children of the posted group on.

    Raises:
        BadInput: the form is not the page's own.
    """
    group = next((one for one in found if str(one.group.uuid) == request.POST.get("group")), None)
    if group is None:
        return 0, []
    target = next((g for g in group.next_groups if str(g.uuid) == request.POST.get("to")), None)
    on = _day(request.POST.get("on", ""))
    if target is None or on is None:
        raise BadInput("to", "choose a group and a day")
    chosen = {_uuid(text) for text in request.POST.getlist("place")}
    children = [one for one in group.children if one.place in chosen]
    outcomes: list[RowOutcome] = commands.renew(
        actor=request.actor, provider_id=managed(request), carries=[Carry(c.enrolment_id, target.id) for c in children],
        on=on, at=request.at, key=key_of(request, group.group.uuid),
    )  # fmt: skip
    refused = [
        Refusal(children[o.row].name, texts.refusal(request.language, o.reason.value))
        for o in outcomes
        if o.reason is not None
    ]
    return len(outcomes) - len(refused), refused


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
