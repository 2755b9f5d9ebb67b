"""Red flags on the register's own months: raised, held, explained, resolved by a person, never silently gone."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from qosymsha.domain.attendance import commands as attendance
from qosymsha.domain.attendance import queries as sheets
from qosymsha.domain.attendance.models import Session, SheetRow
from qosymsha.domain.attendance.rules import OfflineMark, Scan, Trace, Word
from qosymsha.domain.attendance.states import TraceKind
from qosymsha.domain.attendance.steps import leave_traces
from qosymsha.domain.flags import commands, queries
from qosymsha.domain.flags.models import FlagHistory, FlagReason, FlagRun, RedFlag
from qosymsha.domain.flags.rules.recording import FlagRefusal, PointDraft, Resolution
from qosymsha.domain.people.models import Guardianship
from qosymsha.domain.people.states import Role
from qosymsha.kernel.actor import Actor, Grant
from qosymsha.kernel.errors import Forbidden
from qosymsha.kernel.models import AuditEvent
from tests.factories.attendance import OVER, guardian_of, manager, phone, plan, send, sent_sheet, teacher
from tests.factories.presence import family_of, shown_at
from tests.factories.readings import readings
from tests.factories.vouchers import CHANNEL, FIRST, OFFICER, SYSTEM, City, add_group, enrolled, key, make_city

pytestmark = pytest.mark.django_db
CHECKER = Actor(501, "user:501", (Grant(Role.CHECKER),))


@dataclass
class Month:
    """A sent sheet of some families, all of whom confirmed at once on one device."""

    city: City
    sheet_id: int
    rows: list[SheetRow]


def confirmed_month(families: int = 8, device: str = "one-phone", apart: timedelta = timedelta(0)) -> Month:
    city = make_city()
    places = [e for _, _, e in enrolled(city, add_group(city), families)]
    sheet_id, rows = sent_sheet(city, places)
    at = OVER + timedelta(hours=1)
    for number, row in enumerate(rows):
        words = [Word(row.pk, guardian_of(row), "confirmed", "")]
        (outcome,) = attendance.confirm_rows(actor=CHANNEL, words=words, at=at + number * apart, key=key())
        assert outcome.reason is None
        with transaction.atomic():
            mine = device or f"phone-{number}"
            leave_traces(TraceKind.WORD, [row.pk], Trace(mine, f"net-{mine}"), at, month=FIRST)
    return Month(city, sheet_id, rows)


def screen(month: Month, actor: Actor = SYSTEM, at: Any = OVER + timedelta(days=1)) -> commands.Screening:
    return commands.screen(actor=actor, programme_id=month.city.programme_id, month=FIRST, at=at, key=key())


def resolve(flag: RedFlag, outcome: str = "dismissed", actor: Actor = CHECKER, **said: str) -> object:
    words = {"reason": "a grandmother of them all", "evidence": "visit of 3.10"} | said
    (done,) = commands.resolve_flags(
        actor=actor, resolutions=[Resolution(flag.pk, outcome, **words)], at=OVER + timedelta(days=2), key=key()
    )
    return done.reason


def payable(month: Month) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(sum(payable_present), 0) FROM sheet_row_due WHERE sheet_id = %s", [month.sheet_id]
        )
        return int(cursor.fetchone()[0])


def test_one_device_for_eight_families_is_flagged_and_none_of_its_days_is_payable() -> None:
    month = confirmed_month()
    before = payable(month)
    assert before == sum(row.present for row in month.rows) > 0
    done = screen(month)
    assert (done.providers, done.places, done.raised) == (1, 8, 8)
    assert done.held == before, "every present day is held"
    assert payable(month) == 0
    flag = RedFlag.objects.order_by("id")[0]
    assert flag.state == "open"
    assert flag.score_permille >= 500
    codes = set(FlagReason.objects.filter(flag=flag).values_list("code", flat=True))
    assert {"shared_confirming_device", "confirmed_in_burst"} <= codes
    figures = FlagReason.objects.get(flag=flag, code="shared_confirming_device").figures
    assert figures["families"] == 8


def test_families_with_phones_of_their_own_are_not_flagged() -> None:
    month = confirmed_month(device="", apart=timedelta(hours=2))
    before = payable(month)
    assert screen(month).raised == 0
    assert payable(month) == before > 0


def test_screening_again_raises_and_holds_nothing_twice() -> None:
    month = confirmed_month()
    first = screen(month)
    again = screen(month)
    assert (again.raised, again.grown, again.held) == (0, 0, 0)
    assert RedFlag.objects.count() == first.raised
    assert FlagRun.objects.count() == 2, "each run is on record"


def test_a_repeated_key_answers_as_before() -> None:
    month = confirmed_month()
    once = key()
    told = [
        commands.screen(actor=SYSTEM, programme_id=month.city.programme_id, month=FIRST, at=OVER, key=once)
        for _ in range(2)
    ]
    assert told[0] == told[1]
    assert FlagRun.objects.count() == 1


def test_a_dismissed_flag_frees_its_days_and_does_not_come_back_for_the_same_evidence() -> None:
    month = confirmed_month()
    before = payable(month)
    screen(month)
    for flag in RedFlag.objects.all():
        assert resolve(flag) is None
    assert payable(month) == before
    assert screen(month).raised == 0
    assert payable(month) == before


def test_new_evidence_after_a_dismissal_raises_a_new_flag() -> None:
    month = confirmed_month()
    screen(month)
    for flag in RedFlag.objects.all():
        assert resolve(flag) is None
    session = sheets.sessions_of(month.city.provider_id, FIRST)[0]
    with connection.cursor() as cursor:  # another register now has one child abroad: told by an hour no lesson has
        cursor.execute("UPDATE session SET starts_at = starts_at + interval '7 hours', ends_at = ends_at + interval"
                       " '7 hours' WHERE id = %s", [session.id])  # fmt: skip
    again = screen(month)
    assert again.raised == len(month.rows)
    fresh = RedFlag.objects.filter(state="open")
    assert {r.code for r in FlagReason.objects.filter(flag__in=fresh)} == {"odd_hour"}, "what was judged is left out"
    assert all(flag.days == [session.on] for flag in fresh)


def test_an_upheld_flag_takes_its_days_away_for_good() -> None:
    month = confirmed_month()
    screen(month)
    for flag in RedFlag.objects.all():
        assert resolve(flag, "upheld") is None
    assert payable(month) == 0
    assert screen(month).raised == 0
    assert payable(month) == 0


def test_a_resolution_names_its_person_reason_and_evidence_and_stays_in_the_history() -> None:
    month = confirmed_month()
    screen(month)
    flag = RedFlag.objects.order_by("id")[0]
    assert resolve(flag, reason=" ") is FlagRefusal.FLAG_REASON_MISSING
    assert resolve(flag, evidence="") is FlagRefusal.FLAG_EVIDENCE_MISSING
    assert resolve(flag, "forgotten") is FlagRefusal.UNKNOWN_OUTCOME
    assert resolve(flag) is None
    assert resolve(flag) is FlagRefusal.FLAG_RESOLVED
    flag.refresh_from_db()
    assert (flag.state, flag.resolved_by, flag.evidence) == ("dismissed", CHECKER.user_id, "visit of 3.10")
    steps = FlagHistory.objects.filter(red_flag=flag).order_by("seq").values_list("to_state", "actor_id")
    assert list(steps) == [("open", 0), ("dismissed", CHECKER.user_id)]
    assert AuditEvent.objects.filter(action="resolve_flags").exists()


def test_who_works_for_the_provider_or_is_no_person_resolves_nothing() -> None:
    month = confirmed_month()
    screen(month)
    flag = RedFlag.objects.order_by("id")[0]
    both = Actor(502, "user:502", (Grant(Role.CHECKER), Grant(Role.TEACHER, provider_id=month.city.provider_id)))
    assert resolve(flag, actor=both) is FlagRefusal.FLAG_OWN_PROVIDER
    parent = Actor(503, "user:503", (Grant(Role.CHECKER),), guardian_id=guardian_of(month.rows[0]))
    assert resolve(flag, actor=parent) is FlagRefusal.FLAG_OWN_PROVIDER
    with pytest.raises(Forbidden):
        resolve(flag, actor=SYSTEM)
    with pytest.raises(Forbidden):
        resolve(flag, actor=manager(month.city))
    with pytest.raises(Forbidden):
        screen(month, actor=manager(month.city))
    elsewhere = Actor(504, "user:504", (Grant(Role.CHECKER, territory_ids=frozenset({0})),))
    assert resolve(flag, actor=elsewhere) is FlagRefusal.UNKNOWN_FLAG
    flag.refresh_from_db()
    assert flag.state == "open"


def test_a_provider_is_screened_only_once_its_drawn_sheets_were_looked_at() -> None:
    month = confirmed_month()
    provider = month.city.provider_id
    assert queries.screened([provider], FIRST) == set()
    commands.screen(
        actor=SYSTEM, programme_id=month.city.programme_id, month=FIRST, at=OVER - timedelta(hours=1), key=key()
    )
    assert queries.screened([provider], FIRST) == set(), "that look was before the sheet"
    screen(month)
    assert queries.screened([provider], FIRST) == {provider}


def test_flags_are_read_with_their_reasons_and_the_read_is_audited() -> None:
    month = confirmed_month()
    screen(month)
    city = month.city
    found = queries.flags(
        actor=OFFICER, programme_id=city.programme_id, territory_id=city.territory_id, month=FIRST, at=OVER
    )
    assert len(found) == 8
    assert all(flag.reasons and flag.days for flag in found)
    event = readings("read_flags")[-1]
    assert event.detail["read"]["read_flags"]["red_flag"] == sorted(flag.id for flag in found)
    assert event.subject_ids == sorted({flag.child_id for flag in found if flag.child_id})
    with pytest.raises(Forbidden):
        queries.flags(
            actor=manager(city), programme_id=city.programme_id, territory_id=city.territory_id, month=FIRST, at=OVER
        )


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE flag_reason SET strength_permille = 0",
        "DELETE FROM flag_run",
        "DELETE FROM red_flag_history",
        "UPDATE red_flag SET state = 'upheld', resolved_at = now(), resolved_by = 0, reason = 'x', evidence = 'y'",
        "UPDATE red_flag SET state = 'dismissed', resolved_at = now(), resolved_by = 5, reason = 'x', evidence = ''",
    ],
)
def test_the_database_itself_keeps_reasons_runs_and_signatures(statement: str) -> None:
    screen(confirmed_month())
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


GHOST, PHONE = "desk-tablet", Trace("teacher-phone", "hall-wifi")


def lived_month() -> tuple[City, dict[str, list[tuple[int, int, int]]]]:
    """Three groups of a month kept by the register's own verbs: honest families, siblings of one phone, a ghost group.

    Marks come by `sync_marks` after each lesson with the teacher's trace, families scan the rotating code with theirs
    and confirm at home; the ghost group's marks, nobody's scans, and all words come from the desk in one go.
    """
    city = make_city()
    groups = {
        "honest": add_group(city),
        "siblings": add_group(city, weekdays=(1, 3)),
        "ghost": add_group(city, weekdays=(5, 6)),
    }
    families = {
        name: [family_of(e) for _, _, e in enrolled(city, group, 5 if name == "siblings" else 8)]
        for name, group in groups.items()
    }
    mother = families["siblings"][0][0]
    Guardianship.objects.filter(child_id__in=[child for _, child, _ in families["siblings"]]).update(guardian_id=mother)
    families["siblings"] = [(mother, child, place) for _, child, place in families["siblings"]]
    counter, draw = 0, random.Random(7)
    for session in plan(city):
        name = next(name for name, group in groups.items() if group == session.group_id)
        lesson = Session.objects.get(pk=session.id)
        late = timedelta(minutes=70)
        entries = []
        for guardian, child, place in families[name]:
            missed = name != "ghost" and draw.randrange(8) == 0
            counter += 1
            entries.append(OfflineMark(counter, session.id, place, "absent" if missed else "present", None))
            if name != "ghost" and not missed:
                _scan(lesson, guardian, child, draw.randrange(-240, 540), family=0 if name == "siblings" else guardian)
        trace = Trace(GHOST, "office") if name == "ghost" else PHONE
        attendance.sync_marks(
            actor=teacher(city), provider_id=city.provider_id, device=phone(1 if name == "ghost" else 2),
            entries=entries, at=lesson.starts_at + late, key=key(), trace=trace,
        )  # fmt: skip
    _confirm(city, families)
    return city, families


def _scan(lesson: Session, guardian: int, child: int, seconds: int, family: int) -> None:
    at = lesson.starts_at + timedelta(seconds=seconds)
    scan = Scan(child, guardian, shown_at(lesson, at), lesson.uuid, trace=Trace(f"phone-{family}", "mobile"))
    (outcome,) = attendance.check_in_children(actor=CHANNEL, scans=[scan], at=at, key=key())
    assert outcome.reason is None, outcome


def _confirm(city: City, families: dict[str, list[tuple[int, int, int]]]) -> None:
    assert {o.reason for o in send(city)} == {None}
    rows = {row.enrolment_id: row for row in SheetRow.objects.all()}
    for name, members in families.items():
        for number, (guardian, _, place) in enumerate(members):
            is_ghost = name == "ghost"
            mine = 0 if name == "siblings" else guardian
            trace = Trace(GHOST, "office") if is_ghost else Trace(f"phone-{mine}", f"home-{mine}")
            at = OVER + (timedelta(seconds=9 * number) if is_ghost else timedelta(hours=2 + 3 * number, minutes=number))
            words = [Word(rows[place].pk, guardian, "confirmed", "", trace=trace)]
            (outcome,) = attendance.confirm_rows(actor=CHANNEL, words=words, at=at, key=key())
            assert outcome.reason is None


def test_of_a_live_month_the_ghost_group_is_found_and_honest_families_and_siblings_are_not() -> None:
    city, families = lived_month()
    at = OVER + timedelta(days=3)
    done = commands.screen(actor=SYSTEM, programme_id=city.programme_id, month=FIRST, at=at, key=key())
    flagged = set(RedFlag.objects.values_list("enrolment_id", flat=True))
    assert flagged == {place for _, _, place in families["ghost"]}, list(
        FlagReason.objects.values_list("flag__enrolment_id", "code", "strength_permille", "figures")
    )
    assert done.held > 0
    codes = set(FlagReason.objects.values_list("code", flat=True))
    assert {"confirmed_on_marking_device", "shared_confirming_device"} <= codes
    assert FlagRun.objects.get().marks == sum(len(plan_days(city, group)) for group in families.values())


def plan_days(city: City, members: list[tuple[int, int, int]]) -> list[tuple[int, int]]:
    """(session, place) of a group's members."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT session_id, enrolment_id FROM mark WHERE enrolment_id = ANY (%s)", [[p for _, _, p in members]]
        )
        return cursor.fetchall()


