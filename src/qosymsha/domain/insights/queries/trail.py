"""Every tenge explained, as an invariant of its own: MONEY-TRAIL."""

from __future__ import annotations

from qosymsha.domain.insights.queries.found import Checking, Found, by_statement, of
from qosymsha.domain.programmes import queries as programmes
from qosymsha.domain.settlement import queries as settlement
from qosymsha.domain.settlement.rules.explained import Explained, digest

_SEALED_RED = """
SELECT 'programme ' || programme_id || ' sealed ' || day || ': ' || differences || ' differences' AS example
  FROM money_day d WHERE differences <> 0
   AND NOT EXISTS (SELECT FROM money_day l WHERE l.programme_id = d.programme_id AND l.day > d.day)"""


def money_trail(checking: Checking) -> Found:
    """MONEY-TRAIL: ledger and documents of every programme agree to the tiyn now and on its last sealed day, and no
    sealed day was changed since.

    In an increment only the sealed days: all accounts against all documents is the night's work.
    """
    found = by_statement(_SEALED_RED)
    sealed = checking.ids("money_day")
    if sealed == frozenset():
        return found
    for programme in programmes.programmes():
        if sealed is None:
            found += of(_named(settlement.explained(programme.id, checking.at)))
        found += of([f"programme {programme.id} sealed {day}: edited" for day in _edited(programme.id)])
    return found


def _named(today: Explained) -> list[str]:
    """What does not agree: subjects first, then accounts of a line."""
    subjects = [f"line {f.line_id} {f.subject}: {f.ledger_tiyn} / {f.documents_tiyn}" for f in today.findings]
    return subjects + [
        f"line {line.line_id} {tie.kind}: {tie.ledger_tiyn} / {tie.documents_tiyn}"
        for line in today.lines
        for tie in line.ties
        if tie.difference_tiyn
    ]


def _edited(programme_id: int) -> list[str]:
    return [one.day.isoformat() for one in settlement.money_days(programme_id) if digest(one.summary) != one.hash]
