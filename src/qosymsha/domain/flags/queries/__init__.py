"""Reads of months to be screened and of red flags. What names children's months takes the actor and is audited."""

from qosymsha.domain.flags.queries.flags import FlagFacts, Reason, flags, flags_by_state, screened, unscreened
from qosymsha.domain.flags.queries.months import (
    Chunk,
    Loaded,
    Subject,
    Whole,
    chunks,
    judged,
    latest_month,
    load,
    subjects,
    whole,
)
from qosymsha.domain.flags.queries.outside import fetched, stored_rows, told
from qosymsha.domain.flags.queries.points import Point, overlapping_points, points
from qosymsha.domain.flags.queries.scores import DayScore, MonthScore, scores

__all__ = [
    "Chunk",
    "DayScore",
    "FlagFacts",
    "Loaded",
    "MonthScore",
    "Point",
    "Reason",
    "Subject",
    "Whole",
    "chunks",
    "fetched",
    "flags",
    "flags_by_state",
    "judged",
    "latest_month",
    "load",
    "overlapping_points",
    "points",
    "scores",
    "screened",
    "stored_rows",
    "subjects",
    "told",
    "unscreened",
    "whole",
]
