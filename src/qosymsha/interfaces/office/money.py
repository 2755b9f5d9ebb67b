"""Every tenge explained: lines tied to their documents, days sealed, months closed; money to be claimed back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django import forms
from django.http import Http404, HttpResponse

from qosymsha.domain.people.states import Role
from qosymsha.domain.programmes import queries as programmes
from qosymsha.domain.programmes import wording
from qosymsha.domain.settlement import commands, queries
from qosymsha.domain.settlement.access import ALLOWED, Action
from qosymsha.domain.settlement.commands.corrections import Verdict
from qosymsha.domain.settlement.queries import office
from qosymsha.domain.settlement.queries.office import OfficeRecovery
from qosymsha.domain.settlement.states import RecoveryState
from qosymsha.interfaces.office.access import Look
from qosymsha.interfaces.office.lists import Stretch
from qosymsha.interfaces.ui.forms import Form, attempt, typed
from qosymsha.interfaces.ui.signed import SignedRequest, allowed, allowed_post, key_of, moved, page, step_up
from qosymsha.kernel.errors import Refused

WIDTH = 1000
SEALERS = ALLOWED[Action.EXPLAIN_MONEY] - {Role.AUDITOR}  # on the pages an auditor reads all and changes nothing
# Told apart by lightness too, so that the bar reads in grey and in the dark.
COLOURS = {
    "free": "#c9bfa8",
    "held": "#e8c26a",
    "place": "#f2b632",
    "payable": "#4f9a94",
    "transit": "#8a6fb3",
    "paid": "#0b5a5c",
    "released": "#a3c4bc",
    "lapsed": "#7d7466",
    "refunds": "#8a8f98",
    "receivable": "#c96a4a",
    "suspense": "#b5341a",
}


@dataclass(frozen=True, slots=True)
class Part:
    """One account kind of a line: tiyn by the ledger and by its documents, and its piece of the bar."""

    kind: str
    colour: str
    tiyn: int
    documents_tiyn: int
    tied_to: str
    x: int
    width: int

    @property
    def difference_tiyn(self) -> int:
        """Must be zero."""
        return self.tiyn - self.documents_tiyn


@dataclass(frozen=True, slots=True)
class LineBar:
    """A budget line: its budget, and the parts that add up to it."""

    name: str
    year: int
    budget_tiyn: int
    parts: tuple[Part, ...]

    @property
    def sum_tiyn(self) -> int:
        """All parts together: the budget."""
        return sum(part.tiyn for part in self.parts)


@allowed(Look.MONEY)
def money(request: SignedRequest) -> HttpResponse:
    """`/office/money/?p={uuid}&now=1`: each line's money tied to its documents, as sealed last or as of now."""
    mine = office.settled_programmes(request.actor, office.LOOK_AT_MONEY)
    asked = request.GET.get("p", "")
    chosen = next((p for p in mine if str(p.uuid) == asked), None) if asked else next(iter(mine), None)
    if chosen is None and asked:
        raise Http404
    words: dict[str, Any] = {"programmes": mine, "programme": chosen}
    if chosen is not None:
        days = office.money_days(chosen.id)
        is_live = request.GET.get("now") == "1" or not days
        summary: Mapping[str, Any] = queries.explained(chosen.id, request.at).summary() if is_live else days[0].summary
        lines = bars(summary["lines"], chosen.territory_id, request.language)
        words |= {
            "lines": lines,
            "differences": summary["differences"],
            "findings": summary["findings"],
            "is_live": is_live,
            "sealed": None if is_live else days[0],
            "hash": "" if is_live else days[0].hash.hex(),
            "days": [(day, day.hash.hex()) for day in days],
            "months": office.closed_months(chosen.id),
            "may_seal": request.actor.holds(SEALERS),
        }
    return page(request, "office/money.html", **words)


def bars(lines: Sequence[Mapping[str, Any]], territory_id: int, language: str) -> list[LineBar]:
    """Lines of a summary as bars; each part's piece ends where the next begins, rounded once."""
    speaker, departments = wording.Speaker({}, language), programmes.departments_of(territory_id)
    offices = {one.code: getattr(one, f"name_{language}", "") or one.name_kk for one in departments}
    return [_bar(line, _named(str(line["name"]), offices, speaker)) for line in lines]


def _named(name: str, offices: Mapping[str, str], speaker: wording.Speaker) -> str:
    """A line's department, kind and budget code in words; the sealed summary names them by their codes."""
    parts = name.split(" · ", 2)
    if len(parts) < 3:
        return name
    office_code, kind, code = parts
    return f"{speaker.value('', 'kind', kind).capitalize()} · {offices.get(office_code, office_code)} · {code}"


