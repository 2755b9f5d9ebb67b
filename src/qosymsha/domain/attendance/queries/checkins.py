"""Reading lessons as scans see them; the codes of a lesson for its teacher; who was checked in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from qosymsha.domain.attendance.access import ALLOWED, Action
from qosymsha.domain.attendance.rules import (
    ChildPlace,
    Lesson,
    code_of,
    step_of,
    steps_shown,
)
from qosymsha.domain.attendance.states import SessionState
from qosymsha.domain.programmes import queries as programmes
from qosymsha.domain.programmes.rules import Presence
from qosymsha.domain.vouchers.queries import rows
from qosymsha.domain.witness import reading
from qosymsha.kernel import cipher
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.clock import local_day

_LESSON = 's.id, s.uuid, s.group_id, s."on", s.starts_at, s.ends_at, s.state, s.territory_id, s.programme_id'
_LIVE = (SessionState.PLANNED, SessionState.HELD)


@dataclass(frozen=True, slots=True)
class CodeList:
    """A lesson's codes for its teacher's phone: `codes[n]` is shown from `first_step + n`, each for `seconds`."""

    session_id: int
    session: UUID
    first_step: int
    seconds: int
    codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CheckedIn:
    """One child's check-in: `code`, `late` or `card`, and when."""

    session_id: int
    enrolment_id: int
    kind: str
    at: datetime


def secret_of(session: UUID) -> bytes:
    """The lesson's own secret: derived, stored nowhere, never shown."""
    return cipher.lookup("presence", str(session))


def lessons_by_uuid(uuids: Collection[UUID]) -> dict[UUID, Lesson]:
    """Lessons by their outside ids."""
    if not uuids:
        return {}
    found = rows(f"SELECT {_LESSON} FROM session s WHERE s.uuid = ANY (%s)", [list(uuids)])  # noqa: S608
    return {row[1]: Lesson(*row) for row in found}


def lessons_by_id(session_ids: Collection[int], provider_id: int | None = None) -> dict[int, Lesson]:
    """Lessons by id, of one provider where it is given."""
    found = rows(
        f"SELECT {_LESSON} FROM session s WHERE s.id = ANY (%s) AND (%s::bigint IS NULL OR s.provider_id = %s)",  # noqa: S608
        [list(session_ids), provider_id, provider_id],
    )
    return {row[0]: Lesson(*row) for row in found}


def lessons_on(group_ids: Collection[int], days: Collection[date]) -> dict[int, list[Lesson]]:
    """Group id → its lessons on these days, by time."""
    by_group: defaultdict[int, list[Lesson]] = defaultdict(list)
    if group_ids:
        found = rows(
            f'SELECT {_LESSON} FROM session s WHERE s.group_id = ANY (%s) AND s."on" = ANY (%s)'  # noqa: S608
            " AND s.starts_at >= %s::date - interval '1 day' AND s.starts_at < %s::date + interval '2 days'"
            " ORDER BY s.starts_at, s.id",
            [list(group_ids), list(days), min(days), max(days)],
        )
        for row in found:
            by_group[row[2]].append(Lesson(*row))
    return by_group


def places_of(child_ids: Collection[int]) -> dict[int, list[ChildPlace]]:
    """Child id → its places, ended ones too; offers are none."""
    by_child: defaultdict[int, list[ChildPlace]] = defaultdict(list)
    for row in rows(
        "SELECT id, child_id, group_id, starts_on, ends_on FROM enrolment WHERE child_id = ANY (%s)"
        " AND state IN ('active', 'ended') ORDER BY id",
        [list(child_ids)],
    ):
        by_child[row[1]].append(ChildPlace(*row))
    return by_child


def places_by_id(enrolment_ids: Collection[int]) -> dict[int, ChildPlace]:
    """Places by id."""
    found = rows(
        "SELECT id, child_id, group_id, starts_on, ends_on FROM enrolment WHERE id = ANY (%s)"
        " AND state IN ('active', 'ended')",
        [list(enrolment_ids)],
    )
    return {row[0]: ChildPlace(*row) for row in found}


def refused_lately(guardian_ids: Collection[int], since: datetime) -> dict[int, int]:
    """Guardian id → attempts refused since an instant."""
    return dict(
        rows(
            "SELECT guardian_id, count(*) FROM check_in_refusal WHERE guardian_id = ANY (%s) AND at > %s GROUP BY 1",
            [list(guardian_ids), since],
        )
    )


