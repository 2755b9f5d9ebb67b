"""Whom news concerns: from rows to the people of today. One statement for all rows of a kind; reads lower rooms' rows.

A child's news goes to everybody who speaks for the child today, and some of it (`topics.YOUTH`) to the child itself, if
it has an account; a club's to its managers, the office's to whoever holds the role over the place.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from django.db import connection

from qosymsha.domain.attendance.queries import office as attendance
from qosymsha.domain.messages.states import Door
from qosymsha.domain.messages.topics import Heard
from qosymsha.domain.people.states import Role
from qosymsha.kernel.clock import local_day, local_instant
from qosymsha.kernel.errors import Refused
from qosymsha.kernel.outbox import News

# DAY_END(x): the end of a local day; whoever acts on the last day is in time.
_DAY_END = re.compile(r"DAY_END\(((?:[^()]|\([^()]*\))+)\)")

# Kind of row → SQL of (row, child, until when the family can act).
CHILDREN: dict[str, str] = {
    "child": "SELECT id, id, NULL::timestamptz FROM child",
    "parting": "SELECT x.id, v.child_id, CASE WHEN x.state <> 'waiting' THEN NULL WHEN x.takes_on IS NULL"
    " THEN DAY_END(v.accept_by) ELSE DAY_END(x.takes_on - 1) END FROM parting x JOIN voucher v ON v.id = x.voucher_id",
    "trial_lesson": "SELECT id, child_id, NULL::timestamptz FROM trial_lesson",
    "absence_notice": "SELECT x.id, e.child_id, NULL::timestamptz FROM absence_notice x"
    " JOIN enrolment e ON e.id = x.enrolment_id",
    "application": "SELECT id, child_id, NULL::timestamptz FROM application",
    "category_case": "SELECT id, child_id, NULL::timestamptz FROM category_case",
    # An absence's own case says the end of its place.
    "voucher": "SELECT id, child_id, CASE WHEN state = 'issued' THEN DAY_END(accept_by) END FROM voucher"
    " WHERE reason <> 'absent'",
    "enrolment": "SELECT id, child_id, NULL::timestamptz FROM enrolment",
    "transfer_request": "SELECT x.id, v.child_id, NULL::timestamptz FROM transfer_request x"
    " JOIN voucher v ON v.id = x.voucher_id",
    "choice_round": "SELECT r.id, v.child_id, r.closes_at FROM choice_round r JOIN voucher v"
    " ON v.programme_id = r.programme_id AND v.state IN ('accepted', 'released')",
    "choice_list": "SELECT id, child_id, NULL::timestamptz FROM choice_list",
    "choice_offer": "SELECT x.id, l.child_id, CASE WHEN x.state = 'offered' THEN DAY_END(x.answer_by) END"
    " FROM choice_offer x JOIN choice_list l ON l.id = x.choice_list_id",
    "family_contract": "SELECT id, child_id, CASE WHEN state = 'open' THEN DAY_END(sign_by) END FROM family_contract",
    "enrolment_paper": "SELECT id, child_id, NULL::timestamptz FROM enrolment_paper",
    "document": "SELECT d.id, d.child_id, NULL::timestamptz FROM document d"
    " WHERE EXISTS (SELECT FROM guardian g WHERE g.user_id = d.uploaded_by)",  # a club's own scan is no family's
    "child_refusal": "SELECT id, child_id, CASE WHEN state = 'filed' THEN DAY_END(review_by) END FROM child_refusal",
    "family_receipt": "SELECT x.id, e.child_id, NULL::timestamptz FROM family_receipt x"
    " JOIN enrolment e ON e.id = x.enrolment_id",
    "group_wait": "SELECT id, child_id, CASE WHEN state = 'offered' THEN DAY_END(until) END FROM group_wait",
    "group": "SELECT g.id, e.child_id, NULL::timestamptz FROM club_group g JOIN enrolment e ON e.group_id = g.id"
    " AND e.state <> 'ended'",
    "session": "SELECT s.id, e.child_id, s.starts_at FROM session s JOIN enrolment e ON e.group_id = s.group_id"
    " AND e.state <> 'ended'",
    "month_sheet": "SELECT sheet_id, child_id, NULL::timestamptz FROM sheet_row WHERE word = 'silent'",
    "sheet_row": "SELECT id, child_id, NULL::timestamptz FROM sheet_row",
    "absence_case": "SELECT x.id, e.child_id, CASE WHEN x.state = 'suspended' THEN DAY_END(x.hear_until) END"
    " FROM absence_case x JOIN enrolment e ON e.id = x.enrolment_id",
}
# Kind of row → SQL of (row, provider, until when the club can act).
PROVIDERS: dict[str, str] = {
    "enrolment": "SELECT id, provider_id, NULL::timestamptz FROM enrolment",
    "family_contract": "SELECT id, provider_id, NULL::timestamptz FROM family_contract",
    "enrolment_paper": "SELECT id, provider_id, NULL::timestamptz FROM enrolment_paper",
    "document": "SELECT d.id, m.provider_id, NULL::timestamptz FROM document d"
    " JOIN membership m ON m.user_id = d.uploaded_by AND m.provider_id IS NOT NULL",
    "child_refusal": "SELECT id, provider_id, NULL::timestamptz FROM child_refusal",
    "contract": "SELECT id, provider_id, NULL::timestamptz FROM contract",
    "claim": "SELECT id, provider_id, NULL::timestamptz FROM claim",
    "service_act": "SELECT id, provider_id, NULL::timestamptz FROM service_act",
    "recovery": "SELECT id, provider_id, NULL::timestamptz FROM recovery",
    "month_sheet": "SELECT id, provider_id, NULL::timestamptz FROM month_sheet",
    "accreditation": "SELECT id, provider_id, NULL::timestamptz FROM accreditation",
    "absence_notice": "SELECT x.id, e.provider_id, NULL::timestamptz FROM absence_notice x"
    " JOIN enrolment e ON e.id = x.enrolment_id",
    "day_hold": "SELECT h.id, s.provider_id, NULL::timestamptz FROM day_hold h"
    " JOIN sheet_row r ON r.id = h.sheet_row_id JOIN month_sheet s ON s.id = r.sheet_id",
    "refund": "SELECT x.id, r.provider_id, NULL::timestamptz FROM refund x JOIN recovery r ON r.id = x.recovery_id",
    "trial_lesson": "SELECT x.id, x.provider_id, s.starts_at FROM trial_lesson x JOIN session s ON s.id = x.session_id",
    "control_visit": "SELECT id, provider_id, CASE WHEN state = 'found' THEN DAY_END(answer_until) END"
    " FROM control_visit",
}
# Kind of row → SQL of (row, territory).
PLACES: dict[str, str] = {
    "accreditation": "SELECT id, territory_id FROM accreditation",
    "absence_case": "SELECT id, territory_id FROM absence_case",
    "recovery": "SELECT id, territory_id FROM recovery",
    "control_visit": "SELECT id, territory_id FROM control_visit",
    "rule_set": "SELECT id, territory_id FROM rule_set",
    "voucher_ending": "SELECT id, territory_id FROM voucher_ending",
    "refund": "SELECT x.id, r.territory_id FROM refund x JOIN recovery r ON r.id = x.recovery_id",
}

# Kind of row → SQL of (row, the official whose own matter it is).
ASKERS: dict[str, str] = {"errand": "SELECT id, user_id FROM errand"}

_GUARDIANS = """
SELECT t.news, g.guardian_id, s.child_id, s.due_at, g.kind = 'self'
  FROM unnest(%(news)s::bigint[], %(rows)s::bigint[]) AS t (news, row_id)
  JOIN ({source}) AS s (id, child_id, due_at) ON s.id = t.row_id
  JOIN guardianship g ON g.child_id = s.child_id AND g.valid @> %(today)s::date"""
_MANAGERS = """
SELECT t.news, m.user_id, s.provider_id, s.due_at
  FROM unnest(%(news)s::bigint[], %(rows)s::bigint[]) AS t (news, row_id)
  JOIN ({source}) AS s (id, provider_id, due_at) ON s.id = t.row_id
  JOIN membership m ON m.provider_id = s.provider_id AND m.role = ANY (%(roles)s) AND m.valid @> %(today)s::date
  JOIN app_user u ON u.id = m.user_id AND u.is_active"""
_ASKERS = """
SELECT t.news, s.user_id, NULL::bigint, NULL::timestamptz
  FROM unnest(%(news)s::bigint[], %(rows)s::bigint[]) AS t (news, row_id)
  JOIN ({source}) AS s (id, user_id) ON s.id = t.row_id JOIN app_user u ON u.id = s.user_id AND u.is_active"""
_OFFICIALS = """
WITH RECURSIVE told AS (
    SELECT t.news, s.territory_id FROM unnest(%(news)s::bigint[], %(rows)s::bigint[]) AS t (news, row_id)
      JOIN ({source}) AS s (id, territory_id) ON s.id = t.row_id),
