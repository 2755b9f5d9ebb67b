"""Dashboards: figures counted by night as bars with their tables, narrowed by the address, printable."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from django.http import Http404, HttpResponse, QueryDict

from qosymsha.domain.figures.access import Action
from qosymsha.domain.figures.queries import stored as figures
from qosymsha.domain.figures.queries.stored import Scope, Stored
from qosymsha.domain.people import queries as people
from qosymsha.interfaces.files import exports
from qosymsha.interfaces.office.boards import demand, money, waiting
from qosymsha.interfaces.office.boards.parts import (
    Board,
    Build,
    Chosen,
    Table,
    as_written,
    district_name,
    kind_name,
    named,
)
from qosymsha.interfaces.office.lists import choice
from qosymsha.interfaces.ui import texts
from qosymsha.interfaces.ui.signed import SignedRequest, allowed, page
from qosymsha.kernel.clock import local_day

BOARDS: Mapping[str, tuple[Build, tuple[str, ...]]] = {  # name → (builder, figures it cannot do without)
    "demand": (demand.demand, ("demand", "supply")),
    "waiting": (waiting.waiting, ("waiting",)),
    "money": (money.money, ("money",)),
    "districts": (demand.districts, ("districts", "supply")),
    "stays": (demand.stays, ("stays",)),
    "words": (money.words, ("spoken",)),
    "fairness": (waiting.fairness, ("fairness",)),
}
TYPES = {"csv": "text/csv; charset=utf-8", "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}


@dataclass(frozen=True, slots=True)
class Menu:
    """A filter: its name in the address, its label's key, (value, words) of its options, which is chosen."""

    name: str
    label: str
    options: tuple[tuple[str, str], ...]
    chosen: str
    has_all: bool = True


@allowed(Action.READ_FIGURES)
def overview(request: SignedRequest) -> HttpResponse:
    """`/office/figures/?p={uuid}&y=2026`: every dashboard with its first sentence."""
    scope, year = _place(request)
    if scope is None:
        return page(request, "office/figures.html", scope=None)
    chosen = _narrowed(request, scope, year, ())
    found = _figures(scope, year)
    boards = [(name, _built(name, chosen, found)) for name in BOARDS]
    return page(
        request, "office/figures.html", scope=scope, year=year, menus=_places(request, scope, year), boards=boards,
        query=_query(request).urlencode(),
    )  # fmt: skip


@allowed(Action.READ_FIGURES)
def board(request: SignedRequest, name: str) -> HttpResponse:
    """`/office/figures/{name}/?p=&y=&kind=&district=&teaching=&by=`: one dashboard with its charts and tables."""
    scope, year = _place(request)
    if scope is None:
        raise Http404
    chosen, shown = _board(request, scope, year, name)
    return page(
        request, "office/figures_board.html", name=name, board=shown, scope=scope, year=year,
        menus=_places(request, scope, year) + _menus(chosen, shown), query=_query(request).urlencode(),
        is_wide=request.GET.get("tables") == "1",
    )  # fmt: skip


@allowed(Action.READ_FIGURES)
def download(request: SignedRequest, name: str, n: int, form: str) -> HttpResponse:
    """`/office/figures/{name}/{n}.csv` or `.xlsx`: the n-th table of a dashboard, as narrowed; texts run no formula."""
    scope, year = _place(request)
    if scope is None or form not in TYPES:
        raise Http404
    chosen, shown = _board(request, scope, year, name)
    if shown is None or not 1 <= n <= len(shown.tables):
        raise Http404
    answer = HttpResponse(_written(chosen, shown.tables[n - 1], form), content_type=TYPES[form])
    answer["Content-Disposition"] = f'attachment; filename="{name}-{n}-{year}.{form}"'
    return answer


def _written(chosen: Chosen, table: Table, form: str) -> bytes:
    columns = [chosen.say(f"figures.col.{column}") for column in table.columns]
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"table.{form}"
        exports.write(path, columns, ([as_written(value) for value in row] for row in table.rows))
        return path.read_bytes()


