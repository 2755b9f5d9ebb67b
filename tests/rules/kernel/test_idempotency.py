"""A key is done once, whoever comes twice or at the same time."""

from __future__ import annotations

import json
import threading
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import transaction

from qosymsha.kernel import idempotency
from qosymsha.kernel.actor import Actor
from qosymsha.kernel.entropy import uuid4
from qosymsha.kernel.errors import KeyReason, Refused, RowOutcome
from qosymsha.kernel.models import IdempotencyKey
from tests.races import at_once
from tests.sql import altered

AT = datetime(2026, 3, 2, tzinfo=UTC)
ONE, OTHER = Actor(1, "user:1"), Actor(2, "user:2")


def _do(key: Any, *, actor: Actor = ONE, body: Any = "body", outcome: Any = 7, verb: str = "verb") -> Any:
    """Answers what was kept, or None where it was done now."""
    with transaction.atomic():
        seen = idempotency.repeat(actor=actor, verb=verb, key=key, body=body, at=AT)
        if seen is None:
            idempotency.keep(actor=actor, verb=verb, key=key, outcome=outcome)
        return seen


@pytest.mark.django_db
@pytest.mark.parametrize("outcome", [7, 0, False, [], {}, [{"row": 0, "id": 5}], "а"])
def test_a_replay_answers_what_was_answered_and_writes(outcome: Any) -> None:
    key = uuid4()
    assert _do(key, outcome=outcome) is None
    assert _do(key) == outcome
    assert _do(key) == outcome
    assert IdempotencyKey.objects.get().replays == 2


@pytest.mark.django_db
def test_nothing_is_no_outcome() -> None:
    with pytest.raises(AssertionError):
        _do(uuid4(), outcome=None)


@pytest.mark.django_db
def test_a_key_with_another_body_is_refused() -> None:
    key = uuid4()
    _do(key, body={"a": 1, "b": 2})
    assert _do(key, body={"b": 2, "a": 1}) == 7
    with pytest.raises(Refused) as refusal:
        _do(key, body={"a": 1})
    assert refusal.value.reason is KeyReason.KEY_REUSED


@pytest.mark.django_db
def test_a_key_belongs_to_its_user_and_verb() -> None:
    key = uuid4()
    assert _do(key) is None
    assert _do(key, actor=OTHER) is None
    assert _do(key, verb="other") is None


@pytest.mark.django_db
def test_a_refused_try_leaves_the_key_free() -> None:
    key = uuid4()
    with suppress(ZeroDivisionError), transaction.atomic():
        idempotency.repeat(actor=ONE, verb="verb", key=key, body="body", at=AT)
        raise ZeroDivisionError
    assert _do(key) is None


def twins() -> tuple[list[Any], list[str]]:
    """The same key twice at once: what both were answered, and who acted."""
    key, acted = uuid4(), []

    def act(name: str, barrier: threading.Barrier) -> Any:
        barrier.wait()
        with transaction.atomic():
            seen = idempotency.repeat(actor=ONE, verb="verb", key=key, body="body", at=AT)
            if seen is None:
                acted.append(name)
                idempotency.keep(actor=ONE, verb="verb", key=key, outcome=name)
                return name
            return seen

    return at_once(lambda b: act("one", b), lambda b: act("two", b)), acted


@pytest.mark.django_db(transaction=True)
def test_twins_at_once_act_once_and_both_get_the_answer() -> None:
    answers, acted = twins()
    assert len(acted) == 1
    assert answers == acted * 2


@pytest.mark.django_db(transaction=True)
def test_control_a_claim_that_does_not_say_what_stands_there_lets_both_act() -> None:
    told = "RETURNING k.body_hash, k.outcome, k.replays INTO"
    with altered("idempotency_claim", told, "RETURNING k.body_hash, NULL::jsonb, 0 INTO"):
        answers, acted = twins()
    assert answers == ["one", "two"]
    assert sorted(acted) == ["one", "two"]


def test_a_batchs_outcomes_are_answered_again_as_they_were() -> None:
    rows = [RowOutcome(0, id=5, detail="A-1"), RowOutcome(1, reason=KeyReason.KEY_REUSED, detail="row 0")]
    kept = json.loads(json.dumps(idempotency.outcome_rows(rows)))
    assert idempotency.outcomes_of(kept, KeyReason) == rows
