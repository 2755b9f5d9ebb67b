"""One's own notices at the three doors: listed, counted, opened, read; nobody else's; in the reader's language."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.html import escape

from qosymsha.domain.messages.models import Notice
from qosymsha.domain.people.states import Role
from qosymsha.domain.providers.models import Accreditation
from qosymsha.domain.providers.states import Topic as Providers
from qosymsha.domain.vouchers.states import Topic as Vouchers
from qosymsha.interfaces.ui import texts
from qosymsha.kernel import clock
from qosymsha.kernel.models import AuditEvent
from tests.factories import notices
from tests.factories.families import KIDS, month_sent, own_family
from tests.factories.notices import make, tell
from tests.factories.presence import Venue
from tests.factories.vouchers import AT
from tests.interfaces import browsing

pytestmark = pytest.mark.django_db
PAGE = "/en/family/notices/"


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> Venue:
    """A mother of two whose month is sent; its managers and the office have news too."""
    notices.at_once_over(monkeypatch)
    clock.shift_to(AT)
    found = own_family(2)
    browsing.official(Role.PROVIDER_MANAGER, provider_id=found.city.provider_id, name="m:1")
    browsing.official(Role.CHECKER, territory_id=found.city.territory_id, name="c:1")
    month_sent(found)
    file = Accreditation.objects.get(provider_id=found.city.provider_id)
    tell(Providers.ACCREDITATION_FILED, "accreditation", [file.pk], AT)
    tell(Vouchers.TRANSFERRED, "enrolment", [place for *_, place in found.families], AT + timedelta(minutes=1))
    make(AT + timedelta(minutes=2))
    return found


def mother(client: Client, here: Venue) -> Client:
    return browsing.come_in(client, browsing.guardian_user(here.families[0][0]))


def test_the_inbox_says_whose_matter_it_is_and_where_it_stands(client: Client, here: Venue) -> None:
    page = mother(client, here).get(PAGE).content.decode()
    month = escape(texts.say("en", "notice.family.month_to_confirm"))
    assert month in page
    assert page.count('<li class="fresh">') == Notice.objects.filter(guardian_id=here.families[0][0]).count()
    for surname, given in KIDS[:2]:
        assert f"{surname} {given}" in page
    assert KIDS[2][1] not in page
    one = Notice.objects.get(kind="month_to_confirm", guardian_id=here.families[0][0])
    sent = browsing.form_of(page, str(one.uuid))
    for _ in range(2):  # twice is once
        answer = client.post(f"{PAGE}{one.uuid}/open/", sent)
        assert (answer.status_code, answer["Location"]) == (302, "/en/family/months/")
    one.refresh_from_db()
    assert one.read_at is not None
    assert AuditEvent.objects.filter(action="mark_notices", subject_ids=[one.pk]).count() == 1


def test_the_menu_counts_what_is_new_until_it_is_read(client: Client, here: Venue) -> None:
    mother(client, here)
    n = Notice.objects.filter(guardian_id=here.families[0][0]).count()
    told = texts.say("en", "notices.unread", n=n)
    home = client.get("/en/family/").content.decode()
    assert told in home
    assert f'<b class="count">{n}</b>' in home
    page = client.get(PAGE).content.decode()
    sent = browsing.form_of(page, 'class="actions"')
    answer = client.post(PAGE, sent)
    assert answer["Location"] == PAGE
    page = client.get(PAGE).content.decode()
    assert texts.say("en", "notices.read_done") in page
    assert 'class="count"' not in page
    assert texts.say("en", "notices.read_all") not in page


def test_reading_the_inbox_is_told_to_who_asks_who_read_the_record(client: Client, here: Venue) -> None:
    mother(client, here).get(PAGE)
    event = AuditEvent.objects.filter(action="read_children").latest("id")
    assert set(event.subject_ids) == {child for guardian, child, _ in here.families if guardian == here.families[0][0]}
    assert "read_notices" in event.detail["read"]


@pytest.mark.parametrize("door", ["provider", "office"])
def test_the_club_and_the_office_have_theirs_and_no_childs_name_in_it(client: Client, here: Venue, door: str) -> None:
    user = Notice.objects.filter(door=door).values_list("user_id", flat=True)[0]
    page = browsing.come_in(client, user).get(f"/kk/{door}/notices/").content.decode()
    key = "notice.provider.child_came" if door == "provider" else "notice.office.accreditations_filed"
    n = 3 if door == "provider" else 1
    assert texts.say("kk", key, n=n) in page
    assert not any(given in page for _, given in KIDS)
    one = Notice.objects.filter(door=door, user_id=user).latest("id")
    answer = client.post(f"/kk/{door}/notices/{one.uuid}/open/", browsing.form_of(page, str(one.uuid)))
    assert answer.status_code == 302
    assert client.get(answer["Location"]).status_code == 200


def test_anothers_notice_and_an_unknown_one_are_the_same(client: Client, here: Venue) -> None:
    other = here.families[-1][0]
    theirs = Notice.objects.filter(guardian_id=other)[0]
    mother(client, here)
    sent = browsing.form_of(client.get(PAGE).content.decode(), "open")
    unknown = "00000000-0000-4000-8000-000000000007"
    answers = [client.post(f"{PAGE}{uuid}/open/", sent) for uuid in (theirs.uuid, unknown)]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert browsing.plain(answers[0].content) == browsing.plain(answers[1].content)
    theirs.refresh_from_db()
    assert theirs.read_at is None
    browsing.come_in(client, browsing.guardian_user(other))  # the control: the owner may
    sent = browsing.form_of(client.get(PAGE).content.decode(), "open")
    assert client.post(f"{PAGE}{theirs.uuid}/open/", sent).status_code == 302


def test_a_day_that_has_passed_is_marked(client: Client, here: Venue) -> None:
    mother(client, here)
    assert texts.say("en", "notices.over") not in client.get(PAGE).content.decode()
    Notice.objects.update(due_at=AT - timedelta(days=1))
    page = client.get(PAGE).content.decode()
    assert texts.say("en", "notices.over") in page
    assert texts.say("en", "notices.until", day="31.08.2026") in page


def test_an_empty_inbox_says_so_and_pages_are_numbers(client: Client, here: Venue) -> None:
    mother(client, here)
    for wrong in ("0", "x", "-1", "999", "٣"):
        assert client.get(f"{PAGE}?page={wrong}").status_code == 404
    Notice.objects.all().delete()
    assert texts.say("en", "notices.empty") in client.get(PAGE).content.decode()


def test_many_notices_are_paged_and_cost_no_more_questions(client: Client, here: Venue) -> None:
    guardian = here.families[0][0]
    mother(client, here)

    def asked() -> int:
        with CaptureQueriesContext(connection) as seen:
            assert client.get(PAGE).status_code == 200
        return len(seen)

    few = asked()
    one = Notice.objects.filter(guardian_id=guardian).latest("id")
    for n in range(60):
        Notice.objects.create(
            door="family", guardian_id=guardian, kind="voucher_issued", occasion=f"many:{n}", matters=[1], made_at=AT,
            child_ids=one.child_ids, told_at=AT + timedelta(hours=n), keep_until=one.keep_until,
        )  # fmt: skip
    assert asked() == few
    page = client.get(PAGE).content.decode()
    assert page.count('class="fresh"') == 50
    assert 'href="?page=2"' in page
    assert texts.say("en", "notices.newer") in client.get(f"{PAGE}?page=2").content.decode()
