"""Trial lessons: what may be booked, what the own children have booked, who comes as a guest to whose lessons."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

from qosymsha.domain.attendance import queries as attendance
from qosymsha.domain.attendance.states import SessionState
from qosymsha.domain.people import queries as people
from qosymsha.domain.people.rules import ERASED_NAME, person_of
from qosymsha.domain.programmes import queries as programmes
from qosymsha.domain.programmes.agreement_rules import TrialTerms
from qosymsha.domain.providers import queries as providers
from qosymsha.domain.providers.rules import GroupFacts
from qosymsha.domain.trials.access import ALLOWED, Action
from qosymsha.domain.trials.rules import LessonNow, TrialFacts
from qosymsha.domain.trials.states import STANDS, TrialState
from qosymsha.domain.vouchers.rules import whole_years
from qosymsha.domain.witness import reading
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.errors import Forbidden, Refused

LIVE = (SessionState.PLANNED, SessionState.HELD)
_BACK = timedelta(days=31)  # a page of guests looks no further back


class TrialLessonOffer(NamedTuple):
    """A lesson a child may come to; `is_full`: no guest more."""

    uuid: UUID
    id: int
    on: date
    starts_at: datetime
    ends_at: datetime
    address_kk: str
    address_ru: str
    is_full: bool


class TrialShown(NamedTuple):
    """A trial with its lesson as it stands now; `name`: the child's, where the reader may know it."""

    id: int
    uuid: UUID
    child_id: int
    group_id: int
    group_uuid: UUID
    group: str
    activity: str
    provider: str
    session_id: int
    starts_at: datetime
    ends_at: datetime
    session_state: str
    address_kk: str
    address_ru: str
    state: str
    name: str = ""

    @property
    def is_live(self) -> bool:
        """Its lesson takes place, or took place."""
        return self.session_state in LIVE


_OFFERED = """
SELECT s.uuid, s.id, s."on", s.starts_at, s.ends_at, v.address_kk, v.address_ru, g.capacity, coalesce(t.taken, 0),
       (SELECT count(*) FROM trial_lesson b WHERE b.session_id = s.id AND b.state <> 'cancelled')
  FROM session s JOIN club_group g ON g.id = s.group_id JOIN venue v ON v.id = s.venue_id
  LEFT JOIN seat t ON t.group_id = g.id
 WHERE s.group_id = %s AND s.starts_at > %s AND s."on" <= %s AND s.state = 'planned' ORDER BY s.starts_at, s.id"""
_SHOWN = """
SELECT t.id, t.uuid, t.child_id, t.group_id, g.uuid, g.code, o.activity_id, p.name, t.session_id, s.starts_at,
       s.ends_at, s.state, v.address_kk, v.address_ru, t.state
  FROM trial_lesson t JOIN session s ON s.id = t.session_id JOIN club_group g ON g.id = t.group_id
  JOIN offering o ON o.id = g.offering_id JOIN provider p ON p.id = t.provider_id JOIN venue v ON v.id = s.venue_id
 WHERE """


def terms_of(programme_id: int, on: date) -> tuple[int, TrialTerms]:
    """(rule set, what it says of trials) on a day; no trials where no rules hold."""
    try:
        found = programmes.rules_in_force(programme_id, on)
    except Refused:
        return 0, TrialTerms()
    return found.id, found.rules.agreements.trial


def lessons_open(group: GroupFacts, at: datetime) -> list[TrialLessonOffer]:
    """The group's lessons that may be booked now, as far ahead as the rules say; no personal data."""
    today = local_day(at)
    _, terms = terms_of(group.programme_id, today)
    if not terms.on or not group.takes_new_on(today):
        return []
    found = rows(_OFFERED, [group.id, at, today + timedelta(days=terms.ahead_days)])
    return [
        TrialLessonOffer._make(
            (*row[:7], LessonNow(row[2], row[3], True, row[8], row[7], row[9]).is_full(terms.guests))
        )
        for row in found
    ]


def own_trials(*, actor: Actor, at: datetime) -> list[TrialShown]:
    """The trials of the guardian's children, the latest lesson first; an audited read.

    Raises:
        Forbidden: the actor is no guardian.
    """
    require(actor, Action.READ_OWN, ALLOWED)
    if actor.guardian_id is None:
        raise Forbidden(Action.READ_OWN)
    children = people.own_child_ids(actor.guardian_id, local_day(at))
    found = [TrialShown(*row) for row in rows(_SHOWN + "t.child_id = ANY (%s) ORDER BY s.starts_at DESC", [children])]
    return _named(actor, Action.READ_OWN, found, at)


def guests(*, actor: Actor, provider_id: int, at: datetime) -> list[TrialShown]:
    """Who comes to the provider's lessons on trial, by time, from a month back on; an audited read.

    The manager sees all, a teacher those of the lessons that teacher may mark.

    Raises:
        Forbidden: the actor does not work for the provider.
    """
    require(actor, Action.READ_GUESTS, ALLOWED, provider_id=provider_id)
    order = "t.provider_id = %s AND t.state <> 'cancelled' AND s.starts_at >= %s ORDER BY s.starts_at, t.id"
    found = [TrialShown(*row) for row in rows(_SHOWN + order, [provider_id, at - _BACK])]
    lessons = attendance.sessions_by_id(provider_id, {one.session_id for one in found})
    hidden = attendance.not_own(actor, provider_id, lessons)
    return _named(actor, Action.READ_GUESTS, [one for one in found if one.session_id not in hidden], at)