def test_marks_sent_after_the_months_end_are_still_compared_with_words_of_their_month() -> None:
    city = make_city()
    places = [e for _, _, e in enrolled(city, add_group(city), 4)]
    sessions = plan(city)
    entries = [
        OfflineMark(n + 1, s.id, e, "present", None)
        for n, (s, e) in enumerate((s, e) for s in sessions for e in places)
    ]
    attendance.sync_marks(
        actor=teacher(city), provider_id=city.provider_id, device=phone(3), entries=entries, at=OVER, key=key(),
        trace=Trace(GHOST, "office"),
    )  # fmt: skip
    send(city)
    for row in SheetRow.objects.all():
        words = [Word(row.pk, guardian_of(row), "confirmed", "", trace=Trace(GHOST, "office"))]
        attendance.confirm_rows(actor=CHANNEL, words=words, at=OVER, key=key())
    commands.screen(actor=SYSTEM, programme_id=city.programme_id, month=FIRST, at=OVER + timedelta(days=1), key=key())
    assert FlagReason.objects.filter(code="confirmed_on_marking_device").count() == len(places)


def test_a_registered_point_is_not_suspected_and_the_control_shows_it() -> None:
    month = confirmed_month(device="point-3")
    officer = Actor(505, "user:505", (Grant(Role.PROGRAMME_OFFICER),))
    point = PointDraft("point-3", "ХҚКО, Абай 1", FIRST)
    given = {"programme_id": month.city.programme_id, "at": OVER}
    for actor in (CHECKER, manager(month.city), SYSTEM):
        with pytest.raises(Forbidden):
            commands.register_points(actor=actor, points=[point], key=key(), **given)
    bad = [point, point, PointDraft("", "x", FIRST), PointDraft("d", "x", FIRST, FIRST)]
    once = key()
    for _ in range(2):
        told = [o.reason for o in commands.register_points(actor=officer, points=bad, key=once, **given)]
        assert told == [None, FlagRefusal.POINT_KNOWN, FlagRefusal.POINT_UNNAMED, FlagRefusal.POINT_DAYS]
    (again,) = commands.register_points(actor=officer, points=[point], key=key(), **given)
    assert again.reason is FlagRefusal.POINT_KNOWN
    assert [p.name for p in queries.points(month.city.programme_id)] == ["ХҚКО, Абай 1"]
    screen(month)
    assert not FlagReason.objects.filter(code="shared_confirming_device").exists()
    control = confirmed_month(device="point-4")
    screen(control)
    assert FlagReason.objects.filter(code="shared_confirming_device").exists(), "an unregistered one is suspected"
