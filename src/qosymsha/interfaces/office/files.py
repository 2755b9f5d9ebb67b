"""Payment files: drawn over released claims, looked at, sent once; what the treasury said that nobody understood."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from typing import Any

from django import forms
from django.http import Http404, HttpResponse

from qosymsha.domain.errands.queries import ErrandSeen
from qosymsha.domain.errands.rules import Wanted
from qosymsha.domain.programmes.queries import ProgrammeFacts
from qosymsha.domain.settlement import commands, queries
from qosymsha.domain.settlement.access import ALLOWED, Action
from qosymsha.domain.settlement.commands.decisions import Resolution
from qosymsha.domain.settlement.ports import ReplyStatus
from qosymsha.domain.settlement.queries import office, wholes
from qosymsha.domain.settlement.queries.office import OfficeFile
from qosymsha.domain.settlement.queries.wholes import Whole
from qosymsha.domain.settlement.rules.payment_file import Payer
from qosymsha.domain.settlement.states import FileState, ReplyChoice
from qosymsha.interfaces.office import money_errands
from qosymsha.interfaces.office.access import Look
from qosymsha.interfaces.office.errands import answered, asked
from qosymsha.interfaces.office.lists import Stretch
from qosymsha.interfaces.ui import texts
from qosymsha.interfaces.ui.forms import Form, attempt, typed
from qosymsha.interfaces.ui.paying import payer
from qosymsha.interfaces.ui.signed import SignedRequest, allowed, key_of, moved, page, step_up
from qosymsha.kernel.clock import local_day

_MEANT = [ReplyStatus.ACCEPTED, ReplyStatus.REJECTED, ReplyStatus.RETURNED]


@allowed(Look.FILES)
def files(request: SignedRequest) -> HttpResponse:
    """`/office/files/`: what a new file would hold, and the files there are."""
    stretch, (ready, programme) = Stretch.asked(request), _released(request)
    found, stretch = stretch.cut(office.office_files(actor=request.actor, after=stretch.after, most=stretch.one_more))
    return page(
        request,
        "office/files.html",
        files=found,
        stretch=stretch,
        released=len(ready.ids),
        tiyn=ready.tiyn,
        under_way=programme and money_errands.under_way(programme),
        may_draw=request.actor.holds(ALLOWED[Action.DRAW_PAYMENT_FILE]),
    )


def _released(request: SignedRequest) -> tuple[Whole, ProgrammeFacts | None]:
    """Claims ready for a file, of the first programme that has any: a file is one programme's."""
    ready = next(iter(wholes.released_claims(actor=request.actor)), Whole(0, [], [], 0))
    mine = office.settled_programmes(request.actor)
    return ready, next((one for one in mine if one.id == ready.programme_id), None)


class DrawForm(Form):
    """The day on which the treasury is to pay."""

    pay_on = forms.DateField(widget=forms.DateInput({"type": "date"}, "%Y-%m-%d"), input_formats=["%Y-%m-%d"])


@allowed(Action.DRAW_PAYMENT_FILE, post=Action.DRAW_PAYMENT_FILE)
def draw(request: SignedRequest) -> HttpResponse:
    """`/office/files/draw/?after=`: payment by payment what the file will hold; a POST has a worker draw it."""
    (ready, programme), paying = _released(request), payer()
    form, stretch = DrawForm(typed(request), initial={"pay_on": _today(request)}), Stretch.asked(request)
    if request.method == "POST" and paying is None:
        form.add_error(None, texts.say(request.language, "office.file.no_payer"))
    answer = None
    if request.method == "POST" and programme is None:
        answer = _drawn_before(request)
    elif request.method == "POST" and programme is not None and paying is not None:
        answer = _ask_file(request, form, programme, paying, ready)
    numbers = ready.numbers[stretch.after : stretch.after + stretch.most]
    return answer or page(
        request,
        "office/file_draw.html",
        422 if form.errors else 200,
        form=form,
        payer=paying,
        claims=office.office_claims(actor=request.actor, numbers=numbers) if numbers else [],
        n=len(ready.ids),
        tiyn=ready.tiyn,
        stretch=stretch.counted(len(numbers), len(ready.ids)),
        under_way=programme and money_errands.under_way(programme),
    )


def _drawn_before(request: SignedRequest) -> HttpResponse | None:
    """Nothing is ready any more: because this very form drew it, or else that is said."""
    seen = money_errands.sent_before(request)
    if seen is None:
        return moved(request, "office-files", said="office.file.nothing")
    return answered(request, seen, lambda seen: _drawn(request, seen))


def _drawn(request: SignedRequest, seen: ErrandSeen) -> HttpResponse:
    file = _file(request, queries.file_number_of(seen.tally["file"]))
    return moved(request, "office-file", file.number, said="office.file.drawn", n=file.lines)


def _ask_file(
    request: SignedRequest, form: DrawForm, programme: ProgrammeFacts, paying: Payer, ready: Whole
) -> HttpResponse | None:
    def wish() -> Wanted:
        day = form.cleaned_data["pay_on"]
        said = {"payer": asdict(paying), "pay_on": day.isoformat()}
        return money_errands.wanted(request, Action.DRAW_PAYMENT_FILE, programme, f"{day:%d.%m.%Y}", said, said)

    is_long = len(ready.ids) > money_errands.LONG
    return asked(request, form, wish, {"pay_day_past": "pay_on"}, lambda seen: _drawn(request, seen), is_long=is_long)


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
