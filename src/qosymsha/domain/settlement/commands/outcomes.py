"""Outcomes of rows told again, and the numbers that claims and files are called by."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Any

from django.db import connection

from qosymsha.domain.ledger.rules import LedgerRefusal
from qosymsha.domain.settlement.ports import SignatureFault
from qosymsha.domain.settlement.rules.acts import PaperRefusal
from qosymsha.domain.settlement.rules.refusals import SettlementRefusal
from qosymsha.kernel import idempotency
from qosymsha.kernel.errors import RowOutcome
from qosymsha.kernel.numbers import human_number


def outcomes(stored: Sequence[Sequence[Any]]) -> list[RowOutcome]:
    """The row outcomes of an earlier call under the same key."""
    return idempotency.outcomes_of(stored, _reason)


_REASONS: tuple[type[StrEnum], ...] = (SettlementRefusal, PaperRefusal, LedgerRefusal, SignatureFault)


def _reason(value: str) -> StrEnum:
    return next(kind(value) for kind in _REASONS if value in set(kind))


def claim_numbers(count: int) -> list[str]:
    """The next `count` claim numbers."""
    return _numbers("C", "claim_number", count)


def act_numbers(count: int) -> list[str]:
    """The next `count` numbers of acts of services."""
    return _numbers("S", "service_act_number", count)


def recovery_numbers(count: int) -> list[str]:
    """The next `count` numbers of recoveries."""
    return _numbers("D", "recovery_number", count)


def file_number() -> str:
    """The next payment file's number."""
    return _numbers("F", "payment_file_number", 1)[0]


def _numbers(letter: str, sequence: str, count: int) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval(%s) FROM generate_series(1, %s)", [sequence, count])
        return [human_number(letter, serial) for (serial,) in cursor.fetchall()]
