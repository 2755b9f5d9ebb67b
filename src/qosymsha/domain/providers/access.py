"""Who may do what with providers, their papers, contracts and groups."""

from __future__ import annotations

from enum import StrEnum

from qosymsha.domain.people.states import Role


class Action(StrEnum):
    """The verbs of this room."""

    REGISTER_PROVIDER = "register_provider"
    FILE_ACCREDITATION = "file_accreditation"
    ADD_PAPERS = "add_papers"
    TAKE_UP_ACCREDITATION = "take_up_accreditation"
    DECIDE_ACCREDITATION = "decide_accreditation"
    EXPIRE_ACCREDITATIONS = "expire_accreditations"
    SIGN_CONTRACT = "sign_contract"
    END_CONTRACT = "end_contract"
    OPEN_GROUPS = "open_groups"
    CLOSE_GROUP = "close_group"
    ADMIT_TEACHER = "admit_teacher"
    READ_TEACHERS = "read_teachers"
    ANSWER_ACCREDITATION = "answer_accreditation"
    READ_ACCREDITATION = "read_accreditation"
    CHANGE_VENUE = "change_venue"
    CHANGE_GROUP = "change_group"
    CHANGE_TIMETABLE = "change_timetable"
    RESIZE_GROUP = "resize_group"
    CHANGE_HALL = "change_hall"
    INVITE_TEACHER = "invite_teacher"
    END_TEACHER = "end_teacher"


_IMPORTERS = frozenset({Role.PROGRAMME_OFFICER, Role.OPERATOR, Role.SYSTEM})
_PROVIDER = frozenset({Role.PROVIDER_MANAGER})
_OFFICE = frozenset({Role.CHECKER, Role.PROGRAMME_OFFICER, Role.AUDITOR})

ALLOWED: dict[Action, frozenset[str]] = {
    Action.REGISTER_PROVIDER: _IMPORTERS | {Role.CLERK},
    Action.FILE_ACCREDITATION: _IMPORTERS | _PROVIDER,
    Action.ADD_PAPERS: _IMPORTERS | _PROVIDER,
    Action.TAKE_UP_ACCREDITATION: frozenset({Role.CHECKER}),
    Action.DECIDE_ACCREDITATION: frozenset({Role.CHECKER}),
    Action.EXPIRE_ACCREDITATIONS: frozenset({Role.SYSTEM, Role.OPERATOR, Role.CHECKER}),
    Action.SIGN_CONTRACT: frozenset({Role.PROGRAMME_OFFICER}),
    Action.END_CONTRACT: frozenset({Role.PROGRAMME_OFFICER}),
    Action.OPEN_GROUPS: _IMPORTERS | _PROVIDER,
    Action.CLOSE_GROUP: _IMPORTERS | _PROVIDER | {Role.CHECKER},
    Action.ADMIT_TEACHER: frozenset({Role.SYSTEM, Role.OPERATOR}),
    Action.ANSWER_ACCREDITATION: _PROVIDER,
    Action.READ_ACCREDITATION: _PROVIDER | _OFFICE,
    Action.CHANGE_VENUE: _PROVIDER,
    Action.CHANGE_GROUP: _PROVIDER,
    Action.CHANGE_TIMETABLE: _PROVIDER,
    Action.RESIZE_GROUP: _PROVIDER,
    Action.CHANGE_HALL: _PROVIDER,
    Action.INVITE_TEACHER: _PROVIDER,
    Action.END_TEACHER: _PROVIDER,
    Action.READ_TEACHERS: _PROVIDER | {Role.TEACHER, Role.CHECKER, Role.PROGRAMME_OFFICER, Role.AUDITOR},
}
