"""JSON values of the exchange format, each read with its place, so that a fault can be named."""

from collections.abc import Sequence
from enum import StrEnum
from typing import TypeVar

from qosymsha.domain.allocation.errors import InstanceError

Choice = TypeVar("Choice", bound=StrEnum)
WHOLE = "$"
"""The path of an instance as a whole."""


def items(item: dict[str, object], key: str, path: str = "", *, required: bool = True) -> list[tuple[object, str]]:
    """Return the entries of a list with their paths; a list that is not `required` may be missing.

    Raises:
        InstanceError: it is missing or not a list.
    """
    at = below(path, key)
    values = item.get(key) if required else item.get(key, [])
    if not isinstance(values, list):
        raise InstanceError(at, "is missing" if key not in item else "must be a list")
    return [(value, f"{at}[{i}]") for i, value in enumerate(values)]


def as_object(value: object, path: str) -> dict[str, object]:
    """Return the value as an object, or refuse it (`InstanceError`)."""
    if not isinstance(value, dict):
        raise InstanceError(path or WHOLE, "must be an object")
    return value


def text(item: dict[str, object], key: str, path: str, default: str | None = None) -> str:
    """Return a text of an object, the default when it is missing, or refuse it (`InstanceError`)."""
    if key not in item and default is not None:
        return default
    if key not in item:
        raise InstanceError(below(path, key), "is missing")
    return as_text(item[key], below(path, key))


def as_text(value: object, path: str) -> str:
    """Return the value as a text that is not empty, or refuse it (`InstanceError`)."""
    if not isinstance(value, str) or not value:
        raise InstanceError(path, "must be a text that is not empty")
    # JSON can spell half of a pair, UTF-8 cannot.
    if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
        raise InstanceError(path, "has half a character (a lone surrogate)")
    return value


def whole(  # noqa: PLR0913 - a reader of one value: where it stands, its range, its default
    item: dict[str, object],
    key: str,
    path: str,
    *,
    least: int | None = None,
    most: int | None = None,
    default: int | None = None,
) -> int:
    """Return a whole number of an object, the default when it is missing, or refuse it (`InstanceError`)."""
    if key not in item and default is not None:
        return default
    if key not in item:
        raise InstanceError(below(path, key), "is missing")
    return as_whole(item[key], below(path, key), least=least, most=most)


def as_whole(value: object, path: str, *, least: int | None = None, most: int | None = None) -> int:
    """Return the value as a whole number in the range asked for, or refuse it (`InstanceError`); true is no number."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise InstanceError(path, "must be an integer")
    if least is not None and value < least:
        raise InstanceError(path, f"must be at least {least}")
    if most is not None and value > most:
        raise InstanceError(path, f"must be at most {most}")
    return value


def choice(item: dict[str, object], key: str, default: Choice) -> Choice:
    """Return one of an enum's values, the default when it is missing, or refuse it (`InstanceError`)."""
    value = item.get(key, default.value)
    allowed = [choice.value for choice in type(default)]
    if value not in allowed:
        raise InstanceError(key, f"must be one of {', '.join(allowed)}")
    return type(default)(value)


def refuse_repeats(ids: Sequence[str], key: str) -> None:
    """Refuse (`InstanceError`) the second of two equal ids."""
    seen: set[str] = set()
    for i, ident in enumerate(ids):
        if ident in seen:
            raise InstanceError(f"{key}[{i}].id", "stands twice")
        seen.add(ident)


def below(path: str, key: str) -> str:
    """Return the path of a key inside the object at `path`."""
    return f"{path}.{key}" if path and key else path or key
