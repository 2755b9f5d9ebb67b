"""Which provider a signed-in person works for on these pages, and which month they are about."""

from __future__ import annotations

from datetime import date
from functools import cache

from django.http import Http404, HttpRequest

from qosymsha.domain.people.states import Role
from qosymsha.domain.programmes import classifiers
from qosymsha.interfaces.ui.signed import SignedRequest
from qosymsha.kernel.clock import local_day, month_of

_CHOSEN = "provider"
_ROLES = frozenset({Role.TEACHER, Role.PROVIDER_MANAGER})
_MOST_MONTHS = 24  # a page looks no further away than that


def houses(request: SignedRequest) -> list[int]:
    """Ids of the providers that the actor works for today."""
    grants = request.actor.grants
    return sorted({g.provider_id for g in grants if g.role in _ROLES and g.provider_id is not None})


def house(request: SignedRequest) -> int:
    """The provider these pages are about: the one chosen in this visit where it is still the actor's, else the first.

    Raises:
        Http404: the actor works for none.
    """
    mine = houses(request)
    if not mine:
        raise Http404
    chosen = request.session.get(_CHOSEN)
    return chosen if chosen in mine else mine[0]


def choose(request: SignedRequest, provider_id: int) -> None:
    """Let this visit's pages be about that provider.

    Raises:
        Http404: the actor does not work for it.
    """
    if provider_id not in houses(request):
        raise Http404
    request.session[_CHOSEN] = provider_id


def is_manager(request: SignedRequest) -> bool:
    """True where the actor manages the provider of these pages."""
    return request.actor.holds({Role.PROVIDER_MANAGER}, provider_id=house(request))


def managed(request: SignedRequest) -> int:
    """The provider of these pages, which the actor manages.

    Raises:
        Http404: the actor only teaches there.
    """
    if not is_manager(request):
        raise Http404
    return house(request)


def month_asked(request: SignedRequest | HttpRequest, today: date) -> date:
    """The month of `?m=YYYY-MM`, else today's.

    Raises:
        Http404: no month, or one too far away.
    """
    asked = request.GET.get("m", "")
    try:
        month = date.fromisoformat(f"{asked}-01") if asked else month_of(today)
    except ValueError:
        raise Http404 from None
    if abs((month.year - today.year) * 12 + month.month - today.month) > _MOST_MONTHS:
        raise Http404
    return month


def month_of_page(request: SignedRequest) -> date:
    """The month this page is about."""
    return month_asked(request, local_day(request.at))


@cache
def _activities() -> dict[str, classifiers.ActivityRow]:
    return {row.code: row for row in classifiers.activities()}


def title(activity: str, language: str) -> str:
    """What a group is about, in the page's language; a direction outside the classifier is called by its code."""
    row = _activities().get(activity)
    return getattr(row, f"name_{language}", "") or activity