up (news, territory_id) AS (
    SELECT news, territory_id FROM told
    UNION SELECT up.news, p.parent_id FROM up JOIN territory p ON p.id = up.territory_id WHERE p.parent_id IS NOT NULL)
SELECT DISTINCT t.news, m.user_id, NULL::bigint, NULL::timestamptz FROM told t
  JOIN membership m ON m.role = ANY (%(roles)s) AND m.valid @> %(today)s::date
   AND (m.territory_id IS NULL OR EXISTS (SELECT FROM up WHERE up.news = t.news AND up.territory_id = m.territory_id))
  JOIN app_user u ON u.id = m.user_id AND u.is_active"""


# Whose word it was, of news that a SQL function tells: it names nobody.
_DOERS = {
    "application_submitted": "SELECT id, guardian_id FROM application WHERE id = ANY (%s)",
    "enrolment_opened": "SELECT h.enrolment_id, g.id FROM enrolment_history h JOIN guardian g ON g.user_id = h.actor_id"
    " WHERE h.enrolment_id = ANY (%s) AND h.from_state = ''",
}


def doers(news: Sequence[News]) -> dict[int, int]:
    """News → the guardian whose word it was, where it was one's: told with it, or read from its row."""
    found = {one.id: int(one.detail["by"]) for one in news if one.detail.get("by")}
    for topic, statement in _DOERS.items():
        rows = {one.subject_id: one.id for one in news if one.topic == topic and one.id not in found}
        if rows:
            with connection.cursor() as cursor:
                cursor.execute(statement, [list(rows)])
                found |= {rows[row_id]: guardian_id for row_id, guardian_id in cursor.fetchall()}
    return found


