"""Each check on everything: every way to break its promise that we could think of is found."""
# ruff: noqa: E501 - the table of plants has one row a line

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import pytest

from qosymsha.domain.insights.queries import CHECKS, check_invariant
from tests.factories.insights import (
    World,
    copied,
    copies,
    does,
    on_ledger,
    one,
    past_the_guards,
    second_place,
    sql,
    world_of_commands,
)
from tests.factories.settlement import AT, JANUARY, City

pytestmark = pytest.mark.django_db
SERVER = "INV-22"  # the tests' own server is unsafe on purpose


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One clean state for all tests of this module, in one transaction that is rolled back."""
    with world_of_commands(django_db_blocker, tmp_path_factory.mktemp("outside")) as made:
        yield made


@pytest.fixture
def clean(world: World, db: None) -> City:
    """The clean state; what a test plants is taken back with the test's own savepoint."""
    return world.home


def two_lessons_at_once(home: City) -> None:
    first, other = second_place(home)
    second = one(f"SELECT max(id) FROM enrolment WHERE group_id = {other}")
    session = f"(SELECT id FROM session WHERE group_id = {other} ORDER BY starts_at LIMIT 1)"
    copied("mark", f"enrolment_id = {first} AND value = 'present'", enrolment_id=str(second), session_id=session)


def overlapping_timetables(home: City) -> None:
    first, other = second_place(home)
    mine = one(f"SELECT group_id FROM enrolment WHERE id = {first}")
    for group, starts in ((mine, "10:00"), (other, "10:30")):
        past_the_guards(
            "INSERT INTO timetable_slot (group_id, teacher_id, weekday, starts, ends, valid) VALUES"
            " (%s, %s, 1, %s::time, %s::time + interval '1 hour', '[2026-01-01,2027-01-01)')", group, group, starts, starts,
        )  # fmt: skip


ENROLMENT = "(SELECT min(id) FROM enrolment)"
VOUCHER = "(SELECT min(id) FROM voucher)"
# A done act of the first claim with both signatures: what the plants below it spoil.
SIGNED_ACT = """
INSERT INTO service_act (uuid, number, territory_id, programme_id, provider_id, claim_id, customer_bin, amount_tiyn, content, hash,
                         state, reason, drawn_at)
SELECT gen_random_uuid(), 'S-1', territory_id, programme_id, provider_id, id, '', amount_tiyn, 'act', sha256('act'), 'done', '', now()
  FROM claim ORDER BY id LIMIT 1;
INSERT INTO act_signature (service_act_id, side, user_id, content_hash, signature_hash, certificate, issuer, is_legal, at)
SELECT a.id, v.side, v.who, a.hash, sha256(v.side::bytea), '', '', false, now()
  FROM service_act a, (VALUES ('provider', 1), ('customer', 2)) AS v (side, who)"""
