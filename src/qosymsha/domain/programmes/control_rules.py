"""A rule set's word on control visits (optional section `controls`): pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Controls:
    """Control visits: working days a provider has to answer a finding, what may be found, which sanctions there are.

    A rule set that says nothing of them has these.
    """

    answer_working_days: int = 5
    findings: tuple[str, ...] = (
        "absent_children", "no_lesson", "other_place", "other_teacher", "unsafe", "no_entry", "other",
    )  # fmt: skip
    sanctions: tuple[str, ...] = ("warning", "limit", "hold")


def controls_of(section: Mapping[str, Any] | None) -> Controls:
    """The section's controls; None: the usual ones."""
    if section is None:
        return Controls()
    return Controls(section["answer_working_days"], tuple(section["findings"]), tuple(section["sanctions"]))
