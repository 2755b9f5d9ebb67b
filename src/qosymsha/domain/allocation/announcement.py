"""What is announced of a round and bound by its root: leaf 0 of the closed list, and the seed that follows once
secrets are revealed.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from qosymsha.domain.allocation import canonical, draw
from qosymsha.domain.allocation.round_terms import RoundTerms

FORMAT = "qosymsha round 1"
TYPED = "typed:"  # a beacon of this name has its value typed by two officers, not fetched


class RevealError(ValueError):
    """A revealed secret is not the one that was committed to."""


@dataclass(frozen=True, slots=True)
class Announced:
    """What is published about the draw before the window opens.

    rules_hash: SHA-256 of the rule set in force, hex.   commitments: one per party, in the order their secrets will
        be used.
    beacon: texts or whole numbers that name the beacon, its exact future value and the fallback; free keys.
    """

    round_id: str
    rules_hash: str
    commitments: tuple[bytes, ...]
    beacon: Mapping[str, str | int]


def terms_text(terms: RoundTerms, announced: Announced) -> str:
    """Return everything that decides the round apart from its lines, in its one published spelling."""
    segments = [
        {"id": s.id, "places": s.places, "reserves": [list(r) for r in s.reserves], "cost": s.cost}
        for s in terms.segments
    ]
    budgets = [{"id": b.id, "segments": list(b.segments), "limit": b.limit} for b in terms.budgets]
    return canonical.terms_text(
        {
            "format": FORMAT,
            "round": announced.round_id,
            "rules_hash": announced.rules_hash,
            "commitments": [commitment.hex() for commitment in announced.commitments],
            "beacon": dict(announced.beacon),
            "policy": terms.policy.value,
            "tie": terms.tie.value,
            "rule": terms.rule.value,
            "on_short": terms.on_short.value,
            "coefficients": {str(tier): weight for tier, weight in terms.coefficients.items()},
            "segments": segments,
            "budgets": budgets,
        }
    )


def vouched(beacon_name: str, user_ids: Iterable[int]) -> dict[str, list[int]] | None:
    """Return who vouches for a typed value, as the audit of the draw keeps it; None where fewer than two people do.

    A value fetched by its name needs nobody's word: the answer is empty.
    """
    if not beacon_name.startswith(TYPED):
        return {}
    people = sorted(set(user_ids))
    return {"typed_by": people} if len(people) >= 2 else None


def seed_of(announced: Announced, root: bytes, beacon: bytes, secrets: Sequence[bytes]) -> bytes:
    """Return the round's seed from the closed list's root, the beacon's value and the secrets in the order of their
    commitments.

    Raises:
        RevealError: a secret does not belong to its commitment, or one is missing.
    """
    if [draw.commitment(secret) for secret in secrets] != list(announced.commitments):
        raise RevealError("a revealed secret is not the one that was committed to")
    return draw.seed(announced.round_id, root, beacon, secrets)
