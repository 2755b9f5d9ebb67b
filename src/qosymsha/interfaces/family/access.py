"""What may be looked at in this door, and by whom; what is done wears the Action of the room that does it."""

from __future__ import annotations

from enum import StrEnum

from qosymsha.interfaces.ui.signed import DOOR_ROLES


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


ALLOWED: dict[Look, frozenset[str]] = dict.fromkeys(Look, DOOR_ROLES["family"])
