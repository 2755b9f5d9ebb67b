"""The exchange format: one text with an instance, or a list of them under `cases`, to one text with the answer or
answers.

A malformed text raises `InstanceError` with the place of the first fault, such as `cases[2].applications[3].tier:
must be an integer`; no JSON text ever raises anything else. Source: ALLOCATION.md, "Exchange format".
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from qosymsha.domain.allocation import exchange_places, exchange_round, explain
from qosymsha.domain.allocation import exchange_values as values
from qosymsha.domain.allocation.errors import InstanceError

ROUND = "round"
PLACES = "matching"


@dataclass(frozen=True, slots=True)
class Exchanged:
    """What goes back: `text` is the answer's JSON; `reports` what was ignored; `findings` what the independent
    checker found.
    """

    text: str
    reports: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()


def answer(text: str | bytes, *, problem: str, check: bool = False) -> Exchanged:
    """Return the answer to an instance file of `problem` ("round" or "matching"), checked independently when asked.

    Raises:
        InstanceError: the file is malformed.
    """
    value = _loaded(text)
    if not (isinstance(value, dict) and "cases" in value):
        found = _answer_case(value, "", problem, check=check)
        return Exchanged(_dumped(found.answer), found.reports, found.findings)
    parts = [_answer_case(case, path, problem, check=check) for case, path in values.items(value, "cases")]
    reports = [f"cases[{i}]: {line}" for i, part in enumerate(parts) for line in part.reports]
    findings = [f"cases[{i}]: {line}" for i, part in enumerate(parts) for line in part.findings]
    return Exchanged(_dumped([part.answer for part in parts]), tuple(reports), tuple(findings))


def explanation(text: str | bytes, *, problem: str, ident: str, language: str) -> list[str] | None:
    """Return in plain words (kk, ru or en) why an application, or a child, of a file stands where it stands; None if
    it has none of this id.

    A file with `cases` is answered by the first case that has it.

    Raises:
        InstanceError: the file is malformed.
    """
    value = _loaded(text)
    cases = values.items(value, "cases") if isinstance(value, dict) and "cases" in value else [(value, "")]
    for case, path in cases:
        with _located(path):
            found = _explanation(_of_problem(case, problem), problem, ident, language)
        if found:
            return found
    return None


def _explanation(instance: dict[str, object], problem: str, ident: str, language: str) -> list[str] | None:
    if problem == PLACES:
        return exchange_places.explanation(instance, ident=ident, language=language)
    parsed = exchange_round.parse(instance)
    trace = exchange_round.trace(parsed, ident)
    return explain.sentences(trace, parsed.terms, language) if trace else None


@dataclass(frozen=True, slots=True)
class _Part:
    answer: object
    reports: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()


def _answer_case(case: object, path: str, problem: str, *, check: bool) -> _Part:
    with _located(path):
        return _answer_one(case, problem, check=check)


def _answer_one(value: object, problem: str, *, check: bool) -> _Part:
    instance = _of_problem(value, problem)
    if problem == PLACES:
        placed = exchange_places.answer_places(instance, check=check)
        return _Part(placed.answer, placed.reports, placed.findings)
    found, wrong = exchange_round.answer(exchange_round.parse(instance), check=check)
    return _Part(found, (), tuple(wrong))


def _of_problem(value: object, problem: str) -> dict[str, object]:
    instance = values.as_object(value, "")
    if instance.get("problem", problem) != problem:
        raise InstanceError("problem", f"must be {problem}")
    return instance


@contextmanager
def _located(path: str) -> Iterator[None]:
    """Put a case's own path before the path of a fault inside it."""
    try:
        yield
    except InstanceError as fault:
        inside = fault.path.removeprefix(values.WHOLE).removeprefix(".")
        raise InstanceError(values.below(path, inside) if inside else path or values.WHOLE, fault.message) from None


# --- text


def _loaded(text: str | bytes) -> object:
    try:
        decoded = text.decode("utf-8-sig") if isinstance(text, bytes) else text.removeprefix("\ufeff")
        return json.loads(decoded, parse_int=_whole_number, parse_constant=_refused, object_pairs_hook=_unrepeated)
    except UnicodeDecodeError as fault:
        raise InstanceError("the file", f"is not UTF-8: byte {fault.start}") from None
    except json.JSONDecodeError as fault:
        raise InstanceError(f"line {fault.lineno} column {fault.colno}", f"is not JSON: {fault.msg}") from None
    except RecursionError:
        raise InstanceError("the file", "is nested too deeply") from None


def _whole_number(digits: str) -> int:
    """Return an integer of any length; Python itself refuses more than 4,300 digits at once."""
    if len(digits) <= 4000:
        return int(digits)
    if digits.startswith("-"):
        return -_whole_number(digits[1:])
    half = len(digits) // 2
    shift: int = 10 ** (len(digits) - half)
    return _whole_number(digits[:half]) * shift + _whole_number(digits[half:])


def _refused(name: str) -> object:
    raise InstanceError("the file", f"{name} is not a JSON number")


def _unrepeated(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise InstanceError("the file", f"the key {max(keys, key=keys.count)!r} stands twice in one object")
    return found


def _dumped(answer: object) -> str:
    """Return the answer as JSON in ASCII, so that no terminal and no broken id can spoil it."""
    return json.dumps(answer)
