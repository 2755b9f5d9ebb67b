"""Long deeds of officials: asked for by a page, done by a worker; a small one is done before the page answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from time import monotonic, sleep
from typing import Any
from uuid import UUID

from django.http import Http404, HttpResponse
from django.urls import reverse

from qosymsha.domain.admission.access import Action as Round
from qosymsha.domain.choice.access import Action as Choice
from qosymsha.domain.errands import commands, queries
from qosymsha.domain.errands.access import Action
from qosymsha.domain.errands.queries import ErrandSeen
from qosymsha.domain.errands.rules import Wanted
from qosymsha.domain.errands.states import ErrandState
from qosymsha.domain.flags.access import Action as Flags
from qosymsha.domain.settlement.access import Action as Money
from qosymsha.interfaces.office import city
from qosymsha.interfaces.office.access import Look
from qosymsha.interfaces.ui import texts
from qosymsha.interfaces.ui.forms import Form, attempt
from qosymsha.interfaces.ui.signed import SignedRequest, allowed, allowed_post, key_of, moved, page
from qosymsha.interfaces.ui.stretches import Stretch

PATIENCE_SECONDS = 1.5  # so long a page waits for the worker before it says that it works
_LOOK_AGAIN_SECONDS = 0.05
# What verbs count, the result before what was left out; said as `errand.tally.…`.
TALLIES = (
    *("frozen", "vouchers", "placed", "moved", "offers", "places", "raised", "grown", "files"),
    *("claims", "acts", "payments", "sealed"),
    *("waiting", "unplaced", "rejected", "expired", "there", "held", "left", "unpaid"),
)


@dataclass(frozen=True, slots=True)
class Pages:
    """Where an errand came from: the page of its thing, and the page that asked; both with the thing's uuid or not.

    `name`: what the page of the thing is called, where its label alone does not say it.   `asked`: what the page that
    asked takes behind its address.   `in_parts`: parts that are done stay done, whatever becomes of the others.
    """

    thing: str
    step: str
    takes_uuid: bool = True
    name: str = ""
    asked: Callable[[ErrandSeen], str] = lambda _: ""
    in_parts: bool = False

    def addresses(self, found: ErrandSeen) -> tuple[str, str]:
        """Of the thing, and of the step."""
        given = [found.subject_uuid] if self.takes_uuid else []
        return reverse(self.thing, args=given), reverse(self.step, args=given) + self.asked(found)


def _programme(found: ErrandSeen) -> str:
    return f"?p={found.subject_uuid}"


def _month(found: ErrandSeen) -> str:
    return f"?p={found.subject_uuid}&m={found.wish[:7]}"


PAGES: dict[str, Pages] = {
    Round.CLOSE_ROUND: Pages("office-round", "office-round-close"),
    Round.DRAW: Pages("office-round", "office-round-draw"),
    Round.ALLOCATE: Pages("office-round", "office-round-allocate"),
    Round.PUBLISH: Pages("office-round", "office-round-publish"),
    Round.REFILL: Pages("office-round", "office-round-refill"),
    Round.CANCEL_ROUND: Pages("office-round", "office-round-cancel"),
    Choice.CLOSE: Pages("office-choice-round", "office-choice-close"),
    Choice.DRAW: Pages("office-choice-round", "office-choice-draw"),
    Choice.ALLOCATE: Pages("office-choice-round", "office-choice-allocate"),
    Choice.PUBLISH: Pages("office-choice-round", "office-choice-publish"),
    Choice.OFFER: Pages("office-choice-round", "office-choice-offer"),
    Choice.RERUN: Pages("office-choice-round", "office-choice-rerun"),
    Choice.CANCEL: Pages("office-choice-round", "office-choice-cancel"),
    Flags.SCREEN: Pages("office-flags", "office-flags-screen", takes_uuid=False, asked=_month),
    Money.DRAW_CLAIMS: Pages(
        "office-claims", "office-claims-draw", False, "office.nav.claims", asked=_month, in_parts=True
    ),
    Money.DRAW_ACTS: Pages(
        "office-acts", "office-acts-draw", False, "office.nav.acts", asked=_programme, in_parts=True
    ),
    Money.DRAW_PAYMENT_FILE: Pages("office-files", "office-file-draw", False, "office.nav.files"),
    Money.CLOSE_MONTH: Pages("office-closing", "office-closing", False, "closing.h1"),
    Money.CLOSE_YEAR: Pages("office-closing", "office-closing", False, "closing.h1"),
}


def asked(  # noqa: PLR0913 - a page's form: what it wishes, where its refusals stand, where to when done
    request: SignedRequest,
    form: Form,
    wanted: Callable[[], Wanted],
    fields: Mapping[str, str],
    done: Callable[[ErrandSeen], HttpResponse | None],
    *,
    is_long: bool = False,
) -> HttpResponse | None:
    """Ask for the errand of a POST; the answer, or None where the form is to be shown (with what is wrong).

    Done within a moment: `done` says where to. Refused within it: said at the form, as if the page had done it itself.
    Else, and at once where it is known to be long: the errand's own page.
    """
    if not attempt(request, form, lambda: _ask(request, wanted(), 0.0 if is_long else PATIENCE_SECONDS), fields):
        return None
    seen: ErrandSeen = form.outcome
    if seen.state is ErrandState.REFUSED and not seen.tally:
        field = fields.get(seen.reason, "")
        form.add_error(field if field in form.fields else None, texts.refusal(request.language, seen.reason))
        return None
    return answered(request, seen, done)


def answered(
    request: SignedRequest, seen: ErrandSeen, done: Callable[[ErrandSeen], HttpResponse | None]
) -> HttpResponse | None:
    """Where to, for an errand as it stands: what `done` says, or its own page."""
    return done(seen) if seen.state is ErrandState.DONE else moved(request, "office-errand", seen.uuid)


def _ask(request: SignedRequest, wanted: Wanted, patience: float) -> ErrandSeen:
    uuid = commands.ask(actor=request.actor, wanted=wanted, at=request.at, key=key_of(request))
    seen, ends = queries.errand(uuid), monotonic() + patience
    while seen.is_open and monotonic() < ends:
        sleep(_LOOK_AGAIN_SECONDS)
        seen = queries.errand(uuid)
    return seen


@allowed(Look.ERRANDS)
def errands(request: SignedRequest) -> HttpResponse:
    """`/office/errands/?after=`: what one asked for oneself, the latest first."""
    stretch = Stretch.asked(request)
    found, stretch = stretch.cut(queries.own_errands(request.actor, stretch.after, stretch.one_more))
    return page(request, "office/errands.html", HTTPStatus.OK, errands=found, stretch=stretch)


@allowed(Look.ERRANDS)
def errand(request: SignedRequest, errand_uuid: UUID) -> HttpResponse:
    """`/office/errands/{uuid}/`: how far it is, how it ended; shown anew by itself, with scripts and without."""
    found = queries.errand_for(request.actor, errand_uuid)
    if found is None:
        raise Http404
    pages = PAGES[found.verb]
    thing, step = pages.addresses(found)
    words = _words(request, found) | {"thing": thing, "step": step, "pages": pages}
    return page(request, "office/errand.html", HTTPStatus.OK, **words)


def _words(request: SignedRequest, found: ErrandSeen) -> dict[str, Any]:
    return {
        "errand": found,
        "tally": [(f"errand.tally.{name}", found.tally[name]) for name in TALLIES if name in found.tally],
        "asker": city.names_of(found.user_id).get(found.user_id, ""),
        "is_mine": found.user_id == request.actor.user_id,
        "has_worker": not found.is_open or queries.has_worker(),
        "is_left": found.state is ErrandState.RUNNING and not queries.is_in_hands(found.uuid),
        "took": _minutes(found.begun_at, found.ended_at or request.at),
        "waited": _minutes(found.asked_at, found.begun_at or request.at),
    }


def _minutes(since: datetime | None, until: datetime) -> str:
    """Minutes and seconds, "0:07"; blank where it has not begun."""
    if since is None:
        return ""
    minutes, seconds = divmod(max(int((until - since).total_seconds()), 0), 60)
    return f"{minutes}:{seconds:02}"


@allowed_post(Action.WITHDRAW)
def withdraw(request: SignedRequest, errand_uuid: UUID) -> HttpResponse:
    """`/office/errands/{uuid}/withdraw/`: one's own, while it waits."""
    commands.withdraw(actor=request.actor, errand_uuid=errand_uuid, at=request.at, key=key_of(request))
    return moved(request, "office-errand", errand_uuid, said="errand.taken_back")
