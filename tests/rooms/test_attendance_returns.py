"""A sheet sent back row by row, put right and sent again; paused, resumed, void. Every version stays."""

from __future__ import annotations

from datetime import datetime

import pytest
from django.db import IntegrityError, transaction

from qosymsha.domain.attendance import commands, queries
from qosymsha.domain.attendance.models import (
    DayHold,
    MonthSheet,
    MonthSheetHistory,
    ReturnedRow,
    Session,
    SheetRow,
    SheetVersion,
)
from qosymsha.domain.attendance.rules import AttendanceRefusal, Correction, RowRemark, Word
from qosymsha.kernel.actor import Actor, Grant
from qosymsha.kernel.errors import Forbidden, Refused
from tests.factories.attendance import OFFICER_DAY, OVER, guardian_of, manager, sent_sheet
from tests.factories.vouchers import CHANNEL, OFFICER, City, add_group, enrolled, key, make_city

pytestmark = pytest.mark.django_db
why = AttendanceRefusal


def with_customer() -> tuple[City, int, list[SheetRow], list[Session]]:
    """A sheet of two children, confirmed by the families; the second disputes her last lesson."""
    city = make_city()
    group = add_group(city)
    sheet_id, rows = sent_sheet(city, [e for _, _, e in enrolled(city, group, 2)])
    lessons = list(Session.objects.filter(group_id=group).order_by("starts_at"))
    words = [
        Word(rows[0].pk, guardian_of(rows[0]), "confirmed"),
        Word(rows[1].pk, guardian_of(rows[1]), "confirmed", "was at home", (lessons[-1].pk,)),
    ]
    commands.confirm_rows(actor=CHANNEL, words=words, at=OVER, key=key())
    assert state(sheet_id) == "with_customer"
    return city, sheet_id, rows, lessons


def state(sheet_id: int) -> str:
    return MonthSheet.objects.get(pk=sheet_id).state


def send_back(sheet_id: int, *remarks: tuple[int, str], actor: Actor = OFFICER) -> None:
    given = [RowRemark(*remark) for remark in remarks]
    commands.return_sheet(actor=actor, sheet_id=sheet_id, remarks=given, at=OVER, key=key())


def put_right(city: City, *marks: tuple[int, int, str], at: datetime = OVER) -> list[object]:
    corrections = [Correction(*m, reason="the register says so") for m in marks]
    outcomes = commands.amend_marks(
        actor=manager(city), provider_id=city.provider_id, corrections=corrections, at=at, key=key()
    )
    return [o.reason for o in outcomes]


def resend(city: City, sheet_id: int) -> list[int]:
    return commands.resend_sheet(
        actor=manager(city), provider_id=city.provider_id, sheet_id=sheet_id, at=OFFICER_DAY, key=key()
    )


def test_a_returned_sheet_goes_out_anew_and_only_changed_rows_are_silent_again() -> None:
    city, sheet_id, (kept, changed), lessons = with_customer()
    before = MonthSheet.objects.get(pk=sheet_id)
    assert put_right(city, (lessons[-1].pk, changed.enrolment_id, "absent")) == [why.SHEET_SENT]
    send_back(sheet_id, (changed.pk, "the family says otherwise"))
    assert state(sheet_id) == "returned"
    assert put_right(city, (lessons[-1].pk, changed.enrolment_id, "absent")) == [None]
    assert resend(city, sheet_id) == [changed.pk]
    now = MonthSheet.objects.get(pk=sheet_id)
    assert (now.state, now.version, now.sent_at) == ("with_parents", 2, OFFICER_DAY)
    assert bytes(now.hash or b"") != bytes(before.hash or b"")
    rows = SheetRow.objects.order_by("enrolment_id").values_list("present", "absent", "word", "confirmed_by")
    assert list(rows) == [(9, 0, "confirmed", guardian_of(kept)), (8, 1, "silent", None)]
    (old,) = SheetVersion.objects.all()
    assert (old.version, bytes(old.hash), old.sent_at) == (1, bytes(before.hash or b""), OVER)
    assert [word[1] for word in old.words] == ["confirmed", "confirmed"]
    hold = DayHold.objects.get()
    assert (hold.state, hold.is_present, hold.evidence) == ("cleared", False, "mark corrected")
    # The family confirms the new row; the sheet goes on by itself.
    words = [Word(changed.pk, guardian_of(changed), "confirmed")]
    commands.confirm_rows(actor=CHANNEL, words=words, at=OFFICER_DAY, key=key())
    assert state(sheet_id) == "with_customer"
    page = queries.sheet_page(actor=manager(city), sheet_id=sheet_id, at=OFFICER_DAY)
    assert page is not None
    assert [v[0] for v in page.versions] == [1]
    assert ReturnedRow.objects.get().reason == "the family says otherwise"


def test_two_marks_changed_against_each_other_silence_the_row_although_the_counts_are_the_same() -> None:
    city, sheet_id, (row, _), lessons = with_customer()
    send_back(sheet_id, (row.pk, "absent on the 1st"))
    put_right(city, (lessons[0].pk, row.enrolment_id, "absent"), (lessons[1].pk, row.enrolment_id, "absent"))
    assert resend(city, sheet_id) == [row.pk]
    send_again = [Word(row.pk, guardian_of(row), "confirmed")]
    commands.confirm_rows(actor=CHANNEL, words=send_again, at=OFFICER_DAY, key=key())
    send_back(sheet_id, (row.pk, "the 2nd, not the 1st"))
    swapped = (lessons[0].pk, row.enrolment_id, "present"), (lessons[2].pk, row.enrolment_id, "absent")
    assert put_right(city, *swapped, at=OFFICER_DAY) == [None, None]
    assert resend(city, sheet_id) == [row.pk]
    assert SheetRow.objects.get(pk=row.pk).present == 7
    assert SheetVersion.objects.count() == 2


