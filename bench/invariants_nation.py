"""The nation of `bench.invariants`: made by set-based SQL, every row as the domain's commands would leave it."""

from __future__ import annotations

import json
from datetime import date
from importlib import resources

import django

django.setup()

from django.core.management import call_command  # noqa: E402 - the app registry first
from django.db import connection, transaction  # noqa: E402

from qosymsha.kernel import schema  # noqa: E402
from qosymsha.kernel.canonical import digest  # noqa: E402
from tests.factories import admission  # noqa: E402

CITIES, GROUP, GROUPS_OF_PROVIDER, LESSONS, MONTHS = 20, 20, 25, 8, 8
TARIFF = 200_000
EVENTS_OF_CHILD = 3
ROUND = 20_000
FIRST = date(2026, 1, 1)

# Ids are computed, so that no statement looks another table up. {p}: a child's provider, {t}: its city, {g}: its group.
_P, _G = "((c - 1) / {whole} + 1)", "((c - 1) / {group} + 1)"
_T = "(({p} - 1) % {cities} + 1)"
_PRESENT = "({lessons} - (c + m) % 3)"
_PLACE, _PAYABLE, _TRANSIT = "(1000 + {children} * m + c)", "({payables} + k)", "({payables} + {claims} + k)"

# No check reads by these, and they are dear to fill row by row; the database goes with the bench.
_UNUSED = """
ALTER TABLE session DROP CONSTRAINT session_teacher_once;
ALTER TABLE guardianship DROP CONSTRAINT guardianship_once_at_a_time;
DROP INDEX person_secret_names, audit_event_child"""
# Indexes are built once, over all rows, by the REINDEX that follows: row by row they take most of the time.
_ASLEEP = """
UPDATE pg_index SET indisready = false, indisvalid = false
 WHERE indexrelid IN (SELECT oid FROM pg_class WHERE relkind = 'i' AND relnamespace = 'public'::regnamespace)
   AND NOT indisexclusion"""
