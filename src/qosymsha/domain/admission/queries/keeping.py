"""Until when what belongs to a round must be kept."""

from __future__ import annotations

from datetime import date, datetime

from django.db.models import Min

from qosymsha.domain.admission.models import Round
from qosymsha.domain.admission.states import RoundState


def unfinished_since(month: date) -> datetime | None:
    """When the oldest round opened that is not over: not cancelled, and whose vouchers last into `month` or beyond."""
    lasting = Round.objects.exclude(state=RoundState.CANCELLED).filter(last_month__gte=month)
    found: datetime | None = lasting.aggregate(since=Min("opens_at"))["since"]
    return found
