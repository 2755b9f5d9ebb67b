"""T20: signature containers that must not be believed, each refused for its own reason; the control believes them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from asn1crypto import cms as asn1
from asn1crypto import core
from lxml import etree

from qosymsha.domain.settlement.ports import SignatureFault as Fault
from qosymsha.domain.settlement.ports import Writer
from qosymsha.integrations.signing import cms, demo
from qosymsha.integrations.signing.demo import DemoSigning
from qosymsha.integrations.treasury import messages
from qosymsha.kernel.errors import Refused
from tests.factories.papers import iin

AT = datetime(2026, 2, 10, 5, tzinfo=UTC)
WRITER, OTHER = Writer(iin(1), "010140000008", "One"), Writer(iin(2), "010140000008", "Two")
DOCUMENT, ANOTHER = b'{"sum":12500}', b'{"sum":99999}'


def good(document: bytes = DOCUMENT, writer: Writer = WRITER) -> bytes:
    return DemoSigning().sign(document, writer, AT)


def changed(change: Callable[[Any], None], signature: bytes = b"") -> bytes:
    """A container with something in its inside changed, well-formed all the same."""
    outer = asn1.ContentInfo.load(signature or good())
    content = outer["content"]
    change(content)
    return bytes(asn1.ContentInfo({"content_type": "signed_data", "content": content}).dump(force=True))


def _attach(content: Any) -> None:
    """Signed ≠ stored: another document is carried inside."""
    content["encap_content_info"]["content"] = core.OctetString(ANOTHER)


def _second(content: Any) -> None:
    """Wrapping: a second signer beside the good one."""
    other = asn1.ContentInfo.load(good(writer=OTHER))["content"]["signer_infos"][0]
    content["signer_infos"] = asn1.SignerInfos([content["signer_infos"][0], other])


def _none(content: Any) -> None:
    content["signer_infos"] = asn1.SignerInfos([])


def _weak(content: Any) -> None:
    content["signer_infos"][0]["digest_algorithm"] = {"algorithm": "sha1"}


def _others_certificate(content: Any) -> None:
    """The good signature under another person's certificate, renamed to fit."""
    held = asn1.ContentInfo.load(good(writer=OTHER))["content"]["certificates"][0]
    content["certificates"] = asn1.CertificateSet([held])
    content["signer_infos"][0]["sid"] = asn1.SignerIdentifier(
        "issuer_and_serial_number",
        {"issuer": held.chosen.issuer, "serial_number": held.chosen.serial_number},
    )


def _no_certificate(content: Any) -> None:
    content["certificates"] = asn1.CertificateSet([])


def _bare(content: Any) -> None:
    """Without signed attributes a signature proves too little."""
    content["signer_infos"][0]["signed_attrs"] = None


def _other_mark(content: Any) -> None:
    other = asn1.ContentInfo.load(good(writer=OTHER))["content"]["signer_infos"][0]
    content["signer_infos"][0]["signature"] = other["signature"].native


def _own_authority() -> bytes:
    return DemoSigning(b"another installation").sign(DOCUMENT, WRITER, AT)


def _as_the_authority() -> bytes:
    """Signed with the authority's own key: a certificate that is not for signing papers."""
    service = DemoSigning()
    return cms.write(DOCUMENT, service._key, service.authority, AT)


BAD: dict[str, tuple[Callable[[], bytes], datetime, Fault]] = {
    "of another document": (lambda: good(ANOTHER), AT, Fault.OTHER_DOCUMENT),
    "another document inside": (lambda: changed(_attach), AT, Fault.OTHER_DOCUMENT),
    "two signers": (lambda: changed(_second), AT, Fault.SEVERAL_SIGNERS),
    "nobody signed": (lambda: changed(_none), AT, Fault.SEVERAL_SIGNERS),
    "a weak sum": (lambda: changed(_weak), AT, Fault.WEAK),
    "another person's certificate": (lambda: changed(_others_certificate), AT, Fault.BROKEN),
    "no certificate": (lambda: changed(_no_certificate), AT, Fault.UNREADABLE),
    "no attributes": (lambda: changed(_bare), AT, Fault.UNREADABLE),
    "another's mark": (lambda: changed(_other_mark), AT, Fault.BROKEN),
    "another authority": (_own_authority, AT, Fault.UNTRUSTED),
    "out of its days": (good, AT + timedelta(days=400), Fault.EXPIRED),
    "not a signer's certificate": (_as_the_authority, AT, Fault.NOT_FOR_SIGNING),
    "cut short": (lambda: good()[:-20], AT, Fault.UNREADABLE),
    "something behind it": (lambda: good() + b"\0", AT, Fault.UNREADABLE),
    "too long": (lambda: good() + bytes(cms.MOST_BYTES), AT, Fault.UNREADABLE),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_container_is_refused_for_its_own_reason(name: str) -> None:
    made, at, reason = BAD[name]
    with pytest.raises(Refused) as refused:
        DemoSigning().verify(DOCUMENT, made(), at)
    assert refused.value.reason is reason


# What is switched off, and the containers that are believed then.
CONTROLS: dict[str, tuple[str, ...]] = {
    "_check_key": ("another's mark",),
    "_check_named": (),
    "_check_key _check_named": ("another person's certificate",),
}


@pytest.mark.parametrize("switched_off", CONTROLS)
def test_control_without_the_check_the_container_is_believed(
    switched_off: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in switched_off.split():
        monkeypatch.setattr(cms, name, lambda *_: None)
    believed = []
    for name, (made, at, _) in BAD.items():
        try:
            DemoSigning().verify(DOCUMENT, made(), at)
            believed.append(name)
        except Refused:
            pass
    assert set(CONTROLS[switched_off]) <= set(believed)


def test_control_where_every_authority_is_known_and_every_key_signs_both_are_believed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(demo, "_is_for_signing", lambda _: True)
    assert DemoSigning().verify(DOCUMENT, _as_the_authority(), AT)
    mine = DemoSigning(b"another installation")
    assert mine.verify(DOCUMENT, _own_authority(), AT), "an authority of one's own believes itself"


_LAUGHS = "".join(f"<!ENTITY {chr(98 + n)} '{f'&{chr(97 + n)};' * 10}'>" for n in range(9))
XXE = (
    b'<!DOCTYPE d [<!ENTITY a SYSTEM "file:///etc/hostname">]><Document>&a;</Document>',
    b'<!DOCTYPE d SYSTEM "http://127.0.0.1:9/x.dtd"><Document/>',
    f"<!DOCTYPE d [<!ENTITY a 'aaaaaaaaaa'>{_LAUGHS}]><Document>&j;</Document>".encode(),
)


@pytest.mark.parametrize("document", XXE)
def test_no_document_type_is_read_in_a_treasurys_message(document: bytes) -> None:
    with pytest.raises(messages.UnreadableMessage, match="document type|not XML"):
        messages.read_replies(document)


def test_control_a_parser_that_reads_document_types_tells_a_file_of_this_machine(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("a secret")
    document = XXE[0].replace(b"/etc/hostname", str(tmp_path / "secret").encode())
    parser = etree.XMLParser(resolve_entities=True, load_dtd=True)
    assert etree.fromstring(document, parser).text == "a secret"
