"""The gateway's JSON, both ways: what the client sends and reads, and what the fake gateway answers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from typing import Any

from qosymsha.domain.people.ports import (
    GuardianKind,
    ProvedChild,
    RegistryFault,
    RegistryUnavailable,
    StatusAnswer,
)
from qosymsha.runtime import outside

CHILDREN, STATUSES = "/v1/children", "/v1/statuses"


def children_question(guardian_iin: str) -> bytes:
    """The body of a question for a guardian's children; numbers stand in bodies, never in addresses."""
    return json.dumps({"guardian_iin": guardian_iin}).encode()


def statuses_question(child_iins: Sequence[str]) -> bytes:
    """The body of a question for children's categories."""
    return json.dumps({"child_iins": list(child_iins)}).encode()


def children_answer(children: Sequence[ProvedChild]) -> bytes:
    """A gateway's answer."""
    rows = [
        {
            "child_iin": c.child_iin,
            "kind": c.kind,
            "evidence": c.evidence,
            "born_on": c.born_on and c.born_on.isoformat(),
            "given": c.given,
        }
        for c in children
    ]
    return json.dumps({"children": rows}, ensure_ascii=False).encode()


def statuses_answer(statuses: Sequence[StatusAnswer]) -> bytes:
    """A gateway's answer."""
    rows = [
        {
            "child_iin": s.child_iin,
            "category": s.category,
            "source": s.source,
            "evidence": s.evidence,
            "valid_from": s.valid_from.isoformat(),
            "valid_to": s.valid_to and s.valid_to.isoformat(),
        }
        for s in statuses
    ]
    return json.dumps({"statuses": rows}, ensure_ascii=False).encode()


def children_of(body: bytes) -> list[ProvedChild]:
    """The children an answer names.

    Raises:
        RegistryUnavailable: `registry_unreadable` — anything in it is not as agreed; nothing of it is used.
    """
    try:
        return [_child(row) for row in _rows(body, "children")]
    except (ValueError, KeyError, TypeError) as fault:
        raise RegistryUnavailable(RegistryFault.UNREADABLE) from fault


def statuses_of(body: bytes, asked: Sequence[str]) -> list[StatusAnswer]:
    """The categories an answer names; a child that was not asked for makes the whole answer unreadable.

    Raises:
        RegistryUnavailable: `registry_unreadable`.
    """
    try:
        answers = [_status(row) for row in _rows(body, "statuses")]
    except (ValueError, KeyError, TypeError) as fault:
        raise RegistryUnavailable(RegistryFault.UNREADABLE) from fault
    if not {a.child_iin for a in answers} <= set(asked):
        raise RegistryUnavailable(RegistryFault.UNREADABLE)
    return answers


def _rows(body: bytes, name: str) -> list[dict[str, Any]]:
    rows = outside.document(body)[name]
    if not isinstance(rows, list):
        raise TypeError(name)
    return rows


def _child(row: dict[str, Any]) -> ProvedChild:
    number, born = row["child_iin"], row.get("born_on")
    return ProvedChild(
        child_iin=None if number is None else _text(number),
        kind=GuardianKind(_text(row["kind"])).value,
        evidence=_text(row["evidence"]),
        born_on=None if born is None else date.fromisoformat(born),
        given=_text(row["given"]) if row.get("given") else "",
    )


def _status(row: dict[str, Any]) -> StatusAnswer:
    last = row["valid_to"]
    return StatusAnswer(
        child_iin=_text(row["child_iin"]),
        category=_text(row["category"]),
        source=_text(row["source"]),
        evidence=_text(row["evidence"]),
        valid_from=date.fromisoformat(row["valid_from"]),
        valid_to=None if last is None else date.fromisoformat(last),
    )


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise TypeError("a text is missing")
    return value
