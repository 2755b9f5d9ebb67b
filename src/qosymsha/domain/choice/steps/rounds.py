"""A choice round's own rows: state and history, commitments and secrets, its number, its audit and news."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from django.db import connection, transaction

from qosymsha.domain.choice.access import Action, Topic
from qosymsha.domain.choice.models import ChoiceRound
from qosymsha.domain.choice.rules import ChoiceRefusal
from qosymsha.domain.choice.states import CHOICE_ROUND_TRANSITIONS, ChoiceRoundState
from qosymsha.kernel import audit, outbox
from qosymsha.kernel.actor import Actor
from qosymsha.kernel.errors import Refused
from qosymsha.kernel.numbers import human_number


def next_number() -> str:
    """The next round's human number."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval('choice_round_number')")
        return human_number("W", cursor.fetchone()[0])


def lock_round(round_id: int) -> ChoiceRound:
    """The round, locked against every other verb on it to the end of the transaction.

    Raises:
        Refused: `choice_round_unknown`.
    """
    assert transaction.get_connection().in_atomic_block, "a lock lives as long as its transaction"
    found = ChoiceRound.objects.select_for_update().filter(pk=round_id).first()
    if found is None:
        raise Refused(ChoiceRefusal.CHOICE_ROUND_UNKNOWN, round_id=round_id)
    return found


def share_rounds(round_ids: list[int]) -> None:
    """Hold rounds in their present state while many file or answer at once; who closes or offers waits for all."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM choice_round WHERE id = ANY (%s) ORDER BY id FOR SHARE", [round_ids])


def require_state(the_round: ChoiceRound, *states: ChoiceRoundState) -> None:
    """Refuse a verb that comes at another time of the round's life.

    Raises:
        Refused: `choice_round_in_other_state`, with the state it is in.
    """
    if the_round.state not in states:
        raise Refused(ChoiceRefusal.CHOICE_ROUND_IN_OTHER_STATE, round=the_round.number, state=the_round.state)


def plan(the_round: ChoiceRound, commitments: Mapping[str, bytes], *, actor: Actor, at: datetime) -> None:
    """Store a planned round, its first history row and the parties' commitments in the order given."""
    the_round.save(force_insert=True)
    _tell_history(the_round.id, "", ChoiceRoundState.PLANNED, actor, at)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO choice_secret (round_id, party, commitment) SELECT %s, * FROM unnest(%s::text[], %s::bytea[])",
            [the_round.id, list(commitments), list(commitments.values())],
        )


def move_round(the_round: ChoiceRound, to: ChoiceRoundState, *, actor: Actor, at: datetime) -> None:
    """Write the round's next state with every other field changed on it, and its history, under `lock_round`."""
    assert (the_round.state, to.value) in CHOICE_ROUND_TRANSITIONS, f"{the_round.state} → {to}"
    was, the_round.state = the_round.state, to.value
    the_round.save(force_update=True)
    _tell_history(the_round.id, was, to, actor, at)


def reveal(round_id: int, secrets: Mapping[str, bytes]) -> None:
    """Store the parties' secrets beside their commitments."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE choice_secret d SET secret = t.secret FROM unnest(%s::text[], %s::bytea[]) AS t(party, secret)"
            " WHERE d.round_id = %s AND d.party = t.party",
            [list(secrets), list(secrets.values()), round_id],
        )


def record(  # noqa: PLR0913 - an event has all of these
    the_round: ChoiceRound,
    action: Action,
    *,
    actor: Actor,
    at: datetime,
    topic: Topic | None = None,
    detail: Mapping[str, object] | None = None,
) -> None:
    """The last steps of a round's verb: its audit event and, where `topic` is given, its news."""
    audit.record(
        actor=actor,
        at=at,
        action=action,
        subject_kind="choice_round",
        subject_ids=[the_round.id],
        territory_id=the_round.territory_id,
        detail=detail,
    )
    if topic is not None:
        outbox.tell(topic=topic, subject_kind="choice_round", subject_ids=[the_round.id], at=at)


def _tell_history(round_id: int, was: str, to: ChoiceRoundState, actor: Actor, at: datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO choice_round_history (round_id, from_state, to_state, at, actor_id)"
            " VALUES (%s, %s, %s, %s, %s)",
            [round_id, was, to.value, at, actor.user_id],
        )
