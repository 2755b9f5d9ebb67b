"""The lives of accreditations, contracts and groups."""

from __future__ import annotations

from enum import StrEnum


class AccreditationState(StrEnum):
    """DESIGN.md 10, and `refused`: a file that was turned down."""

    FILED = "filed"
    IN_REVIEW = "in_review"
    ACCREDITED = "accredited"
    LIMITED = "limited"  # what runs goes on, no new places
    REFUSED = "refused"
    EXPIRED = "expired"
    REVOKED = "revoked"


class ContractState(StrEnum):
    """A contract is signed, then ends."""

    SIGNED = "signed"
    ENDED = "ended"


class GroupState(StrEnum):
    """A group is open, then closed."""

    OPEN = "open"
    CLOSED = "closed"


_A = AccreditationState

TRANSITIONS: frozenset[tuple[str, str]] = frozenset(
    {
        ("", _A.FILED),
        (_A.FILED, _A.IN_REVIEW),
        (_A.IN_REVIEW, _A.ACCREDITED),
        (_A.IN_REVIEW, _A.LIMITED),
        (_A.IN_REVIEW, _A.REFUSED),
        (_A.ACCREDITED, _A.ACCREDITED),  # renewed on newer papers
        (_A.ACCREDITED, _A.LIMITED),
        (_A.LIMITED, _A.LIMITED),
        (_A.LIMITED, _A.ACCREDITED),
        (_A.ACCREDITED, _A.EXPIRED),
        (_A.LIMITED, _A.EXPIRED),
        (_A.ACCREDITED, _A.REVOKED),
        (_A.LIMITED, _A.REVOKED),
    }
)
CONTRACT_TRANSITIONS: frozenset[tuple[str, str]] = frozenset(
    {("", ContractState.SIGNED), (ContractState.SIGNED, ContractState.ENDED)}
)
GROUP_TRANSITIONS: frozenset[tuple[str, str]] = frozenset({("", GroupState.OPEN), (GroupState.OPEN, GroupState.CLOSED)})


class Topic(StrEnum):
    """News of providers."""

    ACCREDITATION_FILED = "accreditation_filed"
    ACCREDITATION_DECIDED = "accreditation_decided"
    ACCREDITATION_EXPIRED = "accreditation_expired"
    CONTRACT_SIGNED = "contract_signed"
    CONTRACT_ENDED = "contract_ended"
    GROUP_OPENED = "group_opened"
    GROUP_CLOSED = "group_closed"
    ACCREDITATION_ANSWERED = "accreditation_answered"
    GROUP_CHANGED = "group_changed"
    TIMETABLE_CHANGED = "timetable_changed"
    HALL_CHANGED = "hall_changed"
    TEACHER_INVITED = "teacher_invited"
    TEACHER_ENDED = "teacher_ended"
