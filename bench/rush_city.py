"""The city of `bench.rush`: families signed in before an open round, and holders of vouchers before groups with seats.

Made by set-based SQL in an empty, migrated database (25,000 families of each sort in a few seconds); whoever plays with
it does so through the pages alone. Every number, name and day is invented.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from importlib import resources
from typing import Any
from uuid import UUID

import django

django.setup()

from django.core.management import call_command  # noqa: E402 - the app registry first
from django.db import connection, transaction  # noqa: E402
from django.db.backends.postgresql.psycopg_any import DateRange  # noqa: E402

from qosymsha.domain.people.models import Department, Territory  # noqa: E402
from qosymsha.domain.people.queries import binding, iin_lookup  # noqa: E402
from qosymsha.domain.people.rules import PersonDetails, person_json  # noqa: E402
from qosymsha.domain.programmes.models import Activity, BudgetLine, Programme, RuleSet  # noqa: E402
from qosymsha.domain.providers.steps import write_cards  # noqa: E402
from qosymsha.interfaces.ui.sessions import SessionStore  # noqa: E402
from qosymsha.kernel import cipher, clock, iin, schema  # noqa: E402
from qosymsha.kernel.canonical import digest  # noqa: E402

KINDS = ("sport", "creative", "educational")
FAMILY, GROUP, PROVIDER = (
    10_000_001,
    20_000_001,
    30_000_001,
)  # the first ids: eight digits, never taken for anything else
CSRF = "rush" * 8  # Django takes any 32 letters as a secret; the form sends it unmasked
MONTH_TIYN = 12 * 194_625  # a month of sport by the default rule set
_ACTIVITIES = (("judo", "Дзюдо", "Дзюдо"), ("swimming", "Жүзу", "Плавание"), ("boxing", "Бокс", "Бокс"))
GROUPS_OF_PROVIDER = 25

_PEOPLE = """
INSERT INTO app_user (id, uuid, password, subject, language, is_active)
SELECT f, gen_random_uuid(), '', 'rush:' || f, 'ru', true FROM generate_series(%(first_id)s, %(last_id)s) f;
INSERT INTO guardian (id, uuid, user_id, territory_id, language, created_at)
SELECT f, gen_random_uuid(), f, 1, 'ru', now() FROM generate_series(%(first_id)s, %(last_id)s) f;
INSERT INTO child (id, uuid, territory_id, home_id, created_at)
SELECT f, ('c0000000-0000-4000-8000-0000' || f)::uuid, 1, 1, now() FROM generate_series(%(first_id)s, %(last_id)s) f;
INSERT INTO guardianship (id, guardian_id, child_id, kind, evidence, valid)
SELECT f, f, f, 'parent', 'E-' || f, daterange('2024-01-01', NULL) FROM generate_series(%(first_id)s, %(last_id)s) f;
"""
_SUPPLY = """
INSERT INTO provider (id, uuid, number, territory_id, legal_form, bin, name, folded, iban, created_at)
SELECT p, gen_random_uuid(), 'P-' || p, 1, 'company', lpad(p::text, 12, '0'), 'Студия ' || p, 'студия ' || p, '', now()
  FROM generate_series(%(provider)s, %(last_provider)s) p;
INSERT INTO accreditation (id, uuid, territory_id, programme_id, provider_id, state, valid, filed_at, review_by, reason)
SELECT p, gen_random_uuid(), 1, 1, p, 'accredited', %(years)s::daterange, now(), %(today)s, ''
  FROM generate_series(%(provider)s, %(last_provider)s) p;
INSERT INTO accreditation_history (accreditation_id, from_state, to_state, at, actor_id, reason)
SELECT p, h.from_state, h.to_state, now(), 0, '' FROM generate_series(%(provider)s, %(last_provider)s) p,
       (VALUES (1, '', 'filed'), (2, 'filed', 'in_review'), (3, 'in_review', 'accredited')) h (n, from_state, to_state)
 ORDER BY p, h.n;
