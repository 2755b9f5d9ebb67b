"""Two guardians on their pages, custody that ends, a guardianship body with sixty children, a child without anybody."""

from __future__ import annotations

import json
from datetime import date
from html import unescape
from pathlib import Path

import pytest
from django.db import connection
from django.db.backends.postgresql.psycopg_any import DateRange
from django.test import Client
from django.test.utils import CaptureQueriesContext

from qosymsha.domain.attendance.models import SheetRow
from qosymsha.domain.casework.queries.unguarded import unguarded_everywhere
from qosymsha.domain.messages.models import Notice
from qosymsha.domain.people import commands as people_commands
from qosymsha.domain.people import queries
from qosymsha.domain.people.models import Child, Guardianship
from qosymsha.domain.people.states import Role
from qosymsha.domain.vouchers import commands
from qosymsha.domain.vouchers.models import Enrolment, Parting, Voucher
from qosymsha.domain.vouchers.rules import VoucherAnswer
from qosymsha.integrations.registries import fake
from qosymsha.interfaces.ui import texts
from qosymsha.kernel import clock
from qosymsha.kernel.clock import local_day, local_instant
from tests.factories import lives, people
from tests.factories.families import KIDS
from tests.factories.lives import Life
from tests.factories.notices import make, over
from tests.factories.people import AT, family, number
from tests.factories.vouchers import AT as SEPTEMBER
from tests.factories.vouchers import CHANNEL, SYSTEM, add_children, issue, key, make_city
from tests.interfaces import browsing

pytestmark = pytest.mark.django_db
__all__ = ["over"]
NAME = KIDS[0][1]


def text(answer: object) -> str:
    return unescape(answer.content.decode())  # type: ignore[attr-defined]


def say(name: str, **more: object) -> str:
    return texts.say("en", name, **more)


@pytest.fixture
def life() -> Life:
    found = lives.gone()
    clock.shift_to(lives.MARCH_OVER)
    return found


def both(life: Life) -> tuple[Client, Client, int]:
    """The mother's and the father's browsers, both proved anew; the father's id."""
    father = lives.second_guardian(life)
    mother = browsing.come_in(Client(), browsing.guardian_user(life.guardian), strong=True)
    return mother, browsing.come_in(Client(), browsing.guardian_user(father), strong=True), father


def test_giving_a_place_up_by_one_is_seen_and_stopped_by_the_other(life: Life) -> None:
    mother, father, _ = both(life)
    voucher = Voucher.objects.get(child_id=life.children[0])
    address = f"/en/family/vouchers/{voucher.uuid}/leave/"
    page = text(mother.get(address))
    assert say("parting.lead") in page
    sent = browsing.form_of(page) | {"on": "2026-04-20", "why": "family:no_time"}
    assert say("parting.asked") in text(mother.post(address, sent, follow=True))
    assert say("parting.own_leaves", day="20.04.2026") in text(mother.get("/en/family/vouchers/"))
    seen = text(father.get("/en/family/vouchers/"))
    assert say("parting.other_leaves", day="20.04.2026") in seen
    assert say("parting.until", day="19.04.2026") in seen
    assert f"/en/family/vouchers/{voucher.uuid}/leave/" in seen, "the way to agree"
    keep = f"/en/family/vouchers/{voucher.uuid}/keep/"
    assert say("parting.stopped") in text(father.post(keep, browsing.form_of(seen, "/keep/"), follow=True))
    assert (Parting.objects.get().state, Enrolment.objects.get(voucher=voucher).state) == ("stopped", "active")
    again = mother.post(keep, browsing.form_of(seen, "/keep/") | {"key": str(browsing.new_key())})
    assert again.status_code in (403, 409), "nothing to stop, or the father's token: never done twice"


