"""Controls in public: what was promised before the draw; after the end counts, and all that draws the sample again."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from qosymsha.domain.controls import queries
from qosymsha.interfaces.ui import texts
from qosymsha.interfaces.ui.doors import context, public_page


@public_page
def controls(request: HttpRequest) -> HttpResponse:
    """`/{language}/controls/`: every campaign whose list is frozen, the latest first."""
    ready = context(request)
    language = str(ready["language"])
    shown = [
        (one, texts.say(language, f"control.state.{one.state}"), texts.say(language, f"control.unit.{one.unit}"))
        for one in queries.public_campaigns()
    ]
    return render(request, "public/controls.html", ready | {"campaigns": shown})


@public_page
def control(request: HttpRequest, campaign_uuid: UUID) -> HttpResponse:
    """`/{language}/controls/{uuid}/`: the promise; after the end what was found, in counts, and how to draw again."""
    found = queries.public_campaign(campaign_uuid)
    if found is None:
        raise Http404
    ready = context(request)
    language = str(ready["language"])
    words = {
        "campaign": found.head,
        "state": texts.say(language, f"control.state.{found.head.state}"),
        "unit": texts.say(language, f"control.unit.{found.head.unit}"),
        "parts": texts.say(language, f"control.strata.{found.head.strata}"),
        "root": bytes(found.head.root or b"").hex(),
        "commitment": bytes(found.head.commitment).hex(),
        "findings": _said(language, "control.finding", found.findings),
        "sanctions": _said(language, "control.sanction", found.sanctions),
    }
    return render(request, "public/control.html", ready | words)


def _said(language: str, family: str, counted: Sequence[tuple[str, int]]) -> list[tuple[str, int]]:
    return [(texts.say(language, f"{family}.{word}"), n) for word, n in counted]


@public_page
def document(request: HttpRequest, campaign_uuid: UUID) -> HttpResponse:
    """`/{language}/controls/{uuid}/campaign.json`: what verify/sample.py reads; only once the campaign has ended."""
    found = queries.document(campaign_uuid)
    if found is None:
        raise Http404
    named = {"Content-Disposition": f'attachment; filename="control-{found["number"]}.json"'}
    return JsonResponse(found, json_dumps_params={"ensure_ascii": False}, headers=named)