_STATEMENTS = """
INSERT INTO territory (id, kato, kind, name_kk, name_ru, name_en, sort_kk, valid)
SELECT t, (710000000 + t)::text, 'city', 'Қала', 'Город', '', '', '[2020-01-01,)' FROM generate_series(1, {cities}) t;
INSERT INTO department (id, uuid, code, name_kk, name_ru, name_en, territory_id)
SELECT t, gen_random_uuid(), 'education', '', '', '', t FROM generate_series(1, {cities}) t;
INSERT INTO programme (id, uuid, code, name_kk, name_ru, name_en, territory_id)
SELECT t, gen_random_uuid(), 'clubs', '', '', '', t FROM generate_series(1, {cities}) t;
INSERT INTO rule_set (id, uuid, version, schema, document, hash, state, valid, drafted_by, approved_by, approved_at,
       programme_id, territory_id)
SELECT t, gen_random_uuid(), 1, 'rule-set-1', '{document}', decode('{digest}', 'hex'), 'approved',
       '[2026-01-01,2027-01-01)', 1, 2, '2025-12-01', t, t FROM generate_series(1, {cities}) t;
INSERT INTO budget_line (id, uuid, kind, code, fiscal_year, department_id, territory_id, programme_id)
SELECT t, gen_random_uuid(), 'creative', '464', 2026, t, t, t FROM generate_series(1, {cities}) t;
INSERT INTO budget_plan (period, amount_tiyn, decision, decided_at, decided_by, line_id)
SELECT '[2026-01-01,2027-01-01)', {budget}, 'law', '2025-12-01', 1, t FROM generate_series(1, {cities}) t;
INSERT INTO provider (id, uuid, number, territory_id, legal_form, bin, name, folded, iban, created_at)
SELECT p, gen_random_uuid(), 'P-' || p, (p - 1) % {cities} + 1, 'company', lpad(p::text, 12, '0'), '', '', '', now()
  FROM generate_series(1, {providers}) p;
INSERT INTO contract (id, uuid, number, territory_id, programme_id, provider_id, line_id, volume_tiyn, valid, state,
       signed_at)
SELECT p, gen_random_uuid(), 'K-' || p, t, t, p, t, {budget}, '[2026-01-01,2027-01-01)', 'signed', now()
  FROM (SELECT p, (p - 1) % {cities} + 1 AS t FROM generate_series(1, {providers}) p) x;
INSERT INTO club_group (id, uuid, territory_id, programme_id, provider_id, offering_id, contract_id, line_id, venue_id,
       kind, code, language, age_min, age_max, capacity, unit_tariff_tiyn, units_per_month, is_adapted, valid, state)
SELECT g, gen_random_uuid(), t, t, p, p, p, t, p, 'creative', 'G' || g, 'kk', 6, 17, {group}, {tariff}, {lessons},
       false,
       '[2026-01-01,2027-01-01)', 'open'
  FROM (SELECT g, p, (p - 1) % {cities} + 1 AS t
          FROM (SELECT g, (g - 1) / {per_provider} + 1 AS p FROM generate_series(1, {groups}) g) x) y;
INSERT INTO seat (group_id, capacity, taken) SELECT g, {group}, {group} FROM generate_series(1, {groups}) g;
INSERT INTO child (id, uuid, territory_id, created_at)
SELECT c, gen_random_uuid(), {t}, '2026-01-02' FROM generate_series(1, {children}) c;
INSERT INTO guardian (id, uuid, language, territory_id, created_at)
SELECT c, gen_random_uuid(), 'kk', {t}, '2026-01-02' FROM generate_series(1, {children}) c;
INSERT INTO guardianship (kind, evidence, valid, child_id, guardian_id)
SELECT 'parent', 'e', '[2026-01-01,)', c, c FROM generate_series(1, {children}) c;
INSERT INTO person_secret (subject_kind, subject_id, key_id, nonce, ciphertext, lookup, name_tokens)
SELECT 'child', c, 'k', '\\x00', sha256(c::text::bytea), sha256(c::text::bytea), '{{}}'
  FROM generate_series(1, {children}) c;
INSERT INTO voucher (id, uuid, number, territory_id, programme_id, child_id, slot, kind, line_id, rule_set_id, state,
       reason, issued_at, accept_by, first_month, last_month, month_tiyn)
SELECT c, gen_random_uuid(), 'V-' || c, {t}, {t}, c, 'club', 'creative', {t}, {t}, 'active', '', '2026-01-05',
       '2026-01-20', '2026-01-01', '2026-08-01', {month} FROM generate_series(1, {children}) c;
INSERT INTO voucher_history (seq, from_state, to_state, cause, at, actor_id, voucher_id)
SELECT n, (ARRAY['', 'issued', 'accepted'])[n], (ARRAY['issued', 'accepted', 'active'])[n], '', '2026-01-05', 1, c
  FROM generate_series(1, {children}) c, generate_series(1, 3) n;
INSERT INTO enrolment (id, uuid, territory_id, programme_id, voucher_id, child_id, group_id, provider_id, line_id,
       state, reason, starts_on, unit_tariff_tiyn, promised_month, created_at)
SELECT c, gen_random_uuid(), {t}, {t}, c, c, {g}, {p}, {t}, 'active', '', '2026-01-05', {tariff}, '2026-08-01',
       '2026-01-05' FROM generate_series(1, {children}) c;
INSERT INTO enrolment_history (seq, from_state, to_state, cause, at, actor_id, enrolment_id)
SELECT 1, '', 'active', '', '2026-01-05', 1, c FROM generate_series(1, {children}) c;
INSERT INTO session (id, uuid, territory_id, programme_id, provider_id, group_id, venue_id, teacher_id, "on", starts_at,
       ends_at, state, reason)
SELECT ((m - 1) * {groups} + g - 1) * {lessons} + n, gen_random_uuid(), t, t, p, g, p, g, d, d + time '10:00',
       d + time '11:00', 'held', ''
  FROM (SELECT g, m, n, p, (p - 1) % {cities} + 1 AS t, make_date(2026, m, 1 + n * 3) AS d
          FROM (SELECT g, (g - 1) / {per_provider} + 1 AS p FROM generate_series(1, {groups}) g) x,
               generate_series(1, {months}) m, generate_series(1, {lessons}) n) y;
INSERT INTO mark ("on", session_id, enrolment_id, child_id, territory_id, programme_id, value, source, marked_at,
       marked_by)
SELECT make_date(2026, m, 1 + n * 3), ((m - 1) * {groups} + {g} - 1) * {lessons} + n, c, c, {t}, {t},
       CASE WHEN n <= {present} THEN 'present' ELSE 'absent' END, 'teacher',
       make_date(2026, m, 1 + n * 3) + time '12:00', 1
  FROM generate_series(1, {months}) m, generate_series(1, {lessons}) n, generate_series(1, {children}) c;
INSERT INTO month_sheet (id, uuid, month, state, lessons_held, hash, sent_at, group_id, programme_id, provider_id,
       territory_id)
SELECT (m - 1) * {groups} + g, gen_random_uuid(), make_date(2026, m, 1), 'closed', {lessons}, '', now(), g, t, p, t
  FROM (SELECT g, p, (p - 1) % {cities} + 1 AS t
          FROM (SELECT g, (g - 1) / {per_provider} + 1 AS p FROM generate_series(1, {groups}) g) x) y,
       generate_series(1, {months}) m;
INSERT INTO month_sheet_history (seq, from_state, to_state, cause, at, actor_id, month_sheet_id)
SELECT n, (ARRAY['', 'open', 'with_parents', 'with_customer', 'for_payment'])[n],
       (ARRAY['open', 'with_parents', 'with_customer', 'for_payment', 'closed'])[n], '', now(), 1, s
  FROM generate_series(1, {groups} * {months}) s, generate_series(1, 5) n;
INSERT INTO sheet_row (id, uuid, present, ill, excused, absent, word, reason, confirmed_by, confirmed_at, evidence,
       child_id, enrolment_id, programme_id, sheet_id, territory_id)
SELECT (m - 1) * {children} + c, gen_random_uuid(), {present}, 0, 0, {lessons} - {present}, 'confirmed', '', c,
       make_date(2026, m, 28), '', c, c, {t}, (m - 1) * {groups} + {g}, {t}
  FROM generate_series(1, {months}) m, generate_series(1, {children}) c;
INSERT INTO claim_row (id, enrolment_id, units, unit_tariff_tiyn, amount_tiyn, due_tiyn, present, live, claim_id,
       sheet_row_id)
SELECT (m - 1) * {children} + c, c, {present}, {tariff}, {present} * {tariff}, {present} * {tariff}, {present}, true,
       (m - 1) * {providers} + {p}, (m - 1) * {children} + c
  FROM generate_series(1, {months}) m, generate_series(1, {children}) c;
INSERT INTO claim (id, uuid, number, month, units, amount_tiyn, formula, hash, state, reason, drawn_at, iban, turn,
       contract_id, line_id, programme_id, provider_id, rule_set_id, territory_id)
SELECT k, gen_random_uuid(), 'C-' || k, make_date(2026, m, 1), units, tiyn, '{{}}', '', 'paid', '',
       make_date(2026, m, 1) + interval '1 month', '', 1, p, t, t, p, t, t
  FROM (SELECT claim_id::int AS k, (claim_id::int - 1) / {providers} + 1 AS m,
       (claim_id::int - 1) % {providers} + 1 AS p,
               ((claim_id::int - 1) % {providers}) % {cities} + 1 AS t, sum(units) AS units, sum(amount_tiyn) AS tiyn
          FROM claim_row GROUP BY 1) x;
INSERT INTO claim_approval (turn, step, user_id, at, claim_id)
SELECT 1, (ARRAY['approve', 'release'])[n], n, now(), k FROM generate_series(1, {claims}) k, generate_series(1, 2) n;
INSERT INTO payment_file (id, uuid, number, state, content, content_hash, total_tiyn, drawn_at, sent_at, receipt,
       programme_id, territory_id)
SELECT f, gen_random_uuid(), 'F-' || f, 'answered', f::text::bytea, sha256(f::text::bytea), tiyn, now(), now(), '', t, t
  FROM (SELECT (extract(month FROM month)::int - 1) * {cities} + territory_id AS f, territory_id AS t,
               sum(amount_tiyn) AS tiyn FROM claim GROUP BY 1, 2) x;
INSERT INTO payment_line (id, end_to_end_id, iban, amount_tiyn, state, claim_id, file_id, programme_id, territory_id)
SELECT id, 'E' || id, '', amount_tiyn, 'accepted', id, (extract(month FROM month)::int - 1) * {cities} + territory_id,
       territory_id, territory_id FROM claim;
INSERT INTO bank_reply (reference, end_to_end_id, status, amount_tiyn, reason, outcome, at, currency, file_number)
SELECT 'R' || id, end_to_end_id, 'accepted', amount_tiyn, '', 'paid', now(), 'KZT', 'F-' || file_id FROM payment_line;
INSERT INTO ledger_account (id, kind, line_id, subject_id, month, balance_tiyn)
SELECT t, 'approp', t, 0, NULL::date, NULL::bigint FROM generate_series(1, {cities}) t
 UNION ALL SELECT 40 + t, 'paid', t, 0, NULL, NULL FROM generate_series(1, {cities}) t
 UNION ALL SELECT 1000 + c, 'held', {t}, c, NULL,
       (SELECT sum({month} - {present} * {tariff}) FROM generate_series(1, {months}) m) FROM generate_series(1,
       {children}) c
 UNION ALL SELECT {place}, 'place', {t}, c, make_date(2026, m, 1), 0
  FROM generate_series(1, {months}) m, generate_series(1, {children}) c
 UNION ALL SELECT {payable}, 'payable', ((k - 1) % {providers}) % {cities} + 1, k, NULL, 0 FROM generate_series(1,
       {claims}) k
 UNION ALL SELECT {transit}, 'transit', ((k - 1) % {providers}) % {cities} + 1, k, NULL, 0 FROM generate_series(1,
       {claims}) k;
INSERT INTO ledger_account (id, kind, line_id, subject_id, month, balance_tiyn)
SELECT 20 + line_id, 'free', line_id, 0, NULL, {budget} - {months} * {month} * count(*) FROM voucher GROUP BY line_id;
INSERT INTO ledger_posting (id, at, cause_kind, cause_key, txid)
SELECT n, timestamptz '2026-01-03', 'budget', n::text, '3'::xid8 FROM generate_series(1, {cities}) n
 UNION ALL SELECT 20 + n, '2026-01-04', 'issue', n::text, '3'::xid8 FROM generate_series(1, {cities}) n
 UNION ALL SELECT m * 20 + 20 + t, make_date(2026, m, 2), 'promise', m || ' ' || t, '3'::xid8
  FROM generate_series(2, {months}) m, generate_series(1, {cities}) t
 UNION ALL SELECT 1000 + c, '2026-01-05', 'enrol', c::text, '3'::xid8 FROM generate_series(1, {children}) c
 UNION ALL SELECT 1000 + {children} + n * {claims} + k, make_date(2026, (k - 1) / {providers} + 2, 5 + n),
       (ARRAY['claim', 'payment_sent', 'bank_reply'])[n + 1], (ARRAY['C-', 'E', 'R'])[n + 1] || k, '3'::xid8
  FROM generate_series(0, 2) n, generate_series(1, {claims}) k;
INSERT INTO ledger_entry (at, posting_id, account_id, line_id, amount_tiyn)
SELECT timestamptz '2026-01-03', t, t, t, -{budget} FROM generate_series(1, {cities}) t
 UNION ALL SELECT '2026-01-03', t, 20 + t, t, {budget} FROM generate_series(1, {cities}) t
 UNION ALL SELECT '2026-01-04', 20 + line_id, 20 + line_id, line_id, -{months} * {month} * count(*)
       FROM voucher GROUP BY line_id
 UNION ALL SELECT '2026-01-04', 20 + {t}, 1000 + c, {t}, {months} * {month} FROM generate_series(1, {children}) c
 UNION ALL SELECT '2026-01-05', 1000 + c, 1000 + c, {t}, -{month} FROM generate_series(1, {children}) c
 UNION ALL SELECT '2026-01-05', 1000 + c, 1000 + {children} + c, {t}, {month} FROM generate_series(1, {children}) c;
INSERT INTO ledger_entry (at, posting_id, account_id, line_id, amount_tiyn)
SELECT make_date(2026, m, 2), m * 20 + 20 + {t}, CASE s WHEN 1 THEN {place} ELSE 1000 + c END, {t}, s * {month}
  FROM generate_series(2, {months}) m, generate_series(1, {children}) c, (VALUES (1), (-1)) v (s);
INSERT INTO ledger_entry (at, posting_id, account_id, line_id, amount_tiyn)
SELECT make_date(2026, m + 1, 5), 1000 + {children} + (m - 1) * {providers} + {p},
       CASE s WHEN 1 THEN {place} ELSE 1000 + c END, {t},
       CASE s WHEN 1 THEN -{month} ELSE {month} - {present} * {tariff} END
  FROM generate_series(1, {months}) m, generate_series(1, {children}) c, (VALUES (1), (2)) v (s)
 WHERE s = 1 OR {present} < {lessons};
INSERT INTO ledger_entry (at, posting_id, account_id, line_id, amount_tiyn)
SELECT make_date(2026, (k - 1) / {providers} + 2, 5 + n), 1000 + {children} + n * {claims} + k,
       CASE WHEN s = 1 THEN (ARRAY[{payable}, {transit}, 40 + t])[n + 1] ELSE (ARRAY[0, {payable},
       {transit}])[n + 1] END,
       t, s * tiyn
  FROM (SELECT id::int AS k, line_id AS t, amount_tiyn AS tiyn FROM claim) x, generate_series(0, 2) n,
       (VALUES (1), (-1)) v (s) WHERE s = 1 OR n > 0;
INSERT INTO audit_event (at, actor_id, actor_label, action, subject_kind, subject_ids, territory_id, detail, txid)
SELECT timestamptz '2026-01-10' + c * interval '1 second' + n * interval '60 days', c, 'user:' || c, 'enrol', 'voucher',
       jsonb_build_array(c), {t}, '{{}}'::jsonb, (3 + n)::text::xid8
  FROM generate_series(0, {events} - 1) n, generate_series(1, {children}) c;
INSERT INTO idempotency_key (user_id, verb, key, body_hash, outcome, at, replays)
SELECT c, 'enrol', gen_random_uuid(), sha256('x'), '[]', timestamptz '2026-01-10' + c * interval '1 second', 0
  FROM generate_series(1, {children}) c"""

