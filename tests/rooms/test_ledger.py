"""The promises of LEDGER.md 1, 10 and 13, kept by the database whoever writes."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from hypothesis import given
from hypothesis import strategies as st

from qosymsha.domain.ledger import queries, steps
from qosymsha.domain.ledger.rules import WITH_BALANCE, AccountKey, AccountKind, Draft, LedgerRefusal, is_balanced
from qosymsha.kernel.errors import Refused
from tests.factories.ledger import AT, account, grant, move

pytestmark = pytest.mark.django_db
FREE, HELD, PAID = account("free"), account("held", subject=7), account("paid")


def _sql(statement: str, *arguments: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, arguments)


def _plant(entries: list[tuple[int, int, int]], posted_at: datetime = AT) -> None:
    """A posting by hand: (account, line, amount) rows, and the commit's checks run now."""
    _sql("INSERT INTO ledger_posting (id, at, cause_kind, cause_key) VALUES (900, %s, 'by hand', 'x')", posted_at)
    for account_id, line_id, amount in entries:
        _sql(
            "INSERT INTO ledger_entry (at, posting_id, account_id, line_id, amount_tiyn) VALUES (%s, 900, %s, %s, %s)",
            AT,
            account_id,
            line_id,
            amount,
        )
    _sql("SET CONSTRAINTS ALL IMMEDIATE")


def _account_id(key: AccountKey) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM ledger_account WHERE kind = %s AND line_id = %s", [key.kind.value, key.line_id])
        return int(cursor.fetchone()[0])


@pytest.fixture
def two_lines() -> dict[str, int]:
    """Lines 1 and 2 with 1,000 tiyn free each; ids of some accounts."""
    steps.post([grant(1_000, 1), grant(1_000, 2)], at=AT)
    return {f"{kind}{line}": _account_id(account(kind, line)) for kind in ("free", "approp") for line in (1, 2)}


def test_money_moves_between_accounts_and_the_line_stays_at_zero() -> None:
    first, second = steps.post([grant(1_000), move("a", 300, FREE, HELD)], at=AT)
    assert first < second
    assert queries.balances([FREE, HELD, account("held", subject=8)]) == {
        FREE: 700,
        HELD: 300,
        account("held", subject=8): 0,
    }
    assert queries.totals() == {1: {"approp": -1_000, "free": 700, "held": 300}}
    assert queries.unbalanced_lines() == []
    assert queries.drifted_accounts() == []


@pytest.mark.parametrize(
    "entries",
    [[], [("free1", 1, 5)], [("free1", 1, 5), ("approp1", 1, -4)], [("free1", 1, 5), ("free2", 2, -5)]],
    ids=["nothing", "one leg", "does not sum", "sums over lines only"],
)
def test_an_unbalanced_posting_by_hand_never_commits(
    two_lines: dict[str, int], entries: list[tuple[str, int, int]]
) -> None:
    rows = [(two_lines[name], line, amount) for name, line, amount in entries]
    with pytest.raises(IntegrityError, match="does not sum to zero"), transaction.atomic():
        _plant(rows)


def test_control_without_the_trigger_the_planted_posting_commits(two_lines: dict[str, int]) -> None:
    _sql("SET CONSTRAINTS ALL IMMEDIATE")
    _sql("ALTER TABLE ledger_posting DISABLE TRIGGER ledger_posting_zero_sum")
    _plant([(two_lines["free1"], 1, 5)])
    assert [drift.entries_tiyn - drift.balance_tiyn for drift in queries.drifted_accounts()] == [5]


def test_an_entry_names_an_account_of_its_own_line(two_lines: dict[str, int]) -> None:
    with pytest.raises(IntegrityError, match="not an account of its line"), transaction.atomic():
        _plant([(two_lines["free1"], 2, 5), (two_lines["free2"], 2, -5)])


