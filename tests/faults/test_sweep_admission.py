"""BAT-4: a round of admission, each verb killed at every step of it; and the controls that must go red."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from uuid import UUID

import pytest

from qosymsha.domain.admission import commands
from qosymsha.domain.admission.commands import ApplicationRow
from qosymsha.domain.admission.models import Application, Round
from qosymsha.domain.vouchers.models import Voucher
from tests import sweep
from tests.factories import admission

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.fault]
PLACES = 2
FAMILIES = 40 if sweep.BY_NIGHT else 4


def filing(city: admission.City, the_round: Round, families: list[tuple[int, int]], key: int) -> sweep.Verb:
    rows = [ApplicationRow(guardian, child, "sport") for guardian, child in families]
    return partial(
        commands.submit_applications,
        actor=city.channel, round_id=the_round.id, rows=rows, at=admission.INSIDE, key=UUID(int=key),
    )  # fmt: skip


def opened(places: int = PLACES) -> tuple[admission.City, Round]:
    city = admission.City(money={"sport": admission.money_for(places)})
    return city, city.opened()


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_a_round_killed_at_every_step_ends_as_if_never_killed(tmp_path: Path) -> None:
    city, the_round = opened()
    own = {"actor": city.officer, "round_id": the_round.id}
    folder, undisturbed = tmp_path / "killed", tmp_path / "undisturbed"
    verbs: dict[str, sweep.Verb] = {
        "file": filing(city, the_round, city.families(FAMILIES), 1),
        "close": partial(commands.close_round, **own, at=admission.CLOSES, key=UUID(int=2)),
        "draw": partial(
            commands.draw_round,
            **own, beacon_value=b"beacon", secrets=admission.PARTIES, at=admission.AFTER, key=UUID(int=3),
        ),
        "allocate": partial(commands.allocate_round, **own, at=admission.AFTER, key=UUID(int=4)),
        "publish": partial(commands.publish_round, **own, folder=folder, at=admission.AFTER, key=UUID(int=5)),
    }  # fmt: skip
    steps = {name: sweep.sweep(verb).steps for name, verb in verbs.items()}
    assert all(killed >= 3 for killed in steps.values()), steps
    assert steps["publish"] >= 8, "killed between its files too"
    commands.publish_round(**own, folder=undisturbed, at=admission.AFTER, key=UUID(int=6))
    assert files_of(folder) == files_of(undisturbed) != {}
    assert Voucher.objects.count() == PLACES
    assert Application.objects.filter(state="waiting").count() == FAMILIES - PLACES


def test_giving_freed_money_on_and_cancelling_killed_at_every_step() -> None:
    city, the_round = opened(places=1)
    city.file(the_round, city.families(3))
    city.run(the_round)
    city.give("sport", admission.money_for(1))
    refill = partial(
        commands.refill, actor=city.officer, round_id=the_round.id, at=admission.AFTER, key=UUID(int=1)
    )  # fmt: skip
    assert sweep.sweep(refill).steps >= 5
    assert Voucher.objects.count() == 2
    other = city.opened(
        city.plan(opens_at=admission.AFTER, closes_at=admission.AFTER + (admission.CLOSES - admission.OPENS)),
        at=admission.AFTER,
    )
    cancel = partial(
        commands.cancel_round,
        actor=city.officer, round_id=other.id, reason="a secret is lost", at=admission.AFTER, key=UUID(int=2),
    )  # fmt: skip
    assert sweep.sweep(cancel).steps >= 4


def test_a_familys_own_filing_killed_at_every_statement_and_told_in_the_end() -> None:
    city, the_round = opened()
    ((guardian, child),) = city.families(1)
    verb = partial(
        commands.submit_application,
        actor=city.channel, round_id=the_round.id, row=ApplicationRow(guardian, child, "sport"),
        at=admission.INSIDE, key=UUID(int=1),
    )  # fmt: skip
    assert sweep.sweep_hot(verb).steps >= 2
    assert Application.objects.count() == 1


def test_control_without_the_key_a_family_is_refused_what_it_was_given() -> None:
    city, the_round = opened()
    families = city.families(1)
    first = sweep.Killer(lose_the_reply_to_commit=1)
    sweep.tried(filing(city, the_round, families, 1), first)
    assert first.at == "reply"
    assert Application.objects.count() == 1
    (again,) = filing(city, the_round, families, 1)()  # type: ignore[misc]
    assert again.reason is None, "with its key the family is told what is so"
    (other,) = filing(city, the_round, families, 2)()  # type: ignore[misc]
    assert other.reason is not None, "without, it is told that it was refused"


def test_control_without_a_transaction_a_killed_close_leaves_half_a_list() -> None:
    city, the_round = opened()
    city.file(the_round, city.families(2))
    loose = commands.close_round.__wrapped__  # type: ignore[attr-defined]
    verb = partial(loose, actor=city.officer, round_id=the_round.id, at=admission.CLOSES, key=UUID(int=1))
    with sweep.without_transactions():
        assert sweep.left_behind(verb), "without the transaction something must be left, or the sweep proves nothing"
