"""The teacher's day: lessons with their children to mark, with network or without; the rotating code at the venue."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from http import HTTPStatus
from importlib.resources import files
from typing import Any
from uuid import UUID, uuid5

import segno
from django.conf import settings
from django.http import Http404, HttpResponse, JsonResponse
from django.http.request import RawPostDataException

from qosymsha.domain.attendance import commands, queries
from qosymsha.domain.attendance.access import Action
from qosymsha.domain.attendance.queries import CodeList, LessonToMark
from qosymsha.domain.attendance.rules import BATCH_LIMIT, OfflineMark, Trace
from qosymsha.domain.attendance.states import MarkValue, SessionState
from qosymsha.domain.providers import queries as providers
from qosymsha.domain.trials import queries as trials
from qosymsha.interfaces.provider.access import Look
from qosymsha.interfaces.provider.house import house, is_manager, title
from qosymsha.interfaces.ui import texts
from qosymsha.interfaces.ui.signed import SignedRequest, allowed, allowed_post, key_of, moved, page
from qosymsha.kernel.clock import ZONE, local_day, local_instant
from qosymsha.kernel.errors import BadInput
from qosymsha.runtime import outside

VALUES = (MarkValue.PRESENT, MarkValue.ABSENT, MarkValue.ILL, MarkValue.EXCUSED)
_NO_SCRIPTS = UUID("6f0c5b1e-1b7e-4f0e-9c39-2c5d8d1a7e55")
_OWNERS = UUID("b0f5d9a6-0c62-4a0e-8f0b-5d5b1c8f6a41")
_SHOWN = frozenset({SessionState.PLANNED, SessionState.HELD})
_SPAN = timedelta(days=62)
_QUIET = 4  # modules of white that a QR code needs around it


@dataclass(frozen=True, slots=True)
class Lesson:
    """A lesson as the page shows it: when, of what, where, whom."""

    one: LessonToMark
    title: str
    address: str
    is_coming: bool
    is_over: bool
    has_code: bool

    @property
    def hours(self) -> str:
        """Its hours in Astana's time."""
        facts = self.one.session
        return f"{facts.starts_at.astimezone(ZONE):%H:%M}–{facts.ends_at.astimezone(ZONE):%H:%M}"

    @property
    def begins(self) -> int:
        """The instant it begins, in milliseconds, as a page's script reads it."""
        return int(self.one.session.starts_at.timestamp() * 1000)

    @property
    def marked(self) -> int:
        """How many of its children bear a mark."""
        return sum(child.value is not None for child in self.one.children)


@allowed(Look.LESSONS, post=Action.SYNC)
def day(request: SignedRequest) -> HttpResponse:
    """`/provider/lessons/?on=`: the lessons of a day. A POST is one lesson's form from a browser without scripts."""
    on = _day(request)
    if request.method == "POST":
        return _sent(request, on)
    today = local_day(request.at)
    lessons = _lessons(request, on)
    words: dict[str, Any] = {
        "on": on,
        "is_today": on == today,
        "before": on - timedelta(days=1),
        "after": on + timedelta(days=1),
        "lessons": lessons,
        "guests": trials.guests_on(house(request), on),
        "values": [(value.value, f"mark.{value.value}") for value in VALUES],
        "owner": _owner(request),
        "now": int(request.at.timestamp() * 1000),
        "ends": int(local_instant(on + timedelta(days=1)).timestamp() * 1000),
        "keeps_ahead": not is_manager(request),  # a manager's page has every group of the club
    }
    return page(request, "provider/lessons.html", **words)


def _day(request: SignedRequest) -> date:
    asked = request.GET.get("on", "")
    today = local_day(request.at)
    try:
        on = date.fromisoformat(asked) if asked else today
    except ValueError:
        raise Http404 from None
    if not today - _SPAN <= on <= today + _SPAN:
        raise Http404
    return on


def _lessons(request: SignedRequest, on: date) -> list[Lesson]:
    found = queries.lessons_to_mark(actor=request.actor, provider_id=house(request), first=on, last=on, at=request.at)
    groups = providers.group_facts({one.session.group_id for one in found})
    is_today = on == local_day(request.at)
    return [
        Lesson(
            one,
            title(groups[one.session.group_id].activity, request.language),
            one.address_kk if request.language == "kk" else one.address_ru,
            one.session.starts_at > request.at,
            one.session.ends_at <= request.at,
            is_today and one.session.state in _SHOWN,
        )
        for one in found
    ]


