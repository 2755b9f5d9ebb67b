"""A voucher as the office ends it: what it holds, its life, its endings; those that wait. Audited reads."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from qosymsha.domain.casework.access import ALLOWED, Action
from qosymsha.domain.people import queries as people
from qosymsha.domain.programmes import queries as programmes
from qosymsha.domain.vouchers.queries import rows
from qosymsha.domain.witness import reading
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.clock import local_day


class VoucherShown(NamedTuple):
    """A voucher on an official's page: its place if it has one, what it and the place hold (tiyn), its open cases."""

    id: int
    uuid: UUID
    number: str
    territory_id: int
    programme_id: int
    kind: str
    state: str
    reason: str
    first_month: date
    last_month: date
    month_tiyn: int
    held_tiyn: int
    place_tiyn: int
    group: str
    activity: str
    provider: str
    starts_on: date | None
    absence: UUID | None
    child_id: int

    @property
    def has_place(self) -> bool:
        """True where a seat is kept for the child."""
        return bool(self.group)


class VoucherStep(NamedTuple):
    """A step of a voucher's life."""

    at: datetime
    to_state: str


class EndingShown(NamedTuple):
    """An ending with who proposed and decided it by what colleagues call them; `is_mine`: the actor proposed it."""

    id: int
    uuid: UUID
    voucher: UUID
    voucher_number: str
    territory_id: int
    programme_id: int
    ending: str
    ground: str
    words: str
    state: str
    proposed_by: str
    proposed_at: datetime
    hear_until: date
    decided_by: str
    decided_at: datetime | None
    answer: str
    voucher_id: int
    child_id: int
    is_mine: bool


class EndingWork(NamedTuple):
    """Endings whose hearing is over and that the actor may decide; the first day; those still heard, or own ones."""

    due: int
    first: date | None
    later: int


class OfficeWord(NamedTuple):
    """What the office has to tell a family of its voucher: why it stands still, what is proposed, heard until when."""

    voucher_id: int
    suspended_for: str
    ending: str
    words: str
    hear_until: date | None


_TOLD = """
SELECT v.id, CASE WHEN v.state = 'suspended' AND h.cause = 'suspend_vouchers' THEN v.reason ELSE '' END,
       coalesce(x.ending, ''), coalesce(x.words, ''), x.hear_until
  FROM voucher v LEFT JOIN LATERAL (SELECT cause FROM voucher_history WHERE voucher_id = v.id ORDER BY seq DESC LIMIT 1)
       h ON true LEFT JOIN voucher_ending x ON x.voucher_id = v.id AND x.state = 'proposed'
 WHERE v.id = ANY (%s)"""
_VOUCHER = """
SELECT v.id, v.uuid, v.number, v.territory_id, v.programme_id, v.kind, v.state, v.reason, v.first_month, v.last_month,
       v.month_tiyn,
       coalesce((SELECT sum(a.balance_tiyn) FROM ledger_account a
                  WHERE a.kind = 'held' AND a.subject_id = v.id), 0)::bigint,
       coalesce((SELECT sum(a.balance_tiyn) FROM ledger_account a
                  WHERE a.kind = 'place' AND a.subject_id = e.id), 0)::bigint,
       coalesce(g.code, ''), coalesce(o.activity_id, ''), coalesce(p.name, ''), e.starts_on,
       (SELECT c.uuid FROM absence_case c WHERE c.enrolment_id = e.id AND c.state IN ('warned', 'suspended') LIMIT 1),
       v.child_id
  FROM voucher v LEFT JOIN enrolment e ON e.voucher_id = v.id AND e.state <> 'ended'
  LEFT JOIN club_group g ON g.id = e.group_id LEFT JOIN offering o ON o.id = g.offering_id
  LEFT JOIN provider p ON p.id = e.provider_id
 WHERE v.uuid = %s AND (%s::bigint[] IS NULL OR v.line_id = ANY (%s::bigint[]))"""
_STEPS = "SELECT at, to_state FROM voucher_history WHERE voucher_id = %s ORDER BY seq"
_ENDINGS = """
SELECT x.id, x.uuid, v.uuid, v.number, x.territory_id, x.programme_id, x.ending, x.ground, x.words, x.state,
       coalesce(a.subject, ''), x.proposed_at, x.hear_until, coalesce(b.subject, ''), x.decided_at, x.answer,
       v.id, v.child_id, x.proposed_by = %(me)s
  FROM voucher_ending x JOIN voucher v ON v.id = x.voucher_id
  LEFT JOIN app_user a ON a.id = x.proposed_by LEFT JOIN app_user b ON b.id = x.decided_by
 WHERE x.programme_id = ANY (%(programmes)s) AND (%(uuid)s::uuid IS NULL OR x.uuid = %(uuid)s)
   AND (%(voucher)s::bigint IS NULL OR x.voucher_id = %(voucher)s) AND (%(state)s = '' OR x.state = %(state)s)
   AND (%(lines)s::bigint[] IS NULL OR v.line_id = ANY (%(lines)s))
 ORDER BY x.state <> 'proposed', CASE WHEN x.state = 'proposed' THEN x.hear_until END, x.id DESC
 LIMIT %(most)s OFFSET %(after)s"""
