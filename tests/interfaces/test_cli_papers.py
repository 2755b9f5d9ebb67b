"""Papers through the command line: acts drawn, signed, printed; e-invoices; statements; a held reply resolved."""

from __future__ import annotations

import csv
import hashlib
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from django.db import transaction

from qosymsha.domain.settlement.models import Claim, ServiceAct
from qosymsha.integrations.signing.demo import DemoSigning
from qosymsha.interfaces.cli import installation, month, pay
from qosymsha.interfaces.cli.installation import Installation
from qosymsha.interfaces.ui.papers import act as act_paper
from qosymsha.kernel import clock
from tests.factories import settlement
from tests.interfaces.door import Run, run
from tests.interfaces.test_cli_pay import MONTH, Confused

__all__ = ["run"]


def founded(monkeypatch: pytest.MonkeyPatch, **rules: Any) -> settlement.City:
    with transaction.atomic():
        made = settlement.city(**rules)
        settlement.confirmed_month(made, children=3)
    installation._appoint(made.territory.id, clock.read())
    for door in (month, pay):
        monkeypatch.setattr(door, "installation", lambda _: Installation(made.territory.id, made.programme.id))
    return made


def test_papers_go_from_the_claim_to_approval(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    home = founded(monkeypatch, papers={"act_required": True, "einvoice_required": True})
    run("month", "close", MONTH)
    assert run("pay", "approve").status == 1, "no act yet"
    (drawn,) = run("papers", "draw", "--json").json["acts"]
    assert drawn["state"] == "signing"
    assert run("papers", "draw", "--json").json["acts"] == [], "drawn once"
    for side in ("provider", "customer"):
        assert run("papers", "sign", "--side", side, "--json").json == {"signed": 1, "refused": []}
    assert run("papers", "list", "--json").json["acts"][0]["state"] == "awaiting_invoice"
    today = f"{clock.local_day(clock.read())}"
    number = f"ESF-{home.provider.bin}-{today.replace('-', '')}-00000001"
    amount = f"{Claim.objects.get().amount_tiyn / 100:.2f}"
    wrong = run("papers", "einvoice", drawn["number"], "--number", number, "--on", today, "--amount", "1")
    assert (wrong.status, "amount" in wrong.err) == (4, True)
    told = run("papers", "einvoice", drawn["number"], "--number", number, "--on", today, "--amount", amount, "--json")
    assert told.json["acts"][0]["state"] == "checking"
    assert run("papers", "check", drawn["number"], "--accept", "--json").json["acts"][0]["state"] == "done"
    assert run("papers", "verify", drawn["number"]).out.count("no legal force") == 2
    assert run("pay", "approve").status == 0

    pdf, document = tmp_path / "act.pdf", tmp_path / "act.json"
    assert run("papers", "act", drawn["number"], "--out", pdf).status == 0
    run("papers", "act", drawn["number"], "--out", document)
    assert document.read_bytes() == bytes(ServiceAct.objects.get().content)
    first = pdf.read_bytes()
    run("papers", "act", drawn["number"], "--out", pdf)
    assert pdf.read_bytes() == first, "the same bytes each time"


def test_openssl_verifies_what_is_attached_to_the_printed_act(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    founded(monkeypatch)
    run("month", "close", MONTH)
    (drawn,) = run("papers", "draw", "--json").json["acts"]
    for side in ("provider", "customer"):
        run("papers", "sign", "--side", side)
    attached: dict[str, bytes] = {}
    real = act_paper._files

    def seen(act: Any) -> Any:
        files = real(act)
        attached.update({f["name"]: bytes(f["content"]) for f in files})
        return files

    monkeypatch.setattr(act_paper, "_files", seen)
    assert run("papers", "act", drawn["number"], "--out", tmp_path / "a.pdf").status == 0
    assert set(attached) == {"act.json", "provider.p7s", "customer.p7s"}
    content = (tmp_path / "a.pdf").read_bytes()
    assert content.count(b"/Type /EmbeddedFile") + content.count(b"/Type/EmbeddedFile") == 3
    assert b"pdfaid" in content
    assert b"pdfuaid" in content
    (tmp_path / "ca.pem").write_bytes(DemoSigning().authority.public_bytes(Encoding.PEM))
    for name, body in attached.items():
        (tmp_path / name).write_bytes(body)
    for side in ("provider", "customer"):
        command = ["openssl", "cms", "-verify", "-binary", "-inform", "DER", "-in", f"{side}.p7s"]
        command += ["-content", "act.json", "-CAfile", "ca.pem", "-purpose", "any", "-out", "signed"]
        told = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
        assert told.returncode == 0, told.stderr
    assert hashlib.sha256(attached["act.json"]).hexdigest() == ServiceAct.objects.get().hash.hex()


@pytest.mark.parametrize("language", ["kk", "ru", "en", "both"])
def test_an_act_is_printed_in_each_language(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, language: str
) -> None:
    founded(monkeypatch)
    run("month", "close", MONTH)
    (drawn,) = run("papers", "draw", "--json").json["acts"]
    told = run("papers", "act", drawn["number"], "--out", tmp_path / "a.pdf", "--language", language)
    assert told.status == 0
    assert (tmp_path / "a.pdf").read_bytes().startswith(b"%PDF-")


def test_a_brought_signature_of_something_else_is_refused(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    founded(monkeypatch)
    run("month", "close", MONTH)
    (drawn,) = run("papers", "draw", "--json").json["acts"]
    (tmp_path / "junk.p7s").write_bytes(b"junk")
    told = run("papers", "sign", drawn["number"], "--side", "customer", "--signature", tmp_path / "junk.p7s", "--json")
    assert (told.status, told.json["signed"]) == (1, 0)
    assert "CMS" in told.json["refused"][0]
    assert run("papers", "sign", "--side", "customer", "--signature", tmp_path / "junk.p7s").status == 2
    assert run("papers", "act", "S-9", "--out", tmp_path / "x.pdf").status == 4
    assert run("papers", "act", drawn["number"], "--out", tmp_path / "x.txt").status == 2


def test_a_statement_is_a_paper_and_a_safe_table(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    home = founded(monkeypatch)
    run("month", "close", MONTH)
    for name in ("s.pdf", "s.csv", "s.xlsx"):
        told = run("papers", "statement", home.provider.number, "--out", tmp_path / name, "--json")
        assert (told.status, told.json["due_tiyn"]) == (0, Claim.objects.get().amount_tiyn)
    rows = list(csv.DictReader((tmp_path / "s.csv").read_text("utf-8-sig").splitlines()))
    assert [row["kind"] for row in rows] == ["claim"]
    assert rows[0]["waits_for"]
    assert not [v for row in rows for v in row.values() if v[:1] in "=+-@" and v]
    assert run("papers", "statement", "P-0", "--out", tmp_path / "s.pdf").status == 4


def test_a_held_reply_is_listed_and_ended_by_the_payer(
    run: Run, monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Path
) -> None:
    founded(monkeypatch)
    settings.TREASURY_FOLDER = str(tmp_path / "treasury")
    settings.ADAPTERS = {**settings.ADAPTERS, "treasury": f"{Confused.__module__}:Confused"}
    run("month", "close", MONTH)
    for verb in ("approve", "release", "file", "send", "replies"):
        run("pay", verb)
    told = run("pay", "held", "--json")
    (held,) = told.json["held"]
    assert (told.status, held["why"]) == (1, "held_unknown_line")
    assert run("pay", "resolve", held["reference"], "--basis", "x").status == 2
    assert run("pay", "resolve", held["reference"], "--dismiss", "--basis", "letter 1").status == 0
    assert run("pay", "resolve", held["reference"], "--dismiss", "--basis", "letter 1").status == 4
    assert run("pay", "held").status == 0
