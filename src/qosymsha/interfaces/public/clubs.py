"""Finding a club: the search with its list, the map of districts, and a group's own page. Public, without scripts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from itertools import groupby
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import NoReverseMatch, reverse
from django.utils.safestring import SafeString
from django.utils.translation import get_language, override

from qosymsha.domain.agreements import queries as agreements
from qosymsha.domain.figures.queries import stored as figures
from qosymsha.domain.insights.queries import catalogue
from qosymsha.domain.insights.queries.catalogue import Club, Found, Lesson
from qosymsha.domain.people import queries as people
from qosymsha.domain.programmes import queries as programmes
from qosymsha.domain.programmes.rules import Rules
from qosymsha.domain.providers import queries as providers
from qosymsha.domain.providers.rules import words_of
from qosymsha.interfaces.public import plan, searching
from qosymsha.interfaces.public.menus import MenuTexts, menu_texts
from qosymsha.interfaces.public.searching import DAYS, FIELDS, Menus, Typed
from qosymsha.interfaces.ui import texts
from qosymsha.interfaces.ui.briefly import briefly
from qosymsha.interfaces.ui.doors import context, public_page
from qosymsha.kernel import clock
from qosymsha.kernel.errors import Refused

WEEK = [(day, f"day.short.{day}", f"day.{day}") for day in DAYS]

_spelled, _counted = briefly(catalogue.spelled), briefly(catalogue.counted)
_voucher_lines, _lines = briefly(figures.voucher_lines), briefly(figures.lines)


@dataclass(frozen=True, slots=True)
class Times:
    """Lessons of a week at the same hours; `days` are keys of day names."""

    days: tuple[str, ...]
    short: tuple[str, ...]
    hours: str


@dataclass(frozen=True, slots=True)
class Card:
    """A group as a result shows it; amounts are tiyn a month: what the voucher covers, what the family adds.

    `covered_tiyn` None: no rules are in force. `charge_tiyn`: what the club asks beside the price, where rules let it.
    `starts_on` None: it runs already.
    """

    club: Club
    times: tuple[Times, ...]
    covered_tiyn: int | None
    family_tiyn: int
    charge_tiyn: int
    starts_on: date | None
    kind_key: str
    language_key: str
    line: figures.Line | None

    @property
    def added_tiyn(self) -> int:
        """What a family with a voucher pays itself, a month."""
        return self.family_tiyn + self.charge_tiyn

    @property
    def is_free(self) -> bool:
        """Whether a family with a voucher pays nothing at all."""
        return self.covered_tiyn is not None and self.family_tiyn == 0 and self.charge_tiyn == 0


@dataclass(frozen=True, slots=True)
class Ground:
    """Which programme is looked through, with its menus and rules."""

    programme: programmes.ProgrammeFacts
    others: tuple[programmes.ProgrammeFacts, ...]
    menus: Menus
    lists: MenuTexts
    rules: Rules | None
    today: date


@public_page
def find(request: HttpRequest) -> HttpResponse:
    """`/{language}/clubs/`: the search, the groups found a page at a time, and what to loosen where none is found."""
    ready = context(request)
    ground = _ground(request)
    if ground is None:
        return render(request, "public/clubs.html", ready | {"is_empty": True})
    typed = searching.typed(request.GET, ground.menus)
    words = _spelled(typed.q)
    language = str(ready["language"])
    found = catalogue.search(ground.programme.id, typed.asked, words, ground.today, language)
    total = _total(ground, typed, words, found)
    hints = [] if total else catalogue.loosened(ground.programme.id, typed.asked, words, ground.today)
    lines = _lines(tuple(club.id for club in found.clubs if club.free <= 0))
    charges = _charges(ground, [club.id for club in found.clubs])
    shown = {
        "typed": typed,
        "ground": ground,
        "days": WEEK,
        "cards": [(club, _drawn(_card(club, ground, charges, lines.get(club.id)), language)) for club in found.clubs],
        "picked": searching.picked(request.GET),
        "elsewhere": [one for one in searching.picked(request.GET) if one not in {club.uuid for club in found.clubs}],
        "total": min(total, catalogue.COUNTED),
        "is_more": total > catalogue.COUNTED,
        "counted": catalogue.COUNTED,
        "next": searching.onward(request.GET, found.next) if found.next else "",
        "first": searching.without(request.GET) if typed.asked.after else None,
        "map_query": searching.without(request.GET),
        "hints": [_hint(request, name, count, typed) for name, count in hints],
        "meant": _meant(typed.q, words),
        "voucher_lines": _voucher_lines(ground.programme.id),
    }
    return render(request, "public/clubs.html", ready | shown)


def _total(ground: Ground, typed: Typed, words: Sequence[tuple[str, ...]], found: Found) -> int:
    """How many groups the heading says: a kept count may be some seconds old, and never denies what the page shows."""
    shown = len(found.clubs)
    if found.next is None and typed.asked.after is None:
        return shown  # all of them stand here
    return max(_counted(ground.programme.id, replace(typed.asked, after=None), words, ground.today), shown)


@public_page
def club_map(request: HttpRequest) -> HttpResponse:
    """`/{language}/clubs/map/`: the same search on a plan of the districts, with a list that says all of it."""
    ready = context(request)
    ground = _ground(request)
    if ground is None:
        raise Http404
    typed = searching.typed(request.GET, ground.menus)
    words, language = catalogue.spelled(typed.q), str(ready["language"])
    found = catalogue.groups_on_map(ground.programme.id, typed.asked, words, ground.today)
    venues = catalogue.venues_on_map(ground.programme.id, typed.asked, words, ground.today)
    shown: dict[str, object] = {
        "plan": plan.drawn(request.GET, ground.menus.districts, found, venues, language),
        "typed": typed,
        "query": searching.without(request.GET),
        "whole": searching.without(request.GET, "district"),
    }
    return render(request, "public/club_map.html", ready | shown)


@public_page
def compare(request: HttpRequest) -> HttpResponse:
    """`/{language}/clubs/compare/?pick=…`: the clubs on a family's list side by side; the address is the list."""
    ready, today = context(request), _today()
    asked = searching.picked(request.GET)
    clubs = [found for uuid in asked if (found := catalogue.club(uuid, today)) is not None]
    facts = providers.group_facts([club.id for club in clubs])
    lines = _lines(tuple(club.id for club in clubs))
    shown = []
    for club in clubs:
        ground = _ground(request, facts[club.id].programme_id)
        assert ground is not None, "a group has a programme"
        card = _card(club, ground, _charges(ground, [club.id]), lines.get(club.id))
        is_over = club.last_day is not None and club.last_day < today
        shown.append((card, searching.unpicked(request.GET, club.uuid), is_over))
    words = {
        "cards": shown,
        "most": searching.PICKED,
        "is_over": len(set(request.GET.getlist("pick"))) > searching.PICKED,
        "search": searching.without(request.GET),
    }
    return render(request, "public/compare.html", ready | words)


