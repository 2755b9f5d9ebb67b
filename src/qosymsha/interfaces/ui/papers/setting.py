"""Setting a paper in type: a template of this folder, its words and values as JSON, the standards it keeps."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from importlib import import_module
from importlib.resources import files
from typing import Any


def compiled(template: str, paper: dict[str, Any], at: datetime, standards: Sequence[str] = ("ua-1",)) -> bytes:
    """The PDF; the same paper and instant give the same bytes."""
    # Typst is 50 MB of compiled code: only who prints a paper loads it.
    typst: Any = import_module("typst")
    pdf = typst.compile(
        (files("qosymsha.interfaces.ui.papers") / template).read_bytes(),
        format="pdf",
        pdf_standards=list(standards),
        sys_inputs={"paper": json.dumps(paper, ensure_ascii=False)},
        ignore_system_fonts=True,
        timestamp=int(at.timestamp()),
    )
    assert isinstance(pdf, bytes)
    return pdf
