"""Assisted filing and month confirmation: a clerk's pages. Nothing opens before the guardian has proved to be here.

The clerk acts with the guardian's own rights (`assistance.acting`), and each act needs a code of its own that only the
guardian's phone has seen.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django import forms
from django.conf import settings
from django.http import Http404, HttpResponse
from django.urls import NoReverseMatch, reverse

from qosymsha.domain.admission import commands as filing
from qosymsha.domain.admission import queries as admission
from qosymsha.domain.admission.queries import Opening, OwnApplication, Prospect
from qosymsha.domain.assistance import commands
from qosymsha.domain.assistance import queries as assistance
from qosymsha.domain.assistance.access import Action
from qosymsha.domain.assistance.commands import Coming, SentCode
from qosymsha.domain.assistance.queries import Visit
from qosymsha.domain.assistance.rules import AssistanceRefusal
from qosymsha.domain.assistance.states import Act, VisitWay
from qosymsha.domain.attendance import commands as attending
from qosymsha.domain.attendance.rules import Word
from qosymsha.domain.attendance.states import WordState
from qosymsha.domain.casework import queries as casework
from qosymsha.domain.people import queries as people
from qosymsha.domain.people.ports import CodeNotSent
from qosymsha.domain.people.rules import ERASED_NAME
from qosymsha.interfaces.office.assisted_family import MonthShown, open_months, waiting_vouchers
from qosymsha.interfaces.ui import reasons, texts, uploads
from qosymsha.interfaces.ui.forms import Form, attempt, typed
from qosymsha.interfaces.ui.papers import receipt as papers
from qosymsha.interfaces.ui.signed import SignedRequest, allowed, allowed_post, key_of, moved, page
from qosymsha.interfaces.ui.templatetags.words import in_language
from qosymsha.kernel.actor import Actor
from qosymsha.kernel.adapters import adapter
from qosymsha.kernel.errors import NotConfigured

_CODE = forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"})
_ACTS = {  # the page of an act → the field of its form with what the act is about, one id or two
    "office-visit-file": "round",
    "office-visit-month": "month",
    "office-visit-voucher": "voucher",
    "office-visit-place": "place",
}
_BEGIN_FIELDS = uploads.paper_fields("paper") | {"assisted_bad_number": "iin", "assisted_paper_needed": "paper"}


class BeginForm(Form):
    """Who stands before the clerk, where, and how that is proved."""

    iin = forms.CharField(
        max_length=20,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off", "spellcheck": "false"}),
    )
    point = forms.CharField(max_length=20, widget=forms.Select)
    way = forms.CharField(max_length=10, initial=VisitWay.CODE.value, widget=forms.RadioSelect)
    paper = uploads.UploadField(required=False)


class CodeForm(Form):
    """The code that the guardian reads out."""

    code = forms.CharField(max_length=9, widget=_CODE)


class FileForm(Form):
    """Whom for, what kind; the guardian's word is the code (none where the visit was proved by paper)."""

    child = forms.UUIDField(widget=forms.RadioSelect)
    kind = forms.CharField(max_length=40, widget=forms.RadioSelect)
    code = forms.CharField(max_length=9, required=False, widget=_CODE)


class WordForm(Form):
    """The guardian's word for an act: a code; none where the visit was proved by paper."""

    code = forms.CharField(max_length=9, required=False, widget=_CODE)


@allowed(Action.BEGIN_VISIT, post=Action.BEGIN_VISIT)
def desk(request: SignedRequest) -> HttpResponse:
    """`/office/assist/`: begin a visit; today's visits of this clerk."""
    form = BeginForm(typed(request), uploads.files_of(request))
    points = [(str(one.id), in_language(one)) for one in casework.points()]
    form.fields["point"].required = bool(points)
    form.fields["point"].widget.choices = [("", texts.say(request.language, "category.choose")), *points]
    ways = [(way.value, texts.say(request.language, f"assist.way.{way.value}")) for way in VisitWay]
    form.fields["way"].widget.choices = ways
    if attempt(request, form, lambda: _begin(request, form, dict(points), dict(ways)), _BEGIN_FIELDS):
        begun = form.outcome
        if begun.refusal is None:
            return _to_visit(request, begun.uuid, begun.code)
        form.add_error(None, texts.refusal(request.language, begun.refusal.value))
    return page(
        request,
        "office/assist.html",
        422 if form.errors else 200,
        form=form,
        visits=assistance.visits_today(actor=request.actor, at=request.at),
        limits=assistance.limits(),
        megabytes=uploads.most_megabytes(),
    )