@public_page
def one_club(request: HttpRequest, group_uuid: UUID) -> HttpResponse:
    """`/{language}/clubs/{uuid}/`: all that a family needs to choose this group; 410 with a way on when it is over."""
    today = clock.local_day(clock.read())
    club = catalogue.club(group_uuid, today)
    if club is None:
        raise Http404
    if club.last_day is not None and club.last_day < today:
        activity = providers.group_facts([club.id])[club.id].activity
        over = context(request) | {"club": club, "activity": activity}
        return render(request, "public/club_over.html", over, status=410)
    facts = providers.group_facts([club.id])[club.id]
    ground = _ground(request, facts.programme_id)
    assert ground is not None, "a group has a programme"
    card = _card(club, ground, _charges(ground, [club.id]))
    is_direct = ground.rules is not None and ground.rules.choice.opening == "direct"
    shown = {
        "card": card,
        "club": club,
        "activity": facts.activity,
        "staff": catalogue.teachers(club.id, today),
        "papers": [(f"club.paper.{kind}", last) for kind, last in catalogue.papers(club.id, today)],
        "may_take": club.free > 0 and (is_direct or club.is_left_over),
        "take": _take(group_uuid),
        "line": figures.lines([club.id]).get(club.id),
        "rated": figures.rated_group(club.id),
    }
    return render(request, "public/club.html", context(request) | shown)