def test_a_month_that_one_confirmed_is_disputed_by_the_other_on_the_page(life: Life) -> None:
    mother, father, _ = both(life)
    row = SheetRow.objects.get(child_id=life.children[0])
    address = f"/en/family/months/{row.uuid}/"
    sent = browsing.form_of(text(mother.get(address)))
    mother.post(address, sent | {"word": "confirm"})
    row.refresh_from_db()
    assert row.word == "confirmed"
    seen = text(father.get(address))
    assert say("month.word.others_confirmed") in seen
    if row.sheet.state in ("with_parents", "with_customer"):
        assert say("month.object_lead") in seen
        sent = browsing.form_of(seen) | {"word": "whole", "reason": "he was with me"}
        assert say("month.said_disputed") in text(father.post(address, sent, follow=True))
        assert say("month.word.others_in_part") in text(mother.get(address))
        assert say("month.hold.others") in text(mother.get(address))


def test_after_custody_ended_every_verb_of_an_open_tab_is_refused_and_nothing_is_told(life: Life, over: None) -> None:
    clock.shift_to(lives.MARCH_OVER)
    mother, father, _ = both(life)
    (ward,) = life.children
    voucher = Voucher.objects.get(child_id=ward)
    row = SheetRow.objects.get(child_id=ward)
    pages = {
        f"/en/family/vouchers/{voucher.uuid}/leave/": {"on": "2026-04-20", "why": "family:no_time"},
        f"/en/family/vouchers/{voucher.uuid}/keep/": {},
        f"/en/family/vouchers/{voucher.uuid}/stay/": {},
        f"/en/family/vouchers/{voucher.uuid}/accept/": {},
        f"/en/family/vouchers/{voucher.uuid}/refuse/": {},
        f"/en/family/months/{row.uuid}/": {"word": "confirm"},
    }
    token = browsing.form_of(text(mother.get(f"/en/family/vouchers/{voucher.uuid}/leave/")))
    people_commands.end_guardianship(
        actor=SYSTEM, guardian_id=life.guardian, child_id=ward, reason="court", at=clock.read(), key=key()
    )
    for address, more in pages.items():
        answer = mother.post(address, token | more | {"key": str(browsing.new_key())})
        assert answer.status_code == 404, address
    stands = Voucher.objects.get(pk=voucher.pk).state, SheetRow.objects.get(pk=row.pk).word
    assert stands == ("active", "silent")
    assert NAME not in text(mother.get("/en/family/"))
    make(clock.read())
    assert Notice.objects.filter(guardian_id=life.guardian, kind="guardianship_ended").count() == 1
    kinds = set(Notice.objects.exclude(guardian_id=life.guardian).values_list("kind", flat=True))
    assert "guardian_left" in kinds
    shown = text(father.get("/en/family/notices/"))
    assert texts.say("en", "notice.family.guardian_left") in shown
    assert voucher.number in text(father.get("/en/family/vouchers/")), "what was filed stands, and the other sees it"


# A guardianship body


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):  # type: ignore[no-untyped-def]
    path = tmp_path / "registry.json"
    path.write_text('{"children": {}}', "utf-8")
    monkeypatch.setenv(fake.TABLE, str(path))

    def teach(**children: list[dict[str, object]]) -> None:
        path.write_text(json.dumps({"children": children}, ensure_ascii=False), "utf-8")

    return teach


def body_of(many: int, first: int = 500) -> list[dict[str, object]]:
    return [
        {
            "child_iin": number(n),
            "kind": "body",
            "evidence": f"order:{n}",
            "given": f"Бала{chr(0x430 + n % 30)}",
            "born_on": "2015-03-01",
        }
        for n in range(first, first + many)
    ]


def director(serial: int) -> tuple[Client, str, int]:
    """Somebody known here who has no child left: (browser, number, guardian)."""
    row = family(serial)
    people.register(people.astana(), [row])
    clock.shift_to(AT)
    guardian = people.guardian_id(row)
    Guardianship.objects.filter(guardian_id=guardian).delete()
    client = browsing.come_in(Client(), browsing.guardian_user(guardian))
    return client, row.guardian.iin or "", guardian


