"""Long absence: a warning, a suspension, a hearing, and only then a release; reminders of silent rows."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from qosymsha.domain.attendance import commands, queries
from qosymsha.domain.attendance.models import AbsenceCase, AbsenceCaseHistory, AbsenceNotice, SheetRow
from qosymsha.domain.attendance.rules import AbsenceRefusal as why
from qosymsha.domain.attendance.rules import CaseDecision, Notice, Word
from qosymsha.domain.vouchers.models import Enrolment, Voucher
from qosymsha.kernel.actor import Actor, Grant
from qosymsha.kernel.clock import local_instant
from qosymsha.kernel.errors import Forbidden, Refused
from tests.factories.attendance import OVER, guardian_of, manager, mark, sent_sheet
from tests.factories.presence import Venue, guardian, venue
from tests.factories.vouchers import CHANNEL, OFFICER, SYSTEM, add_group, enrolled, key, make_city

pytestmark = pytest.mark.django_db
FAR = local_instant(date(2026, 12, 1), 9)


def lessons(here: Venue, values: str, family: int = 0) -> None:
    """Marks of the family's first lessons: p present, a absent, i ill, e excused."""
    words = {"p": "present", "a": "absent", "i": "ill", "e": "excused"}
    place = here.families[family][2]
    marks = [(lesson.pk, place, words[v]) for lesson, v in zip(here.lessons, values, strict=False) if v != "."]
    assert set(mark(here.city, marks, at=FAR)) == {None}


def watch(here: Venue, on: date) -> tuple[int, int, int, int]:
    seen = commands.watch_absences(
        actor=SYSTEM, programme_id=here.city.programme_id, on=on, at=local_instant(on, 6), key=key()
    )
    return seen.warned, seen.suspended, seen.released, seen.back


def voucher(here: Venue, family: int = 0) -> str:
    return Voucher.objects.get(pk=Enrolment.objects.get(pk=here.families[family][2]).voucher_id).state


