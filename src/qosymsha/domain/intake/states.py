"""The life of a category that a family names with papers, and the grounds an officer may refuse it on."""

from __future__ import annotations

from enum import StrEnum


class CaseState(StrEnum):
    """open → certified | refused; asked: another paper is awaited, then open again; withdrawn by the family.

    A case is an officer's once its child's application is filed; open or asked at the round's close, it does not count.
    """

    OPEN = "open"
    ASKED = "asked"
    CERTIFIED = "certified"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


CASE_TRANSITIONS: frozenset[tuple[str, str]] = frozenset(
    {
        ("", "open"),
        ("open", "certified"),
        ("open", "refused"),
        ("open", "asked"),
        ("open", "withdrawn"),
        ("asked", "open"),
        ("asked", "certified"),
        ("asked", "refused"),
        ("asked", "withdrawn"),
    }
)
UNDECIDED = frozenset({CaseState.OPEN, CaseState.ASKED})


class Ground(StrEnum):
    """On what an officer may refuse a category, or ask for another paper."""

    UNREADABLE = "unreadable"
    OTHER_PERSON = "other_person"
    OUT_OF_DATE = "out_of_date"
    PROVES_SOMETHING_ELSE = "proves_something_else"
    NOT_GENUINE = "not_genuine"
    REGISTER_SAYS_NO = "register_says_no"
