"""A round that cannot be drawn is ended in public; its families lose nothing. A typed beacon has two officers."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from qosymsha.domain.admission import commands, queries
from qosymsha.domain.admission.models import Application, ApplicationHistory, Round, RoundHistory
from qosymsha.domain.admission.rules import AdmissionRefusal
from qosymsha.domain.people.states import Role
from qosymsha.kernel.actor import Actor
from qosymsha.kernel.errors import Forbidden
from qosymsha.kernel.models import AuditEvent, Outbox
from tests.factories.admission import AFTER, CLOSES, INSIDE, OPENS, PARTIES, City, money_for
from tests.factories.refusals import refusal

pytestmark = pytest.mark.django_db
R = AdmissionRefusal
WHY = "the council lost its secret"


def cancel(city: City, the_round: Round, **changes: Any) -> commands.Cancelled:
    given: dict[str, Any] = {"actor": city.officer, "reason": WHY, "at": AFTER, "key": uuid4()}
    return commands.cancel_round(round_id=the_round.id, **(given | changes))


def later(city: City) -> Round:
    """The programme's next round."""
    plan = city.plan(opens_at=AFTER, closes_at=AFTER + timedelta(days=14), first_month=date(2026, 4, 1))
    return city.opened(plan, at=AFTER)


@pytest.mark.parametrize("is_closed", [False, True], ids=["open", "closed"])
def test_a_cancelled_round_gives_its_families_back_and_the_next_one_takes_them(is_closed: bool) -> None:
    city = City(money={"sport": money_for(2)})
    the_round, families = city.opened(), city.families(5)
    city.file(the_round, families)
    if is_closed:
        city.close(the_round)
    assert cancel(city, the_round) == commands.Cancelled(returned=5, waiting_again=0)
    found = set(Application.objects.values_list("state", "reason"))
    assert found == {("rejected", "round_cancelled")}
    last = ApplicationHistory.objects.order_by("application", "-seq").distinct("application")
    assert {(row.to_state, row.cause, row.actor_id) for row in last} == {("rejected", "round_cancelled", 7)}
    following = later(city)
    outcomes = city.file(following, families, at=AFTER)
    assert all(outcome.id for outcome in outcomes)


def test_who_cancelled_when_and_why_is_recorded_and_public() -> None:
    city = City()
    the_round = city.opened()
    city.file(the_round, city.families(2))
    cancel(city, the_round, reason="  the council\nlost its secret ")
    step = RoundHistory.objects.get(round=the_round, to_state="cancelled")
    assert (step.from_state, step.actor_id, step.at) == ("open", 7, AFTER)
    event = AuditEvent.objects.get(action="cancel_round")
    assert (event.actor_id, event.subject_ids, event.detail["reason"]) == (7, [the_round.id], WHY)
    summary = queries.round_summary(the_round.number)
    assert (summary.state, summary.cancel_reason) == ("cancelled", WHY)
    topics = list(Outbox.objects.filter(topic__in=["round_cancelled", "application_rejected"]).values_list("topic"))
    assert sorted(topics) == [("application_rejected",)] * 2 + [("round_cancelled",)]


def test_nothing_follows_a_cancellation() -> None:
    city = City()
    the_round = city.opened()
    city.close(the_round)
    cancel(city, the_round)
    assert refusal(lambda: city.draw(the_round)) is R.ROUND_IN_OTHER_STATE
    assert refusal(lambda: city.file(the_round, city.families(1))) is R.ROUND_IN_OTHER_STATE
    assert refusal(lambda: cancel(city, the_round)) is R.ROUND_IN_OTHER_STATE
    for change in ("state = 'drawn', seed = '\\x00'", "cancel_reason = 'another'", "state = 'open'"):
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"UPDATE admission_round SET {change} WHERE id = %s", [the_round.id])
    the_round.refresh_from_db()
    assert the_round.seed is None


def test_a_drawn_round_is_past_cancelling() -> None:
    city = City(money={"sport": money_for(1)})
    the_round = city.opened()
    city.file(the_round, city.families(2))
    city.close(the_round)
    city.draw(the_round)
    assert refusal(lambda: cancel(city, the_round)) is R.ROUND_IN_OTHER_STATE
    with pytest.raises(IntegrityError), transaction.atomic():
        Round.objects.filter(pk=the_round.id).update(state="cancelled", cancel_reason="x", cancelled_at=AFTER)
    city.allocate(the_round)
    assert refusal(lambda: cancel(city, the_round)) is R.ROUND_IN_OTHER_STATE