def test_a_bodys_director_takes_on_all_its_children_and_the_next_one_after(registry) -> None:  # type: ignore[no-untyped-def]
    client, iin, guardian = director(1)
    page = "/en/family/children/"
    unnamed = {"child_iin": number(700), "kind": "body", "evidence": "order:700"}
    own = {"child_iin": number(701), "kind": "parent", "evidence": "birth:1", "given": "Дана", "born_on": "2015-03-01"}
    registry(**{iin: [*body_of(60), unnamed, own]})
    sent = browsing.form_of(text(client.get(page)), "/wards/")
    assert say("children.wards_linked", n=60) in text(client.post(f"{page}wards/", sent, follow=True))
    assert Guardianship.objects.filter(guardian_id=guardian, kind="body").count() == 60
    assert Guardianship.objects.filter(guardian_id=guardian).count() == 60, "an own child is typed, as before"
    shown = text(client.get(page))
    assert say("children.n", n=60) in shown
    assert say("children.as_body") in shown
    successor, other, next_one = director(2)
    registry(**{other: body_of(60)})
    sent = browsing.form_of(text(successor.get(page)), "/wards/")
    assert say("children.wards_linked", n=60) in text(successor.post(f"{page}wards/", sent, follow=True))
    assert Child.objects.filter(guardianship__guardian_id=next_one).count() == 60
    assert Child.objects.filter(guardianship__kind="body").distinct().count() == 60, "the same children, none twice"
    with CaptureQueriesContext(connection) as sixty:
        successor.get("/en/family/")
        successor.get("/en/family/months/")
        successor.get(page)
    Guardianship.objects.filter(guardian_id=next_one).exclude(
        pk__in=Guardianship.objects.filter(guardian_id=next_one).values("pk")[:2]
    ).delete()
    with CaptureQueriesContext(connection) as two:
        successor.get("/en/family/")
        successor.get("/en/family/months/")
        successor.get(page)
    assert len(sixty) == len(two)


def test_a_parent_gets_nobodys_children_by_the_bodys_button(registry) -> None:  # type: ignore[no-untyped-def]
    client, iin, guardian = director(1)
    page = "/en/family/children/"
    registry(**{iin: [{"child_iin": number(501), "kind": "parent", "evidence": "birth:1", "given": "Дана"}]})
    sent = browsing.form_of(text(client.get(page)), "/wards/")
    assert say("children.no_wards") in text(client.post(f"{page}wards/", sent, follow=True))
    assert Guardianship.objects.filter(guardian_id=guardian).count() == 0


def test_an_existing_guardian_is_told_of_another_but_a_first_one_of_nobody(over: None) -> None:
    here = people.astana()
    people.register(here, [family(1)])
    make(AT)
    assert not Notice.objects.filter(kind="guardian_added").exists()
    first = people.guardian_id(family(1))
    Guardianship.objects.filter(guardian_id=first).update(valid=DateRange(date(2025, 1, 1), None))
    people.register(here, [_other_family()])
    make(AT)
    told = Notice.objects.filter(kind="guardian_added")
    assert list(told.values_list("guardian_id", flat=True)) == [first]


def _other_family():  # type: ignore[no-untyped-def]
    row = family(2)
    return type(row)(row.guardian, family(1).children, row.language, row.home_id)


# A child for whom nobody speaks


def alone() -> tuple[int, int, int]:
    """(city's territory, child, voucher): the only guardianship ended yesterday."""
    city = make_city()
    (ward,) = add_children(city, 1)
    (voucher,) = issue(city, [ward])
    Guardianship.objects.filter(child_id=ward).update(valid=DateRange(date(2026, 1, 1), date(2026, 9, 1)))
    return city.territory_id, ward, voucher


