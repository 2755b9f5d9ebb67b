"""Who read my child's record: when, in which role, where, what; one's own reads folded into one line."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.http import HttpResponse

from qosymsha.domain.attendance import queries as attendance
from qosymsha.domain.enquiries.states import Purpose
from qosymsha.domain.insights.queries import readers as insights
from qosymsha.domain.insights.queries.readers import Office, Reader
from qosymsha.domain.people import queries as people
from qosymsha.domain.people.access import Action as People
from qosymsha.domain.people.states import Role
from qosymsha.interfaces.family.access import Look
from qosymsha.interfaces.ui import texts
from qosymsha.interfaces.ui.signed import SignedRequest, allowed, page

# A room's action in plain words; what is not here is "another record of the child".
_WHAT = {
    "read_persons": "readers.what.name",
    "read_own_children": "readers.what.name",
    "read_lessons": "readers.what.lessons",
    "read_attendance": "readers.what.attendance",
    "read_cards": "readers.what.attendance",
    "read_application": "readers.what.application",
    "read_application_category": "readers.what.category",
    "read_receipt": "readers.what.application",
    "read_drafts": "readers.what.application",
    "read_own_category_cases": "readers.what.category",
    "read_category_cases": "readers.what.category",
    "read_category_paper": "readers.what.paper",
    "read_choice_list": "readers.what.wishes",
    "read_vouchers": "readers.what.vouchers",
    "read_flags": "readers.what.flags",
    "settlement.read_trail": "readers.what.payment",
    "settlement.read_papers": "readers.what.payment",
    "read_readers": "readers.what.readers",
    "search_people": "readers.what.search",
    "read_record": "readers.what.record",
    "read_record_categories": "readers.what.category",
}
_PURPOSES = frozenset(Purpose)
_WHO = {
    "guardian": "readers.who.guardian",
    "youth": "readers.who.youth",
    "system": "readers.who.system",
    "official": "readers.who.official",
}


@dataclass(frozen=True, slots=True)
class ReaderShown:
    """A line of the page in words; `offices` is empty for whoever is no official of that day.

    `why`: the key of the purpose that was given, empty where the page asks for none.
    """

    one: Reader
    who: str
    offices: tuple[str, ...]
    what: str
    why: str


_CATEGORY = "readers.what.category"
_PAPER = "readers.what.paper"


@allowed(Look.OWN_READERS)
def own(request: SignedRequest) -> HttpResponse:
    """`/family/readers/`: the same of one's own record, for a child with an account of its own."""
    (me,) = attendance.own_children(actor=request.actor, at=request.at).values()
    return _page(request, me.uuid, me.name)


@allowed(People.READ_OWN_CHILDREN)
def readers(request: SignedRequest, child_uuid: UUID) -> HttpResponse:
    """`/family/children/{uuid}/readers/`: who looked at this child's record in the last year."""
    wards = people.own_wards(actor=request.actor, at=request.at)
    name = next((one.name for one in wards if one.uuid == child_uuid), "")
    return _page(request, child_uuid, name)


def _page(request: SignedRequest, child_uuid: UUID, name: str) -> HttpResponse:
    found = insights.readers(actor=request.actor, child_uuid=child_uuid, at=request.at)
    is_youth = request.actor.holds({Role.YOUTH})
    own = [one for one in found if one.who == "own"]
    return page(
        request,
        "family/readers.html",
        name=name,
        others=[_shown(request.language, one, is_youth) for one in found if one.who != "own"],
        own_times=sum(one.times for one in own),
        own_last=own[0].last_at if own else None,
    )


def _shown(language: str, one: Reader, is_youth: bool) -> ReaderShown:
    what = dict.fromkeys(_what(action, is_youth) for action in one.actions)
    said = ", ".join(texts.say(language, key) for key in what)
    why = f"enquiry.purpose.{one.purpose}" if one.purpose in _PURPOSES else ""
    offices = tuple(_office(language, o) for o in one.offices)
    return ReaderShown(one, texts.say(language, _who(one.who, is_youth)), offices, said, why)


def _what(action: str, is_youth: bool) -> str:
    """What was read, in words; that there is a category, or a paper for one, is its guardian's to tell a child."""
    what = _WHAT.get(action, "readers.what.other")
    return "readers.what.other" if is_youth and what in (_CATEGORY, _PAPER) else what


def _who(who: str, is_youth: bool) -> str:
    return "youth.readers.who.guardian" if is_youth and who == "guardian" else _WHO[who]


def _office(language: str, office: Office) -> str:
    role = texts.say(language, f"role.{office.role}")
    names = dict(zip(("kk", "ru", "en"), office.place, strict=True))
    where = office.provider or names.get(language, "") or office.place[1] or office.place[0]
    return f"{role}, {where}" if where else role