def _sent(request: SignedRequest, on: date) -> HttpResponse:
    """One lesson's form: its counters are the instant's, so that a later word of this browser replaces an earlier."""
    lessons = {str(lesson.one.uuid): lesson.one for lesson in _lessons(request, on)}
    lesson = lessons.get(str(request.POST.get("session", "")))
    if lesson is None:
        raise Http404
    first = int(request.at.timestamp() * 1000) * BATCH_LIMIT
    entries: list[OfflineMark] = []
    for child in lesson.children:
        value = str(request.POST.get(f"mark-{child.place}", ""))
        if value and value != child.value:
            entries.append(OfflineMark(first + len(entries), lesson.session.id, child.enrolment_id, value, request.at))
    back = f"{request.path}?on={on.isoformat()}#{lesson.uuid}"
    if not entries:
        return moved(request, back, said="lessons.nothing_marked")
    answer = commands.sync_marks(
        actor=request.actor,
        provider_id=house(request),
        device=uuid5(_NO_SCRIPTS, str(request.actor.user_id)),
        entries=entries[:BATCH_LIMIT],
        at=request.at,
        key=key_of(request),
        trace=_trace(request, ""),
    )
    objections = [o for o in answer.outcomes if o.reason is not None]
    if objections:
        return moved(request, back, said="lessons.some_objected", n=len(objections))
    return moved(request, back, said="lessons.marked", n=len(entries))


def _owner(request: SignedRequest) -> str:
    """Whose marks a phone may send now: this account's at this club."""
    return str(uuid5(_OWNERS, f"{request.actor.user_id} {house(request)}"))


def _trace(request: SignedRequest, device: str) -> Trace:
    return Trace(device, str(request.META.get("REMOTE_ADDR", "")))


@allowed_post(Action.SYNC)
def sync(request: SignedRequest) -> HttpResponse:
    """`/provider/lessons/sync/`: marks a phone kept; JSON `{key, device, entries: [{counter, session, place, value,
    recorded_at}]}` → `{outcomes: [{counter, fate, sentence}], missing: [counter]}`. The same key answers the same.
    Where the header `X-Marks-Owner` names another, who left the page open, 403: the marks wait for their owner.
    """
    try:
        key, device, entries = said(request.body)
    except RawPostDataException:  # a form, read as one
        raise BadInput("body", "send what the page sends") from None
    if request.headers.get("X-Marks-Owner", _owner(request)) != _owner(request):
        return JsonResponse({}, status=HTTPStatus.FORBIDDEN)
    ids = queries.marking_ids(house(request), {e["session"] for e in entries}, {e["place"] for e in entries})
    answer = commands.sync_marks(
        actor=request.actor,
        provider_id=house(request),
        device=device,
        entries=[_entry(e, ids) for e in entries],
        at=request.at,
        key=key,
        trace=_trace(request, str(device)),
    )
    outcomes = [
        {"counter": e["counter"], "fate": o.detail or "refused", "sentence": _sentence(request, o.detail, o.reason)}
        for e, o in zip(entries, answer.outcomes, strict=True)
    ]
    missing = [n for first, last in answer.missing_counters for n in range(first, min(last, first + BATCH_LIMIT) + 1)]
    return JsonResponse({"outcomes": outcomes, "missing": missing[:BATCH_LIMIT]})


def said(body: bytes) -> tuple[UUID, UUID, list[dict[str, Any]]]:
    """Key, device and entries of a phone's body.

    Raises:
        BadInput: anything in it is not what the page sends.
    """
    try:
        sent = outside.document(body)
        return UUID(sent["key"]), UUID(sent["device"]), _entries(sent["entries"])
    except (ValueError, TypeError, KeyError, AttributeError):
        raise BadInput("body", "send what the page sends") from None


def _entries(rows: Any) -> list[dict[str, Any]]:
    """The entries of a body, types checked; what a value or a number may be is the command's word."""
    if not isinstance(rows, list) or len(rows) > BATCH_LIMIT:
        raise ValueError("entries")
    return [
        {
            "counter": int(row["counter"]),
            "session": UUID(row["session"]),
            "place": UUID(row["place"]),
            "value": str(row["value"]),
            "recorded_at": datetime.fromisoformat(row["recorded_at"]),
        }
        for row in rows
    ]


