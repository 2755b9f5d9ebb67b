"""Rows held by name: taken, put back, given to a colleague; a queue's part: all, mine, nobody's."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django import forms
from django.http import Http404, HttpResponse
from django.urls import resolve, reverse

from qosymsha.domain.casework import commands
from qosymsha.domain.casework.access import ALLOWED, HOLDERS, Action
from qosymsha.domain.casework.queries import holds as queries
from qosymsha.domain.casework.queries.holds import Hold, Subject
from qosymsha.domain.casework.states import Kind
from qosymsha.interfaces.office.lists import Task, choice
from qosymsha.interfaces.ui.forms import Form, attempt, typed
from qosymsha.interfaces.ui.signed import SignedRequest, allowed, allowed_post, key_of, moved, page

WHOSE = ("all", "mine", "nobody")
QUEUES: dict[Kind, str] = {
    Kind.ROW: "office-rows",
    Kind.CASE: "office-cases",
    Kind.FILE: "office-accreditation",
    Kind.FLAG: "office-flags",
    Kind.ABSENCE: "office-absences",
    Kind.REFUSAL: "office-refusals",
}


@dataclass(frozen=True)
class Part:
    """The part of a queue that is asked for, and what the page says about holders once the rows are read.

    `only` and `but` narrow the queue's query; `is_open`: the official may see who holds what.
    """

    kind: Kind
    whose: str
    only: list[int] | None
    but: list[int]
    is_open: bool
    may_take: bool
    may_give: bool
    me: int
    holds: dict[int, Hold] = field(default_factory=dict)


def part_of(request: SignedRequest, kind: Kind) -> Part:
    """The part of `?whose=`: all, the official's own rows, or those that nobody holds."""
    actor = request.actor
    is_open = actor.holds(ALLOWED[Action.READ_HOLDS])
    whose = choice(request, "whose", WHOSE, "all") if is_open else "all"
    asked: dict[str, Any] = {"actor": actor, "kind": kind, "at": request.at}
    return Part(
        kind,
        whose,
        queries.held_ids(is_mine=True, **asked) if whose == "mine" else None,
        queries.held_ids(**asked) if whose == "nobody" else [],
        is_open,
        actor.holds(HOLDERS[kind]),
        actor.holds(ALLOWED[Action.ASSIGN_ROW]),
        actor.user_id,
    )


def held(request: SignedRequest, part: Part, ids: Collection[int]) -> dict[str, Any]:
    """The words of a queue's page: its part, and the holders of the rows it shows."""
    if part.is_open:
        part.holds.update(queries.holds(actor=request.actor, kind=part.kind, ids=ids, at=request.at))
    return {"part": part}


def one(request: SignedRequest, kind: Kind, subject_id: int) -> dict[str, Any]:
    """The words of a row's own page: who holds it; nothing where it waits no more or the official works on no queue."""
    if not request.actor.holds(ALLOWED[Action.READ_HOLDS]):
        return {}
    subject = queries.waiting_one(kind, subject_id)
    if subject is None:
        return {}
    return held(request, part_of(request, kind), [subject_id]) | {"held_row": subject}


def held_tasks(request: SignedRequest) -> list[Task]:
    """What the official holds by name and that still waits."""
    return [
        Task(f"office.task.held_{work.kind}", work.n, QUEUES[work.kind], "?whose=mine", due=work.until, is_mine=True)
        for work in queries.held_work(actor=request.actor, at=request.at)
        if _may_open(request, work.kind)
    ]


class GiveForm(Form):
    """To whom."""

    holder = forms.UUIDField()


@allowed(Action.READ_HOLDS, post=Action.ASSIGN_ROW)
def give(request: SignedRequest, kind: str, subject_uuid: UUID) -> HttpResponse:
    """`/office/holds/{kind}/{uuid}/`: a row's holders so far; a POST gives it to a colleague whose right covers it."""
    of, subject = _subject(request, kind, subject_uuid)
    form = GiveForm(typed(request))

    def act_on() -> bool:
        commands.assign_row(
            actor=request.actor,
            kind=of,
            subject_uuid=subject_uuid,
            holder_uuid=form.cleaned_data["holder"],
            at=request.at,
            key=key_of(request),
        )
        return True

    if attempt(request, form, act_on):
        return _back(request, of, "holds.given")
    asked: dict[str, Any] = {"actor": request.actor, "kind": of, "subject": subject, "at": request.at}
    may_give = request.actor.holds(ALLOWED[Action.ASSIGN_ROW], **subject.scope)
    words: dict[str, Any] = {
        "kind": of.value,
        "uuid": subject_uuid,
        "queue": QUEUES[of] if _may_open(request, of) else "office-home",
        "past": queries.past_holds(**asked),
        "colleagues": queries.colleagues(**asked) if may_give else [],
        "may_give": may_give,
        "form": form,
    }
    return page(request, "office/hold.html", 422 if form.errors else 200, **words)


@allowed_post(Action.TAKE_ROW)
def take(request: SignedRequest, kind: str, subject_uuid: UUID) -> HttpResponse:
    """`/office/holds/{kind}/{uuid}/take/`: the row is this official's for the rule set's working days."""
    of, _ = _subject(request, kind, subject_uuid)
    commands.take_row(actor=request.actor, kind=of, subject_uuid=subject_uuid, at=request.at, key=key_of(request))
    return _back(request, of, "holds.taken")


@allowed_post(Action.PUT_BACK_ROW)
def put_back(request: SignedRequest, kind: str, subject_uuid: UUID) -> HttpResponse:
    """`/office/holds/{kind}/{uuid}/back/`: the row is nobody's again."""
    of, _ = _subject(request, kind, subject_uuid)
    commands.put_back_row(actor=request.actor, kind=of, subject_uuid=subject_uuid, at=request.at, key=key_of(request))
    return _back(request, of, "holds.put_back")


def _subject(request: SignedRequest, kind: str, uuid: UUID) -> tuple[Kind, Subject]:
    """The row that waits; one of another territory is as unknown as none."""
    of = next((one_kind for one_kind in Kind if one_kind.value == kind), None)
    subject = queries.waiting_subject(of, uuid) if of is not None else None
    if of is None or subject is None:
        raise Http404
    if not request.actor.holds(ALLOWED[Action.READ_HOLDS], **subject.scope):
        raise Http404
    return of, subject


def _may_open(request: SignedRequest, kind: Kind) -> bool:
    roles = resolve(reverse(QUEUES[kind])).func.roles["GET"]  # type: ignore[attr-defined]
    return request.actor.holds(roles)


def _back(request: SignedRequest, kind: Kind, said: str) -> HttpResponse:
    """To the queue the row stands in, as it was filtered; home where that queue is not open to the official."""
    if not _may_open(request, kind):
        return moved(request, "office-home", said=said)
    whose = str(request.POST.get("whose", ""))
    query = f"?whose={whose}" if whose in WHOSE[1:] else ""
    return moved(request, f"{reverse(QUEUES[kind])}{query}", said=said)
