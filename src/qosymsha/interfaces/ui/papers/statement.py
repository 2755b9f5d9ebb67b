"""A provider's statement as PDF (PDF/UA-1) and as rows for a table: what is due, why, when, and what it waits for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from qosymsha.domain.settlement.queries import ClaimDue, SheetDue, Statement, Wait
from qosymsha.interfaces.ui import texts
from qosymsha.interfaces.ui.papers.setting import compiled
from qosymsha.interfaces.ui.templatetags.words import moment
from qosymsha.kernel.money import TIYN_PER_TENGE, Money

COLUMNS = (
    "kind", "number", "contract_or_group", "month", "lessons", "amount_tenge", "kept_back_tenge", "to_pay_tenge",
    "state", "act", "due_on", "waits_for", "paid_at",
)  # fmt: skip


def statement_pdf(statement: Statement, language: str) -> bytes:
    """The paper; the same statement gives the same bytes."""
    return compiled("statement.typ", _paper(statement, language), statement.at)


def statement_rows(statement: Statement, language: str) -> Iterator[Sequence[Any]]:
    """The statement as rows of `COLUMNS`: claims, then sheets that are not claimed yet."""
    for c in statement.claims:
        yield (
            "claim", c.number, c.contract, c.month, c.units, _tenge(c.amount_tiyn), _tenge(c.offset_tiyn),
            _tenge(c.to_pay_tiyn), c.state, c.act, c.due_on, _waits(c.waits, language), c.paid_at,
        )  # fmt: skip
    for s in statement.sheets:
        yield (
            "sheet", "", s.group, s.month, None, _tenge(s.at_most_tiyn), None, None, s.state, "", None,
            _waits(s.waits, language), None,
        )  # fmt: skip


def _paper(statement: Statement, language: str) -> dict[str, Any]:
    def say(key: str, **values: object) -> str:
        return texts.say(language, key, **values)

    return {
        "language": language,
        "title": say("statement.title", number=statement.provider),
        "provider": f"{statement.provider} · {statement.name}",
        "lead": say("statement.lead", name=statement.name, at=moment(statement.at)),
        "sums": [
            (say("statement.due"), str(Money(statement.due_tiyn))),
            (say("statement.paid"), str(Money(statement.paid_tiyn))),
            (say("statement.kept_back"), str(Money(statement.offset_tiyn))),
            (say("statement.owed_back"), str(Money(statement.owed_back_tiyn))),
        ],
        "none": say("statement.none"),
        "claims_title": say("statement.claims"),
        "claim_columns": [say(f"statement.column.{name}") for name in _CLAIM_COLUMNS],
        "claims": [_claim(c, language) for c in statement.claims],
        "sheets_title": say("statement.sheets"),
        "sheet_columns": [say(f"statement.column.{name}") for name in ("group", "month", "at_most", "waits")],
        "sheets": [_sheet(s, language) for s in statement.sheets],
        "why_title": say("statement.why"),
        "why": [(c.number, c.words.get(language, c.words.get("ru", []))) for c in statement.claims],
    }


_CLAIM_COLUMNS = ("claim", "contract", "month", "lessons", "amount", "kept_back", "to_pay", "due_on", "waits")


def _claim(c: ClaimDue, language: str) -> list[str]:
    return [
        c.number,
        c.contract,
        _month(c.month),
        texts.grouped(c.units),
        str(Money(c.amount_tiyn)),
        str(Money(c.offset_tiyn)) if c.offset_tiyn else "—",
        str(Money(c.to_pay_tiyn)),
        f"{c.due_on:%d.%m.%Y}",
        _stands(c, language),
    ]


def _stands(c: ClaimDue, language: str) -> str:
    """What the claim waits for, or how it ended."""
    if c.waits:
        return _waits(c.waits, language) + (f" ({c.reason})" if c.reason else "")
    ended = texts.say(language, f"claim.state.{c.state}")
    return f"{ended}, {moment(c.paid_at)}" if c.paid_at else ended


def _sheet(s: SheetDue, language: str) -> list[str]:
    return [s.group, _month(s.month), str(Money(s.at_most_tiyn)), _waits(s.waits, language)]


def _waits(waits: Sequence[Wait], language: str) -> str:
    return "; ".join(_wait(w, language) for w in waits)


def _wait(wait: Wait, language: str) -> str:
    whom = texts.say(language, f"statement.whom.{wait.whom}")
    count = f" ({texts.grouped(wait.count)})" if wait.count else ""
    return f"{texts.say(language, f'statement.wait.{wait.reason.value}')}{count} — {whom}"


def _month(month: date) -> str:
    return f"{month:%m.%Y}"


def _tenge(tiyn: int) -> Decimal:
    return Decimal(tiyn) / TIYN_PER_TENGE