# A minute of a rush, 400 places taken a second, and of a day's marks; rows written once more, as commands would.
_RUSH = """
UPDATE enrolment SET reason = '' WHERE id <= {n};
UPDATE voucher SET reason = '' WHERE id <= {n};
UPDATE seat SET taken = taken WHERE group_id <= {n} / 20;
INSERT INTO ledger_posting (id, at, cause_kind, cause_key)
SELECT 900000000 + c, '2026-08-20', 'rush', c::text FROM generate_series(1, {n}) c;
INSERT INTO ledger_entry (at, posting_id, account_id, line_id, amount_tiyn)
SELECT '2026-08-20', 900000000 + c, 1000 + c, a.line_id, s * 100
  FROM generate_series(1, {n}) c, (VALUES (1), (-1)) v (s), ledger_account a WHERE a.id = 1000 + c;
UPDATE ledger_account SET balance_tiyn = balance_tiyn WHERE id > 1000 AND id <= 1000 + {n};
UPDATE mark SET marked_at = now() WHERE "on" = '2026-08-25' AND enrolment_id <= {n};
WITH done AS (
    INSERT INTO idempotency_key (user_id, verb, key, body_hash, outcome, at, replays)
    SELECT c, 'rush', gen_random_uuid(), sha256('x'), '[]', now(), 0 FROM generate_series(1,
       {n}) c RETURNING user_id, at)
INSERT INTO audit_event (at, actor_id, actor_label, action, subject_kind, subject_ids, detail)
SELECT at, user_id, 'user', 'rush', 'voucher', '[]', '{{}}' FROM done"""


