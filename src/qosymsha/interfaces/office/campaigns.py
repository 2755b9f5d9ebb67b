"""Controls by sample: planned, frozen, drawn, visited on a phone, decided by another person, shown at the end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.conf import settings
from django.http import Http404, HttpResponse

from qosymsha.domain.admission.ports import BeaconSilent
from qosymsha.domain.allocation.announcement import TYPED
from qosymsha.domain.controls import commands, queries
from qosymsha.domain.controls.access import ALLOWED, Action
from qosymsha.domain.controls.queries import CampaignRow, VisitShown
from qosymsha.domain.controls.rules import MOST_SAMPLE, Found, Plan
from qosymsha.domain.controls.states import CampaignState, Sanction, Strata, Unit, VisitState
from qosymsha.domain.documents import queries as documents
from qosymsha.domain.programmes import queries as programmes
from qosymsha.interfaces.ui import texts, uploads
from qosymsha.interfaces.ui.forms import Form, attempt, typed
from qosymsha.interfaces.ui.signed import SignedRequest, SignedView, allowed, key_of, moved, page, step_up
from qosymsha.kernel.adapters import adapter
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.errors import NotConfigured

_DAY: dict[str, Any] = {"widget": forms.DateInput({"type": "date"}, "%Y-%m-%d"), "input_formats": ["%Y-%m-%d"]}
_VERBS = {
    "freeze": (Action.FREEZE, CampaignState.PLANNED, commands.freeze_campaign),
    "cancel": (Action.CANCEL, None, commands.cancel_campaign),
    "end": (Action.END, CampaignState.DRAWN, commands.end_campaign),
}
_OPEN_FOR = {
    CampaignState.PLANNED: ("freeze", "cancel"),
    CampaignState.FROZEN: ("draw", "cancel"),
    CampaignState.DRAWN: ("end",),
}


@allowed(Action.READ)
def campaigns(request: SignedRequest) -> HttpResponse:
    """`/office/controls/`: every campaign of the official's programmes, the latest first."""
    found = queries.campaigns(actor=request.actor)
    return page(request, "office/campaigns.html", campaigns=found, may_plan=request.actor.holds(ALLOWED[Action.PLAN]))


class PlanForm(Form):
    """Which programme, what is drawn, from which days, how many, by which beacon."""

    programme = forms.ChoiceField()
    unit = forms.ChoiceField()
    strata = forms.ChoiceField()
    first = forms.DateField(**_DAY)
    last = forms.DateField(**_DAY)
    size = forms.IntegerField(min_value=1, max_value=MOST_SAMPLE, initial=10)
    beacon = forms.CharField(max_length=200, required=False)


@allowed(Action.PLAN, post=Action.PLAN)
def plan(request: SignedRequest) -> HttpResponse:
    """`/office/controls/plan/`: a campaign as it will be promised; nothing is listed or drawn yet."""
    mine = [
        p for p in queries.controlled_programmes(request.actor)
        if request.actor.holds(ALLOWED[Action.PLAN], territory_id=p.territory_id)
    ]  # fmt: skip
    today = local_day(request.at)
    form = PlanForm(typed(request), initial={"first": today, "last": today + timedelta(days=30)})
    _choices(form, "programme", [(str(p.uuid), getattr(p, f"name_{request.language}") or p.name_ru) for p in mine])
    for name, kinds in (("unit", Unit), ("strata", Strata)):
        _choices(form, name, [(one.value, texts.say(request.language, f"control.{name}.{one}")) for one in kinds])

    def act_on() -> object:
        told = form.cleaned_data
        chosen = next(p for p in mine if str(p.uuid) == told["programme"])
        beacon = told["beacon"].strip() or _trial_beacon(told["last"])
        fault = _beacon_fault(beacon)
        if fault:
            form.add_error("beacon", texts.say(request.language, "control.beacon_fault"))
            return None
        wish = Plan(Unit(told["unit"]), Strata(told["strata"]), told["first"], told["last"], told["size"], beacon)
        return commands.plan_campaign(
            actor=request.actor, programme_id=chosen.id, plan=wish, at=request.at, key=key_of(request)
        )

    fields = {"wrong_period": "last", "sample_size": "size", "beacon_name": "beacon"}
    if attempt(request, form, act_on, fields) and not form.errors:
        return moved(request, "office-control", form.outcome, said="control.planned")
    return page(
        request, "office/campaign_plan.html", 422 if form.errors else 200, form=form, is_trial=not settings.PRODUCTION
    )


def _choices(form: Form, name: str, choices: Sequence[tuple[str, str]]) -> None:
    field = form.fields[name]
    assert isinstance(field, forms.ChoiceField)
    field.choices = choices


def _trial_beacon(last: object) -> str:
    return "" if settings.PRODUCTION else f"trial beacon of a control until {last}"


