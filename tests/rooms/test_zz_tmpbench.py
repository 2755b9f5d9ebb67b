import resource
import time
from datetime import date

import pytest
from django.db import connection

from qosymsha.domain.insights.queries import check_invariants
from qosymsha.domain.ledger import steps as ls
from qosymsha.domain.ledger.rules import *
from qosymsha.domain.settlement.commands import draw_claims
from qosymsha.kernel.entropy import uuid4
from tests.factories.settlement import *
from tests.factories.settlement import _key, _move

pytestmark = pytest.mark.django_db


def q(s, *a):
    with connection.cursor() as c:
        c.execute(s, a or None)
        return c.fetchall() if c.description else None


def copy(t, src, n, **ch):
    cols = [
        x
        for (x,) in q(
            "SELECT attname FROM pg_attribute WHERE attrelid=%s::regclass AND attnum>0 AND NOT attisdropped AND attidentity=''",
            t,
        )
    ]
    ch = {"uuid": "gen_random_uuid()"} | ch
    q(
        f"INSERT INTO {t} ({','.join(chr(34) + c + chr(34) for c in cols)}) SELECT {','.join(ch.get(c, chr(34) + c + chr(34)) for c in cols)} FROM {t} , generate_series(1,{n}) i WHERE id={src}"
    )


def test_bench():
    N = 20000
    G = 100
    home = city(budget_tiyn=10**13)
    (e,) = enrol(home)
    on = sheet(home)
    r = row(on, e)
    q("SET LOCAL session_replication_role=replica")
    copy("provider", home.provider.id, 10, number="'PX'||i", bin="lpad(i::text,12,'0')")
    copy("contract", home.contract.id, 10, number="'KX'||i", provider_id=f"{home.provider.id}+i")
    copy(
        "club_group",
        home.group.id,
        G,
        code="'GX'||i",
        contract_id=f"{home.contract.id}+1+i%10",
        provider_id=f"{home.provider.id}+1+i%10",
        capacity="1000",
    )
    copy("child", e.child_id, N)
    copy("voucher", e.voucher_id, N, number="'VX'||i", child_id=f"{e.child_id}+i")
    copy(
        "enrolment",
        e.id,
        N,
        voucher_id=f"{e.voucher_id}+i",
        child_id=f"{e.child_id}+i",
        group_id=f"{home.group.id}+1+i%{G}",
        provider_id=f"{home.provider.id}+1+(i%{G})%10",
    )
    q(
        "INSERT INTO voucher_history(voucher_id,seq,from_state,to_state,cause,at,actor_id) SELECT v.id,h.seq,h.from_state,h.to_state,'x',h.at,1 FROM voucher v, voucher_history h WHERE h.voucher_id=%s AND v.id<>%s",
        e.voucher_id,
        e.voucher_id,
    )
    q(
        "INSERT INTO enrolment_history(enrolment_id,seq,from_state,to_state,cause,at,actor_id) SELECT v.id,1,'','active','x',now(),1 FROM enrolment v WHERE v.id<>%s",
        e.id,
    )
    months = [date(2026, m, 1) for m in range(1, 4)]
    for k, m in enumerate(months):
        q(
            "INSERT INTO month_sheet(uuid,territory_id,programme_id,provider_id,group_id,month,state,lessons_held,hash,sent_at) SELECT gen_random_uuid(),territory_id,programme_id,provider_id,id,%s,'for_payment',8,'x',now() FROM club_group WHERE id>%s",
            m,
            home.group.id,
        )
    q(
        "INSERT INTO month_sheet_history(month_sheet_id,seq,from_state,to_state,cause,at,actor_id) SELECT s.id,h.seq,h.from_state,h.to_state,'x',now(),1 FROM month_sheet s, month_sheet_history h WHERE h.month_sheet_id=%s AND s.id<>%s",
        on.id,
        on.id,
    )
    q(
        "INSERT INTO sheet_row(uuid,territory_id,programme_id,sheet_id,enrolment_id,child_id,present,ill,excused,absent,word,reason,confirmed_by,confirmed_at,evidence) SELECT gen_random_uuid(),s.territory_id,s.programme_id,s.id,e.id,e.child_id,6,1,1,0,'confirmed','',%s,now(),'' FROM month_sheet s JOIN enrolment e ON e.group_id=s.group_id WHERE s.group_id>%s",
        r.confirmed_by,
        home.group.id,
    )
    q(
        "INSERT INTO mark SELECT make_date(2026,1+d/28,1+d%%28), %s+d, e.id, e.child_id, 1,1,'present','x',now(),1 FROM enrolment e, generate_series(0,59) d WHERE e.id<>%s",
        10**6,
        e.id,
    )
    q(
        "INSERT INTO mark SELECT s.month+20+d, 77, r.enrolment_id, r.child_id,1,1,'present','x',now(),1 FROM sheet_row r JOIN month_sheet s ON s.id=r.sheet_id, generate_series(1,6) d WHERE r.id>%s",
        r.id,
    )
    q("SET LOCAL session_replication_role=origin")
    ids = [x for (x,) in q("SELECT id FROM enrolment WHERE id<>%s ORDER BY id", e.id)]

    class E:
        pass

    t = time.time()
    for m in months:
        drafts = [
            _move(f"{i} {m}", TARIFF * UNITS, _key("free", home.line.id), _key("place", home.line.id, i, m))
            for i in ids
        ]
        ls.post(drafts, at=AT)
    print("promise 60k", time.time() - t)
    q("ANALYZE")
    provs = [x for (x,) in q("SELECT id FROM provider WHERE id>%s ORDER BY 1", home.provider.id)]
    for m in months:
        t = time.time()
        out = draw_claims(actor=SYSTEM, programme_id=home.programme.id, provider_ids=provs, month=m, at=AT, key=uuid4())
        dt = time.time() - t
        print(
            m,
            len(out),
            sum(1 for o in out if o.id),
            f"{dt:.2f}s {dt / N * 1e6:.0f} us/row",
            q("select count(*) from claim_row"),
        )
    q("ANALYZE")
    for res in check_invariants(AT):
        print(res.id, res.violations, res.examples[:2], round(res.seconds, 2))
    print(
        "marks",
        q("select count(*) from mark"),
        "entries",
        q("select count(*) from ledger_entry"),
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "MB",
    )
