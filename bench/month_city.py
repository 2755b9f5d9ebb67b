"""The city of `bench.month`: made by set-based SQL, settled by the domain's own steps and commands."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime
from importlib import resources
from tempfile import TemporaryFile
from typing import Any

import django

django.setup()

from django.core.management import call_command  # noqa: E402 - the app registry first
from django.db import connection, transaction  # noqa: E402
from django.db.backends.postgresql.psycopg_any import DateRange  # noqa: E402

from bench.month import GROUP, GROUPS_OF_PROVIDER, LESSONS, PROVIDERS_PER_BATCH  # noqa: E402
from qosymsha.domain.attendance import steps as attendance  # noqa: E402
from qosymsha.domain.attendance.access import Action as Attendance  # noqa: E402
from qosymsha.domain.ledger import queries as ledger  # noqa: E402
from qosymsha.domain.people.models import Department, Territory  # noqa: E402
from qosymsha.domain.programmes.models import Activity, BudgetLine, Programme, RuleSet  # noqa: E402
from qosymsha.domain.settlement.commands import draw_claims  # noqa: E402
from qosymsha.domain.vouchers.steps import Deed  # noqa: E402
from qosymsha.kernel import schema  # noqa: E402
from qosymsha.kernel.actor import Actor  # noqa: E402
from qosymsha.kernel.canonical import digest  # noqa: E402
from qosymsha.kernel.entropy import uuid4  # noqa: E402

MONTH = date(2026, 3, 1)
AT = datetime(2026, 4, 10, 5, tzinfo=UTC)
SYSTEM = Actor.system("bench")
TARIFF = 200_000

# One statement per table; nothing is judged while the city is made (session_replication_role = replica).
_CITY = """
INSERT INTO provider (id, uuid, number, territory_id, legal_form, bin, name, folded, iban, created_at)
SELECT p, gen_random_uuid(), 'P-' || p, 1, 'company', lpad(p::text, 12, '0'), 'Студия ' || p, '', '', now()
  FROM generate_series(1, %(providers)s) p;
INSERT INTO contract (id, uuid, number, territory_id, programme_id, provider_id, line_id, volume_tiyn, valid, state,
       signed_at)
SELECT p, gen_random_uuid(), 'K-' || p, 1, 1, p, 1, 1000000000000000,
       daterange('2026-01-01', '2027-01-01'), 'signed', now()
  FROM generate_series(1, %(providers)s) p;
INSERT INTO offering (id, uuid, territory_id, programme_id, provider_id, contract_id, activity_id)
SELECT p, gen_random_uuid(), 1, 1, p, p, 'dombra' FROM generate_series(1, %(providers)s) p;
INSERT INTO venue (id, uuid, provider_id, district_id, address_kk, address_ru, capacity)
SELECT p, gen_random_uuid(), p, 1, '', '', 100000 FROM generate_series(1, %(providers)s) p;
INSERT INTO club_group (id, uuid, territory_id, programme_id, provider_id, offering_id, contract_id, line_id, venue_id,
       kind,
       code, language, age_min, age_max, capacity, unit_tariff_tiyn, units_per_month, is_adapted, valid, state)
SELECT g, gen_random_uuid(), 1, 1, p, p, p, 1, p, 'creative', 'G' || g, 'kk', 6, 17, %(group)s, %(tariff)s, %(lessons)s,
       false, daterange('2026-01-01', '2027-01-01'), 'open'
  FROM (SELECT g, (g - 1) / %(per_provider)s + 1 AS p FROM generate_series(1, %(groups)s) g) x;
INSERT INTO teacher (id, uuid) SELECT g, gen_random_uuid() FROM generate_series(1, %(groups)s) g;
INSERT INTO child (id, uuid, territory_id, created_at)
SELECT c, gen_random_uuid(), 1, now() FROM generate_series(1, %(children)s) c;
INSERT INTO voucher (id, uuid, number, territory_id, programme_id, child_id, slot, kind, line_id, rule_set_id, state,
       reason, issued_at, accept_by, first_month, last_month, month_tiyn)
SELECT c, gen_random_uuid(), 'V-' || c, 1, 1, c, 'club', 'creative', 1, 1, 'active', '', now(), '2026-01-20',
       '2026-01-01',
       '2026-12-01', %(tariff)s * %(lessons)s FROM generate_series(1, %(children)s) c;
INSERT INTO enrolment (id, uuid, territory_id, programme_id, voucher_id, child_id, group_id, provider_id, line_id,
       state, reason, starts_on, unit_tariff_tiyn, promised_month, created_at)
SELECT c, gen_random_uuid(), 1, 1, c, c, g, (g - 1) / %(per_provider)s + 1, 1, 'active', '', '2026-01-01', %(tariff)s,
       %(month)s, now() FROM (SELECT c, (c - 1) / %(group)s + 1 AS g FROM generate_series(1, %(children)s) c) x;
INSERT INTO session (id, uuid, territory_id, programme_id, provider_id, group_id, venue_id, teacher_id, "on", starts_at,
       ends_at, state, reason)
