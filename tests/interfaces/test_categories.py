"""Drafts, categories with papers, and the officer's desk, as the browser meets them."""

from __future__ import annotations

import re
from datetime import timedelta
from uuid import UUID

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext

from qosymsha.domain.admission.models import Application
from qosymsha.domain.documents.models import Document, DocumentContent
from qosymsha.domain.intake.models import ApplicationDraft, CategoryCase
from qosymsha.domain.people import queries as people
from qosymsha.domain.people.models import Child
from qosymsha.domain.people.states import Role
from qosymsha.domain.witness.states import READ
from qosymsha.interfaces.ui import texts
from qosymsha.kernel import clock
from qosymsha.kernel.models import AuditEvent
from tests.factories import uploads
from tests.factories.admission import CLOSES, INSIDE, City
from tests.interfaces import browsing

pytestmark = pytest.mark.django_db


class Door:
    """A family on its filing pages and an officer at the desk, in one open round."""

    def __init__(self) -> None:
        clock.shift_to(INSIDE)
        self.city = City()
        self.round = self.city.opened()
        self.guardian_id, self.child_id = self.city.families(1)[0]
        self.child: UUID = Child.objects.get(pk=self.child_id).uuid
        self.family, self.officer = Client(), Client()
        self.user = browsing.guardian_user(self.guardian_id)
        browsing.come_in(self.family, self.user, strong=True)
        checker = browsing.official(Role.CHECKER, territory_id=self.city.territory.id)
        browsing.come_in(self.officer, checker, strong=True)

    @property
    def filing(self) -> str:
        return f"/en/family/apply/{self.round.uuid}/"

    @property
    def categories(self) -> str:
        return f"{self.filing}{self.child}/categories/"

    def file(self) -> None:
        form = browsing.form_of(self.family.get(self.filing).content.decode())
        answer = self.family.post(self.filing, form | {"child": self.child, "kind": "sport"})
        assert answer.status_code == 302, answer.content.decode()

    def name(self, content: bytes, name: str = "paper.pdf", category: str = "emergency") -> HttpResponse:
        form = browsing.form_of(self.family.get(self.categories).content.decode())
        paper = SimpleUploadedFile(name, content, content_type="text/html")
        return self.family.post(self.categories, form | {"category": category, "paper": paper})

    def decide(self, verb: str, **fields: object) -> HttpResponse:
        address = f"/en/office/applications/{CategoryCase.objects.get().uuid}/"
        form = browsing.form_of(self.officer.get(address).content.decode(), f"/{verb}/")
        return self.officer.post(f"{address}{verb}/", form | fields)


@pytest.fixture
def door() -> Door:
    return Door()


def said(answer: HttpResponse) -> str:
    return answer.content.decode()


def test_a_family_names_a_category_an_officer_certifies_it_and_both_see_it(door: Door) -> None:
    assert door.name(uploads.jpeg()).status_code == 302
    assert texts.say("en", "case.not_filed") in said(door.family.get(door.categories))
    door.file()
    assert "until 12.02.2026" in said(door.family.get(door.categories)) or "12.02.2026" in said(
        door.family.get(door.categories)
    )
    queue = said(door.officer.get("/en/office/applications/"))
    number = Application.objects.get().number
    assert number in queue
    assert "Emergency" not in queue
    assert "Бала" not in queue
    case = CategoryCase.objects.get()
    page = said(door.officer.get(f"/en/office/applications/{case.uuid}/"))
    assert "Бала" in page
    assert door.decide("certify", first="2026-02-05", last="2026-12-31").status_code == 302
    assert people.statuses([door.child_id], INSIDE.date()) == {door.child_id: frozenset({"emergency"})}
    shown = said(door.family.get(door.categories))
    assert "31.12.2026" in shown
    assert texts.say("en", "category.source.officer") in shown


