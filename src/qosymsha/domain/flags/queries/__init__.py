"""Reads of months to be screened and of red flags. What names children's months takes the actor and is audited."""

from qosymsha.domain.flags.queries.flags import FlagFacts, Reason, flags, flags_by_state, screened, unscreened
from qosymsha.domain.flags.queries.months import Chunk, Loaded, Subject, chunks, judged, latest_month, load, subjects
from qosymsha.domain.flags.queries.outside import fetched, stored_rows, told
from qosymsha.domain.flags.queries.scores import DayScore, MonthScore, scores

__all__ = [
    "Chunk",
    "DayScore",
    "FlagFacts",
    "Loaded",
    "MonthScore",
    "Reason",
    "Subject",
    "chunks",
    "fetched",
    "flags",
    "flags_by_state",
    "judged",
    "latest_month",
    "load",
    "scores",
    "screened",
    "stored_rows",
    "subjects",
    "told",
    "unscreened",
]
