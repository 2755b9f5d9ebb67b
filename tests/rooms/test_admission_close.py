"""Plan, open, close: one round at a time, and a closed list that never changes."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from qosymsha.domain.admission import commands
from qosymsha.domain.admission.models import Application, ApplicationHistory, FrozenLine, Round, RoundHistory
from qosymsha.domain.admission.rules import AdmissionRefusal
from qosymsha.domain.allocation import canonical, merkle
from qosymsha.domain.people.models import Guardianship
from qosymsha.domain.people.states import Role
from qosymsha.kernel.errors import Forbidden, KeyReason, Refused
from tests.factories.admission import (
    AFTER,
    CLOSES,
    OPENS,
    PARTIES,
    City,
    document,
    money_for,
)
from tests.factories.refusals import refusal
from tests.factories.round_stages import publish

pytestmark = pytest.mark.django_db
R = AdmissionRefusal


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"closes_at": OPENS}, R.WINDOW_BACKWARDS),
        ({"last_month": date(2026, 2, 1)}, R.MONTHS_BACKWARDS),
        ({"first_month": date(2026, 3, 2)}, R.MONTHS_BACKWARDS),
        ({"last_month": date(2027, 1, 1)}, R.MONTHS_IN_TWO_YEARS),
        ({"first_month": date(2027, 3, 1), "last_month": date(2027, 3, 1)}, R.NO_BUDGET_LINE),
        ({"beacon_name": " "}, R.BEACON_NOT_NAMED),
        ({"commitments": {"akimat": b"\1" * 32}}, R.TWO_PARTIES_NEEDED),
        ({"commitments": {"akimat": b"\1" * 32, " ": b"\2" * 32}}, R.TWO_PARTIES_NEEDED),
        ({"commitments": {"akimat": b"\1" * 32, "parents": b"\2" * 31}}, R.COMMITMENT_MALFORMED),
        ({"commitments": {"akimat": b"\1" * 32, "parents": b"\1" * 32}}, R.COMMITMENT_MALFORMED),
    ],
)
def test_a_plan_that_could_not_be_drawn_fairly_is_refused(changes: dict[str, Any], reason: R) -> None:
    city = City()
    assert refusal(lambda: city.planned(city.plan(**changes))) is reason
    assert not Round.objects.exists()


def test_a_round_opens_in_its_time_and_one_at_a_time() -> None:
    city = City()
    first, second = city.planned(), city.planned()

    def open_at(round_id: int, at: Any) -> Round:
        return commands.open_round(actor=city.officer, round_id=round_id, at=at, key=uuid4())

    assert refusal(lambda: open_at(first.id, OPENS - timedelta(seconds=1))) is R.WINDOW_NOT_OPEN
    assert refusal(lambda: open_at(first.id, CLOSES)) is R.WINDOW_NOT_OPEN
    open_at(first.id, OPENS)
    assert refusal(lambda: open_at(first.id, OPENS)) is R.ROUND_IN_OTHER_STATE
    assert refusal(lambda: open_at(second.id, OPENS)) is R.ANOTHER_ROUND_RUNS


def test_two_running_rounds_of_a_programme_are_refused_by_the_database_too() -> None:
    city = City()
    city.opened()
    second = city.planned()
    with pytest.raises(IntegrityError), transaction.atomic():
        Round.objects.filter(pk=second.id).update(state="open")


def test_plan_and_open_repeat_without_doing_twice() -> None:
    city = City()
    key, plan = uuid4(), city.plan()
    planned = [
        commands.plan_round(actor=city.officer, programme_id=city.programme.id, plan=plan, at=OPENS, key=key)
        for _ in range(2)
    ]
    assert planned[0] == planned[1]
    opened = [
        commands.open_round(actor=city.officer, round_id=planned[0].id, at=OPENS, key=key).state for _ in range(2)
    ]
    assert opened == ["open", "open"]
    with pytest.raises(Refused) as refused:
        commands.open_round(actor=city.officer, round_id=city.planned().id, at=OPENS, key=key)
    assert refused.value.reason is KeyReason.KEY_REUSED


@pytest.mark.parametrize("verb", ["plan", "open", "close", "draw", "allocate", "publish", "refill"])
def test_only_the_programmes_office_leads_a_round(verb: str, tmp_path: Path) -> None:
    city = City()
    the_round = city.opened()
    fixed: dict[str, Any] = {
        "at": AFTER,
        "key": uuid4(),
        "actor": city.actor(*(set(Role) - {Role.PROGRAMME_OFFICER, Role.SYSTEM})),
    }
    round_id = {"round_id": the_round.id}
    calls: dict[str, Any] = {
        "plan": lambda: commands.plan_round(programme_id=city.programme.id, plan=city.plan(), **fixed),
        "open": lambda: commands.open_round(**round_id, **fixed),
        "close": lambda: commands.close_round(**round_id, **fixed),
        "draw": lambda: commands.draw_round(beacon_value=b"b", secrets=PARTIES, **round_id, **fixed),
        "allocate": lambda: commands.allocate_round(**round_id, **fixed),
        "publish": lambda: commands.publish_round(folder=tmp_path, **round_id, **fixed),
        "refill": lambda: commands.refill(**round_id, **fixed),
    }
    with pytest.raises(Forbidden):
        calls[verb]()


def test_the_window_is_not_closed_early() -> None:
    city = City()
    the_round = city.opened()
    assert refusal(lambda: city.close(the_round, at=CLOSES - timedelta(seconds=1))) is R.WINDOW_STILL_OPEN


def test_claims_are_those_valid_at_the_cut_off_and_the_best_one_competes() -> None:
    city = City()
    the_round = city.opened()
    cut_off = date(2026, 2, 16)
    plain = city.families(1)
    several = city.families(1, categories=["large-family", "disability", "unheard-of"])
    lapsed = city.families(1, categories=["orphan"], evidence_until=cut_off)
    last_day = city.families(1, categories=["orphan"], evidence_until=cut_off + timedelta(days=1))
    for families in (plain, several, lapsed, last_day):
        city.file(the_round, families)
    closed = city.close(the_round)
    found = {row.child_id: (row.category, row.claims) for row in Application.objects.all()}
    assert found == {
        plain[0][1]: ("general", []),
        several[0][1]: ("disability", ["disability", "large-family"]),
        lapsed[0][1]: ("general", []),
        last_day[0][1]: ("orphan", ["orphan"]),
    }
    assert closed.applications == 4
    assert not closed.rejected


def test_who_lost_the_right_before_the_cut_off_is_rejected_with_the_reason() -> None:
    city = City()
    the_round = city.opened()
    ended, fine = city.families(2)
    city.file(the_round, [ended, fine])
    Guardianship.objects.filter(child_id=ended[1]).update(valid=(date(2020, 1, 1), date(2026, 2, 10)))
    assert city.close(the_round).rejected == {"not_guardian": 1}
    rejected = Application.objects.get(child_id=ended[1])
    assert (rejected.state, rejected.reason) == ("rejected", "not_guardian")
    assert [row.application.child_id for row in FrozenLine.objects.all()] == [fine[1]]
    last = ApplicationHistory.objects.filter(application=rejected).latest("seq")
    assert (last.seq, last.from_state, last.cause) == (2, "submitted", "not_guardian")


def test_the_closed_list_is_sorted_salted_and_has_the_published_root() -> None:
    city = City(rules=document(allocation={"reserves": [{"segment": "sport", "category": "sen", "permille": 100}]}))
    the_round = city.opened()
    city.file(the_round, [*city.families(3), *city.families(1, categories=["sen", "orphan"])])
    closed = city.close(the_round)
    the_round.refresh_from_db()
    rows = list(FrozenLine.objects.order_by("position").values_list("position", "line", "leaf"))
    assert [position for position, _, _ in rows] == list(range(4))
    assert [line for _, line, _ in rows] == sorted(line for _, line, _ in rows)
    tiers = sorted(tuple(line.split("\t")[1:]) for _, line, _ in rows)
    assert tiers == [("sport", "1", "sen", "")] + [("sport", "12", "", "")] * 3
    leaves = canonical.terms_leaf(the_round.terms) + b"".join(bytes(leaf) for _, _, leaf in rows)
    assert merkle.root(leaves).hex() == closed.root == bytes(the_round.root or b"").hex()


def test_a_repeated_close_answers_the_same() -> None:
    city = City()
    the_round, key = city.opened(), uuid4()
    city.file(the_round, city.families(3))
    first, second = (
        commands.close_round(actor=city.officer, round_id=the_round.id, at=CLOSES, key=key) for _ in range(2)
    )
    assert first == second
    assert refusal(lambda: city.close(the_round)) is R.ROUND_IN_OTHER_STATE
    assert RoundHistory.objects.filter(to_state="closed").count() == 1


def test_an_empty_round_goes_through_to_the_end(tmp_path: Path) -> None:
    city = City(money={"sport": money_for(3)})
    the_round = city.opened()
    allocated = city.run(the_round)
    assert allocated.vouchers == 0
    publish(city, the_round, tmp_path)
    assert city.refill(the_round).rejected == 0


def test_a_close_takes_as_many_queries_for_ten_as_for_two_hundred() -> None:
    counts = []
    for size, kato in ((10, "710000000"), (200, "750000000")):
        city = City(kato=kato, money={"sport": money_for(5)})
        the_round = city.opened()
        city.file(the_round, city.families(size))
        with CaptureQueriesContext(connection) as seen:
            city.run(the_round)
        counts.append(len(seen))
    assert counts[0] == counts[1]
