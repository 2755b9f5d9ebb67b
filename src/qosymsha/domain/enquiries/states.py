"""Why an official may look a child up, and by what."""

from __future__ import annotations

from enum import StrEnum


class Purpose(StrEnum):
    """The purposes there are; the case stands beside it as a reference."""

    APPLICATION = "application"
    MONTH = "month"
    PAYMENT = "payment"
    COMPLAINT = "complaint"
    APPEAL = "appeal"
    CONTROL = "control"
    CORRECTION = "correction"


class Way(StrEnum):
    """What was typed: a child's or guardian's IIN, a full name with the birth date, a public number."""

    IIN = "iin"
    NAME = "name"
    NUMBER = "number"
