"""Human numbers with a check character: `A-000123-X` can be read over a phone, and a slip is noticed (Luhn mod 32)."""

from __future__ import annotations

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_VALUE = {c: i for i, c in enumerate(ALPHABET)} | {"O": 0, "I": 1, "L": 1}


def check_character(body: str) -> str:
    """The Luhn mod 32 character over `body`'s letters and digits (Crockford's alphabet; hyphens do not count)."""
    total, factor = 0, 2
    for char in reversed(body.replace("-", "")):
        addend = factor * _VALUE[char]
        total += addend // 32 + addend % 32
        factor = 3 - factor
    return ALPHABET[-total % 32]


def human_number(letter: str, serial: int) -> str:
    """`letter` names the kind (A application, V voucher, P provider, C claim…), `serial` comes from a sequence."""
    body = f"{letter}-{serial:06d}"
    return f"{body}-{check_character(body)}"


def is_human_number(text: str) -> bool:
    """True where the check character fits; small letters and O/I/L for 0/1 are forgiven."""
    body, _, last = text.strip().upper().rpartition("-")
    if not body or len(last) != 1 or any(c not in _VALUE for c in body.replace("-", "")):
        return False
    return _VALUE.get(last, -1) == _VALUE[check_character(body)]