def _bar(line: Mapping[str, Any], name: str) -> LineBar:
    accounts = {account["kind"]: account for account in line["accounts"]}
    budget = -int(accounts["approp"]["ledger_tiyn"])
    parts: list[Part] = []
    passed = 0
    for kind, colour in COLOURS.items():
        tiyn = int(accounts[kind]["ledger_tiyn"])
        start = _scaled(passed, budget)
        passed += max(0, tiyn)
        parts.append(
            Part(
                kind, colour, tiyn, int(accounts[kind]["documents_tiyn"]), f"office.tied.{kind}", start,
                _scaled(passed, budget) - start,
            )
        )  # fmt: skip
    return LineBar(name, int(line["year"]), budget, tuple(parts))


def _scaled(tiyn: int, budget: int) -> int:
    return min(WIDTH, tiyn * WIDTH // budget) if budget > 0 else 0


@allowed_post(Action.EXPLAIN_MONEY)
def seal(request: SignedRequest) -> HttpResponse:
    """`/office/money/seal/`: explain the programme of `programme` now and seal it, once a day."""
    mine = office.settled_programmes(request.actor, SEALERS)
    chosen = next((p for p in mine if str(p.uuid) == request.POST.get("programme")), None)
    if chosen is None:
        raise Http404
    sealed = commands.explain_money(actor=request.actor, programme_id=chosen.id, at=request.at, key=key_of(request))
    return moved(request, "office-money", said="office.money.sealed", n=sealed.differences)


@allowed(Look.RECOVERIES)
def recoveries(request: SignedRequest) -> HttpResponse:
    """`/office/recoveries/`: money to be claimed back, what waits for a person first."""
    stretch = Stretch.asked(request)
    found, stretch = stretch.cut(
        office.office_recoveries(actor=request.actor, after=stretch.after, most=stretch.one_more)
    )
    may_support = request.actor.holds(ALLOWED[Action.SUPPORT_RECOVERY])
    may_decide = request.actor.holds(ALLOWED[Action.DECIDE_RECOVERY])
    shown = [
        (
            one,
            may_support and one.state == RecoveryState.PROPOSED,
            may_decide and one.state == RecoveryState.SUPPORTED,
            one.supported_by == request.actor.user_id,
        )
        for one in found
    ]
    return page(request, "office/recoveries.html", recoveries=shown, stretch=stretch)


class SupportForm(Form):
    """On what evidence."""

    evidence = forms.CharField(max_length=1000, widget=forms.Textarea({"rows": 3}))


class DecideForm(Form):
    """Owed or not, by which act, and how much of each later claim is kept back."""

    owed = forms.ChoiceField(choices=[("yes", ""), ("no", "")])
    decision = forms.CharField(max_length=200)
    percent = forms.IntegerField(min_value=1, max_value=90, required=False)


def _recovery(request: SignedRequest, uuid: UUID) -> OfficeRecovery:
    found = office.office_recoveries(actor=request.actor, uuid=uuid)
    if not found:
        raise Http404
    return found[0]


@allowed(Action.SUPPORT_RECOVERY, post=Action.SUPPORT_RECOVERY)
def support(request: SignedRequest, recovery_uuid: UUID) -> HttpResponse:
    """`/office/recoveries/{uuid}/support/`: a person's evidence for a proposal."""
    found = _recovery(request, recovery_uuid)
    form = SupportForm(typed(request))

    def act_on() -> object:
        (outcome,) = commands.support_recoveries(
            actor=request.actor, programme_id=found.programme_id, evidence={found.id: form.cleaned_data["evidence"]},
            at=request.at, key=key_of(request),
        )  # fmt: skip
        if outcome.reason is not None:
            raise Refused(outcome.reason)
        return outcome

    if attempt(request, form, act_on, {"evidence_missing": "evidence"}):
        return moved(request, "office-recoveries", said="office.recovery.supported")
    words: dict[str, Any] = {"recovery": found, "form": form, "verb": "support"}
    return page(request, "office/recovery.html", 422 if form.errors else 200, **words)


@allowed(Action.DECIDE_RECOVERY, post=Action.DECIDE_RECOVERY)
@step_up
def decide(request: SignedRequest, recovery_uuid: UUID) -> HttpResponse:
    """`/office/recoveries/{uuid}/decide/`: another person's decision, by a numbered act."""
    found = _recovery(request, recovery_uuid)
    form = DecideForm(typed(request))

    def act_on() -> object:
        said = form.cleaned_data
        plan = said["percent"] * 10 if said["percent"] else None
        (outcome,) = commands.decide_recoveries(
            actor=request.actor, programme_id=found.programme_id,
            verdicts=[Verdict(found.id, said["owed"] == "yes", said["decision"], plan)], at=request.at,
            key=key_of(request),
        )  # fmt: skip
        if outcome.reason is not None:
            raise Refused(outcome.reason)
        return outcome

    if attempt(request, form, act_on):
        return moved(request, "office-recoveries", said="office.recovery.decided")
    words: dict[str, Any] = {"recovery": found, "form": form, "verb": "decide"}
    return page(request, "office/recovery.html", 422 if form.errors else 200, **words)
