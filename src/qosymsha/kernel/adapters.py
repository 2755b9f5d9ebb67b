"""Adapters of outside systems, by the name of their port: the settings say which class stands there, no door knows."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from django.conf import settings

from qosymsha.kernel.errors import NotConfigured


def adapter(name: str) -> Any:
    """A fresh adapter for a port (`registry`, `beacon`, `treasury`), made without arguments from `module:Class`.

    Raises:
        NotConfigured: none is set, it cannot be loaded, or it refuses its own settings; says which setting to give.
    """
    setting = f"QOSYMSHA_{name.upper()}"
    if name not in settings.ADAPTERS:
        raise NotConfigured(f"there is no port `{name}`; the ports are {', '.join(sorted(settings.ADAPTERS))}")
    path = settings.ADAPTERS[name]
    if not path:
        raise NotConfigured(f"no adapter is set for `{name}`: set {setting} to module:Class (see docs/guides)")
    module, colon, attribute = path.partition(":")
    if not (module and colon and attribute):
        raise NotConfigured(f"{setting} must look like module:Class, not {path!r}")
    try:
        return getattr(import_module(module), attribute)()
    except (ImportError, AttributeError) as fault:
        raise NotConfigured(f"{setting} names {path}, which cannot be loaded: {fault}") from fault
    except ValueError as fault:
        raise NotConfigured(f"the adapter for `{name}` refuses its settings: {fault}") from fault