INSERT INTO contract (id, uuid, number, territory_id, programme_id, provider_id, line_id, volume_tiyn, valid, state,
       signed_at)
SELECT p, gen_random_uuid(), 'K-' || p, 1, 1, p, 1, 1000000000000000, %(years)s::daterange, 'signed', now()
  FROM generate_series(%(provider)s, %(last_provider)s) p;
INSERT INTO offering (id, uuid, territory_id, programme_id, provider_id, contract_id, activity_id)
SELECT p, gen_random_uuid(), 1, 1, p, p, (ARRAY['judo', 'swimming', 'boxing'])[1 + p %% 3]
  FROM generate_series(%(provider)s, %(last_provider)s) p;
INSERT INTO venue (id, uuid, provider_id, district_id, address_kk, address_ru, capacity)
SELECT p, gen_random_uuid(), p, 1, 'Көше ' || p, 'улица ' || p, 100000
  FROM generate_series(%(provider)s, %(last_provider)s) p;
INSERT INTO club_group (id, uuid, territory_id, programme_id, provider_id, offering_id, contract_id, line_id, venue_id,
       kind, code, language, age_min, age_max, capacity, unit_tariff_tiyn, units_per_month, is_adapted, valid, state)
SELECT g, ('d0000000-0000-4000-8000-0000' || g)::uuid, 1, 1, p, p, p, 1, p, 'sport', 'G' || g, 'kk', 6, 17,
       CASE g WHEN %(hot)s THEN %(hot_seats)s ELSE %(seats)s END, 194625, 12, false, %(years)s::daterange, 'open'
  FROM (SELECT g, %(provider)s + (g - %(group)s) / %(per_provider)s AS p FROM generate_series(%(group)s, %(hot)s) g) x;
INSERT INTO teacher (id, uuid) SELECT g, gen_random_uuid() FROM generate_series(%(group)s, %(hot)s) g;
INSERT INTO timetable_slot (group_id, teacher_id, weekday, starts, ends, valid)
SELECT g, g, d, '10:00', '11:00', %(years)s::daterange
  FROM generate_series(%(group)s, %(hot)s) g, unnest(ARRAY[2, 4, 6]) d;
INSERT INTO seat (group_id, capacity, taken, is_left_over) SELECT id, capacity, 0, true FROM club_group;
"""
_ROUND = """
INSERT INTO admission_round (id, uuid, number, territory_id, programme_id, rule_set_id, state, opens_at, closes_at,
       first_month, last_month, beacon_name, terms, cancel_reason)
VALUES (1, gen_random_uuid(), 'R-000001-X', 1, 1, 1, 'open', %(at)s::timestamptz - interval '1 hour',
        %(at)s::timestamptz + interval '30 days', %(first)s, %(last)s, 'typed:rush', '', '');
INSERT INTO round_history (round_id, from_state, to_state, at, actor_id)
VALUES (1, '', 'planned', %(at)s, 0), (1, 'planned', 'open', %(at)s, 0);
INSERT INTO draw_secret (round_id, party, commitment)
VALUES (1, 'akimat', sha256('a')), (1, 'parents', sha256('b'));
"""
_VOUCHERS = """
INSERT INTO voucher (id, uuid, number, territory_id, programme_id, child_id, slot, kind, line_id, rule_set_id, state,
       reason, issued_at, accept_by, first_month, last_month, month_tiyn)
SELECT f, ('e0000000-0000-4000-8000-0000' || f)::uuid, 'V-' || f, 1, 1, f, 'main', 'sport', 1, 1, 'accepted', '',
       %(at)s, %(last)s, %(month)s, %(last)s, %(month_tiyn)s FROM generate_series(%(holder)s, %(last_id)s) f;