_WORK = """
SELECT count(*) FILTER (WHERE hear_until < %(today)s AND proposed_by <> %(me)s)::int,
       min(hear_until) FILTER (WHERE hear_until < %(today)s AND proposed_by <> %(me)s),
       count(*) FILTER (WHERE hear_until >= %(today)s OR proposed_by = %(me)s)::int
  FROM voucher_ending x JOIN voucher v ON v.id = x.voucher_id
 WHERE x.state = 'proposed' AND x.programme_id = ANY (%(programmes)s)
   AND (%(lines)s::bigint[] IS NULL OR v.line_id = ANY (%(lines)s))"""


def _mine(actor: Actor) -> dict[str, Any]:
    roles = ALLOWED[Action.READ_ENDINGS]
    found = [p.id for p in programmes.programmes() if actor.holds(roles, territory_id=p.territory_id)]
    return {"me": actor.user_id, "programmes": found, "lines": programmes.own_lines(actor, roles)}


def voucher_shown(*, actor: Actor, uuid: UUID, at: datetime) -> VoucherShown | None:
    """A voucher by its outside id; None where it is unknown or another territory's. An audited read.

    Raises:
        Forbidden: the actor ends no vouchers anywhere.
    """
    require(actor, Action.READ_ENDINGS, ALLOWED)
    lines = programmes.own_lines(actor, ALLOWED[Action.READ_ENDINGS])
    found = rows(_VOUCHER, [uuid, lines, lines])
    if not found or not actor.holds(ALLOWED[Action.READ_ENDINGS], territory_id=found[0][3]):
        return None
    shown = VoucherShown(*found[0])
    _note(actor, at, "voucher", [shown.id], {shown.child_id})
    return shown


def voucher_steps(*, actor: Actor, shown: VoucherShown, at: datetime) -> list[VoucherStep]:
    """The life of a voucher that was found for the actor; an audited read."""
    _note(actor, at, "voucher", [shown.id], {shown.child_id})
    return [VoucherStep(*row) for row in rows(_STEPS, [shown.id])]


def endings(  # noqa: PLR0913 - the filters of a queue
    *,
    actor: Actor,
    at: datetime,
    state: str = "",
    uuid: UUID | None = None,
    voucher_id: int | None = None,
    after: int = 0,
    most: int = 100,
) -> list[EndingShown]:
    """Endings of the actor's programmes, those that wait first by their day, after so many; an audited read.

    Raises:
        Forbidden: the actor may not read them.
    """
    require(actor, Action.READ_ENDINGS, ALLOWED)
    asked = _mine(actor) | {"uuid": uuid, "voucher": voucher_id, "after": after, "most": most}
    found = [EndingShown(*row) for row in rows(_ENDINGS, asked | {"state": state})]
    _note(actor, at, "voucher_ending", [one.id for one in found], {one.child_id for one in found})
    return found


def ending_work(*, actor: Actor, at: datetime) -> EndingWork:
    """What waits, in figures; one statement.

    Raises:
        Forbidden: the actor may not read them.
    """
    require(actor, Action.READ_ENDINGS, ALLOWED)
    asked = _mine(actor) | {"today": local_day(at)}
    return EndingWork(*rows(_WORK, asked)[0])


def office_words(voucher_ids: Sequence[int]) -> dict[int, OfficeWord]:
    """Voucher → what its family must know; whose vouchers they are is the caller's query, which records the read."""
    found = [OfficeWord(*row) for row in rows(_TOLD, [list(voucher_ids)])]
    return {one.voucher_id: one for one in found if one.suspended_for or one.ending}


def is_own_child(actor: Actor, child_id: int, on: date) -> bool:
    """True where the actor is the child's guardian: nobody decides on an own child."""
    guardian = actor.guardian_id
    return guardian is not None and bool(people.wards([(guardian, child_id)], on))


def has_open_absence(voucher_id: int) -> bool:
    """True where a case of long absence of the voucher's place is under way: it has its own hearing."""
    return bool(
        rows(
            "SELECT 1 FROM absence_case c JOIN enrolment e ON e.id = c.enrolment_id WHERE e.voucher_id = %s"
            " AND e.state <> 'ended' AND c.state IN ('warned', 'suspended') LIMIT 1",
            [voucher_id],
        )
    )


def _note(actor: Actor, at: datetime, kind: str, ids: Sequence[int], children: set[int]) -> None:
    reading.saw(actor=actor, at=at, action=Action.READ_ENDINGS, kind=kind, ids=ids, children=children)
