"""Reads: who an enquiry found, masked; an opened record without its categories; the categories apart. All audited.

The search itself is one statement, with the official's territories in it: somebody unknown and somebody of another
territory are the same empty answer, at the same price.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.conf import settings

from qosymsha.domain.enquiries.access import ALLOWED, Action
from qosymsha.domain.enquiries.rules import ENQUIRIES_A_DAY, MOST_HITS, OPEN_FOR, Asked, masked_name
from qosymsha.domain.enquiries.states import Way
from qosymsha.domain.people import queries as people
from qosymsha.domain.people.rules import ERASED_NAME, person_of
from qosymsha.domain.vouchers.queries import rows
from qosymsha.domain.witness import reading
from qosymsha.kernel import iin
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.clock import local_day, local_instant

_FOUND = {
    Way.IIN: """
SELECT s.subject_id FROM person_secret s WHERE s.subject_kind = 'child' AND s.lookup = ANY (%(lookups)s)
UNION SELECT g.child_id FROM person_secret s JOIN guardianship g ON g.guardian_id = s.subject_id
 AND g.valid @> %(today)s::date WHERE s.subject_kind = 'guardian' AND s.lookup = ANY (%(lookups)s)""",
    Way.NAME: """
SELECT s.subject_id FROM person_secret s WHERE s.subject_kind = 'child' AND s.name_tokens @> %(tokens)s::bytea[]""",
    Way.NUMBER: """
SELECT a.child_id FROM application a WHERE a.number = %(number)s
UNION SELECT v.child_id FROM voucher v WHERE v.number = %(number)s""",
}
_MINE = """
SELECT c.id FROM child c JOIN ({found}) f (id) ON f.id = c.id
 WHERE %(everywhere)s OR c.territory_id = ANY (%(territories)s) ORDER BY c.id LIMIT %(most)s"""


class Hit(NamedTuple):
    """Somebody found, masked: initials, the year of birth, the home district; whether the record is open now."""

    uuid: UUID
    name: str
    year: int | None
    district_kk: str
    district_ru: str
    district_en: str
    open_until: datetime | None


class EnquiryShown(NamedTuple):
    """One's own enquiry with what it found."""

    uuid: UUID
    purpose: str
    reference: str
    way: str
    at: datetime
    hits: tuple[Hit, ...]


class RecordRow(NamedTuple):
    """A line of a record: an application, a voucher, a place, or a month of one."""

    kind: str
    number: str
    state: str
    title: str
    first: date | None
    last: date | None
    detail: str
    sheet: UUID | None
    place: UUID | None
    voucher: UUID | None


class Record(NamedTuple):
    """An opened record: the child, its guardians by name, and what it has here; no category."""

    hit: UUID
    enquiry: UUID
    purpose: str
    reference: str
    open_until: datetime
    name: str
    born_on: date | None
    masked_iin: str
    guardians: tuple[str, ...]
    rows: tuple[RecordRow, ...]
    child_id: int


class CategoryShown(NamedTuple):
    """A certified category of the child, in force today."""

    category: str
    source: str
    first: date | None
    last: date | None


_OWN = """
SELECT e.id, e.uuid, e.purpose, e.reference, e.way, e.at FROM enquiry e WHERE e.uuid = %s AND e.user_id = %s"""
_HITS = """
SELECT h.uuid, h.child_id, coalesce(d.name_kk, ''), coalesce(d.name_ru, ''), coalesce(d.name_en, ''),
       (SELECT max(o.at) FROM enquiry_opening o WHERE o.hit_id = h.id)
  FROM enquiry_hit h JOIN child c ON c.id = h.child_id LEFT JOIN territory d ON d.id = c.home_id
 WHERE h.enquiry_id = %s ORDER BY h.id"""
