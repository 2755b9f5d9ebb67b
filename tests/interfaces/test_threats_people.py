"""T24: one hand for hundreds of families. A point where clerks help goes on working; a tout is stopped and told of."""

from __future__ import annotations

import os
from datetime import timedelta

import pytest
from django.db import transaction

from qosymsha.domain.assistance.models import AssistedVisit
from qosymsha.domain.attendance import commands as attendance
from qosymsha.domain.attendance.rules import Trace, Word
from qosymsha.domain.attendance.states import TraceKind
from qosymsha.domain.attendance.steps import leave_traces
from qosymsha.domain.flags.models import FlagReason
from qosymsha.domain.people.models import SecurityEvent
from tests.factories.admission import INSIDE
from tests.factories.attendance import OVER, guardian_of, sent_sheet
from tests.factories.people import family, register
from tests.factories.vouchers import CHANNEL, FIRST, add_group, enrolled, key, make_city
from tests.interfaces.test_assisted import Point
from tests.rooms.test_flags import Month, screen

pytestmark = pytest.mark.django_db
FAMILIES = 100 if os.environ.get("WALL") == "whole" else 20


@pytest.mark.parametrize("is_limited", [True, False])
def test_without_the_days_number_a_tout_goes_on(is_limited: bool, settings: object) -> None:
    """The limit stops the third family of an account that may help two; the control run: without it nobody hears."""
    settings.ASSISTANCE_LIMITS = {"families_a_day": 2 if is_limited else 10_000}  # type: ignore[attr-defined]
    point = Point()
    others = [family(n) for n in (11, 12)]
    register(point.city.territory.id, others)
    point.proved()
    begun = []
    for one in others:
        begun.append(point.begin(one.guardian.iin or "").status_code)
        AssistedVisit.objects.filter(proved_at=None).update(proved_at=INSIDE)
    assert begun == [302, 422 if is_limited else 302]
    assert SecurityEvent.objects.filter(kind="assistance_stopped").exists() is is_limited


def confirmed(device: str) -> Month:
    """A month of so many families who all confirmed within an hour, on one phone or on a phone each."""
    city = make_city()
    places = [e for _, _, e in enrolled(city, add_group(city, capacity=FAMILIES), FAMILIES)]
    sheet_id, rows = sent_sheet(city, places)
    words = [Word(row.pk, guardian_of(row), "confirmed", "") for row in rows]
    attendance.confirm_rows(actor=CHANNEL, words=words, at=OVER + timedelta(hours=1), key=key())
    with transaction.atomic():
        for n, row in enumerate(rows):
            mine = device or f"phone-{n}"
            leave_traces(TraceKind.WORD, [row.pk], Trace(mine, f"net-{mine}"), OVER + timedelta(hours=1), month=FIRST)
    return Month(city, sheet_id, rows)


@pytest.mark.parametrize("device", ["one-phone", ""])
def test_one_device_for_a_hundred_families_is_flagged(device: str) -> None:
    """By day twenty. The control run: with a phone each the same words raise nothing of it."""
    screen(confirmed(device))
    found = FlagReason.objects.filter(code="shared_confirming_device")
    assert found.count() == (FAMILIES if device else 0)
