"""The beacon of a round: its name checked before the window opens, its value fetched or typed at the draw."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.conf import settings

from qosymsha.domain.admission.ports import BeaconSilent
from qosymsha.domain.allocation.announcement import TYPED
from qosymsha.domain.people.states import Role
from qosymsha.interfaces.cli.acting import Staff
from qosymsha.kernel.actor import Actor
from qosymsha.kernel.adapters import adapter
from qosymsha.kernel.errors import BadInput
from qosymsha.runtime.errors import EnvironmentFault


def name(given: str | None, closes_at: datetime) -> str:
    """The beacon's name as it will stand in the round; a trial may leave it to us.

    Raises:
        BadInput: none given in production, or no name that the configured adapter could ever draw by.
    """
    if not given and settings.PRODUCTION:
        raise BadInput("--beacon", "name the beacon's future round before the window opens")
    chosen = given or f"trial beacon of {closes_at.isoformat()}"
    if chosen.startswith(TYPED):
        wrong = "" if chosen.removeprefix(TYPED).strip() else "a typed value is named typed:WHAT"
    else:
        check = getattr(adapter("beacon"), "check_name", None)
        wrong = check(chosen) if check is not None else ""
    if wrong:
        raise BadInput("--beacon", f"“{chosen}” could never be drawn by: {wrong}")
    return chosen


def value(beacon_name: str, typed: tuple[str, ...]) -> bytes:
    """The beacon's value: fetched by its name, or for `typed:…` what the officers typed.

    Raises:
        BadInput: a value typed for a beacon that is fetched, none for one that is typed, or no hexadecimal digits.
        EnvironmentFault: the beacon is silent.
    """
    if beacon_name.startswith(TYPED):
        return _typed(typed)
    if typed:
        raise BadInput("--beacon-value", f"is for beacons named {TYPED}…; “{beacon_name}” is asked by its name")
    try:
        return bytes(adapter("beacon").value(beacon_name))
    except BeaconSilent as silent:
        raise EnvironmentFault(f"The beacon “{beacon_name}” gives no value: {silent}. Ask later.") from silent


def second(beacon_name: str, staff: Staff) -> Actor | None:
    """The other officer who vouches for a typed value, named with a second `--as`; None where nobody has to.

    Raises:
        BadInput: fewer than two different programme officers are named.
    """
    if not beacon_name.startswith(TYPED):
        return None
    officers = staff.actors(Role.PROGRAMME_OFFICER)
    if len(officers) < 2:
        raise BadInput("--as", "a typed value needs two different programme officers: name both, each with --as")
    return officers[1]


def _typed(typed: Sequence[str]) -> bytes:
    try:
        values = {bytes.fromhex(text) for text in typed}
    except ValueError:
        raise BadInput("--beacon-value", "write the value in hexadecimal digits, two for a byte") from None
    if not values:
        raise BadInput("--beacon-value", "this round's beacon is typed: give its value, read at the source by both")
    if len(values) > 1:
        raise BadInput("--beacon-value", "the values typed differ: read the source again; nothing was drawn")
    return values.pop()