INSERT INTO voucher_history (voucher_id, seq, from_state, to_state, cause, at, actor_id)
SELECT f, 1, '', 'issued', 'rush', %(at)s, 0 FROM generate_series(%(holder)s, %(last_id)s) f;
INSERT INTO voucher_history (voucher_id, seq, from_state, to_state, cause, at, actor_id)
SELECT f, 2, 'issued', 'accepted', 'rush', %(at)s, f FROM generate_series(%(holder)s, %(last_id)s) f;
INSERT INTO ledger_account (id, kind, line_id, subject_id, month, balance_tiyn)
VALUES (1, 'approp', 1, 0, NULL, NULL), (2, 'free', 1, 0, NULL, 1000000000);
INSERT INTO ledger_account (id, kind, line_id, subject_id, month, balance_tiyn)
SELECT f, 'held', 1, f, NULL, %(month_tiyn)s * %(months)s FROM generate_series(%(holder)s, %(last_id)s) f;
INSERT INTO budget_plan (line_id, period, amount_tiyn, decision, decided_at, decided_by)
SELECT 1, %(years)s::daterange, sum(balance_tiyn), 'rush', %(at)s, 0 FROM ledger_account WHERE kind <> 'approp';
INSERT INTO ledger_posting (id, at, cause_kind, cause_key) VALUES (1, %(at)s, 'rush', '1');
INSERT INTO ledger_entry (at, posting_id, account_id, line_id, amount_tiyn)
SELECT %(at)s, 1, id, 1, balance_tiyn FROM ledger_account WHERE kind <> 'approp';
INSERT INTO ledger_entry (at, posting_id, account_id, line_id, amount_tiyn)
SELECT %(at)s, 1, 1, 1, -sum(amount_tiyn) FROM ledger_entry WHERE posting_id = 1;
"""
_SERIALS = """
SELECT setval(pg_get_serial_sequence(t, 'id'), %s) FROM unnest(ARRAY[
    'territory', 'department', 'programme', 'budget_line', 'rule_set',
    'app_user', 'guardian', 'child', 'guardianship', 'provider', 'accreditation', 'contract', 'offering', 'venue',
    'club_group', 'teacher', 'admission_round', 'voucher', 'ledger_account', 'ledger_posting']) t"""
_FAMILIES = """
SELECT c.id, c.uuid, v.uuid FROM child c LEFT JOIN voucher v ON v.child_id = c.id ORDER BY c.id"""


@dataclass(frozen=True, slots=True)
class Family:
    """A guardian signed in with one child: `session` is the cookie `visit`; a voucher only where a place is taken.

    User, guardian, child and voucher bear the same id, and their uuids and the session's name end with it: so a
    statement seen in the log can be made to speak of another family by writing another number.
    """

    id: int
    session: str
    child: UUID
    voucher: UUID | None = None

    @property
    def cookies(self) -> dict[str, str]:
        """What the family's browser sends."""
        return {"visit": self.session, "csrf": CSRF}


@dataclass(frozen=True, slots=True)
class Sizes:
    """How large a city: families that file, families that hold a voucher, groups, seats in each and in the hot one."""

    applicants: int = 25_000
    holders: int = 25_000
    groups: int = 1_000
    seats: int | None = None  # None: enough for all holders, however they spread by chance
    hot_seats: int | None = None  # None: one for each holder


@dataclass(frozen=True, slots=True)
class RushCity:
    """What a client needs to know: the open round, the groups by uuid, the first day of a place, the families."""

    round: UUID
    groups: tuple[UUID, ...]
    hot: UUID
    starts_on: date
    applicants: tuple[Family, ...]
    holders: tuple[Family, ...]

    def application(self, family: Family, key: UUID, kind: str = KINDS[0]) -> tuple[str, dict[str, str]]:
        """Path and fields of the form by which a family files its application."""
        fields = {"child": str(family.child), "kind": kind, "key": str(key), "csrfmiddlewaretoken": CSRF}
        return f"/ru/family/apply/{self.round}/", fields

    def place(self, family: Family, key: UUID, group: UUID) -> tuple[str, dict[str, str]]:
        """Path and fields of the form by which a voucher's holder takes a place in a group."""
        fields = {"voucher": str(family.voucher), "starts_on": self.starts_on.isoformat(), "key": str(key)}
        return f"/ru/family/groups/{group}/take/", fields | {"csrfmiddlewaretoken": CSRF}