_OPENED = """
SELECT h.child_id, h.uuid, e.uuid, o.purpose, e.reference, o.at, c.territory_id
  FROM enquiry_hit h JOIN enquiry e ON e.id = h.enquiry_id JOIN child c ON c.id = h.child_id
  JOIN LATERAL (SELECT purpose, at FROM enquiry_opening WHERE hit_id = h.id ORDER BY at DESC LIMIT 1) o ON true
 WHERE h.uuid = %s AND e.user_id = %s AND o.at > %s"""
_RECORD = """
SELECT 'application', a.number, a.state, a.kind, r.opens_at::date, NULL::date, '', NULL::uuid, NULL::uuid,
       NULL::uuid, 1, a.id
  FROM application a JOIN admission_round r ON r.id = a.round_id WHERE a.child_id = %(child)s
UNION ALL
SELECT 'voucher', v.number, v.state, v.kind, v.first_month, v.last_month, v.reason, NULL, NULL, v.uuid, 2, v.id
  FROM voucher v WHERE v.child_id = %(child)s
UNION ALL
SELECT 'place', g.code, e.state, p.name, e.starts_on, e.ends_on, e.reason, NULL, e.uuid, NULL, 3, e.id
  FROM enrolment e JOIN club_group g ON g.id = e.group_id JOIN provider p ON p.id = e.provider_id
 WHERE e.child_id = %(child)s
UNION ALL
SELECT 'month', g.code, x.word, s.state, s.month, NULL, x.present::text, s.uuid, e.uuid, NULL, 4, x.id
  FROM sheet_row x JOIN month_sheet s ON s.id = x.sheet_id JOIN enrolment e ON e.id = x.enrolment_id
  JOIN club_group g ON g.id = s.group_id WHERE x.child_id = %(child)s
 ORDER BY 11, 5 DESC, 12 DESC"""


def found(actor: Actor, asked: Asked, today: date) -> list[int]:
    """The children of the actor's territories that fit; one statement, whoever is asked for."""
    grants = [grant for grant in actor.grants if grant.role in ALLOWED[Action.SEARCH]]
    given: dict[str, Any] = {
        "today": today,
        "most": MOST_HITS,
        "everywhere": any(grant.territory_ids is None for grant in grants),
        "territories": sorted({t for grant in grants for t in grant.territory_ids or ()}),
    }
    if asked.way is Way.IIN:
        number = iin.person(asked.iin)
        given["lookups"] = [people.iin_lookup("child", number), people.iin_lookup("guardian", number)]
    elif asked.way is Way.NUMBER:
        given["number"] = asked.number.strip().upper()
    else:
        assert asked.born_on is not None, "refuse_asked asks for it"
        given["tokens"] = people.dated_tokens(asked.words, asked.born_on)
    return [child_id for (child_id,) in rows(_MINE.format(found=_FOUND[asked.way]), given)]


def asked_today(user_id: int, at: datetime) -> int:
    """How many enquiries the account has made today."""
    since = local_instant(local_day(at))
    found_ = rows("SELECT count(*) FROM enquiry WHERE user_id = %s AND at >= %s", [user_id, since])
    return int(found_[0][0])


def day_limit() -> int:
    """How many enquiries an account may make in a day."""
    return int(getattr(settings, "ENQUIRIES_A_DAY", ENQUIRIES_A_DAY))


def enquiry(*, actor: Actor, uuid: UUID, at: datetime) -> EnquiryShown | None:
    """One's own enquiry with who was found, masked; None where it is nobody's or another's. An audited read.

    Raises:
        Forbidden: the actor may not look people up.
    """
    require(actor, Action.SEARCH, ALLOWED)
    own = rows(_OWN, [uuid, actor.user_id])
    if not own:
        return None
    enquiry_id, *words = own[0]
    hits = rows(_HITS, [enquiry_id])
    children = [row[1] for row in hits]
    _note(actor, at, Action.SEARCH, children, {"purpose": words[1], "reference": words[2]})
    named = {i: person_of(plain) for i, plain in people.unseal("child", children).items()}
    shown = []
    for hit, child_id, kk, ru, en, opened_at in hits:
        who = named.get(child_id)
        year = who.born_on.year if who and who.born_on else None
        name = masked_name(who.surname, who.given) if who else ""
        until = opened_at + OPEN_FOR if opened_at and opened_at + OPEN_FOR > at else None
        shown.append(Hit(hit, name, year, kk, ru, en, until))
    return EnquiryShown(words[0], words[1], words[2], words[3], words[4], tuple(shown))


