"""What a file lacks and when its end is told; what becomes of planned lessons when a week changes. Examples."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest

from qosymsha.domain.attendance.rules import SessionFacts
from qosymsha.domain.changes.rules import ChangeRefusal, Wanted, fate_of, refuse_day
from qosymsha.domain.programmes.accrediting_rules import Accrediting
from qosymsha.domain.providers.rules import Paper, ProviderRefusal, Slot
from qosymsha.domain.providers.rules.files import Standing, asked_papers, lacking
from qosymsha.domain.providers.rules.running import clashes

TODAY = date(2026, 9, 1)
TERMS = Accrediting(papers=("fire", "teachers"), papers_of_kind={"sport": ("first_aid",)}, warn_days=(60, 30, 7))
AT = datetime(2026, 9, 14, 10, tzinfo=UTC)


def fire(last: date | None, first: date = date(2026, 1, 1)) -> Paper:
    return Paper("fire", "1", first, last)


@pytest.mark.parametrize(
    ("papers", "standing", "warns"),
    [
        ((), Standing.MISSING, None),
        ((fire(date(2026, 8, 31)),), Standing.EXPIRED, None),
        ((fire(None, date(2026, 9, 2)),), Standing.COMING, None),
        ((fire(None),), Standing.VALID, None),
        ((fire(TODAY + timedelta(61)),), Standing.VALID, None),
        ((fire(TODAY + timedelta(60)),), Standing.ENDING, 60),
        ((fire(TODAY + timedelta(30)),), Standing.ENDING, 30),
        ((fire(TODAY + timedelta(8)),), Standing.ENDING, 30),
        ((fire(TODAY),), Standing.ENDING, 7),
        ((fire(TODAY), fire(TODAY + timedelta(90))), Standing.VALID, None),
    ],
)
def test_how_a_paper_stands(papers: tuple[Paper, ...], standing: Standing, warns: int | None) -> None:
    one = next(a for a in asked_papers(papers, (), TERMS, TODAY) if a.kind == "fire")
    assert (one.standing, one.warns) == (standing, warns)


def test_a_kind_may_ask_for_more_and_what_came_besides_is_shown_but_not_asked() -> None:
    assert [a.kind for a in asked_papers([], ["sport"], TERMS, TODAY)] == ["fire", "teachers", "first_aid"]
    besides = asked_papers([Paper("first_aid", "2", TODAY)], ["creative"], TERMS, TODAY)
    assert [(a.kind, a.is_required) for a in besides][-1] == ("first_aid", False)
    assert lacking(besides) == ["fire", "teachers"]


def session(i: int, at: datetime, state: str = "planned", teacher: int = 1) -> SessionFacts:
    return SessionFacts(i, 5, at.date(), at, state, 1, 1, at + timedelta(hours=1), 7, teacher, None)


def wanted(at: datetime, teacher: int = 1) -> Wanted:
    return Wanted(at.date(), at, at + timedelta(hours=1), teacher)


def test_what_becomes_of_planned_lessons() -> None:
    later = AT + timedelta(days=2)
    stays, goes = session(1, AT), session(2, later)
    done = fate_of([stays, goes], (), [wanted(AT), wanted(AT + timedelta(days=1))])
    assert (done.handed, done.cancelled) == ((), (goes,))
    assert [w.starts_at for w in done.made] == [AT + timedelta(days=1)]
    assert fate_of([stays], (), [wanted(AT, teacher=2)]).handed == ((stays, 2),)
    assert fate_of([goes], {2}, []).cancelled == ()  # somebody moved it there: it stays
    for state in ("held", "cancelled", "moved"):
        left = session(3, AT, state)
        assert fate_of([left], (), [wanted(AT)]).made == (), state  # no second lesson at its hour
        assert fate_of([left], (), []).cancelled == (), state
    longer = replace(wanted(AT), ends_at=AT + timedelta(hours=2))
    assert fate_of([stays], (), [longer]) == fate_of([stays], (), [longer])
    assert fate_of([stays], (), [longer]).made == (longer,)


@pytest.mark.parametrize(
    ("first", "left", "reason"),
    [
        (TODAY, (), ChangeRefusal.TOO_SOON),
        (TODAY + timedelta(1), (), None),
        (date(2027, 1, 1), (), ChangeRefusal.AFTER_THE_END),
        (date(2026, 9, 20), (date(2026, 9, 1),), ChangeRefusal.MONTH_SENT),
        (date(2026, 9, 20), (date(2026, 8, 1),), None),
    ],
)
def test_from_which_day_a_week_may_change(first: date, left: tuple[date, ...], reason: object) -> None:
    assert refuse_day(first, TODAY, date(2026, 12, 31), left) is reason


def test_clashes_are_told_lesson_by_lesson_with_the_groups_in_the_way() -> None:
    def slot(group: int, teacher: int, hour: int, venue: int = 1) -> Slot:
        return Slot(group, teacher, venue, 1, time(hour), time(hour + 1), TODAY, None)

    others = [slot(2, 9, 15), slot(3, 8, 16, venue=2)]
    found = clashes([slot(1, 8, 16), slot(1, 7, 15)], others, {2: 10, 3: 10}, 15, 20)
    assert [(c.reason, c.starts.hour, c.group_ids) for c in found] == [
        (ProviderRefusal.TEACHER_BUSY, 16, (3,)),
        (ProviderRefusal.VENUE_FULL, 15, (2,)),
    ]
    assert clashes([slot(1, 7, 17)], others, {2: 10, 3: 10}, 15, 20) == []