PLANTS: list[tuple[str, str, Callable[[City], None]]] = [
    ("INV-1", "counter", does("UPDATE seat SET taken = taken + 1 WHERE taken = 2")),
    ("INV-1", "capacity", does("UPDATE club_group SET capacity = 1 WHERE id = (SELECT min(group_id) FROM enrolment)")),
    ("INV-2", "two places", lambda home: (second_place(home), None)[1]),
    ("INV-3", "two vouchers", copies("voucher", "DROP INDEX voucher_one_live", number="'V-second'")),
    ("INV-4", "one leg more", on_ledger("paid", 5)),
    ("INV-4", "no legs", does("DELETE FROM ledger_entry WHERE posting_id = (SELECT max(posting_id) FROM ledger_entry)")),
    ("INV-4", "balance by hand", does("UPDATE ledger_account SET balance_tiyn = balance_tiyn + 1 WHERE kind = 'free'")),
    ("INV-5", "below zero and back", on_ledger("free", -(10**14), 10**14)),
    ("INV-6", "a row paid too much", does("ALTER TABLE claim_row DROP CONSTRAINT claim_row_due_less_claimed", "UPDATE claim_row SET amount_tiyn = amount_tiyn + 1 WHERE id = (SELECT min(id) FROM claim_row)")),
    ("INV-6", "another tariff", does("UPDATE enrolment SET unit_tariff_tiyn = 1 WHERE id = (SELECT min(enrolment_id) FROM claim_row)")),
    ("INV-6", "a claim beyond its rows", does("UPDATE claim SET amount_tiyn = amount_tiyn + 1 WHERE state = 'drawn'")),
    ("INV-6", "beyond the contract", does("UPDATE contract SET volume_tiyn = 1")),
    ("INV-7", "nobody's word", does("UPDATE sheet_row SET word = 'silent' WHERE id = (SELECT min(id) FROM sheet_row)")),
    ("INV-7", "no mark", does("DELETE FROM mark WHERE value = 'present' AND session_id = (SELECT min(session_id) FROM mark)")),
    ("INV-7", "a day held back", does("INSERT INTO day_hold (territory_id, programme_id, sheet_row_id, session_id, \"on\", kind, cause_id, state, reason, is_present, is_seen, opened_at, opened_by) SELECT r.territory_id, r.programme_id, r.id, m.session_id, m.\"on\", 'flagged', 1, 'open', '', true, false, '2026-01-01', 1 FROM claim_row c JOIN sheet_row r ON r.id = c.sheet_row_id JOIN mark m ON m.enrolment_id = r.enrolment_id AND m.value = 'present' WHERE c.live AND c.amount_tiyn > 0 LIMIT 1")),
    ("INV-7", "a scan nobody made", does("UPDATE month_sheet SET scan_is_word = true", "UPDATE sheet_row SET word = 'silent', seen = present WHERE id = (SELECT min(sheet_row_id) FROM claim_row WHERE live AND amount_tiyn > 0)")),
    ("INV-8", "two groups", two_lessons_at_once),
    ("INV-8", "one group twice", copies("session", "ALTER TABLE session DROP CONSTRAINT session_teacher_once", starts_at="starts_at + interval '30 minutes'")),
    ("INV-9", "event edited", does("UPDATE audit_event SET detail = '{\"a\": 1}' WHERE id = (SELECT min(event_id) FROM audit_link)")),
    ("INV-9", "event lost", does("DELETE FROM audit_event WHERE id = (SELECT max(event_id) FROM audit_link)")),
    ("INV-9", "link lost", does("DELETE FROM audit_link WHERE seq = 2")),
    ("INV-9", "link swapped", does("UPDATE audit_link SET prev_hash = 'x' WHERE seq = 3")),
    ("INV-9", "never linked", does("INSERT INTO audit_event (at, actor_id, actor_label, action, subject_kind, subject_ids, detail, txid) VALUES ('2026-01-01', 0, 'x', 'x', 'x', '[]', '{}', '3')")),
    ("INV-10", "no such step", copies("voucher_history", "ALTER TABLE voucher_history DROP CONSTRAINT voucher_history_legal", f"voucher_id = {VOUCHER}", seq="4", from_state="'active'", to_state="'issued'")),
    ("INV-10", "a step left out", does(f"DELETE FROM voucher_history WHERE voucher_id = {VOUCHER} AND seq = 2")),
    ("INV-10", "not continued", does(f"UPDATE voucher_history SET from_state = 'suspended', to_state = 'active' WHERE voucher_id = {VOUCHER} AND seq = 3")),
    ("INV-11", "a state without its step", does(f"UPDATE voucher SET state = 'suspended' WHERE id = {VOUCHER}")),
    ("INV-11", "a life without a history", does(f"DELETE FROM enrolment_history WHERE enrolment_id = {ENROLMENT}")),
    ("INV-11", "an unknown state", does("ALTER TABLE claim DROP CONSTRAINT claim_state", "UPDATE claim SET state = 'lost'")),
    ("INV-12", "no outcome", does("UPDATE idempotency_key SET outcome = NULL WHERE id = (SELECT min(id) FROM idempotency_key)")),
    ("INV-12", "no audit row", does("DELETE FROM audit_event")),
    ("INV-13", "stuck", does("INSERT INTO procrastinate_jobs (queue_name, task_name, priority, status) VALUES ('q', 't', 0, 'doing')")),
    ("INV-14", "owed to nobody", does("UPDATE ledger_account SET balance_tiyn = 1 WHERE kind = 'payable' AND balance_tiyn = 0")),
    ("INV-14", "under way for ever", does("UPDATE ledger_account SET balance_tiyn = 0 WHERE kind = 'transit'")),
    ("INV-14", "a closed voucher's money", does("UPDATE voucher SET state = 'closed', reason = 'moved'")),
    ("INV-14", "suspense", on_ledger("suspense", 7)),
    ("INV-14", "overlapping timetables", overlapping_timetables),
    ("INV-15", "other total", does("UPDATE payment_file SET total_tiyn = total_tiyn + 1")),
    ("INV-15", "other content", does("ALTER TABLE payment_file DROP CONSTRAINT payment_file_hash_of_content", "UPDATE payment_file SET content = 'other'")),
    ("INV-15", "no reply", does("DELETE FROM bank_reply WHERE outcome = 'paid'")),
    ("INV-15", "rejected by nobody", does("DELETE FROM bank_reply WHERE outcome = 'rejected'")),
    ("INV-15", "two lines", copies("payment_line", "DROP INDEX payment_line_once_per_claim", "state = 'accepted'", end_to_end_id="'twice'")),
    ("INV-15", "paid by a word of another amount", does("UPDATE bank_reply SET amount_tiyn = amount_tiyn + 1 WHERE outcome = 'paid'")),
    ("INV-15", "paid by a word of another file", does("UPDATE bank_reply SET file_number = 'F-9' WHERE outcome = 'paid'")),
    ("INV-15", "paid in another currency", does("UPDATE bank_reply SET currency = 'USD' WHERE outcome = 'paid'")),
    ("INV-15", "decided by nobody", does("UPDATE bank_reply SET reference = 'R#decided' WHERE outcome = 'rejected'")),
    ("INV-15", "an edited act", does("ALTER TABLE service_act DROP CONSTRAINT service_act_hash_of_content", SIGNED_ACT, "UPDATE service_act SET content = 'other'")),
    ("INV-15", "an act of another amount", does(SIGNED_ACT, "UPDATE service_act SET amount_tiyn = 1")),
    ("INV-15", "an act nobody signed", does(SIGNED_ACT, "DELETE FROM act_signature WHERE side = 'customer'")),
    ("INV-15", "signatures of something else", does(SIGNED_ACT, "UPDATE act_signature SET content_hash = 'x'")),
    ("INV-15", "approved without the act that the rules ask for", does("UPDATE rule_set SET document = jsonb_set(document, '{papers,act_required}', 'true')")),
    ("INV-15", "one official", does("DELETE FROM claim_approval WHERE step = 'release'")),
    ("INV-16", "passed over", does("UPDATE outcome SET result = 'waiting', waiting_rank = 99 WHERE rank = 1")),
    ("INV-17", "seed", does("UPDATE admission_round SET seed = sha256('x')")),
    ("INV-17", "secret", does("UPDATE draw_secret SET secret = sha256('x') WHERE party = 'parents'")),
    ("INV-17", "line", does("UPDATE frozen_line SET line = replace(line, 'sport', 'creative') WHERE position = 0")),
    ("INV-17", "rank", does("UPDATE outcome SET rank = rank + 100 WHERE rank = 3")),
    ("INV-17", "number", does("UPDATE outcome SET number = sha256('x') WHERE rank = 3")),
    ("INV-17", "answer", does("UPDATE admission_round SET output_hash = sha256('x')")),
    ("INV-18", "the tail cut", does("DELETE FROM audit_link WHERE seq = 3")),
    ("INV-18", "the end written anew", does("UPDATE audit_link SET hash = sha256('x') WHERE seq = 3")),
    ("INV-19", "the row of a read taken out", does("DELETE FROM audit_event WHERE action = 'read_children'")),
    ("INV-19", "a child taken out of the row", does("UPDATE audit_event SET subject_ids = '[]' WHERE action = 'read_children'")),
    ("INV-20", "no guardian", does("UPDATE guardianship SET valid = '[2020-01-01,2020-02-01)'")),
    ("INV-20", "an inactive user", does("INSERT INTO app_user (id, uuid, subject, language, is_active, password) VALUES (1, gen_random_uuid(), 's', 'kk', false, '')", "INSERT INTO membership (user_id, role, valid) VALUES (1, 'payer', '[2020-01-01,)')")),
    ("INV-21", "a child of long ago", does("UPDATE child SET created_at = '2010-01-01'", "UPDATE application SET submitted_at = '2010-01-01', state = 'ended'", "DELETE FROM voucher")),
    (SERVER, "lazy commits", does("SET LOCAL synchronous_commit = off")),
    ("LEDGER-13", "a line off", on_ledger("paid", 5)),
    ("MONEY-TRAIL", "a claim of another amount", does("UPDATE claim SET amount_tiyn = amount_tiyn + 1 WHERE state = 'drawn'")),
    ("MONEY-TRAIL", "a budget nobody decided", does("UPDATE budget_plan SET amount_tiyn = amount_tiyn - 1 WHERE id = (SELECT min(id) FROM budget_plan)")),
    ("MONEY-TRAIL", "a sealed day that was red", does("UPDATE money_day SET differences = 1")),
    ("MONEY-TRAIL", "a sealed day edited", does("UPDATE money_day SET summary = jsonb_set(summary, '{day}', '\"2026-01-01\"')")),
]  # fmt: skip