def own_enquiry_of(*, actor: Actor, hit: UUID) -> UUID | None:
    """The actor's own enquiry that found this hit, or None.

    Raises:
        Forbidden: the actor may not look people up.
    """
    require(actor, Action.SEARCH, ALLOWED)
    own = rows(
        "SELECT e.uuid FROM enquiry_hit h JOIN enquiry e ON e.id = h.enquiry_id WHERE h.uuid = %s AND e.user_id = %s",
        [hit, actor.user_id],
    )
    return own[0][0] if own else None


def record(*, actor: Actor, hit: UUID, at: datetime) -> Record | None:
    """A record that the actor opened at most half an hour ago; None for any other. An audited read.

    Raises:
        Forbidden: the actor may not read records.
    """
    require(actor, Action.READ, ALLOWED)
    opened = _opened(actor, hit, at)
    if opened is None:
        return None
    child_id, hit_uuid, enquiry_uuid, purpose, reference, opened_at, _ = opened
    _note(actor, at, Action.READ, [child_id], {"purpose": purpose, "reference": reference})
    guardians = people.guardians_of([child_id], local_day(at)).get(child_id, [])
    named = people.persons(actor=actor, kind="child", subject_ids=[child_id], at=at).get(child_id)
    speakers = people.persons(actor=actor, kind="guardian", subject_ids=guardians, at=at)
    found_ = rows(_RECORD, {"child": child_id})
    return Record(
        hit_uuid,
        enquiry_uuid,
        purpose,
        reference,
        opened_at + OPEN_FOR,
        named.full_name if named else ERASED_NAME,
        named.born_on if named else None,
        iin.masked(named.iin) if named and named.iin else "",
        tuple(one.full_name for one in speakers.values()),
        tuple(RecordRow(*row[:10]) for row in found_),
        child_id,
    )


def categories(*, actor: Actor, hit: UUID, at: datetime) -> list[CategoryShown]:
    """The child's certified categories in force today, of a record the actor has open. An audited read.

    Raises:
        Forbidden: the actor checks no statuses there.
    """
    require(actor, Action.READ_CATEGORIES, ALLOWED)
    opened = _opened(actor, hit, at)
    if opened is None:
        return []
    child_id, _, _, purpose, reference, _, territory_id = opened
    require(actor, Action.READ_CATEGORIES, ALLOWED, territory_id=territory_id)
    _note(actor, at, Action.READ_CATEGORIES, [child_id], {"purpose": purpose, "reference": reference})
    return [
        CategoryShown(*row)
        for row in rows(
            "SELECT category, source, lower(valid), upper(valid) - 1 FROM child_status WHERE child_id = %s"
            " AND state = 'certified' AND valid @> %s::date ORDER BY category, id",
            [child_id, local_day(at)],
        )
    ]


def _opened(actor: Actor, hit: UUID, at: datetime) -> tuple[Any, ...] | None:
    """The hit's child and its latest opening by this actor, still in time and still in the actor's territory."""
    found_ = rows(_OPENED, [hit, actor.user_id, at - OPEN_FOR])
    if not found_ or not actor.holds(ALLOWED[Action.READ], territory_id=found_[0][-1]):
        return None
    return found_[0]


def _note(actor: Actor, at: datetime, action: Action, children: Sequence[int], about: dict[str, object]) -> None:
    reading.saw(actor=actor, at=at, action=action, kind="child", ids=children, children=children, about=about)