@pytest.mark.parametrize("reason", ["", "  \n", "x" * 501])
def test_a_reason_is_given_and_the_database_asks_for_one_too(reason: str) -> None:
    city = City()
    the_round = city.opened()
    assert refusal(lambda: cancel(city, the_round, reason=reason)) is R.CANCEL_REASON_MISSING
    with pytest.raises(IntegrityError), transaction.atomic():
        Round.objects.filter(pk=the_round.id).update(state="cancelled")
    assert Round.objects.get().state == "open"


def test_only_a_programme_officer_cancels_and_never_the_clock() -> None:
    city = City()
    the_round = city.opened()
    for actor in (city.actor(*(set(Role) - {Role.PROGRAMME_OFFICER})), Actor.system("jobs")):
        with pytest.raises(Forbidden):
            cancel(city, the_round, actor=actor)


def test_a_repeated_cancellation_answers_the_same() -> None:
    city = City()
    the_round, key = city.opened(), uuid4()
    city.file(the_round, city.families(3))
    assert cancel(city, the_round, key=key) == cancel(city, the_round, key=key)
    assert RoundHistory.objects.filter(to_state="cancelled").count() == 1


def test_a_planned_round_that_never_opened_can_be_ended() -> None:
    city = City()
    assert cancel(city, city.planned(), at=OPENS).returned == 0


def test_who_left_a_waiting_list_for_the_cancelled_round_waits_again_at_the_same_place() -> None:
    city = City(money={"sport": money_for(1)})
    first, families = city.opened(), city.families(4)
    city.file(first, families)
    city.run(first)
    waiting = list(queries.positions(first.id, "sport"))
    assert len(waiting) == 3
    by_child = {child: guardian for guardian, child in families}
    moved = [(by_child[a.child_id], a.child_id) for a in Application.objects.filter(pk__in=waiting[:2])]
    second = later(city)
    filed = city.file(second, moved, at=AFTER)
    assert list(queries.positions(first.id, "sport")) == waiting[2:]
    withdrawn = filed[1].id
    assert withdrawn is not None
    commands.withdraw_application(
        actor=city.channel, application_id=withdrawn, guardian_id=moved[1][0], at=AFTER, key=uuid4()
    )
    stays_out = Application.objects.get(round=first, child_id=moved[1][1]).id
    assert cancel(city, second) == commands.Cancelled(returned=1, waiting_again=1)
    assert list(queries.positions(first.id, "sport")) == [i for i in waiting if i != stays_out]


def test_a_cancellation_takes_as_many_queries_for_ten_as_for_two_hundred() -> None:
    counts = []
    for size, kato in ((10, "710000000"), (200, "750000000")):
        city = City(kato=kato)
        the_round = city.opened()
        city.file(the_round, city.families(size))
        with CaptureQueriesContext(connection) as seen:
            cancel(city, the_round)
        counts.append(len(seen))
    assert counts[0] == counts[1]


# --- a beacon whose value is typed


def draw_typed(city: City, the_round: Round, second: Actor | None) -> Round:
    return commands.draw_round(
        actor=city.officer,
        second=second,
        round_id=the_round.id,
        beacon_value=b"7 14 21",
        secrets=PARTIES,
        at=AFTER,
        key=uuid4(),
    )


def typed_round(city: City) -> Round:
    the_round = city.opened(city.plan(beacon_name="typed:national lottery, draw 1234"))
    city.file(the_round, city.families(2), at=INSIDE)
    city.close(the_round, at=CLOSES)
    return the_round


def test_a_typed_value_needs_two_different_officers_and_the_audit_names_them() -> None:
    city = City()
    the_round, other = typed_round(city), replace(city.officer, user_id=8, label="user:8")
    assert refusal(lambda: draw_typed(city, the_round, None)) is R.TWO_OFFICERS_TYPE
    assert refusal(lambda: draw_typed(city, the_round, city.officer)) is R.TWO_OFFICERS_TYPE
    with pytest.raises(Forbidden):
        draw_typed(city, the_round, replace(city.actor(Role.CHECKER), user_id=8))
    assert bytes(draw_typed(city, the_round, other).beacon_value or b"") == b"7 14 21"
    assert AuditEvent.objects.get(action="draw_round").detail["typed_by"] == [7, 8]


def test_a_typed_beacon_says_what_is_typed() -> None:
    city = City()
    assert refusal(lambda: city.planned(city.plan(beacon_name="typed: "))) is R.BEACON_NOT_NAMED
