"""A clerk helps a guardian: nothing opens without the guardian's proof, nothing is done without the guardian's word."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from unittest.mock import patch
from uuid import UUID

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client

from qosymsha.domain.admission.models import Application, ApplicationHistory
from qosymsha.domain.assistance import queries
from qosymsha.domain.assistance.models import AssistedAct, AssistedVisit
from qosymsha.domain.attendance.models import SheetRow
from qosymsha.domain.documents.models import DocumentContent
from qosymsha.domain.people.models import Child, SecurityEvent
from qosymsha.domain.people.states import Role
from qosymsha.interfaces.ui import texts
from qosymsha.kernel import clock
from qosymsha.kernel.models import AuditEvent
from tests.factories import uploads
from tests.factories.admission import INSIDE, City
from tests.factories.attendance import OVER
from tests.factories.families import month_sent, own_family
from tests.factories.people import family, guardian_id, number, register
from tests.interfaces import browsing

pytestmark = pytest.mark.django_db
DESK = "/en/office/assist/"


class Point:
    """A consultation point in a city with an open round and one registered family; the clerk's browser."""

    def __init__(self) -> None:
        clock.shift_to(INSIDE)
        self.city = City()
        self.round = self.city.opened()
        self.family = family(1)
        register(self.city.territory.id, [self.family])
        self.iin = self.family.guardian.iin or ""
        self.child: UUID = Child.objects.get().uuid
        self.user = browsing.official(Role.CLERK, territory_id=self.city.territory.id)
        self.clerk = browsing.come_in(Client(), self.user)

    def begin(self, iin: str = "", client: Client | None = None, **fields: object) -> HttpResponse:
        browser = client or self.clerk
        form = browsing.form_of(said(browser.get(DESK)))
        return browser.post(DESK, form | {"iin": iin or self.iin, "point": "", "way": "code"} | fields)

    def code(self, page: str) -> str:
        """The code as a trial shows it in place of the phone."""
        shown = re.search(r'class="code">(\d+)<', said(self.clerk.get(page)))
        assert shown is not None
        return shown[1]

    def proved(self) -> str:
        """The page of a visit that the guardian has proved."""
        page = self.begin()["Location"]
        form = browsing.form_of(said(self.clerk.get(page)))
        assert self.clerk.post(page, form | {"code": self.code(page)}).status_code == 302
        return str(page)

    def ask_word(self, page: str, **chosen: object) -> dict[str, str]:
        """The act's form, with a code for it sent."""
        form = browsing.form_of(said(self.clerk.get(page)))
        visit = page.split("/")[4]
        self.clerk.post(f"{DESK}{visit}/code/", form | chosen)
        return browsing.form_of(said(self.clerk.get(page)))


def said(answer: HttpResponse) -> str:
    return answer.content.decode()


@pytest.fixture
def point() -> Point:
    return Point()


def test_a_family_is_filed_for_by_its_own_word_and_all_of_it_is_written_down(point: Point) -> None:
    page = point.proved()
    shown = said(point.clerk.get(page))
    assert "Әлиева" in shown
    assert "Қайрат" in shown
    filing = f"{page}file/{point.round.uuid}/"
    form = point.ask_word(filing, child=point.child, kind="sport")
    answer = point.clerk.post(filing, form | {"child": point.child, "kind": "sport", "code": point.code(filing)})
    assert answer["Location"] == page
    filed = Application.objects.get()
    assert (filed.guardian_id, filed.kind) == (guardian_id(point.family), "sport")
    visit = AssistedVisit.objects.get()
    assert (visit.clerk_id, visit.guardian_id, visit.way) == (point.user, filed.guardian_id, "code")
    assert AssistedAct.objects.get().act == "file_application"
    assert ApplicationHistory.objects.get().actor_id == point.user
    event = AuditEvent.objects.get(action="submit_applications")
    assert event.actor_label == f"user:{point.user} visit:{visit.uuid}"
    receipt = point.clerk.get(f"{page}receipts/{filed.uuid}.pdf")
    assert receipt.content.startswith(b"%PDF")


def test_a_double_click_files_once(point: Point) -> None:
    page = point.proved()
    filing = f"{page}file/{point.round.uuid}/"
    sent = point.ask_word(filing) | {"child": point.child, "kind": "sport", "code": point.code(filing)}
    assert [point.clerk.post(filing, sent).status_code for _ in range(2)] == [302, 302]
    assert (Application.objects.count(), AssistedAct.objects.count()) == (1, 1)


