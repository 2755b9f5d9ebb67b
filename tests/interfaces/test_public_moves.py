"""What the checking page tells of a line's place: the order by class, and each later step with its coarse cause."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from qosymsha.domain.admission.models import Application
from qosymsha.domain.admission.states import ApplicationState
from qosymsha.domain.admission.steps import applications as steps
from qosymsha.interfaces.files import published
from tests.factories import rounds

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def store(settings: Any, tmp_path: Path) -> Path:
    settings.PUBLISHED = str(tmp_path / "published")
    return tmp_path


def test_the_order_by_class_is_that_of_the_results(client: Client) -> None:
    story = rounds.publish(rounds.allocated())
    folder = published.folder_of(story.uuid)
    table = [row.split("\t") for row in (folder / "order.tsv").read_text("utf-8").splitlines()]
    classes = {row[1]: tuple(row[2:]) for row in table if row[0] == "class"}
    lines = {r.split("\t")[1]: r.rstrip("\n").split("\t")[2:5] for r in (folder / "closed.tsv").open() if "\t" in r}
    results = [row.rstrip("\n").split("\t") for row in (folder / "results.tsv").open()]
    assert results
    for _, segment, signs, marks in (row for row in table if row[0] == "order"):
        own = [row for row in results if row[0] == segment]
        assert [classes[sign] for sign in signs] == [tuple(lines[row[1]]) for row in own]
        due = ["g" if r[4] == "open" or r[4].startswith("reserve") else "w" for r in own]
        assert list(marks) == due
    answer = client.get(f"/en/rounds/{story.uuid}/files/order.tsv")
    assert answer.getvalue() == (folder / "order.tsv").read_bytes()


def test_later_steps_are_told_by_line_with_a_coarse_cause_and_of_small_classes_never(client: Client) -> None:
    story = rounds.publish(rounds.allocated())
    address = f"/en/rounds/{story.uuid}/moves.tsv"
    before = client.get(address).content.decode()
    shown = {r.split("\t")[1] for r in (published.folder_of(story.uuid) / "closed.tsv").open() if "\t" in r}
    waiting = list(Application.objects.filter(round=story.round, state="waiting"))
    assert waiting
    assert story.round.published_at is not None
    for application in waiting:
        steps.move(
            [application.id],
            come_from=[ApplicationState.WAITING],
            to=ApplicationState.WITHDRAWN,
            cause=f"guardian:{application.guardian_id}",
            actor=story.city.officer,
            at=story.round.published_at,
        )
    told = [row.split("\t") for row in client.get(address).content.decode().splitlines()][before.count("\n") :]
    due = {bytes(a.line_id).hex() for a in waiting} & shown
    assert {row[0] for row in told} == due != set()
    assert {tuple(row[3:]) for row in told} == {("withdrawn", "by_family")}
    assert client.get(f"/en/rounds/{uuid4()}/moves.tsv").status_code == 404
