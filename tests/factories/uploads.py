"""Files that people upload: good ones, and a corpus of hostile ones. All made here, byte by byte."""

from __future__ import annotations

import struct
import zlib

EXIF_PLACE = b"GPS 51.1282 71.4307, Aliyeva's phone"
SCRIPT = b"<script>alert(1)</script>"
EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$" + b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"


def png(width: int = 8, height: int = 8, *, extra: bytes = b"", tail: bytes = b"", picture: bytes = b"") -> bytes:
    """A grey picture; `extra` chunks stand before it, `tail` behind its end, `picture`: its lines as they are sent."""
    lines = picture or b"".join(b"\0" + b"\x80" * width for _ in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = (chunk(b"IHDR", head), extra, chunk(b"IDAT", zlib.compress(lines, 9)), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts) + tail


def chunk(kind: bytes, body: bytes) -> bytes:
    """A PNG's chunk with its checksum."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def jpeg(width: int = 8, height: int = 8, *, extra: bytes = b"", tail: bytes = b"") -> bytes:
    """A grey baseline picture of eight by eight (or said to be larger); `extra` segments stand before its frame."""
    one_code = bytes([1]) + bytes(15) + b"\0"
    tables = segment(0xDB, b"\0" + b"\1" * 64) + segment(0xC4, b"\0" + one_code) + segment(0xC4, b"\x10" + one_code)
    frame = segment(0xC0, struct.pack(">BHHB", 8, height, width, 1) + b"\1\x11\0")
    scan = segment(0xDA, b"\1\1\0\0\x3f\0") + b"\x3f"
    return b"\xff\xd8" + extra + tables + frame + scan + b"\xff\xd9" + tail


def segment(marker: int, body: bytes) -> bytes:
    """A JPEG's segment."""
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def exif(way_up: int = 6) -> bytes:
    """What a phone writes into a photo: which way up it is held, and where it was taken."""
    entries = struct.pack("<HHHIHHI", 1, 0x0112, 3, 1, way_up, 0, 0)
    return segment(0xE1, b"Exif\0\0II*\0" + struct.pack("<I", 8) + entries + EXIF_PLACE)


def pdf(*objects: bytes, tail: bytes = b"") -> bytes:
    """A page without words; `objects` are added to it."""
    own = [b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[3 0 R]/Count 1>>"]
    own.append(b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]>>")
    body, starts = b"%PDF-1.4\n", []
    for n, text in enumerate([*own, *objects], 1):
        starts.append(len(body))
        body += b"%d 0 obj\n%b\nendobj\n" % (n, text)
    table = b"".join(b"%010d 00000 n \n" % at for at in starts)
    end = b"xref\n0 %d\n0000000000 65535 f \n%btrailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n"
    return body + end % (len(starts) + 1, table, len(starts) + 1, len(body)) + tail


def stream(content: bytes, words: bytes = b"") -> bytes:
    """A packed stream object of a PDF."""
    packed = zlib.compress(content, 9)
    return b"<</Filter/FlateDecode%b/Length %d>>\nstream\n%b\nendstream" % (words, len(packed), packed)


def bomb(size: int) -> bytes:
    """So many zeros, packed."""
    packer = zlib.compressobj(9)
    return b"".join([packer.compress(bytes(1 << 20)) for _ in range(size >> 20)] + [packer.flush()])


def _bomb_png() -> bytes:
    head = struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 0)
    parts = (chunk(b"IHDR", head), chunk(b"IDAT", bomb(64 << 20)), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def _bomb_pdf() -> bytes:
    packed = bomb(208 << 20)
    return pdf(b"<</Filter/FlateDecode/Length %d>>\nstream\n%b\nendstream" % (len(packed), packed))


def hostile() -> dict[str, tuple[bytes, str]]:
    """Name of the file as sent → (its bytes, the reason against it)."""
    svg = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)">' + SCRIPT + b"</svg>"
    zipped = b"PK\x03\x04" + bytes(26) + b"../../etc/passwd" + b"PK\x05\x06" + bytes(18)
    huge = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)
    run = b"<</S/%b/JS(app.alert(1))>>"
    return {
        "empty.pdf": (b"", "paper_missing"),
        "script.svg": (svg, "paper_kind_unknown"),
        "script.png": (svg, "paper_kind_unknown"),
        "page.html": (b"<!DOCTYPE html>" + SCRIPT, "paper_kind_unknown"),
        "page.jpg": (b"<html>" + SCRIPT, "paper_kind_unknown"),
        "eicar.pdf": (EICAR, "paper_active"),
        "eicar-inside.pdf": (pdf(b"(" + EICAR + b")"), "paper_active"),
        "program.pdf": (b"MZ" + bytes(200), "paper_kind_unknown"),
        "script.sh.png": (b"#!/bin/sh\nrm -rf /\n", "paper_kind_unknown"),
        "slip.zip": (zipped, "paper_kind_unknown"),
        "book.xlsx": (zipped, "paper_kind_unknown"),
        "bomb.gz": (b"\x1f\x8b" + bomb(8 << 20), "paper_kind_unknown"),
        "photo.heic": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "paper_heic"),
        "animated.gif": (b"GIF89a" + SCRIPT, "paper_kind_unknown"),
        "old.bmp": (b"BM" + bytes(60), "paper_kind_unknown"),
        "scan.tiff": (b"II*\0\x08\0\0\0" + SCRIPT, "paper_kind_unknown"),
        "photo.webp": (b"RIFF\x40\0\0\0WEBPVP8 " + SCRIPT, "paper_kind_unknown"),
        "letter.doc": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(60), "paper_kind_unknown"),
        "letter.rtf": (rb"{\rtf1{\object\objautlink}}", "paper_kind_unknown"),
        "shortcut.lnk": (b"L\0\0\0\x01\x14\x02\0" + bytes(60), "paper_kind_unknown"),
        "leading.pdf": (SCRIPT + pdf(), "paper_kind_unknown"),
        "50k.png": (
            b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", huge) + chunk(b"IDAT", bomb(1 << 20)) + chunk(b"IEND", b""),
            "paper_too_many_pixels",
        ),
        "50k.jpg": (jpeg(50_000, 50_000), "paper_too_many_pixels"),
        "bomb.png": (_bomb_png(), "paper_too_packed"),
        "bomb.pdf": (_bomb_pdf(), "paper_too_packed"),
        "bomb-in-bomb.pdf": (pdf(stream(bomb(1 << 20), b"/Filter[/FlateDecode/FlateDecode]")), "paper_too_packed"),
        "short.png": (png()[:-20], "paper_broken"),
        "false-sum.png": (png()[:-1] + b"\0", "paper_broken"),
        "less-than-said.png": (png(64, 64, picture=b"\0" * 10), "paper_broken"),
        "two-heads.png": (png(extra=chunk(b"IHDR", bytes(13))), "paper_broken"),
        "no-size.png": (png(0, 8), "paper_broken"),
        "short.jpg": (jpeg()[:40], "paper_broken"),
        "no-end.jpg": (jpeg()[:-2], "paper_broken"),
        "head-alone.jpg": (b"\xff\xd8\xff\xe0", "paper_broken"),
        "no-frame.jpg": (b"\xff\xd8" + segment(0xDA, b"\1\1\0\0\x3f\0") + b"\x3f\xff\xd9", "paper_broken"),
        "arithmetic.jpg": (jpeg().replace(b"\xff\xc0", b"\xff\xc9"), "paper_broken"),
        "runs.pdf": (pdf(run % b"JavaScript"), "paper_active"),
        "runs-hidden-name.pdf": (pdf((run % b"J#61vaScript").replace(b"/JS", b"/#4aS")), "paper_active"),
        "runs-in-objects.pdf": (pdf(stream(b"1 0 <</S/JavaScript/JS(x)>>", b"/Type/ObjStm")), "paper_active"),
        "runs-at-opening.pdf": (pdf(b"<</OpenAction<</S/JavaScript/JS(x)>>>>"), "paper_active"),
        "launches.pdf": (pdf(b"<</S/Launch/F(cmd.exe)>>"), "paper_active"),
        "holds-a-file.pdf": (pdf(b"<</Type/EmbeddedFile>>"), "paper_active"),
        "form.pdf": (pdf(b"<</XFA 9 0 R>>"), "paper_active"),
        "zip-inside.pdf": (pdf(b"(" + zipped + b")"), "paper_active"),
        "page-inside.pdf": (pdf(b"(" + SCRIPT + b")"), "paper_active"),
        "locked.pdf": (pdf(b"<</Encrypt 8 0 R>>"), "paper_locked"),
        "no-end.pdf": (b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\n", "paper_broken"),
        "nothing.pdf": (b"%PDF-1.4\n%%EOF", "paper_broken"),
    }


