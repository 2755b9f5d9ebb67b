"""What may be held by name, how a hold ends, the life of a voucher's ending, and the news they make."""

from __future__ import annotations

from enum import StrEnum


class Kind(StrEnum):
    """Rows of the office's queues that an officer holds by name."""

    ROW = "row"  # a child's row of a month sheet that no family confirmed
    CASE = "case"  # a category to be checked from papers
    FILE = "file"  # an accreditation
    FLAG = "flag"  # a red flag
    ABSENCE = "absence"  # a long absence
    REFUSAL = "refusal"  # a club's refusal of a child


class Over(StrEnum):
    """How a hold ended by somebody's hand; one whose days or whose right ended is simply nobody's."""

    PUT_BACK = "put_back"
    HANDED_ON = "handed_on"
    LAPSED = "lapsed"  # its days or the right had ended when the next one took the row


class Ending(StrEnum):
    """What is to be taken from a voucher: its place, or itself."""

    RELEASE = "release"
    CLOSE = "close"


class EndingState(StrEnum):
    """The life of a voucher's ending: one official proposes, another decides after the hearing's days."""

    PROPOSED = "proposed"
    CARRIED_OUT = "carried_out"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"


ENDING_TRANSITIONS: frozenset[tuple[str, str]] = frozenset(
    {
        ("", EndingState.PROPOSED),
        (EndingState.PROPOSED, EndingState.CARRIED_OUT),
        (EndingState.PROPOSED, EndingState.DECLINED),
        (EndingState.PROPOSED, EndingState.WITHDRAWN),
    }
)


class Topic(StrEnum):
    """What the outbox tells."""

    ROW_TAKEN = "row_taken"
    ROW_ASSIGNED = "row_assigned"
    ROW_PUT_BACK = "row_put_back"
    ENDING_PROPOSED = "voucher_ending_proposed"
    ENDING_DECIDED = "voucher_ending_decided"
