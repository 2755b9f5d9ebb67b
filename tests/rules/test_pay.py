"""Pay by the dated rule: docs/rules/pay.md."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from qosymsha.domain.programmes.rules import Pay
from qosymsha.domain.settlement.rules.formula import MonthRule, claim_formula, claim_hash
from qosymsha.domain.settlement.rules.pay import (
    Attended,
    Due,
    Payable,
    approvals_needed,
    approve_step,
    due,
    offsets,
    settle,
)
from qosymsha.domain.settlement.rules.payment_file import (
    NAMESPACE,
    FileDraft,
    Payer,
    Payment,
    amount_text,
    fault,
    is_iban,
    write,
)
from qosymsha.domain.settlement.rules.refusals import SettlementRefusal

LESSON = Pay("per_lesson", 800, 0, True, 18)
LESSON_2 = replace(LESSON, paid_absences_cap=2)
MONTH = Pay("per_month", 800, 1, True, 18)
JANUARY, FEBRUARY = date(2026, 1, 1), date(2026, 2, 1)


def attended(
    present: int, ill: int = 0, excused: int = 0, absent: int = 0, tariff: int = 200_000, units: int = 8
) -> Attended:
    return Attended(present, ill, excused, absent, tariff, units, proved=ill + excused)


@pytest.mark.parametrize(
    ("pay", "row", "units", "amount"),
    [
        (LESSON, attended(6, absent=2), 6, 1_200_000),
        (LESSON, attended(6, ill=2), 6, 1_200_000),
        (LESSON, attended(0, absent=8), 0, 0),
        (LESSON, attended(9), 8, 1_600_000),  # a ninth lesson is not in the month's units
        (LESSON_2, attended(5, ill=1, excused=2), 7, 1_400_000),  # three absences, two paid
        (LESSON_2, attended(5, absent=3), 5, 1_000_000),  # absence without a reason is never paid
        (MONTH, attended(6, ill=1, absent=1), 8, 1_600_000),  # 7 of 8 = 875 permille: the whole month
        (MONTH, attended(5, ill=1, absent=2), 6, 1_200_000),  # 6 of 8 = 750 permille: the share
        (MONTH, attended(4, absent=0, units=8), 4, 800_000),  # joined in mid-month: its own lessons are the month
        (MONTH, attended(2, absent=7, tariff=100_001), 2, 177_780),  # 8 x 1000.01 x 2/9 = 1777.7955…, rounded once
        (MONTH, attended(0), 0, 0),
        # only the reasons that the rule names, only those with a paper where it asks for one, only up to the cap
        (replace(LESSON_2, paid_reasons=("ill",)), attended(5, ill=1, excused=2), 6, 1_200_000),
        (replace(LESSON_2, paid_reasons=()), attended(5, ill=1, excused=2), 5, 1_000_000),
        (replace(LESSON_2, evidence="paper"), attended(5, ill=3)._replace(proved=0), 5, 1_000_000),
        (replace(LESSON_2, evidence="paper"), attended(5, ill=3)._replace(proved=1), 6, 1_200_000),
        (replace(LESSON_2, evidence="paper"), attended(5, ill=3)._replace(proved=3), 7, 1_400_000),
        # days that wait or are lost are lessons of the month that nobody is paid for
        (LESSON, attended(5)._replace(waiting=2, lost=1), 5, 1_000_000),
        (MONTH, attended(5, ill=1)._replace(waiting=1, lost=1), 6, 1_200_000),
        (MONTH, attended(6, ill=1)._replace(lost=1), 8, 1_600_000),
    ],
)
def test_a_row_is_paid_by_the_rule(pay: Pay, row: Attended, units: int, amount: int) -> None:
    assert due(pay, row) == Due(units, amount)


rows = st.builds(
    Attended,
    present=st.integers(0, 31),
    ill=st.integers(0, 10),
    excused=st.integers(0, 10),
    absent=st.integers(0, 20),
    unit_tariff_tiyn=st.integers(1, 10**7),
    units_per_month=st.integers(1, 24),
    waiting=st.integers(0, 12),
    lost=st.integers(0, 12),
    proved=st.integers(0, 20),
    unspoken=st.integers(0, 5),
)
pays = st.builds(
    Pay,
    mode=st.sampled_from(["per_lesson", "per_month"]),
    month_threshold_permille=st.integers(1, 1000),
    paid_absences_cap=st.integers(0, 8),
    partial_sheets=st.just(True),
    pay_day=st.just(18),
    paid_reasons=st.sampled_from([(), ("ill",), ("excused",), ("ill", "excused")]),
    evidence=st.sampled_from(["none", "paper"]),
)


@given(pays, rows)
def test_nothing_is_paid_beyond_the_month_or_without_presence_or_valid_absence(pay: Pay, row: Attended) -> None:
    paid = due(pay, row)
    assert 0 <= paid.amount_tiyn <= min(row.units, row.units_per_month) * row.unit_tariff_tiyn
    if row.present + row.ill + row.excused == 0:
        assert paid == Due(0, 0)


@given(pays, rows)
def test_one_more_lesson_attended_never_pays_less(pay: Pay, row: Attended) -> None:
    if row.absent:
        more = row._replace(present=row.present + 1, absent=row.absent - 1)
        assert due(pay, more).amount_tiyn >= due(pay, row).amount_tiyn


def payable(
    n: int, row: Attended, *, month: date = JANUARY, place: int = 1_600_000, is_payable: bool = True
) -> Payable:
    return Payable(n, n, n, month, row, is_payable, True, place)


def test_a_claim_takes_rows_in_order_and_holds_what_is_not_covered() -> None:
    given_rows = [
        payable(1, attended(8)),
        payable(2, attended(8), place=1_599_999),
        payable(3, attended(8)),
        payable(4, attended(2)),
        payable(5, attended(8), is_payable=False),
        payable(6, attended(1), month=FEBRUARY),
    ]
    taken = settle(given_rows, {JANUARY: LESSON}, volume_left_tiyn=2_000_000)
    assert [(s.row.sheet_row_id, s.due.amount_tiyn, s.rest_tiyn) for s in taken.settled] == [
        (1, 1_600_000, 0),
        (4, 400_000, 1_200_000),
        (5, 0, 1_600_000),  # rejected by an officer: settled at nothing, its money goes back
    ]
    assert [(h.row.sheet_row_id, h.reason) for h in taken.held] == [
        (2, SettlementRefusal.PLACE_NOT_COVERED),
        (3, SettlementRefusal.CONTRACT_VOLUME),
        (6, SettlementRefusal.NO_RULES_IN_FORCE),
    ]
    assert (taken.units, taken.amount_tiyn) == (10, 2_000_000)


def test_the_formula_says_the_same_amount_in_three_languages_and_is_hashed() -> None:
    taken = settle([payable(1, attended(8)), payable(2, attended(5))], {JANUARY: LESSON_2}, 10**9)
    formula = claim_formula(taken, {JANUARY: MonthRule(LESSON_2, "ab" * 32)})
    assert set(formula["words"]) == {"kk", "ru", "en"}
    for words in formula["words"].values():
        assert words[-1].endswith("26\u00a0000\u00a0₸")
        assert "13" in words[1]
        assert "2\u00a0000\u00a0₸" in words[1]
    assert formula["rules"] == {"2026-01": "ab" * 32}
    first = claim_hash("C-1", formula, [[1, 1, 8, 200_000, 1_600_000, 0]])
    assert first != claim_hash("C-1", formula, [[1, 1, 8, 200_000, 1_600_001, 0]])
    assert len(first) == 32


@pytest.mark.parametrize(
    ("unit", "words"), [("day", ("күн", "дней", "days")), ("meal", ("тамақтану", "приёмов пищи", "meals"))]
)
def test_the_formula_counts_in_the_programmes_own_unit(unit: str, words: tuple[str, str, str]) -> None:
    rule = MonthRule(replace(LESSON_2, evidence="paper"), "ab" * 32, unit)
    formula = claim_formula(settle([payable(1, attended(8))], {JANUARY: LESSON}, 10**9), {JANUARY: rule})
    for language, word in zip(("kk", "ru", "en"), words, strict=True):
        assert word in formula["words"][language][1]
    assert "proved by a paper" in formula["words"]["en"][0]


def test_what_is_owed_is_kept_back_by_the_plan_and_something_is_always_paid() -> None:
    assert offsets([], 1_000) == []
    assert offsets([(1, 5_000, 500)], 1_000) == [(1, 500)]
    assert offsets([(1, 200, 500), (2, 5_000, 500)], 1_000) == [(1, 200), (2, 300)]
    assert offsets([(1, 5_000, 200), (2, 5_000, 900)], 1_000) == [(1, 200), (2, 700)]
    assert offsets([(1, 5_000, 900)], 1) == []


def test_the_band_says_how_many_approve() -> None:
    bands = ((500, 1), (1000, 2), (None, 3))
    assert [approvals_needed(bands, amount) for amount in (500, 501, 1000, 1001)] == [1, 2, 2, 3]
    assert approvals_needed(((100, 0),), 50) == 1
    assert [approve_step(n) for n in (1, 2)] == ["approve", "approve_2"]


@pytest.mark.parametrize("iban", ["KZ699990000000000001", "KZ63999TEST000000002"])
def test_kazakh_accounts_are_known_by_their_check_digits(iban: str) -> None:
    assert is_iban(iban)


@pytest.mark.parametrize(
    "iban", ["", "KZ689990000000000001", "DE89370400440532013000", "KZ69999000000000000\u0661", "kz699990000000000001"]
)
def test_other_texts_are_no_accounts(iban: str) -> None:
    assert not is_iban(iban)


PAYER = Payer("Department <of> education & sport", "010140000008", "KZ699990000000000001", "TESTKZ22")


def draft(**changes: object) -> FileDraft:
    payment = Payment(
        "C-000001-X-1", "Әуен & Ко <студия>", "010240000002", "KZ63999TEST000000002", 123_456_789, "K-1; 01.2026"
    )
    return FileDraft(
        "F-000001-X", datetime(2026, 2, 10, tzinfo=UTC), date(2026, 2, 18), PAYER, [replace(payment, **changes)]
    )  # type: ignore[arg-type]


def test_the_payment_file_is_valid_and_the_same_each_time() -> None:
    content = write(draft())
    assert fault(content) is None
    assert content == write(draft())
    amount = etree.fromstring(content).find(f".//{{{NAMESPACE}}}InstdAmt")
    assert amount is not None
    assert (amount.text, amount.get("Ccy")) == ("1234567.89", "KZT")
    assert amount_text(5) == "0.05"


@pytest.mark.parametrize("change", [{"iban": "not an account"}, {"end_to_end_id": "x" * 36}, {"purpose": "p" * 141}])
def test_a_file_against_the_schema_is_found_and_its_text_is_not_repeated(change: dict[str, str]) -> None:
    complaint = fault(write(draft(**change)))
    assert complaint is not None
    assert next(iter(change.values())) not in complaint


def test_a_file_that_is_no_xml_is_found() -> None:
    assert fault(b"<Document") is not None
