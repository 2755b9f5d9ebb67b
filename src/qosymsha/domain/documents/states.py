"""How a paper stands with the scanner, and what this room tells."""

from __future__ import annotations

from enum import StrEnum


class Scan(StrEnum):
    """waiting → clean | sealed. A paper is written once, so that neither word changes again."""

    WAITING = ""
    CLEAN = "clean"
    SEALED = "sealed"


class Topic(StrEnum):
    """What this room tells."""

    PAPER_SEALED = "documents.paper_sealed"