def _entry(row: Mapping[str, Any], ids: tuple[Mapping[UUID, int], Mapping[UUID, int]]) -> OfflineMark:
    sessions, places = ids
    return OfflineMark(
        row["counter"], sessions.get(row["session"], 0), places.get(row["place"], 0), row["value"], row["recorded_at"]
    )


def _sentence(request: SignedRequest, fate: str | None, reason: Any) -> str:
    if reason is not None:
        return texts.refusal(request.language, reason.value)
    return texts.say(request.language, "lessons.late") if fate == "late" else ""


@allowed(Look.CODES)
def code(request: SignedRequest, session_uuid: UUID) -> HttpResponse:
    """`/provider/lessons/{uuid}/code/`: the lesson's rotating code, for the families' phones to read."""
    lesson = own_lesson(request, session_uuid)
    lists = queries.codes_of_lessons(
        actor=request.actor, provider_id=house(request), session_ids=[lesson.one.session.id], at=request.at
    )
    words: dict[str, Any] = {"lesson": lesson, "codes": None, "now": None}
    if lists:
        shown = _pictures(request, lists[0])
        now = int(request.at.timestamp()) // lists[0].seconds - lists[0].first_step
        words |= {"codes": shown, "here": len(_here(request, lesson))}
        if 0 <= now < len(lists[0].codes):
            matrix = _matrix(request, lists[0].codes[now])
            words["now"] = {"code": lists[0].codes[now], "path": _path(matrix)}
            words["side"] = len(matrix) + 2 * _QUIET
    return page(request, "provider/code.html", **words)


@allowed(Look.CODES)
def here(request: SignedRequest, session_uuid: UUID) -> HttpResponse:
    """`/provider/lessons/{uuid}/here/`: how many children are checked in; JSON `{here: n}`."""
    return JsonResponse({"here": len(_here(request, own_lesson(request, session_uuid)))})


def own_lesson(request: SignedRequest, session_uuid: UUID) -> Lesson:
    """A lesson of today that this account may mark.

    Raises:
        Http404: there is none.
    """
    today = local_day(request.at)
    lesson = next((one for one in _lessons(request, today) if one.one.uuid == session_uuid), None)
    if lesson is None:
        raise Http404
    return lesson


def _here(request: SignedRequest, lesson: Lesson) -> list[queries.CheckedIn]:
    found = queries.check_ins_of_lessons(
        actor=request.actor, provider_id=house(request), session_ids=[lesson.one.session.id], at=request.at
    )
    return [one for one in found if one.kind == "code"]


def _pictures(request: SignedRequest, codes: CodeList) -> dict[str, object]:
    """What the page's script turns: each code with its picture, a square of bits by rows, packed."""
    matrices = [_matrix(request, one) for one in codes.codes]
    return {
        "now": int(request.at.timestamp() * 1000),
        "seconds": codes.seconds,
        "first_step": codes.first_step,
        "codes": codes.codes,
        "size": len(matrices[0]) if matrices else 0,
        "pictures": [_packed(matrix) for matrix in matrices],
    }


def _matrix(request: SignedRequest, text: str) -> Sequence[Sequence[int]]:
    """The QR code of the address a family's phone opens; capitals make it smaller; any mask can be read."""
    address = settings.PUBLIC_ADDRESS or f"{request.scheme}://{request.get_host()}"
    made = segno.make_qr(f"{address}/V/{text}".upper(), error="m", mask=2, boost_error=False)
    return [list(row) for row in made.matrix]


def _packed(matrix: Sequence[Sequence[int]]) -> str:
    bits = [int(bit) for row in matrix for bit in row]
    octets = bytes(sum(bit << (7 - n) for n, bit in enumerate(bits[at : at + 8])) for at in range(0, len(bits), 8))
    return base64.b64encode(octets).decode()


def _path(matrix: Sequence[Sequence[int]]) -> str:
    return "".join(
        f"M{x + _QUIET} {y + _QUIET}h1v1h-1z" for y, row in enumerate(matrix) for x, bit in enumerate(row) if bit
    )


@allowed(Look.LESSONS)
def worker(request: SignedRequest) -> HttpResponse:
    """`/provider/worker.js`: the script that keeps the day on the phone; it stands here for the sake of its scope."""
    script = files("qosymsha.interfaces.provider").joinpath("static/provider/worker.js").read_bytes()
    return HttpResponse(script, content_type="text/javascript; charset=utf-8")