def news(topic: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM outbox WHERE topic = %s", [topic])
        return int(cursor.fetchone()[0])


def notice(here: Venue, kind: str = "ill", days: int = 40, paper: str = "027/у 12", reason: str = "flu") -> Notice:
    mother, _, place = here.families[0]
    first = here.lesson.on
    return Notice(place, mother, kind, first, first + timedelta(days=days), reason, paper)


def announce(given: Notice, at: datetime = OVER, actor: Actor = CHANNEL) -> int:
    return commands.announce_absence(actor=actor, notice=given, at=at, key=key())


def test_three_lessons_missed_in_a_row_warn_once_and_two_do_not() -> None:
    here = venue(3)
    for family, values in enumerate(("aa", "aaa", "apaa")):
        lessons(here, values, family)
    on = here.lessons[4].on
    assert watch(here, on) == (1, 0, 0, 0)
    assert watch(here, on + timedelta(days=1)) == (0, 0, 0, 0)
    case = AbsenceCase.objects.get()
    assert (case.enrolment_id, case.state, case.missed) == (here.families[1][2], "warned", 3)
    assert voucher(here, 1) == "active"
    assert news("absence_warned") == 1


def test_the_same_key_looks_once() -> None:
    here = venue()
    lessons(here, "aaa")
    once, on = key(), here.lessons[4].on
    ask = {"actor": SYSTEM, "programme_id": here.city.programme_id, "on": on, "at": OVER, "key": once}
    assert commands.watch_absences(**ask) == commands.watch_absences(**ask)  # type: ignore[arg-type]
    assert AbsenceCase.objects.count() == 1


def test_a_place_is_suspended_first_and_released_only_after_the_hearing() -> None:
    here = venue()
    lessons(here, "aaaaaaaa")
    on = here.lessons[8].on
    assert watch(here, on) == (1, 0, 0, 0)  # a warning comes first, however many were missed
    assert watch(here, on + timedelta(days=1)) == (0, 1, 0, 0)
    assert voucher(here) == "suspended"
    until = AbsenceCase.objects.get().hear_until
    assert until is not None
    assert until >= on + timedelta(days=6)  # five working days
    assert watch(here, until) == (0, 0, 0, 0)
    assert watch(here, until + timedelta(days=1)) == (0, 0, 1, 0)
    assert voucher(here) == "released"
    place = Enrolment.objects.get(pk=here.families[0][2])
    assert (place.state, place.ends_on) == ("ended", until)
    steps_taken = AbsenceCaseHistory.objects.order_by("seq").values_list("to_state", flat=True)
    assert list(steps_taken) == ["warned", "suspended", "released"]
    assert [news(t) for t in ("absence_suspended", "voucher_suspended", "voucher_released")] == [1, 1, 1]


def test_who_comes_again_is_left_in_peace() -> None:
    here = venue()
    lessons(here, "aaaaaaaa")
    on = here.lessons[8].on
    watch(here, on)
    watch(here, on + timedelta(days=1))
    lessons(here, "........p")
    assert watch(here, on + timedelta(days=2)) == (0, 0, 0, 1)
    assert (voucher(here), AbsenceCase.objects.get().state) == ("active", "back")


def test_an_objection_stops_the_clock_until_a_person_decides() -> None:
    here = venue()
    mother, _, _ = here.families[0]
    lessons(here, "aaaaaaaa")
    on = here.lessons[8].on
    watch(here, on)
    watch(here, on + timedelta(days=1))
    (case,) = queries.own_cases(actor=guardian(mother), at=local_instant(on, 9))
    speak = {"actor": guardian(mother), "case_id": case.id, "guardian_id": mother, "at": local_instant(on, 9)}
    with pytest.raises(Refused, match="reason_missing"):
        commands.object_to_absence(**speak, reason=" ", key=key())  # type: ignore[arg-type]
    with pytest.raises(Refused, match="unknown_case"):
        commands.object_to_absence(**speak | {"case_id": 0}, reason="x", key=key())  # type: ignore[arg-type]
    with pytest.raises(Refused, match="not_guardian"):
        commands.object_to_absence(**speak | {"guardian_id": mother + 1}, reason="x", key=key())  # type: ignore[arg-type]
    commands.object_to_absence(**speak, reason="she was in hospital", key=key())  # type: ignore[arg-type]
    with pytest.raises(Refused, match="already_objected"):
        commands.object_to_absence(**speak, reason="x", key=key())  # type: ignore[arg-type]
    much_later = on + timedelta(days=60)
    assert watch(here, much_later) == (0, 0, 0, 0)
    given = [CaseDecision(case.id, True, " "), CaseDecision(0, True, "x")]
    outcomes = commands.decide_absences(actor=OFFICER, decisions=given, at=OVER, key=key())
    assert [o.reason for o in outcomes] == [why.EVIDENCE_MISSING, why.UNKNOWN_CASE]
    given = [CaseDecision(case.id, True, "paper 027/у 12")] * 2
    outcomes = commands.decide_absences(actor=OFFICER, decisions=given, at=OVER, key=key())
    assert [o.reason for o in outcomes] == [None, why.NAMED_TWICE]
    assert (voucher(here), AbsenceCase.objects.get().state) == ("active", "kept")
    outcomes = commands.decide_absences(actor=OFFICER, decisions=given[:1], at=OVER, key=key())
    assert [o.reason for o in outcomes] == [why.CASE_CLOSED]
    with pytest.raises(Forbidden):
        commands.decide_absences(actor=manager(here.city), decisions=given, at=OVER, key=key())


def test_a_person_releases_a_suspended_place_and_never_a_warned_one() -> None:
    here = venue()
    lessons(here, "aaaaaaaa")
    on = here.lessons[8].on
    watch(here, on)
    case = AbsenceCase.objects.get()
    given = [CaseDecision(case.pk, False, "moved away, neighbours say")]
    ask = {"actor": OFFICER, "decisions": given, "at": local_instant(on + timedelta(days=2), 9)}
    assert commands.decide_absences(**ask, key=key())[0].reason is why.CASE_CLOSED  # type: ignore[arg-type]
    watch(here, on + timedelta(days=1))
    assert commands.decide_absences(**ask, key=key())[0].reason is None  # type: ignore[arg-type]
    assert voucher(here) == "released"


def test_a_reason_counts_only_where_the_family_announced_it() -> None:
    here = venue()
    lessons(here, "iiii")
    on = here.lessons[4].on
    announce(notice(here, days=20))
    assert watch(here, on) == (0, 0, 0, 0)
    AbsenceNotice.objects.all().delete()
    assert watch(here, on + timedelta(days=1)) == (1, 0, 0, 0)


def test_a_valid_absence_neither_counts_nor_breaks_the_row() -> None:
    here = venue()
    lessons(here, "aiaia")
    on = here.lessons[5].on
    given = notice(here, days=60)
    assert watch(here, on) == (1, 0, 0, 0)
    announce(given)  # announced late: the ill lessons count no more, three absent ones still do
    assert watch(here, on + timedelta(days=1)) == (0, 0, 0, 0)
    assert AbsenceCase.objects.get().state == "warned"


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"kind": "bored"}, why.UNKNOWN_KIND),
        ({"reason": " "}, why.REASON_MISSING),
        ({"days": -1}, why.WRONG_DAYS),
        ({"days": 400}, why.WRONG_DAYS),
        ({"kind": "excused", "paper": " "}, why.PAPER_MISSING),
        ({"kind": "ill", "paper": ""}, None),
        ({"kind": "excused"}, None),
    ],
)
def test_an_announcement_names_kind_days_reason_and_paper(given: dict[str, object], reason: object) -> None:
    here = venue()
    if reason is None:
        announce(notice(here, **given))  # type: ignore[arg-type]
        assert AbsenceNotice.objects.count() == 1
        return
    with pytest.raises(Refused) as heard:
        announce(notice(here, **given))  # type: ignore[arg-type]
    assert heard.value.reason is reason