def _begin(request: SignedRequest, form: Form, points: dict[str, str], ways: dict[str, str]) -> commands.Begun:
    told = form.cleaned_data
    coming = Coming(
        told["iin"],
        int(told["point"]) if told["point"] in points else None,
        VisitWay(told["way"]) if told["way"] in ways else VisitWay.CODE,
        told["paper"],
    )
    return commands.begin_visit(actor=request.actor, coming=coming, at=request.at, key=key_of(request))


def _to_visit(request: SignedRequest, visit_uuid: UUID, code: SentCode | None, back: str = "") -> HttpResponse:
    """Send the code, keep what a trial shows instead, and go on. Nobody to send it to looks the same."""
    shown = ""
    if code is not None:
        try:
            shown = adapter("codes").send(code.phone, code.code, code.language)
        except (CodeNotSent, NotConfigured):
            return moved(request, back or reverse("office-visit", args=[visit_uuid]), said="step.not_sent")
    request.session[shown_as(visit_uuid)] = shown
    return moved(request, back or reverse("office-visit", args=[visit_uuid]), said="assist.sent")


def shown_as(visit_uuid: UUID) -> str:
    """Where a trial keeps the code that it shows instead of sending it."""
    return f"visit {visit_uuid}"


@allowed(Action.PROVE_VISIT, post=Action.PROVE_VISIT)
def visit(request: SignedRequest, visit_uuid: UUID) -> HttpResponse:
    """`/office/assist/{uuid}/`: the code first; then the guardian's children, what may be filed, months that wait."""
    one, form = _visit(request, visit_uuid), CodeForm(typed(request))

    def prove() -> AssistanceRefusal | None:
        code = form.cleaned_data["code"]
        return commands.prove_visit(actor=request.actor, visit_uuid=visit_uuid, code=code, at=request.at)

    if attempt(request, form, prove):
        if form.outcome is None:
            request.session.pop(shown_as(visit_uuid), None)
            return moved(request, "office-visit", visit_uuid, said="assist.proved")
        form.add_error("code", texts.refusal(request.language, form.outcome.value))
    status = 422 if form.errors else 200
    words = words_of(request, one) | {"form": form}
    if one.ended_at is not None or (one.proved_at is not None and not one.is_open(request.at)):
        return page(request, "office/visit_over.html", status, **words)
    if one.proved_at is None:
        return page(request, "office/visit_code.html", status, **words)
    return page(request, "office/visit.html", status, **words | _family(request, one))


def _visit(request: SignedRequest, visit_uuid: UUID) -> Visit:
    found = assistance.visit_of(actor=request.actor, visit_uuid=visit_uuid)
    if found is None:
        raise Http404
    return found


def words_of(request: SignedRequest, one: Visit) -> dict[str, Any]:
    """What every page of a visit says."""
    shown = request.session.get(shown_as(one.uuid), "")
    return {"visit": one, "shown": shown, "by_paper": one.way == VisitWay.PAPER}


def _family(request: SignedRequest, one: Visit) -> dict[str, Any]:
    """What the guardian may do now, read with the guardian's own rights."""
    hand = assistance.acting(actor=request.actor, visit=one, at=request.at)
    guardian = people.own_record(hand)
    wards = {ward.id: ward for ward in people.own_wards(actor=hand, at=request.at)}
    filed = admission.own_applications(actor=hand, at=request.at)
    return {
        "guardian": guardian.full_name if guardian else ERASED_NAME,
        "wards": list(wards.values()),
        "rounds": [(found, in_language(found, "programme")) for found in admission.openings(request.at)],
        "filed": [(a, wards[a.child_id].name, reasons.kind_name(a.kind, request.language)) for a in filed],
        "months": open_months(request, hand),
        "vouchers": waiting_vouchers(request, hand, {i: ward.name for i, ward in wards.items()}),
    }


