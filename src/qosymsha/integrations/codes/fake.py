"""A sender for trials and tests: nothing is sent, the page shows the code and says so."""

from __future__ import annotations

from django.conf import settings


class FakeCodeSender:
    """Gives the code back to be shown.

    Raises:
        ValueError: in production a code on the page would be no second factor.
    """

    def __init__(self) -> None:
        if settings.PRODUCTION:
            raise ValueError("a code shown on the page is no second factor: set QOSYMSHA_CODES to a real sender")

    def send(self, phone: str, code: str, language: str) -> str:
        """As the port says: shown, not sent."""
        return code
