"""The tables of people: who they are, how they prove it, what guards their records."""

from qosymsha.domain.people.models.persons import (
    Child,
    ChildStatus,
    Consent,
    Department,
    Guardian,
    Guardianship,
    Membership,
    NoticePreference,
    PersonSecret,
    RoleProposal,
    Territory,
    User,
)
from qosymsha.domain.people.models.proving import (
    OneTimeCode,
    SecondFactor,
    StrongTry,
)
from qosymsha.domain.people.models.watching import (
    Honeytoken,
    NumberMiss,
    ReadChild,
    ReadingDay,
    ReadingGrant,
    SecurityEvent,
)

__all__ = [
    "Child",
    "ChildStatus",
    "Consent",
    "Department",
    "Guardian",
    "Guardianship",
    "Honeytoken",
    "Membership",
    "NoticePreference",
    "NumberMiss",
    "OneTimeCode",
    "PersonSecret",
    "RoleProposal",
    "ReadChild",
    "ReadingDay",
    "ReadingGrant",
    "SecondFactor",
    "SecurityEvent",
    "StrongTry",
    "Territory",
    "User",
]