def test_what_is_posted_to_look_certified_changes_nothing(door: Door) -> None:
    """T1: states, days and sources in a family's own POST; and an officer's address called by the family."""
    door.file()
    form = browsing.form_of(said(door.family.get(door.categories)))
    forged = {"state": "certified", "first": "2026-01-01", "last": "2026-12-31", "source": "registry", "decided_by": 1}
    paper = SimpleUploadedFile("p.pdf", uploads.pdf())
    door.family.post(door.categories, form | forged | {"category": "emergency", "paper": paper})
    case = CategoryCase.objects.get()
    assert case.state == "open"
    certify = f"/en/office/applications/{case.uuid}/certify/"
    assert door.family.post(certify, form | forged).status_code == 403
    assert people.statuses([door.child_id], INSIDE.date()) == {}
    assert door.decide("certify", first="2026-02-05", last="2026-12-31").status_code == 302
    assert people.statuses([door.child_id], INSIDE.date()), "the control: the officer's own word does certify"


@pytest.mark.parametrize("language", texts.LANGUAGES)
def test_hostile_files_are_refused_in_words_at_the_field_and_leave_nothing(door: Door, language: str) -> None:
    address = door.categories.replace("/en/", f"/{language}/")
    form = browsing.form_of(said(door.family.get(address)))
    for name, (content, reason) in uploads.hostile().items():
        if len(content) > 300_000:
            continue
        paper = SimpleUploadedFile(name, content, content_type="image/png")
        answer = door.family.post(address, form | {"category": "emergency", "paper": paper})
        shown = said(answer)
        assert answer.status_code == 422, name
        assert texts.refusal(language, reason) in shown, name
        assert "aria-invalid" in shown
        assert "alert(1)" not in shown
    assert not Document.objects.exists()
    assert not CategoryCase.objects.exists()


def test_a_paper_comes_out_as_a_file_and_never_as_a_page(door: Door) -> None:
    door.name(uploads.png(extra=uploads.chunk(b"tEXt", uploads.SCRIPT)), name="script.svg")
    door.file()
    case, paper = CategoryCase.objects.get(), Document.objects.get()
    before = AuditEvent.objects.filter(action=READ).count()
    for client, address in (
        (door.family, f"/en/family/papers/{paper.uuid}/"),
        (door.officer, f"/en/office/applications/{case.uuid}/papers/{paper.uuid}/"),
    ):
        answer = client.get(address)
        assert answer["Content-Disposition"] == f'attachment; filename="paper-{paper.uuid.hex[:8]}.png"'
        assert (answer["X-Content-Type-Options"], answer["Cache-Control"]) == ("nosniff", "no-store")
        assert answer["Content-Security-Policy"] == "default-src 'none'; sandbox"
        assert answer["Content-Type"] == "image/png"
        assert uploads.SCRIPT not in answer.content
    reads = AuditEvent.objects.filter(action=READ).order_by("-id")[: AuditEvent.objects.count() - before]
    seen = [event for event in reads if "read_category_paper" in event.detail["read"]]
    assert len(seen) == 2
    assert all(event.subject_ids == [door.child_id] for event in seen)


def test_a_file_too_large_is_cut_at_the_door_and_said_at_the_field(door: Door, settings: object) -> None:
    settings.DOCUMENT_LIMITS = {"most_bytes": 2_000}  # type: ignore[attr-defined]
    answer = door.name(uploads.png(tail=b"\0" * 3_000))
    assert answer.status_code == 422
    assert texts.refusal("en", "paper_too_large") in said(answer)
    form = browsing.form_of(said(door.family.get(door.categories)))
    far = SimpleUploadedFile("far.png", b"\0" * 200_000)
    assert door.family.post(door.categories, form | {"category": "emergency", "paper": far}).status_code in (400, 422)
    assert door.name(uploads.png()).status_code == 302, "the control: a small one is taken"


def test_categories_stand_behind_a_second_factor(door: Door) -> None:
    weak = browsing.come_in(Client(), door.user)
    for address in (door.categories, f"/en/family/papers/{door.child}/"):
        answer = weak.get(address)
        assert (answer.status_code, "/step-up/" in answer["Location"]) == (302, True)
    case = f"{door.filing}{door.child}/categories/"
    assert weak.post(case, {}).status_code == 302
    assert door.family.get(door.categories).status_code == 200