def _ground(request: HttpRequest, programme_id: int | None = None) -> Ground | None:
    """The programme asked for, or the first; None where there is none yet."""
    language = str(get_language() or texts.LANGUAGES[0])
    return _ground_of(programme_id, request.GET.get("programme", "")[:36], language, _today())


@briefly
def _today() -> date:
    return clock.local_day(clock.read())


@briefly
def _ground_of(programme_id: int | None, asked: str, language: str, today: date) -> Ground | None:
    found = programmes.programmes()
    chosen = [one for one in found if one.id == programme_id or (programme_id is None and str(one.uuid) == asked)]
    if not found:
        return None
    programme = (chosen or found)[0]
    menus = Menus(tuple(programmes.activities()), tuple(people.districts_of(programme.territory_id, today)))
    try:
        rules = programmes.rules_in_force(programme.id, today).rules
    except Refused:
        rules = None
    lists = menu_texts(menus, language)
    return Ground(programme, tuple(found) if len(found) > 1 else (), menus, lists, rules, today)


def _charges(ground: Ground, group_ids: Sequence[int]) -> dict[int, int]:
    """What groups ask beside the voucher; nothing is asked of the database where the rules allow none."""
    may_charge = ground.rules is not None and ground.rules.agreements.charge.allowed
    return agreements.charges_of_groups(group_ids) if may_charge else {}


def _card(club: Club, ground: Ground, charges: Mapping[int, int], line: figures.Line | None = None) -> Card:
    planned = ground.rules.planning_tariff.get(club.kind) if ground.rules else None
    covered = None if planned is None else min(planned, club.month_tiyn)
    return Card(
        club=club,
        times=tuple(_times(club.lessons)),
        covered_tiyn=covered,
        family_tiyn=0 if covered is None else club.month_tiyn - covered,
        charge_tiyn=charges.get(club.id, 0),
        starts_on=club.first_day if club.first_day > ground.today else None,
        kind_key=f"kind.{club.kind}",
        language_key=f"teaching.{club.language}",
        line=line,
    )


@lru_cache(maxsize=2048)
def _drawn(card: Card, language: str) -> SafeString:
    """A result as it stands in the list: drawn anew only where something on it changed."""
    with override(language):
        return render_to_string("public/club_card.html", {"card": card})


def _times(lessons: Sequence[Lesson]) -> list[Times]:
    """A week's lessons, those at the same hours together."""
    hours = sorted(lessons, key=lambda one: (one.starts, one.ends, one.weekday))
    found = []
    for (starts, ends), group in groupby(hours, key=lambda one: (one.starts, one.ends)):
        names = tuple(DAYS[one.weekday - 1] for one in group)
        hours_said = f"{starts:%H:%M}–{ends:%H:%M}"
        found.append(Times(tuple(f"day.{n}" for n in names), tuple(f"day.short.{n}" for n in names), hours_said))
    return sorted(found, key=lambda times: [f"day.{day}" for day in DAYS].index(times.days[0]))


def _hint(request: HttpRequest, name: str, count: int, typed: Typed) -> tuple[str, int, str]:
    """(key of the filter's name, groups found without it, the address without it)."""
    fields = ("km", "near") if name == "within" and typed.sort != "near" else (FIELDS[name],)
    return f"clubs.loosen.{name}", count, searching.without(request.GET, *fields)


def _meant(q: str, words: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """The words looked for in place of those typed, each in the letters it was typed in where there is one."""
    typed = words_of(q)
    told = []
    for word, spellings in zip(typed, words, strict=False):
        if spellings and not any(one.startswith(word) for one in spellings):
            told.append(next((one for one in spellings if one.isascii() == word.isascii()), spellings[0]))
    return tuple(told) if all(words) else ()


def _take(group_uuid: UUID) -> str:
    """Where the place is taken, in the family's door."""
    try:
        return reverse("family-take", args=[group_uuid])
    except NoReverseMatch:
        return ""
