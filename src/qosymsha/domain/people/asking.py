"""The one way to a registry: nobody is asked about whose consent is withdrawn. Network: no transaction may be open.

Who was not asked about goes the way of a registry that is down: to papers and an officer. A test holds everybody to it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from typing import NamedTuple

from qosymsha.domain.people import consenting, queries
from qosymsha.domain.people.ports import ProvedChild, Registry, RegistryFault, RegistryUnavailable, StatusAnswer


class Families(NamedTuple):
    """By guardian's IIN: the children whom the registry names, or why there is no answer."""

    proved: dict[str, list[ProvedChild]]
    unanswered: dict[str, RegistryFault]


class Statuses(NamedTuple):
    """The registry's words, and the children (IIN) about whom it was not asked."""

    answers: list[StatusAnswer]
    not_asked: frozenset[str]


def children_of(registry: Registry, guardian_id: int, guardian_iin: str) -> list[ProvedChild]:
    """The children this person speaks for today.

    Raises:
        RegistryUnavailable: no usable answer; `consent_withdrawn`: not asked.
    """
    _refuse_stopped(guardian_id)
    return registry.children_of(guardian_iin)


def families_of(registry: Registry, guardian_iins: Collection[str]) -> Families:
    """The children of many guardians, each asked about once; consents are read in one go."""
    stopped = _stopped_guardians(guardian_iins)
    found = Families({}, dict.fromkeys(sorted(stopped), RegistryFault.CONSENT_WITHDRAWN))
    for number in dict.fromkeys(guardian_iins):
        if number in stopped:
            continue
        try:
            found.proved[number] = registry.children_of(number)
        except RegistryUnavailable as silence:
            found.unanswered[number] = silence.fault
    return found


def statuses_of(registry: Registry, child_iins: Sequence[str], on: date) -> Statuses:
    """The categories of these children, those apart about whom one who speaks for them lets nobody ask.

    Raises:
        RegistryUnavailable: no usable answer for all the others; nothing may be concluded from it.
    """
    known = queries.by_iin("child", child_iins)
    stopped = consenting.stopped_children(known.values(), on)
    not_asked = frozenset(number for number, child_id in known.items() if child_id in stopped)
    asked = [number for number in child_iins if number not in not_asked]
    return Statuses(registry.statuses_of(asked) if asked else [], not_asked)


def _refuse_stopped(guardian_id: int) -> None:
    if consenting.stopped_guardians([guardian_id]):
        raise RegistryUnavailable(RegistryFault.CONSENT_WITHDRAWN)


def _stopped_guardians(iins: Collection[str]) -> frozenset[str]:
    known = queries.by_iin("guardian", iins)
    stopped = consenting.stopped_guardians(known.values())
    return frozenset(number for number, guardian_id in known.items() if guardian_id in stopped)
