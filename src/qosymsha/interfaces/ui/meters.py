"""Counters of a page server's process, in a small file of its own that `qosymsha metrics` adds up; nobody is named.

A file holds whole numbers of eight bytes in the order of `NAMES`; adding one is a store into mapped memory: no lock of
the system, no write, no network. A process that ends takes its numbers along, as counters may.
"""

from __future__ import annotations

import mmap
import os
import struct
import threading
from collections.abc import Mapping
from pathlib import Path

from django.conf import settings

DOORS = ("public", "signin", "family", "provider", "office", "static", "health")
CLASSES = ("2xx", "3xx", "4xx", "5xx", "503")
BOUNDS_MS = (5, 10, 25, 50, 100, 250, 500, 1000, 2500, 10_000)
SHED, MILLISECONDS = "shed", "milliseconds"
NAMES = (
    *(f"requests/{door}/{one}" for door in DOORS for one in CLASSES),
    *(f"took/{bound}" for bound in (*BOUNDS_MS, "more")),
    MILLISECONDS,
    SHED,
    *(f"duties/{ended}" for ended in ("done", "failed")),
)
_PLACE = {name: n * 8 for n, name in enumerate(NAMES)}
_lock = threading.Lock()
_mapped: tuple[int, mmap.mmap | bytearray] | None = None  # of which process, its numbers


def count_request(door: str, status: int, seconds: float) -> None:
    """One answer more; `seconds` it took, without waiting in the line."""
    milliseconds = seconds * 1000
    bound = next((str(one) for one in BOUNDS_MS if milliseconds <= one), "more")
    kind = "503" if status == 503 else f"{min(max(status // 100, 2), 5)}xx"
    _add({f"requests/{door}/{kind}": 1, f"took/{bound}": 1, MILLISECONDS: round(milliseconds)})


def count_shed() -> None:
    """One request sent away by the line."""
    _add({SHED: 1})


def count_duty(ended: str) -> None:
    """One duty of the clock: `done` or `failed`."""
    _add({f"duties/{ended}": 1})


def totals(folder: Path | None = None) -> dict[str, int]:
    """The sums over all processes that live; files of the others are removed."""
    where = folder or _folder()
    found = dict.fromkeys(NAMES, 0)
    for path in sorted(where.glob("*.meter")) if where else []:
        if not _lives(path):
            path.unlink(missing_ok=True)
            continue
        content = path.read_bytes()
        if len(content) == 8 * len(NAMES):  # of another version: not ours to read
            for name, value in zip(NAMES, struct.unpack(f"<{len(NAMES)}Q", content), strict=True):
                found[name] += value
    return found


def _add(more: Mapping[str, int]) -> None:
    with _lock:
        numbers = _numbers()
        for name, by in more.items():
            place = _PLACE[name]
            (value,) = struct.unpack_from("<Q", numbers, place)
            struct.pack_into("<Q", numbers, place, value + by)


def _numbers() -> mmap.mmap | bytearray:
    """This process's numbers; in its own memory alone where no folder is given or can be written."""
    global _mapped
    if _mapped is None or _mapped[0] != os.getpid():
        _mapped = os.getpid(), _map()
    return _mapped[1]


def _map() -> mmap.mmap | bytearray:
    folder, size = _folder(), 8 * len(NAMES)
    if folder is None:
        return bytearray(size)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(folder / f"{os.getpid()}.meter", "w+b") as file:
            file.truncate(size)
            return mmap.mmap(file.fileno(), size)
    except OSError:
        return bytearray(size)  # a full disk stops no page


def _folder() -> Path | None:
    return Path(settings.METERS) if settings.METERS else None


def _lives(path: Path) -> bool:
    try:
        os.kill(int(path.stem), 0)
    except ProcessLookupError:
        return False
    except (PermissionError, ValueError, OverflowError):
        return True
    return True
