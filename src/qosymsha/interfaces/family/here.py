"""At the venue: the family's phone reads the lesson's rotating code, and the child is checked in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from importlib.resources import files
from urllib.parse import urlencode

from django import forms
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.utils.translation import get_language_from_request

from qosymsha.domain.attendance import commands, queries
from qosymsha.domain.attendance.access import Action
from qosymsha.domain.attendance.queries import OwnChild, OwnLesson
from qosymsha.domain.attendance.rules import PresenceRefusal, Scan
from qosymsha.domain.attendance.states import CheckInKind
from qosymsha.domain.people.states import Role
from qosymsha.interfaces.family import installation, shown
from qosymsha.interfaces.family.access import Look
from qosymsha.interfaces.ui import texts
from qosymsha.interfaces.ui.doors import context, public_page
from qosymsha.interfaces.ui.forms import Form, typed
from qosymsha.interfaces.ui.signed import SignedRequest, allowed, key_of, moved, page
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.errors import RowOutcome

_AHEAD = timedelta(days=7)
_BACK = timedelta(days=3)
_ALL = "all"
_LOOK_ALIKE = str.maketrans("АВЕЗКМНОРСТХІ", "ABE3KMHOPCTX1")  # typed on a Kazakh or Russian keyboard
_SCANNED = frozenset({CheckInKind.CODE, CheckInKind.LATE})


class HereForm(Form):
    """The code as read or typed; `at`: when the phone read it, for one kept without network."""

    code = forms.CharField(
        max_length=200,
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false", "inputmode": "text"}
        ),
    )
    at = forms.CharField(max_length=40, required=False, widget=forms.HiddenInput)


@dataclass(frozen=True, slots=True)
class LessonHere:
    """A child's lesson as this page shows it; `fault`: why the child was not checked in just now."""

    child: OwnChild
    one: OwnLesson
    hours: str
    title: str
    address: str
    day: str
    at: str
    fault: str = ""

    @property
    def is_done(self) -> bool:
        """True where the family's own scan is in; a card read by the teacher is no word of the family."""
        return self.one.check_in in _SCANNED


@public_page
def scanned(request: HttpRequest, code: str) -> HttpResponse:
    """`/V/{code}`: what the picture at the venue leads to; on to the page in the browser's language, nothing else."""
    address = f"/{get_language_from_request(request)}/family/here/?{urlencode({'c': code[:40]})}"
    answer = HttpResponseRedirect(address)
    patch_vary_headers(answer, ["Accept-Language"])
    return answer


@allowed(Look.HERE, post=Action.CHECK_IN)
def here(request: SignedRequest) -> HttpResponse:
    """`/family/here/?c=&at=`: own children with a lesson now, a button each; a POST checks in one or all of them."""
    if request.method == "POST":
        return _sent(request)
    first = {"code": request.GET.get("c", "")[:40], "at": request.GET.get("at", "")[:40]}
    return _page(request, HereForm(typed(request), initial=first), _instant(first["at"]))


def _page(
    request: SignedRequest, form: HereForm, claimed: datetime | None, faults: dict[int, str] | None = None
) -> HttpResponse:
    about = min(claimed, request.at) if claimed else request.at
    lessons = _lessons(request, local_day(about), local_day(about) + _AHEAD, faults or {})
    now = [one for one in lessons if one.one.opens_at <= about <= one.one.closes_at]
    waiting = [one for one in now if not one.is_done]
    answer = page(
        request,
        "family/here.html",
        422 if form.errors else 200,
        form=form,
        now=now,
        waiting=waiting,
        kept_at=claimed,
        next=next((one for one in lessons if one.one.lesson.starts_at > about), None),
        has_code=bool(form["code"].value()),
        all=_ALL,
    )
    return installation.named(request, answer)


def _lessons(request: SignedRequest, first: date, last: date, faults: dict[int, str]) -> list[LessonHere]:
    children = queries.own_children(actor=request.actor, at=request.at)
    found = queries.own_lessons(actor=request.actor, first=first, last=last, at=request.at)
    return [_lesson(request, children[one.child_id], one, faults.get(one.child_id, "")) for one in found]


def _lesson(request: SignedRequest, child: OwnChild, one: OwnLesson, fault: str = "") -> LessonHere:
    return LessonHere(
        child,
        one,
        shown.hours(one.lesson.starts_at, one.lesson.ends_at),
        shown.in_words(request.language, one.group, "title"),
        shown.in_words(request.language, one, "address"),
        shown.week_day(request.language, one.lesson.on),
        shown.clock(one.check_in_at),
        fault,
    )


