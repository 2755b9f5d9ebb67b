"""Human numbers, Kazakh text, canonical JSON, secrets."""

import hashlib
import unicodedata
from collections.abc import Iterator

import pytest
from cryptography.exceptions import InvalidTag
from hypothesis import given
from hypothesis import strategies as st

from qosymsha.kernel import cipher, entropy
from qosymsha.kernel.canonical import canonical_json, digest
from qosymsha.kernel.cipher import Sealed
from qosymsha.kernel.numbers import ALPHABET, human_number, is_human_number
from qosymsha.kernel.text import ORDER, folded, normal, sort_key


@given(st.sampled_from("AVPCG"), st.integers(0, 10**9))
def test_a_human_number_is_one_and_any_single_slip_is_seen(letter: str, serial: int) -> None:
    number = human_number(letter, serial)
    assert is_human_number(number)
    for place, char in enumerate(number):
        for other in ALPHABET:
            if char != "-" and other != char:
                assert not is_human_number(number[:place] + other + number[place + 1 :])


def test_small_letters_and_letters_for_digits_are_forgiven() -> None:
    number = human_number("A", 110)
    assert number.startswith("A-000110-")
    assert is_human_number(number.lower())
    assert is_human_number(f" {number} ")
    assert is_human_number(number.replace("A-000110", "A-OOOIL0"))


@pytest.mark.parametrize(
    "text", ["", "-", "A", "A-000110", "A-000110-", "A-000110-XY", "Ә-000110-X", "A_000110-X", "²-1-X"]
)
def test_other_texts_are_no_human_numbers(text: str) -> None:
    assert not is_human_number(text)


@pytest.mark.parametrize(
    ("typed", "written"),
    [
        ("Алия", "Әлия"),
        ("Кайрат", "Қайрат"),
        ("Омирбек", "Өмірбек"),
        ("Умит", "Үміт"),
        ("Улжан", "Ұлжан"),
        ("Жуниспек", "Жүніспек"),
        ("  нур   КЫЗЫ ", "Нұр қызы"),
        ("Семенов", "Семёнов"),
        ("Əлия", "Әлия"),  # the Latin schwa of another keyboard
        ("Aлия", "Алия"),  # Latin A
    ],
)
def test_what_is_typed_without_kazakh_letters_is_found(typed: str, written: str) -> None:
    assert folded(typed) == folded(written)


def test_latin_words_stay_latin_and_short_i_keeps_its_mark() -> None:
    assert folded("Robotics C++") == "robotics c++"
    assert folded("Кружок/chess (робототехника+IT)") == "кружок/chess (робототехника+it)"
    assert folded("A-клуб") == folded("А-клуб"), "one word, though of two alphabets"
    assert folded(unicodedata.normalize("NFD", "Йод Ёлка")) == folded("Йод Ёлка") == "йод елка"
    assert folded("Йод") != folded("Иод")


def test_text_is_stored_composed_with_single_blanks() -> None:
    assert normal(unicodedata.normalize("NFD", " Ақ\u00a0 йод\n")) == "Ақ йод"


@given(st.text())
def test_folding_twice_folds_no_more(text: str) -> None:
    assert normal(normal(text)) == normal(text)
    assert isinstance(folded(text), str)


def test_the_sort_key_gives_the_kazakh_alphabet() -> None:
    assert sorted(ORDER, key=sort_key) == list(ORDER)
    assert len(ORDER) == len(set(ORDER)) == 42
    names = ["Ян", "Іңкәр", "Ұлжан", "Үміт", "Қайрат", "Камила", "Әлия", "Алия", "Бота", "Ёлка", "Ескендір", "Асем ай"]
    assert sorted(names, key=sort_key) == [
        "Алия",
        "Асем ай",
        "Әлия",
        "Бота",
        "Ескендір",
        "Ёлка",
        "Камила",
        "Қайрат",
        "Ұлжан",
        "Үміт",
        "Іңкәр",
        "Ян",
    ]


