"""What controls found at this provider, the days to answer, the answer, and what was decided."""

from __future__ import annotations

from uuid import UUID

from django import forms
from django.http import Http404, HttpResponse

from qosymsha.domain.controls import commands, queries
from qosymsha.domain.controls.access import Action
from qosymsha.domain.controls.states import VisitState
from qosymsha.interfaces.provider.house import managed, title
from qosymsha.interfaces.ui.forms import Form, attempt, typed
from qosymsha.interfaces.ui.signed import SignedRequest, allowed, key_of, moved, page


class AnswerForm(Form):
    """The provider's word."""

    answer = forms.CharField(max_length=3000, widget=forms.Textarea({"rows": 5}))


@allowed(Action.READ_OWN)
def findings(request: SignedRequest) -> HttpResponse:
    """`/provider/controls/`: what was found here, what waits for an answer first."""
    found = queries.own_findings(actor=request.actor, provider_id=managed(request))
    shown = [(one, title(one.activity, request.language) if one.activity else "") for one in found]
    return page(request, "provider/findings.html", findings=shown)


@allowed(Action.READ_OWN, post=Action.ANSWER)
def finding(request: SignedRequest, visit_uuid: UUID) -> HttpResponse:
    """`/provider/controls/{uuid}/`: one finding; a POST answers it."""
    found = queries.own_findings(actor=request.actor, provider_id=managed(request), uuid=visit_uuid)
    if not found:
        raise Http404
    form = AnswerForm(typed(request))

    def act_on() -> object:
        commands.answer_finding(
            actor=request.actor,
            visit_uuid=visit_uuid,
            answer=form.cleaned_data["answer"],
            at=request.at,
            key=key_of(request),
        )
        return True

    if attempt(request, form, act_on, {"answer_missing": "answer"}):
        return moved(request, "provider-findings", said="control.answered")
    (shown,) = found
    may_answer = shown.state in (VisitState.FOUND, VisitState.UNANSWERED)
    return page(
        request,
        "provider/finding.html",
        422 if form.errors else 200,
        finding=shown,
        title=title(shown.activity, request.language) if shown.activity else "",
        may_answer=may_answer,
        form=form,
    )