def disguised() -> dict[str, bytes]:
    """Good pictures and pages with something hidden: taken, and the hidden part is gone."""
    return {
        "place.jpg": jpeg(extra=exif()),
        "comment.jpg": jpeg(extra=segment(0xFE, SCRIPT)),
        "profile.jpg": jpeg(extra=segment(0xE2, b"ICC_PROFILE\0" + SCRIPT)),
        "video-behind.jpg": jpeg(tail=b"\0\0\0\x18ftypmp42" + SCRIPT),
        "zip-behind.jpg": jpeg(tail=b"PK\x03\x04" + EXIF_PLACE),
        "text.png": png(extra=chunk(b"tEXt", b"Comment\0" + SCRIPT)),
        "place.png": png(extra=chunk(b"eXIf", EXIF_PLACE)),
        "frames.png": png(extra=chunk(b"acTL", b"\0\0\0\2" + SCRIPT)),
        "page-behind.png": png(tail=SCRIPT),
        "behind-picture.png": png(picture=b"\0" + b"\x80" * 8 + (b"\0" + b"\x80" * 8) * 7, tail=b"PK\x03\x04" + SCRIPT),
        "page-behind.pdf": pdf(tail=SCRIPT),
        "zip-behind.pdf": pdf(tail=b"PK\x03\x04" + EXIF_PLACE),
    }
