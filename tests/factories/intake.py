"""An open round, families that name categories with papers, an officer who decides."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID, uuid4

import pytest

from qosymsha.domain.admission import commands as admission
from qosymsha.domain.admission.models import Application, Round
from qosymsha.domain.admission.queries.openings import Opening, opening
from qosymsha.domain.intake import commands, queries
from qosymsha.domain.intake.rules import IntakeRefusal
from qosymsha.domain.people.models import Child
from qosymsha.domain.people.states import Role
from qosymsha.kernel.actor import Actor, Grant
from qosymsha.kernel.errors import Refused
from tests.factories import uploads
from tests.factories.admission import AFTER, INSIDE, City

TODAY = INSIDE.date()


class Town:
    """An open round, families of it, a checker; what a family and an officer do in one word each."""

    def __init__(self, families: int = 1) -> None:
        self.city = City(money={"sport": 10**12, "creative": 10**12, "educational": 10**12})
        self.round: Round = self.city.opened()
        self.families = self.city.families(families)
        self.officer = self.city.actor(Role.CHECKER)

    @property
    def opening(self) -> Opening:
        found = opening(self.round.uuid)
        assert found is not None
        return found

    def guardian(self, n: int = 0) -> Actor:
        guardian_id = self.families[n][0]
        return Actor(100 + n, f"user:{100 + n}", (Grant(Role.GUARDIAN),), guardian_id=guardian_id)

    def child(self, n: int = 0) -> UUID:
        return Child.objects.get(pk=self.families[n][1]).uuid

    def name(self, n: int = 0, category: str = "emergency", content: bytes | None = None, **more: Any) -> UUID:
        given = {"actor": self.guardian(n), "at": INSIDE, "key": uuid4()} | more
        paper = uploads.pdf() if content is None else content
        return commands.name_category(
            round_uuid=self.round.uuid, child_uuid=self.child(n), category=category, content=paper, **given
        )

    def file(self, n: int = 0) -> None:
        admission.submit_own_application(
            actor=self.guardian(n), round_uuid=self.round.uuid, child_uuid=self.child(n), kind="sport", at=INSIDE,
            key=uuid4(),
        )  # fmt: skip

    def certify(self, case: UUID, first: date = TODAY, last: date | None = date(2026, 12, 31), **more: Any) -> None:
        given = {"actor": self.officer, "at": INSIDE, "key": uuid4()} | more
        commands.certify_case(case_uuid=case, first=first, last=last, **given)

    def standing(self, n: int = 0, at: Any = INSIDE) -> queries.Standing:
        found = queries.standing(actor=self.guardian(n), opening=self.opening, child_uuid=self.child(n), at=at)
        assert found is not None
        return found

    def close(self) -> Application:
        """Close the round; the first family's application as it then stands."""
        admission.close_round(actor=self.city.officer, round_id=self.round.pk, at=AFTER, key=uuid4())
        return Application.objects.get(child_id=self.families[0][1])


def refused(reason: IntakeRefusal) -> Any:
    return pytest.raises(Refused, match=f"^{reason.value}")
