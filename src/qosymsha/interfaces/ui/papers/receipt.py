"""The receipt of an application: a PDF for people (PDF/UA-1), a JSON file for the page that checks it."""

from __future__ import annotations

import io
import json
from importlib import import_module
from importlib.resources import files
from typing import Any

import segno

from qosymsha.domain.admission.queries import Receipt
from qosymsha.interfaces.ui import texts
from qosymsha.interfaces.ui.templatetags.words import moment

FORMAT = "qosymsha receipt 1"


def receipt_json(receipt: Receipt) -> str:
    """The receipt for machines: what the checking page reads when the file is dropped on it."""
    facts = {
        "format": FORMAT,
        "round": receipt.round_number,
        "round_uuid": str(receipt.round_uuid),
        "application": receipt.number,
        "kind": receipt.kind,
        "submitted_at": receipt.submitted_at.isoformat(),
        "ticket": receipt.ticket,
        "line_id": receipt.line_id,
        "line": receipt.line,
        "leaf": receipt.leaf,
    }
    return json.dumps(facts, ensure_ascii=False, indent=1) + "\n"


def receipt_pdf(receipt: Receipt, language: str, address: str = "") -> bytes:
    """The receipt on one page of A4, tagged for screen readers; `address` is where the pages are, empty if unknown.

    The QR code holds the ticket and nothing else: a scanner gives it to the page without any server learning it.
    """
    # Typst is 50 MB of compiled code: only who prints a paper loads it.
    typst: Any = import_module("typst")
    source = (files("qosymsha.interfaces.ui.papers") / "receipt.typ").read_bytes()
    paper = json.dumps(paper_of(receipt, language, address), ensure_ascii=False)
    pdf = typst.compile(
        source,
        format="pdf",
        pdf_standards=["ua-1"],
        sys_inputs={"paper": paper},
        ignore_system_fonts=True,
        timestamp=int(receipt.submitted_at.timestamp()),
    )
    assert isinstance(pdf, bytes)
    return pdf


def spaced(ticket: str) -> str:
    """A ticket in groups of four, as people copy it; blanks are forgiven where it is typed."""
    return " ".join(ticket[at : at + 4] for at in range(0, len(ticket), 4))


def paper_of(receipt: Receipt, language: str, address: str) -> dict[str, Any]:
    """The receipt in words, in their order: for the paper and for the family's page."""
    page = f"{address}/{language}/rounds/{receipt.round_uuid}/check/"
    return {
        "language": language,
        "title": texts.say(language, "receipt.title", number=receipt.number),
        "lead": texts.say(language, "receipt.lead"),
        "facts": [
            (texts.say(language, "round.number"), receipt.round_number),
            (texts.say(language, "receipt.kind"), texts.say(language, f"kind.{receipt.kind}")),
            (texts.say(language, "receipt.submitted"), moment(receipt.submitted_at)),
        ],
        "ticket_name": texts.say(language, "receipt.ticket"),
        "ticket": spaced(receipt.ticket),
        "ticket_note": texts.say(language, "receipt.ticket_note"),
        "qr": _qr(receipt.ticket),
        "qr_alt": texts.say(language, "receipt.qr"),
        "check_title": texts.say(language, "receipt.check"),
        "steps": [
            texts.say(language, "receipt.step.1"),
            texts.say(language, "receipt.step.2", page=page),
            texts.say(language, "receipt.step.3"),
        ],
        "line_title": texts.say(language, "receipt.line"),
        "proof": _proof(receipt, language),
    }


def _proof(receipt: Receipt, language: str) -> list[tuple[str, str]]:
    rows = [(texts.say(language, "receipt.line_id"), receipt.line_id)]
    leaf = receipt.leaf or texts.say(language, "receipt.not_closed")
    return [*rows, (texts.say(language, "receipt.leaf"), leaf)]


def _qr(ticket: str) -> str:
    drawn = io.BytesIO()
    segno.make_qr(ticket, error="m").save(drawn, kind="svg", scale=8, border=4, xmldecl=False, light="white")
    return drawn.getvalue().decode()
