"""PNG: walked chunk by chunk, unpacked without being kept, written with what draws the picture alone.

Dropped: texts, EXIF, profiles, further frames, whatever stands after the end. Source: PNG (ISO/IEC 15948).
"""

from __future__ import annotations

import struct
import zlib

from qosymsha.domain.documents.rules.terms import DocumentRefusal, Limits, Unfit

MAGIC = b"\x89PNG\r\n\x1a\n"
_STEP = 1 << 20
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # colour type → samples of a pixel
_DEPTHS = {0: {1, 2, 4, 8, 16}, 2: {8, 16}, 3: {1, 2, 4, 8}, 4: {8, 16}, 6: {8, 16}}
_BEFORE_PICTURE = {b"PLTE": 768, b"tRNS": 256, b"sRGB": 1, b"gAMA": 4}  # what is kept besides, and how long it may be
_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


def cleaned(content: bytes, limits: Limits) -> bytes:
    """The picture alone.

    Raises:
        Unfit: broken, too many pixels, or unpacks to another size than it says.
    """
    head, before, packed = _chunks(content)
    expected = _size(head, limits)
    packed = _picture(packed, expected)
    chunks = [(b"IHDR", head), *before, (b"IDAT", packed), (b"IEND", b"")]
    return MAGIC + b"".join(_written(kind, body) for kind, body in chunks)


def _chunks(content: bytes) -> tuple[bytes, list[tuple[bytes, bytes]], bytes]:
    """The header, what is kept before the picture, and the packed picture joined."""
    head, at = b"", len(MAGIC)
    before: list[tuple[bytes, bytes]] = []
    parts: list[bytes] = []
    while True:
        kind, body, at = _chunk(content, at)
        if not head and kind != b"IHDR":
            raise Unfit(DocumentRefusal.PAPER_BROKEN)
        if kind == b"IHDR":
            if head:
                raise Unfit(DocumentRefusal.PAPER_BROKEN)
            head = body
        elif kind == b"IDAT":
            parts.append(body)
        elif kind == b"IEND":
            return head, before, b"".join(parts)
        elif not parts and len(body) <= _BEFORE_PICTURE.get(kind, -1) and kind not in dict(before):
            before.append((kind, body))


def _chunk(content: bytes, at: int) -> tuple[bytes, bytes, int]:
    if at + 12 > len(content):
        raise Unfit(DocumentRefusal.PAPER_BROKEN)
    (length,) = struct.unpack_from(">I", content, at)
    end = at + 12 + length
    kind, body = content[at + 4 : at + 8], content[at + 8 : end - 4]
    if end > len(content) or content[end - 4 : end] != struct.pack(">I", zlib.crc32(kind + body)):
        raise Unfit(DocumentRefusal.PAPER_BROKEN)
    return kind, body, end


def _size(head: bytes, limits: Limits) -> int:
    """How many bytes the picture unpacks to, by its header."""
    if len(head) != 13:
        raise Unfit(DocumentRefusal.PAPER_BROKEN)
    width, height, depth, colour, packing, filtering, interlaced = struct.unpack(">IIBBBBB", head)
    if depth not in _DEPTHS.get(colour, ()) or packing or filtering or interlaced > 1 or not width or not height:
        raise Unfit(DocumentRefusal.PAPER_BROKEN)
    if width * height > limits.most_pixels:
        raise Unfit(DocumentRefusal.PAPER_TOO_MANY_PIXELS)
    bits = depth * _SAMPLES[colour]
    passes = _PASSES if interlaced else ((0, 0, 1, 1),)
    size = sum(_pass_size(width, height, bits, one) for one in passes)
    if size > limits.most_unpacked:
        raise Unfit(DocumentRefusal.PAPER_TOO_PACKED)
    return size


def _pass_size(width: int, height: int, bits: int, one: tuple[int, int, int, int]) -> int:
    left, top, across, down = one
    columns, rows = -(-(width - left) // across), -(-(height - top) // down)
    return rows * (1 + (columns * bits + 7) // 8) if columns > 0 and rows > 0 else 0


def _picture(packed: bytes, expected: int) -> bytes:
    """The packed picture without what hangs behind it, once it unpacks to exactly the size the header says."""
    unpacker, unpacked, rest = zlib.decompressobj(), 0, packed
    try:
        while rest and not unpacker.eof:
            unpacked += len(unpacker.decompress(rest, _STEP))
            rest = unpacker.unconsumed_tail
            if unpacked > expected:
                raise Unfit(DocumentRefusal.PAPER_TOO_PACKED)
        while not unpacker.eof and (more := len(unpacker.decompress(b"", _STEP))):
            unpacked += more
            if unpacked > expected:
                raise Unfit(DocumentRefusal.PAPER_TOO_PACKED)
    except zlib.error:
        raise Unfit(DocumentRefusal.PAPER_BROKEN) from None
    if not unpacker.eof or unpacked != expected:
        raise Unfit(DocumentRefusal.PAPER_BROKEN)
    return packed[: len(packed) - len(unpacker.unused_data)]


def _written(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
