"""A hundred attacks in words, and the words of people that they are put into: T16."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from django.db import IntegrityError, connection, transaction

from qosymsha.domain.people.models import Child, Guardian
from qosymsha.domain.people.rules import PersonDetails, person_json
from qosymsha.domain.people.steps import SecretRow, seal

WRITTEN = (
    "<script>xss()</script>", "<img src=x onerror=xss()>", "<svg/onload=xss()>", "\"><script src=//xss></script>",
    "' onmouseover='xss()", "\" autofocus onfocus=\"xss()", "<iframe srcdoc='<script>xss()</script>'>",
    "</title><script>xss()</script>", "</textarea><script>xss()</script>", "<a href=javascript:xss()>x</a>",
    "<math><mtext><style><img src onerror=xss()></style>", "<!--><script>xss()</script-->", "{{ xss }}{% xss %}",
    "<body onload=xss()>", "<form action=//xss><input autofocus onfocus=xss()>", "<details open ontoggle=xss()>",
    "<link rel=stylesheet href=//xss>", "<meta http-equiv=refresh content='0;url=javascript:xss()'>",
    "<object data=javascript:xss()>", "<b style='background:url(javascript:xss())'>x</b>", "<base href=//xss>",
    "\u003cscript\u003exss()\u003c/script\u003e", "%3Cscript%3Exss()%3C/script%3E", "<ScRiPt>xss()</sCrIpT>", "<xss>",
)  # fmt: skip
# Something that runs by itself, in each place that words may stand in: text, attributes, a title, a text field.
_RUNS = (
    "<img src=x onerror=xss()>", "<svg onload=xss()>", "<video><source onerror=xss()></video>",
    "<audio src=x onerror=xss()>",
    "<input autofocus onfocus=xss()>", "<select autofocus onfocus=xss()>", "<textarea autofocus onfocus=xss()>",
    "<details open ontoggle=xss()>", "<iframe src=javascript:xss()>", "<embed src=javascript:xss()>",
    "<script>xss()</script>", "<script>setTimeout('xss()')</script>", "<svg><script>xss()</script></svg>",
    "<svg><animate onbegin=xss() attributeName=x dur=1s>", "<style onload=xss()></style>",
)  # fmt: skip
_OUT = ('">', "'>", "</textarea>", "</title></script></style>", "-->]]>")
PAYLOADS = (*WRITTEN, *(out + runs for out, runs in itertools.product(_OUT, _RUNS)))
assert len(PAYLOADS) == 100

# Free words of people, wherever they stand: table → columns.
WORDS = {
    "provider": ("name",), "venue": ("address_kk", "address_ru"), "territory": ("name_kk", "name_ru", "name_en"),
    "programme": ("name_kk", "name_ru", "name_en"), "department": ("name_kk", "name_ru", "name_en"),
    "offering": ("title_kk", "title_ru", "title_en"), "activity": ("name_kk", "name_ru", "name_en"),
    "red_flag": ("reason", "evidence"), "recovery": ("reason", "evidence", "decision"), "refund": ("reference",),
    "absence_case": ("objection", "evidence"), "absence_notice": ("reason", "paper"), "passkey": ("name",),
    "app_user": ("subject",), "club_group": ("name", "code"), "child_refusal": ("family_word", "reason"),
    "enrolment_paper": ("reason",), "group_charge": ("what_for",), "group_wait": ("reason",), "claim": ("reason",),
    "control_visit": ("note", "answer", "reason"), "control_campaign": ("beacon_name",),
    "category_case": ("words",), "enquiry": ("reference",), "budget_plan": ("decision",), "service_act": ("reason",),
    "calendar_day": ("name_kk", "name_ru", "source"), "rule_set": ("withdrawn_reason",),
    "accreditation_paper": ("number",), "accreditation_history": ("reason", "words"), "month_sheet": ("reason",),
    "mark_objection": ("reason", "resolution"), "reading_grant": ("reason",),
    "day_hold": ("reason", "evidence"), "sheet_row": ("reason", "evidence"), "returned_row": ("reason",),
    "consultation_point": ("name_kk", "name_ru", "name_en", "address"),
    "point_device": ("name",), "admission_round": ("cancel_reason", "beacon_name"), "session": ("reason",),
    "choice_round": ("cancel_reason", "beacon_name"), "session_change": ("reason",),
    "voucher_ending": ("words", "answer"),
}  # fmt: skip


def poison(first: int = 0) -> int:
    """Every word of people becomes an attack, another in each column, from the `first` on; how many columns changed."""
    payload: Iterator[str] = itertools.islice(itertools.cycle(PAYLOADS), first, None)
    changed = 0
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")  # words that a trigger keeps are poisoned too
        cursor.execute("SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'")
        there = set(cursor.fetchall())
        for table, columns in WORDS.items():
            for column in columns:
                if (table, column) in there:
                    changed += _said(cursor, table, column, next(payload))
        cursor.execute("SET session_replication_role = DEFAULT")
    for kind, model in (("child", Child), ("guardian", Guardian)):
        for one in model.objects.all():
            plain = PersonDetails(None, next(payload), next(payload), phone="+77770000001")
            seal(kind, [SecretRow(one.pk, person_json(plain))])
    return changed


def _said(cursor: Any, table: str, column: str, payload: str) -> bool:
    """Whether the column took the words; one that the database holds to a list of codes takes none."""
    try:
        with transaction.atomic():
            cursor.execute(f"UPDATE {table} SET {column} = %s || ctid::text", [payload])  # noqa: S608 - our own names
    except IntegrityError:
        return False
    return int(cursor.rowcount) > 0
