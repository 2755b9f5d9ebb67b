"""What a passkey is asked for."""

from __future__ import annotations

from enum import StrEnum


class Purpose(StrEnum):
    """Why a question was put to a browser: an answer to the one is none to the other."""

    ADD = "add"
    PROVE = "prove"
