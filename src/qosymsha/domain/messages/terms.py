"""The rules of notices in force: the installation's own dated list where it names one, else the product's."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from django.conf import settings

from qosymsha.domain.messages.rules import NoticeRules, rules_on
from qosymsha.kernel.errors import NotConfigured

_OURS = Path(__file__).parent / "data" / "notice-rules.json"


def terms(on: date) -> NoticeRules:
    """The rules of a day.

    Raises:
        NotConfigured: the installation's own list cannot be read; `doctor` says so too.
    """
    path = Path(settings.NOTICE_RULES) if settings.NOTICE_RULES else _OURS
    try:
        return rules_on(path.read_text("utf-8"), on)
    except (OSError, ValueError) as fault:
        raise NotConfigured(f"QOSYMSHA_NOTICE_RULES: {path.name}: {fault}") from fault
