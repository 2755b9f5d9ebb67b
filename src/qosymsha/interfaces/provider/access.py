"""What may be looked at in this door, and by whom; what is done wears the Action of the room that does it."""

from __future__ import annotations

from enum import StrEnum

from qosymsha.domain.people.states import Role
from qosymsha.interfaces.ui.signed import DOOR_ROLES


class Look(StrEnum):
    """The pages of this door that only show, and the choice of the provider they are about."""

    HOME = "provider_home"
    CHOOSE = "provider_choose"
    LESSONS = "provider_lessons"
    CODES = "provider_codes"
    MONTH = "provider_month"
    LESSON = "provider_lesson"
    GROUP = "provider_group"
    OBJECTIONS = "provider_objections"
    SHEETS = "provider_sheets"
    PAY = "provider_pay"
    ACCREDITATION = "provider_accreditation"
    GROUPS = "provider_groups"
    VENUES = "provider_venues"
    TIMETABLE = "provider_timetable"
    TEACHERS = "provider_teachers"
    FAMILIES = "provider_families"
    NOTICES = "provider_notices"
    PREFERENCES = "provider_preferences"
    GUESTS = "provider_guests"


_MANAGER = frozenset({Role.PROVIDER_MANAGER})
ALLOWED: dict[Look, frozenset[str]] = {
    **dict.fromkeys((Look.NOTICES, Look.PREFERENCES), DOOR_ROLES["provider"]),
    **dict.fromkeys((Look.HOME, Look.CHOOSE, Look.LESSONS, Look.CODES, Look.GUESTS), DOOR_ROLES["provider"]),
    **dict.fromkeys((Look.MONTH, Look.LESSON, Look.GROUP, Look.OBJECTIONS, Look.SHEETS, Look.PAY), _MANAGER),
    Look.FAMILIES: _MANAGER,
    **dict.fromkeys((Look.ACCREDITATION, Look.GROUPS, Look.VENUES, Look.TIMETABLE, Look.TEACHERS), _MANAGER),
}
