"""Killed at every statement and run again, the month ends in the same state, byte for byte (RELIABILITY.md, BAT-4)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from django.db import transaction

from qosymsha.domain.settlement import commands
from qosymsha.domain.settlement.commands import claims as claims_module
from qosymsha.domain.settlement.commands.closes import December, DecemberDecision
from qosymsha.domain.settlement.models import Claim, PaymentFile, PaymentLine
from tests import sweep
from tests.factories.payments import say
from tests.factories.settlement import (
    APPROVER,
    AT,
    JANUARY,
    OFFICER,
    PAYER,
    PAYER_OFFICIAL,
    SYSTEM,
    City,
    city,
    enrol,
    promise,
    row,
    sheet,
)

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.fault]
CUT_OFF = datetime(2026, 12, 20, 5, tzinfo=UTC)
CHILDREN = 20 if sweep.BY_NIGHT else 2
Later = Callable[[], sweep.Verb]


def small_city() -> City:
    """Children with a confirmed month, the last of them half absent; money on a December's place."""
    with transaction.atomic():
        home = city()
        children = enrol(home, CHILDREN)
        promise(home, children)
        on = sheet(home)
        for child in children[:-1]:
            row(on, child)
        row(on, children[-1], (4, 0, 0, 4))
        promise(home, children, JANUARY.replace(month=12))
    return home


def month_of_verbs(home: City) -> dict[str, Later]:
    """The month's verbs in their order, each with one key for all its tries; made when what they speak of is there."""
    programme = {"programme_id": home.programme.id, "at": AT}

    def on_claims(verb: Any, actor: Any, key: int) -> sweep.Verb:
        ids = list(Claim.objects.filter(programme_id=home.programme.id).order_by("id").values_list("id", flat=True))
        return partial(verb, actor=actor, claim_ids=ids, key=UUID(int=key), **programme)

    def on_file(verb: Any, actor: Any, key: int, **more: Any) -> sweep.Verb:
        return partial(verb, actor=actor, file_id=PaymentFile.objects.get().id, key=UUID(int=key), **programme, **more)

    return {
        "draw": lambda: draw(home, 1),
        "approve": lambda: on_claims(commands.approve_claims, APPROVER, 2),
        "release": lambda: on_claims(commands.release_claims, PAYER_OFFICIAL, 3),
        "file": lambda: partial(
            commands.draw_payment_file,
            actor=PAYER_OFFICIAL, payer=PAYER, pay_on=AT.date(), key=UUID(int=4), **programme,
        ),
        "send": lambda: on_file(commands.send_payment_file, PAYER_OFFICIAL, 5),
        "receipt": lambda: on_file(commands.keep_receipt, SYSTEM, 6, receipt="R-1"),
        "reply": lambda: partial(
            commands.apply_replies, actor=SYSTEM, replies=[say(PaymentLine.objects.get())], at=AT, key=UUID(int=7)
        ),
        "explain": lambda: partial(commands.explain_money, actor=SYSTEM, key=UUID(int=8), **programme),
        "month": lambda: partial(commands.close_month, actor=OFFICER, month=JANUARY, key=UUID(int=9), **programme),
    }  # fmt: skip


def draw(home: City, key: int, verb: Any = commands.draw_claims) -> sweep.Verb:
    """Claims of January."""
    return partial(
        verb,
        actor=SYSTEM, programme_id=home.programme.id, provider_ids=[home.provider.id], month=JANUARY, at=AT,
        key=UUID(int=key),
    )  # fmt: skip


def test_killed_at_every_step_and_run_again_each_verb_ends_where_the_undisturbed_run_ends() -> None:
    home = small_city()
    commits = {"explain": 2}  # it reads in one transaction and stores in another
    steps = {
        name: sweep.sweep(verb(), commits=commits.get(name, 1)).steps for name, verb in month_of_verbs(home).items()
    }
    assert all(killed >= 6 for killed in steps.values()), steps
    claim = Claim.objects.get()
    assert (claim.state, claim.amount_tiyn) == ("paid", (8 * CHILDREN - 4) * 200_000)


def test_a_years_close_killed_at_every_step() -> None:
    home = small_city()
    draw(home, 1)()
    year = partial(
        commands.close_year,
        actor=OFFICER, programme_id=home.programme.id, year=2026,
        december=DecemberDecision(December.PAY, "№ 1"), at=CUT_OFF, key=UUID(int=2),
    )  # fmt: skip
    assert sweep.sweep(year).steps >= 8


def test_control_without_one_transaction_a_killed_draw_leaves_claims_without_money() -> None:
    loose = claims_module.draw_claims.__wrapped__  # type: ignore[attr-defined] # each of its statements a transaction of its own
    verb = draw(small_city(), 9, loose)
    with sweep.without_transactions():
        assert sweep.left_behind(verb), "without the transaction something must be left, or the sweep proves nothing"


def test_control_under_another_key_the_answer_to_a_repeated_draw_is_another_one() -> None:
    home = small_city()
    first = draw(home, 1)()
    assert draw(home, 1)() == first
    assert draw(home, 2)() != first, "it is the key that gives the same answer"
