"""The sample of a control, drawn from a frozen list: pure, and repeated without this code by verify/sample.py.

    terms  = JSON with sorted keys, no spaces        what the campaign promised: unit, parts, size, days, beacon, hash
    frame  = lines "uuid TAB part", sorted, each ended by LF
    root   = SHA-256("control" 00 terms LF frame)     published at the freeze
    seed   = SHA-256("seed" 00 number 00 root beacon secret)
    draw   = in each part the units with the smallest SHA-256(seed | SHA-256("unit" 00 uuid))

Each part has one place, and the others by size: whole shares first, then the largest rests; equal rests by the part's
name. Source: PRODUCT.md C5; docs/rules/controls.md.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from uuid import UUID

from qosymsha.domain.allocation import draw
from qosymsha.domain.allocation.announcement import TYPED
from qosymsha.domain.allocation.canonical import terms_text
from qosymsha.domain.controls.states import CampaignState, Sanction, Strata, Unit, VisitState

SECRET_BYTES = 32
MOST_BEACON_BYTES = 1_024
MOST_SAMPLE = 500
LONGEST_DAYS = 92


class ControlRefusal(StrEnum):
    """Why a control does not go on (docs/rules/controls.md)."""

    UNKNOWN_CAMPAIGN = "unknown_campaign"
    CAMPAIGN_IN_OTHER_STATE = "campaign_in_other_state"
    WRONG_PERIOD = "wrong_period"
    SAMPLE_SIZE = "sample_size"
    SAMPLE_BELOW_PARTS = "sample_below_parts"
    FRAME_EMPTY = "frame_empty"
    FRAME_CHANGED = "frame_changed"
    BEACON_NAME = "beacon_name"
    BEACON_MALFORMED = "beacon_malformed"
    TYPED_DIFFERS = "typed_differs"
    SECOND_OFFICER = "second_officer"
    UNKNOWN_VISIT = "unknown_visit"
    VISIT_IN_OTHER_STATE = "visit_in_other_state"
    UNKNOWN_FINDING = "unknown_finding"
    NOTE_MISSING = "note_missing"
    COUNT_MISSING = "count_missing"
    ANSWER_MISSING = "answer_missing"
    OWN_VISIT = "own_visit"
    OWN_PROVIDER = "own_provider"
    UNKNOWN_SANCTION = "unknown_sanction"
    REASON_MISSING = "reason_missing"
    NOT_ACCREDITED = "provider_not_accredited"
    NOTHING_TO_HOLD = "nothing_to_hold"
    VISITS_OPEN = "visits_open"


@dataclass(frozen=True, slots=True)
class Plan:
    """What is drawn from which days, in which parts, how many, and by which public beacon."""

    unit: Unit
    strata: Strata
    first: date
    last: date
    size: int
    beacon_name: str


@dataclass(frozen=True, slots=True)
class Line:
    """A unit of the frozen list."""

    unit: UUID
    part: str

    def text(self) -> str:
        """The line as it is hashed, without its LF."""
        return f"{self.unit}\t{self.part}"


@dataclass(frozen=True, slots=True)
class Found:
    """What a visitor writes down: children counted, a finding of the rule set's list or "", a note, a picture."""

    present: int | None
    finding: str = ""
    note: str = ""
    picture: bytes = b""


def refuse_plan(plan: Plan) -> ControlRefusal | None:
    """The first reason against a plan (R-60)."""
    days = (plan.last - plan.first).days
    if not 0 <= days <= LONGEST_DAYS:
        return ControlRefusal.WRONG_PERIOD
    if not 0 < plan.size <= MOST_SAMPLE:
        return ControlRefusal.SAMPLE_SIZE
    name = plan.beacon_name.strip()
    return ControlRefusal.BEACON_NAME if not name.removeprefix(TYPED).strip() or "\0" in name else None


def refuse_frame(lines: Sequence[Line], size: int) -> ControlRefusal | None:
    """Why this list cannot be drawn from (R-61)."""
    if not lines:
        return ControlRefusal.FRAME_EMPTY
    if size > len(lines):
        return ControlRefusal.SAMPLE_SIZE
    return ControlRefusal.SAMPLE_BELOW_PARTS if size < len({line.part for line in lines}) else None


