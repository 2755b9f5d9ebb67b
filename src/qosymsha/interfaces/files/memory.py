"""A file that came with a request: read like one on the disk, never written there."""

from __future__ import annotations

from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import IO, Any


class Held:
    """Bytes that readers open as often as they open a path."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def open(
        self, mode: str = "r", *, encoding: str | None = None, errors: str | None = None, newline: str | None = None
    ) -> IO[Any]:
        """The bytes from the first on (`rb`), or their text."""
        raw = BytesIO(self._content)
        return raw if "b" in mode else TextIOWrapper(raw, encoding=encoding, errors=errors, newline=newline)


Source = Path | Held
