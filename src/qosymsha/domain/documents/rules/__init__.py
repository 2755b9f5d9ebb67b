"""What an uploaded file must be, and what of it is kept: pure judgement of bytes. Source: docs/rules/documents.md."""

from __future__ import annotations

import hashlib

from qosymsha.domain.documents.rules import jpeg, pdf, png
from qosymsha.domain.documents.rules.terms import DocumentRefusal, Limits, MediaType, Paper, Unfit

__all__ = ["DocumentRefusal", "Limits", "MediaType", "Paper", "Unfit", "cleaned", "extension", "fingerprint"]

_EICAR = b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE"
_READERS = (
    (pdf.MAGIC, MediaType.PDF, pdf.cleaned),
    (jpeg.MAGIC, MediaType.JPEG, jpeg.cleaned),
    (png.MAGIC, MediaType.PNG, png.cleaned),
)
_EXTENSIONS = {MediaType.PDF: "pdf", MediaType.JPEG: "jpg", MediaType.PNG: "png"}
_BRANDS = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1", b"avif")


def cleaned(content: bytes, limits: Limits) -> Paper:
    """The paper that is kept of an uploaded file: its kind by content, its bytes without hidden parts.

    Raises:
        Unfit: carries a DocumentRefusal; nothing of the file may be kept.
    """
    if not content:
        raise Unfit(DocumentRefusal.PAPER_MISSING)
    if len(content) > limits.most_bytes:
        raise Unfit(DocumentRefusal.PAPER_TOO_LARGE)
    if _EICAR in content:
        raise Unfit(DocumentRefusal.PAPER_ACTIVE)
    for magic, media, clean in _READERS:
        if content.startswith(magic):
            return Paper(media, clean(content, limits))
    is_phone_photo = content[4:8] == b"ftyp" and content[8:12] in _BRANDS
    raise Unfit(DocumentRefusal.PAPER_HEIC if is_phone_photo else DocumentRefusal.PAPER_KIND_UNKNOWN)


def fingerprint(content: bytes) -> str:
    """SHA-256 (hex) of a file as it came: what a command binds its key to."""
    return hashlib.sha256(content).hexdigest()


def extension(media_type: str) -> str:
    """What a downloaded paper's name ends with."""
    return _EXTENSIONS[MediaType(media_type)]
