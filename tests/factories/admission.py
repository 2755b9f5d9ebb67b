"""A small city with a programme, money and families, and a round at any stage of its life. All people are made up."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from django.db import transaction
from django.db.backends.postgresql.psycopg_any import DateRange

from qosymsha.domain.admission import commands
from qosymsha.domain.admission.commands import ApplicationRow
from qosymsha.domain.admission.models import Round
from qosymsha.domain.admission.rules import RoundPlan
from qosymsha.domain.allocation import draw
from qosymsha.domain.ledger import steps as ledger
from qosymsha.domain.ledger.rules import AccountKey, AccountKind, Draft
from qosymsha.domain.people import steps as people
from qosymsha.domain.people.models import Child, ChildStatus, Department, Guardian, Guardianship, Territory
from qosymsha.domain.people.rules import PersonDetails, person_json
from qosymsha.domain.people.states import Role
from qosymsha.domain.people.steps import SecretRow
from qosymsha.domain.programmes import rules as programme_rules
from qosymsha.domain.programmes.models import BudgetLine, Programme, RuleSet
from qosymsha.domain.vouchers.models import Voucher
from qosymsha.kernel.actor import Actor, Grant
from qosymsha.kernel.canonical import digest
from qosymsha.kernel.errors import RowOutcome

OPENS = datetime(2026, 2, 2, 4, 0, tzinfo=UTC)
INSIDE = OPENS + timedelta(days=3)
CLOSES = OPENS + timedelta(days=14)
AFTER = CLOSES + timedelta(days=1)
KINDS = ("creative", "sport", "educational")
BEACON = "fake:2026-02-17"
PARTIES = {"akimat": b"\1" * 32, "parents": b"\2" * 32}
_DEFAULT = json.loads((Path(programme_rules.__file__).parent / "data" / "default-rule-set.json").read_text())


def document(**sections: Mapping[str, Any]) -> dict[str, Any]:
    """The default rule set with fields of sections replaced."""
    changed = copy.deepcopy(_DEFAULT)
    for section, fields in sections.items():
        changed[section] |= fields
    return changed


@dataclass
class City:
    """A territory with its programme; `money` in tiyn per kind stands on the lines' free accounts."""

    rules: dict[str, Any] = field(default_factory=document)
    money: Mapping[str, int] = field(default_factory=dict)
    kato: str = "710000000"

    def __post_init__(self) -> None:
        self.territory = Territory.objects.create(
            kato=self.kato, kind="city", name_kk="Қала", name_ru="Город", valid=DateRange(date(2020, 1, 1), None)
        )
        self.programme = Programme.objects.create(
            territory=self.territory, code="clubs", name_kk="Үйірмелер", name_ru="Кружки"
        )
        self.rule_set = RuleSet.objects.create(
            territory=self.territory,
            programme=self.programme,
            version=1,
            schema="rule-set-1",
            document=self.rules,
            hash=digest(self.rules),
            state="approved",
            valid=DateRange(date(2026, 1, 1), date(2027, 1, 1)),
            drafted_by=1,
            approved_by=2,
            approved_at=OPENS,
        )
        office = Department.objects.create(
            territory=self.territory, code="education", name_kk="Білім", name_ru="Образование"
        )
        self.lines = {
            kind: BudgetLine.objects.create(
                territory=self.territory,
                programme=self.programme,
                department=office,
                kind=kind,
                code="464",
                fiscal_year=2026,
            ).id
            for kind in KINDS
        }
        for kind, amount in self.money.items():
            self.give(kind, amount)

    def give(self, kind: str, amount: int) -> None:
        """Budget (or, negative, a cut) onto a kind's line."""
        line = self.lines[kind]
        entries = ((AccountKey(AccountKind.APPROP, line), -amount), (AccountKey(AccountKind.FREE, line), amount))
        with transaction.atomic():
            ledger.post([Draft("budget", str(uuid4()), entries)], at=OPENS)

    def actor(self, *roles: Role) -> Actor:
        """Somebody with these roles in this city."""
        grants = tuple(Grant(role, frozenset({self.territory.id})) for role in roles)
        return Actor(7, "user:7", grants)

    @property
    def officer(self) -> Actor:
        return self.actor(Role.PROGRAMME_OFFICER)

    @property
    def channel(self) -> Actor:
        return self.actor(Role.CHANNEL)

    def families(
        self,
        count: int,
        *,
        born_on: date = date(2016, 5, 1),
        categories: Sequence[str] = (),
        evidence_until: date | None = None,
    ) -> list[tuple[int, int]]:
        """`count` guardians with a child each: (guardian_id, child_id)."""
        guardians = Guardian.objects.bulk_create(
            Guardian(territory=self.territory, created_at=OPENS) for _ in range(count)
        )
        children = Child.objects.bulk_create(Child(territory=self.territory, created_at=OPENS) for _ in range(count))
        since = DateRange(date(2020, 1, 1), None)
        Guardianship.objects.bulk_create(
            Guardianship(guardian=g, child=c, kind="parent", evidence="e", valid=since)
            for g, c in zip(guardians, children, strict=True)
        )
        person = person_json(PersonDetails(iin=None, surname="Сынақ", given="Бала", born_on=born_on))
        with transaction.atomic():
            people.seal("child", [SecretRow(child.id, person) for child in children])
        ChildStatus.objects.bulk_create(
            ChildStatus(
                child=child,
                category=category,
                source="registry",
                evidence="e",
                state="certified",
                valid=DateRange(date(2026, 1, 1), evidence_until),
                certified_at=OPENS,
                certified_by=0,
            )
            for child in children
            for category in categories
        )
        return [(g.id, c.id) for g, c in zip(guardians, children, strict=True)]

    def hold_voucher(self, child_id: int) -> Voucher:
        """A live voucher the child got by another way than a round."""
        return Voucher.objects.create(
            number=str(uuid4()),
            territory=self.territory,
            programme=self.programme,
            child_id=child_id,
            slot="main",
            kind="sport",
            line_id=self.lines["sport"],
            rule_set=self.rule_set,
            state="issued",
            issued_at=OPENS,
            accept_by=date(2026, 3, 1),
            first_month=date(2026, 3, 1),
            last_month=date(2026, 12, 1),
            month_tiyn=1,
        )

    def plan(self, *, parties: Mapping[str, bytes] = PARTIES, **changes: Any) -> RoundPlan:
        """A plan that is accepted, unless `changes` spoil it."""
        fields: dict[str, Any] = {
            "opens_at": OPENS,
            "closes_at": CLOSES,
            "first_month": date(2026, 3, 1),
            "last_month": date(2026, 12, 1),
            "beacon_name": BEACON,
            "commitments": {party: draw.commitment(secret) for party, secret in parties.items()},
        }
        return RoundPlan(**(fields | changes))

    def planned(self, plan: RoundPlan | None = None) -> Round:
        """A planned round."""
        return commands.plan_round(
            actor=self.officer, programme_id=self.programme.id, plan=plan or self.plan(), at=OPENS, key=uuid4()
        )

    def opened(self, plan: RoundPlan | None = None, at: datetime = OPENS) -> Round:
        """An open round."""
        return commands.open_round(actor=self.officer, round_id=self.planned(plan).id, at=at, key=uuid4())

    def file(
        self,
        the_round: Round,
        families: Sequence[tuple[int, int]],
        *,
        kind: str = "sport",
        at: datetime = INSIDE,
        key: UUID | None = None,
    ) -> list[RowOutcome]:
        """Applications of these families, filed by a channel."""
        rows = [ApplicationRow(guardian, child, kind) for guardian, child in families]
        return commands.submit_applications(
            actor=self.channel, round_id=the_round.id, rows=rows, at=at, key=key or uuid4()
        )

    def close(self, the_round: Round, at: datetime = CLOSES) -> commands.Closed:
        """Close the window."""
        return commands.close_round(actor=self.officer, round_id=the_round.id, at=at, key=uuid4())

    def draw(self, the_round: Round, *, secrets: Mapping[str, bytes] = PARTIES, beacon: bytes = b"beacon") -> Round:
        """Draw a closed round."""
        return commands.draw_round(
            actor=self.officer, round_id=the_round.id, beacon_value=beacon, secrets=secrets, at=AFTER, key=uuid4()
        )

    def allocate(self, the_round: Round, at: datetime = AFTER) -> commands.Allocated:
        """Run a drawn round."""
        return commands.allocate_round(actor=self.officer, round_id=the_round.id, at=at, key=uuid4())

    def run(self, the_round: Round) -> commands.Allocated:
        """Close, draw, allocate."""
        self.close(the_round)
        self.draw(the_round)
        return self.allocate(the_round)

    def refill(self, the_round: Round, at: datetime = AFTER) -> commands.Refilled:
        """Give freed money on."""
        return commands.refill(actor=self.officer, round_id=the_round.id, at=at, key=uuid4())


def month_tiyn(kind: str = "sport") -> int:
    """The default rule set's planning tariff."""
    return int(_DEFAULT["planning_tariff"]["tiyn"][kind])


def money_for(places: int, kind: str = "sport", months: int = 10) -> int:
    """What makes exactly `places` places, the default appeals reserve of 1 % set aside."""
    return -(-places * month_tiyn(kind) * months * 1000 // 990)


def tickets(seed: str, count: int) -> list[bytes]:
    """Known tickets, to file the same round twice."""
    return [hashlib.sha256(f"{seed}{n}".encode()).digest()[: draw.TICKET_BYTES] for n in range(count)]
