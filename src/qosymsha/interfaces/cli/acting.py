"""As whom a verb acts: a named user who holds the role, or in a trial the installation's own officials."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from qosymsha.domain.people import queries as people
from qosymsha.domain.people.commands import appoint
from qosymsha.domain.people.commands.officials import Appointment
from qosymsha.domain.people.states import Role
from qosymsha.interfaces.cli.session import key_of
from qosymsha.kernel.actor import Actor
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.errors import BadInput

# The officials of a trial. In production people are appointed by name and named with `--as`.
TRIAL_OFFICIALS: dict[Role, str] = {
    Role.OPERATOR: "trial:operator",
    Role.PROGRAMME_OFFICER: "trial:officer",
    Role.RULE_APPROVER: "trial:rule-approver",
    Role.CHECKER: "trial:checker",
    Role.APPROVER: "trial:approver",
    Role.PAYER: "trial:payer",
    Role.CLERK: "trial:clerk",
}
HAND = Actor.system("installation")
SECOND_APPROVER = "trial:approver-2"
SECOND_OFFICER = "trial:officer-2"  # types a beacon's value beside the first


@dataclass(frozen=True, slots=True)
class Staff:
    """Who may act in this call: `subjects` as the operator named them, resolved to rights valid at `at`."""

    subjects: tuple[str, ...]
    at: datetime

    def actor(self, role: Role) -> Actor:
        """The first named user who holds the role; in a trial without names, the installation's own official.

        Raises:
            BadInput: nobody was named, a name is unknown, or none of the named holds the role.
        """
        named = self.subjects or self._own(role)
        for actor in map(self._resolved, named):
            if actor.holds([role]):
                return actor
        raise BadInput("--as", f"none of the users named holds the role {role.value}; name one who does")

    def actors(self, role: Role) -> list[Actor]:
        """All different users named in this call who hold the role, in the order named.

        Raises:
            BadInput: a name is unknown.
        """
        found = {actor.user_id: actor for actor in map(self._resolved, self.subjects) if actor.holds([role])}
        return list(found.values())

    def manager(self, provider_id: int) -> Actor:
        """The named user who manages this provider; in a trial without names, a manager appointed for it.

        Raises:
            BadInput: nobody named manages it.
        """
        for actor in map(self._resolved, self.subjects):
            if actor.holds([Role.PROVIDER_MANAGER], provider_id=provider_id):
                return actor
        if self.subjects or settings.PRODUCTION:
            raise BadInput("--as", "a provider's manager sends its sheets; name one with --as, or let them send")
        today = local_day(self.at)
        draft = Appointment(
            f"trial:provider:{provider_id}", Role.PROVIDER_MANAGER, provider_id=provider_id, first=today
        )
        key = key_of("appoint", draft.subject, today)
        return people.actor_for(appoint(actor=HAND, appointment=draft, at=self.at, key=key), self.at)

    def _own(self, role: Role) -> Sequence[str]:
        if settings.PRODUCTION:
            raise BadInput("--as", f"name the user who acts as {role.value}")
        return [TRIAL_OFFICIALS[role]]

    def _resolved(self, subject: str) -> Actor:
        user_id = people.user_by_subject(subject)
        if user_id is None:
            raise BadInput("--as", f"nobody is known as “{subject}”")
        return people.actor_for(user_id, self.at)