@dataclass(frozen=True, slots=True)
class Told:
    """A person whom a piece of news (by its place in what was asked) concerns, the child or provider, the deadline.

    `is_youth`: the child itself, by its own account.
    """

    news: int
    guardian_id: int | None
    user_id: int | None
    child_id: int | None
    provider_id: int | None
    due_at: datetime | None
    is_youth: bool = False


def concerned(heard: Heard, rows: Sequence[int], today: date) -> list[Told]:
    """For rows of `heard.subject`: the people of today; `Told.news` is the row's place in `rows`."""
    asked = {"news": list(range(len(rows))), "rows": list(rows), "today": today}
    match heard.door:
        case Door.FAMILY:
            found = _found(_GUARDIANS, CHILDREN[heard.subject], asked)
            return [Told(n, who, None, child, None, due, is_own) for n, who, child, due, is_own in found]
        case Door.PROVIDER:
            found = _found(_MANAGERS, PROVIDERS[heard.subject], asked | {"roles": [Role.PROVIDER_MANAGER.value]})
            return [Told(n, None, user, None, provider, due) for n, user, provider, due in found]
        case Door.OFFICE if heard.subject in ASKERS:
            found = _found(_ASKERS, ASKERS[heard.subject], asked)
            return [Told(n, None, user, None, None, due) for n, user, _, due in found]
        case Door.OFFICE:
            found = _found(_OFFICIALS, PLACES[heard.subject], asked | {"roles": sorted(heard.roles)})
            return [Told(n, None, user, None, None, due) for n, user, _, due in found]


