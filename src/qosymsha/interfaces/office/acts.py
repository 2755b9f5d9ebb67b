"""Acts of services on the customer's side: looked at, signed after a proof, refused; their e-invoices decided."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from django import forms
from django.http import Http404, HttpResponse

from qosymsha.domain.settlement import commands, queries
from qosymsha.domain.settlement.access import ALLOWED, Action
from qosymsha.domain.settlement.ports import Writer
from qosymsha.domain.settlement.queries import ActPaper, OfficeAct
from qosymsha.domain.settlement.states import ActState, Side
from qosymsha.interfaces.office.access import ALLOWED as LOOKS
from qosymsha.interfaces.office.access import Look
from qosymsha.interfaces.office.lists import Stretch, choice
from qosymsha.interfaces.ui import signing, texts
from qosymsha.interfaces.ui.forms import Form, attempt, typed
from qosymsha.interfaces.ui.papers.act import act_pdf
from qosymsha.interfaces.ui.signed import SignedRequest, allowed, key_of, moved, page, step_up

STATES = tuple(state.value for state in ActState)
_OPEN = (ActState.DONE, ActState.REFUSED)


@allowed(Look.ACTS)
def acts(request: SignedRequest) -> HttpResponse:
    """`/office/acts/?state=&after=`: acts by the step that waits, newest month first."""
    state = choice(request, "state", STATES)
    stretch = Stretch.asked(request)
    found = queries.office_acts(actor=request.actor, state=state, after=stretch.after, most=stretch.most)
    return page(
        request,
        "office/acts.html",
        acts=[(one, _verbs(request, one)) for one in found],
        stretch=stretch.counted(len(found), found[0].total if found else 0),
        may_draw=request.actor.holds(LOOKS[Look.DRAWING]),
        state=state,
        states=[(value, f"act.state.{value}") for value in STATES],
    )


def _verbs(request: SignedRequest, one: OfficeAct) -> list[str]:
    """What this official may do with the act now."""
    may = {action: request.actor.holds(ALLOWED[action], territory_id=one.territory_id) for action in Action}
    verbs = (
        ("sign", may[Action.SIGN_AS_CUSTOMER] and one.state == ActState.SIGNING and Side.CUSTOMER not in one.sides),
        ("invoice", may[Action.DECIDE_EINVOICE] and one.state == ActState.CHECKING),
        ("refuse", may[Action.REFUSE_ACT] and one.state not in _OPEN),
    )
    return [verb for verb, is_open in verbs if is_open]


@allowed(Look.ACTS)
def act(request: SignedRequest, number: str) -> HttpResponse:
    """`/office/acts/{number}/`: the act, its signatures, its e-invoice, the steps open to this official."""
    one, paper = _one(request, number)
    return page(request, "office/act.html", verbs=_verbs(request, one), **_shown(one, paper, request.language))


@allowed(Look.ACTS)
def act_file(request: SignedRequest, number: str, form: str) -> HttpResponse:
    """`/office/acts/{number}/act.pdf` with the signatures attached, or `act.json`: the very bytes to sign."""
    one, paper = _one(request, number)
    if form == "pdf":
        return _file(act_pdf(paper), "application/pdf", f"act-{one.number}.pdf", "inline")
    return _file(paper.document, "application/json", f"act-{one.number}.json", "attachment")


class ReasonForm(Form):
    """Why."""

    reason = forms.CharField(max_length=500, widget=forms.Textarea({"rows": 3}))


class InvoiceForm(Form):
    """In order, or rejected with a reason."""

    accepted = forms.ChoiceField(choices=[("yes", ""), ("no", "")])
    reason = forms.CharField(max_length=500, required=False, widget=forms.Textarea({"rows": 3}))


@allowed(Action.SIGN_AS_CUSTOMER, post=Action.SIGN_AS_CUSTOMER)
@step_up
def sign(request: SignedRequest, number: str) -> HttpResponse:
    """`/office/acts/{number}/sign/`: the customer's signature, verified before it is stored."""
    one, paper = _one(request, number)
    if request.method == "POST" and Side.CUSTOMER in one.sides:  # a second touch is no second signature
        return moved(request, "office-act", one.number, said="act.sign.done")
    form = signing.sign_form(request)

    def act_on() -> object:
        return signing.sign_act(request, one, paper.document, Side.CUSTOMER, form, lambda: _writer(request, paper))

    return _done(request, one, paper, form, act_on, "sign")


def _writer(request: SignedRequest, paper: ActPaper) -> Writer:
    customer = paper.content["customer"]
    return signing.trial_writer(request.actor.user_id, customer["bin"], customer["name"], request.at)


@allowed(Action.REFUSE_ACT, post=Action.REFUSE_ACT)
@step_up
def refuse(request: SignedRequest, number: str) -> HttpResponse:
    """`/office/acts/{number}/refuse/`: give it back; another is drawn after what is wrong was mended."""
    one, paper = _one(request, number)
    form = ReasonForm(typed(request))

    def act_on() -> None:
        commands.refuse_act(
            actor=request.actor, programme_id=one.programme_id, act_id=one.id, reason=form.cleaned_data["reason"],
            at=request.at, key=key_of(request),
        )  # fmt: skip

    return _done(request, one, paper, form, act_on, "refuse")


@allowed(Action.DECIDE_EINVOICE, post=Action.DECIDE_EINVOICE)
@step_up
def invoice(request: SignedRequest, number: str) -> HttpResponse:
    """`/office/acts/{number}/invoice/`: the e-invoice is in order, or rejected with a reason."""
    one, paper = _one(request, number)
    form = InvoiceForm(typed(request))

    def act_on() -> None:
        given = form.cleaned_data
        if given["accepted"] == "no" and not given["reason"].strip():
            form.add_error("reason", texts.say(request.language, "form.required"))
            return
        commands.decide_einvoice(
            actor=request.actor, programme_id=one.programme_id, act_id=one.id, accept=given["accepted"] == "yes",
            reason=given["reason"], at=request.at, key=key_of(request),
        )  # fmt: skip

    return _done(request, one, paper, form, act_on, "invoice")


def _done(  # noqa: PLR0913 - the one way of these pages: what, its paper, its form, its verb
    request: SignedRequest, one: OfficeAct, paper: ActPaper, form: Form, act_on: Callable[[], object], verb: str
) -> HttpResponse:
    if attempt(request, form, act_on) and not form.errors:
        return moved(request, "office-act", one.number, said=f"office.act.{verb}.done")
    words = _shown(one, paper, request.language)
    return page(request, "office/act_step.html", 422 if form.errors else 200, form=form, verb=verb, **words)


def _one(request: SignedRequest, number: str) -> tuple[OfficeAct, ActPaper]:
    found = queries.office_acts(actor=request.actor, number=number)
    if not found:
        raise Http404
    return found[0], queries.act_paper(actor=request.actor, act_id=found[0].id, at=request.at)


def _shown(one: OfficeAct, paper: ActPaper, language: str) -> dict[str, Any]:
    return {
        "act": one,
        "paper": paper,
        "hash": paper.hash.hex(),
        "words": paper.content["words"].get(language) or paper.content["words"].get("ru", []),
        "drawn_on": date.fromisoformat(paper.content["drawn_on"]),
        "provider": paper.content["provider"]["name"],
        "is_trial": signing.is_trial(),
    }


def _file(content: bytes, kind: str, name: str, disposition: str) -> HttpResponse:
    return HttpResponse(content, kind, headers={"Content-Disposition": f'{disposition}; filename="{name}"'})
