"""The outside systems by the names the settings give them; a missing one is said before anything is begun."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string

from qosymsha.runtime.errors import EnvironmentFault


def adapter(port: str) -> Any:
    """The adapter of a port (registry, beacon, treasury).

    Raises:
        EnvironmentFault: none is set, or it cannot be made; says which variable to set.
    """
    name = settings.ADAPTERS.get(port, "")
    if not name:
        raise EnvironmentFault(f"No {port} is set: name its adapter in QOSYMSHA_{port.upper()} as module:Class.")
    try:
        return import_string(name.replace(":", "."))()
    except (ImportError, TypeError) as error:
        raise EnvironmentFault(f"The {port} adapter {name} cannot be made: {error}.") from error