def _found(statement: str, source: str, asked: dict[str, Any]) -> list[tuple[Any, ...]]:
    rows = _DAY_END.sub(r"((\1 + 1)::timestamp AT TIME ZONE 'Asia/Almaty')", source)
    with connection.cursor() as cursor:
        cursor.execute(statement.format(source=rows), asked)
        return list(cursor.fetchall())


_SHEETS = {
    "month_sheet": "SELECT id, programme_id, territory_id, month, sent_at FROM month_sheet"
    " WHERE id = ANY (%s) AND sent_at IS NOT NULL",
    "sheet_row": "SELECT r.id, s.programme_id, s.territory_id, s.month, s.sent_at FROM sheet_row r"
    " JOIN month_sheet s ON s.id = r.sheet_id WHERE r.id = ANY (%s) AND s.sent_at IS NOT NULL",
}


def confirm_until(subject: str, rows: Sequence[int], at: datetime) -> dict[int, datetime]:
    """Row → the end of the day from which an officer may decide for a silent guardian, where that is still to come."""
    with connection.cursor() as cursor:
        cursor.execute(_SHEETS[subject], [list(rows)])
        asked = {
            row: (programme, place, month, local_day(sent)) for row, programme, place, month, sent in cursor.fetchall()
        }
    try:
        days = attendance.officer_days(set(asked.values())) if asked else {}
    except Refused:  # no rules were in force: the page names no day either
        return {}
    ends = {row: local_instant(days[about] + timedelta(days=1)) for row, about in asked.items()}
    return {row: end for row, end in ends.items() if end > at}


_WISHES = """
SELECT {who}.id, array_agg(p.channel) FILTER (WHERE p.is_wanted), count(p.id) > 0,
    ARRAY(SELECT c.door || '/' || c.theme FROM notice_choice c WHERE c.user_id = {user} AND NOT c.is_wanted)
  FROM {table} LEFT JOIN notice_preference p ON p.user_id = {user} WHERE {who}.id = ANY (%s) GROUP BY {who}.id"""
_OF_GUARDIANS = _WISHES.format(who="g", table="guardian g", user="g.user_id")
_OF_USERS = _WISHES.format(who="u", table="app_user u", user="u.id")


class Wishes(NamedTuple):
    """The channels told to be wanted (None: nothing was told), and what is wanted by none of them: `door/theme`."""

    channels: frozenset[str] | None = None
    off: frozenset[str] = frozenset()


def wishes_of_guardians(guardian_ids: Sequence[int]) -> dict[int, Wishes]:
    """Guardian → their wishes."""
    return _wishes(_OF_GUARDIANS, guardian_ids)


def wishes_of_users(user_ids: Sequence[int]) -> dict[int, Wishes]:
    """User → their wishes."""
    return _wishes(_OF_USERS, user_ids)


def _wishes(statement: str, ids: Sequence[int]) -> dict[int, Wishes]:
    with connection.cursor() as cursor:
        cursor.execute(statement, [list(ids)])
        return {
            i: Wishes(frozenset(wanted or ()) if is_told else None, frozenset(off))
            for i, wanted, is_told, off in cursor.fetchall()
        }


_ENDING_VOUCHERS = "SELECT id, accept_by FROM voucher WHERE state = 'issued' AND accept_by = ANY (%s)"
_ENDING_FILES = """
SELECT id, upper(valid) - 1 FROM accreditation
 WHERE state IN ('accredited', 'limited') AND upper(valid) - 1 = ANY (%s)"""


def vouchers_ending(days: Sequence[date]) -> list[tuple[int, date]]:
    """Vouchers still to be accepted whose last day is one of these."""
    return _ending(_ENDING_VOUCHERS, days)


def accreditations_ending(days: Sequence[date]) -> list[tuple[int, date]]:
    """Accreditations whose last day is one of these."""
    return _ending(_ENDING_FILES, days)


def _ending(statement: str, days: Sequence[date]) -> list[tuple[int, date]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, [list(days)])
        return list(cursor.fetchall())
