"""Drafts of applications: kept on the server, gone on with from any device, thrown away with one button."""

from __future__ import annotations

from uuid import UUID

from django import forms
from django.http import Http404, HttpResponse

from qosymsha.domain.admission import queries as admission
from qosymsha.domain.intake import commands
from qosymsha.domain.intake import queries as intake
from qosymsha.domain.intake.access import Action
from qosymsha.domain.intake.queries import OwnDraft
from qosymsha.domain.people import queries as people
from qosymsha.interfaces.family import shown
from qosymsha.interfaces.ui import reasons
from qosymsha.interfaces.ui.forms import Form
from qosymsha.interfaces.ui.signed import SignedRequest, allowed, allowed_post, key_of, moved, page
from qosymsha.interfaces.ui.templatetags.words import moment


class DraftForm(Form):
    """What of a form is kept: whom for, and what kind, where it is chosen already."""

    child = forms.UUIDField()
    kind = forms.CharField(max_length=40, required=False)


class FileForm(Form):
    """The kind, chosen or changed, on the draft's own page; it goes to the filing page's address."""

    kind = forms.CharField(max_length=40, widget=forms.RadioSelect)


@allowed_post(Action.SAVE_DRAFT)
def save(request: SignedRequest, round_uuid: UUID) -> HttpResponse:
    """`/family/apply/{uuid}/save/`: keep what the filing page holds; without a child there is nothing to keep."""
    form = DraftForm(request.POST)
    if not form.is_valid():
        return moved(request, "family-apply", round_uuid, said="draft.choose_child")
    uuid = commands.save_draft(
        actor=request.actor,
        round_uuid=round_uuid,
        child_uuid=form.cleaned_data["child"],
        kind=form.cleaned_data["kind"],
        at=request.at,
        key=key_of(request, "draft"),
    )
    return moved(request, "family-draft", uuid, said="draft.saved")


@allowed(Action.READ_DRAFTS)
def draft(request: SignedRequest, draft_uuid: UUID) -> HttpResponse:
    """`/family/drafts/{uuid}/`: what is chosen, what may be added, and the button that files."""
    one = _own(request, draft_uuid)
    opening = admission.opening(one.round_uuid)
    ward = next(w for w in people.own_wards(actor=request.actor, at=request.at) if w.uuid == one.child_uuid)
    form = FileForm(initial={"kind": one.kind})
    kinds = opening.kinds if opening else ()
    form.fields["kind"].widget.choices = [(kind, reasons.kind_name(kind, request.language)) for kind in kinds]
    return page(
        request,
        "family/draft.html",
        one=one,
        name=ward.name,
        form=form,
        programme=shown.in_words(request.language, one, "programme"),
        closes=moment(one.closes_at),
        is_open=one.is_open(request.at),
    )


@allowed_post(Action.DROP_DRAFT)
def drop(request: SignedRequest, draft_uuid: UUID) -> HttpResponse:
    """`/family/drafts/{uuid}/drop/`: throw it away, with the papers that were added to it."""
    commands.drop_draft(actor=request.actor, draft_uuid=draft_uuid, at=request.at, key=key_of(request))
    return moved(request, "family-apply-rounds", said="draft.dropped")


def _own(request: SignedRequest, draft_uuid: UUID) -> OwnDraft:
    found = intake.own_drafts(actor=request.actor, at=request.at)
    one = next((draft for draft in found if draft.uuid == draft_uuid), None)
    if one is None:
        raise Http404
    return one
