"""Deeds over a programme's money as errands: one at a time, the same wish of two officers once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from qosymsha.domain.errands import queries
from qosymsha.domain.errands.queries import ErrandSeen
from qosymsha.domain.errands.rules import About, Wanted
from qosymsha.domain.errands.states import ErrandState
from qosymsha.domain.programmes.queries import ProgrammeFacts
from qosymsha.domain.settlement.access import ALLOWED, Action
from qosymsha.interfaces.ui.signed import SignedRequest, key_of
from qosymsha.kernel.canonical import digest

SUBJECT = "money"
LONG = 100  # things drawn at once that a page does not wait for: one of its stretches is drawn while it waits


def under_way(programme: ProgrammeFacts) -> ErrandSeen | None:
    """What is being done with the programme's money now, or None."""
    return queries.open_errand(SUBJECT, programme.id)


def wanted(  # noqa: PLR0913 - whose form, which deed, where, what people call it, with what, as it was said
    request: SignedRequest,
    action: Action,
    programme: ProgrammeFacts,
    label: str,
    body: Mapping[str, Any],
    said: Mapping[str, Any],
) -> Wanted:
    """The errand's wish. Two officers wish the same where their forms said the same and their departments are the same.

    `said`: the form's own words, and first of all its month, which leads back to the page; `body`: what they mean now.
    """
    about = About(SUBJECT, programme.id, programme.uuid, label, programme.territory_id)
    mine = {str(one.department_id) for one in request.actor.grants if one.role in ALLOWED[action]}
    month = f"{said['month']:%Y-%m}" if isinstance(said.get("month"), date) else "-"
    words = {name: str(value) for name, value in said.items()} | {"departments": sorted(mine)}
    return Wanted(action, ALLOWED, about, body, request.proof, f"{month}.{digest(words).hex()[:32]}")


def sent_before(request: SignedRequest) -> ErrandSeen | None:
    """The errand of this very form, where it was sent before and its errand has not ended undone."""
    found = queries.errand_of_form(request.actor, key_of(request))
    undone = (ErrandState.REFUSED, ErrandState.FAILED, ErrandState.WITHDRAWN)
    return None if found is None or found.state in undone else found
