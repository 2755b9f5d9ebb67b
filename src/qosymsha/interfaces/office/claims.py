"""Claims: by band and state, one claim in words and numbers, its way to the bank, signatures by two people."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.http import Http404, HttpResponse

from qosymsha.domain.settlement import commands, queries
from qosymsha.domain.settlement.access import ALLOWED, Action
from qosymsha.domain.settlement.queries import office
from qosymsha.domain.settlement.queries.office import OfficeClaim
from qosymsha.domain.settlement.states import ClaimState
from qosymsha.interfaces.office.access import ALLOWED as LOOKS
from qosymsha.interfaces.office.access import Look
from qosymsha.interfaces.office.lists import MOST_CHOSEN, Refusal, Stretch, by_number, choice, refusals
from qosymsha.interfaces.ui.forms import Form, typed
from qosymsha.interfaces.ui.signed import SignedRequest, SignedView, allowed, key_of, moved, page, step_up

STATES = [state.value for state in ClaimState]


@dataclass(frozen=True, slots=True)
class Verb:
    """A step of claims: who, from which states, the command, whether it is said why."""

    action: Action
    states: frozenset[str]
    command: Callable[..., Any]
    has_reason: bool = False


VERBS = {
    "approve": Verb(Action.APPROVE_CLAIMS, frozenset({ClaimState.DRAWN}), commands.approve_claims),
    "release": Verb(Action.RELEASE_CLAIMS, frozenset({ClaimState.APPROVED}), commands.release_claims),
    "return": Verb(
        Action.RETURN_CLAIMS, frozenset({ClaimState.APPROVED, ClaimState.HELD}), commands.return_claims, True
    ),
    "reverse": Verb(
        Action.REVERSE_CLAIMS, frozenset({ClaimState.DRAWN, ClaimState.NOTHING_DUE}), commands.reverse_claims, True
    ),
}


@dataclass(frozen=True, slots=True)
class Group:
    """Claims of a list that the same step takes further; `verb` "" where this official has none for them."""

    verb: str
    approvals: int
    claims: Sequence[OfficeClaim]

    @property
    def tiyn(self) -> int:
        """What they come to."""
        return sum(claim.to_pay_tiyn for claim in self.claims)


@allowed(Look.CLAIMS)
def claims(request: SignedRequest) -> HttpResponse:
    """`/office/claims/?state=&band=&after=`: claims by the step that waits and by band, stretch by stretch."""
    state, band = choice(request, "state", STATES), choice(request, "band", ("1", "2"))
    stretch = Stretch.asked(request)
    found = office.office_claims(actor=request.actor, state=state, band=band, after=stretch.after, most=stretch.most)
    return page(
        request,
        "office/claims.html",
        groups=_groups(request, found),
        stretch=stretch.counted(len(found), found[0].total if found else 0),
        may_draw=request.actor.holds(LOOKS[Look.DRAWING]),
        states=[(value, f"claim.state.{value}") for value in STATES],
        state=state,
        band=band,
    )


def _groups(request: SignedRequest, found: Sequence[OfficeClaim]) -> list[Group]:
    sorted_: dict[tuple[str, int], list[OfficeClaim]] = {}
    for claim in found:
        verbs = [verb for verb in ("approve", "release") if _is_open(request, verb, claim)]
        needed = claim.approvals_needed if claim.state == ClaimState.DRAWN else 0
        sorted_.setdefault((verbs[0] if verbs else "", needed), []).append(claim)
    return [Group(verb, needed, claims) for (verb, needed), claims in sorted(sorted_.items(), reverse=True)]


def _is_open(request: SignedRequest, verb: str, claim: OfficeClaim) -> bool:
    """True where this official may take the step now, as far as the claim's state tells."""
    is_his = request.actor.holds(ALLOWED[VERBS[verb].action])
    is_done = verb == "release" and claim.is_released
    return is_his and claim.state in VERBS[verb].states and not is_done


