"""Words about a person that no table of this room holds: they are sealed in the table of secrets."""

from __future__ import annotations

from qosymsha.domain.agreements.states import PAPER as PAPER
from qosymsha.domain.people import steps as people_steps
from qosymsha.domain.people.steps import SecretRow

REFUSAL, WORD = "child_refusal", "refusal_word"  # kinds in the table of secrets


def keep_secret(kind: str, row_id: int, text: str) -> None:
    """Seal a text under a row of this room; an empty one is not kept."""
    if text.strip():
        people_steps.seal(kind, [SecretRow(row_id, text.strip().encode())])