def test_an_entry_has_the_instant_of_its_posting(two_lines: dict[str, int]) -> None:
    entries = [(two_lines["free1"], 1, 5), (two_lines["approp1"], 1, -5)]
    with pytest.raises(IntegrityError, match="instant"), transaction.atomic():
        _plant(entries, posted_at=AT + timedelta(seconds=1))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_entry SET amount_tiyn = 1",
        "DELETE FROM ledger_entry",
        "TRUNCATE ledger_entry",
        "UPDATE ledger_entry_rest SET amount_tiyn = 1",
        "DELETE FROM ledger_entry_rest",
        "TRUNCATE ledger_entry_rest",
        "UPDATE ledger_posting SET cause_key = 'other'",
        "DELETE FROM ledger_posting",
        "UPDATE ledger_account SET subject_id = 9",
        "DELETE FROM ledger_account",
    ],
)
def test_what_was_posted_stays(two_lines: dict[str, int], statement: str) -> None:
    _sql("SET CONSTRAINTS ALL IMMEDIATE")
    with pytest.raises(IntegrityError, match="insert-only"), transaction.atomic():
        _sql(statement)


def test_a_new_month_is_guarded_like_the_others() -> None:
    _sql("SELECT make_months('ledger_entry', '2031-05-01', 1)")
    steps.post([grant(10)], at=datetime(2031, 5, 3, tzinfo=UTC))
    _sql("SET CONSTRAINTS ALL IMMEDIATE")
    with pytest.raises(IntegrityError, match="insert-only"), transaction.atomic():
        _sql("DELETE FROM ledger_entry_2031_05")
    with pytest.raises(IntegrityError, match="not this transaction"), transaction.atomic():
        _sql(
            "INSERT INTO ledger_entry_2031_05 (id, at, posting_id, account_id, line_id, amount_tiyn)"
            " OVERRIDING SYSTEM VALUE VALUES (1, '2031-05-03', 1, 1, 1, 1)"
        )


def test_a_month_that_the_default_partition_holds_already_stays_there() -> None:
    steps.post([grant(10)], at=datetime(2032, 5, 3, tzinfo=UTC))
    _sql("SELECT make_months('ledger_entry', '2032-05-01', 2)")
    assert queries.totals() == {1: {"approp": -10, "free": 10}}


def test_no_balance_goes_below_zero_and_the_transaction_goes_on() -> None:
    steps.post([grant(100)], at=AT)
    with pytest.raises(Refused) as refusal:
        steps.post([move("a", 60, FREE, HELD), move("b", 60, FREE, HELD)], at=AT)
    assert refusal.value.reason is LedgerRefusal.NOT_COVERED
    assert queries.balances([FREE, HELD]) == {FREE: 100, HELD: 0}
    steps.post([move("b", 100, FREE, HELD)], at=AT)
    assert queries.balances([FREE, HELD]) == {FREE: 0, HELD: 100}


def test_an_account_never_opened_covers_nothing() -> None:
    with pytest.raises(Refused, match="not_covered"):
        steps.post([move("a", 1, FREE, HELD)], at=AT)
    assert queries.totals() == {}


def test_a_cause_posts_once() -> None:
    steps.post([grant(100)], at=AT)
    with pytest.raises(Refused) as refusal:
        steps.post([move("a", 1, FREE, HELD), grant(100)], at=AT)
    assert refusal.value.reason is LedgerRefusal.CAUSE_REPEATED
    assert queries.totals() == {1: {"approp": -100, "free": 100}}


def test_a_reversal_is_the_opposite_posting_and_happens_once() -> None:
    _, held = steps.post([grant(100), move("a", 40, FREE, HELD)], at=AT)
    steps.reverse(held, cause_kind="undo", cause_key="a", at=AT)
    assert queries.balances([FREE, HELD]) == {FREE: 100, HELD: 0}
    with pytest.raises(Refused, match="already_reversed"):
        steps.reverse(held, cause_kind="undo", cause_key="a again", at=AT)
    assert [m.amount_tiyn for m in queries.movements(AccountKind.HELD, 7)] == [40, -40]


def test_money_that_moved_on_is_not_reversed() -> None:
    _, held = steps.post([grant(100), move("a", 40, FREE, HELD)], at=AT)
    steps.post([move("b", 40, HELD, PAID)], at=AT)
    with pytest.raises(Refused, match="not_covered"):
        steps.reverse(held, cause_kind="undo", cause_key="a", at=AT)