def _sent(request: SignedRequest) -> HttpResponse:
    form = HereForm(request.POST)
    claimed = _instant(str(request.POST.get("at", "")))
    children = _chosen(request, claimed)
    if not form.is_valid() or not children:
        if not form.errors:
            form.add_error(None, texts.say(request.language, "here.choose"))
        return _page(request, form, claimed)
    code = code_of(form.cleaned_data["code"])
    guardian = request.actor.guardian_id or 0
    scans = [Scan(c.id, guardian, code, None, claimed, None, installation.trace(request)) for c in children]
    outcomes = commands.check_in_children(actor=request.actor, scans=scans, at=request.at, key=key_of(request))
    return _answered(request, form, claimed, list(zip(children, outcomes, strict=True)))


def _answered(
    request: SignedRequest, form: HereForm, claimed: datetime | None, answers: Sequence[tuple[OwnChild, RowOutcome]]
) -> HttpResponse:
    """To the green page where anybody is in; back to the form, with a sentence for each child, where nobody is."""
    refused = [(child, o.reason.value) for child, o in answers if o.reason is not None]
    wrong = [(child, reason) for child, reason in refused if reason != PresenceRefusal.ALREADY_CHECKED_IN]
    if len(wrong) < len(answers):
        done = f"{reverse('family-here-done')}?{urlencode({'c': form.cleaned_data['code'][:40]})}"
        if not wrong:
            return moved(request, done)
        who = ", ".join(child.name for child, _ in wrong)
        return moved(request, done, said="here.not_in", who=who, why=_why(request, wrong[0][1]))
    faults = {child.id: _why(request, reason) for child, reason in wrong}
    for sentence in dict.fromkeys(faults.values()):
        form.add_error("code", sentence)
    return _page(request, form, claimed, faults if len(set(faults.values())) > 1 else {})


def _why(request: SignedRequest, reason: str) -> str:
    """The refusal's sentence; to a child with an account of its own in its own words, where there are such."""
    own = f"youth.refusal.{reason}"
    is_own = request.actor.holds({Role.YOUTH}) and own in texts.catalogue(request.language)
    return texts.say(request.language, own) if is_own else texts.refusal(request.language, reason)


def _chosen(request: SignedRequest, claimed: datetime | None) -> list[OwnChild]:
    """The child that a button names, or with `all` those of this hour who are not in yet.

    Raises:
        Http404: none of the guardian's own.
    """
    wanted = request.POST.getlist("child")
    children = queries.own_children(actor=request.actor, at=request.at)
    if _ALL in wanted:
        about = min(claimed, request.at) if claimed else request.at
        day = local_day(about)
        found = queries.own_lessons(actor=request.actor, first=day, last=day, at=request.at)
        now = {o.child_id for o in found if o.opens_at <= about <= o.closes_at and o.check_in not in _SCANNED}
        return [child for child in children.values() if child.id in now]
    by_uuid = {str(child.uuid): child for child in children.values()}
    if not set(wanted) <= set(by_uuid):
        raise Http404
    return [by_uuid[one] for one in dict.fromkeys(wanted)]


def code_of(text: str) -> str:
    """The code in what was read or typed: a whole address, small letters, Cyrillic look-alikes, spaces."""
    last = text.strip().rstrip("/").rpartition("/")[2]
    return last.upper().translate(_LOOK_ALIKE)


def _instant(text: str) -> datetime | None:
    """When a phone says it read a code; None for what is no instant."""
    try:
        at = datetime.fromisoformat(text)
        return at.astimezone(UTC) if at.tzinfo else None
    except (ValueError, OverflowError):
        return None


@allowed(Look.HERE)
def done(request: SignedRequest) -> HttpResponse:
    """`/family/here/done/`: who was checked in today, when, where; the page may be opened again and again."""
    today = local_day(request.at)
    found = _lessons(request, today - _BACK, today, {})
    checked = [one for one in found if one.is_done and one.one.check_in_at and local_day(one.one.check_in_at) == today]
    checked.sort(key=lambda one: str(one.one.check_in_at), reverse=True)
    return page(request, "family/done.html", checked=checked)


@public_page
def offline(request: HttpRequest) -> HttpResponse:
    """`/family/here/offline/`: what a phone without network shows and keeps; nobody's data, so for anybody."""
    return render(request, "family/offline.html", context(request))


@allowed(Look.HERE)
def worker(request: SignedRequest) -> HttpResponse:
    """`/family/worker.js`: without network it answers a scan, at the picture's address too, with the page above."""
    script = files("qosymsha.interfaces.family").joinpath("static/family/worker.js").read_bytes()
    headers = {"Service-Worker-Allowed": "/"}
    return HttpResponse(script, content_type="text/javascript; charset=utf-8", headers=headers)
