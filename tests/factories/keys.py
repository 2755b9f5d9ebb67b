"""A row of each kind that is sealed at rest, what each says when it is opened, and keys put in and taken out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import patch

import pytest
from django.conf import settings
from django.db import transaction

from qosymsha.domain.admission.access import ALLOWED, Action
from qosymsha.domain.controls import steps as controls
from qosymsha.domain.controls.models import ControlCampaign
from qosymsha.domain.documents import queries as papers
from qosymsha.domain.documents import steps as documents
from qosymsha.domain.documents.access import Action as Paper
from qosymsha.domain.errands import queries as errands
from qosymsha.domain.errands.models import Errand
from qosymsha.domain.errands.rules import About, Wanted
from qosymsha.domain.people import queries as people
from qosymsha.domain.people.models import PersonSecret
from qosymsha.domain.people.states import Role
from qosymsha.kernel import cipher, clock
from qosymsha.kernel.actor import Actor
from tests.factories import uploads
from tests.factories.controls import planned
from tests.factories.errands import asked
from tests.factories.people import family, register
from tests.factories.vouchers import add_group, enrolled, key, make_city
from tests.interfaces import browsing

Keys = Callable[..., None]
VALUES = {f"k{n}": bytes([n]) * 32 for n in range(9)}


@pytest.fixture
def keys() -> Iterator[Keys]:
    """`keys("k2", "k1")`: the settings have these keys, the first seals."""

    def given(*ids: str, **values: bytes) -> None:
        settings.SECRET_KEYS = {one: values.get(one, VALUES[one]) for one in ids}
        cipher._box.cache_clear()

    with patch.object(settings, "SECRET_KEYS", settings.SECRET_KEYS):
        given("k1")
        yield given
    cipher._box.cache_clear()


def world(people_n: int = 5) -> None:
    """People, a paper, a planned control and an errand that waits: something in every table."""
    city = make_city()
    enrolled(city, add_group(city), 1)
    register(city.territory_id, [family(n) for n in range(1, people_n + 1)])
    planned(city)
    officer = browsing.official(Role.PROGRAMME_OFFICER, territory_id=city.territory_id, name="asks")
    about = About("round", 1, key(), "R-0000000", city.territory_id)
    asked(browsing.actor(officer), Wanted(Action.ALLOCATE, ALLOWED, about, {"typed": "value"}), clock.read())
    with transaction.atomic():
        documents.keep_document(
            actor=Actor.system("test"), purpose="category", about=documents.About("draft", 1), content=uploads.pdf(),
            at=clock.read(), keep_until=clock.local_day(clock.read()),
        )  # fmt: skip


def opened() -> dict[str, Any]:
    """What every row says; whatever does not open raises."""
    told: dict[str, Any] = {}
    for kind in PersonSecret.objects.values_list("subject_kind", flat=True).distinct():
        ids = list(PersonSecret.objects.filter(subject_kind=kind).values_list("subject_id", flat=True))
        told[kind] = people.unseal(kind, ids)
    told["controls"] = {one.number: controls.secret_of(one) for one in ControlCampaign.objects.all()}
    told["errands"] = {one.pk: errands.body_of(one) for one in Errand.objects.filter(body__isnull=False)}
    reader = Actor.system("test")
    told["papers"] = {
        paper.id: papers.content_of(actor=reader, document=paper, action=Paper.READ_DOCUMENT, at=clock.read())
        for paper in papers.documents_about("draft", [1])[1]
    }
    return told