def test_months_are_accounts_of_their_own() -> None:
    march, april = (account("place", subject=3, month=date(2026, month, 1)) for month in (3, 4))
    steps.post([grant(100), move("m", 30, FREE, march), move("n", 20, FREE, april)], at=AT)
    steps.post([move("o", 5, FREE, march)], at=AT)
    assert queries.subject_balances(AccountKind.PLACE, [3]) == [(march, 35), (april, 20)]
    assert queries.subject_balances(AccountKind.PLACE, [3], date(2026, 4, 1)) == [(april, 20)]
    assert queries.subject_balances(AccountKind.PLACE, [3], None) == []


def test_every_movement_names_its_cause() -> None:
    steps.post([grant(100), move("enrol-1", 30, FREE, HELD, "enrol")], at=AT)
    (movement,) = queries.movements(AccountKind.HELD, 7)
    assert (movement.cause_kind, movement.cause_key, movement.account, movement.amount_tiyn) == (
        "enrol",
        "enrol-1",
        HELD,
        30,
    )
    assert queries.posting_id("enrol", "enrol-1") == movement.posting_id
    assert queries.posting_id("enrol", "other") is None


def test_nothing_to_post_is_no_posting() -> None:
    assert steps.post([], at=AT) == []
    assert queries.balances([]) == {}


def test_an_unbalanced_draft_is_a_bug_that_never_reaches_the_database() -> None:
    across = Draft("test", "x", ((account("free", 1), 5), (account("free", 2), -5)))
    with pytest.raises(AssertionError):
        steps.post([across], at=AT)
    assert not is_balanced(Draft("t", "x", ()))
    assert not is_balanced(Draft("t", "x", ((FREE, 0), (HELD, 0))))
    assert not is_balanced(Draft("t", "x", ((FREE, 5), (HELD, -4), (PAID, -2))))
    assert is_balanced(Draft("t", "x", ((FREE, 5), (HELD, -4), (PAID, -1))))


def test_the_database_and_the_code_know_the_same_kinds() -> None:
    with connection.cursor() as cursor:
        for kind in AccountKind:
            cursor.execute("SELECT ledger_has_balance(%s)", [kind.value])
            assert cursor.fetchone() == (kind in WITH_BALANCE,)


_ACCOUNTS = [
    ("free", 0),
    ("held", 1),
    ("held", 2),
    ("place", 1),
    ("payable", 1),
    ("transit", 1),
    ("paid", 0),
    ("released", 0),
]
_MOVES = st.tuples(st.sampled_from(_ACCOUNTS), st.sampled_from(_ACCOUNTS), st.integers(1, 600)).filter(
    lambda m: m[0] != m[1]
)
_line = iter(range(1_000, 10**9))


@given(batches=st.lists(st.lists(_MOVES, min_size=1, max_size=4), max_size=6))
def test_random_postings_keep_the_sum_and_cover_what_they_take(batches: list[list[tuple]]) -> None:  # type: ignore[type-arg]
    line, expected = next(_line), Counter({("free", 0): 1_000, ("approp", 0): -1_000})
    steps.post([grant(1_000, line)], at=AT)
    for number, batch in enumerate(batches):
        after = Counter(expected)
        for source, target, amount in batch:
            after[source] -= amount
            after[target] += amount
        drafts = [
            move(
                f"{line}-{number}-{n}", amount, account(source[0], line, source[1]), account(target[0], line, target[1])
            )
            for n, (source, target, amount) in enumerate(batch)
        ]
        if all(amount >= 0 for (kind, _), amount in after.items() if kind in WITH_BALANCE):
            steps.post(drafts, at=AT)
            expected = after
        else:
            with pytest.raises(Refused, match="not_covered"):
                steps.post(drafts, at=AT)
    with_rows = {key: amount for key, amount in expected.items() if key[0] in WITH_BALANCE}
    keys = {key: account(key[0], line, key[1]) for key in with_rows}
    assert queries.balances(list(keys.values())) == {keys[key]: amount for key, amount in with_rows.items()}
    assert sum(queries.totals([line])[line].values()) == 0
    assert queries.unbalanced_lines() == []
    assert queries.drifted_accounts() == []