def test_a_signed_act_alone_is_no_violation(clean: City) -> None:
    does(SIGNED_ACT)(clean)
    assert check_invariant("INV-15", AT).ok


@pytest.mark.parametrize(("invariant", "what", "plant"), PLANTS, ids=[f"{i} {w}" for i, w, _ in PLANTS])
def test_a_planted_violation_is_found(clean: City, invariant: str, what: str, plant: Callable[[City], None]) -> None:
    before = check_invariant(invariant, AT)
    assert before.ok or invariant == SERVER
    plant(clean)
    after = check_invariant(invariant, AT)
    assert not after.ok
    assert after.violations >= 1
    assert after.examples


def test_an_event_may_wait_ten_minutes_for_its_link_and_a_running_transaction_longer(clean: City) -> None:
    event = (
        "INSERT INTO audit_event (at, actor_id, actor_label, action, subject_kind, subject_ids, detail, txid)"
        " VALUES (%s::timestamptz - %s * interval '1 minute', 0, 'x', 'x', 'x', '[]', '{}', {})"
    )
    sql(event.replace("{})", "'3')"), AT, 9)
    sql(event.replace("{})", "pg_current_xact_id())"), AT, 60)
    assert check_invariant("INV-9", AT).ok
    sql(event.replace("{})", "'3')"), AT, 11)
    assert check_invariant("INV-9", AT).violations == 1


def test_every_check_has_a_planted_violation() -> None:
    assert {invariant for invariant, _, _ in PLANTS} == set(CHECKS)


def test_the_servers_unsafe_settings_are_named(clean: City) -> None:
    past_the_guards("SET LOCAL synchronous_commit = off")
    assert "synchronous_commit = off" in check_invariant(SERVER, AT).examples
    sql("SET LOCAL synchronous_commit = on")
    assert "synchronous_commit = off" not in check_invariant(SERVER, AT).examples


def test_a_later_month_is_checked_by_its_own_rule(clean: City) -> None:
    rule_set = clean.rule_set.id
    sql("UPDATE rule_set SET valid = '[2026-01-01,2026-02-01)' WHERE id = %s", rule_set)
    assert check_invariant("INV-6", AT).ok
    past_the_guards("UPDATE rule_set SET valid = '[2026-02-01,2027-01-01)' WHERE id = %s", rule_set)
    assert not check_invariant("INV-6", AT).ok
    assert date(2026, 2, 1) > JANUARY