@pytest.mark.parametrize(
    ("document", "canonical"),
    [
        # RFC 8785, 3.2.2 and 3.2.3
        (
            {"numbers": [333333333.33333329, 1e30, 4.50, 2e-3, 0.000000000000000000000000001]},
            '{"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27]}',
        ),
        ({"string": "€$\u000f\u000aA'\u0042\u0022\u005c\\\"/"}, '{"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'),
        ({"literals": [None, True, False]}, '{"literals":[null,true,false]}'),
        (
            {"\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "\U0001f600": 5, "\u0080": 6, "\u00f6": 7},
            '{"\\r":2,"1":4,"\u0080":6,"ö":7,"€":1,"😀":5,"\ufb33":3}',
        ),
        ({"қала": "Астана", "a": {"c": 1, "b": -0.0}}, '{"a":{"b":0,"c":1},"қала":"Астана"}'),
        ([], "[]"),
        ({"whole": 4.0}, '{"whole":4}'),
    ],
)
def test_the_canonical_form_is_that_of_rfc_8785(document: object, canonical: str) -> None:
    assert canonical_json(document) == canonical.encode()
    assert digest(document) == hashlib.sha256(canonical.encode()).digest()


@pytest.mark.parametrize("document", [float("inf"), 2**53, {1: 2}, {"a": object()}, "\ud800"])
def test_what_has_no_canonical_form_is_refused(document: object) -> None:
    with pytest.raises(ValueError):
        canonical_json(document)


def test_a_secret_opens_for_its_subject_only() -> None:
    sealed = cipher.seal("Әлия".encode(), bound_to=b"guardian 1")
    assert cipher.unseal(sealed, bound_to=b"guardian 1").decode() == "Әлия"
    assert "Әлия".encode() not in sealed.ciphertext
    edited = Sealed(sealed.key_id, sealed.nonce, sealed.ciphertext[:-1] + bytes([sealed.ciphertext[-1] ^ 1]))
    for row, subject in [(sealed, b"guardian 2"), (edited, b"guardian 1")]:
        with pytest.raises(InvalidTag):
            cipher.unseal(row, bound_to=subject)


def test_two_seals_of_one_text_differ() -> None:
    assert cipher.seal(b"x", bound_to=b"1") != cipher.seal(b"x", bound_to=b"1")


@pytest.fixture
def _fresh_boxes() -> Iterator[None]:
    cipher._box.cache_clear()
    yield
    cipher._box.cache_clear()


@pytest.mark.usefixtures("_fresh_boxes")
def test_a_new_first_key_seals_and_the_old_one_still_opens(settings: object) -> None:
    settings.SECRET_KEYS = {"old": bytes(32)}  # type: ignore[attr-defined]
    before = cipher.seal(b"x", bound_to=b"1")
    settings.SECRET_KEYS = {"new": bytes([1]) * 32, "old": bytes(32)}  # type: ignore[attr-defined]
    after = cipher.seal(b"x", bound_to=b"1")
    assert (before.key_id, after.key_id) == ("old", "new")
    assert cipher.unseal(before, bound_to=b"1") == cipher.unseal(after, bound_to=b"1") == b"x"


def test_a_look_up_hash_is_keyed_and_bound_to_its_purpose(settings: object) -> None:
    one = cipher.lookup("iin", "150301700001")
    assert one == cipher.lookup("iin", "150301700001")
    assert len({one, cipher.lookup("bin", "150301700001"), cipher.lookup("iin", "150301700204")}) == 3
    settings.LOOKUP_KEY = b"another"  # type: ignore[attr-defined]
    assert cipher.lookup("iin", "150301700001") != one


def test_a_seeded_stream_plays_again_and_ends_with_its_block() -> None:
    def draw() -> tuple[bytes, object, bytes]:
        with entropy.seeded(7):
            return entropy.token(5), entropy.uuid4(), entropy.token(200_000)

    assert draw() == draw()
    with entropy.seeded(8):
        assert entropy.token(5) != draw()[0]
    assert entropy.token(16) != entropy.token(16)
    assert entropy.uuid4().version == 4
