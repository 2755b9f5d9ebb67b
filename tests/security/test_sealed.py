"""Nothing sealed is forgotten when a key changes: every sealed column and everybody who seals is named, with controls.

A table is sealed anew by `qosymsha keys rotate`; what lives in a browser, a visit or on paper ends by itself, and here
stands when. docs/runbooks/keys.md tells the operator the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest
from django.apps import apps
from django.db import models
from django.test.utils import isolate_apps

from qosymsha.interfaces.cli.sealed import TABLES
from tests.architecture.house import ROOT, Module
from tests.architecture.searches import calls, found, planted

ROTATED = {(one.place.table, one.place.key_id) for one in TABLES}
# A column that ends in `key_id` beside bytes and is no key of ours: why.
NO_SEAL: dict[tuple[str, str], str] = {}
# Who seals, and what becomes of it when the key changes: a table of `keys rotate`, or how long it lives.
SEALERS = {
    "domain.people.resealing": "every table, anew",
    "domain.people.steps": "person_secret",
    "domain.documents.steps": "document_content",
    "domain.controls.steps": "control_campaign",
    "domain.errands.commands": "errand",
    "interfaces.ui.carried": "what a page hands to the next: see CARRIED",
    "interfaces.ui.drafts": "in a visit, twenty minutes",
    "interfaces.signin.asked": "a cookie of ten minutes",
    "interfaces.office.outside": "in a form, between the check of a file and its storing",
}
CARRIED = {
    "interfaces.ui.carried": "a cookie of five minutes",
    "interfaces.family.apply": "in a form, while its page is open",
    "interfaces.family.places": "in a form, while its page is open",
    "interfaces.ui.papers.voucher": "on paper and on phones: as long as the voucher; the page makes it anew",
}


def sealed_columns(every: Iterable[type[models.Model]]) -> set[tuple[str, str]]:
    """(table, column) of each key's id that stands beside bytes."""
    return {
        (model._meta.db_table, field.column)
        for model in every
        for field in model._meta.concrete_fields
        if field.column.endswith("key_id")
        and not field.is_relation
        and any(isinstance(other, models.BinaryField) for other in model._meta.concrete_fields)
    }


def test_every_sealed_column_is_sealed_anew_or_named_with_its_reason() -> None:
    assert sealed_columns(apps.get_models()) - set(NO_SEAL) == ROTATED


def test_a_sealed_table_that_nobody_rotates_is_seen() -> None:
    """The control: a new table, and each of ours if it were forgotten."""
    with isolate_apps("qosymsha.domain.people"):

        class Planted(models.Model):
            sealed_key_id = models.TextField()
            box = models.BinaryField()

            class Meta:
                app_label = "people"
                db_table = "planted"

        assert sealed_columns([Planted]) == {("planted", "sealed_key_id")}
    for one in ROTATED:
        assert sealed_columns(apps.get_models()) - set(NO_SEAL) != ROTATED - {one}


def sealing(module: Module) -> Iterator[str]:
    """Somebody who seals and is not named."""
    names = {name for name, _ in calls(module)}
    if "cipher.seal" in names and module.name not in SEALERS:
        yield "cipher.seal"
    if ("carried.seal" in names) and module.name not in CARRIED:
        yield "carried.seal"


def test_everybody_who_seals_is_named_with_what_becomes_of_it() -> None:
    assert found(sealing) == []
    tables = {one.place.table for one in TABLES}
    assert {what for what in SEALERS.values() if " " not in what} == tables


@pytest.mark.parametrize("name", ["cipher.seal", "carried.seal"])
def test_somebody_new_who_seals_is_seen(name: str) -> None:
    assert found(sealing, planted(f"x = {name}(b'', bound_to=b'')")) == [f"interfaces.office.planted: {name}"]


def test_the_runbook_and_the_inventory_name_every_table_and_what_outlives_a_key() -> None:
    page = (ROOT / "docs" / "runbooks" / "keys.md").read_text("utf-8")
    assert [one.place.table for one in TABLES if f"`{one.place.table}`" not in page] == []
    assert "printed voucher" in page