@allowed_post(Action.SEND_CODE)
def send(request: SignedRequest, visit_uuid: UUID) -> HttpResponse:
    """`/office/assist/{uuid}/code/`: a new code, for the visit or for the act on the page that asked."""
    code = commands.send_visit_code(actor=request.actor, visit_uuid=visit_uuid, at=request.at)
    return _to_visit(request, visit_uuid, code, _back(request, visit_uuid))


def _back(request: SignedRequest, visit_uuid: UUID) -> str:
    """The act's page, with what was chosen on it: ids alone stand in an address."""
    chosen = {name: request.POST[name] for name in ("child", "kind", "on") if request.POST.get(name)}
    for name, field in _ACTS.items():
        try:
            address = reverse(name, args=[visit_uuid, *map(UUID, request.POST[field].split())])
        except (KeyError, ValueError, NoReverseMatch):
            continue
        return f"{address}?{urlencode(chosen)}" if chosen else address
    return ""


@allowed_post(Action.END_VISIT)
def end(request: SignedRequest, visit_uuid: UUID) -> HttpResponse:
    """`/office/assist/{uuid}/end/`: from now on this clerk sees nothing of the family."""
    commands.end_visit(actor=request.actor, visit_uuid=visit_uuid, at=request.at)
    request.session.pop(shown_as(visit_uuid), None)
    return moved(request, "office-assist", said="assist.ended")


@allowed(Action.CONFIRM_ACT, post=Action.CONFIRM_ACT)
def file(request: SignedRequest, visit_uuid: UUID, round_uuid: UUID) -> HttpResponse:
    """`/office/assist/{uuid}/file/{round}/`: whom for, what kind; filed by the guardian's code."""
    one, hand = open_visit(request, visit_uuid)
    opening = admission.opening(round_uuid)
    if opening is None or not opening.is_open(request.at):
        raise Http404
    form = FileForm(typed(request), initial=request.GET.dict())
    others = _offer(request, form, hand, opening)
    where = dict.fromkeys(("not_guardian", "wrong_age", "already_filed", "holds_voucher", "age_unknown"), "child")
    is_done = attempt(request, form, lambda: _file(request, one, hand, form, round_uuid), where)
    if is_done and is_given(request, form, visit_uuid):
        return moved(request, "office-visit", visit_uuid, said="assist.filed", number=form.outcome.number)
    words = {"form": form, "opening": opening, "title": in_language(opening, "programme"), "others": others}
    return page(request, "office/visit_file.html", 422 if form.errors else 200, **words_of(request, one) | words)


def _offer(request: SignedRequest, form: Form, hand: Actor, opening: Opening) -> list[Prospect]:
    """Offer the children and kinds that may be filed; the children that may not come back, each with its reason."""
    found = admission.prospects(actor=hand, of=opening, at=request.at)
    prospects = [one for one in found if one.kinds]
    kinds = [kind for kind in opening.kinds if any(kind in one.kinds for one in prospects)]
    choices = {
        "child": [(str(one.child.uuid), one.child.name) for one in prospects],
        "kind": [(kind, reasons.kind_name(kind, request.language)) for kind in kinds],
    }
    for name, offered in choices.items():
        form.fields[name].widget.choices = offered
        if len(offered) == 1:
            form.fields[name].initial = offered[0][0]
    return [one for one in found if not one.kinds]


def _file(request: SignedRequest, one: Visit, hand: Actor, form: Form, round_uuid: UUID) -> object:
    """The guardian's word first; what it is given for happens under the guardian's own rights."""
    told = form.cleaned_data
    given = confirmed(request, one, Act.FILE, told["child"], told["code"], f"{round_uuid} {told['kind']}")
    if isinstance(given, AssistanceRefusal):
        return given
    return filing.submit_own_application(
        actor=hand,
        round_uuid=round_uuid,
        child_uuid=told["child"],
        kind=told["kind"],
        at=request.at,
        key=key_of(request, "file"),
    )


