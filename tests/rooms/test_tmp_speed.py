import time as clk
from datetime import date

import pytest
from django.db import connection

from qosymsha.domain.attendance import commands as att
from qosymsha.domain.attendance import queries as aq
from qosymsha.domain.attendance.rules import MarkRow, Word
from qosymsha.domain.vouchers import commands
from qosymsha.domain.vouchers.rules import *
from qosymsha.domain.vouchers.states import CloseReason
from qosymsha.kernel.schema import make_months
from tests.factories.attendance import *
from tests.factories.vouchers import *

pytestmark = pytest.mark.django_db(transaction=True)
N = 5000


def test_speed():
    make_months(FIRST, 5)
    city = make_city(money=10**13)

    def timed(name, n, f):
        def slow(execute, sql, params, many, context):
            t0 = clk.perf_counter()
            try:
                return execute(sql, params, many, context)
            finally:
                dt = clk.perf_counter() - t0
                if dt > 0.15:
                    print(f"      {dt:.2f}s", " ".join(sql.split())[:110])

        t = clk.perf_counter()
        with connection.execute_wrapper(slow):
            r = f()
        if 1:
            pass
        d = clk.perf_counter() - t
        print(f"{name}: {d:.2f}s {d / n * 1e6:.0f} us/row")
        return r

    children = add_children(city, N)
    groups = [add_group(city, capacity=20) for _ in range(N // 20)]
    others = [add_group(city, capacity=20, weekdays=(1, 3)) for _ in range(N // 20)]
    vs = timed("issue", N, lambda: issue(city, children))
    pairs = [(v, city.guardian(c)) for v, c in zip(vs, children)]
    timed(
        "accept",
        N,
        lambda: commands.accept_vouchers(
            actor=CHANNEL, answers=[VoucherAnswer(v, g) for v, g in pairs], at=AT, key=key()
        ),
    )
    wishes = [EnrolWish(v, g, groups[i % len(groups)], FIRST) for i, (v, g) in enumerate(pairs)]
    out = timed("enrol", N, lambda: commands.enrol(actor=CHANNEL, wishes=wishes, at=AT, key=key()))
    assert all(o.reason is None for o in out)
    timed(
        "promise",
        N,
        lambda: commands.promise_month(
            actor=SYSTEM, programme_id=city.programme_id, month=date(2026, 10, 1), at=AT, key=key()
        ),
    )
    sessions = timed("plan", len(groups) * 2 * 9, lambda: plan(city))
    by = {}
    for s in sessions:
        by.setdefault(s.group_id, []).append(s.id)
    marks = [MarkRow(s, o.id, "present") for w, o in zip(wishes, out) for s in by[w.group_id]]
    print(len(marks))
    m = manager(city)
    r = timed(
        "mark",
        20000,
        lambda: att.mark_sessions(actor=m, provider_id=city.provider_id, marks=marks[:20000], at=OVER, key=key()),
    )
    assert all(o.reason is None for o in r)
    timed(
        "mark again",
        20000,
        lambda: att.mark_sessions(actor=m, provider_id=city.provider_id, marks=marks[:20000], at=OVER, key=key()),
    )
    sent = timed("send per child", N, lambda: send(city))
    ids = [o.id for o in sent if o.id]
    rows = timed("rows", N, lambda: aq.rows_of_sheets(actor=OFFICER, sheet_ids=ids, at=OVER))
    words = [Word(x.id, city.guardian(x.child_id), "confirmed") for x in rows]
    timed("confirm", N, lambda: att.confirm_rows(actor=CHANNEL, words=words, at=OVER, key=key()))
    timed("approve per child", N, lambda: att.approve_sheets(actor=OFFICER, sheet_ids=ids, at=OVER, key=key()))
    moves = [Move(v, g, others[i % len(groups)], date(2026, 10, 15)) for i, (v, g) in enumerate(pairs)]
    r = timed(
        "transfer",
        N,
        lambda: commands.transfer(actor=CHANNEL, moves=moves, at=local_instant(date(2026, 10, 14), 9), key=key()),
    )
    assert all(o.reason is None for o in r)
    timed(
        "close",
        N,
        lambda: commands.close_vouchers(
            actor=OFFICER, voucher_ids=vs, reason=CloseReason.BUDGET, at=local_instant(date(2026, 10, 16), 9), key=key()
        ),
    )
    timed("sweep", 1, lambda: commands.sweep_released(actor=SYSTEM, programme_id=city.programme_id, at=AT, key=key()))
