"""Kinds of papers, limits, and why a file is not taken."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class MediaType(StrEnum):
    """The kinds of papers taken, by their content."""

    PDF = "application/pdf"
    JPEG = "image/jpeg"
    PNG = "image/png"


class DocumentRefusal(StrEnum):
    """Why an uploaded file is not kept, or a kept one is not there."""

    PAPER_MISSING = "paper_missing"
    PAPER_TOO_LARGE = "paper_too_large"
    PAPER_KIND_UNKNOWN = "paper_kind_unknown"
    PAPER_HEIC = "paper_heic"
    PAPER_BROKEN = "paper_broken"
    PAPER_TOO_MANY_PIXELS = "paper_too_many_pixels"
    PAPER_TOO_PACKED = "paper_too_packed"
    PAPER_LOCKED = "paper_locked"
    PAPER_ACTIVE = "paper_active"
    PAPER_ERASED = "paper_erased"
    PAPER_NOT_SCANNED = "paper_not_scanned"
    PAPER_SEALED = "paper_sealed"


class Unfit(Exception):
    """The file may not be kept; `reason` says why. The room's steps raise it on as `Refused`."""

    def __init__(self, reason: DocumentRefusal) -> None:
        super().__init__(reason.value)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Limits:
    """How large a file may be: as sent, in pixels, and unpacked. An installation may set others (DOCUMENT_LIMITS)."""

    most_bytes: int = 8_000_000
    most_pixels: int = 60_000_000
    most_unpacked: int = 200_000_000


@dataclass(frozen=True, slots=True)
class Paper:
    """What is kept of a file: its kind and its bytes, written anew."""

    media_type: MediaType
    content: bytes
