"""The act of services as PDF (PDF/A-3a and PDF/UA-1): in Kazakh and Russian side by side, or in one of them.

The signed bytes and both signatures are attached to it: whoever has the paper can check it with any CMS program.
"""

from __future__ import annotations

from typing import Any

from qosymsha.domain.settlement.queries import ActPaper
from qosymsha.domain.settlement.queries.papers import InvoiceShown, SignatureShown
from qosymsha.domain.settlement.states import Side
from qosymsha.interfaces.ui import texts
from qosymsha.interfaces.ui.papers.setting import compiled
from qosymsha.interfaces.ui.templatetags.words import moment
from qosymsha.kernel.money import Money

BOTH = "both"
_DOCUMENT = "act.json"
_CMS = "application/pkcs7-signature"


def act_pdf(act: ActPaper, language: str = BOTH) -> bytes:
    """The paper; the same act with the same signatures gives the same bytes. `language`: kk, ru, en, or both."""
    languages = ("kk", "ru") if language == BOTH else (language,)
    return compiled("act.typ", _paper(act, languages), act.drawn_at, ("a-3a", "ua-1"))


def _paper(act: ActPaper, languages: tuple[str, ...]) -> dict[str, Any]:
    def say(key: str, **values: object) -> str:
        return " / ".join(dict.fromkeys(texts.say(language, key, **values) for language in languages))

    content = act.content
    return {
        "language": languages[0],
        "number": act.number,
        "title": say("act.title", number=act.number),
        "notice": say("act.no_force") if any(not s.is_legal for s in act.signatures) else "",
        "facts": _facts(content, act, say, languages),
        "lines_title": say("act.lines"),
        "columns": [say(f"act.column.{name}") for name in ("month", "children", "lessons", "tariff", "amount")],
        "lines": [_line(line) for line in content["lines"]],
        "total_name": say("act.total"),
        "total": str(Money(content["amount_tiyn"])),
        "words_title": say("act.words"),
        "words": [line for language in languages for line in content["words"].get(language, [])],
        "statement": say("act.statement"),
        "signatures_title": say("act.signatures"),
        "signatures": [[say(f"act.side.{side.value}"), _signature(act, side, say)] for side in Side],
        "invoice": _invoice(act.invoice, say),
        "check_title": say("act.check_title"),
        "check": say("act.check", file=_DOCUMENT),
        "hash": act.hash.hex(),
        "files": _files(act),
    }


def _facts(content: dict[str, Any], act: ActPaper, say: Any, languages: tuple[str, ...]) -> list[tuple[str, str]]:
    programme = [content["programme"].get(language) or content["programme"]["ru"] for language in languages]
    facts = [
        (say("act.drawn"), _day(content["drawn_on"])),
        (say("act.month"), _month(content["month"])),
        (say("act.programme"), " / ".join(dict.fromkeys(programme))),
        (say("act.customer"), _party(content["customer"], say)),
        (say("act.provider"), _party(content["provider"], say)),
        (say("act.contract"), content["contract"]),
        (say("act.claim"), content["claim"]["number"]),
        (say("act.state"), say(f"act.state.{act.state}")),
    ]
    return [*facts, (say("act.reason"), act.reason)] if act.reason else facts


def _party(party: dict[str, str], say: Any) -> str:
    return f"{party['name']}, {say('act.bin')} {party['bin']}" if party["bin"] else party["name"]


def _line(line: dict[str, Any]) -> list[str]:
    return [
        _month(line["month"]),
        texts.grouped(line["children"]),
        texts.grouped(line["units"]),
        str(Money(line["unit_tariff_tiyn"])),
        str(Money(line["amount_tiyn"])),
    ]


def _signature(act: ActPaper, side: Side, say: Any) -> list[tuple[str, str]]:
    found = next((s for s in act.signatures if s.side == side), None)
    if found is None:
        return [(say("act.signed"), say("act.not_yet"))]
    return [
        (say("act.signed"), moment(found.at)),
        (say("act.certificate"), found.certificate),
        (say("act.issuer"), found.issuer),
        (say("act.force"), say("act.force.yes") if found.is_legal else say("act.force.no")),
    ]


def _invoice(invoice: InvoiceShown | None, say: Any) -> list[tuple[str, str]]:
    return [(say("act.invoice"), f"{invoice.number}, {invoice.issued_on:%d.%m.%Y}")] if invoice else []


def _files(act: ActPaper) -> list[dict[str, Any]]:
    """What is attached: the signed bytes, and each side's signature of them."""
    signed = {
        "name": _DOCUMENT, "content": list(act.document), "relationship": "data", "kind": "application/json",
        "says": "What both sides signed",
    }  # fmt: skip
    return [signed, *(_attached(s) for s in act.signatures if s.cms)]


def _attached(signature: SignatureShown) -> dict[str, Any]:
    return {
        "name": f"{signature.side}.p7s", "content": list(signature.cms), "relationship": "supplement", "kind": _CMS,
        "says": f"Detached signature of the {signature.side}",
    }  # fmt: skip


def _month(text: str) -> str:
    year, month = text.split("-")
    return f"{month}.{year}"


def _day(text: str) -> str:
    return ".".join(reversed(text.split("-")))
