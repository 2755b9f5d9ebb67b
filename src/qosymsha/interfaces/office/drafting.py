"""Working drafts of rules: written section by section by form, or as a document; two editors never lose a word."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.http import Http404, HttpResponse, QueryDict

from qosymsha.domain.programmes import commands, queries, wording
from qosymsha.domain.programmes import document as documents
from qosymsha.domain.programmes.access import ALLOWED, Action
from qosymsha.domain.programmes.commands import Edit
from qosymsha.domain.programmes.queries import DraftSeen
from qosymsha.domain.programmes.rules import ProgrammeRefusal
from qosymsha.interfaces.office import city, ordering, rules
from qosymsha.interfaces.office.access import Look
from qosymsha.interfaces.office.rule_forms import SectionForm, section_form
from qosymsha.interfaces.ui import keys, texts
from qosymsha.interfaces.ui.forms import Form, attempt, typed
from qosymsha.interfaces.ui.signed import SignedRequest, allowed, allowed_post, key_of, moved, page
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.errors import BadInput, Refused
from qosymsha.runtime import outside

MOST_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class SectionRow:
    """A section in the draft's list: whether it differs from the rules in force, and how many faults it has."""

    shown: wording.Shown
    is_changed: bool
    faults: int
    is_policy_open: bool


def _draft(request: SignedRequest, uuid: UUID) -> tuple[DraftSeen, queries.ProgrammeFacts]:
    found = queries.draft_seen(uuid)
    if found is None:
        raise Http404
    return found, city.programme_by_id(request, found.programme_id)


