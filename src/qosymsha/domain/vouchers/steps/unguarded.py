"""Vouchers of children for whom nobody speaks: the days to accept them stand still (docs/rules/guardians.md G-16)."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta

from django.db import transaction

from qosymsha.domain.programmes import queries as programmes
from qosymsha.domain.vouchers.models import Voucher
from qosymsha.domain.vouchers.queries import rows

_LOOKAHEAD_DAYS = 120
_WAITING = """
SELECT v.id, v.rule_set_id FROM voucher v WHERE v.territory_id = %s AND v.state = 'issued' AND NOT EXISTS (
    SELECT FROM guardianship g WHERE g.child_id = v.child_id AND g.kind <> 'self' AND g.valid @> %s::date)
 ORDER BY v.id FOR NO KEY UPDATE OF v"""


def keep_answerable(territory_id: int, on: date) -> int:
    """Put the last day to accept off for issued vouchers that nobody can accept today; how many there are."""
    assert transaction.get_connection().in_atomic_block, "a day is put off where vouchers expire"
    found = rows(_WAITING, [territory_id, on])
    by_rules: defaultdict[int, list[int]] = defaultdict(list)
    for voucher_id, rule_set_id in found:
        by_rules[rule_set_id].append(voucher_id)
    calendar = programmes.calendar(territory_id, on, on + timedelta(days=_LOOKAHEAD_DAYS)) if found else None
    for rule_set_id, ids in sorted(by_rules.items()):
        assert calendar is not None, "there are vouchers"
        last = calendar.add_working_days(on, programmes.rules_of(rule_set_id).rules.timers.accept_working_days)
        Voucher.objects.filter(id__in=ids, accept_by__lt=last).update(accept_by=last)
    return len(found)
