"""Papers and the scanner: nobody but the sender opens one before it was scanned, nobody one in which harm was found."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import IntegrityError, transaction
from django.test import Client

from qosymsha.domain.admission.models import Application
from qosymsha.domain.documents import commands, queries
from qosymsha.domain.documents.models import Document
from qosymsha.domain.documents.states import Scan, Topic
from qosymsha.domain.intake.models import CategoryCase
from qosymsha.domain.messages.topics import HEARD
from qosymsha.domain.messages.whom import concerned
from qosymsha.domain.people.models import Guardian, Guardianship
from qosymsha.domain.people.states import Role
from qosymsha.integrations.scanning import fake_clamd
from qosymsha.integrations.scanning.fake_clamd import FakeClamd, Mode
from qosymsha.interfaces.cli import doctor, doctor_scanner
from qosymsha.interfaces.jobs import scanning
from qosymsha.interfaces.ui import texts
from qosymsha.kernel import clock
from qosymsha.kernel.actor import Actor, Grant
from qosymsha.kernel.errors import Forbidden
from qosymsha.kernel.models import AuditEvent, Outbox
from tests.factories import uploads
from tests.factories.admission import INSIDE
from tests.interfaces import browsing
from tests.interfaces.test_categories import Door, said

pytestmark = pytest.mark.django_db
HARM = b"harm that the house does not know"
CLAMD = "qosymsha.integrations.scanning.clamd:Clamd"


@pytest.fixture
def clamd(settings: LazySettings, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeClamd]:
    """A scanner at work for this installation."""
    with fake_clamd.serving() as found:
        found.knows[HARM] = "Pdf.Harm-1"
        monkeypatch.setenv("QOSYMSHA_CLAMD", found.address)
        settings.ADAPTERS = settings.ADAPTERS | {"scanner": CLAMD}
        yield found


@pytest.fixture
def door(clamd: FakeClamd) -> Door:
    return Door()


def addresses(door: Door) -> tuple[str, str]:
    """The paper's address for its family, and for the officer."""
    paper, case = Document.objects.latest("id"), CategoryCase.objects.get()
    return f"/en/family/papers/{paper.uuid}/", f"/en/office/applications/{case.uuid}/papers/{paper.uuid}/"


def test_until_it_is_scanned_only_its_sender_opens_a_paper(door: Door) -> None:
    assert door.name(uploads.pdf()).status_code == 302
    door.file()
    assert Application.objects.count() == 1, "filing does not wait for the scanner"
    own, office = addresses(door)
    assert door.family.get(own).status_code == 200
    refused = door.officer.get(office)
    assert refused.status_code == 409
    assert texts.refusal("en", "paper_not_scanned") in said(refused)
    page = f"/en/office/applications/{CategoryCase.objects.get().uuid}/"
    assert texts.say("en", "paper.waits") in said(door.officer.get(page))
    assert door.decide("certify", first="2026-02-05", last="2026-12-31").status_code == 422, (
        "unread it certifies nothing"
    )
    assert CategoryCase.objects.get().state == "open"
    scanning.scan_papers(INSIDE)
    assert door.officer.get(office).status_code == 200
    assert texts.say("en", "paper.waits") not in said(door.officer.get(page))
    assert door.decide("certify", first="2026-02-05", last="2026-12-31").status_code == 302


def test_the_control_without_a_scanner_a_paper_opens_as_it_came(door: Door, settings: LazySettings) -> None:
    settings.ADAPTERS = settings.ADAPTERS | {"scanner": ""}
    door.name(uploads.pdf())
    door.file()
    assert [door.officer.get(addresses(door)[1]).status_code, door.family.get(addresses(door)[0]).status_code] == [
        200
    ] * 2
    scanning.scan_papers(INSIDE)
    assert Document.objects.get().scan == Scan.WAITING


def test_a_paper_with_harm_in_it_is_closed_to_all_and_its_sender_is_told(door: Door, clamd: FakeClamd) -> None:
    door.name(uploads.pdf(b"<</Note(" + HARM + b")>>"))
    door.file()
    scanning.scan_papers(INSIDE)
    paper = Document.objects.get()
    assert paper.scan == Scan.SEALED
    for who, address in zip((door.family, door.officer), addresses(door), strict=True):
        refused = who.get(address)
        assert refused.status_code == 409
        assert texts.refusal("en", "paper_sealed") in said(refused)
    case = CategoryCase.objects.get()
    assert texts.say("en", "paper.sealed_do") in said(door.family.get(f"{door.categories}{case.uuid}/"))
    event = AuditEvent.objects.get(action="scan_documents")
    assert (event.subject_ids, event.detail) == ([paper.pk], {"scan": "sealed", "found": "Pdf.Harm-1"})
    news = Outbox.objects.get(topic=Topic.PAPER_SEALED)
    family, club = HEARD[Topic.PAPER_SEALED]
    assert [one.child_id for one in concerned(family, [news.subject_id], INSIDE.date())] == [door.child_id]
    assert concerned(club, [news.subject_id], INSIDE.date()) == []
    door.family.post(f"{door.categories}{case.uuid}/", {})
    assert door.decide("certify", first="2026-02-05", last="2026-12-31").status_code == 422
    scanning.scan_papers(INSIDE)
    assert AuditEvent.objects.filter(action="scan_documents").count() == 1, "looked at once"