def confirmed(  # noqa: PLR0913 - whose word, for what, by which code
    request: SignedRequest, one: Visit, act: Act, subject: UUID, code: str, more: str = ""
) -> Any:
    """The guardian's word for exactly this: chosen otherwise under the same form, it needs another code."""
    return commands.confirm_act(
        actor=request.actor,
        visit_uuid=one.uuid,
        act=act,
        subject=subject,
        code=code,
        at=request.at,
        key=key_of(request, f"word {act} {subject} {more}"),
    )


def open_visit(request: SignedRequest, visit_uuid: UUID) -> tuple[Visit, Actor]:
    """The visit, proved and not over, and the guardian's hand in it.

    Raises:
        Http404: no such visit of this clerk.
        Refused: not proved, or over.
    """
    one = _visit(request, visit_uuid)
    return one, assistance.acting(actor=request.actor, visit=one, at=request.at)


def is_given(request: SignedRequest, form: Form, visit_uuid: UUID) -> bool:
    """True where the guardian's word was given, and with it the act done; else the form says why the code is none."""
    if isinstance(form.outcome, AssistanceRefusal):
        form.add_error("code", texts.refusal(request.language, form.outcome.value))
        return False
    request.session.pop(shown_as(visit_uuid), None)
    return True


@allowed(Action.CONFIRM_ACT, post=Action.CONFIRM_ACT)
def month(request: SignedRequest, visit_uuid: UUID, row_uuid: UUID) -> HttpResponse:
    """`/office/assist/{uuid}/months/{row}/`: a child's month day by day, confirmed by the guardian's code."""
    one, hand = open_visit(request, visit_uuid)
    found = next((m for m in open_months(request, hand) if m.one.uuid == row_uuid), None)
    form = WordForm(typed(request))
    if found is None:
        if request.method == "POST":  # sent twice: it was taken the first time, or is no open month of this family
            return moved(request, "office-visit", visit_uuid)
        raise Http404
    is_done = attempt(request, form, lambda: _say(request, one, hand, form, found))
    if is_done and is_given(request, form, visit_uuid):
        return moved(request, "office-visit", visit_uuid, said="assist.month_confirmed")
    words = words_of(request, one) | {"form": form, "month": found}
    return page(request, "office/visit_month.html", 422 if form.errors else 200, **words)


def _say(request: SignedRequest, one: Visit, hand: Actor, form: Form, found: MonthShown) -> object:
    given = confirmed(request, one, Act.MONTH, found.one.uuid, form.cleaned_data["code"])
    if isinstance(given, AssistanceRefusal):
        return given
    guardian_id = hand.guardian_id or 0
    word = Word(found.one.row.row_id, guardian_id, WordState.CONFIRMED, proof=assistance.proof_of(given))
    attending.confirm_month(actor=hand, word=word, at=request.at, key=key_of(request, "month"))
    return given


@allowed(Action.CONFIRM_ACT)
def receipt(request: SignedRequest, visit_uuid: UUID, application_uuid: UUID) -> HttpResponse:
    """`/office/assist/{uuid}/receipts/{application}.pdf`: the receipt on paper, for who has no phone to keep it on."""
    one, hand = open_visit(request, visit_uuid)
    found = _application(request, hand, application_uuid)
    told = admission.receipt(actor=hand, application_id=found.id, at=request.at)
    address = settings.PUBLIC_ADDRESS or f"{request.scheme}://{request.get_host()}"
    headers = {"Content-Disposition": f'attachment; filename="{found.number}.pdf"'}
    content = papers.receipt_pdf(told, request.language, address)
    return HttpResponse(content, content_type="application/pdf", headers=headers)


def _application(request: SignedRequest, hand: Actor, application_uuid: UUID) -> OwnApplication:
    found = admission.own_applications(actor=hand, at=request.at)
    one = next((a for a in found if a.uuid == application_uuid), None)
    if one is None:
        raise Http404
    return one