SELECT (g - 1) * %(lessons)s + n, gen_random_uuid(), 1, 1, p, g, p, g, d, d + time '10:00', d + time '11:00', 'held', ''
  FROM (SELECT g, (g - 1) / %(per_provider)s + 1 AS p, n, (%(month)s::date + n * 2) AS d
          FROM generate_series(1, %(groups)s) g, generate_series(1, %(lessons)s) n) x;
INSERT INTO mark ("on", session_id, enrolment_id, child_id, territory_id, programme_id, value, source, marked_at,
       marked_by)
SELECT s."on", s.id, e.id, e.child_id, 1, 1,
       (ARRAY['present', 'present', 'present', 'present', 'present', 'present', 'present', 'ill', 'excused', 'absent'])
       [1 + (hashint8(s.id * 1000003 + e.id) & 1023) %% 10], 'teacher', s.ends_at, 1
  FROM session s JOIN enrolment e ON e.group_id = s.group_id;
INSERT INTO ledger_account (id, kind, line_id, subject_id, month, balance_tiyn)
VALUES (1, 'approp', 1, 0, NULL, NULL), (2, 'free', 1, 0, NULL, 1000000000);
INSERT INTO ledger_account (id, kind, line_id, subject_id, month, balance_tiyn)
SELECT 2 + c, 'place', 1, c, %(month)s, %(tariff)s * %(lessons)s FROM generate_series(1, %(children)s) c;
INSERT INTO ledger_account (id, kind, line_id, subject_id, month, balance_tiyn)
SELECT 2 + %(children)s + c, 'held', 1, c, NULL, 8 * %(tariff)s * %(lessons)s FROM generate_series(1, %(children)s) c;
INSERT INTO ledger_posting (id, at, cause_kind, cause_key) VALUES (1, '2026-02-01', 'bench', '1');
INSERT INTO ledger_entry (at, posting_id, account_id, line_id, amount_tiyn)
SELECT '2026-02-01', 1, id, 1, balance_tiyn FROM ledger_account WHERE kind <> 'approp';
INSERT INTO ledger_entry (at, posting_id, account_id, line_id, amount_tiyn)
SELECT '2026-02-01', 1, 1, 1, -sum(amount_tiyn) FROM ledger_entry WHERE posting_id = 1;
"""

_SERIAL = """
SELECT setval(pg_get_serial_sequence(t, 'id'), (SELECT 10000000)) FROM unnest(ARRAY[
    'ledger_account', 'ledger_posting']) t"""

# What a month writes, and the accounts it changes.
_WRITTEN = [
    ("month_sheet", "true"),
    ("month_sheet_history", "true"),
    ("sheet_row", "true"),
    ("claim", "true"),
    ("claim_row", "true"),
    ("claim_input", "true"),
    ("ledger_posting", "id > 1"),
    ("ledger_entry", "posting_id > 1"),
    ("ledger_account", "id IN (SELECT account_id FROM ledger_entry WHERE posting_id > 1)"),
]

_SCREENED = """
INSERT INTO flag_run (territory_id, programme_id, provider, provider_id, month, rules_hash, at, places, marks, flagged)
SELECT 1, 1, number, id, %(month)s, '', %(at)s, 0, 0, 0 FROM provider"""

_AGGREGATE = """
CREATE TEMP TABLE plain ON COMMIT DROP AS
SELECT s.group_id, m.enrolment_id, count(*) FILTER (WHERE m.value = 'present') AS present,
       count(*) FILTER (WHERE m.value = 'ill') AS ill, count(*) FILTER (WHERE m.value = 'excused') AS excused,
       count(*) FILTER (WHERE m.value = 'absent') AS absent
  FROM session s JOIN mark m ON m."on" = s."on" AND m.session_id = s.id GROUP BY 1, 2"""


class City:
    """A city of so many children, in groups of twenty, with ten lessons each in a month, where nothing else is said."""

    def __init__(
        self, children: int, *, group: int = GROUP, groups: int = GROUPS_OF_PROVIDER, lessons: int = LESSONS
    ) -> None:
        """Nothing is made yet; whole providers only, of so many groups."""
        self.group, self.groups, self.lessons = group, groups, lessons
        self.providers = max(1, children // (group * groups))
        self.children = self.providers * group * groups
        self.marks = self.children * lessons

    def make(self) -> None:
        """The tables and everything up to the marks and the money on the places."""
        call_command("migrate", verbosity=0, interactive=False)
        schema.make_months(MONTH, 2)
        values: dict[str, Any] = {
            "providers": self.providers,
            "groups": self.providers * self.groups,
            "children": self.children,
            "group": self.group,
            "per_provider": self.groups,
            "lessons": self.lessons,
            "tariff": TARIFF,
            "month": MONTH,
        }
        _small_rows()
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica")
            for statement in filter(str.strip, _CITY.split(";\n")):
                cursor.execute(statement, values)
            cursor.execute(_SERIAL)
        with connection.cursor() as cursor:
            cursor.execute("VACUUM (ANALYZE)")

    def aggregate(self) -> None:
        """The plain aggregate: one row per child."""
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(_AGGREGATE)

    def marks_copy(self) -> Copy:
        """The month's marks, into a table with the marks' key."""
        return Copy("mark", 'SELECT * FROM mark WHERE "on" >= %s', [MONTH])

    def written_copies(self) -> list[Copy]:
        """Every row that the month has written, table by table, into tables with the same keys."""
        return [Copy(table, f"SELECT * FROM {table} WHERE {condition}") for table, condition in _WRITTEN]  # noqa: S608

    def freeze(self) -> None:
        """Every provider's sheets from its marks, hashed and locked."""
        for provider_id in range(1, self.providers + 1):
            first = (provider_id - 1) * self.groups + 1
            with transaction.atomic():
                deed = Deed(SYSTEM, Attendance.SEND, AT, uuid4())
                attendance.draw_sheets(deed, provider_id, list(range(first, first + self.groups)), MONTH)

    def speak(self) -> None:
        """All guardians confirm, the customer approves, flags were sought: plain SQL, not measured."""
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica")
            cursor.execute("UPDATE sheet_row SET word = 'confirmed', confirmed_by = 1, confirmed_at = now()")
            cursor.execute("UPDATE month_sheet SET state = 'for_payment'")
            cursor.execute(_SCREENED, {"month": MONTH, "at": AT})
        with connection.cursor() as cursor:
            cursor.execute("VACUUM (ANALYZE) sheet_row, month_sheet, month_sheet_history")

    def claim(self) -> None:
        """Claims and postings of every provider, a batch of providers at a time."""
        for first in range(1, self.providers + 1, PROVIDERS_PER_BATCH):
            providers = range(first, min(first + PROVIDERS_PER_BATCH, self.providers + 1))
            outcomes = draw_claims(
                actor=SYSTEM, programme_id=1, provider_ids=list(providers), month=MONTH, at=AT, key=uuid4()
            )
            assert all(outcome.id for outcome in outcomes), "every provider has its claim"

    def check(self) -> None:
        """Every child is claimed once, and the line's accounts sum to zero."""
        assert ledger.unbalanced_lines() == []
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*), sum(amount_tiyn) FROM claim_row")
            assert cursor.fetchone() == (self.children, ledger.totals([1])[1]["payable"])

    def figures(self) -> dict[str, Any]:
        """Rows written, by table."""
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT (SELECT count(*) FROM sheet_row), (SELECT count(*) FROM claim),"
                " (SELECT count(*) FROM claim_row),"
                " (SELECT count(*) FROM ledger_entry WHERE posting_id > 1)"
            )
            return dict(zip(("sheet_rows", "claims", "claim_rows", "entries"), cursor.fetchone(), strict=True))


