"""Payment files: drawn over released claims, looked at, sent once; what the treasury said that nobody understood."""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms
from django.http import Http404, HttpResponse

from qosymsha.domain.settlement import commands
from qosymsha.domain.settlement.access import ALLOWED, Action
from qosymsha.domain.settlement.commands.decisions import Resolution
from qosymsha.domain.settlement.ports import ReplyStatus
from qosymsha.domain.settlement.queries import office
from qosymsha.domain.settlement.queries.office import OfficeClaim, OfficeFile
from qosymsha.domain.settlement.states import ClaimState, FileState, ReplyChoice
from qosymsha.interfaces.office.access import Look
from qosymsha.interfaces.office.lists import Refusal, Stretch, refusals
from qosymsha.interfaces.ui import texts
from qosymsha.interfaces.ui.forms import Form, attempt, typed
from qosymsha.interfaces.ui.paying import payer
from qosymsha.interfaces.ui.signed import SignedRequest, allowed, key_of, moved, page, step_up
from qosymsha.kernel.clock import local_day

_MOST_PAID = 10_000  # payments of one file that its page lists
_MEANT = [ReplyStatus.ACCEPTED, ReplyStatus.REJECTED, ReplyStatus.RETURNED]


@allowed(Look.FILES)
def files(request: SignedRequest) -> HttpResponse:
    """`/office/files/`: what a new file would hold, and the files there are."""
    released, stretch = _released(request), Stretch.asked(request)
    found, stretch = stretch.cut(office.office_files(actor=request.actor, after=stretch.after, most=stretch.one_more))
    return page(
        request,
        "office/files.html",
        files=found,
        stretch=stretch,
        released=released,
        tiyn=sum(claim.to_pay_tiyn for claim in released),
        may_draw=request.actor.holds(ALLOWED[Action.DRAW_PAYMENT_FILE]),
    )


def _released(request: SignedRequest) -> list[OfficeClaim]:
    """Claims ready for a file, of the first programme that has any: a file is one programme's."""
    ready = office.office_claims(actor=request.actor, state=ClaimState.APPROVED, is_ready=True, most=_MOST_PAID)
    return [claim for claim in ready if claim.programme_id == ready[0].programme_id]


class DrawForm(Form):
    """The day on which the treasury is to pay."""

    pay_on = forms.DateField(widget=forms.DateInput({"type": "date"}, "%Y-%m-%d"), input_formats=["%Y-%m-%d"])


@allowed(Action.DRAW_PAYMENT_FILE, post=Action.DRAW_PAYMENT_FILE)
def draw(request: SignedRequest) -> HttpResponse:
    """`/office/files/draw/`: payment by payment what the file will hold; a POST draws it."""
    released, paying = _released(request), payer()
    form = DrawForm(typed(request), initial={"pay_on": _today(request)})
    if request.method == "POST" and paying is None:
        form.add_error(None, texts.say(request.language, "office.file.no_payer"))
    if request.method == "POST" and not released:
        return moved(request, "office-files", said="office.file.nothing")

    def act_on() -> object:
        assert paying is not None, "the form has an error then"
        return commands.draw_payment_file(
            actor=request.actor, programme_id=released[0].programme_id, payer=paying,
            pay_on=form.cleaned_data["pay_on"], at=request.at, key=key_of(request),
        )  # fmt: skip

    refused: list[Refusal] = []
    if attempt(request, form, act_on):
        refused = refusals(request, form.outcome.rows, lambda row: released[row].number)
        if form.outcome.file_id is not None:
            drawn = next(f for f in office.office_files(actor=request.actor) if f.id == form.outcome.file_id)
            return moved(request, "office-file", drawn.number, said="office.file.drawn", n=drawn.lines)
    words: dict[str, Any] = {"claims": released, "tiyn": sum(c.to_pay_tiyn for c in released), "payer": paying}
    status = 422 if form.errors or refused else 200
    return page(request, "office/file_draw.html", status, form=form, refused=refused, **words)


