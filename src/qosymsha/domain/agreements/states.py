"""The lives of contracts, papers, refusals and waits, and the news they make."""

from __future__ import annotations

from enum import StrEnum

PAPER = "enrolment_paper"  # what a scan is about, in the room `documents`


class AgreementState(StrEnum):
    """A contract of a family with a provider waits for both signatures, then stands."""

    OPEN = "open"
    SIGNED = "signed"


class Side(StrEnum):
    """Who signs a contract."""

    FAMILY = "family"
    PROVIDER = "provider"


class PaperState(StrEnum):
    """An enrolment paper: told by the family, then seen by the provider or given back."""

    GIVEN = "given"
    SEEN = "seen"
    RETURNED = "returned"


class RefusalState(StrEnum):
    """A provider's refusal of a child: the place stays until it stands."""

    FILED = "filed"
    STANDS = "stands"
    OVERTURNED = "overturned"
    WITHDRAWN = "withdrawn"  # by the provider, or the place ended otherwise


class WaitState(StrEnum):
    """A child on a group's own list; an offer holds a seat."""

    WAITING = "waiting"
    OFFERED = "offered"
    TAKEN = "taken"
    DECLINED = "declined"
    EXPIRED = "expired"
    LEFT = "left"
    DROPPED = "dropped"  # a rule forbids the place by now


class Topic(StrEnum):
    """What the outbox tells."""

    CONTRACT_DRAWN = "agreements.contract_drawn"
    CONTRACT_SIGNED = "agreements.contract_signed"
    CONTRACT_UNSIGNED = "agreements.contract_unsigned"
    PAPER_GIVEN = "agreements.paper_given"
    PAPER_SEEN = "agreements.paper_seen"
    PAPER_RETURNED = "agreements.paper_returned"
    CHILD_REFUSED = "agreements.child_refused"
    REFUSAL_ANSWERED = "agreements.refusal_answered"
    REFUSAL_STANDS = "agreements.refusal_stands"
    REFUSAL_OVERTURNED = "agreements.refusal_overturned"
    REFUSAL_WITHDRAWN = "agreements.refusal_withdrawn"
    RENEWED = "agreements.renewed"
    RENEWAL_ANSWERED = "agreements.renewal_answered"
    CHARGE_SET = "agreements.charge_set"
    RECEIPT_RECORDED = "agreements.receipt_recorded"
    RECEIPT_CANCELLED = "agreements.receipt_cancelled"
    WAIT_BEGUN = "agreements.wait_begun"
    WAIT_ENDED = "agreements.wait_ended"
    SEAT_OFFERED = "agreements.seat_offered"


_A, _P, _R, _W = AgreementState, PaperState, RefusalState, WaitState

AGREEMENT_TRANSITIONS: frozenset[tuple[str, str]] = frozenset({("", _A.OPEN), (_A.OPEN, _A.SIGNED)})

PAPER_TRANSITIONS: frozenset[tuple[str, str]] = frozenset(
    {("", _P.GIVEN), ("", _P.SEEN), (_P.GIVEN, _P.SEEN), (_P.GIVEN, _P.RETURNED)}
)

REFUSAL_TRANSITIONS: frozenset[tuple[str, str]] = frozenset(
    {("", _R.FILED), (_R.FILED, _R.STANDS), (_R.FILED, _R.OVERTURNED), (_R.FILED, _R.WITHDRAWN)}
)

WAIT_TRANSITIONS: frozenset[tuple[str, str]] = frozenset(
    {("", _W.WAITING), (_W.WAITING, _W.OFFERED), (_W.WAITING, _W.LEFT), (_W.WAITING, _W.DROPPED),
     (_W.OFFERED, _W.TAKEN), (_W.OFFERED, _W.DECLINED), (_W.OFFERED, _W.EXPIRED), (_W.OFFERED, _W.DROPPED)}
)  # fmt: skip
LIVE_WAITS = frozenset({_W.WAITING, _W.OFFERED})
