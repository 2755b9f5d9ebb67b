"""Kinds of families in words, as figures tell them: merged groups together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qosymsha.interfaces.ui import texts


def name_of(row: Mapping[str, Any], language: str) -> str:
    """A row of the equity figures in the page's language: `Groups in Kazakh`, `Yesil, Nura`."""
    if "names" in row:
        return str(row["names"][language])
    keys = (f"equity.{row['dimension']}.{group}".removesuffix(".") for group in row["groups"])
    return ", ".join(texts.say(language, key) for key in keys)
