import os
import time

import pytest
from django.db import connection

from qosymsha.domain.admission import commands
from tests.factories.admission import *

N = int(os.environ.get("BENCH_N", "20000"))


def rss():
    return int([l for l in open("/proc/self/status") if l.startswith("VmHWM")][0].split()[1]) // 1024


@pytest.mark.django_db(transaction=True)
def test_bench(tmp_path):

    city = City(money={"sport": money_for(N * 6 // 10)})
    t = time.perf_counter()
    fams = []
    for i in range(0, N, 10000):
        fams += city.families(min(10000, N - i), categories=["orphan"] if i == 0 else [])
    print(f"\nfamilies {time.perf_counter() - t:.1f}s", rss())
    with connection.cursor() as c:
        c.execute("ANALYZE")
    r = city.opened()
    base = rss()
    for size in (2000, 5000):
        pass
    t = time.perf_counter()
    for i in range(0, N, 5000):
        t1 = time.perf_counter()
        city.file(r, fams[i : i + 5000])
        if i in (0, 5000) or i >= N - 5000:
            print("  batch", round((time.perf_counter() - t1) / 5000 * 1e6), "us/row")
    d = time.perf_counter() - t
    print(f"submit {d:.1f}s {d / N * 1e6:.0f} us/row rss {rss()}")
    with connection.cursor() as c:
        c.execute("ANALYZE")
    from collections import Counter

    T = Counter()
    C = Counter()

    def wrap(execute, sql, params, many, context):
        t0 = time.perf_counter()
        try:
            return execute(sql, params, many, context)
        finally:
            k = " ".join(str(sql).split())[:90]
            T[k] += time.perf_counter() - t0
            C[k] += 1

    w = connection.execute_wrapper(wrap)
    w.__enter__()
    for name, f in (("close", city.close), ("draw", city.draw), ("allocate", city.allocate)):
        t = time.perf_counter()
        f(r)
        d = time.perf_counter() - t
        print(f"{name} {d:.1f}s {d / N * 1e6:.0f} us/row rss {rss()}")
        for k, v in T.most_common(7):
            print(f"     {v:.2f}s {C[k]}x {k}")
        T.clear()
        C.clear()
    t = time.perf_counter()
    commands.publish_round(actor=city.officer, round_id=r.id, folder=tmp_path, at=AFTER, key=uuid4())
    print(f"publish {time.perf_counter() - t:.1f}s rss {rss()}")
    city.give("sport", money_for(N // 10))
    t = time.perf_counter()
    print(city.refill(r))
    print(f"refill {time.perf_counter() - t:.1f}s rss {rss()}")

    for k, v in T.most_common(7):
        print(f"     {v:.2f}s {C[k]}x {k}")
