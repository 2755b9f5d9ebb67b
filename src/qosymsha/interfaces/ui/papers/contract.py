"""The contract of a family with a provider as PDF (PDF/UA-1): Kazakh, then Russian; what was signed is attached."""

from __future__ import annotations

from typing import Any

from qosymsha.domain.agreements import texts as wording
from qosymsha.domain.agreements.queries import ContractPaper, SignatureOf
from qosymsha.domain.agreements.states import Side
from qosymsha.interfaces.ui import texts
from qosymsha.interfaces.ui.papers.setting import compiled
from qosymsha.interfaces.ui.templatetags.words import moment

_DOCUMENT = "contract.json"


def contract_pdf(paper: ContractPaper) -> bytes:
    """The paper; the same contract with the same signatures gives the same bytes."""
    return compiled("contract.typ", _words(paper), paper.shown.drawn_at)


def _words(paper: ContractPaper) -> dict[str, Any]:
    return {
        "number": paper.shown.number,
        "title": wording.title(paper.template, "kk"),
        "parts": [_part(paper, language) for language in wording.LANGUAGES],
        "hash": paper.hash.hex(),
        "file": {"name": _DOCUMENT, "content": list(paper.document)},
    }


def _part(paper: ContractPaper, language: str) -> dict[str, Any]:
    def say(key: str, **values: object) -> str:
        return texts.say(language, key, **values)

    content = paper.content
    house = content["provider"]
    return {
        "language": language,
        "title": wording.title(paper.template, language),
        "facts": [
            (say("agr.number"), paper.shown.number),
            (say("agr.drawn_on"), _day(content["drawn_on"])),
            (
                say("agr.provider"),
                f"{house['name']}, {say('act.bin')} {house['bin']}" if house["bin"] else house["name"],
            ),
            (say("agr.guardian"), paper.guardian or "—"),
            (say("agr.child"), paper.shown.name or "—"),
        ],
        "articles": [(one.heading, one.paragraphs) for one in wording.articles(paper.template, language, content)],
        "signatures_title": say("agr.signatures"),
        "signatures": [(say(f"agr.side.{side.value}"), _signed(paper, side, say)) for side in Side],
        "check": say("agr.check", file=_DOCUMENT, template=paper.template),
    }


def _signed(paper: ContractPaper, side: Side, say: Any) -> str:
    found: SignatureOf | None = next((one for one in paper.signatures if one.side == side), None)
    if found is None:
        return str(say("act.not_yet"))
    return str(say("agr.signed_how", at=moment(found.at), way=say(f"agr.way.{found.way}")))


def _day(text: str) -> str:
    return ".".join(reversed(text.split("-")))
