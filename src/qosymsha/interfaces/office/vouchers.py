"""A voucher at the office: stood still and made active again by one official, ended by two after a hearing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django import forms
from django.http import Http404, HttpResponse

from qosymsha.domain.casework import commands
from qosymsha.domain.casework.access import ALLOWED, Action
from qosymsha.domain.casework.queries import endings as queries
from qosymsha.domain.casework.queries.endings import EndingShown, VoucherShown
from qosymsha.domain.casework.rules import GROUNDS, LONGEST_WORDS, CaseworkRefusal, EndingDraft, refuse_ending
from qosymsha.domain.casework.states import Ending, EndingState
from qosymsha.domain.vouchers import commands as vouchers
from qosymsha.domain.vouchers.access import ALLOWED as VOUCHER_DEEDS
from qosymsha.domain.vouchers.access import Action as VoucherAction
from qosymsha.domain.vouchers.states import VoucherState
from qosymsha.interfaces.office.lists import Stretch, choice
from qosymsha.interfaces.ui import texts
from qosymsha.interfaces.ui.forms import Form, attempt, typed
from qosymsha.interfaces.ui.signed import SignedRequest, SignedView, allowed, allowed_post, key_of, moved, page, step_up
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.errors import Refused

STATES = [state.value for state in EndingState]


class WordsForm(Form):
    """Why."""

    words = forms.CharField(max_length=LONGEST_WORDS, widget=forms.Textarea({"rows": 3}))


class EndForm(WordsForm):
    """Why, and for a closing the ground."""

    ground = forms.ChoiceField(required=False)

    def __init__(self, *args: Any, language: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        grounds = self.fields["ground"]
        assert isinstance(grounds, forms.ChoiceField)
        said = [(one.value, texts.say(language, f"ending.ground.{one.value}")) for one in GROUNDS]
        grounds.choices = [("", texts.say(language, "ending.choose_ground")), *said]


class DecideForm(Form):
    """Carried out or declined, and why."""

    outcome = forms.ChoiceField(choices=[("yes", ""), ("no", "")])
    words = forms.CharField(max_length=LONGEST_WORDS, widget=forms.Textarea({"rows": 3}))


@allowed(Action.READ_ENDINGS)
def voucher(request: SignedRequest, voucher_uuid: UUID) -> HttpResponse:
    """`/office/vouchers/{uuid}/`: its state, place and money, its life, and the steps open to this official."""
    shown = _voucher(request, voucher_uuid)
    found = queries.endings(actor=request.actor, at=request.at, voucher_id=shown.id)
    is_open = any(one.state == EndingState.PROPOSED for one in found)
    return page(
        request,
        "office/voucher.html",
        voucher=shown,
        steps=queries.voucher_steps(actor=request.actor, shown=shown, at=request.at),
        endings=found,
        stands=_stands(request, shown),
        ends=[] if is_open else _ends(request, shown),
        suspend_first=shown.state == VoucherState.ACTIVE and not shown.absence,
    )


def _voucher(request: SignedRequest, uuid: UUID) -> VoucherShown:
    shown = queries.voucher_shown(actor=request.actor, uuid=uuid, at=request.at)
    if shown is None:
        raise Http404
    return shown


def _stands(request: SignedRequest, shown: VoucherShown) -> str:
    """The step open now: `suspend`, `resume` or none; a long absence has its own page."""
    is_his = request.actor.holds(VOUCHER_DEEDS[VoucherAction.SUSPEND], territory_id=shown.territory_id)
    if not is_his or shown.absence:
        return ""
    return {VoucherState.ACTIVE.value: "suspend", VoucherState.SUSPENDED.value: "resume"}.get(shown.state, "")


def _ends(request: SignedRequest, shown: VoucherShown) -> list[str]:
    """The endings that may be proposed in this state."""
    if not request.actor.holds(ALLOWED[Action.PROPOSE_ENDING], territory_id=shown.territory_id):
        return []
    has = bool(shown.absence)
    return [ending.value for ending in Ending if refuse_ending(ending, shown.state, has_absence=has) is None]


def _standing(verb: str, action: VoucherAction, command: Callable[..., Any]) -> SignedView:
    @allowed(action, post=action)
    @step_up
    def stand(request: SignedRequest, voucher_uuid: UUID) -> HttpResponse:
        """`/office/vouchers/{uuid}/{verb}/`: what it does is said before; it can be undone by its opposite."""
        shown = _voucher(request, voucher_uuid)
        form = WordsForm(typed(request))

        def act_on() -> bool:
            if shown.absence:
                raise Refused(CaseworkRefusal.ENDING_ABSENCE_OPEN)
            (outcome,) = command(
                actor=request.actor,
                voucher_ids=[shown.id],
                reason=form.cleaned_data["words"],
                at=request.at,
                key=key_of(request),
            )
            if outcome.reason is not None:
                raise Refused(outcome.reason)
            return True

        if attempt(request, form, act_on, {"reason_missing": "words"}):
            return moved(request, "office-voucher", voucher_uuid, said=f"office.voucher.{verb}.done")
        words: dict[str, Any] = {"voucher": shown, "form": form, "verb": verb}
        return page(request, "office/voucher_stand.html", 422 if form.errors else 200, **words)

    return stand


suspend = _standing("suspend", VoucherAction.SUSPEND, vouchers.suspend_vouchers)
resume = _standing("resume", VoucherAction.RESUME, vouchers.resume_vouchers)


@allowed(Action.PROPOSE_ENDING, post=Action.PROPOSE_ENDING)
def propose(request: SignedRequest, voucher_uuid: UUID, ending: str) -> HttpResponse:
    """`/office/vouchers/{uuid}/end/{release|close}/`: what would be taken, and from when another person may do it."""
    shown = _voucher(request, voucher_uuid)
    if ending not in {one.value for one in Ending}:
        raise Http404
    form = EndForm(typed(request), language=request.language)

    def act_on() -> UUID:
        said = form.cleaned_data
        draft = EndingDraft(Ending(ending), said["ground"], said["words"])
        return commands.propose_ending(
            actor=request.actor, voucher_uuid=voucher_uuid, draft=draft, at=request.at, key=key_of(request)
        )

    if attempt(request, form, act_on, {"ending_ground_unknown": "ground", "ending_words_missing": "words"}):
        return moved(request, "office-ending", form.outcome, said="ending.proposed")
    words: dict[str, Any] = {"voucher": shown, "form": form, "ending": ending}
    return page(request, "office/ending_propose.html", 422 if form.errors else 200, **words)


@allowed(Action.READ_ENDINGS)
def endings(request: SignedRequest) -> HttpResponse:
    """`/office/endings/?state=`: what was proposed, those whose hearing ends first at the top."""
    state = choice(request, "state", STATES, "" if "state" in request.GET else EndingState.PROPOSED.value)
    stretch = Stretch.asked(request)
    found, stretch = stretch.cut(
        queries.endings(actor=request.actor, at=request.at, state=state, after=stretch.after, most=stretch.one_more)
    )
    return page(
        request,
        "office/endings.html",
        endings=found,
        stretch=stretch,
        state=state,
        states=[(value, f"ending.state.{value}") for value in STATES],
        today=local_day(request.at),
    )


@allowed(Action.READ_ENDINGS, post=Action.DECIDE_ENDING)
def ending(request: SignedRequest, ending_uuid: UUID) -> HttpResponse:
    """`/office/endings/{uuid}/`: the proposal with what it takes; a POST of another official decides it."""
    found = _ending(request, ending_uuid)
    form = DecideForm(typed(request))

    def act_on() -> bool:
        commands.decide_ending(
            actor=request.actor,
            ending_uuid=ending_uuid,
            is_carried_out=form.cleaned_data["outcome"] == "yes",
            answer=form.cleaned_data["words"],
            at=request.at,
            key=key_of(request),
        )
        return True

    if attempt(request, form, act_on, {"ending_words_missing": "words", "ending_hearing_runs": "outcome"}):
        return moved(request, "office-ending", ending_uuid, said="ending.decided")
    may_decide = request.actor.holds(ALLOWED[Action.DECIDE_ENDING], territory_id=found.territory_id)
    words: dict[str, Any] = {
        "ending": found,
        "voucher": _voucher(request, found.voucher),
        "form": form,
        "is_open": found.state == EndingState.PROPOSED,
        "may_decide": may_decide and not found.is_mine,
        "is_heard": found.hear_until < local_day(request.at),
    }
    return page(request, "office/ending.html", 422 if form.errors else 200, **words)


@allowed_post(Action.PROPOSE_ENDING)
def withdraw(request: SignedRequest, ending_uuid: UUID) -> HttpResponse:
    """`/office/endings/{uuid}/withdraw/`: one's own proposal taken back."""
    found = _ending(request, ending_uuid)
    commands.withdraw_ending(actor=request.actor, ending_uuid=ending_uuid, at=request.at, key=key_of(request))
    return moved(request, "office-voucher", found.voucher, said="ending.withdrawn")


def _ending(request: SignedRequest, uuid: UUID) -> EndingShown:
    found = queries.endings(actor=request.actor, at=request.at, uuid=uuid)
    if not found:
        raise Http404
    return found[0]
