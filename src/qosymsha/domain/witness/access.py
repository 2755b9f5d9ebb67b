"""What this room writes into the audit."""

from __future__ import annotations

from enum import StrEnum

from qosymsha.domain.witness.states import READ


class Action(StrEnum):
    """A read of people's records, whatever page or verb it was made for; the rooms' own actions stand in its detail."""

    READ = READ
