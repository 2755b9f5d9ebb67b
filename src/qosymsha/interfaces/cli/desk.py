"""One call's ground: the city, who acts, when."""

from __future__ import annotations

from dataclasses import dataclass

from qosymsha.domain.people.states import Role
from qosymsha.interfaces.cli.acting import Staff
from qosymsha.interfaces.cli.installation import Installation
from qosymsha.kernel.actor import Actor


@dataclass(frozen=True, slots=True)
class Desk:
    """The installation and its officials for one verb."""

    place: Installation
    staff: Staff

    @property
    def officer(self) -> Actor:
        """The programme officer of this call."""
        return self.staff.actor(Role.PROGRAMME_OFFICER)
