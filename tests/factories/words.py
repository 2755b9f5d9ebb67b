"""What must come of phones' words, said in one sentence instead of step by step.

The phone whose word arrives first holds the mark; the mark is its word with the highest counter; its other words are
superseded; every other phone's word agrees with the mark or stands open against it.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from qosymsha.domain.attendance.states import ObjectionState

Word = tuple[int, UUID, int, int, int, str]  # who, phone, counter, session, enrolment, value
Spot = tuple[int, int]


def expected(arrived: Sequence[Word]) -> tuple[dict[Spot, Word], dict[Word, ObjectionState]]:
    """The marks by spot, and the state of every other word, from all words in the order of arrival."""
    marks: dict[Spot, Word] = {}
    for spot in dict.fromkeys((word[3], word[4]) for word in arrived):
        here = [word for word in arrived if (word[3], word[4]) == spot]
        own = [word for word in here if word[:2] == here[0][:2]]
        marks[spot] = max(own, key=lambda word: word[2])
    beside = {word: _state(word, marks[word[3], word[4]]) for word in arrived if marks[word[3], word[4]] != word}
    return marks, beside


def _state(word: Word, mark: Word) -> ObjectionState:
    if word[:2] == mark[:2]:
        return ObjectionState.SUPERSEDED
    return ObjectionState.AGREED if word[5] == mark[5] else ObjectionState.OPEN