def _place(request: SignedRequest) -> tuple[Scope | None, int]:
    """The programme and the year the address asks for, else the first and the newest that has figures.

    Raises:
        Http404: it asks for a programme that is not the official's.
    """
    found = figures.scopes(request.actor)
    asked = request.GET.get("p", "")
    scope = next((s for s in found if str(s.programme.uuid) == asked), None) if asked else next(iter(found), None)
    if scope is None and asked:
        raise Http404
    years = [str(year) for year in scope.years] if scope else []
    year = choice(request, "y", years, years[0] if years else "")
    return scope, int(year) if year else local_day(request.at).year


def _figures(scope: Scope, year: int) -> dict[str, Stored]:
    """The figures of a programme's year; among them, as `fairness`, what the open page says of that year."""
    found = figures.figures(scope, year)
    everybodys = figures.open_figures()
    if everybodys is not None and everybodys[1]["year"] == year:
        at, content = everybodys
        found["fairness"] = Stored(at, tuple(content["equity"]), {})
    return found


def _built(name: str, chosen: Chosen, found: Mapping[str, Stored]) -> Board | None:
    """The dashboard, or None where a figure of it was not counted yet."""
    build, needs = BOARDS[name]
    return build(chosen, found) if all(need in found for need in needs) else None


def _board(request: SignedRequest, scope: Scope, year: int, name: str) -> tuple[Chosen, Board | None]:
    if name not in BOARDS:
        raise Http404
    found = _figures(scope, year)
    plain = _built(name, _narrowed(request, scope, year, ()), found)
    chosen = _narrowed(request, scope, year, plain.filters if plain else ())
    return chosen, _built(name, chosen, found)


def _narrowed(request: SignedRequest, scope: Scope, year: int, filters: tuple[str, ...]) -> Chosen:
    """What the address asks for, as far as the dashboard knows these filters."""
    districts = {one.id: one for one in people.districts_of(scope.programme.territory_id, local_day(request.at))}
    options: dict[str, Callable[[], list[str]]] = {
        "kind": lambda: list(scope.kinds),
        "district": lambda: [str(one) for one in districts],
        "teaching": lambda: list(texts.LANGUAGES),
        "by": lambda: list(demand.WAYS),
    }
    asked = {name: choice(request, name, options[name]()) for name in filters}
    district = asked.get("district", "")
    return Chosen(
        scope, year, request.language, districts, asked.get("kind", ""), int(district) if district else None,
        asked.get("teaching", ""), asked.get("by") or demand.WAYS[0],
    )  # fmt: skip


def _places(request: SignedRequest, scope: Scope, year: int) -> list[Menu]:
    """The programme and the year, where there is a choice."""
    every = figures.scopes(request.actor)
    programmes = tuple((str(s.programme.uuid), named(s.programme, request.language)) for s in every)
    years = tuple((str(y), str(y)) for y in scope.years)
    menus = [Menu("p", "figures.filter.programme", programmes, str(scope.programme.uuid), has_all=False),
             Menu("y", "figures.filter.year", years, str(year), has_all=False)]  # fmt: skip
    return [menu for menu in menus if len(menu.options) > 1]


def _menus(chosen: Chosen, shown: Board | None) -> list[Menu]:
    """The dashboard's own filters, each with the words of the page's language."""
    offered = {
        "kind": Menu("kind", "figures.col.kind", tuple((k, kind_name(chosen, k)) for k in chosen.scope.kinds),
                     chosen.kind),
        "district": Menu("district", "figures.col.district",
                         tuple((str(i), district_name(chosen, i)) for i in chosen.districts),
                         "" if chosen.district is None else str(chosen.district)),
        "teaching": Menu("teaching", "figures.col.language",
                         tuple((code, chosen.say(f"teaching.{code}")) for code in texts.LANGUAGES), chosen.teaching),
        "by": Menu("by", "figures.filter.by", tuple((way, chosen.say(f"figures.col.{way}")) for way in demand.WAYS),
                   chosen.by, has_all=False),
    }  # fmt: skip
    return [offered[name] for name in (shown.filters if shown else ()) if len(offered[name].options) > 1]


def _query(request: SignedRequest) -> QueryDict:
    """The address's choices, to be handed on by links; empty ones are left out."""
    kept = request.GET.copy()
    for name in list(kept):
        if not kept[name] or name not in ("p", "y", "kind", "district", "teaching", "by"):
            del kept[name]
    return kept
