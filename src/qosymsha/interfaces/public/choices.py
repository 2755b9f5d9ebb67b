"""Choice rounds in public: their list, each one's life, results by group, files; never a child's wish or place."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from qosymsha.domain.choice import queries as choice
from qosymsha.domain.choice.rules import ChoiceRefusal
from qosymsha.domain.choice.states import ChoiceRoundState
from qosymsha.interfaces.files import published
from qosymsha.interfaces.ui import texts
from qosymsha.interfaces.ui.doors import context, public_file, public_page
from qosymsha.kernel.errors import Refused

GROUPS_ON_A_PAGE = 100
_TYPES = {".json": "application/json", ".tsv": "text/tab-separated-values; charset=utf-8"}
_PLAIN = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class GroupRow:
    """A group's results in words."""

    name: str
    provider: str
    result: choice.GroupResult


@dataclass(frozen=True, slots=True)
class ChoicePage:
    """All that the page of a choice round shows; `before` and `after` are pages of groups, None where there is none."""

    life: choice.ChoiceLife
    ranks: tuple[tuple[str, int], ...]
    groups: tuple[GroupRow, ...]
    before: int | None
    after: int | None
    files: tuple[published.PublishedFile, ...]
    version: str


@public_page
def all_choices(request: HttpRequest) -> HttpResponse:
    """`/{language}/choice/`: every choice round that was opened, the latest first."""
    heads = [(head, f"round.state.{head.state}") for head in choice.choice_heads()]
    return render(request, "public/choices.html", context(request) | {"rounds": heads})


@public_page
def one_choice(request: HttpRequest, round_uuid: UUID) -> HttpResponse:
    """`/{language}/choice/{uuid}/`: the round step by step, who got which wish, groups page by page, files."""
    ready = context(request)
    try:
        page = choice_page(round_uuid, str(ready["language"]), _number(request.GET.get("groups", "1")))
    except Refused as refused:
        raise Http404 from refused
    return render(request, "public/choice.html", ready | {"page": page, "state_key": f"round.state.{page.life.state}"})


@public_page
def root(request: HttpRequest, round_uuid: UUID) -> HttpResponse:
    """`/{language}/choice/{uuid}/root.txt`: the closed list's root for time-stamping outside."""
    try:
        statement = choice.choice_root_statement(round_uuid)
    except Refused as refused:
        raise Http404 from refused
    headers = {"Content-Disposition": f'attachment; filename="root-{round_uuid}.txt"'}
    return HttpResponse(statement, content_type=_PLAIN, headers=headers)


@public_file
def file(request: HttpRequest, round_uuid: UUID, name: str) -> FileResponse:
    """A file of a published choice round, one of `published.NAMES`, to be saved."""
    found = published.published_file(round_uuid, name)
    if found is None:
        raise Http404
    kind = _TYPES.get(found.suffix, _PLAIN)
    return FileResponse(found.open("rb"), content_type=kind, as_attachment=True, filename=name)


def choice_page(round_uuid: UUID, language: str, number: int = 1) -> ChoicePage:
    """The page of a choice round with its `number`-th page of groups; a constant number of statements.

    Raises:
        Refused: `choice_round_unknown`, also for one that is only planned.
    """
    life = choice.choice_life(round_uuid)
    if life.state == ChoiceRoundState.PLANNED:  # may still be given up: it is public once it opens
        raise Refused(ChoiceRefusal.CHOICE_ROUND_UNKNOWN, uuid=round_uuid)
    files = tuple(published.published_files(round_uuid)) if life.published_at else ()
    results = life.results if life.published_at else None
    start = (number - 1) * GROUPS_ON_A_PAGE
    groups = choice.group_results(round_uuid, limit=GROUPS_ON_A_PAGE, after=start) if results else []
    return ChoicePage(
        life=life,
        ranks=tuple((_rank(rank, language), count) for rank, count in results.by_wish.items()) if results else (),
        groups=tuple(GroupRow(_activity(one, language), one.provider, one) for one in groups),
        before=number - 1 if number > 1 else None,
        after=number + 1 if results and start + len(groups) < results.groups else None,
        files=files,
        version=published.version_of(round_uuid) if files else "",
    )


def _rank(rank: str, language: str) -> str:
    if rank.isdecimal():
        return texts.say(language, "choice.rank", rank=rank)
    return texts.say(language, f"choice.rank.{rank}")


def _activity(one: choice.GroupResult, language: str) -> str:
    names = {"kk": one.activity_kk, "ru": one.activity_ru, "en": one.activity_en or one.activity_ru}
    return f"{names[language]} ({one.code})"


def _number(typed: str) -> int:
    """A page's number; whatever else was typed is the first."""
    return int(typed) if typed.isascii() and typed.isdigit() and 0 < int(typed) <= 10_000 else 1
