"""Who teaches here: invited by the manager by number and name, ended at once, seen with their groups."""

from __future__ import annotations

from uuid import UUID

from django import forms
from django.http import Http404, HttpResponse

from qosymsha.domain.people.rules import PersonDetails
from qosymsha.domain.providers import commands
from qosymsha.domain.providers.access import Action
from qosymsha.domain.providers.queries import staff
from qosymsha.domain.providers.queries.staff import StaffMember
from qosymsha.interfaces.provider.access import Look
from qosymsha.interfaces.provider.house import managed
from qosymsha.interfaces.ui.forms import Form, attempt, typed
from qosymsha.interfaces.ui.signed import SignedRequest, allowed, key_of, moved, page
from qosymsha.kernel.clock import local_day


class InviteForm(Form):
    """A teacher by number and name."""

    iin = forms.CharField(max_length=20, widget=forms.TextInput({"inputmode": "numeric", "autocomplete": "off"}))
    surname = forms.CharField(max_length=80)
    given = forms.CharField(max_length=80)


class EndForm(Form):
    """Why somebody no longer teaches here."""

    reason = forms.CharField(max_length=300, widget=forms.Textarea({"rows": 2}))


@allowed(Look.TEACHERS)
def teachers(request: SignedRequest) -> HttpResponse:
    """`/provider/teachers/`: who teaches, with which groups; who was ended and still stands in a timetable first."""
    provider_id = managed(request)
    found = staff.staff_of(actor=request.actor, provider_id=provider_id, on=local_day(request.at))
    return page(
        request,
        "provider/teachers.html",
        working=[one for one in found if not one.is_gone],
        to_replace=[one for one in found if one.is_gone and one.teaches],
        gone=[one for one in found if one.is_gone and not one.teaches],
    )


def to_replace(request: SignedRequest) -> int:
    """How many groups stand with a teacher whose access has ended, for the door's first page."""
    found = staff.staff_of(actor=request.actor, provider_id=managed(request), on=local_day(request.at))
    return sum(len(one.groups) for one in found if one.is_gone)


@allowed(Look.TEACHERS, post=Action.INVITE_TEACHER)
def invited(request: SignedRequest) -> HttpResponse:
    """`/provider/teachers/invite/`: somebody teaches here from today on."""
    provider_id, form = managed(request), InviteForm(typed(request))

    def act() -> object:
        said = form.cleaned_data
        person = PersonDetails(said["iin"].replace(" ", ""), said["surname"], said["given"])
        return commands.invite_teacher(
            actor=request.actor, provider_id=provider_id, person=person, at=request.at, key=key_of(request)
        )

    if attempt(request, form, act, {"teacher_unreadable": "iin", "teacher_there": "iin"}):
        return moved(request, "provider-teachers", said="staff.invited")
    return page(request, "provider/teacher_invite.html", 422 if form.errors else 200, form=form)


@allowed(Look.TEACHERS, post=Action.END_TEACHER)
def ended(request: SignedRequest, teacher_uuid: UUID) -> HttpResponse:
    """`/provider/teachers/{uuid}/end/`: the right ends at once; what waits for another teacher is said before."""
    provider_id, form = managed(request), EndForm(typed(request))
    one = _own(request, provider_id, teacher_uuid)

    def act() -> object:
        return commands.end_teacher(
            actor=request.actor, provider_id=provider_id, teacher_id=one.id, reason=form.cleaned_data["reason"],
            at=request.at, key=key_of(request),
        )  # fmt: skip

    if attempt(request, form, act, {"reason_missing": "reason"}):
        return moved(request, "provider-teachers", said="staff.ended")
    return page(request, "provider/teacher_end.html", 422 if form.errors else 200, form=form, one=one)


def _own(request: SignedRequest, provider_id: int, teacher_uuid: UUID) -> StaffMember:
    found = staff.staff_of(actor=request.actor, provider_id=provider_id, on=local_day(request.at))
    for one in found:
        if one.uuid == teacher_uuid:
            return one
    raise Http404
