"""A round's own rows: its state and history, commitments and secrets, numbers, refills."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from django.db import connection, transaction

from qosymsha.domain.admission.access import Action, Topic
from qosymsha.domain.admission.models import Round
from qosymsha.domain.admission.rules import AdmissionRefusal
from qosymsha.domain.admission.states import ROUND_TRANSITIONS, RoundState
from qosymsha.kernel import audit, outbox
from qosymsha.kernel.actor import Actor
from qosymsha.kernel.errors import Refused
from qosymsha.kernel.numbers import human_number


def lock_round(round_id: int) -> Round:
    """The round, locked against every other verb on it to the end of the transaction.

    Raises:
        Refused: `unknown_round`.
    """
    assert transaction.get_connection().in_atomic_block, "a lock lives as long as its transaction"
    found = Round.objects.select_for_update().filter(pk=round_id).first()
    if found is None:
        raise Refused(AdmissionRefusal.UNKNOWN_ROUND, round_id=round_id)
    return found


def share_round(round_id: int) -> None:
    """Hold the round in its present state while applications are filed: many at once; closing waits for all."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM admission_round WHERE id = %s FOR SHARE", [round_id])


class HasState(Protocol):
    """A round as far as its state is asked: its row, or what a query brought of it."""

    @property
    def number(self) -> str:
        """The human number."""

    @property
    def state(self) -> str:
        """Where it is in its life."""


def require_state(the_round: HasState, *states: RoundState) -> None:
    """Refuse a verb that comes at another time of the round's life.

    Raises:
        Refused: `round_in_other_state`, with the state it is in.
    """
    if the_round.state not in states:
        raise Refused(AdmissionRefusal.ROUND_IN_OTHER_STATE, round=the_round.number, state=the_round.state)


def move_round(the_round: Round, to: RoundState, *, actor: Actor, at: datetime) -> None:
    """Write the round's next state with every other field changed on it, and its history, under `lock_round`."""
    assert (the_round.state, to.value) in ROUND_TRANSITIONS, f"{the_round.state} → {to}"
    was, the_round.state = the_round.state, to.value
    the_round.save(force_update=True)
    _tell_round_history(the_round.id, was, to, actor, at)


def plan(the_round: Round, commitments: Mapping[str, bytes], *, actor: Actor, at: datetime) -> None:
    """Store a planned round, its first history row and the parties' commitments in the order given."""
    the_round.save(force_insert=True)
    _tell_round_history(the_round.id, "", RoundState.PLANNED, actor, at)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO draw_secret (round_id, party, commitment) SELECT %s, * FROM unnest(%s::text[], %s::bytea[])",
            [the_round.id, list(commitments), list(commitments.values())],
        )


def reveal(round_id: int, secrets: Mapping[str, bytes]) -> None:
    """Store the parties' secrets beside their commitments."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE draw_secret d SET secret = t.secret FROM unnest(%s::text[], %s::bytea[]) AS t(party, secret)"
            " WHERE d.round_id = %s AND d.party = t.party",
            [list(secrets), list(secrets.values()), round_id],
        )


def _tell_round_history(round_id: int, was: str, to: RoundState, actor: Actor, at: datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO round_history (round_id, from_state, to_state, at, actor_id) VALUES (%s, %s, %s, %s, %s)",
            [round_id, was, to.value, at, actor.user_id],
        )


def record(  # noqa: PLR0913 - an event has all of these
    the_round: Round,
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
        subject_kind="round",
        subject_ids=[the_round.id],
        territory_id=the_round.territory_id,
        detail=detail,
    )
    if topic is not None:
        outbox.tell(topic=topic, subject_kind="round", subject_ids=[the_round.id], at=at)


def next_numbers(letter: str, sequence: str, count: int) -> list[str]:
    """The next human numbers of a sequence of this room."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval(%s) FROM generate_series(1, %s)", [sequence, count])
        return [human_number(letter, serial) for (serial,) in cursor.fetchall()]


def record_refill(the_round: Round, *, line_id: int, segment: str, granted: int, at: datetime) -> int:
    """Store one batch of freed places given to the next; answers its id."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO refill (territory_id, programme_id, round_id, line_id, segment, granted, at)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s) RETURNING id",
            [the_round.territory_id, the_round.programme_id, the_round.id, line_id, segment, granted, at],
        )
        return int(cursor.fetchone()[0])
