"""The city of `bench.flags`: that of `bench.month` with evidence behind every present day."""

from __future__ import annotations

import time

from django.db import connection, transaction

from bench.month import _cpu
from bench.month_city import AT, MONTH, SYSTEM, City
from qosymsha.domain.flags.commands import screen
from qosymsha.kernel.entropy import uuid4

_EVIDENCE = """
INSERT INTO check_in ("on", session_id, enrolment_id, child_id, territory_id, programme_id, kind, at, guardian_id,
       step)
SELECT m."on", m.session_id, m.enrolment_id, m.child_id, 1, 1, 'code', m.marked_at - interval '50 minutes',
       m.child_id, 1
  FROM mark m WHERE m.value = 'present';
INSERT INTO trace (month, kind, subject_id, enrolment_id, device, network, at)
SELECT %(month)s, 'check_in', m.session_id, m.enrolment_id, substr(sha256(m.child_id::text::bytea), 1, 16),
       substr(sha256(('n' || m.child_id)::bytea), 1, 16), m.marked_at FROM mark m WHERE m.value = 'present';
INSERT INTO trace (month, kind, subject_id, enrolment_id, device, network, at)
SELECT %(month)s, 'word', r.id, 0, substr(sha256(r.child_id::text::bytea), 1, 16),
       substr(sha256(('n' || r.child_id)::bytea), 1, 16), now() FROM sheet_row r;
UPDATE sheet_row SET confirmed_at = confirmed_at + (child_id %% 500000) * interval '1 second'"""


def screen_twice(children: int) -> None:
    """Make the city and its evidence, then screen it: the first run, and a run that finds everything judged."""
    city = City(children)
    city.make()
    city.freeze()
    city.speak()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        for statement in _EVIDENCE.split(";\n"):
            cursor.execute(statement, {"month": MONTH})
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE)")
    print(f"{city.children:,} children, {city.marks:,} marks, {city.providers:,} providers")
    for run in ("first", "again"):
        start, cpu = time.perf_counter(), _cpu()
        done = screen(actor=SYSTEM, programme_id=1, month=MONTH, at=AT, key=uuid4())
        took, spent = time.perf_counter() - start, _cpu() - cpu
        print(
            f"  {run}: {took:.1f} s, processor {spent:.1f} s, {1e6 * spent / city.marks:.1f} µs a mark, {done}",
            flush=True,
        )