def test_nothing_opens_before_the_proof(point: Point) -> None:
    """And the control: with the proof's rule switched off the same pages would open."""
    page = point.begin()["Location"]
    shown = said(point.clerk.get(page))
    assert "Әлиева" not in shown
    filing = f"{page}file/{point.round.uuid}/"
    assert point.clerk.get(filing).status_code == 409
    posted = {"key": str(browsing.new_key()), "child": point.child, "kind": "sport", "code": "000000"}
    assert point.clerk.post(filing, posted).status_code == 409
    assert not Application.objects.exists()
    AssistedVisit.objects.update(proved_at=None)
    with patch.object(queries, "refuse_visit", lambda *_: None), patch.object(queries, "_visit", _naive):
        assert point.clerk.get(filing).status_code == 200


def _naive(row: AssistedVisit) -> queries.Visit:
    return queries.Visit(
        row.pk, row.uuid, row.guardian_id, row.point_id, row.way, row.made_at, row.proved_at, row.ended_at
    )


@pytest.mark.parametrize("code", ["", "000000", "the code of the visit"])
def test_no_act_without_its_own_code(point: Point, code: str) -> None:
    page = point.begin()["Location"]
    first = point.code(page)
    point.clerk.post(page, browsing.form_of(said(point.clerk.get(page))) | {"code": first})
    filing = f"{page}file/{point.round.uuid}/"
    form = point.ask_word(filing)
    typed = first if code.startswith("the") else code
    if point.code(filing) == typed:
        typed = "".join(str(9 - int(digit)) for digit in typed)
    fields = {"child": point.child, "kind": "sport"}
    answer = point.clerk.post(filing, form | fields | {"code": typed})
    assert answer.status_code == 422
    assert texts.refusal("en", "visit_code_wrong") in said(answer)
    assert not Application.objects.exists()
    again = browsing.form_of(said(answer)) | fields | {"code": point.code(filing)}
    assert point.clerk.post(filing, again).status_code == 302, "the control: the right code does it"


def test_one_word_is_for_one_choice(point: Point) -> None:
    page = point.proved()
    filing = f"{page}file/{point.round.uuid}/"
    form = point.ask_word(filing)
    stranger = "00000000-0000-4000-8000-000000000007"
    code = point.code(filing)
    assert point.clerk.post(filing, form | {"child": stranger, "kind": "sport", "code": code}).status_code == 422
    other = point.clerk.post(filing, form | {"child": point.child, "kind": "sport", "code": code})
    assert texts.refusal("en", "visit_code_over") in said(other)
    assert not Application.objects.exists()


def test_an_unknown_number_looks_like_a_known_one_and_never_opens(point: Point) -> None:
    bodies = []
    for iin in (point.iin, number(250, "850612")):
        page = point.begin(iin)["Location"]
        point.clerk.session.save()
        session = point.clerk.session
        session[f"visit {page.split('/')[4]}"] = ""  # as with a real sender, where no page shows a code
        session.save()
        shown = said(point.clerk.get(page))
        visit = page.split("/")[4]
        bodies.append(re.sub(r'value="[^"]*"|content="[^"]*"', "", shown.replace(visit, "")))
        for _ in range(6):
            wrong = point.clerk.post(page, browsing.form_of(shown) | {"code": "1"})
        assert wrong.status_code == 422
    assert bodies[0] == bodies[1]
    assert not AssistedVisit.objects.exclude(proved_at=None).exists()
    bad = point.begin("123")
    assert texts.refusal("en", "assisted_bad_number") in said(bad)


def test_a_family_of_another_city_does_not_open(point: Point) -> None:
    far = City(kato="750000000")
    elsewhere = family(9)
    register(far.territory.id, [elsewhere])
    page = point.begin(elsewhere.guardian.iin or "")["Location"]
    assert 'class="code"' not in said(point.clerk.get(page))
    assert AssistedVisit.objects.get().guardian_id is None


def test_another_clerk_has_no_part_in_a_visit_and_other_roles_none_at_all(point: Point) -> None:
    page = point.proved()
    other = browsing.official(Role.CLERK, territory_id=point.city.territory.id, name="other")
    colleague = browsing.come_in(Client(), other)
    assert colleague.get(page).status_code == 404
    checker = browsing.official(Role.CHECKER, territory_id=point.city.territory.id)
    assert browsing.come_in(Client(), checker, strong=True).get(page).status_code == 403
    assert point.clerk.get(page).status_code == 200