def test_only_the_guardian_announces_and_the_provider_sees_days_and_paper_but_not_the_reason() -> None:
    here = venue(2)
    stranger = here.families[1][0]
    with pytest.raises(Refused, match="not_guardian"):
        announce(
            Notice(here.families[0][2], stranger, "ill", OVER.date(), OVER.date(), "flu"), actor=guardian(stranger)
        )
    announce(notice(here), actor=guardian(here.families[0][0]))
    shown = queries.notices_of_places(
        actor=manager(here.city),
        provider_id=here.city.provider_id,
        enrolment_ids=[place for _, _, place in here.families],
        first=here.lesson.on,
        last=here.lesson.on,
        at=OVER,
    )
    assert [(n.kind, n.paper, n.reason) for n in shown] == [("ill", "027/у 12", "")]


def test_ten_places_and_a_hundred_take_the_same_number_of_statements() -> None:
    counts = []
    for how_many in (10, 100):
        here = venue(how_many)
        marks = [(lesson.pk, place, "absent") for lesson in here.lessons[:8] for _, _, place in here.families]
        mark(here.city, marks)
        on = here.lessons[8].on
        taken = []
        for day in (0, 1, 20):
            with CaptureQueriesContext(connection) as asked:
                looked = watch(here, on + timedelta(days=day))
            assert sum(looked) == how_many
            taken.append(len(asked))
        counts.append(taken)
    assert counts[0] == counts[1]


def remind(programme_id: int, on: date) -> int:
    return commands.remind_guardians(actor=SYSTEM, programme_id=programme_id, on=on, at=local_instant(on, 9), key=key())


def test_silent_rows_are_reminded_on_the_rules_days_then_handed_to_the_point_and_stay_silent() -> None:
    city = make_city()
    _, (spoken, silent) = sent_sheet(city, [e for _, _, e in enrolled(city, add_group(city), 2)])
    words = [Word(spoken.pk, guardian_of(spoken), "confirmed")]
    commands.confirm_rows(actor=CHANNEL, words=words, at=OVER, key=key())
    told = {day: remind(city.programme_id, date(2026, 10, day)) for day in range(1, 9)}
    assert told == {1: 1, 2: 0, 3: 1, 4: 0, 5: 1, 6: 1, 7: 0, 8: 0}
    assert (news("month_reminded"), news("month_asked")) == (3, 1)
    assert remind(city.programme_id, date(2026, 11, 1)) == 0  # another month's rows
    assert SheetRow.objects.get(pk=silent.pk).word == "silent"
    clerk = Actor(44, "user:44", (Grant("clerk", territory_ids=frozenset({city.territory_id})),))
    ask = {"programme_id": city.programme_id, "month": date(2026, 9, 1), "at": OVER}
    (shown,) = queries.silent_rows_for_point(actor=clerk, **ask)  # type: ignore[arg-type]
    assert (shown.row_id, shown.guardian_ids) == (silent.pk, (guardian_of(silent),))
    elsewhere = Actor(45, "user:45", (Grant("clerk", territory_ids=frozenset({0})),))
    assert queries.silent_rows_for_point(actor=elsewhere, **ask) == []  # type: ignore[arg-type]
    with pytest.raises(Forbidden):
        queries.silent_rows_for_point(actor=manager(city), **ask)  # type: ignore[arg-type]
