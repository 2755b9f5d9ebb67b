"""File one application: the verb of an opening day, in two questions over the batch's rules."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from qosymsha.domain.admission import steps
from qosymsha.domain.admission.access import Action
from qosymsha.domain.admission.commands.filing import VERB, ApplicationRow, body_row, require_speaker, require_window
from qosymsha.domain.admission.queries import filing as queries
from qosymsha.domain.admission.queries.filing import OneWish, WishSeen
from qosymsha.domain.admission.rules import AdmissionRefusal, refuse_filing
from qosymsha.domain.allocation import draw
from qosymsha.kernel import entropy
from qosymsha.kernel.actor import Actor
from qosymsha.kernel.canonical import digest
from qosymsha.kernel.errors import KeyReason, Refused

TRIES = 2


@dataclass(frozen=True, slots=True)
class Filed:
    """An application as filed."""

    id: int
    uuid: UUID
    number: str
    child_id: int


def submit_application(*, actor: Actor, round_id: int, row: ApplicationRow, at: datetime, key: UUID) -> Filed:
    """File one application of a family named by ids; repeating a `key` answers the first application again.

    One transaction of its own, the statement that stores: do not call it inside another.

    Raises:
        Forbidden: as `submit_applications`.
        Refused: the round is not open, the row's own reason, or `changed_meanwhile`; nothing is stored.
    """
    return _file(actor, OneWish(round_id, row.guardian_id, row.child_id, row.kind), at, key)


def submit_own_application(  # noqa: PLR0913 - the page's names, and the verb's own three
    *, actor: Actor, round_uuid: UUID, child_uuid: UUID, kind: str, at: datetime, key: UUID
) -> Filed:
    """File one application of the actor's own child: the page's verb, with the names that stand on the page.

    Raises:
        Forbidden: the actor is no guardian.
        Refused: as `submit_application`; an unknown child and another's are the same `not_guardian`.
    """
    return _file(actor, OneWish(round_uuid, actor.guardian_id or 0, child_uuid, kind), at, key)


def _file(actor: Actor, wish: OneWish, at: datetime, key: UUID) -> Filed:
    for _ in range(TRIES):
        found = queries.seen(wish, actor=actor, verb=VERB, key=key, at=at)
        if found is None:
            raise Refused(AdmissionRefusal.UNKNOWN_ROUND)
        require_speaker(actor, Action.SUBMIT, found.round.territory_id, {wish.guardian_id})
        draft = None if found.is_key_known else _draft(wish, found, at)
        told = steps.file_one(_deed(actor, wish, found, at, key), _place(found), draft)
        if told.answer != "stale":
            return _filed(found, told)
    raise Refused(AdmissionRefusal.CHANGED_MEANWHILE)


def _draft(wish: OneWish, found: WishSeen, at: datetime) -> steps.Draft:
    """What would be stored, were every fact still the same.

    Raises:
        Refused: the window, or the first reason against it.
    """
    require_window(found.round, at)
    facts = found.facts
    reason = refuse_filing(found.round.rules, facts)
    if reason is not None:
        raise Refused(reason)
    assert facts.slot is not None, "refused otherwise"
    assert facts.age is not None, "refused otherwise"
    ticket = entropy.token(draw.TICKET_BYTES)
    uuid, line_id = entropy.uuid4(), draw.line_id(ticket)
    return steps.Draft(uuid, found.child_id, wish.guardian_id, facts.slot, wish.kind, facts.age, ticket, line_id)


def _deed(actor: Actor, wish: OneWish, found: WishSeen, at: datetime, key: UUID) -> steps.FilingDeed:
    body = [found.round.id, body_row(ApplicationRow(wish.guardian_id, found.child_id, wish.kind))]
    return steps.FilingDeed(actor, VERB, key, digest(body), at)


def _place(found: WishSeen) -> steps.FilingPlace:
    return steps.FilingPlace(found.round.id, found.version, found.past, found.next_id, found.next_serial)


def _filed(found: WishSeen, told: steps.Filing) -> Filed:
    if told.answer == "reused":
        raise Refused(KeyReason.KEY_REUSED, verb=VERB)
    if told.refusal is not None:
        raise Refused(AdmissionRefusal(told.refusal))
    assert told.id is not None, "stored, or repeated from a first time that stored"
    assert told.uuid is not None, "its application has one"
    return Filed(told.id, told.uuid, told.number or "", found.child_id)