def migrate() -> None:
    """All tables, in an empty database."""
    call_command("migrate", verbosity=0, interactive=False)


def found(sizes: Sizes | None = None) -> RushCity:
    """Make the city in an empty, migrated database and say what a client needs."""
    sizes = sizes or Sizes()
    at = clock.read()
    values = _values(sizes, at)
    schema.make_months(clock.month_of(values["today"]), 4)
    with transaction.atomic():
        _small_rows(values["today"], at)
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica")  # nothing is judged while it is made
            for statement in filter(str.strip, f"{_PEOPLE};{_SUPPLY};{_ROUND};{_VOUCHERS}".split(";\n")):
                cursor.execute(statement, values)
            cursor.execute(_SERIALS, [PROVIDER + 10_000_000])
            ids = range(FAMILY, values["last_id"] + 1)
            _seal_people(cursor, ids)
            _sign_in(cursor, ids, at)
    with transaction.atomic():
        write_cards(range(values["group"], values["hot"] + 1))
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE)")
    return _told(sizes, values["starts_on"])


def forget() -> None:
    """Undo what was filed and taken, so that the same families can rush again; the sessions stay."""
    emptied = ("application", "application_history", "idempotency_key", "audit_event", "outbox", "enrolment")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(f"TRUNCATE {', '.join(emptied)}, enrolment_history CASCADE")
        cursor.execute("DELETE FROM person_secret WHERE subject_kind = 'application'")
        cursor.execute("DELETE FROM voucher_history WHERE seq > 2")
        cursor.execute("UPDATE voucher SET state = 'accepted' WHERE state <> 'accepted'")
        cursor.execute("UPDATE seat SET taken = 0 WHERE taken > 0")
        cursor.execute("DELETE FROM ledger_entry WHERE posting_id > 1")
        cursor.execute("DELETE FROM ledger_posting WHERE id > 1")
        cursor.execute("DELETE FROM ledger_account WHERE kind = 'place'")
        cursor.execute(
            "UPDATE ledger_account a SET balance_tiyn = e.amount_tiyn FROM ledger_entry e"
            " WHERE e.account_id = a.id AND a.kind = 'held' AND a.balance_tiyn <> e.amount_tiyn"
        )
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE)")


