"""Adapters of outside systems, found by the name of their port in settings: no door knows which one it talks to."""

from __future__ import annotations

from functools import cache
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string

from qosymsha.kernel.errors import BadInput


@cache
def adapter(port: str) -> Any:
    """The one adapter of a port (`registry`, `beacon`, `treasury`…), made from `settings.ADAPTERS`: `module:Class`.

    Raises:
        BadInput: none is set, or what is set can't be imported.
    """
    path = settings.ADAPTERS.get(port, "")
    if not path:
        raise BadInput(f"QOSYMSHA_{port.upper()}", "name an adapter as module:Class; production has no default")
    try:
        return import_string(path.replace(":", "."))()
    except ImportError as error:
        raise BadInput(f"QOSYMSHA_{port.upper()}", f"can't be imported: {error}") from error
