"""Synthetic people (seventh digit 7: nobody can bear these numbers), Astana's territories, and who works there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from uuid import uuid4

from qosymsha.domain.people import commands, queries
from qosymsha.domain.people.ports import ProvedChild
from qosymsha.domain.people.rules import FamilyRow, PersonDetails
from qosymsha.domain.people.states import Role
from qosymsha.kernel import iin
from qosymsha.kernel.actor import Actor, Grant
from qosymsha.kernel.errors import RowOutcome

AT = datetime(2026, 1, 12, 6, 0, tzinfo=UTC)
TODAY = date(2026, 1, 12)
ASTANA = "710000000"
ALMATY_DISTRICT = "711110000"
SYSTEM = Actor.system("test")
Proofs = dict[str, Sequence[ProvedChild]]


def number(serial: int, day: str = "150301") -> str:
    """The serial-th issued synthetic IIN of a day (YYMMDD); never the same for two serials."""
    body = f"{day}7{serial * 7 % 10_000:04d}" if serial < 1_428 else f"{day}8{serial % 10_000:04d}"
    digit = iin.check_digit(body)
    return f"{body}{digit}" if digit is not None else number(serial + 5_000, day)


def guardian(serial: int, **fields: object) -> PersonDetails:
    """A grown-up."""
    person = PersonDetails(number(serial, "850612"), "Әлиева", "Гүлнар", "Серікқызы", date(1985, 6, 12), "+77000000001")
    return replace(person, **fields)  # type: ignore[arg-type]


def child(serial: int, **fields: object) -> PersonDetails:
    """A child of school age."""
    person = PersonDetails(number(serial), "Әлиев", "Қайрат", "Серікұлы", date(2015, 3, 1))
    return replace(person, **fields)  # type: ignore[arg-type]


def family(serial: int, children: int = 1, **fields: object) -> FamilyRow:
    """A guardian with children whose numbers no other serial below 300 has."""
    young = tuple(child(4 * serial + n, given=("Қайрат", "Әлия", "Дана")[n]) for n in range(children))
    return replace(FamilyRow(guardian(serial), young), **fields)  # type: ignore[arg-type]


def proofs_for(families: Sequence[FamilyRow]) -> Proofs:
    """What a registry says where each guardian is a parent of all the children named."""
    proofs: dict[str, list[ProvedChild]] = {}
    for row in families:
        proved = [ProvedChild(c.iin, "parent", f"birth:{n}", c.born_on, c.given) for n, c in enumerate(row.children)]
        proofs.setdefault((row.guardian.iin or "").strip(), []).extend(proved)
    return dict(proofs)


def astana() -> int:
    """Load the territories; the id of Astana."""
    commands.load_territories(actor=SYSTEM, at=AT, key=uuid4())
    territory_id = queries.territory_by_kato(ASTANA, TODAY)
    assert territory_id is not None
    return territory_id


def actor(*roles: Role, territory_id: int | None = None, user_id: int = 7) -> Actor:
    """Somebody with these roles, in one territory or everywhere."""
    scope = None if territory_id is None else frozenset({territory_id})
    return Actor(user_id, f"user:{user_id}", tuple(Grant(role, scope) for role in roles))


def register(
    territory_id: int, families: Sequence[FamilyRow], proofs: Mapping[str, Sequence[ProvedChild]] | None = None
) -> list[RowOutcome]:
    """Register families by a clerk, proved unless other proofs are given."""
    return commands.register_families(
        actor=actor(Role.CLERK, territory_id=territory_id),
        territory_id=territory_id,
        families=families,
        proofs=proofs_for(families) if proofs is None else proofs,
        at=AT,
        key=uuid4(),
    )


def guardian_id(row: FamilyRow) -> int:
    """The stored guardian of a family."""
    return queries.by_iin("guardian", [row.guardian.iin or ""])[row.guardian.iin or ""]
