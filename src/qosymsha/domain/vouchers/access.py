"""Who may do what with vouchers and places. A row's guardian is checked row by row: see `may_speak`."""

from __future__ import annotations

from enum import StrEnum

from qosymsha.domain.people.states import FAMILY, Role
from qosymsha.kernel.actor import Actor


class Action(StrEnum):
    """The verbs of this room."""

    ISSUE = "issue_vouchers"
    ACCEPT = "accept_vouchers"
    REFUSE = "refuse_vouchers"
    EXPIRE = "expire_vouchers"
    ENROL = "enrol"
    TRANSFER = "transfer"
    WITHDRAW_TRANSFER = "withdraw_transfers"
    TAKE_TRANSFERS = "take_transfers"
    STOP_PARTING = "stop_parting"
    TAKE_PARTINGS = "take_partings"
    RELEASE = "release_vouchers"
    SUSPEND = "suspend_vouchers"
    RESUME = "resume_vouchers"
    CLOSE = "close_vouchers"
    PROMISE = "promise_month"
    SWEEP = "sweep_released"
    READ = "read_vouchers"
    READ_OWN = "read_own_vouchers"


SPEAKERS = frozenset({Role.GUARDIAN, Role.CHANNEL, Role.CLERK})
_OFFICE = frozenset({Role.PROGRAMME_OFFICER, Role.CHECKER})
_CLOCK = frozenset({Role.SYSTEM, Role.OPERATOR, Role.PROGRAMME_OFFICER})

ALLOWED: dict[Action, frozenset[str]] = {
    Action.ISSUE: _CLOCK,
    Action.ACCEPT: SPEAKERS,
    Action.REFUSE: SPEAKERS,
    Action.EXPIRE: _CLOCK,
    Action.ENROL: SPEAKERS,
    Action.TRANSFER: SPEAKERS,
    Action.WITHDRAW_TRANSFER: SPEAKERS,
    Action.TAKE_TRANSFERS: _CLOCK,
    Action.STOP_PARTING: SPEAKERS,
    Action.TAKE_PARTINGS: _CLOCK,
    Action.RELEASE: SPEAKERS | _OFFICE | {Role.SYSTEM},
    Action.SUSPEND: _OFFICE | {Role.SYSTEM},
    Action.RESUME: _OFFICE | {Role.SYSTEM},
    Action.CLOSE: _OFFICE | {Role.SYSTEM},
    Action.PROMISE: _CLOCK,
    Action.SWEEP: _CLOCK,
    Action.READ_OWN: FAMILY,
    Action.READ: SPEAKERS | _OFFICE | {Role.SYSTEM, Role.AUDITOR},
}


def may_speak(actor: Actor, guardian_id: int | None, territory_id: int) -> bool:
    """True where the actor may bring this guardian's word: the guardian, or a channel or clerk of the territory."""
    if actor.guardian_id is not None and actor.guardian_id == guardian_id:
        return True
    return guardian_id is not None and actor.holds({Role.CHANNEL, Role.CLERK}, territory_id=territory_id)


def may_decide(actor: Actor, action: Action, territory_id: int) -> bool:
    """True where the actor may act on a voucher of the territory without a guardian's word, as an official or a job."""
    return actor.holds(ALLOWED[action] - SPEAKERS, territory_id=territory_id)
