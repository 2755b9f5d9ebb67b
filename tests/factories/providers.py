"""A city with rules in force and budget lines, and its providers at any stage up to a contract."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from uuid import uuid4

from qosymsha.domain.people import queries as people
from qosymsha.domain.people.rules import PersonDetails
from qosymsha.domain.people.states import Role
from qosymsha.domain.programmes import commands as programmes
from qosymsha.domain.providers import commands
from qosymsha.domain.providers.rules import GroupDraft, Paper, PaperKind, ProviderRow, SlotDraft, VenueDraft
from qosymsha.kernel import iin
from qosymsha.kernel.actor import Actor
from qosymsha.kernel.errors import RowOutcome
from tests.factories import programmes as town
from tests.factories.people import ALMATY_DISTRICT, SYSTEM, TODAY, actor, astana, number

AT = datetime(2026, 1, 12, 6, 0, tzinfo=UTC)
YEAR_END = date(2026, 12, 31)
FIRST = date(2026, 2, 2)
OFFICER, CHECKER = actor(Role.PROGRAMME_OFFICER, user_id=101), actor(Role.CHECKER, user_id=102)
MANAGER_OF_ALL = actor(Role.PROVIDER_MANAGER, user_id=103)


def bin_number(serial: int) -> str:
    """The serial-th BIN of a month that does not exist (13)."""
    body = f"251340{serial:05d}"
    digit = iin.check_digit(body)
    return f"{body}{digit}" if digit is not None else bin_number(serial + 50_000)


def papers(until: date | None = YEAR_END) -> tuple[Paper, ...]:
    """Every required paper."""
    return tuple(
        Paper(kind, f"{kind}-1", date(2025, 6, 1), until)
        for kind in (PaperKind.PREMISES, PaperKind.SANITARY, PaperKind.FIRE, PaperKind.TEACHERS)
    )


def teacher(serial: int = 1) -> PersonDetails:
    """A teacher."""
    return PersonDetails(number(serial, "800101"), "Ибраев", "Марат")


@dataclass
class Market:
    """Astana with a programme, the default rules, and lines for creative and sport."""

    def __post_init__(self) -> None:
        self.territory_id = astana()
        self.district_id = people.territories_by_kato([ALMATY_DISTRICT], TODAY)[ALMATY_DISTRICT]
        programmes.load_classifiers(actor=SYSTEM, at=AT, key=uuid4())
        self.programme_id = town.programme(self.territory_id)
        town.in_force(self.programme_id)
        self.lines = {kind: town.line(self.programme_id, kind) for kind in ("creative", "sport")}

    def provider(self, serial: int = 1) -> int:
        """A company's id."""
        row = ProviderRow(bin_number(serial), f"Шаңырақ {serial}", "KZ699990000000000001")
        return commands.register_provider(actor=OFFICER, territory_id=self.territory_id, row=row, at=AT, key=uuid4())

    def filed(self, provider_id: int, filed: Sequence[Paper] | None = None) -> int:
        """An accreditation's file."""
        filing = commands.Filing(provider_id, self.programme_id, tuple(papers() if filed is None else filed))
        return commands.file_accreditation(actor=MANAGER_OF_ALL, filing=filing, at=AT, key=uuid4())

    def accredited(self, serial: int = 1, until: date | None = YEAR_END) -> int:
        """A provider's id, accredited from today."""
        provider_id = self.provider(serial)
        decide(self.filed(provider_id, papers(until)), commands.Verdict.ACCREDIT)
        return provider_id

    def contract(self, provider_id: int, kind: str = "creative", last_day: date = YEAR_END) -> int:
        """A contract from today on."""
        draft = commands.ContractDraft(provider_id, self.lines[kind], 100_000_000, TODAY, last_day)
        return commands.sign_contract(actor=OFFICER, draft=draft, at=AT, key=uuid4())

    def ready(self, serial: int = 1) -> int:
        """A provider's id, accredited and under contract for creative lessons."""
        provider_id = self.accredited(serial)
        self.contract(provider_id)
        return provider_id

    def draft(self, code: str = "G01", **fields: object) -> GroupDraft:
        """A group of two lessons a week that the default rules allow."""
        base = GroupDraft(
            code=code,
            activity="dombra",
            language="kk",
            age_min=7,
            age_max=12,
            capacity=15,
            unit_tariff_tiyn=100_000,
            units_per_month=8,
            first_day=FIRST,
            venue=VenueDraft(self.district_id, "Абай көшесі, 1", "улица Абая, 1", 30),
            teacher=teacher(),
            slots=(SlotDraft(1, time(15), time(16, 30)), SlotDraft(4, time(15), time(16, 30))),
        )
        return replace(base, **fields)  # type: ignore[arg-type]


def decide(accreditation_id: int, verdict: commands.Verdict, at: datetime = AT, **fields: object) -> None:
    """An officer's decision."""
    reason = "" if verdict is commands.Verdict.ACCREDIT else "a stated reason"
    decision = replace(commands.Decision(verdict, reason), **fields)  # type: ignore[arg-type]
    commands.decide_accreditation(
        actor=CHECKER, accreditation_id=accreditation_id, decision=decision, at=at, key=uuid4()
    )


def open_groups(
    provider_id: int, drafts: Sequence[GroupDraft], at: datetime = AT, who: Actor = MANAGER_OF_ALL
) -> list[RowOutcome]:
    """Open groups by the provider's manager."""
    return commands.open_groups(actor=who, provider_id=provider_id, groups=drafts, at=at, key=uuid4())