def frame_text(lines: Sequence[Line]) -> str:
    """The frozen list: its lines sorted, each ended by LF."""
    return "".join(f"{text}\n" for text in sorted(line.text() for line in lines))


def frame_lines(frame: str) -> list[Line]:
    """The lines of a frozen list."""
    cells = (text.split("\t") for text in frame.splitlines())
    return [Line(UUID(unit), part) for unit, part in cells]


def terms_of(number: str, plan: Plan, commitment: bytes) -> str:
    """The one spelling of what a campaign promised before it was drawn."""
    return terms_text(
        {
            "schema": "qosymsha.control/1",
            "number": number,
            "unit": plan.unit.value,
            "parts": plan.strata.value,
            "first": plan.first.isoformat(),
            "last": plan.last.isoformat(),
            "size": plan.size,
            "beacon": plan.beacon_name,
            "commitment": commitment.hex(),
        }
    )


def root_of(terms: str, frame: str) -> bytes:
    """The 32-byte hash that binds promises and list."""
    return hashlib.sha256(b"control\0" + terms.encode() + b"\n" + frame.encode()).digest()


def seed_of(number: str, root: bytes, beacon: bytes, secret: bytes) -> bytes:
    """The campaign's seed: the formula of the rounds' draw, with one secret."""
    return draw.seed(number, root, beacon, [secret])


def shares(counts: Mapping[str, int], size: int) -> dict[str, int]:
    """Part → places in the sample: one each, the others by size with the largest rests (R-62)."""
    left, others = size - len(counts), sum(counts.values()) - len(counts)
    whole = {part: 1 + (left * (n - 1) // others if others else 0) for part, n in counts.items()}
    rests = sorted(counts, key=lambda part: (-(left * (counts[part] - 1) % others) if others else 0, part))
    for part in rests[: size - sum(whole.values())]:
        whole[part] += 1
    return whole


def sample(seed: bytes, lines: Sequence[Line], size: int) -> list[Line]:
    """Who is drawn, in the order of their numbers (R-62)."""
    places = shares(Counter(line.part for line in lines), size)
    drawn: list[tuple[bytes, Line]] = []
    for part, n in places.items():
        numbered = sorted((number_of(seed, line.unit), line) for line in lines if line.part == part)
        drawn += numbered[:n]
    return [line for _, line in sorted(drawn, key=lambda pair: pair[0])]


def number_of(seed: bytes, unit: UUID) -> bytes:
    """A unit's 32-byte number: smaller is drawn first."""
    return draw.number(seed, hashlib.sha256(b"unit\0" + str(unit).encode()).digest())


def refuse_found(found: Found, findings: Sequence[str]) -> ControlRefusal | None:
    """Why a visit cannot be written down like this (R-63): a count unless nobody could be counted, a known finding."""
    if found.finding and found.finding not in findings:
        return ControlRefusal.UNKNOWN_FINDING
    if found.present is None and found.finding not in ("no_lesson", "no_entry", "other_place"):
        return ControlRefusal.COUNT_MISSING
    return ControlRefusal.NOTE_MISSING if found.finding and not found.note.strip() else None


def refuse_decision(
    state: str, visited_by: int | None, decided_by: int, sanction: str, sanctions: Sequence[str]
) -> ControlRefusal | None:
    """Why this person may not decide so (R-65): another than who visited, a sanction of the rules or none."""
    if state not in (VisitState.ANSWERED, VisitState.UNANSWERED):
        return ControlRefusal.VISIT_IN_OTHER_STATE
    if visited_by == decided_by:
        return ControlRefusal.OWN_VISIT
    return None if sanction == Sanction.NONE or sanction in sanctions else ControlRefusal.UNKNOWN_SANCTION


def may_cancel(state: str) -> bool:
    """True while nobody can know the sample."""
    return state in (CampaignState.PLANNED, CampaignState.FROZEN)
