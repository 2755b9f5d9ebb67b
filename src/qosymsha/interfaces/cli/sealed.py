"""What is sealed at rest: every table with its verb that seals it anew, and which keys its rows ask for.

`tests/security/test_sealed.py` fails for a sealed table that is not here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from django.conf import settings

from qosymsha.domain.controls import commands as controls
from qosymsha.domain.controls import queries as campaigns
from qosymsha.domain.documents import commands as documents
from qosymsha.domain.documents import queries as papers
from qosymsha.domain.errands import commands as errands
from qosymsha.domain.errands import queries as open_errands
from qosymsha.domain.people import commands as people
from qosymsha.domain.people import resealing
from qosymsha.domain.people.resealing import Batch, Place, Under

KEY_BYTES = 32
_PAPERS = 10  # of some megabytes each


@dataclass(frozen=True, slots=True)
class Sealed:
    """A table of sealed rows: in plain words, where it is, its verb, how many rows one transaction may take at most."""

    what: str
    place: Place
    rotate: Callable[..., Batch]
    most: int = 10_000


TABLES = (
    Sealed("people's records", resealing.PERSONS, people.rotate_secrets),
    Sealed("papers", papers.SEALED, documents.rotate_documents, _PAPERS),
    Sealed("controls by sample", campaigns.SEALED, controls.rotate_campaigns),
    Sealed("open errands", open_errands.SEALED, errands.rotate_errands),
)


@dataclass(frozen=True)
class Stands:
    """Table → key id → rows, and the keys of the settings: the first seals, the others open."""

    counts: dict[str, dict[str, Under]]
    known: tuple[str, ...]

    @cached_property
    def missing(self) -> list[str]:
        """Keys under which rows stand and that no setting has."""
        met = {key for counts in self.counts.values() for key in counts}
        return sorted(met - set(self.known))

    @cached_property
    def free(self) -> list[str]:
        """Keys that only open and under which no row stands."""
        return [key for key in self.known[1:] if not self.rows(key)]

    @cached_property
    def stale(self) -> dict[str, int]:
        """Key that only opens → its rows, where there are any."""
        return {key: n for key in self.known[1:] if (n := self.rows(key))}

    def rows(self, key: str) -> int:
        """How many rows of all tables stand under a key."""
        return sum(counts[key].rows for counts in self.counts.values() if key in counts)


def stands() -> Stands:
    """How many rows stand under which key, now; reads every sealed table."""
    return Stands({one.place.table: resealing.counted(one.place) for one in TABLES}, tuple(settings.SECRET_KEYS))


def met() -> dict[str, list[str]]:
    """Key id → the tables with rows under it."""
    found: dict[str, list[str]] = {}
    for one in TABLES:
        for key in resealing.met(one.place):
            found.setdefault(key, []).append(one.place.table)
    return found


def unfit_keys() -> list[str]:
    """What is wrong with the keys as they are set: one sentence each, never a value."""
    keys = settings.SECRET_KEYS
    if not keys:
        return ["QOSYMSHA_SECRET_KEYS is not set: nothing can be sealed or opened"]
    told = "key {} has {} bytes; a key has 32, which are 64 hexadecimal digits"
    wrong = [told.format(name, len(key)) for name, key in keys.items() if len(key) != KEY_BYTES]
    twins = [name for name in keys if list(keys.values()).count(keys[name]) > 1]
    return wrong + ([f"{' and '.join(twins)} are one key under two ids"] if twins else [])
