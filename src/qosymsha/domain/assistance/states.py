"""How a guardian proves to be there, and what is done for one."""

from __future__ import annotations

from enum import StrEnum


class VisitWay(StrEnum):
    """How a visit was proved."""

    CODE = "code"  # a one-time code to the guardian's own phone, read out to the clerk
    PAPER = "paper"  # a signed consent, scanned: for who has no phone; few a day, looked at by control


class Act(StrEnum):
    """What a clerk does with the guardian's word."""

    FILE = "file_application"
    MONTH = "confirm_month"
    VOUCHER = "accept_voucher"
    PLACE = "take_place"