def _beacon_fault(name: str) -> str:
    if name.startswith(TYPED):
        return "" if name.removeprefix(TYPED).strip() else "typed:WHAT"
    try:
        check = getattr(adapter("beacon"), "check_name", None)
    except NotConfigured:
        return "no beacon is set: a value that two officers type is named typed:WHAT"
    return str(check(name)) if check is not None else ""


@allowed(Action.READ)
def campaign(request: SignedRequest, campaign_uuid: UUID) -> HttpResponse:
    """`/office/controls/{uuid}/`: what was promised, how far it is, its drawn places; what may be done with it."""
    found = _one(request, campaign_uuid)
    places = queries.visits(actor=request.actor, campaign=campaign_uuid)
    words: dict[str, Any] = {
        "visits": places,
        "verbs": _verbs(request, found),
        "root": (found.root or b"").hex(),
        "commitment": bytes(found.commitment).hex(),
    }
    return page(request, "office/campaign.html", campaign=found, **words)


def _one(request: SignedRequest, uuid: UUID) -> CampaignRow:
    found = queries.campaigns(actor=request.actor, uuid=uuid)
    if not found:
        raise Http404
    return found[0]


def _verbs(request: SignedRequest, found: CampaignRow) -> list[str]:
    actions = {verb: action for verb, (action, *_) in _VERBS.items()} | {"draw": Action.DRAW}
    return [
        verb
        for verb in _OPEN_FOR.get(CampaignState(found.state), ())
        if request.actor.holds(ALLOWED[actions[verb]], territory_id=found.territory_id)
    ]


class NoForm(Form):
    """A step without anything to fill in."""


def _step(verb: str) -> SignedView:
    action, _, command = _VERBS[verb]

    @allowed(action, post=action)
    def step(request: SignedRequest, campaign_uuid: UUID) -> HttpResponse:
        """`/office/controls/{uuid}/{verb}/`: what the step will do; a POST does it."""
        found = _one(request, campaign_uuid)
        form = NoForm(typed(request))

        def act_on() -> object:
            command(actor=request.actor, campaign_uuid=campaign_uuid, at=request.at, key=key_of(request))
            return True

        return _stepped(request, found, form, verb, act_on)

    return step


freeze, cancel, end = (_step(verb) for verb in ("freeze", "cancel", "end"))


class DrawForm(Form):
    """A value that two officers type; nothing where it is fetched."""

    value = forms.CharField(max_length=500, required=False)


@allowed(Action.DRAW, post=Action.DRAW)
def draw(request: SignedRequest, campaign_uuid: UUID) -> HttpResponse:
    """`/office/controls/{uuid}/draw/`: the beacon's value, fetched now or typed by two officers; then the sample."""
    found = _one(request, campaign_uuid)
    form = DrawForm(typed(request))
    is_typed = found.beacon_name.startswith(TYPED)

    def act_on() -> object:
        value = _typed_value(request, form) if is_typed else _fetched(request, form, found.beacon_name)
        if value is None:
            return None
        is_drawn = commands.draw_sample(
            actor=request.actor, campaign_uuid=campaign_uuid, beacon_value=value, at=request.at, key=key_of(request)
        )
        return "draw" if is_drawn else "typed"

    fields = {"typed_differs": "value", "second_officer": "value", "beacon_malformed": "value"} if is_typed else {}
    return _stepped(request, found, form, "draw", act_on, fields=fields, is_typed=is_typed)


def _typed_value(request: SignedRequest, form: Form) -> bytes | None:
    text = " ".join(str(form.cleaned_data["value"]).split())
    if not text:
        form.add_error("value", texts.say(request.language, "form.required"))
    return text.encode() or None


def _fetched(request: SignedRequest, form: Form, name: str) -> bytes | None:
    try:
        return bytes(adapter("beacon").value(name))
    except (BeaconSilent, NotConfigured):
        form.add_error(None, texts.say(request.language, "control.beacon_silent"))
        return None


def _stepped(  # noqa: PLR0913 - the one way of a step's page: what, its form, its verb, its command, its fields
    request: SignedRequest,
    found: CampaignRow,
    form: Form,
    verb: str,
    act_on: Callable[[], object],
    fields: dict[str, str] | None = None,
    *,
    is_typed: bool = False,
) -> HttpResponse:
    if attempt(request, form, act_on, fields) and not form.errors:
        done = form.outcome if form.outcome == "typed" else verb
        return moved(request, "office-control", found.uuid, said=f"control.done.{done}")
    listed = len(queries.frame(found.programme_id, found.plan)) if found.state == CampaignState.PLANNED else found.units
    words: dict[str, Any] = {"form": form, "verb": verb, "listed": listed, "is_typed": is_typed}
    return page(request, "office/campaign_step.html", 422 if form.errors else 200, campaign=found, **words)