def test_a_child_without_a_guardian_stands_on_the_officials_page_and_its_days_stand_still() -> None:
    territory, ward, voucher = alone()
    clock.shift_to(SEPTEMBER)
    assert unguarded_everywhere(local_day(SEPTEMBER)) == 1
    officer = browsing.come_in(Client(), browsing.official(Role.CHECKER, territory_id=territory), strong=True)
    assert "office/guardians/" in text(officer.get("/en/office/"))
    seen = text(officer.get("/en/office/guardians/"))
    assert Voucher.objects.get(pk=voucher).number in seen
    elsewhere = browsing.come_in(
        Client(), browsing.official(Role.CHECKER, territory_id=make_city().territory_id, name="c:2"), strong=True
    )
    assert Voucher.objects.get(pk=voucher).number not in text(elsewhere.get("/en/office/guardians/"))
    late = date(2026, 9, 21)
    at = local_instant(late, 3)
    assert commands.expire_vouchers(actor=SYSTEM, territory_id=territory, on=late, at=at, key=key()) == 0
    assert Voucher.objects.get(pk=voucher).accept_by == date(2026, 9, 23), "two working days from today, each day anew"
    guardian = Guardianship.objects.get(child_id=ward).guardian_id
    Guardianship.objects.create(
        guardian_id=guardian, child_id=ward, kind="foster", evidence="act", valid=DateRange(late, None)
    )
    assert unguarded_everywhere(late) == 0
    answers = [VoucherAnswer(voucher, guardian)]
    assert commands.accept_vouchers(actor=CHANNEL, answers=answers, at=at, key=key())[0].reason is None
    assert commands.expire_vouchers(actor=SYSTEM, territory_id=territory, on=late, at=at, key=key()) == 0


def test_an_official_registers_whom_the_registry_names_and_nobody_else(registry) -> None:  # type: ignore[no-untyped-def]
    here = people.astana()
    people.register(here, [family(1)])
    (ward,) = Child.objects.values_list("id", flat=True)
    _hold_something(ward)
    Guardianship.objects.update(valid=DateRange(date(2025, 1, 1), AT.date()))
    clock.shift_to(AT)
    officer = browsing.come_in(Client(), browsing.official(Role.CHECKER), strong=True)
    page = "/en/office/guardians/"
    next_one = people.guardian(7)
    sent = browsing.form_of(text(officer.get(page))) | {
        "iin": next_one.iin,
        "surname": next_one.surname,
        "given": next_one.given,
    }
    answer = officer.post(page, sent)
    assert answer.status_code == 422
    assert texts.refusal("en", "guardianship_not_proved") in text(answer)
    kid = family(1).children[0]
    registry(
        **{next_one.iin or "": [{"child_iin": kid.iin, "kind": "foster", "evidence": "act:9", "given": kid.given}]}
    )
    sent["key"] = str(browsing.new_key())
    assert say("unguarded.registered") in text(officer.post(page, sent, follow=True))
    assert Guardianship.objects.get(kind="foster").child_id == ward
    assert say("unguarded.none") in text(officer.get(page))


def _hold_something(ward: int) -> None:
    city = make_city()
    issue(city, [ward])


def test_an_official_ends_a_right_and_a_stranger_to_the_child_is_told_nothing() -> None:
    here = people.astana()
    people.register(here, [family(1), family(2)])
    clock.shift_to(AT)
    officer = browsing.come_in(Client(), browsing.official(Role.CHECKER), strong=True)
    page = "/en/office/guardians/end/"
    kid, stranger = family(1).children[0].iin, family(2).guardian.iin
    sent = browsing.form_of(text(officer.get(page))) | {"guardian": stranger, "child": kid, "reason": "act 12"}
    refused = [officer.post(page, sent | {"guardian": who, "key": str(browsing.new_key())}) for who in (stranger, "1")]
    assert [one.status_code for one in refused] == [422, 422]
    assert all(texts.refusal("en", "not_the_guardian") in text(one) for one in refused)
    sent |= {"guardian": family(1).guardian.iin, "key": str(browsing.new_key())}
    assert say("unguarded.ended") in text(officer.post(page, sent, follow=True))
    first = people.guardian_id(family(1))
    assert queries.own_child_ids(first, AT.date()) == []