class BeginForm(Form):
    """From which rules to begin, and the first day."""

    based_on = forms.ChoiceField(required=False)
    valid_from = forms.DateField(widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"))


@allowed(Action.DRAFT_RULES, post=Action.DRAFT_RULES)
def begin(request: SignedRequest, programme_uuid: UUID) -> HttpResponse:
    """`/office/programmes/{uuid}/draft/`: begin a draft from a version, or from the product's own rules."""
    programme = city.programme_of(request, programme_uuid, ALLOWED[Action.DRAFT_RULES])
    versions = queries.rule_sets(programme.id)
    standing = queries.standing_on(programme.id, local_day(request.at))
    first = local_day(request.at) + timedelta(days=14)
    form = BeginForm(typed(request), initial={"based_on": str(standing.id) if standing else "", "valid_from": first})
    own = texts.say(request.language, "rules.from_default")
    named = [(str(v.id), texts.say(request.language, "rules.version_n", version=v.version)) for v in versions]
    form.fields["based_on"].choices = [*named, ("", own)]  # type: ignore[attr-defined]

    def act_on() -> object:
        chosen = form.cleaned_data["based_on"]
        return commands.open_rule_draft(
            actor=request.actor,
            programme_id=programme.id,
            based_on=int(chosen) if chosen else None,
            valid_from=form.cleaned_data["valid_from"],
            at=request.at,
            key=key_of(request),
        )

    if attempt(request, form, act_on):
        return moved(request, "office-draft", form.outcome, said="rules.draft_begun")
    words: dict[str, object] = {"programme": programme, "form": form, "open": queries.open_draft(programme.id)}
    return page(request, "office/draft_begin.html", 422 if form.errors else 200, **words)


@allowed(Look.PROGRAMMES)
def draft(request: SignedRequest, draft_uuid: UUID) -> HttpResponse:
    """`/office/programmes/drafts/{uuid}/`: its sections, what it changes, what is still to be mended, the way on."""
    found, programme = _draft(request, draft_uuid)
    standing = queries.standing_on(found.programme_id, found.valid_from)
    faults = documents.faults(found.document)
    return page(
        request,
        "office/draft.html",
        draft=found,
        programme=programme,
        standing=standing,
        sections=_sections(found, standing.document if standing else {}, faults, request.language),
        faults=[_fault(path, message, request.language) for path, message in faults],
        **rules.differing(standing, found.document, request.language),
        names=city.names_of(*found.authors, found.edited_by),
        may_edit=_may_edit(request, found),
        day=DayForm(initial={"valid_from": found.valid_from}),
        load=LoadForm(),
    )


def _fault(path: str, message: str, language: str) -> tuple[str, str, str]:
    """(section, its name with the field's, what to do)."""
    section = path.split("/")[1]
    steps = [step for step in path.split("/")[2:] if step not in ("list",) and not step.isdecimal()]
    where = " · ".join(
        [wording.section_name(section, language), *(wording.field_name(section, s, language) for s in steps)]
    )
    return section, where, wording.fault(message, language)


def _sections(
    found: DraftSeen, standing: documents.Document, faults: list[documents.Fault], language: str
) -> list[SectionRow]:
    speaker = wording.Speaker(found.document, language)
    return [
        SectionRow(
            speaker.shown(name),
            bool(standing) and standing.get(name) != found.document.get(name),
            sum(path.split("/")[1] == name for path, _ in faults),
            name == "allocation" and not found.policy_chosen,
        )
        for name in wording.sections()
    ]


@allowed(Action.DRAFT_RULES, post=Action.DRAFT_RULES)
def section(request: SignedRequest, draft_uuid: UUID, name: str) -> HttpResponse:
    """`…/drafts/{uuid}/sections/{name}/`: a section by form, beside it what somebody else saved meanwhile."""
    found, programme = _draft(request, draft_uuid)
    if name not in wording.sections():
        raise Http404
    data = typed(request)
    form = section_form(name, found.document, request.language, data, is_policy_chosen=found.policy_chosen)
    number, theirs = found.edits.get(name, 0), None
    if request.method == "POST" and form.is_valid():
        try:
            saved = Edit(name, _number(request.POST), form.content(), chooses=name == "allocation")
            commands.edit_rule_draft(
                actor=request.actor, draft_uuid=found.uuid, edit=saved, at=request.at, key=key_of(request)
            )
            return moved(request, "office-draft", found.uuid, said="rules.section_saved")
        except BadInput as fault:
            form.mark(fault.field, wording.fault(fault.advice, request.language))
        except Refused as refused:
            keys.noted(request, refused.reason)
            form.add_error(None, texts.refusal(request.language, refused.reason.value))
            if refused.reason is ProgrammeRefusal.DRAFT_CHANGED:
                found, programme = _draft(request, draft_uuid)
                number = found.edits.get(name, 0)
                theirs = wording.Speaker(found.document, request.language).shown(name)
    return page(
        request, "office/draft_section.html", 422 if form.errors else 200, **_section_words(found, programme, form),
        number=number, theirs=theirs, names=city.names_of(found.edited_by),
    )  # fmt: skip


def _section_words(found: DraftSeen, programme: queries.ProgrammeFacts, form: SectionForm) -> dict[str, Any]:
    shown = form.words.shown(form.section)
    return {"draft": found, "programme": programme, "form": form, "section": shown, "parts": form.parts()}


def _number(posted: QueryDict) -> int:
    text = posted.get("number", "")
    if not text.isdecimal() or len(text) > 9:
        raise BadInput("number", "send the page's own form")
    return int(text)


class DayForm(Form):
    """The first day of the rules."""

    valid_from = forms.DateField(widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"))


@allowed(Action.DRAFT_RULES, post=Action.DRAFT_RULES)
def day(request: SignedRequest, draft_uuid: UUID) -> HttpResponse:
    """`/office/programmes/drafts/{uuid}/day/`: from which day the rules shall hold."""
    found, programme = _draft(request, draft_uuid)
    form = DayForm(typed(request), initial={"valid_from": found.valid_from})

    def act_on() -> object:
        return commands.date_rule_draft(
            actor=request.actor,
            draft_uuid=found.uuid,
            valid_from=form.cleaned_data["valid_from"],
            at=request.at,
            key=key_of(request),
        )

    if attempt(request, form, act_on, {"rules_start_in_the_past": "valid_from"}):
        return moved(request, "office-draft", found.uuid, said="rules.day_saved")
    words: dict[str, object] = {"draft": found, "programme": programme, "form": form}
    return page(request, "office/draft_day.html", 422 if form.errors else 200, **words)


class LoadForm(Form):
    """A whole document as a file."""

    file = forms.FileField()


@allowed(Action.DRAFT_RULES, post=Action.DRAFT_RULES)
def load(request: SignedRequest, draft_uuid: UUID) -> HttpResponse:
    """`…/drafts/{uuid}/load/`: the draft replaced by a document of the schema; each fault with its place."""
    found, programme = _draft(request, draft_uuid)
    form = LoadForm(request.POST, request.FILES) if request.method == "POST" else LoadForm()
    faults: list[tuple[str, str]] = []

    def act_on() -> object:
        return commands.load_rule_draft(
            actor=request.actor,
            draft_uuid=found.uuid,
            document=_read(form.cleaned_data["file"]),
            edits=found.edits,
            at=request.at,
            key=key_of(request),
        )

    try:
        if request.method == "POST" and form.is_valid():
            faults = _faults(form.cleaned_data["file"], request.language)
        if not faults and attempt(request, form, act_on):
            return moved(request, "office-draft", found.uuid, said="rules.loaded", n=form.outcome)
    except BadInput:
        form.add_error("file", texts.say(request.language, "rules.no_json"))
    words: dict[str, object] = {"draft": found, "programme": programme, "form": form, "faults": faults}
    return page(request, "office/draft_load.html", 422 if form.errors or faults else 200, **words)


def _read(file: Any) -> Any:
    """The document of an uploaded file.

    Raises:
        BadInput: too long, or no JSON.
    """
    file.seek(0)
    text = file.read(MOST_BYTES + 1)
    try:
        return outside.document(text)
    except ValueError as fault:
        raise BadInput("file", "send a rule set as JSON") from fault


def _faults(file: Any, language: str) -> list[tuple[str, str]]:
    """Where an uploaded document breaks the schema: its place there, and the validator's own words."""
    errors = documents.schema_errors(_read(file))
    return [("/" + "/".join(map(str, error.absolute_path)), error.message) for error in errors[:50]]


@allowed(Look.PROGRAMMES)
def document(request: SignedRequest, draft_uuid: UUID) -> HttpResponse:
    """`/office/programmes/drafts/{uuid}/rules.json`: the draft's document as it is now."""
    found, programme = _draft(request, draft_uuid)
    return rules.json_answer(found.document, f"{programme.code}-draft.json")


@allowed(Look.PROGRAMMES, post=Action.DRAFT_RULES)
def order(request: SignedRequest, draft_uuid: UUID) -> HttpResponse:
    """`/office/programmes/drafts/{uuid}/order/`: who would stand before whom; coefficients are tried here, and kept."""
    found, programme = _draft(request, draft_uuid)
    form = ordering.coefficients_form(found.document, typed(request))

    def act_on() -> object:
        kept = Edit("categories", _number(request.POST), form.content())
        return commands.edit_rule_draft(
            actor=request.actor, draft_uuid=found.uuid, edit=kept, at=request.at, key=key_of(request)
        )

    if request.POST.get("do") == "keep" and attempt(request, form, act_on):
        return moved(request, "office-draft", found.uuid, said="rules.section_saved")
    found, programme = _draft(request, draft_uuid)  # as it is by now
    form.document = found.document
    mine = (found, form) if _may_edit(request, found) else None
    words: dict[str, Any] = {"programme": programme, "back": "office-draft", "back_uuid": found.uuid}
    words |= ordering.order_words(request, form.written(), mine)
    return page(request, "office/rule_order.html", 422 if form.errors else 200, **words)


def _may_edit(request: SignedRequest, found: DraftSeen) -> bool:
    return found.state == "open" and city.may(request, ALLOWED, Action.DRAFT_RULES, found.territory_id)


@allowed(Look.PROGRAMMES)
def trial(request: SignedRequest, draft_uuid: UUID) -> HttpResponse:
    """`/office/programmes/drafts/{uuid}/try/`: the draft on the real queue, by the production engine."""
    found, programme = _draft(request, draft_uuid)
    tried = rules.tried_shown(request, found.programme_id, ordering.rules_of(found.document), found.document)
    return page(request, "office/draft_try.html", draft=found, programme=programme, tried=tried)


@allowed_post(Action.DRAFT_RULES)
def submit(request: SignedRequest, draft_uuid: UUID) -> HttpResponse:
    """`…/drafts/{uuid}/submit/`: the draft becomes the next version and waits for the second person."""
    found, _ = _draft(request, draft_uuid)
    made = commands.submit_rule_draft(actor=request.actor, draft_uuid=found.uuid, at=request.at, key=key_of(request))
    return moved(request, "office-rule-set", made, said="rules.submitted")


@allowed(Action.DRAFT_RULES, post=Action.DRAFT_RULES)
def drop(request: SignedRequest, draft_uuid: UUID) -> HttpResponse:
    """`/office/programmes/drafts/{uuid}/drop/`: end the draft without a version."""
    found, programme = _draft(request, draft_uuid)
    form = Form(typed(request))

    def act_on() -> object:
        return commands.drop_rule_draft(actor=request.actor, draft_uuid=found.uuid, at=request.at, key=key_of(request))

    if attempt(request, form, act_on):
        return moved(request, "office-programme", programme.uuid, said="rules.dropped")
    words: dict[str, object] = {"draft": found, "programme": programme, "form": form}
    return page(request, "office/draft_drop.html", 422 if form.errors else 200, **words)