def test_a_visit_ends_by_the_clock_and_by_the_button(point: Point) -> None:
    page = point.proved()
    filing = f"{page}file/{point.round.uuid}/"
    clock.shift_to(INSIDE + timedelta(minutes=31))
    browsing.come_in(point.clerk, point.user)
    assert "Қайрат" not in said(point.clerk.get(page))
    assert point.clerk.get(filing).status_code == 409
    clock.shift_to(INSIDE)
    browsing.come_in(point.clerk, point.user)
    shown = said(point.clerk.get(page))
    assert "Қайрат" in shown, "the control"
    point.clerk.post(f"{page}end/", browsing.form_of(shown, "/end/"))
    assert "Қайрат" not in said(point.clerk.get(page))
    assert point.clerk.get(filing).status_code == 409


def test_an_account_that_helps_too_many_families_is_stopped_and_told(point: Point, settings: object) -> None:
    """T24, with its control: under the limit the consultation point works on."""
    settings.ASSISTANCE_LIMITS = {"families_a_day": 2}  # type: ignore[attr-defined]
    others = [family(n) for n in (11, 12)]
    register(point.city.territory.id, others)
    point.proved()
    assert point.begin(others[0].guardian.iin or "").status_code == 302
    assert not SecurityEvent.objects.exists()
    AssistedVisit.objects.filter(proved_at=None).update(proved_at=INSIDE)
    answer = point.begin(others[1].guardian.iin or "")
    assert answer.status_code == 422
    assert texts.refusal("en", "assisted_too_many_families") in said(answer)
    assert SecurityEvent.objects.get().kind == "assistance_stopped"
    clock.shift_to(INSIDE + timedelta(days=1))
    browsing.come_in(point.clerk, point.user)
    assert point.begin().status_code == 302, "tomorrow it works again"


def test_who_has_no_phone_signs_a_paper_of_which_there_are_few(point: Point, settings: object) -> None:
    settings.ASSISTANCE_LIMITS = {"papers_a_day": 1}  # type: ignore[attr-defined]
    assert texts.refusal("en", "assisted_paper_needed") in said(point.begin(way="paper"))
    hostile = SimpleUploadedFile("consent.pdf", uploads.SCRIPT)
    assert point.begin(way="paper", paper=hostile).status_code == 422
    assert not AssistedVisit.objects.exists()
    page = point.begin(way="paper", paper=SimpleUploadedFile("consent.pdf", uploads.pdf()))["Location"]
    assert DocumentContent.objects.count() == 1
    filing = f"{page}file/{point.round.uuid}/"
    form = browsing.form_of(said(point.clerk.get(filing)))
    assert point.clerk.post(filing, form | {"child": point.child, "kind": "sport"}).status_code == 302
    again = point.begin(way="paper", paper=SimpleUploadedFile("consent.pdf", uploads.pdf()))
    assert texts.refusal("en", "assisted_too_many_papers") in unescape(said(again))


def test_a_month_is_confirmed_by_the_guardians_word_at_the_point() -> None:
    here = own_family(1)
    row, *_ = month_sent(here, ["present", "present", "present"])
    clock.shift_to(OVER)
    user = browsing.official(Role.CLERK, territory_id=here.city.territory_id)
    clerk = browsing.come_in(Client(), user)
    visit = AssistedVisit.objects.create(
        clerk_id=user, guardian_id=here.families[0][0], way="code", made_at=OVER, proved_at=OVER
    )
    page = f"{DESK}{visit.uuid}/months/{row.uuid}/"
    form = browsing.form_of(said(clerk.get(page)))
    assert clerk.post(page, form | {"code": "1"}).status_code == 422
    assert SheetRow.objects.get(pk=row.pk).word == "silent"
    clerk.post(f"{DESK}{visit.uuid}/code/", form)
    shown = said(clerk.get(page))
    code = re.search(r'class="code">(\d+)<', shown)
    assert code is not None
    sent = browsing.form_of(shown) | {"code": code[1]}
    assert [clerk.post(page, sent).status_code for _ in range(2)] == [302, 302]
    stored = SheetRow.objects.get(pk=row.pk)
    assert (stored.word, stored.proof_way, stored.confirmed_by) == ("confirmed", "in_person", here.families[0][0])
    assert AssistedAct.objects.get().act == "confirm_month"
    family_page = browsing.come_in(Client(), browsing.guardian_user(here.families[0][0]))
    assert texts.say("en", "help.confirm_month") in said(family_page.get("/en/family/applications/"))