def _values(sizes: Sizes, at: datetime) -> dict[str, Any]:
    today = clock.local_day(at)
    month = clock.month_of(today)
    nearest = clock.next_month(month)
    families = sizes.applicants + sizes.holders
    seats = sizes.seats or max(20, 4 * sizes.holders // sizes.groups)
    return {
        "first_id": FAMILY,
        "holder": FAMILY + sizes.applicants,
        "last_id": FAMILY + families - 1,
        "group": GROUP,
        "hot": GROUP + sizes.groups,
        "provider": PROVIDER,
        "last_provider": PROVIDER + sizes.groups // GROUPS_OF_PROVIDER,
        "per_provider": GROUPS_OF_PROVIDER,
        "seats": seats,
        "hot_seats": sizes.hot_seats or max(1, sizes.holders),
        "years": DateRange(date(today.year - 1, 1, 1), date(today.year + 2, 1, 1)),
        "today": today,
        "at": at,
        "month": month,
        "first": nearest,
        "last": clock.next_month(nearest),
        "starts_on": nearest,  # a whole month of lessons
        "months": 3,
        "month_tiyn": MONTH_TIYN,
    }


def _small_rows(today: date, at: datetime) -> None:
    """What there is one of: every id is 1."""
    territory = Territory.objects.create(
        id=1, kato="710000000", kind="city", name_kk="Қала", name_ru="Город", valid=DateRange(date(2020, 1, 1), None)
    )
    department = Department.objects.create(
        id=1, territory=territory, code="education", name_kk="Білім", name_ru="Образование"
    )
    programme = Programme.objects.create(id=1, territory=territory, code="clubs", name_kk="Үйірмелер", name_ru="Кружки")
    place = {"territory": territory, "programme": programme}
    for n, kind in enumerate(KINDS, 1):
        BudgetLine.objects.create(
            **place, id=n, department=department, kind=kind, code=str(463 + n), fiscal_year=today.year
        )
    text = resources.files("qosymsha.domain.programmes").joinpath("data/default-rule-set.json").read_text("utf-8")
    document = json.loads(text)
    RuleSet.objects.create(
        **place,
        id=1,
        version=1,
        schema=document["schema"],
        document=document,
        hash=digest(document),
        state="approved",
        valid=DateRange(date(today.year - 1, 1, 1), date(today.year + 2, 1, 1)),
        drafted_by=1,
        approved_by=2,
        approved_at=at,
    )
    for code, kk, ru in _ACTIVITIES:
        words = {"kind": "sport", "name_kk": kk, "name_ru": ru, "folded": f"{kk} {ru}".lower(), "source": "bench"}
        Activity.objects.get_or_create(code=code, defaults=words)


def _seal_people(cursor: Any, ids: range) -> None:
    """Guardians' and children's secrets: numbers nobody can bear, a name, a birth date."""
    columns = "subject_kind, subject_id, key_id, nonce, ciphertext, lookup, name_tokens"
    with cursor.copy(f"COPY person_secret ({columns}) FROM STDIN") as copy:
        for kind, year in (("guardian", 85), ("child", 15)):
            for i, number in zip(ids, _numbers(year), strict=False):
                born = date(1900 + year if year > 50 else 2000 + year, 5, 5)
                person = PersonDetails(iin=number, surname="Сәбит", given="Дана", born_on=born, phone="+77770000001")
                sealed = cipher.seal(person_json(person), bound_to=binding(kind, i))
                lookup = iin_lookup(kind, number)
                copy.write_row((kind, i, sealed.key_id, sealed.nonce, sealed.ciphertext, lookup, []))


def _numbers(year: int) -> Iterator[str]:
    """Synthetic IINs of people born in a year: the seventh digit is 7, 8 or 9."""
    for day in range(365):
        born = date(2001, 1, 1) + timedelta(days=day)
        for serial in range(70_000, 100_000):
            body = f"{year:02d}{born:%m%d}{serial}"
            if (digit := iin.check_digit(body)) is not None:
                yield f"{body}{digit}"


def _sign_in(cursor: Any, ids: range, at: datetime) -> None:
    """A session for each guardian, begun now."""
    store, now, expires = SessionStore(), at.isoformat(), at + timedelta(days=30)
    with cursor.copy("COPY django_session (session_key, session_data, expire_date) FROM STDIN") as copy:
        for i in ids:
            copy.write_row((_session(i), store.encode({"user": i, "since": now, "seen": now}), expires))


def _session(family: int) -> str:
    return f"{'rush':a<24}{family}"


def _told(sizes: Sizes, starts_on: date) -> RushCity:
    with connection.cursor() as cursor:
        cursor.execute("SELECT uuid FROM admission_round")
        (the_round,) = cursor.fetchone()
        cursor.execute("SELECT uuid FROM club_group ORDER BY id")
        groups = [uuid for (uuid,) in cursor.fetchall()]
        cursor.execute(_FAMILIES)
        families = [Family(i, _session(i), child, voucher) for i, child, voucher in cursor.fetchall()]
    return RushCity(
        round=the_round,
        groups=tuple(groups[:-1]),
        hot=groups[-1],
        starts_on=starts_on,
        applicants=tuple(families[: sizes.applicants]),
        holders=tuple(families[sizes.applicants :]),
    )