class Nation:
    """Twenty cities with a year of places: so many children, eight months of eight lessons, all claimed and paid."""

    def __init__(self, children: int) -> None:
        """Nothing is made yet; whole providers only."""
        whole = GROUP * GROUPS_OF_PROVIDER
        providers = max(CITIES, children // whole)
        claims = providers * MONTHS
        fixed: dict[str, object] = {
            "cities": CITIES,
            "group": GROUP,
            "whole": whole,
            "per_provider": GROUPS_OF_PROVIDER,
            "lessons": LESSONS,
            "months": MONTHS,
            "tariff": TARIFF,
            "month": TARIFF * LESSONS,
            "providers": providers,
            "groups": providers * GROUPS_OF_PROVIDER,
            "children": providers * whole,
            "claims": claims,
            "payables": 1000 + providers * whole * (MONTHS + 1),
            "events": EVENTS_OF_CHILD,
            "budget": 10**15,
        }
        document = _document()
        fixed |= {"document": json.dumps(document).replace("'", "''"), "digest": digest(document).hex()}
        fixed["p"], fixed["g"] = _P.format(**fixed), _G.format(**fixed)
        fixed["t"] = _T.format(**fixed)
        fixed["present"] = _PRESENT.format(**fixed)
        fixed |= {
            name: text.format(**fixed)
            for name, text in (("place", _PLACE), ("payable", _PAYABLE), ("transit", _TRANSIT))
        }
        self._names = fixed
        self.children = providers * whole

    def make(self) -> None:
        """Every table, the chain over the audit, a round drawn and allocated by commands; fresh statistics."""
        call_command("migrate", verbosity=0, interactive=False)
        schema.make_months(FIRST, MONTHS + 4)
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica; SET LOCAL jit = off")
            cursor.execute(_UNUSED)
            cursor.execute(_ASLEEP)
            for statement in _STATEMENTS.format(**self._names).split(";\n"):
                cursor.execute(statement)
            cursor.execute(
                "SELECT setval(pg_get_serial_sequence(t, 'id'), 1000000000) FROM unnest(ARRAY['territory', 'department',"  # noqa: E501
                " 'programme', 'rule_set', 'budget_line', 'child', 'guardian', 'ledger_account', 'ledger_posting',"
                " 'voucher']) t"
            )
        with connection.cursor() as cursor:
            cursor.execute("SET maintenance_work_mem = '512MB'")
            cursor.execute("REINDEX SCHEMA public")
            cursor.execute("VACUUM (ANALYZE)")
        _allocate(ROUND)
        with connection.cursor() as cursor:
            linked = 1
            while linked:
                cursor.execute("SELECT audit_link_next(100000)")
                (linked,) = cursor.fetchone()
            cursor.execute("VACUUM (ANALYZE)")

    def rush(self, places: int) -> None:
        """A minute in which so many places were taken."""
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica")
            for statement in _RUSH.format(n=places).split(";\n"):
                cursor.execute(statement)

    def rows(self) -> dict[str, int]:
        """What there is to check."""
        tables = ("ledger_entry", "ledger_account", "mark", "claim_row", "audit_event", "voucher", "outcome")
        counts = {}
        with connection.cursor() as cursor:
            for table in tables:
                cursor.execute(f"SELECT count(*) FROM {table}")  # noqa: S608 - names from above
                (counts[table],) = cursor.fetchone()
        return counts


def _document() -> dict[str, object]:
    text = resources.files("qosymsha.domain.programmes").joinpath("data/default-rule-set.json").read_text("utf-8")
    document: dict[str, dict[str, object]] = json.loads(text)
    document["pay"] |= {"mode": "per_lesson"}
    document["papers"] |= {"act_required": False}
    return dict(document)


def _allocate(applications: int) -> None:
    city = admission.City(money={"sport": admission.money_for(applications // 3)}, kato="790000000")
    the_round = city.opened()
    city.file(the_round, city.families(applications))
    city.run(the_round)
