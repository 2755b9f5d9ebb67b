"""A day on which nothing is due leaves no key without its audit row (INV-12). Found by the battery of kills."""

from __future__ import annotations

import pytest
from django.db import connection

from bench import rush_city
from qosymsha.domain.insights.queries import check_invariant
from qosymsha.interfaces.jobs import schedule
from qosymsha.kernel import clock
from qosymsha.kernel.models import IdempotencyKey


@pytest.mark.django_db(transaction=True)
def test_each_duty_of_the_clock_is_audited_also_when_it_finds_nothing_to_do() -> None:
    rush_city.found(rush_city.Sizes(applicants=2, holders=2, groups=1))
    for _, duty in schedule.SCHEDULE:
        duty(clock.read())
    verbs = set(IdempotencyKey.objects.values_list("verb", flat=True))
    assert {"promise_month", "remind_guardians", "watch_absences", "expire_vouchers"} <= verbs
    found = check_invariant("INV-12", clock.read())
    assert found.ok, found.examples
    with connection.cursor() as cursor:  # the control: one event gone, and the same question is red
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(
            "DELETE FROM audit_event WHERE at = (SELECT at FROM idempotency_key WHERE verb = 'promise_month')"
        )
        cursor.execute("RESET session_replication_role")
    assert not check_invariant("INV-12", clock.read()).ok
