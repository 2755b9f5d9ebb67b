"""Choice rounds in public: step by step, counts of ten and more only, files by name, nothing of any child."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from qosymsha.domain.choice import commands, queries
from qosymsha.domain.choice.models import ChoiceCutoff, ChoiceRound
from qosymsha.domain.choice.queries.public import merged_ranks
from qosymsha.domain.providers.models import ClubGroup
from qosymsha.interfaces.files import published
from qosymsha.interfaces.public import choices
from qosymsha.interfaces.ui import texts
from tests.factories import choice
from tests.factories.choice import AFTER, INSIDE, OFFICER, town
from tests.factories.vouchers import add_group, key

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def store(settings: Any, tmp_path: Path) -> Path:
    settings.PUBLISHED = str(tmp_path / "published")
    return tmp_path / "published"


def text(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


def allocated(wishing: dict[int, int] | None = None) -> ChoiceRound:
    """A round in which group n (of capacity 3) is wished by so many children, each child wishing one group."""
    city = town()
    rounds = []
    for count in (wishing or {0: 14, 1: 4, 2: 12}).values():
        group = add_group(city, capacity=3)
        rounds += [(child, [group]) for child in choice.holders(city, count)]
    return choice.run(city, rounds)


def publish(the_round: ChoiceRound, tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    commands.publish_choice_round(actor=OFFICER, round_id=the_round.id, folder=whole, at=AFTER, key=key())
    with published.replacing(published.folder_of(the_round.uuid), published.CHOICE_VERIFIERS) as beside:
        for path in (whole / "public").iterdir():
            path.rename(beside / path.name)


@pytest.mark.parametrize("language", texts.LANGUAGES)
def test_a_round_grows_step_by_step_and_tells_nothing_early(client: Client, language: str, tmp_path: Path) -> None:
    city = town()
    group = add_group(city, capacity=3)
    children = choice.holders(city, 14)
    planned = commands.plan_choice_round(
        actor=OFFICER, programme_id=city.programme_id, plan=choice.plan(), at=INSIDE, key=key()
    )
    address = f"/{language}/choice/{planned.uuid}/"
    assert texts.say(language, "choice.empty") in text(client, f"/{language}/choice/")
    the_round = commands.open_choice_round(actor=OFFICER, round_id=planned.id, at=INSIDE, key=key())
    later = texts.say(language, "life.later")
    assert text(client, address).count(later) == 4
    choice.file(the_round, [(c, [group]) for c in children])
    choice.close(the_round)
    assert client.get(address + "root.txt").content.decode().startswith("qosymsha root 1\nround W-")
    choice.drawn(the_round)
    choice.allocate(the_round)
    shown = text(client, address)
    assert 'id="results"' not in shown, "results are told when they are published"
    publish(the_round, tmp_path)
    shown = text(client, address)
    the_round.refresh_from_db()
    for told in (the_round.root, the_round.seed, the_round.output_hash, the_round.beacon_value):
        assert bytes(told or b"").hex() in shown
    assert later not in shown
    assert 'id="results"' in shown
    assert the_round.number in text(client, f"/{language}/choice/")
    assert "/choice/" in text(client, f"/{language}/rounds/")


def test_a_group_wished_by_fewer_than_ten_is_never_told_alone(client: Client, tmp_path: Path) -> None:
    the_round = allocated()
    publish(the_round, tmp_path)
    life = queries.choice_life(the_round.uuid)
    assert life.results is not None
    rows = queries.group_results(the_round.uuid, limit=10)
    assert [row.wished for row in rows] == [14], "the next larger group hides the four: all less this one is sixteen"
    assert (life.results.small.groups, life.results.small.wished) == (2, 16)
    page = text(client, f"/en/choice/{the_round.uuid}/")
    codes = dict(ChoiceCutoff.objects.filter(round=the_round).values_list("wished", "group__code"))
    assert f"({codes[14]})" in page
    assert f"({codes[4]})" not in page
    assert f"({codes[12]})" not in page


@pytest.mark.parametrize("seed", range(6))
def test_no_shown_count_is_below_ten_and_no_total_gives_one_away(seed: int) -> None:
    luck = random.Random(seed)
    the_round = allocated({n: luck.choice((1, 3, 8, 10, 11, 15)) for n in range(luck.randint(1, 4))})
    results = queries.choice_life(the_round.uuid).results
    assert results is not None
    rows = queries.group_results(the_round.uuid, limit=10)
    assert all(row.wished >= 10 for row in rows)
    assert results.small.wished in (None, 0) or results.small.wished >= 10
    if results.small.groups and results.small.wished is None:
        assert results.taken is None
        assert results.small.taken is None


def test_ranks_are_merged_until_no_remainder_is_below_ten() -> None:
    assert merged_ranks({"1": 50, "2": 12, "3": 4, "none": 30}) == {"1": 50, "none": 30, "other": 16}
    assert merged_ranks({"1": 50, "2": 6, "3": 4}) == {"1": 50, "other": 10}
    assert merged_ranks({"1": 3}) == {}
    assert merged_ranks({"1": 11, "none": 10}) == {"1": 11, "none": 10}
    luck = random.Random(1)
    for _ in range(200):
        counts = {str(n): luck.randint(1, 30) for n in range(luck.randint(1, 6))}
        assert all(count >= 10 for count in merged_ranks(counts).values())


def test_files_are_served_by_name_and_the_sealed_part_never(client: Client, tmp_path: Path) -> None:
    the_round = allocated()
    publish(the_round, tmp_path)
    address = f"/en/choice/{the_round.uuid}/files/"
    sums = client.get(address + "SHA256SUMS").getvalue().decode()
    assert "closed.tsv" in sums
    for name in ("instance.json", "answer.json", "cutoffs.tsv", "..%2f..%2fwhole%2frestricted%2fanswer.json"):
        assert client.get(address + name).status_code == 404
    served = b"".join(
        client.get(address + file.name).getvalue()
        for file in published.published_files(the_round.uuid)
        if not file.name.endswith(".py")
    ).decode()
    groups = Counter({str(uuid): served.count(str(uuid)) for uuid in ClubGroup.objects.values_list("uuid", flat=True)})
    assert set(groups.values()) == {2}, "a group stands in the terms and in the counts, beside no child"


def test_pages_of_groups_cost_the_same_and_a_wrong_number_is_the_first(client: Client, tmp_path: Path) -> None:
    the_round = allocated()
    publish(the_round, tmp_path)
    with CaptureQueriesContext(connection) as seen:
        choices.choice_page(the_round.uuid, "kk")
    assert len(seen) <= 12
    for typed in ("0", "-1", "x", "99999999999999999999", "２"):
        assert client.get(f"/kk/choice/{the_round.uuid}/?groups={typed}").status_code == 200


def test_a_cancelled_round_says_why_and_a_planned_or_unknown_one_is_not_found(client: Client) -> None:
    city = town()
    the_round = choice.opened(city)
    commands.cancel_choice_round(
        actor=OFFICER, round_id=the_round.id, reason="the council lost its secret", at=INSIDE, key=key()
    )
    assert "the council lost its secret" in text(client, f"/en/choice/{the_round.uuid}/")
    planned = commands.plan_choice_round(
        actor=OFFICER, programme_id=city.programme_id, plan=choice.plan(), at=INSIDE, key=key()
    )
    assert client.get(f"/en/choice/{planned.uuid}/").status_code == 404
    assert client.get(f"/en/choice/{uuid4()}/").status_code == 404
    assert client.get(f"/en/choice/{uuid4()}/root.txt").status_code == 404
    assert client.get(f"/en/choice/{the_round.uuid}/root.txt").status_code == 404
