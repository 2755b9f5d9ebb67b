"""The periods in force: the product's, with those that the installation's own file sets in their stead."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings

from qosymsha.domain.keeping.rules import Term, read
from qosymsha.kernel.errors import NotConfigured

OURS = Path(__file__).parent / "data" / "retention.json"


def terms() -> dict[str, Term]:
    """Name → period.

    Raises:
        NotConfigured: the installation's own file cannot be read, or asks for less than a floor; nothing is erased.
    """
    path = Path(settings.RETENTION) if settings.RETENTION else None
    try:
        return read(OURS.read_text("utf-8"), path.read_text("utf-8") if path else "")
    except (OSError, ValueError) as fault:
        raise NotConfigured(f"QOSYMSHA_RETENTION: {path.name if path else OURS.name}: {fault}") from fault