def _today(request: SignedRequest) -> date:
    return local_day(request.at)


@allowed(Look.FILES)
def file(request: SignedRequest, number: str) -> HttpResponse:
    """`/office/files/{number}/`: totals, hash, payments, where it is."""
    found = _file(request, number)
    may_send = found.state == FileState.DRAWN and request.actor.holds(ALLOWED[Action.SEND_PAYMENT_FILE])
    return page(request, "office/file.html", file=found, lines=office.file_lines(found), may_send=may_send)


def _file(request: SignedRequest, number: str) -> OfficeFile:
    found = office.office_files(actor=request.actor, number=number)
    if not found:
        raise Http404
    return found[0]


class SendForm(Form):
    """The total, looked at."""

    looked = forms.BooleanField()


@allowed(Action.SEND_PAYMENT_FILE, post=Action.SEND_PAYMENT_FILE)
@step_up
def send(request: SignedRequest, number: str) -> HttpResponse:
    """`/office/files/{number}/send/`: the last look, after a proof; a POST sends it, once."""
    found = _file(request, number)
    form = SendForm(typed(request))

    def act_on() -> object:
        return commands.send_payment_file(
            actor=request.actor, programme_id=found.programme_id, file_id=found.id, at=request.at, key=key_of(request)
        )

    if attempt(request, form, act_on):
        return moved(request, "office-file", found.number, said="office.file.sent")
    words: dict[str, Any] = {"file": found, "form": form}
    return page(request, "office/file_send.html", 422 if form.errors else 200, **words)


@allowed(Look.REPLIES)
def replies(request: SignedRequest) -> HttpResponse:
    """`/office/replies/`: words of the treasury that moved nothing and wait for a person."""
    stretch = Stretch.asked(request)
    found, stretch = stretch.cut(office.office_held(actor=request.actor, after=stretch.after, most=stretch.one_more))
    may_resolve = request.actor.holds(ALLOWED[Action.RESOLVE_REPLY])
    return page(request, "office/replies.html", replies=found, stretch=stretch, may_resolve=may_resolve)


class ReplyForm(Form):
    """It speaks of this payment (and means that), or of nothing here; and on what paper that rests."""

    choice = forms.ChoiceField(choices=[(choice.value, "") for choice in ReplyChoice])
    line = forms.CharField(max_length=60, required=False)
    status = forms.ChoiceField(choices=[("", ""), *((status.value, "") for status in _MEANT)], required=False)
    basis = forms.CharField(max_length=500, widget=forms.Textarea({"rows": 2}))


@allowed(Action.RESOLVE_REPLY, post=Action.RESOLVE_REPLY)
@step_up
def resolve(request: SignedRequest) -> HttpResponse:
    """`/office/replies/resolve/?r=REFERENCE`: end a held word, by the bank's own reference."""
    held = office.office_held(actor=request.actor, reference=request.GET.get("r", "")) if request.GET.get("r") else []
    if not held and request.method == "GET":
        raise Http404
    form = ReplyForm(typed(request), initial={"line": held[0].end_to_end_id if held else ""})

    def act_on() -> object:
        said = form.cleaned_data
        is_applied = said["choice"] == ReplyChoice.APPLY
        resolution = Resolution(
            ReplyChoice(said["choice"]),
            said["basis"],
            said["line"].strip() if is_applied else "",
            ReplyStatus(said["status"]) if is_applied and said["status"] else None,
        )
        commands.resolve_reply(
            actor=request.actor, reference=request.GET.get("r", ""), resolution=resolution, at=request.at,
            key=key_of(request),
        )  # fmt: skip
        return True

    if attempt(request, form, act_on, {"reply_fits_no_line": "line"}):
        return moved(request, "office-replies", said="office.reply.done")
    if not held:
        raise Http404
    meant = [(status.value, f"office.reply.status.{status.value}") for status in _MEANT]
    return page(request, "office/reply.html", 422 if form.errors else 200, reply=held[0], form=form, meant=meant)