@allowed(Look.CLAIMS)
def claim(request: SignedRequest, number: str) -> HttpResponse:
    """`/office/claims/{number}/`: its formula, papers and signatures, and the steps open to this official."""
    found = _one(request, number)
    formula = office.claim_formula(found.id)
    me = request.actor.user_id
    return page(
        request,
        "office/claim.html",
        claim=found,
        words=formula.formula.get("words", {}).get(request.language, []),
        sums=formula.formula.get("sums", []),
        hash=formula.hash.hex(),
        signed=[(one, one.user_id == me) for one in office.claim_signatures(found.id)],
        has_changed=bool(found.iban) and found.iban != found.account_now,
        is_signer=me in found.signers,
        steps=[verb for verb in VERBS if _is_open(request, verb, found)],
        may_follow=request.actor.holds(LOOKS[Look.TRAIL]),
        may_recover=found.state == ClaimState.PAID and request.actor.holds(ALLOWED[Action.SUPPORT_RECOVERY]),
    )


def _one(request: SignedRequest, number: str) -> OfficeClaim:
    found = office.office_claims(actor=request.actor, numbers=[number])
    if not found:
        raise Http404
    return found[0]


@allowed(Look.TRAIL)
def trail(request: SignedRequest, number: str) -> HttpResponse:
    """`/office/claims/{number}/trail/`: from each child's days to the bank's words; no child is named."""
    found = _one(request, number)
    way = queries.trail(actor=request.actor, number=found.number, at=request.at)
    return page(request, "office/trail.html", claim=found, trail=way)


class ReasonForm(Form):
    """Why."""

    reason = forms.CharField(max_length=500, widget=forms.Textarea({"rows": 3}))


class NoForm(Form):
    """A step that only needs to be pressed."""


def _step(verb: str) -> SignedView:
    rule = VERBS[verb]

    @allowed(rule.action, post=rule.action)
    @step_up
    def step(request: SignedRequest) -> HttpResponse:
        """`/office/claims/{verb}/?c=…&c=…`: what the step does to which claims; a POST does it, both after a proof."""
        chosen = _chosen(request)
        if not chosen:
            return moved(request, "office-claims", said="office.nothing_chosen")
        form = ReasonForm(typed(request)) if rule.has_reason else NoForm(typed(request))
        refused: list[Refusal] = []
        if request.method == "POST" and form.is_valid():
            refused = _done(request, rule, chosen, form)
            done = len(chosen) - len(refused)
            if not refused and len(chosen) == 1:
                return moved(request, "office-claim", chosen[0].number, said=f"office.claims.{verb}.done", n=done)
            if not refused:
                return moved(request, "office-claims", said=f"office.claims.{verb}.done", n=done)
        words = _preview(request, verb, chosen)
        return page(
            request, "office/claims_step.html", 422 if refused or form.errors else 200, form=form, refused=refused,
            **words,
        )  # fmt: skip

    return step


def _done(request: SignedRequest, rule: Verb, chosen: Sequence[OfficeClaim], form: Form) -> list[Refusal]:
    why = {"reason": form.cleaned_data["reason"]} if rule.has_reason else {}
    outcomes = rule.command(
        actor=request.actor, programme_id=chosen[0].programme_id, claim_ids=[one.id for one in chosen], at=request.at,
        key=key_of(request), **why,
    )  # fmt: skip
    return refusals(request, outcomes, by_number([one.number for one in chosen]))


def _chosen(request: SignedRequest) -> list[OfficeClaim]:
    """The claims an address names, of one programme: a step is one command."""
    numbers = list(dict.fromkeys(request.GET.getlist("c")))
    if len(numbers) > MOST_CHOSEN:
        raise Http404
    found = office.office_claims(actor=request.actor, numbers=numbers) if numbers else []
    return [one for one in found if one.programme_id == found[0].programme_id]


def _preview(request: SignedRequest, verb: str, chosen: Sequence[OfficeClaim]) -> dict[str, Any]:
    """What the step will do, and which of the claims it cannot take, said beforehand."""
    me = request.actor.user_id
    is_signature = not VERBS[verb].has_reason
    own = [one for one in chosen if is_signature and me in one.signers]
    return {
        "verb": verb,
        "claims": chosen,
        "tiyn": sum(one.to_pay_tiyn for one in chosen),
        "own": own,
        "more": [one for one in chosen if verb == "approve" and one.approvals + 1 < one.approvals_needed],
        "is_possible": len(own) < len(chosen),
    }


approve, release, send_back, reverse = (_step(verb) for verb in ("approve", "release", "return", "reverse"))
