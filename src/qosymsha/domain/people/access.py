"""Who may do what with people's records."""

from __future__ import annotations

from enum import StrEnum

from qosymsha.domain.people.states import FAMILY, Role


class Action(StrEnum):
    """The verbs of this room."""

    LOAD_TERRITORIES = "load_territories"
    OPEN_DEPARTMENT = "open_department"
    APPOINT = "appoint"
    DISMISS = "dismiss"
    READ_STAFF = "read_staff"
    GIVE_ROLE = "give_role"
    END_VISITS = "end_visits"
    REGISTER_FAMILIES = "register_families"
    RECORD_STATUSES = "record_statuses"
    END_GUARDIANSHIP = "end_guardianship"
    GIVE_CONSENT = "give_consent"
    WITHDRAW_CONSENT = "withdraw_consent"
    ROTATE_SECRETS = "rotate_secrets"
    READ_PERSONS = "read_persons"
    ADMIT_GUARDIAN = "admit_guardian"
    ADMIT_YOUTH = "admit_youth"
    SIGN_IN = "sign_in"
    SIGN_OUT = "sign_out"
    REFUSE_SIGN_IN = "refuse_sign_in"
    SEND_CODE = "send_code"
    PROVE_AGAIN = "prove_again"
    ADD_FACTOR = "add_factor"
    END_FACTOR = "end_factor"
    FORGET_TRIES = "forget_tries"
    LINK_CHILD = "link_child"
    READ_OWN_CHILDREN = "read_own_children"
    STOP_READING = "stop_reading"
    GRANT_READING = "grant_reading"
    LAY_HONEYTOKEN = "lay_honeytoken"
    READ_ALARMS = "read_alarms"
    SET_PREFERENCES = "set_preferences"


_RUNNERS = frozenset({Role.OPERATOR, Role.SYSTEM})
_OFFICE = frozenset({Role.PROGRAMME_OFFICER, Role.CHECKER, Role.OPERATOR, Role.SYSTEM})
_SPEAKERS = frozenset({Role.GUARDIAN, Role.CHANNEL, Role.CLERK})
_SIGNED_IN = frozenset(Role) - {Role.SYSTEM, Role.CHANNEL}

ALLOWED: dict[Action, frozenset[str]] = {
    Action.LOAD_TERRITORIES: _RUNNERS,
    Action.OPEN_DEPARTMENT: _RUNNERS,
    Action.APPOINT: _RUNNERS,
    Action.DISMISS: _RUNNERS,
    Action.READ_STAFF: frozenset({Role.OPERATOR, Role.AUDITOR}),
    Action.GIVE_ROLE: frozenset({Role.OPERATOR}),
    Action.END_VISITS: frozenset({Role.OPERATOR}),
    Action.REGISTER_FAMILIES: _OFFICE | {Role.CLERK, Role.CHANNEL},
    Action.RECORD_STATUSES: _OFFICE,
    Action.END_GUARDIANSHIP: _OFFICE,
    Action.GIVE_CONSENT: _SPEAKERS,
    Action.WITHDRAW_CONSENT: _SPEAKERS,
    Action.ROTATE_SECRETS: _RUNNERS,
    Action.READ_PERSONS: _OFFICE | {Role.CLERK, Role.AUDITOR},
    Action.ADMIT_GUARDIAN: frozenset({Role.SYSTEM}),
    Action.ADMIT_YOUTH: frozenset({Role.SYSTEM}),
    Action.SIGN_IN: _SIGNED_IN,
    Action.SIGN_OUT: _SIGNED_IN,
    Action.REFUSE_SIGN_IN: frozenset({Role.SYSTEM}),
    Action.SEND_CODE: _SIGNED_IN,
    Action.PROVE_AGAIN: _SIGNED_IN,
    Action.ADD_FACTOR: _SIGNED_IN - FAMILY,
    Action.END_FACTOR: _RUNNERS,
    Action.FORGET_TRIES: frozenset({Role.SYSTEM}),
    Action.LINK_CHILD: frozenset({Role.GUARDIAN}),
    Action.READ_OWN_CHILDREN: frozenset({Role.GUARDIAN}),
    Action.STOP_READING: _SIGNED_IN,
    Action.GRANT_READING: frozenset({Role.PROGRAMME_OFFICER, Role.OPERATOR}),
    Action.LAY_HONEYTOKEN: _RUNNERS,
    Action.READ_ALARMS: _RUNNERS | {Role.AUDITOR},
    Action.SET_PREFERENCES: _SIGNED_IN,
}