def test_sent_again_unchanged_every_word_stays_and_it_goes_to_the_customer() -> None:
    city, sheet_id, (row, _), _ = with_customer()
    first = bytes(MonthSheet.objects.get(pk=sheet_id).hash or b"")
    send_back(sheet_id, (row.pk, "look again"))
    assert resend(city, sheet_id) == []
    assert state(sheet_id) == "with_customer"
    assert bytes(MonthSheet.objects.get(pk=sheet_id).hash or b"") == first
    assert DayHold.objects.get().state == "open"
    with pytest.raises(Refused, match="not_returned"):
        resend(city, sheet_id)


def test_each_objection_to_a_return_is_told_and_nothing_is_stored() -> None:
    city, sheet_id, (row, _), _ = with_customer()
    for remarks, reason in (
        ((), "reason_missing"),
        (((row.pk, " "),), "reason_missing"),
        (((0, "x"),), "unknown_row"),
        (((row.pk, "x"), (row.pk, "y")), "named_twice"),
    ):
        with pytest.raises(Refused, match=reason):
            send_back(sheet_id, *remarks)
    elsewhere = Actor(501, "user:501", (Grant("checker", territory_ids=frozenset({0})),))
    for actor, target in ((elsewhere, sheet_id), (OFFICER, 0)):
        with pytest.raises(Refused, match="unknown_sheet"):
            send_back(target, (row.pk, "x"), actor=actor)
    with pytest.raises(Forbidden):
        send_back(sheet_id, (row.pk, "x"), actor=manager(city))
    assert not ReturnedRow.objects.exists()
    send_back(sheet_id, (row.pk, "x"))
    with pytest.raises(Refused, match="wrong_state"):
        send_back(sheet_id, (row.pk, "x"))
    words = [Word(row.pk, guardian_of(row), "confirmed")]
    (heard,) = commands.confirm_rows(actor=CHANNEL, words=words, at=OVER, key=key())
    assert heard.reason is why.SHEET_NOT_OPEN
    stranger = Actor(302, "user:302", (Grant("provider_manager", provider_id=city.provider_id + 1),))
    with pytest.raises(Refused, match="unknown_sheet"):
        commands.resend_sheet(actor=stranger, provider_id=city.provider_id + 1, sheet_id=sheet_id, at=OVER, key=key())


def test_what_was_returned_can_be_silenced_only_while_returned() -> None:
    _, sheet_id, (row, _), _ = with_customer()
    with pytest.raises(IntegrityError), transaction.atomic():
        SheetRow.objects.filter(pk=row.pk).update(word="silent")
    send_back(sheet_id, (row.pk, "x"))
    with pytest.raises(IntegrityError), transaction.atomic():
        ReturnedRow.objects.update(reason="y")
    with transaction.atomic():
        SheetRow.objects.filter(pk=row.pk).update(word="silent")


def move(verb: object, sheet_id: int, reason: str = "inspection") -> object:
    outcomes = verb(actor=OFFICER, sheet_ids=[sheet_id], reason=reason, at=OVER, key=key())  # type: ignore[operator]
    return outcomes[0].reason


def test_a_sheet_is_paused_resumed_and_void_each_with_its_reason() -> None:
    city, sheet_id, _, _ = with_customer()
    assert move(commands.resume_sheets, sheet_id) is why.WRONG_STATE
    assert move(commands.void_sheets, sheet_id) is why.WRONG_STATE
    assert move(commands.pause_sheets, sheet_id, " ") is why.REASON_MISSING
    assert move(commands.pause_sheets, sheet_id) is None
    approved = commands.approve_sheets(actor=OFFICER, sheet_ids=[sheet_id], at=OFFICER_DAY, key=key())
    assert approved[0].reason is why.WRONG_STATE
    assert move(commands.resume_sheets, sheet_id, "nothing found") is None
    assert state(sheet_id) == "with_customer"  # everybody had spoken
    assert move(commands.pause_sheets, sheet_id) is None
    assert move(commands.void_sheets, sheet_id, "ghost lessons") is None
    assert move(commands.pause_sheets, sheet_id) is why.WRONG_STATE
    assert move(commands.pause_sheets, 0) is why.UNKNOWN_SHEET
    causes = MonthSheetHistory.objects.filter(month_sheet=sheet_id).order_by("seq").values_list("cause", flat=True)
    assert list(causes)[-1] == "void_sheets: ghost lessons"
    assert queries.payable_rows(list(city.contracts.values()), MonthSheet.objects.get(pk=sheet_id).month) == []
    with pytest.raises(Forbidden):
        commands.pause_sheets(actor=manager(city), sheet_ids=[sheet_id], reason="x", at=OVER, key=key())


def test_a_paused_sheet_with_silent_rows_goes_back_to_the_parents() -> None:
    city = make_city()
    sheet_id, _ = sent_sheet(city, [e for _, _, e in enrolled(city, add_group(city), 2)])
    move(commands.pause_sheets, sheet_id)
    assert move(commands.resume_sheets, sheet_id, "over") is None
    assert state(sheet_id) == "with_parents"