def guests_on(provider_id: int, on: date) -> int:
    """How many guests are booked for a provider's lessons of a day; a number."""
    ((n,),) = rows(
        "SELECT count(*) FROM trial_lesson t JOIN session s ON s.id = t.session_id"
        " WHERE t.provider_id = %s AND s.\"on\" = %s AND t.state <> 'cancelled' AND s.is_live",
        [provider_id, on],
    )
    return int(n)


def guests_unmarked(provider_id: int, at: datetime) -> int:
    """How many guests' lessons have begun without a word whether they came; a number."""
    ((n,),) = rows(
        "SELECT count(*) FROM trial_lesson t JOIN session s ON s.id = t.session_id"
        " WHERE t.provider_id = %s AND t.state = 'booked' AND s.is_live AND s.starts_at BETWEEN %s AND %s",
        [provider_id, at - _BACK, at],
    )
    return int(n)


def _named(actor: Actor, action: Action, found: list[TrialShown], at: datetime) -> list[TrialShown]:
    children, ids = {one.child_id for one in found}, [one.id for one in found]
    reading.saw(actor=actor, at=at, action=action, kind="trial_lesson", ids=ids, children=children)
    people_of = {i: person_of(plain) for i, plain in people.unseal("child", children).items()}
    names = {i: f"{one.surname} {one.given}".strip() for i, one in people_of.items()}
    return [one._replace(name=names.get(one.child_id, ERASED_NAME)) for one in found]


def facts_of(group: GroupFacts, child_id: int, session_id: int, terms: TrialTerms, today: date) -> TrialFacts | None:
    """What a booking is judged by; None where the lesson is none of the group's. For the command, under its locks."""
    lesson = _lesson(group, session_id)
    if lesson is None:
        return None
    born = people.birth_dates([child_id]).get(child_id)
    here, lately = _trials(child_id, group.id, today - timedelta(days=terms.within_days - 1))
    places = "SELECT 1 FROM enrolment WHERE child_id = %s AND group_id = %s AND state <> 'ended'"
    return TrialFacts(
        is_open=group.takes_new_on(max(today, lesson.on)),
        fits_age=born is not None and group.takes_age(whole_years(born, lesson.on)),
        has_place=bool(rows(places, [child_id, group.id])),
        here=here,
        lately=lately,
        lesson=lesson,
    )


def _lesson(group: GroupFacts, session_id: int) -> LessonNow | None:
    found = rows(
        'SELECT s."on", s.starts_at, s.state, coalesce(t.taken, 0),'
        " (SELECT count(*) FROM trial_lesson b WHERE b.session_id = s.id AND b.state <> 'cancelled')"
        " FROM session s LEFT JOIN seat t ON t.group_id = s.group_id WHERE s.id = %s AND s.group_id = %s",
        [session_id, group.id],
    )
    if not found:
        return None
    ((on, starts_at, state, taken, booked),) = found
    return LessonNow(on, starts_at, state == SessionState.PLANNED, taken, group.capacity, booked)


def _trials(child_id: int, group_id: int, since: date) -> tuple[int, int]:
    """A child's trials that stand: in this group, and booked from a day on; one whose lesson is gone is none."""
    found = rows(
        "SELECT t.group_id, t.booked_at FROM trial_lesson t JOIN session s ON s.id = t.session_id"
        " WHERE t.child_id = %s AND t.state = ANY (%s) AND (t.state <> 'booked' OR s.is_live)",
        [child_id, sorted(STANDS)],
    )
    return sum(g == group_id for g, _ in found), sum(local_day(at) >= since for _, at in found)


def gone_bookings(child_id: int, group_id: int) -> list[int]:
    """A child's bookings in a group whose lesson was cancelled or moved: they make room for another."""
    found = rows(
        "SELECT t.id FROM trial_lesson t JOIN session s ON s.id = t.session_id"
        " WHERE t.child_id = %s AND t.group_id = %s AND t.state = %s AND NOT s.is_live ORDER BY t.id",
        [child_id, group_id, TrialState.BOOKED],
    )
    return [i for (i,) in found]


def group_of(group_uuid: UUID) -> GroupFacts | None:
    """A group by its outside id. Public: no personal data."""
    found = rows("SELECT id FROM club_group WHERE uuid = %s", [group_uuid])
    return providers.group_facts([found[0][0]])[found[0][0]] if found else None


def group_of_session(session_id: int) -> GroupFacts | None:
    """The group of a lesson, with what decides about its places."""
    found = rows("SELECT group_id FROM session WHERE id = %s", [session_id])
    return providers.group_facts([found[0][0]])[found[0][0]] if found else None


def rows(statement: str, arguments: list[Any]) -> list[tuple[Any, ...]]:
    """All rows of a statement."""
    with connection.cursor() as cursor:
        cursor.execute(statement, arguments)
        return list(cursor.fetchall())