def _small_rows() -> None:
    """What there is one of: every id is 1."""
    year = DateRange(date(2026, 1, 1), date(2027, 1, 1))
    territory = Territory.objects.create(
        id=1, kato="710000000", kind="city", name_kk="Қала", name_ru="Город", valid=DateRange(date(2020, 1, 1), None)
    )
    department = Department.objects.create(
        id=1, territory=territory, code="education", name_kk="Білім", name_ru="Образование"
    )
    programme = Programme.objects.create(id=1, territory=territory, code="clubs", name_kk="Үйірмелер", name_ru="Кружки")
    place = {"id": 1, "territory": territory, "programme": programme}
    BudgetLine.objects.create(**place, department=department, kind="creative", code="464", fiscal_year=2026)
    text = resources.files("qosymsha.domain.programmes").joinpath("data/default-rule-set.json").read_text("utf-8")
    document = json.loads(text)
    RuleSet.objects.create(
        **place,
        version=1,
        schema=document["schema"],
        document=document,
        hash=digest(document),
        state="approved",
        valid=year,
        drafted_by=1,
        approved_by=2,
        approved_at=AT,
    )
    Activity.objects.get_or_create(
        code="dombra", defaults={"kind": "creative", "name_kk": "Домбыра", "name_ru": "Домбра", "source": "bench"}
    )


class Copy:
    """Rows of a statement in a file, to be copied into an empty table of their table's shape: keys or bare."""

    def __init__(self, table: str, statement: str, arguments: Sequence[Any] = ()) -> None:
        """The rows go into a file; that is not what is measured."""
        self._table = table
        self._spool = TemporaryFile()  # noqa: SIM115 - lives as long as this object
        out = f"COPY ({statement}) TO STDOUT (FORMAT binary)"
        with connection.cursor() as cursor, cursor.copy(out, list(arguments)) as source:
            for chunk in source:
                self._spool.write(chunk)

    def bare(self) -> None:
        """Into a table without any key."""
        self._run("")

    def keyed(self) -> None:
        """Into a table with the primary key and the indexes of the real one: no foreign key, no check, no trigger."""
        self._run("INCLUDING INDEXES")

    def _run(self, keys: str) -> None:
        self._spool.seek(0)
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"CREATE TABLE copied (LIKE {self._table} {keys})")
            with cursor.copy("COPY copied FROM STDIN (FORMAT binary)") as target:
                while chunk := self._spool.read(1 << 20):
                    target.write(chunk)
            cursor.execute("DROP TABLE copied")
