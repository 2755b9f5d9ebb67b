"""Programmes: their list, a new one, and each one's rule sets with who wrote and who approved them."""

from __future__ import annotations

from uuid import UUID

from django import forms
from django.http import Http404, HttpResponse

from qosymsha.domain.people.states import Role
from qosymsha.domain.programmes import commands, queries
from qosymsha.domain.programmes.access import ALLOWED, Action
from qosymsha.domain.programmes.commands import ProgrammeDraft
from qosymsha.interfaces.office import city
from qosymsha.interfaces.office.access import Look
from qosymsha.interfaces.ui.forms import Form, attempt, typed
from qosymsha.interfaces.ui.signed import SignedRequest, allowed, key_of, moved, page
from qosymsha.kernel.clock import local_day


@allowed(Look.PROGRAMMES)
def programmes(request: SignedRequest) -> HttpResponse:
    """`/office/programmes/`: every programme with the rules in force and what waits on its rules."""
    today = local_day(request.at)
    found = city.programmes_of(request)
    rows = [(one, queries.standing_on(one.id, today), _waiting(one.id), queries.open_draft(one.id)) for one in found]
    may_found = request.actor.holds(ALLOWED[Action.CREATE_PROGRAMME] - {Role.OPERATOR})
    return page(request, "office/programmes.html", rows=rows, may_found=may_found)


def _waiting(programme_id: int) -> list[queries.RuleSetSeen]:
    return [one for one in queries.rule_sets(programme_id) if one.state == "draft"]


@allowed(Look.PROGRAMMES)
def programme(request: SignedRequest, programme_uuid: UUID) -> HttpResponse:
    """`/office/programmes/{uuid}/`: its rule sets, the latest first, and the draft being written."""
    found = city.programme_of(request, programme_uuid)
    rule_sets, draft = queries.rule_sets(found.id), queries.open_draft(found.id)
    people = [who for one in rule_sets for who in (*one.authors, one.approved_by)]
    return page(
        request,
        "office/programme.html",
        programme=found,
        rule_sets=rule_sets,
        draft=draft,
        names=city.names_of(*people, *((draft.authors) if draft else ())),
        today=local_day(request.at),
        may_draft=city.may(request, ALLOWED, Action.DRAFT_RULES, found.territory_id),
    )


class FoundForm(Form):
    """A programme's short code and names."""

    code = forms.RegexField(r"^[a-z][a-z0-9-]{0,30}$")
    name_kk = forms.CharField(max_length=200)
    name_ru = forms.CharField(max_length=200)
    name_en = forms.CharField(max_length=200, required=False)


@allowed(Look.PROGRAMMES, post=Action.CREATE_PROGRAMME)
def found(request: SignedRequest) -> HttpResponse:
    """`/office/programmes/new/`: found a programme in the officer's own territory."""
    form = FoundForm(typed(request))

    def act_on() -> object:
        draft = ProgrammeDraft(_territory(request), **form.cleaned_data)
        return commands.create_programme(actor=request.actor, programme=draft, at=request.at, key=key_of(request))

    if attempt(request, form, act_on, {"programme_code_taken": "code"}):
        return moved(request, "office-programmes", said="rules.founded")
    return page(request, "office/programme_found.html", 422 if form.errors else 200, form=form)


def _territory(request: SignedRequest) -> int:
    """Where the officer is appointed; for one of the whole country, where the first programme is.

    Raises:
        Http404: nothing says where.
    """
    grants = [g for g in request.actor.grants if g.role in ALLOWED[Action.CREATE_PROGRAMME]]
    own = sorted(min(g.territory_ids) for g in grants if g.territory_ids)
    known = own or [programme.territory_id for programme in queries.programmes()]
    if not known:
        raise Http404
    return known[0]
