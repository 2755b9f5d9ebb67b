"""IIN and BIN: the vectors of DOMAIN.md 4, and digits of other scripts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qosymsha.kernel import iin
from qosymsha.kernel.iin import NumberError, NumberFault


@pytest.mark.parametrize(
    ("number", "passes"),
    [
        ("151332500209", 9),
        ("151332500108", 8),  # pass 1 gives 10
        ("151332500000", 0),
        ("151332500170", 0),  # pass 1 gives 10
        ("881332400705", 5),  # pass 2
        ("151332500219", 9),  # digit 11 changed: the blind spot of pass 1
        ("251340000003", 3),
        ("251340000404", 4),
        ("251341000009", 9),
        ("251350000008", 8),
        ("251360000002", 2),
        ("150301700001", 1),
        ("150301700204", 4),
        ("150301800008", 8),
        ("150301800909", 9),
        ("881107900004", 4),
    ],
)
def test_the_vectors_are_valid(number: str, passes: int) -> None:
    assert iin.check_digit(number[:11]) == passes
    assert iin.canonical(number) == number


def test_the_blind_spot_covers_digit_11_where_pass_one_decides() -> None:
    assert [iin.check_digit(f"1513325000{digit}") for digit in range(10)] == [0] * 10  # DOMAIN.md 0.5


def test_a_number_for_which_both_passes_give_ten_is_never_issued() -> None:
    assert iin.check_digit("15133250011") is None
    for digit in "0123456789":
        with pytest.raises(NumberError):
            iin.canonical(f"15133250011{digit}")


def test_digit_seven_of_zero_is_not_refused() -> None:
    assert iin.person("991332000003") == "991332000003"
    assert iin.has_odd_date("991332000003")


def test_a_wrong_check_digit_is_told_apart_from_a_wrong_length() -> None:
    with pytest.raises(NumberError) as fault:
        iin.canonical("151332500208")
    assert fault.value.fault is NumberFault.WRONG_CHECK_DIGIT
    assert "151332500208" not in str(fault.value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "15133250020",
        "1513325002099",
        "１５１３３２５００２０９",  # full-width
        "١٥١٣٣٢٥٠٠٢٠٩",  # Arabic-Indic
        "۱۵۱۳۳۲۵۰۰۲۰۹",  # Persian
        "༡༥༡༣༣༢༥༠༠༢༠༩",  # Tibetan
        "15133250020９",
        "15133250020⁹",
        "15133250020²",
        "15133250020①",
        "15133250020𝟗",
        "151332-500209",
        "151 332 500 209",
        "+15133250020",
        "1513325002O9",
        "151332500209\u200b",
        "15133250\x002009",
    ],
)
def test_anything_but_twelve_ascii_digits_is_refused(text: str) -> None:
    with pytest.raises(NumberError) as fault:
        iin.canonical(text)
    assert fault.value.fault is NumberFault.NOT_TWELVE_DIGITS


def test_blanks_around_a_number_are_dropped() -> None:
    assert iin.canonical(" 151332500209\n") == "151332500209"


@given(st.text(max_size=16) | st.text(st.characters(categories=["Nd", "No", "Nl"]), min_size=12, max_size=12))
def test_any_text_is_a_number_or_a_number_error(text: str) -> None:
    try:
        number = iin.canonical(text)
    except NumberError:
        return
    assert number == text.strip()
    assert number.isascii()


@given(st.from_regex(r"[0-9]{11}", fullmatch=True), st.integers(0, 10), st.integers(1, 9))
def test_a_slip_in_another_digit_than_the_eleventh_is_mostly_seen(first: str, place: int, shift: int) -> None:
    check = iin.check_digit(first)
    slipped = first[:place] + str((int(first[place]) + shift) % 10) + first[place + 1 :]
    if check is not None and place < 10 and iin.check_digit(slipped) == check:
        # Both passes are at work: pass 1 alone sees every slip in the first ten digits.
        one = sum(int(d) * w for d, w in zip(first, range(1, 12), strict=True)) % 11
        other = sum(int(d) * w for d, w in zip(slipped, range(1, 12), strict=True)) % 11
        assert 10 in (one, other)


def test_people_and_organisations_are_told_apart_by_digit_five() -> None:
    assert iin.organisation("251340000003") == "251340000003"
    assert iin.person("150301700001") == "150301700001"
    with pytest.raises(NumberError, match="not_a_person"):
        iin.person("251340000003")
    with pytest.raises(NumberError, match="not_an_organisation"):
        iin.organisation("150301700001")


def test_synthetic_people_are_refused_by_one_switch() -> None:
    assert iin.is_synthetic("150301700001")
    assert not iin.is_synthetic("151332500209")
    assert not iin.is_synthetic("251350700000")  # an organisation's serial may begin with 7
    with pytest.raises(NumberError, match="synthetic_number"):
        iin.person("150301700001", synthetic_allowed=False)


def test_an_odd_date_is_only_a_warning() -> None:
    assert iin.has_odd_date("151332500209")
    assert iin.has_odd_date("150301700001")
    assert not iin.has_odd_date("150301500001")


def test_pages_show_the_last_four_digits() -> None:
    assert iin.masked("150301800909") == "••••••••0909"
