"""Uploaded files: the kind by content, hidden parts gone, hostile ones refused, nothing unpacked into memory."""

from __future__ import annotations

import tracemalloc
import zlib
from collections.abc import Callable

import pytest
import typst

from qosymsha.domain.documents.rules import Limits, MediaType, Unfit, cleaned, fingerprint
from qosymsha.domain.documents.rules.jpeg import _way_up
from tests.factories import uploads

LIMITS = Limits()
HOSTILE = uploads.hostile()
DISGUISED = uploads.disguised()


def refused(content: bytes, limits: Limits = LIMITS) -> str:
    with pytest.raises(Unfit) as unfit:
        cleaned(content, limits)
    return unfit.value.reason.value


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_with_its_reason(name: str) -> None:
    content, reason = HOSTILE[name]
    assert refused(content) == reason


@pytest.mark.parametrize("name", DISGUISED)
def test_what_is_hidden_in_or_behind_a_good_file_is_not_kept(name: str) -> None:
    kept = cleaned(DISGUISED[name], LIMITS).content
    for hidden in (uploads.SCRIPT, uploads.EXIF_PLACE, b"PK\x03\x04", b"ftyp"):
        assert hidden not in kept
    assert any(hidden in DISGUISED[name] for hidden in (uploads.SCRIPT, uploads.EXIF_PLACE)), "the file hid something"


@pytest.mark.parametrize(
    ("content", "media"),
    [(uploads.pdf(), MediaType.PDF), (uploads.jpeg(), MediaType.JPEG), (uploads.png(), MediaType.PNG)],
)
def test_the_bytes_say_the_kind_whatever_the_name_says(content: bytes, media: MediaType) -> None:
    paper = cleaned(content, LIMITS)
    assert paper.media_type is media
    assert cleaned(paper.content, LIMITS) == paper, "what was written anew is read the same"


@pytest.mark.parametrize("name", [n for n in DISGUISED if not n.endswith("pdf")])
def test_a_cleaned_picture_still_opens(name: str) -> None:
    picture = cleaned(DISGUISED[name], LIMITS).content
    source = f"#set page(width: 20pt, height: 20pt)\n#image(bytes(({','.join(map(str, picture))})))"
    assert typst.compile(source.encode()).startswith(b"%PDF")


@pytest.mark.parametrize("way_up", [1, 3, 6, 8])
def test_a_photo_stays_the_right_way_up(way_up: int) -> None:
    kept = cleaned(uploads.jpeg(extra=uploads.exif(way_up)), LIMITS).content
    found = kept.find(b"Exif\0\0")
    assert (found > 0) is (way_up != 1)
    assert _way_up(kept[found + 6 :] if found > 0 else b"") == way_up


def test_size_and_pixels_are_the_installations_own() -> None:
    assert refused(uploads.png(), Limits(most_bytes=20)) == "paper_too_large"
    assert refused(uploads.png(9, 8), Limits(most_pixels=64)) == "paper_too_many_pixels"
    assert cleaned(uploads.png(8, 8), Limits(most_pixels=64)).media_type is MediaType.PNG


def held(work: Callable[[], object]) -> int:
    """The most bytes that Python held at once for this work."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_file_that_unpacks_without_end_never_fills_the_memory() -> None:
    for name in ("bomb.png", "bomb.pdf"):
        assert held(lambda name=name: refused(HOSTILE[name][0])) < 50_000_000  # type: ignore[misc]
        assert refused(HOSTILE[name][0]) == "paper_too_packed"
    control = held(lambda: zlib.decompress(uploads.bomb(208 << 20)))
    assert control > 200_000_000, "the control: unpacked as it asks to be"


def test_a_file_is_known_by_its_sum() -> None:
    assert fingerprint(b"a") != fingerprint(b"b")
    assert len(fingerprint(b"")) == 64
