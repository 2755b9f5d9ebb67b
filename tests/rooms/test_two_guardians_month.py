"""The month of a child of two: what one confirmed the other still disputes, each taking back the own word only."""

from __future__ import annotations

import pytest

from qosymsha.domain.attendance import commands as attendance
from qosymsha.domain.attendance.models import DayHold, Session, SheetRow
from qosymsha.domain.attendance.rules import HoldDecision, Word
from qosymsha.domain.people.models import Guardianship
from tests.factories.attendance import OFFICER_DAY, OVER, sent_sheet
from tests.factories.notices import make, over
from tests.factories.vouchers import (
    CHANNEL,
    OFFICER,
    add_group,
    enrolled,
    key,
    make_city,
)
from tests.rooms.test_two_guardians import father_of, told

pytestmark = pytest.mark.django_db
__all__ = ["over"]


def month():  # type: ignore[no-untyped-def]
    city = make_city()
    group = add_group(city)
    ((voucher, mother, place),) = enrolled(city, group)
    ((other, _, second),) = enrolled(city, group)  # keeps the sheet open
    sheet, rows = sent_sheet(city, [place, second])
    row = next(one for one in rows if one.enrolment_id == place)
    lessons = list(Session.objects.filter(group_id=group).order_by("starts_at").values_list("id", flat=True))
    return row, mother, father_of(city, row.child_id), lessons


def say(row: SheetRow, guardian: int, word: str = "confirmed", *days: int, why: str = ""):  # type: ignore[no-untyped-def]
    said = Word(row.pk, guardian, word, why or ("not there" if days or word == "disputed" else ""), tuple(days))
    (outcome,) = attendance.confirm_rows(actor=CHANNEL, words=[said], at=OVER, key=key())
    return outcome.reason and outcome.reason.value


def holds() -> list[tuple[int, str]]:
    return list(DayHold.objects.order_by("id").values_list("session_id", "state"))


def test_what_one_confirmed_the_other_still_disputes_and_only_the_own_dispute_is_taken_back(over: None) -> None:
    row, mother, father, lessons = month()
    make(OVER)
    assert say(row, mother) is None
    make(OVER)
    assert told(father)[-1] == "other_spoke"
    assert say(row, father, "confirmed", lessons[0]) is None
    row.refresh_from_db()
    assert (row.word, row.confirmed_by, holds()) == ("confirmed", mother, [(lessons[0], "open")])
    assert say(row, mother) == "disputed_by_other"
    assert say(row, mother, "confirmed", lessons[1]) == "already_spoken", "one's own word is said once"
    assert say(row, father) is None
    assert holds() == [(lessons[0], "cleared")]


def test_a_whole_month_disputed_by_one_stays_so_until_an_officer_decides() -> None:
    row, mother, father, lessons = month()
    assert say(row, father, "disputed") is None
    assert say(row, mother) == "disputed_by_other"
    assert say(row, mother, "confirmed", lessons[0]) == "disputed_by_other"
    assert say(row, mother, "disputed") == "disputed_by_other"
    assert say(row, father) is None


def test_a_whole_month_that_the_other_has_confirmed_is_disputed_day_by_day_once() -> None:
    row, mother, father, lessons = month()
    say(row, mother)
    assert say(row, father, "disputed") is None
    row.refresh_from_db()
    assert (row.word, row.confirmed_by) == ("confirmed", mother)
    assert holds() == [(lesson, "open") for lesson in lessons]
    assert say(row, mother) == "disputed_by_other"
    assert say(row, father) is None
    assert {state for _, state in holds()} == {"cleared"}
    assert say(row, father, "disputed") == "already_spoken"


def test_once_the_sheet_is_approved_no_objection_is_heard() -> None:
    row, mother, father, lessons = month()
    for one in SheetRow.objects.filter(sheet_id=row.sheet_id):
        who = mother if one.pk == row.pk else Guardianship.objects.get(child_id=one.child_id).guardian_id
        assert say(one, who) is None
    (outcome,) = attendance.approve_sheets(actor=OFFICER, sheet_ids=[row.sheet_id], at=OFFICER_DAY, key=key())
    assert outcome.reason is None
    assert say(row, father, "confirmed", lessons[0]) == "sheet_not_open"


def test_days_disputed_by_both_are_each_taken_back_by_their_own() -> None:
    row, mother, father, lessons = month()
    say(row, mother, "confirmed", lessons[0])
    assert say(row, father, "confirmed", lessons[1]) is None
    assert say(row, mother) is None, "her own"
    assert holds() == [(lessons[0], "cleared"), (lessons[1], "open")]
    hold = DayHold.objects.get(state="open")
    (outcome,) = attendance.decide_days(
        actor=OFFICER, decisions=[HoldDecision(hold.pk, False, "camera")], at=OFFICER_DAY, key=key()
    )
    assert outcome.reason is None


def test_a_day_whose_dispute_was_taken_back_can_be_disputed_by_the_other() -> None:
    row, mother, father, lessons = month()
    say(row, mother, "confirmed", lessons[0])
    say(row, mother)
    assert say(row, father, "confirmed", lessons[0], why="he was at home") is None
    hold = DayHold.objects.get(state="open")
    assert (hold.state, hold.guardian_id, hold.reason, hold.resolved_by) == ("open", father, "he was at home", None)
