"""Rounds in public: their list, each one's life, results and files, and the page where a family checks its number."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from qosymsha.domain.admission import queries as admission
from qosymsha.domain.programmes import classifiers
from qosymsha.interfaces.files import published
from qosymsha.interfaces.ui import texts
from qosymsha.interfaces.ui.doors import context, public_file, public_page
from qosymsha.kernel.errors import Refused

_TYPES = {".json": "application/json", ".tsv": "text/tab-separated-values; charset=utf-8"}
_PLAIN = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class ClassRow:
    """A class of a segment in words; `name` is empty for the small classes together. `tier`, `claims`: as in lines."""

    name: str
    applications: int
    granted: int
    tier: int = 0
    claims: str = ""


@dataclass(frozen=True, slots=True)
class SegmentPart:
    """A segment's results in words; `cutoff` is the number of the last open place, in hex."""

    result: admission.SegmentResult
    name: str
    rows: tuple[ClassRow, ...]
    cutoff: str


@dataclass(frozen=True, slots=True)
class RoundPage:
    """All that the page of a round shows. `has_parts`: a ticket can be checked on this server."""

    life: admission.RoundLife
    segments: tuple[SegmentPart, ...]
    hidden: tuple[str, int, int | None] | None
    files: tuple[published.PublishedFile, ...]
    version: str

    @property
    def has_parts(self) -> bool:
        """Whether the files that the checking page reads are here."""
        return bool(self.life.root and self.life.seed) and {"parts.tsv", "proofs.tsv"} <= {f.name for f in self.files}


@public_page
def all_rounds(request: HttpRequest) -> HttpResponse:
    """`/{language}/rounds/`: every round, the latest first."""
    heads = [(head, f"round.state.{head.state}") for head in admission.round_heads()]
    return render(request, "public/rounds.html", context(request) | {"rounds": heads})


@public_page
def one_round(request: HttpRequest, round_uuid: UUID) -> HttpResponse:
    """`/{language}/rounds/{uuid}/`: the round step by step, its results, its files, how to check."""
    return _page(request, "public/round.html", round_uuid)


@public_page
def check(request: HttpRequest, round_uuid: UUID) -> HttpResponse:
    """`/{language}/rounds/{uuid}/check/`: a family's own line and number, computed in its browser."""
    return _page(request, "public/check.html", round_uuid)


@public_page
def root(request: HttpRequest, round_uuid: UUID) -> HttpResponse:
    """`/{language}/rounds/{uuid}/root.txt`: the closed list's root for time-stamping outside, the same bytes always."""
    try:
        statement = admission.root_statement(round_uuid)
    except Refused as refused:
        raise Http404 from refused
    return HttpResponse(statement, content_type=_PLAIN, headers=_saved(f"root-{round_uuid}.txt"))


@public_file
def file(request: HttpRequest, round_uuid: UUID, name: str) -> FileResponse:
    """A file of a published round, one of `published.NAMES`, to be saved."""
    found = published.published_file(round_uuid, name)
    if found is None:
        raise Http404
    kind = _TYPES.get(found.suffix, _PLAIN)
    return FileResponse(found.open("rb"), content_type=kind, as_attachment=True, filename=name)


@public_file
def part(request: HttpRequest, round_uuid: UUID, part: int) -> HttpResponse:
    """One part of the closed list: what the checking page reads instead of the whole."""
    rows = published.part_of(round_uuid, part)
    if rows is None:
        raise Http404
    return HttpResponse(rows, content_type=_TYPES[".tsv"], headers=_saved(f"part-{part}.tsv"))


@public_page
def moves(request: HttpRequest, round_uuid: UUID) -> HttpResponse:
    """`/{language}/rounds/{uuid}/moves.tsv`: "line id TAB segment TAB day TAB state TAB cause" of each later step."""
    try:
        found = list(admission.public_moves(round_uuid))
    except Refused as refused:
        raise Http404 from refused
    rows = (f"{m.line_id}\t{m.segment}\t{m.day:%d.%m.%Y}\t{m.to_state}\t{m.cause}\n" for m in found)
    return HttpResponse("".join(rows), content_type=_TYPES[".tsv"], headers=_saved(f"moves-{round_uuid}.tsv"))


def _saved(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}"'}


def _page(request: HttpRequest, template: str, round_uuid: UUID) -> HttpResponse:
    ready = context(request)
    try:
        page = round_page(round_uuid, str(ready["language"]))
    except Refused as refused:
        raise Http404 from refused
    return render(request, template, ready | {"page": page, "state_key": f"round.state.{page.life.state}"})


def round_page(round_uuid: UUID, language: str) -> RoundPage:
    """The page of a round in a language; a constant number of statements.

    Raises:
        Refused: `unknown_round`.
    """
    life = admission.round_life(round_uuid)
    files = tuple(published.published_files(round_uuid)) if life.published_at else ()
    results = life.results if life.published_at else None
    cutoffs = published.cutoffs_of(round_uuid) if files else {}
    segments = tuple(_segment(one, cutoffs.get(one.segment), language) for one in results.segments) if results else ()
    hidden = None
    if results and results.hidden:
        names, applications, granted = results.hidden
        hidden = (", ".join(_kind(language, name) for name in names), applications, granted)
    return RoundPage(life, segments, hidden, files, published.version_of(round_uuid) if files else "")


def _segment(result: admission.SegmentResult, cutoff: list[object] | None, language: str) -> SegmentPart:
    rows = [
        ClassRow(_class(one, language), one.applications, one.granted, one.tier, ",".join(sorted(one.claims)))
        for one in result.classes
    ]
    if result.merged:
        rows.append(ClassRow("", result.merged.applications, result.merged.granted))
    return SegmentPart(result, _kind(language, result.segment), tuple(rows), str(cutoff[-1]) if cutoff else "")


def _kind(language: str, kind: str) -> str:
    key = f"kind.{kind}"
    return texts.say(language, key) if key in texts.catalogue(language) else kind


def _class(one: admission.ClassResult, language: str) -> str:
    names = {row.code: getattr(row, f"name_{language}") or row.name_ru for row in classifiers.categories()}
    said = " / ".join(names.get(code, code) for code in one.categories)
    reserves = ", ".join(names.get(code, code) for code in one.claims)
    return f"{said} ({reserves})" if reserves else said
