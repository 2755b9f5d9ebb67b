"""What must be right before a server starts: a city's dates, and that what was answered is on a disk."""

from __future__ import annotations

from django.conf import settings

from qosymsha.interfaces.cli.doctor import server_checks, zone_checks
from qosymsha.runtime.errors import EnvironmentFault


def refuse_unsafe() -> None:
    """Let a server start only on time-zone data of today and, in production, on a database that waits for its disk.

    Raises:
        EnvironmentFault: what is wrong, and what to do.
    """
    checks = [*zone_checks(), *(server_checks() if settings.PRODUCTION else [])]
    wrong = [f"{one.name} is {one.found}: {one.advice}" for one in checks if not one.ok]
    if wrong:
        raise EnvironmentFault("not started. " + "; ".join(wrong))
