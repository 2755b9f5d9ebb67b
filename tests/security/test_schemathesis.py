"""The document keeps its word: schemathesis on every operation as each role, 0 × 5xx. RELIABILITY.md, BAT-7.

Where schemathesis is installed (`requirements/night.lock`). By night (`SCHEMATHESIS=300`) every operation, that many
cases each; else a few operations, twenty each. docs/decisions/0061-openapi-schemathesis.md.
"""

from __future__ import annotations

import os
import zlib
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client, override_settings
from django.urls import path

from qosymsha.config.urls import handler404, handler500
from qosymsha.config.urls import urlpatterns as real
from qosymsha.interfaces.office.access import Look
from qosymsha.interfaces.ui import texts
from qosymsha.interfaces.ui.signed import SignedRequest, allowed
from tests.architecture.test_openapi import openapi
from tests.architecture.test_signed_urls import filled, signed
from tests.architecture.test_wall import here
from tests.factories import wall
from tests.security.fuzz import Fuzzer, Known

pytest.importorskip("schemathesis", reason="requirements/night.lock is not installed")
from tests.security import described  # noqa: E402 - needs schemathesis

pytestmark = pytest.mark.django_db
__all__ = ["handler404", "handler500", "here", "urlpatterns"]
IS_WHOLE = "SCHEMATHESIS" in os.environ
CASES = int(os.environ.get("SCHEMATHESIS", "20"))
SEED = int(os.environ.get("FUZZ_SEED", "1"))
PART, PARTS = (int(number) for number in os.environ.get("SCHEMATHESIS_PART", "0/1").split("/"))


@allowed(Look.HOME)
def planted(request: SignedRequest) -> HttpResponse:
    """A page that takes what comes for a number."""
    return HttpResponse(str(int(request.GET.get("page", "1"))))


@allowed(Look.HOME)
def silently(request: SignedRequest) -> HttpResponse:
    """A page that answers as the document does not say."""
    answer = HttpResponse("x", status=418 if request.GET.get("page") else 200)
    answer.headers["Content-Type"] = "image/png"
    return answer


PLANTS = [
    path(f"{code}/office/{view.__name__}/", view) for code in texts.LANGUAGES for view in (planted, silently)
]  # fmt: skip
urlpatterns = [*PLANTS, *real]


def chosen() -> list[Any]:
    """The operations of this run: by night all (or a part of them), else every sixtieth."""
    turns = PARTS if IS_WHOLE else 60
    mine = PART if IS_WHOLE else SEED % turns
    every: list[Any] = list(openapi().operations())
    return [one for one in every if zlib.crc32(f"{one.path} {one.method}".encode()) % turns == mine]


def shown(here: wall.Wall, found: list[Any]) -> Known:
    """The forms of the pages of these addresses."""
    asking = Fuzzer(here, SEED)
    asking.learn({address: view for address, view in signed().items() if address in {o.address for o in found}})
    return asking.known


def test_the_document_keeps_its_word(here: wall.Wall) -> None:
    found = chosen()
    document = openapi().document(found)
    caller = described.Caller(here, openapi(), SEED)
    caller.play(described.lively(document, found, here, shown(here, found)), found, CASES)
    print(dict(caller.statuses), dict(caller.asked), len(found), sep="\n")
    assert caller.failed == [], "\n".join(map(str, caller.failed))
    assert caller.asked.total() > len(found) * CASES / 3
    assert caller.statuses[200] > caller.asked.total() / 30, "or nothing was shown"


@override_settings(ROOT_URLCONF="tests.security.test_schemathesis")
def test_planted_faults_are_found(here: wall.Wall) -> None:
    """The control run: a page that breaks, and one that answers with what the document does not say."""
    found = list(openapi().operations(PLANTS[:2]))
    document = openapi().document(found)
    caller = described.Caller(here, openapi(), SEED)
    caller.play(described.lively(document, found, here, Known()), found, 40)
    broken = [one for one in caller.failed if one.status == 500]
    assert {one.operation for one in broken} == {"GET /{language}/office/planted/"}
    assert "ServerError" in broken[0].why
    assert "ValueError" in broken[0].why
    said = " ".join(one.why for one in caller.failed if "silently" in one.operation)
    assert "UndefinedStatusCode" in said
    assert "UndefinedContentType" in said


def test_no_operation_answers_trace_or_a_method_it_does_not_name() -> None:
    every = openapi().document()["paths"]
    wrong = {}
    for where, methods in every.items() if IS_WHOLE else list(every.items())[SEED % 6 :: 6]:
        address = filled(where.replace("{language}", "en").replace("{", "<").replace("}", ">"))
        for method in {"PUT", "PATCH", "DELETE", "TRACE", *({"POST"} - {m.upper() for m in methods})}:
            status = Client().generic(method, address).status_code
            if status not in (404, 405):
                wrong[method, where] = status
    assert wrong == {}
    assert len(every) > 300
