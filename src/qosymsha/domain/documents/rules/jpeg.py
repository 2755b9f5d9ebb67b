"""JPEG: walked marker by marker; only what draws the picture is kept, and which way up it is held.

Dropped: EXIF with its place and camera, comments, previews, profiles, videos after the picture's end.
Source: ITU-T T.81; Exif 2.32 for the orientation.
"""

from __future__ import annotations

import re
import struct

from qosymsha.domain.documents.rules.terms import DocumentRefusal, Limits, Unfit

MAGIC = b"\xff\xd8\xff"
_SOI, _EOI = b"\xff\xd8", b"\xff\xd9"
_DRAWS = {0xC4, 0xDB, 0xDD}  # Huffman and quantisation tables, restart interval
_FRAMES = {0xC0, 0xC1, 0xC2}  # baseline, extended, progressive: what every viewer draws
_SCAN, _COMMENT, _EXIF, _ADOBE = 0xDA, 0xFE, 0xE1, 0xEE
_ADOBE_LENGTH = 12
_AFTER_SCAN = re.compile(rb"\xff+[^\x00\xd0-\xd7\xff]")  # the next marker: neither a stuffed byte nor a restart
_LARGEST_TABLES = 4_096
_ORIENTATION = 0x0112
_UPRIGHT = 1


def cleaned(content: bytes, limits: Limits) -> bytes:
    """The picture alone.

    Raises:
        Unfit: it is cut off or of an unusual kind, or has too many pixels.
    """
    kept, at, way_up, has_frame = [_SOI], len(_SOI), _UPRIGHT, False
    while True:
        marker, body, at = _segment(content, at)
        if marker == _SCAN:
            if not has_frame:
                raise Unfit(DocumentRefusal.PAPER_BROKEN)
            scan, at = _scan(content, at)
            kept.append(_written(marker, body) + scan)
        elif marker in _FRAMES:
            _measure(body, limits, is_second=has_frame)
            has_frame = True
            kept.append(_written(marker, body))
        elif marker == _EXIF and body.startswith(b"Exif\0\0"):
            way_up = _way_up(body[6:])
        elif _is_kept(marker, body):
            kept.append(_written(marker, body))
        if content[at : at + 2] == _EOI and has_frame and marker == _SCAN:
            return kept[0] + _held(way_up) + b"".join(kept[1:]) + _EOI


def _segment(content: bytes, at: int) -> tuple[int, bytes, int]:
    """The next marker, its body, and where what follows begins; fill bytes before it are skipped."""
    while content[at : at + 2] == b"\xff\xff":
        at += 1
    head = content[at : at + 4]
    if len(head) < 4 or head[0] != 0xFF or head[1] in (0x00, 0x01, 0xD8, 0xD9) or 0xD0 <= head[1] <= 0xD7:
        raise Unfit(DocumentRefusal.PAPER_BROKEN)
    (length,) = struct.unpack(">H", head[2:])
    end = at + 2 + length
    if length < 2 or end > len(content):
        raise Unfit(DocumentRefusal.PAPER_BROKEN)
    return head[1], content[at + 4 : end], end


def _scan(content: bytes, at: int) -> tuple[bytes, int]:
    """The coded lines of a scan, up to the marker after them."""
    found = _AFTER_SCAN.search(content, at)
    if found is None:
        raise Unfit(DocumentRefusal.PAPER_BROKEN)
    end = found.end() - 2
    return content[at : found.start()], end


def _measure(body: bytes, limits: Limits, *, is_second: bool) -> None:
    if is_second or len(body) < 6:
        raise Unfit(DocumentRefusal.PAPER_BROKEN)
    height, width = struct.unpack(">HH", body[1:5])
    if not height or not width:
        raise Unfit(DocumentRefusal.PAPER_BROKEN)
    if height * width > limits.most_pixels:
        raise Unfit(DocumentRefusal.PAPER_TOO_MANY_PIXELS)


def _is_kept(marker: int, body: bytes) -> bool:
    """Tables; of the rest only Adobe's twelve bytes, which say how the colours are meant.

    Raises:
        Unfit: a frame that few viewers draw, or tables larger than any picture needs.
    """
    if marker in _DRAWS:
        if len(body) > _LARGEST_TABLES:
            raise Unfit(DocumentRefusal.PAPER_BROKEN)
        return True
    if 0xE0 <= marker <= 0xEF or marker == _COMMENT:
        return marker == _ADOBE and body.startswith(b"Adobe") and len(body) == _ADOBE_LENGTH
    raise Unfit(DocumentRefusal.PAPER_BROKEN)


def _written(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def _way_up(tiff: bytes) -> int:
    """The orientation (1 to 8) that EXIF names; upright where it names none that can be read."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None:
        return _UPRIGHT
    try:
        (start,) = struct.unpack_from(f"{order}I", tiff, 4)
        (count,) = struct.unpack_from(f"{order}H", tiff, start)
        for entry in range(min(count, 200)):
            tag, _, _, value = struct.unpack_from(f"{order}HHIH", tiff, start + 2 + 12 * entry)
            if tag == _ORIENTATION:
                return value if 1 <= value <= 8 else _UPRIGHT
    except struct.error:
        pass
    return _UPRIGHT


def _held(way_up: int) -> bytes:
    """An EXIF of one entry, our own; nothing for a picture that stands upright."""
    if way_up == _UPRIGHT:
        return b""
    one_entry = struct.pack(">HHHIHHI", 1, _ORIENTATION, 3, 1, way_up, 0, 0)
    return _written(_EXIF, b"Exif\0\0MM\0*" + struct.pack(">I", 8) + one_entry)
