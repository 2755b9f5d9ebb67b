"""The room's verbs for the doors; repeating a `key` does nothing twice."""

from qosymsha.domain.flags.commands.recording import record_outside_marks
from qosymsha.domain.flags.commands.resolving import resolve_flags
from qosymsha.domain.flags.commands.screening import Screening, screen

__all__ = ["Screening", "record_outside_marks", "resolve_flags", "screen"]
