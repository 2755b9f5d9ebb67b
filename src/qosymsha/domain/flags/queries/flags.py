"""Reading red flags and what was screened."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from qosymsha.domain.flags.access import ALLOWED, Action
from qosymsha.domain.vouchers.queries import rows
from qosymsha.domain.witness import reading
from qosymsha.kernel.actor import Actor, require


@dataclass(frozen=True, slots=True)
class Reason:
    """What one rule said: figures by name, the days it spoke about (none: the whole month)."""

    code: str
    days: tuple[date, ...]
    strength_permille: int
    weight_permille: int
    figures: dict[str, float]


@dataclass(frozen=True, slots=True)
class FlagFacts:
    """A red flag with its reasons, the strongest first."""

    id: int
    uuid: UUID
    month: date
    provider: str
    provider_id: int | None
    group_code: str
    enrolment_id: int | None
    child_id: int | None
    child_key: bytes
    child_ref: str
    state: str
    score_permille: int
    days: tuple[date, ...]
    opened_at: datetime
    resolved_at: datetime | None
    resolved_by: int | None
    reason: str
    evidence: str
    reasons: tuple[Reason, ...]


_FLAGS = """
SELECT f.id, f.uuid, f.month, f.provider, f.provider_id, f.group_code, f.enrolment_id, f.child_id, f.child_key,
       f.child_ref, f.state, f.score_permille, f.days, f.opened_at, f.resolved_at, f.resolved_by, f.reason, f.evidence
  FROM red_flag f WHERE {which} ORDER BY f.provider, f.group_code, f.id"""
_REASONS = """
SELECT flag_id, code, days, strength_permille, weight_permille, figures FROM flag_reason WHERE flag_id = ANY (%s)
 ORDER BY flag_id, weight_permille * strength_permille DESC, id"""


def facts(which: str, given: Sequence[Any]) -> list[FlagFacts]:
    """Flags by a condition of this room's own making."""
    found = rows(_FLAGS.format(which=which), given)
    reasons: dict[int, list[Reason]] = {row[0]: [] for row in found}
    for flag_id, code, days, strength, weight, figures in rows(_REASONS, [list(reasons)]):
        reasons[flag_id].append(Reason(code, tuple(days), strength, weight, _figures(figures)))
    return [_flag(row, reasons[row[0]]) for row in found]


def _flag(row: tuple[Any, ...], reasons: list[Reason]) -> FlagFacts:
    values: list[Any] = [*row[:8], bytes(row[8]), *row[9:12], tuple(row[12]), *row[13:], tuple(reasons)]
    return FlagFacts(*values)


def _figures(stored: Any) -> dict[str, float]:
    """Django's connection gives jsonb as text."""
    return dict(json.loads(stored) if isinstance(stored, str) else stored)


def flags(  # noqa: PLR0913 (who asks, when; of what)
    *, actor: Actor, programme_id: int, territory_id: int, month: date, at: datetime, provider: str = ""
) -> list[FlagFacts]:
    """A month's flags in every state, of one provider (by BIN or number) or all; an audited read.

    Raises:
        Forbidden: the actor may not read flags there.
    """
    require(actor, Action.READ, ALLOWED, territory_id=territory_id)
    found = facts(
        "f.programme_id = %s AND f.month = %s AND (%s = '' OR f.provider = %s)",
        [programme_id, month, provider, provider],
    )
    return noted(actor, at, found, territory_id)


def noted(actor: Actor, at: datetime, found: list[FlagFacts], territory_id: int | None = None) -> list[FlagFacts]:
    """Flags that are about to be shown, with their read recorded; a flag from a file knows no child of the register."""
    reading.saw(
        actor=actor,
        at=at,
        action=Action.READ,
        kind="red_flag",
        ids=[f.id for f in found],
        children={f.child_id for f in found if f.child_id is not None},
        territory_id=territory_id,
    )
    return found


def flags_by_state(programme_id: int) -> dict[str, int]:
    """How many flags of a programme are in each state."""
    return dict(
        rows("SELECT state, count(*) FROM red_flag WHERE programme_id = %s GROUP BY 1 ORDER BY 1", [programme_id])
    )


def screened(provider_ids: Sequence[int], month: date) -> set[int]:
    """Those of the providers whose every sheet of the month was drawn before a screening that took it in.

    A provider without a sheet has nothing to screen and is not among them.
    """
    found = rows(
        "SELECT s.provider_id FROM month_sheet s WHERE s.provider_id = ANY (%s) AND s.month = %s GROUP BY 1"
        " HAVING max(s.sent_at) <="
        " (SELECT max(r.at) FROM flag_run r WHERE r.provider_id = s.provider_id AND r.month = %s)",
        [list(provider_ids), month, month],
    )
    return {provider_id for (provider_id,) in found}


def unscreened(programme_id: int) -> dict[date, list[int]]:
    """Month → providers with a sheet that has left since they were last screened, or that never were."""
    found = rows(
        "SELECT s.month, s.provider_id FROM month_sheet s"
        " WHERE s.programme_id = %s AND s.state NOT IN ('closed', 'void') GROUP BY 1, 2"
        " HAVING max(s.sent_at) > coalesce((SELECT max(r.at) FROM flag_run r"
        " WHERE r.provider_id = s.provider_id AND r.month = s.month), '-infinity') ORDER BY 1, 2",
        [programme_id],
    )
    waiting: dict[date, list[int]] = {}
    for month, provider_id in found:
        waiting.setdefault(month, []).append(provider_id)
    return waiting
