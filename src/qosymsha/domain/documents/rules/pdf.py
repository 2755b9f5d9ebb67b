"""PDF: read as text outside its streams; what could run, hide or unpack without end is refused, not mended.

A PDF cannot be written anew without a renderer: what this keeps out is said in docs/rules/documents.md, and what it
does not. Source: ISO 32000-2.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator

from qosymsha.domain.documents.rules.terms import DocumentRefusal, Limits, Unfit

MAGIC = b"%PDF-"
_END = b"%%EOF"
_STEP = 1 << 20
_OVERLAP = 64  # a name is shorter: none slips between two steps
_MOST_STREAMS = 20_000
_STREAM = re.compile(rb"stream\r?\n")
_HEX = re.compile(rb"#([0-9A-Fa-f]{2})")
_RUNS = re.compile(
    rb"/(?:JavaScript|JS|Launch|EmbeddedFiles?|RichMedia|XFA|SubmitForm|ImportData|GoToE|GoToR|Rendition|Movie|Sound)"
    rb"(?![A-Za-z0-9])"
)
_LOCKED = re.compile(rb"/Encrypt(?![A-Za-z0-9])")
_FOREIGN = re.compile(rb"PK\x03\x04|<script|<html|<svg|<!DOCTYPE", re.IGNORECASE)
_FLATE = re.compile(rb"/(?:FlateDecode|Fl)(?![A-Za-z0-9])")
_PACKS_MORE = re.compile(rb"/(?:LZWDecode|LZW|RunLengthDecode|RL|JBIG2Decode|BrotliDecode)(?![A-Za-z0-9])")


def cleaned(content: bytes, limits: Limits) -> bytes:
    """The document up to its own last end.

    Raises:
        Unfit: no end, locked by a password, holds what runs or hides, or unpacks to too much.
    """
    end = content.rfind(_END)
    if end < 0:
        raise Unfit(DocumentRefusal.PAPER_BROKEN)
    content = content[: end + len(_END)] + b"\n"
    left, found_text = limits.most_unpacked, False
    for text, stream in _parts(content):
        found_text = found_text or b" obj" in text
        names = _names(text)
        _judge(names)
        if _FOREIGN.search(text):
            raise Unfit(DocumentRefusal.PAPER_ACTIVE)
        left -= _unpacked(_dictionary(names), stream, left)
    if not found_text:
        raise Unfit(DocumentRefusal.PAPER_BROKEN)
    return content


def _parts(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The document's text in pieces, each with the stream that follows it (empty after the last)."""
    at = 0
    for _ in range(_MOST_STREAMS):
        found = _STREAM.search(content, at)
        if found is None:
            yield content[at:], b""
            return
        end = content.find(b"endstream", found.end())
        if end < 0:
            raise Unfit(DocumentRefusal.PAPER_BROKEN)
        yield content[at : found.start()], content[found.end() : end]
        at = end + len(b"endstream")
    raise Unfit(DocumentRefusal.PAPER_TOO_PACKED)


def _names(text: bytes) -> bytes:
    """Names may be written with `#4A` for a letter: read as they are meant."""
    return _HEX.sub(lambda found: bytes([int(found[1], 16)]), text)


def _judge(names: bytes) -> None:
    if _LOCKED.search(names):
        raise Unfit(DocumentRefusal.PAPER_LOCKED)
    if _RUNS.search(names):
        raise Unfit(DocumentRefusal.PAPER_ACTIVE)


def _dictionary(text: bytes) -> bytes:
    """What a stream says of itself: the text since its object began."""
    return text[max(text.rfind(b" obj"), 0) :]


def _unpacked(dictionary: bytes, stream: bytes, most: int) -> int:
    """How much a stream unpacks to; objects packed in it are judged like the text.

    Raises:
        Unfit: packed twice, or more than `most`.
    """
    packings = len(_FLATE.findall(dictionary))
    if packings + bool(_PACKS_MORE.search(dictionary)) > 1:
        raise Unfit(DocumentRefusal.PAPER_TOO_PACKED)
    if not packings:
        return 0
    holds_objects = b"/ObjStm" in dictionary
    size, before = 0, b""
    for piece in _pieces(stream):
        size += len(piece)
        if size > most:
            raise Unfit(DocumentRefusal.PAPER_TOO_PACKED)
        if holds_objects:
            _judge(_names(before + piece))
            before = piece[-_OVERLAP:]
    return size


def _pieces(stream: bytes) -> Iterator[bytes]:
    """A stream unpacked step by step, nothing of it kept; a broken one ends where it breaks, as viewers read it."""
    unpacker, rest = zlib.decompressobj(), stream
    try:
        while not unpacker.eof:
            piece = unpacker.decompress(rest, _STEP)
            rest = unpacker.unconsumed_tail
            if not piece and not rest:
                return
            yield piece
    except zlib.error:
        return
