"""Contracts with clubs: read, signed after a proof, printed; a club's refusal; going on next year."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.http import Http404, HttpResponse

from qosymsha.domain.agreements import commands, queries
from qosymsha.domain.agreements import texts as wording
from qosymsha.domain.agreements.access import Action
from qosymsha.domain.agreements.queries import ContractPaper
from qosymsha.domain.agreements.states import Side
from qosymsha.domain.people.queries.shared import shared_wards
from qosymsha.interfaces.family.access import Look
from qosymsha.interfaces.ui.forms import Form, attempt, typed
from qosymsha.interfaces.ui.papers.contract import contract_pdf
from qosymsha.interfaces.ui.signed import SignedRequest, allowed, allowed_post, key_of, moved, page, step_up
from qosymsha.kernel.clock import local_day


class SignForm(Form):
    """The very text that was shown, told by its hash; and that it was read."""

    hash = forms.RegexField(r"\A[0-9a-f]{64}\Z", widget=forms.HiddenInput)
    has_read = forms.BooleanField()


class AnswerForm(Form):
    """A family's word on a refusal; words only where it objects."""

    agrees = forms.ChoiceField(choices=[("yes", ""), ("no", "")])
    words = forms.CharField(max_length=1000, required=False, widget=forms.Textarea({"rows": 3}))


@allowed(Look.CONTRACTS)
def contracts(request: SignedRequest) -> HttpResponse:
    """`/family/contracts/`: what waits for a signature, refusals, whether the child goes on, what was paid."""
    given: dict[str, Any] = {"actor": request.actor, "at": request.at}
    found = queries.own_contracts(**given)
    renewals = {one.place: one for one in queries.own_renewals(**given)}
    return page(
        request,
        "family/contracts.html",
        contracts=[(o, o.wants(Side.FAMILY), o.wants(Side.PROVIDER), renewals.pop(o.place, None)) for o in found],
        refusals=queries.own_refusals(**given),
        renewals=renewals.values(),  # of places without a paper of ours
        receipts=queries.own_receipts(**given),
        today=local_day(request.at),
    )


@allowed(Look.CONTRACTS)
def contract(request: SignedRequest, contract_uuid: UUID) -> HttpResponse:
    """`/family/contracts/{uuid}/`: the whole text, who has signed, the way to sign."""
    paper = _own(request, contract_uuid)
    return page(request, "family/contract.html", **_shown(paper, request.language))


@allowed(Look.CONTRACTS, post=Action.SIGN_AS_FAMILY)
@step_up
def sign(request: SignedRequest, contract_uuid: UUID) -> HttpResponse:
    """`/family/contracts/{uuid}/sign/`: the text once more, and the signature, after a proof."""
    paper = _own(request, contract_uuid)
    form = SignForm(typed(request), initial={"hash": paper.hash.hex()})

    def act() -> None:
        assert request.proof is not None, "stepped up"
        commands.sign_as_family(
            actor=request.actor, contract_id=paper.shown.id, content_hash=bytes.fromhex(form.cleaned_data["hash"]),
            proof=request.proof, at=request.at, key=key_of(request),
        )  # fmt: skip

    if attempt(request, form, act):
        return moved(request, "family-contract", contract_uuid, said="agr.signed_done")
    words = _shown(paper, request.language)
    return page(request, "family/contract_sign.html", 422 if form.errors else 200, form=form, **words)


@allowed(Look.CONTRACTS)
def contract_file(request: SignedRequest, contract_uuid: UUID) -> HttpResponse:
    """`/family/contracts/{uuid}/contract.pdf`: to keep."""
    paper = _own(request, contract_uuid)
    name = f"contract-{paper.shown.number}.pdf"
    return HttpResponse(
        contract_pdf(paper), "application/pdf", headers={"Content-Disposition": f'inline; filename="{name}"'}
    )


def _own(request: SignedRequest, contract_uuid: UUID) -> ContractPaper:
    found = queries.own_contract(actor=request.actor, uuid=contract_uuid, at=request.at)
    if found is None:
        raise Http404
    return found


def _shown(paper: ContractPaper, language: str) -> dict[str, Any]:
    written = language if language in wording.LANGUAGES else "ru"
    return {
        "contract": paper.shown,
        "paper": paper,
        "written": written,
        "heading": wording.title(paper.template, written),
        "articles": wording.articles(paper.template, written, paper.content),
        "hash": paper.hash.hex(),
        "wants": paper.shown.wants(Side.FAMILY),
    }


@allowed(Look.CONTRACTS, post=Action.ANSWER_REFUSAL)
def refusal(request: SignedRequest, refusal_uuid: UUID) -> HttpResponse:
    """`/family/refusals/{uuid}/`: the ground in plain words, what happens now, yes or no."""
    found = queries.own_refusals(actor=request.actor, at=request.at)
    one = next((r for r in found if r.uuid == refusal_uuid), None)
    if one is None:
        raise Http404
    form = AnswerForm(typed(request))

    def act() -> None:
        commands.answer_refusal(
            actor=request.actor, refusal_id=one.id, agrees=form.cleaned_data["agrees"] == "yes",
            words=form.cleaned_data["words"], at=request.at, key=key_of(request),
        )  # fmt: skip

    if attempt(request, form, act):
        return moved(request, "family-refusal", refusal_uuid, said="agr.refusal_answered")
    pair = (request.actor.guardian_id or 0, one.child_id)
    stays = one.family_word == "objects" and pair in shared_wards([pair], local_day(request.at))
    return page(request, "family/refusal.html", 422 if form.errors else 200, form=form, refusal=one, stays=stays)


@allowed_post(Action.ANSWER_RENEWAL)
def renewal(request: SignedRequest, place_uuid: UUID) -> HttpResponse:
    """`/family/renewals/{place}/`: the child goes on next year, or does not."""
    found = queries.own_renewals(actor=request.actor, at=request.at)
    one = next((r for r in found if r.place == place_uuid), None)
    if one is None:
        raise Http404
    continues = request.POST.get("continues") == "yes"
    commands.answer_renewal(
        actor=request.actor, enrolment_id=one.enrolment_id, continues=continues, at=request.at, key=key_of(request)
    )
    return moved(request, "family-contracts", said="agr.renewal_yes" if continues else "agr.renewal_no")
