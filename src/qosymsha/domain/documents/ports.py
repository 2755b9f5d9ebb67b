"""What the outside must do for papers: look for harmful programs in them."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

# Every scanner knows it and nothing runs it. In two parts: a scanner of whoever reads this file must not find it here.
TEST_FILE = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$" + b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"


class ScanHitch(StrEnum):
    """Why a paper could not be scanned."""

    UNREACHABLE = "unreachable"
    TIMED_OUT = "timed_out"
    UNREADABLE = "unreadable"
    TOO_LARGE = "too_large"
    SAYS_NO = "says_no"


class NotScanned(Exception):
    """The scanner gave no usable word; the paper goes on waiting."""

    def __init__(self, fault: ScanHitch) -> None:
        super().__init__(fault.value)
        self.fault = fault


class Scanner(Protocol):
    """A program that knows harmful files."""

    def scan(self, content: bytes) -> str:
        """The name of what it found in these bytes; "" where it found nothing.

        Raises:
            NotScanned: no whole answer in time.
        """
        ...
