"""The OpenAPI document names every address, method and role of the URL table, and what it says is well formed."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any

from django.http import HttpResponse
from django.urls import get_resolver, path

from qosymsha.interfaces.office.access import Look
from qosymsha.interfaces.ui.signed import SignedRequest, allowed
from tests.architecture.house import ROOT
from tests.architecture.test_signed_urls import signed
from tests.architecture.test_urls import views


@cache
def openapi() -> ModuleType:
    """The script that draws the document."""
    sys.path.append(str(ROOT / "scripts"))
    return import_module("openapi")


@cache
def document() -> dict[str, Any]:
    """The document as it is now."""
    made: dict[str, Any] = openapi().document()
    return made


def plain(address: str) -> str:
    """An address of the table as the document writes it."""
    spoken = re.sub(r"^(kk|ru|en)/", "{language}/", address)
    return "/" + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", spoken)


def test_every_address_method_and_role_is_described() -> None:
    paths = document()["paths"]
    assert {plain(address) for address, _ in views(get_resolver().url_patterns)} == set(paths)
    for address, view in signed().items():
        said = paths[plain(f"en/{address}")]
        assert {method.upper() for method in said} == set(view.deeds) - {"HEAD"}
        for method, one in said.items():
            assert one["security"][0]["visit"] == sorted(view.roles[method.upper()])
    assert sum(map(len, paths.values())) > 400


def places(one: dict[str, Any]) -> set[str]:
    return {parameter["name"] for parameter in one["parameters"] if parameter["in"] == "path"}


def refs(thing: object) -> Iterator[str]:
    if isinstance(thing, dict):
        yield from [thing["$ref"]] if "$ref" in thing else []
    inside = thing.values() if isinstance(thing, dict) else thing if isinstance(thing, list) else ()
    for one in inside:
        yield from refs(one)


def test_the_document_is_well_formed() -> None:
    made = json.loads(json.dumps(document()))
    for where, methods in made["paths"].items():
        for one in methods.values():
            assert places(one) == set(re.findall(r"\{(\w+)\}", where))
            assert one["responses"]
            assert one["summary"]
    for ref in set(refs(made)):
        thing = made
        for step in ref.removeprefix("#/").split("/"):
            thing = thing[step]
        assert thing
    ids = [one["operationId"] for methods in made["paths"].values() for one in methods.values()]
    assert len(ids) == len(set(ids))


@allowed(Look.HOME)
def searched(request: SignedRequest) -> HttpResponse:
    """Looks for words."""
    return HttpResponse(request.GET.get("planted_word", ""), content_type="text/csv")


def test_what_the_code_reads_is_told() -> None:
    """Words of the query, fields of forms with their limits, files, kinds of answers."""
    (found,) = openapi().operations([path("en/office/searched/", searched)])
    said = openapi().document([found])["paths"]["/{language}/office/searched/"]["get"]
    assert [one["name"] for one in said["parameters"]] == ["language", "planted_word"]
    assert list(said["responses"]["200"]["content"]) == ["text/csv"]
    paths = document()["paths"]
    planned = paths["/{language}/office/controls/plan/"]["post"]["requestBody"]["content"]
    fields = planned["application/x-www-form-urlencoded"]["schema"]["properties"]
    assert fields["size"] == {"type": "integer", "minimum": 1, "maximum": 500}
    assert fields["first"] == {"type": "string", "format": "date"}
    assert fields["key"]["format"] == "uuid"
    kinds = [kind for methods in paths.values() for one in methods.values() for kind in answered(one)]
    assert {"application/pdf", "application/json", "text/csv", "text/plain"} <= set(kinds)
    uploads = [one for methods in paths.values() for one in methods.values() if "multipart/form-data" in sent(one)]
    assert len(uploads) > 5


def answered(one: dict[str, Any]) -> set[str]:
    return set(one["responses"].get("200", {}).get("content", ()))


def sent(one: dict[str, Any]) -> set[str]:
    return set(one.get("requestBody", {}).get("content", ()))