def presence_rules(lessons: Iterable[Lesson]) -> dict[tuple[int, date], Presence]:
    """(programme, month) → the rules of presence in force in that month."""
    wanted = {(lesson.programme_id, lesson.on.replace(day=1)) for lesson in lessons}
    return {key: programmes.rules_in_force(*key).rules.presence for key in sorted(wanted)}


def codes_of_lessons(*, actor: Actor, provider_id: int, session_ids: Sequence[int], at: datetime) -> list[CodeList]:
    """All codes of today's lessons, for the teacher's phone to show without network; an audited read.

    Lessons of another day, cancelled or moved ones have no codes. Who holds the list can show the codes of that lesson
    somewhere else: docs/decisions/0030 says why it is given all the same.

    Raises:
        Forbidden: the actor does not teach for this provider.
    """
    shown = []
    for lesson, presence in _todays(actor, provider_id, session_ids, at):
        steps, secret = steps_shown(lesson, presence), secret_of(lesson.uuid)
        codes = tuple(code_of(secret, lesson.uuid, lesson.group_id, step) for step in steps)
        shown.append(CodeList(lesson.id, lesson.uuid, steps.start, presence.code_seconds, codes))
    return shown


def codes_now(*, actor: Actor, provider_id: int, session_ids: Sequence[int], at: datetime) -> dict[int, str]:
    """Session id → the code shown at this instant, for today's lessons whose codes are shown now; an audited read.

    Raises:
        Forbidden: the actor does not teach for this provider.
    """
    now = {}
    for lesson, presence in _todays(actor, provider_id, session_ids, at):
        step = step_of(at, presence)
        if step in steps_shown(lesson, presence):
            now[lesson.id] = code_of(secret_of(lesson.uuid), lesson.uuid, lesson.group_id, step)
    return now


def _todays(actor: Actor, provider_id: int, session_ids: Sequence[int], at: datetime) -> list[tuple[Lesson, Presence]]:
    require(actor, Action.SHOW_CODES, ALLOWED, provider_id=provider_id)
    today = local_day(at)
    found = lessons_by_id(session_ids, provider_id).values()
    lessons = sorted(lesson for lesson in found if lesson.on == today and lesson.state in _LIVE)
    terms = presence_rules(lessons)
    reading.saw(
        actor=actor,
        at=at,
        action=Action.SHOW_CODES,
        kind="session",
        ids=[lesson.id for lesson in lessons],
        about={"provider_id": provider_id},
    )
    return [(lesson, terms[lesson.programme_id, today.replace(day=1)]) for lesson in lessons]


def check_ins_of_lessons(
    *, actor: Actor, provider_id: int, session_ids: Sequence[int], at: datetime
) -> list[CheckedIn]:
    """Who was checked in at these lessons of the provider, by lesson and place; an audited read.

    Raises:
        Forbidden: the actor does not work for this provider.
    """
    require(actor, Action.READ, ALLOWED, provider_id=provider_id)
    found = rows(
        "SELECT c.session_id, c.enrolment_id, c.kind, c.at, e.child_id FROM session s"
        ' JOIN check_in c ON c."on" = s."on" AND c.session_id = s.id JOIN enrolment e ON e.id = c.enrolment_id'
        " WHERE s.id = ANY (%s) AND s.provider_id = %s ORDER BY 1, 2",
        [list(session_ids), provider_id],
    )
    lessons, children = {row[0] for row in found}, {row[-1] for row in found}
    reading.saw(actor=actor, at=at, action=Action.READ, kind="check_in", ids=lessons, children=children)
    return [CheckedIn(*row[:-1]) for row in found]


def place_of_voucher(number: str, enrolment_ids: Sequence[int]) -> int | None:
    """Of these places the one of the voucher of this number; None where it has none of them."""
    found = rows(
        "SELECT e.id FROM enrolment e JOIN voucher v ON v.id = e.voucher_id WHERE v.number = %s AND e.id = ANY (%s)",
        [number, list(enrolment_ids)],
    )
    return int(found[0][0]) if found else None


def check_in_shares(programme_id: int, month: date) -> dict[str, int]:
    """Check-ins of a month by kind: figures without children."""
    first = month.replace(day=1)
    kinds = rows(
        'SELECT kind, count(*) FROM check_in WHERE programme_id = %s AND "on" >= %s'
        " AND \"on\" < (%s::date + interval '1 month')::date GROUP BY 1 ORDER BY 1",
        [programme_id, first, first],
    )
    return dict(kinds)