class VisitForm(Form):
    """What was seen."""

    present = forms.IntegerField(min_value=0, max_value=500, required=False)
    finding = forms.ChoiceField(required=False)
    note = forms.CharField(max_length=2000, required=False, widget=forms.Textarea({"rows": 3}))
    picture = uploads.UploadField(required=False)


@allowed(Action.READ, post=Action.VISIT)
def visit(request: SignedRequest, visit_uuid: UUID) -> HttpResponse:
    """`/office/controls/visits/{uuid}/`: a drawn place, made for a phone; a POST writes the visit down."""
    shown = _visit(request, visit_uuid)
    form = VisitForm(typed(request), uploads.files_of(request))
    findings = programmes.rules_in_force(shown.programme_id, local_day(request.at)).rules.controls.findings
    words = [(code, texts.say(request.language, f"control.finding.{code}")) for code in findings]
    _choices(form, "finding", [("", texts.say(request.language, "control.no_finding")), *words])

    def act_on() -> object:
        told = form.cleaned_data
        found = Found(told["present"], told["finding"], told["note"], told["picture"])
        commands.record_visit(
            actor=request.actor, visit_uuid=visit_uuid, found=found, at=request.at, key=key_of(request)
        )
        return True

    fields = {"count_missing": "present", "note_missing": "note", "unknown_finding": "finding"}
    fields |= uploads.paper_fields("picture")
    if attempt(request, form, act_on, fields):
        return moved(request, "office-control", shown.campaign, said="control.visited")
    return _shown(request, shown, form, "visit")


@allowed(Action.READ)
def picture(request: SignedRequest, visit_uuid: UUID) -> HttpResponse:
    """`/office/controls/visits/{uuid}/picture/`: what the visitor photographed, to be saved."""
    shown = _visit(request, visit_uuid)
    found = documents.document_of(shown.document) if shown.document else None
    if found is None:
        raise Http404
    content = documents.content_of(actor=request.actor, document=found, action=Action.READ, at=request.at)
    return uploads.download(found, content, "control")


class DecisionForm(Form):
    """What follows, and why."""

    sanction = forms.ChoiceField(widget=forms.RadioSelect)
    reason = forms.CharField(max_length=1000, widget=forms.Textarea({"rows": 3}))


@allowed(Action.DECIDE, post=Action.DECIDE)
@step_up
def decide(request: SignedRequest, visit_uuid: UUID) -> HttpResponse:
    """`/office/controls/visits/{uuid}/decide/`: another person's decision, each sanction with what it will do."""
    shown = _visit(request, visit_uuid)
    form = DecisionForm(typed(request))
    sanctions = programmes.rules_in_force(shown.programme_id, local_day(request.at)).rules.controls.sanctions
    offered = [Sanction.NONE.value, *sanctions]
    _choices(form, "sanction", [(code, texts.say(request.language, f"control.sanction.{code}")) for code in offered])

    def act_on() -> object:
        assert request.proof is not None, "step_up gave one"
        told = form.cleaned_data
        commands.decide_finding(
            actor=request.actor, visit_uuid=visit_uuid, sanction=told["sanction"], reason=told["reason"],
            proof=request.proof, at=request.at, key=key_of(request),
        )  # fmt: skip
        return True

    fields = dict.fromkeys(("unknown_sanction", "provider_not_accredited", "nothing_to_hold"), "sanction")
    if attempt(request, form, act_on, fields | {"reason_missing": "reason"}):
        return moved(request, "office-control-visit", visit_uuid, said="control.decided")
    return _shown(request, shown, form, "decide", offered)


def _visit(request: SignedRequest, uuid: UUID) -> VisitShown:
    found = queries.visits(actor=request.actor, uuid=uuid)
    if not found:
        raise Http404
    return found[0]


def _shown(
    request: SignedRequest, shown: VisitShown, form: Form, task: str, offered: Sequence[str] = ()
) -> HttpResponse:
    here = {"territory_id": shown.territory_id}
    may_visit = shown.state == VisitState.DUE and request.actor.holds(ALLOWED[Action.VISIT], **here)
    waits = shown.state in (VisitState.ANSWERED, VisitState.UNANSWERED)
    words: dict[str, Any] = {
        "visit": shown,
        "task": task,
        "form": form,
        "may_visit": may_visit,
        "may_decide": waits and request.actor.holds(ALLOWED[Action.DECIDE], **here),
        "is_own": shown.visited_by == request.actor.user_id,
        "address": shown.address_kk if request.language == "kk" else shown.address_ru,
        "offered": offered,
        "megabytes": uploads.most_megabytes(),
    }
    return page(request, "office/control_visit.html", 422 if form.errors else 200, **words)
