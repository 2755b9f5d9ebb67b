"""Control campaigns: frozen before the seed, drawn once, answered, decided by another person, shown at the end."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from django.db import IntegrityError, connection, transaction

from qosymsha.domain.attendance.models import MonthSheet
from qosymsha.domain.controls import commands, queries, rules
from qosymsha.domain.controls.models import ControlCampaign, ControlVisit
from qosymsha.domain.controls.rules import ControlRefusal, Found
from qosymsha.domain.controls.states import Strata, Unit
from qosymsha.domain.people.rules import Proof
from qosymsha.domain.people.states import Role
from qosymsha.domain.providers.models import Accreditation
from qosymsha.kernel import clock
from qosymsha.kernel.actor import Actor
from qosymsha.kernel.errors import Forbidden, Refused
from tests.factories.controls import VALUE, actor, drawn, found, plan, planned, shown, visits
from tests.factories.office import desk
from tests.factories.vouchers import SYSTEM, City, add_group, enrolled, key, make_city
from tests.interfaces import browsing

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def city() -> City:
    made = make_city()
    for _ in range(4):
        enrolled(made, add_group(made), 1)
    return made


def refused(reason: ControlRefusal) -> pytest.RaisesExc[Refused]:
    return pytest.raises(Refused, match=reason.value)


def decide(who: Actor, visit: ControlVisit, sanction: str = "warning") -> None:
    at = clock.read()
    commands.decide_finding(
        actor=who, visit_uuid=visit.uuid, sanction=sanction, reason="as seen", proof=Proof(at, "code"), at=at, key=key()
    )


def answer(city: City, visit: ControlVisit, provider_id: int | None = None) -> None:
    manager = browsing.official(
        Role.PROVIDER_MANAGER, provider_id=provider_id or city.provider_id, name=f"m{provider_id}"
    )
    commands.answer_finding(
        actor=browsing.actor(manager), visit_uuid=visit.uuid, answer="they were ill", at=clock.read(), key=key()
    )


def test_a_control_from_its_plan_to_its_public_end(city: City) -> None:
    uuid = drawn(city, plan(size=2))
    first, second = visits(uuid)
    assert {first.state, second.state} == {"due"}
    found(city, first)
    found(city, second, "", 5)
    assert shown(city, second).state == "clean"
    with refused(ControlRefusal.VISIT_IN_OTHER_STATE):  # within its days to answer nobody decides
        decide(actor(city, Role.CHECKER, "another"), first)
    answer(city, first)
    with refused(ControlRefusal.OWN_VISIT):
        decide(actor(city, Role.CHECKER), first)
    officer = actor(city, Role.PROGRAMME_OFFICER)
    with refused(ControlRefusal.VISITS_OPEN):
        commands.end_campaign(actor=officer, campaign_uuid=uuid, at=clock.read(), key=key())
    assert queries.document(uuid) is None
    decide(officer, first)
    commands.end_campaign(actor=officer, campaign_uuid=uuid, at=clock.read(), key=key())
    public = queries.public_campaign(uuid)
    assert public is not None
    assert (public.findings, public.sanctions) == ((("absent_children", 1),), (("warning", 1),))
    told = queries.document(uuid)
    assert told is not None
    seed = rules.seed_of(told["number"], bytes.fromhex(told["root"]), VALUE, bytes.fromhex(told["secret"]))
    lines = rules.frame_lines("\n".join(told["frame"]))
    assert [str(line.unit) for line in rules.sample(seed, lines, 2)] == told["sample"]
    assert len(lines) == 4


@pytest.mark.parametrize("unit", list(Unit))
@pytest.mark.parametrize("strata", list(Strata))
def test_groups_lessons_and_providers_are_listed_in_parts(city: City, unit: Unit, strata: Strata) -> None:
    lines = queries.frame(city.programme_id, plan(unit=unit, strata=strata))
    assert len(lines) == (1 if unit is Unit.PROVIDER else 4 if unit is Unit.GROUP else len(lines))
    assert queries.subjects(unit, [line.unit for line in lines]).keys() == {line.unit for line in lines}


def test_what_was_promised_frozen_or_drawn_is_never_changed_by_anybody(city: City) -> None:
    uuid = drawn(city)
    row = ControlCampaign.objects.get(uuid=uuid)
    for change in ("frame = 'x'", "terms = 'x'", "seed = '\\x00'", "size = 3", "beacon_name = 'mine'"):
        with pytest.raises(IntegrityError, match="written once"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"UPDATE control_campaign SET {change} WHERE id = %s", [row.pk])
    with refused(ControlRefusal.CAMPAIGN_IN_OTHER_STATE):
        commands.draw_sample(
            actor=actor(city, Role.PROGRAMME_OFFICER), campaign_uuid=uuid, beacon_value=b"again", at=clock.read(),
            key=key(),
        )  # fmt: skip
    with refused(ControlRefusal.CAMPAIGN_IN_OTHER_STATE):  # whoever could know the sample cannot throw it away
        commands.cancel_campaign(
            actor=actor(city, Role.PROGRAMME_OFFICER), campaign_uuid=uuid, at=clock.read(), key=key()
        )


def test_control_run_without_the_trigger_a_frozen_list_could_be_swapped(city: City) -> None:
    uuid = planned(city)
    officer = actor(city, Role.PROGRAMME_OFFICER)
    commands.freeze_campaign(actor=officer, campaign_uuid=uuid, at=clock.read(), key=key())
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE control_campaign DISABLE TRIGGER control_written_once")
        cursor.execute("UPDATE control_campaign SET frame = '' WHERE uuid = %s", [uuid])
        assert cursor.rowcount == 1, "the attack goes through"
        cursor.execute("ALTER TABLE control_campaign ENABLE TRIGGER control_written_once")
    with refused(ControlRefusal.FRAME_CHANGED):  # and the draw still sees it
        commands.draw_sample(actor=officer, campaign_uuid=uuid, beacon_value=VALUE, at=clock.read(), key=key())


def test_a_typed_beacon_needs_two_officers_who_read_the_same(city: City) -> None:
    uuid = planned(city, plan(beacon="typed:national lottery, draw 77"))
    first, second = (actor(city, Role.PROGRAMME_OFFICER, name) for name in ("first", "second"))
    commands.freeze_campaign(actor=first, campaign_uuid=uuid, at=clock.read(), key=key())

    def typed(who: Actor, value: bytes) -> bool:
        return commands.draw_sample(actor=who, campaign_uuid=uuid, beacon_value=value, at=clock.read(), key=key())

    assert not typed(first, b"7 12 33")
    with refused(ControlRefusal.SECOND_OFFICER):
        typed(first, b"7 12 33")
    with refused(ControlRefusal.TYPED_DIFFERS):
        typed(second, b"7 12 34")
    assert typed(second, b"7 12 33")


def test_silence_goes_to_a_decision_after_the_rules_days(city: City) -> None:
    (visit,) = visits(drawn(city))
    found(city, visit)
    visit.refresh_from_db()
    assert visit.answer_until is not None
    at = clock.local_instant(visit.answer_until)
    assert commands.escalate_unanswered(actor=SYSTEM, at=at, key=key()) == []
    assert commands.escalate_unanswered(actor=SYSTEM, at=at + timedelta(days=1), key=key()) == [visit.pk]
    decide(actor(city, Role.PROGRAMME_OFFICER), visit)
    assert shown(city, visit).sanction == "warning"


def test_another_provider_does_not_learn_of_a_finding_nor_this_one_of_a_visit_to_come(city: City) -> None:
    (visit,) = visits(drawn(city))
    with refused(ControlRefusal.UNKNOWN_VISIT):  # nothing was found yet: it is not told that it is drawn
        answer(city, visit)
    found(city, visit)
    with refused(ControlRefusal.UNKNOWN_VISIT):
        answer(city, visit, provider_id=city.provider_id + 999)
    answer(city, visit)
    with pytest.raises(Forbidden):
        queries.own_findings(actor=actor(city, Role.CHECKER), provider_id=city.provider_id)


def test_a_limit_stops_new_places_and_a_hold_stops_sheets_on_their_way_to_payment() -> None:
    of = desk()
    uuid = drawn(of.city)
    (visit,) = visits(uuid)
    found(of.city, visit)
    answer(of.city, visit)
    officer = actor(of.city, Role.PROGRAMME_OFFICER)
    decide(officer, visit, "hold")
    assert MonthSheet.objects.get(pk=of.sheet.pk).state == "paused"
    (again,) = visits(drawn(of.city))
    found(of.city, again)
    answer(of.city, again)
    with refused(ControlRefusal.NOTHING_TO_HOLD):
        decide(officer, again, "hold")
    decide(officer, again, "limit")
    assert {a.state for a in Accreditation.objects.filter(provider_id=of.city.provider_id)} == {"limited"}


def test_a_visit_is_written_once_with_a_count_and_a_known_finding(city: City) -> None:
    (visit,) = visits(drawn(city))
    checker = actor(city, Role.CHECKER)

    def write(what: Found, k: UUID | None = None) -> None:
        commands.record_visit(actor=checker, visit_uuid=visit.uuid, found=what, at=clock.read(), key=k or key())

    with refused(ControlRefusal.COUNT_MISSING):
        write(Found(None))
    with refused(ControlRefusal.UNKNOWN_FINDING):
        write(Found(3, "ugly walls", "x"))
    with refused(ControlRefusal.NOTE_MISSING):
        write(Found(3, "unsafe"))
    once = key()
    write(Found(3), once)
    write(Found(3), once)  # a repeated key answers what it answered
    with refused(ControlRefusal.VISIT_IN_OTHER_STATE):
        write(Found(4))
