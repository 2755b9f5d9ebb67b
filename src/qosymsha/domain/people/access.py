"""Who may do what with people's records."""

from __future__ import annotations

from enum import StrEnum

from qosymsha.domain.people.states import Role


class Action(StrEnum):
    """The verbs of this room."""

    LOAD_TERRITORIES = "load_territories"
    OPEN_DEPARTMENT = "open_department"
    APPOINT = "appoint"
    DISMISS = "dismiss"
    REGISTER_FAMILIES = "register_families"
    RECORD_STATUSES = "record_statuses"
    END_GUARDIANSHIP = "end_guardianship"
    GIVE_CONSENT = "give_consent"
    WITHDRAW_CONSENT = "withdraw_consent"
    ROTATE_SECRETS = "rotate_secrets"
    READ_PERSONS = "read_persons"


_RUNNERS = frozenset({Role.OPERATOR, Role.SYSTEM})
_OFFICE = frozenset({Role.PROGRAMME_OFFICER, Role.CHECKER, Role.OPERATOR, Role.SYSTEM})
_SPEAKERS = frozenset({Role.GUARDIAN, Role.CHANNEL, Role.CLERK})

ALLOWED: dict[Action, frozenset[str]] = {
    Action.LOAD_TERRITORIES: _RUNNERS,
    Action.OPEN_DEPARTMENT: _RUNNERS,
    Action.APPOINT: _RUNNERS,
    Action.DISMISS: _RUNNERS,
    Action.REGISTER_FAMILIES: _OFFICE | {Role.CLERK, Role.CHANNEL},
    Action.RECORD_STATUSES: _OFFICE,
    Action.END_GUARDIANSHIP: _OFFICE,
    Action.GIVE_CONSENT: _SPEAKERS,
    Action.WITHDRAW_CONSENT: _SPEAKERS,
    Action.ROTATE_SECRETS: _RUNNERS,
    Action.READ_PERSONS: _OFFICE | {Role.CLERK, Role.AUDITOR},
}
