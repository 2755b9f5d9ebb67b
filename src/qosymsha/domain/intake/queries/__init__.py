"""Reads: drafts and cases of a family's own children, the officers' queue. Reads of children are audited."""

from qosymsha.domain.intake.queries.families import (
    Certified,
    OwnCase,
    OwnDraft,
    Standing,
    answer_days,
    own_case,
    own_drafts,
    own_paper,
    own_ward,
    standing,
    undecided,
)
from qosymsha.domain.intake.queries.office import (
    CaseLine,
    CasePage,
    CaseWork,
    case_lines,
    case_page,
    case_paper,
    case_work,
)

__all__ = [
    "CaseLine",
    "CasePage",
    "CaseWork",
    "Certified",
    "OwnCase",
    "OwnDraft",
    "Standing",
    "answer_days",
    "case_lines",
    "case_page",
    "case_paper",
    "case_work",
    "own_case",
    "own_drafts",
    "own_paper",
    "own_ward",
    "standing",
    "undecided",
]
