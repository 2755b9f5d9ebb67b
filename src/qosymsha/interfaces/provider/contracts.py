"""Contracts with families: which lack a signature, signed in bulk, read and printed."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import Http404, HttpResponse

from qosymsha.domain.agreements import commands, queries
from qosymsha.domain.agreements import texts as wording
from qosymsha.domain.agreements.access import Action
from qosymsha.domain.agreements.queries import ContractPaper, ContractShown
from qosymsha.domain.agreements.states import Side
from qosymsha.domain.programmes import queries as programmes
from qosymsha.domain.providers import queries as providers
from qosymsha.interfaces.provider.access import Look
from qosymsha.interfaces.provider.house import managed
from qosymsha.interfaces.ui import texts
from qosymsha.interfaces.ui.papers.contract import contract_pdf
from qosymsha.interfaces.ui.signed import SignedRequest, allowed, allowed_post, key_of, moved, page, step_up
from qosymsha.interfaces.ui.stretches import STRETCH, Stretch
from qosymsha.kernel.clock import local_day


@allowed(Look.FAMILIES)
def families(request: SignedRequest) -> HttpResponse:
    """`/provider/families/?signed=1`: contracts that lack a signature, or those that both have signed."""
    provider_id, is_signed = managed(request), request.GET.get("signed") == "1"
    given: dict[str, Any] = {"actor": request.actor, "provider_id": provider_id, "at": request.at}
    stretch = Stretch.asked(request)
    found, stretch = stretch.cut(
        queries.contracts_of_provider(**given, unsigned=not is_signed, after=stretch.after, limit=stretch.one_more)
    )
    return page(
        request,
        "provider/families.html",
        contracts=[(one, one.wants(Side.PROVIDER), one.wants(Side.FAMILY)) for one in found],
        stretch=stretch,
        count=queries.contract_count(**given),
        is_signed=is_signed,
        today=local_day(request.at),
        may_sign=any(one.wants(Side.PROVIDER) for one in found),
    )


@allowed_post(Action.DRAW_CONTRACTS)
def draw(request: SignedRequest) -> HttpResponse:
    """`/provider/families/draw/`: draw the contracts that are missing now; the night draws them too."""
    provider_id = managed(request)
    made = 0
    for programme in programmes.programmes(_territory(provider_id)):
        made += commands.draw_contracts(
            actor=request.actor, programme_id=programme.id, provider_id=provider_id, at=request.at,
            key=key_of(request, programme.id),
        )  # fmt: skip
    return moved(request, "provider-families", said="agr.drawn", n=made)


def _territory(provider_id: int) -> int:
    return providers.provider_facts([provider_id])[provider_id].territory_id


@allowed(Look.FAMILIES, post=Action.SIGN_AS_PROVIDER)
@step_up
def sign(request: SignedRequest) -> HttpResponse:
    """`/provider/families/sign/?c=…&c=…`: what will be signed; a POST signs it, both after a proof."""
    provider_id = managed(request)
    chosen = _chosen(request, provider_id)
    if not chosen:
        return moved(request, "provider-families", said="agr.nothing_chosen")
    refused: list[tuple[str, str]] = []
    if request.method == "POST":
        assert request.proof is not None, "stepped up"
        outcomes = commands.sign_as_provider(
            actor=request.actor, provider_id=provider_id, contract_ids=[one.id for one in chosen], proof=request.proof,
            at=request.at, key=key_of(request),
        )  # fmt: skip
        refused = [
            (outcome.detail, texts.refusal(request.language, outcome.reason.value))
            for outcome in outcomes
            if outcome.reason is not None
        ]
        if not refused:
            return moved(request, "provider-families", said="agr.signed_n", n=len(chosen))
    return page(request, "provider/families_sign.html", 422 if refused else 200, chosen=chosen, refused=refused)


def _chosen(request: SignedRequest, provider_id: int) -> list[ContractShown]:
    """The contracts that the address names and that the provider has not signed."""
    try:
        asked = [UUID(one) for one in request.GET.getlist("c")[:STRETCH]]
    except ValueError:
        return []
    given: dict[str, Any] = {"actor": request.actor, "provider_id": provider_id, "at": request.at, "uuids": asked}
    found = queries.contracts_of_provider(**given, unsigned=True)
    is_answer = request.method == "POST"  # a POST sent again finds what it did
    found += queries.contracts_of_provider(**given, unsigned=False) if is_answer else []
    return [one for one in found if is_answer or one.wants(Side.PROVIDER)]


@allowed(Look.FAMILIES)
def contract(request: SignedRequest, contract_uuid: UUID) -> HttpResponse:
    """`/provider/families/contracts/{uuid}/`: the whole text, who has signed."""
    paper = _own(request, contract_uuid)
    return page(request, "provider/family_contract.html", **shown(paper, request.language))


@allowed(Look.FAMILIES)
def contract_file(request: SignedRequest, contract_uuid: UUID) -> HttpResponse:
    """`/provider/families/contracts/{uuid}/contract.pdf`."""
    paper = _own(request, contract_uuid)
    name = f"contract-{paper.shown.number}.pdf"
    return HttpResponse(
        contract_pdf(paper), "application/pdf", headers={"Content-Disposition": f'inline; filename="{name}"'}
    )


def _own(request: SignedRequest, contract_uuid: UUID) -> ContractPaper:
    found = queries.house_contract(actor=request.actor, provider_id=managed(request), uuid=contract_uuid, at=request.at)
    if found is None:
        raise Http404
    return found


def shown(paper: ContractPaper, language: str) -> dict[str, Any]:
    """The contract in the page's language, or in Russian where it was not written in it."""
    written = language if language in wording.LANGUAGES else "ru"
    return {
        "contract": paper.shown,
        "paper": paper,
        "written": written,
        "heading": wording.title(paper.template, written),
        "articles": wording.articles(paper.template, written, paper.content),
        "hash": paper.hash.hex(),
    }
