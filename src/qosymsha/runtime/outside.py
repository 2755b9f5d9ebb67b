"""JSON that came from outside: what Python's reader lets through and no row of ours can hold is no document."""

from __future__ import annotations

import json
from typing import Any, NoReturn


def document(content: bytes | str) -> Any:
    """What a JSON document says. UTF-8 alone, as RFC 8259 asks, with or without a mark before it.

    Raises:
        ValueError: no JSON; nested without end; NaN or Infinity; a NUL or half of a pair in one of its texts.
    """
    text = content.decode("utf-8-sig") if isinstance(content, bytes) else content.removeprefix("\ufeff")
    try:
        found = json.loads(text, parse_constant=_refused)
    except RecursionError:
        raise ValueError("nested without end") from None
    if "\\u" in text:  # only so can a text hold what UTF-8 and a row cannot
        _refuse_halves(found)
    return found


def _refused(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


def _refuse_halves(found: Any) -> None:
    waiting = [found]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str) and ("\0" in one or one != one.encode(errors="ignore").decode()):
            raise ValueError("a text holds NUL or half of a pair")
        if isinstance(one, dict):
            waiting += [*one, *one.values()]
        elif isinstance(one, list):
            waiting += one