@pytest.mark.parametrize("mode", [one for one in Mode if one not in (Mode.ANSWERS, Mode.SILENT, Mode.DRIPS)])
def test_a_scanner_that_lies_clears_nothing_and_filing_goes_on(door: Door, clamd: FakeClamd, mode: Mode) -> None:
    clamd.mode = mode
    assert door.name(uploads.pdf()).status_code == 302
    scanning.scan_papers(INSIDE)
    assert Document.objects.get().scan == Scan.WAITING
    door.file()
    assert door.officer.get(addresses(door)[1]).status_code == 409
    clamd.mode = Mode.ANSWERS
    scanning.scan_papers(INSIDE)
    assert Document.objects.get().scan == Scan.CLEAN
    assert door.officer.get(addresses(door)[1]).status_code == 200


def test_one_paper_without_a_word_does_not_hold_the_others(door: Door, clamd: FakeClamd) -> None:
    door.name(uploads.pdf())
    first = Document.objects.get()
    Document.objects.filter(pk=first.pk).update(scan_tries=2)
    for _ in range(2):
        Document.objects.create(
            **{f: getattr(first, f) for f in ("purpose", "subject_kind", "subject_id", "media_type", "size", "sha256")},
            uploaded_by=1, uploaded_at=INSIDE, keep_until=INSIDE.date(),
        )  # fmt: skip
    waiting = queries.waiting_documents(10)
    assert waiting[-1] == first.pk
    assert len(waiting) == 3
    commands.count_try(actor=scanning.ACTOR, document_id=first.pk)
    assert queries.to_scan().stubborn == 1
    scanning.scan_papers(INSIDE)
    assert Document.objects.get(pk=first.pk).scan == Scan.CLEAN


def test_only_the_clock_keeps_a_scanners_word_and_no_other_word_is_kept(door: Door) -> None:
    door.name(uploads.pdf())
    paper = Document.objects.get()
    checker = Actor(9, "user:9", (Grant(Role.CHECKER),))
    with pytest.raises(Forbidden):
        commands.record_scan(actor=checker, document_id=paper.pk, found="", at=INSIDE)
    with pytest.raises(Forbidden):
        queries.content_to_scan(actor=checker, document_id=paper.pk)
    with pytest.raises(IntegrityError), transaction.atomic():
        Document.objects.update(scan="fine")
    assert commands.record_scan(actor=scanning.ACTOR, document_id=paper.pk, found="x", at=INSIDE) is Scan.SEALED
    assert commands.record_scan(actor=scanning.ACTOR, document_id=paper.pk, found="", at=INSIDE) is None
    assert Document.objects.get().scan == Scan.SEALED


def test_the_other_guardian_of_the_child_waits_too(door: Door) -> None:
    door.name(uploads.pdf())
    other = Guardian.objects.create(territory=door.city.territory, created_at=INSIDE)
    valid = Guardianship.objects.get(child_id=door.child_id).valid
    Guardianship.objects.create(guardian=other, child_id=door.child_id, valid=valid, kind="parent")
    client = Client()
    browsing.come_in(client, browsing.guardian_user(other.pk), strong=True)
    own, _ = addresses(door)
    assert client.get(own).status_code == 409
    assert door.family.get(own).status_code == 200
    scanning.scan_papers(INSIDE)
    assert client.get(own).status_code == 200


def test_doctor_knows_a_missing_a_silent_a_blind_and_a_late_scanner(
    door: Door, clamd: FakeClamd, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.PRODUCTION = True
    door.name(uploads.pdf())
    assert doctor_scanner.scanner_line()[1] is True
    Document.objects.update(uploaded_at=clock.read() - timedelta(hours=1))
    assert doctor_scanner.scanner_line()[1:3] == (False, doctor_scanner.scanner_line()[2])
    assert "1 papers wait" in doctor_scanner.scanner_line()[2]
    for mode, words in ((Mode.BLIND, "no signatures"), (Mode.GARBAGE, "no word")):
        clamd.mode = mode
        assert doctor_scanner.scanner_line()[1] is False
        assert words in doctor_scanner.scanner_line()[2]
    monkeypatch.setenv("QOSYMSHA_CLAMD", "elsewhere:1")
    assert "QOSYMSHA_CLAMD" in doctor_scanner.scanner_line()[2]
    settings.ADAPTERS = settings.ADAPTERS | {"scanner": ""}
    assert doctor_scanner.scanner_line()[1] is False
    assert "QOSYMSHA_SCANNER" not in {one.name for one in doctor._mode()}, "told once"
    settings.PRODUCTION = False
    assert doctor_scanner.scanner_line()[1] is True
