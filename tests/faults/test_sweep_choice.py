"""BAT-4: a round of choice, each verb killed at every step; left-over places offered, answered, given by rerun."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from uuid import UUID

import pytest

from qosymsha.domain.choice import commands
from qosymsha.domain.choice.models import ChoiceOffer
from qosymsha.domain.choice.rules import ListRow, OfferAnswer
from qosymsha.domain.vouchers.models import Enrolment
from tests import sweep
from tests.factories import choice
from tests.factories.vouchers import CHANNEL, add_group

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.fault]
CHILDREN = 30 if sweep.BY_NIGHT else 3


def test_a_choice_round_killed_at_every_step_ends_as_if_never_killed(tmp_path: Path) -> None:
    city = choice.town()
    groups = [add_group(city, capacity=1), add_group(city, capacity=1)]
    children = choice.holders(city, CHILDREN)
    the_round = choice.opened(city)
    own = {"actor": choice.OFFICER, "round_id": the_round.id}
    rows = [ListRow(child.voucher, child.guardian, tuple(groups)) for child in children]
    folder, undisturbed = tmp_path / "killed", tmp_path / "undisturbed"
    verbs: dict[str, sweep.Verb] = {
        "file": partial(
            commands.file_lists,
            actor=CHANNEL, round_id=the_round.id, rows=rows, at=choice.INSIDE, key=UUID(int=1),
        ),
        "close": partial(commands.close_choice_round, **own, at=choice.CLOSES, key=UUID(int=2)),
        "draw": partial(
            commands.draw_choice_round,
            **own, beacon_value=b"beacon", secrets=choice.PARTIES, at=choice.AFTER, key=UUID(int=3),
        ),
        "allocate": partial(commands.allocate_places, **own, at=choice.AFTER, key=UUID(int=4)),
        "publish": partial(commands.publish_choice_round, **own, folder=folder, at=choice.AFTER, key=UUID(int=5)),
    }  # fmt: skip
    steps = {name: sweep.sweep(verb).steps for name, verb in verbs.items()}
    assert all(killed >= 5 for killed in steps.values()), steps
    commands.publish_choice_round(**own, folder=undisturbed, at=choice.AFTER, key=UUID(int=6))
    written = [path.relative_to(folder) for path in sorted(folder.rglob("*")) if path.is_file()]
    assert written
    assert all((folder / path).read_bytes() == (undisturbed / path).read_bytes() for path in written)
    assert Enrolment.objects.filter(state="active").count() == 2
    assert choice.seats_fit()


def test_control_without_a_transaction_a_killed_close_leaves_half_a_list() -> None:
    city = choice.town()
    group = add_group(city)
    the_round = choice.opened(city)
    choice.file(the_round, [(child, [group]) for child in choice.holders(city, 2)])
    loose = commands.close_choice_round.__wrapped__  # type: ignore[attr-defined]
    verb = partial(loose, actor=choice.OFFICER, round_id=the_round.id, at=choice.CLOSES, key=UUID(int=1))
    with sweep.without_transactions():
        assert sweep.left_behind(verb), "without the transaction something must be left, or the sweep proves nothing"


def test_a_freed_place_offered_and_answered_killed_at_every_step() -> None:
    city = choice.town()
    group = add_group(city, capacity=1)
    the_round, (first, second, *_) = choice.queue(city, group, 3)
    choice.closed_for_good(first)
    offer = partial(
        commands.offer_freed_places,
        actor=choice.OFFICER, round_id=the_round.id, at=choice.LATER, key=UUID(int=1),
    )  # fmt: skip
    assert sweep.sweep(offer).steps >= 8
    one = ChoiceOffer.objects.get()
    assert one.choice_list_id == choice.list_of(second).id
    answers = [OfferAnswer(one.id, second.guardian, True, choice.LATER.date().replace(day=choice.LATER.day + 1))]
    answer = partial(
        commands.answer_offers, actor=CHANNEL, answers=answers, at=choice.LATER, key=UUID(int=2)
    )  # fmt: skip
    assert sweep.sweep(answer).steps >= 8
    assert choice.place_of(second) == group
    assert choice.seats_fit()
