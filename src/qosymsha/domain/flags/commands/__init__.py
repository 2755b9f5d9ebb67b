"""The room's verbs for the doors; repeating a `key` does nothing twice."""

from qosymsha.domain.flags.commands.points import register_points
from qosymsha.domain.flags.commands.recording import record_outside_marks
from qosymsha.domain.flags.commands.resolving import resolve_flags
from qosymsha.domain.flags.commands.screening import Screening, screen

__all__ = ["Screening", "record_outside_marks", "register_points", "resolve_flags", "screen"]