def test_another_family_and_another_city_find_nothing(door: Door) -> None:
    door.name(uploads.pdf())
    door.file()
    case, paper = CategoryCase.objects.get(), Document.objects.get()
    other_guardian, _ = door.city.families(1)[0]
    stranger = browsing.come_in(Client(), browsing.guardian_user(other_guardian), strong=True)
    unknown = "00000000-0000-4000-8000-000000000007"
    for address in (
        door.categories,
        f"{door.categories}{case.uuid}/",
        f"/en/family/papers/{paper.uuid}/",
        f"/en/family/papers/{unknown}/",
        f"{door.filing}{unknown}/categories/",
    ):
        assert stranger.get(address).status_code == 404, address
    elsewhere = browsing.official(Role.CHECKER, territory_id=City(kato="750000000").territory.id, name="far")
    far = browsing.come_in(Client(), elsewhere, strong=True)
    for address in (
        f"/en/office/applications/{case.uuid}/",
        f"/en/office/applications/{case.uuid}/papers/{paper.uuid}/",
    ):
        assert far.get(address).status_code == 404, address
        assert door.officer.get(address).status_code == 200, "the control"


def test_a_refusal_needs_its_ground_and_the_family_reads_it_in_its_language(door: Door) -> None:
    door.name(uploads.pdf())
    door.file()
    answer = door.decide("refuse", ground="", words="")
    assert answer.status_code == 422
    assert door.decide("refuse", ground="out_of_date", words="The certificate ended in May.").status_code == 302
    for language in texts.LANGUAGES:
        shown = said(door.family.get(door.categories.replace("/en/", f"/{language}/")))
        assert texts.say(language, "ground.out_of_date") in shown
        assert "The certificate ended in May." in shown


def test_after_the_close_the_family_reads_that_it_does_not_count(door: Door) -> None:
    door.name(uploads.pdf())
    door.file()
    clock.shift_to(CLOSES + timedelta(minutes=1))
    browsing.come_in(door.family, door.user, strong=True)
    assert texts.say("en", "case.late") in said(door.family.get(door.categories))


def test_a_draft_survives_the_sign_out_is_gone_on_with_and_filed(door: Door) -> None:
    form = browsing.form_of(said(door.family.get(door.filing)))
    saved = door.family.post(f"{door.filing}save/", form | {"child": door.child})
    draft = ApplicationDraft.objects.get()
    assert saved["Location"] == f"/en/family/drafts/{draft.uuid}/"
    again = browsing.come_in(Client(), door.user)
    assert str(draft.uuid) in said(again.get("/en/family/apply/"))
    page = said(again.get(saved["Location"]))
    assert re.search(r'value="sport"', page)
    sent = browsing.form_of(page) | {"kind": "creative"}
    filed = again.post(door.filing, sent)
    assert filed.status_code == 302
    assert Application.objects.get().kind == "creative"
    assert str(draft.uuid) not in said(again.get("/en/family/apply/"))
    assert again.get(saved["Location"]).status_code == 404


def test_a_draft_is_thrown_away_with_its_papers(door: Door) -> None:
    form = browsing.form_of(said(door.family.get(door.filing)))
    page = door.family.post(f"{door.filing}save/", form | {"child": door.child})["Location"]
    door.name(uploads.pdf())
    drop = browsing.form_of(said(door.family.get(page)), "/drop/")
    assert door.family.post(f"{page}drop/", drop).status_code == 302
    assert (ApplicationDraft.objects.count(), DocumentContent.objects.count()) == (0, 0)


def test_a_draft_without_a_child_is_not_kept_and_nobody_saves_for_another(door: Door) -> None:
    form = browsing.form_of(said(door.family.get(door.filing)))
    assert door.family.post(f"{door.filing}save/", form)["Location"] == door.filing
    _, other = door.city.families(1)[0]
    theirs = Child.objects.get(pk=other).uuid
    assert door.family.post(f"{door.filing}save/", form | {"child": theirs}).status_code == 409
    assert not ApplicationDraft.objects.exists()


def test_the_desk_counts_what_waits(door: Door) -> None:
    door.name(uploads.pdf())
    door.file()
    assert texts.say("en", "office.task.cases", n=1) in said(door.officer.get("/en/office/"))
    with CaptureQueriesContext(connection) as asked:
        door.officer.get("/en/office/applications/")
    assert len(asked) <= 20
