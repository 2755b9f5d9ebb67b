"""What may be looked at in this door, and by whom; what is done wears the Action of the room that does it."""

from __future__ import annotations

from enum import StrEnum

from qosymsha.domain.people.states import FAMILY, Role


class Look(StrEnum):
    """The pages of this door that only show."""

    HOME = "family_home"
    HERE = "family_here"
    MONTHS = "family_months"
    ABSENCES = "family_absences"
    VOUCHERS = "family_vouchers"
    APPLICATIONS = "family_applications"
    APPLY = "family_apply"
    TAKE = "family_take"
    LEAVE = "family_leave"
    MOVE = "family_move"
    WEEK = "family_week"
    WISHES = "family_wishes"
    MONEY = "family_money"
    CONTRACTS = "family_contracts"
    PAPERS = "family_papers"
    WAITING = "family_waiting"
    TRIALS = "family_trials"
    PREFERENCES = "family_preferences"
    NOTICES = "family_notices"
    CONSENTS = "family_consents"
    OWN_READERS = "family_own_readers"


# What a child with an own account looks at too: nothing on these pages waits for a decision.
_FOR_BOTH = frozenset({Look.HOME, Look.HERE, Look.WEEK, Look.VOUCHERS, Look.PREFERENCES, Look.NOTICES})
ALLOWED: dict[Look, frozenset[str]] = {
    **dict.fromkeys(Look, frozenset[str]({Role.GUARDIAN})),
    **dict.fromkeys(_FOR_BOTH, frozenset[str](FAMILY)),
    Look.OWN_READERS: frozenset({Role.YOUTH}),
}
