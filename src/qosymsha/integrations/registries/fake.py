"""A registry that answers from a table it is given, or misbehaves as told: for demo and tests. Deterministic."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from pathlib import Path

from qosymsha.domain.people.ports import ProvedChild, RegistryFault, RegistryUnavailable, StatusAnswer
from qosymsha.integrations.registries import wire

TABLE = "QOSYMSHA_FAKE_REGISTRY"  # a JSON file: {"children": {guardian IIN: [child…]}, "statuses": [status…]}
RETRY_AFTER_SECONDS = 30


class Mode(StrEnum):
    """How it behaves."""

    ANSWERS = "answers"
    SLOW = "slow"
    GARBAGE = "garbage"
    CUT = "cut"
    BUSY = "busy"
    SAYS_NO = "says_no"


_FAULTS = {
    Mode.SLOW: RegistryFault.TIMED_OUT,
    Mode.GARBAGE: RegistryFault.UNREADABLE,
    Mode.CUT: RegistryFault.UNREADABLE,
    Mode.BUSY: RegistryFault.BUSY,
    Mode.SAYS_NO: RegistryFault.SAYS_NO,
}


class FakeRegistry:
    """Without a table of its own it reads the file that QOSYMSHA_FAKE_REGISTRY names, or knows nobody."""

    def __init__(
        self,
        children: Mapping[str, Sequence[ProvedChild]] | None = None,
        statuses: Iterable[StatusAnswer] | None = None,
        mode: Mode = Mode.ANSWERS,
    ) -> None:
        self.mode = mode
        self._children: dict[str, list[ProvedChild]] = {}
        self._statuses: dict[str, list[StatusAnswer]] = {}
        path = os.environ.get(TABLE)
        if children is None and statuses is None and path:
            self._load(Path(path))
        self.teach(children or {}, statuses or ())

    def teach(self, children: Mapping[str, Sequence[ProvedChild]], statuses: Iterable[StatusAnswer] = ()) -> None:
        """Add rows to the table: guardian's IIN → children, and categories."""
        for guardian_iin, proved in children.items():
            self._children.setdefault(guardian_iin, []).extend(proved)
        for status in statuses:
            self._statuses.setdefault(status.child_iin, []).append(status)

    def forget(self) -> None:
        """Empty the table, so that a long demo does not keep its whole city in memory."""
        self._children.clear()
        self._statuses.clear()

    def children_of(self, guardian_iin: str) -> list[ProvedChild]:
        """As the port says.

        Raises:
            RegistryUnavailable: as the mode says.
        """
        self._misbehave()
        return list(self._children.get(guardian_iin, ()))

    def statuses_of(self, child_iins: Sequence[str]) -> list[StatusAnswer]:
        """As the port says.

        Raises:
            RegistryUnavailable: as the mode says.
        """
        self._misbehave()
        return [status for number in child_iins for status in self._statuses.get(number, ())]

    def _misbehave(self) -> None:
        fault = _FAULTS.get(self.mode)
        if fault is not None:
            raise RegistryUnavailable(fault, RETRY_AFTER_SECONDS if fault is RegistryFault.BUSY else None)

    def _load(self, path: Path) -> None:
        table = json.loads(path.read_text(encoding="utf-8"))
        for guardian_iin, rows in table.get("children", {}).items():
            self.teach({guardian_iin: wire.children_of(json.dumps({"children": rows}).encode())})
        rows = table.get("statuses", [])
        asked = [row["child_iin"] for row in rows]
        self.teach({}, wire.statuses_of(json.dumps({"statuses": rows}).encode(), asked))
