"""Providers at the office: found, registered by BIN or IIN; their contracts signed with a volume, and ended."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from django import forms
from django.http import Http404, HttpResponse

from qosymsha.domain.programmes import queries as programmes
from qosymsha.domain.programmes.queries import LineFacts
from qosymsha.domain.providers import commands
from qosymsha.domain.providers.access import ALLOWED, Action
from qosymsha.domain.providers.commands import ContractDraft
from qosymsha.domain.providers.rules import ProviderRow
from qosymsha.domain.providers.states import ContractState
from qosymsha.domain.settlement.queries import houses as queries
from qosymsha.domain.settlement.queries.houses import House, HouseContract
from qosymsha.interfaces.office import city
from qosymsha.interfaces.office.access import Look
from qosymsha.interfaces.office.lists import Stretch
from qosymsha.interfaces.ui import texts
from qosymsha.interfaces.ui.forms import Form, attempt, typed
from qosymsha.interfaces.ui.signed import SignedRequest, allowed, key_of, moved, page, roles_of, step_up
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.money import TIYN_PER_TENGE
from qosymsha.kernel.text import folded

_DAY = {"type": "date"}
_FIELDS = {
    "bad_number": "number",
    "provider_elsewhere": "number",
    "name_missing": "name",
    "bad_iban": "iban",
    "volume_missing": "volume",
    "days_reversed": "last",
    "outside_fiscal_year": "last",
    "contract_overlaps": "line",
    "line_unknown": "line",
    "reason_missing": "reason",
}


def _day(**more: Any) -> forms.DateField:
    return forms.DateField(widget=forms.DateInput(_DAY, "%Y-%m-%d"), input_formats=["%Y-%m-%d"], **more)


@allowed(Look.HOUSES)
def houses(request: SignedRequest) -> HttpResponse:
    """`/office/providers/?q=`: by name, number or BIN."""
    sought = request.GET.get("q", "").strip()[:100]
    stretch = Stretch.asked(request)
    found = queries.houses(
        actor=request.actor, today=local_day(request.at), sought=sought.upper(), folded=folded(sought),
        after=stretch.after,
    )  # fmt: skip
    may_register = bool(city.programmes_of(request, roles_of(Action.REGISTER_PROVIDER)))
    return page(
        request,
        "office/houses.html",
        houses=found,
        stretch=stretch.counted(len(found), found[0].total if found else 0),
        q=sought,
        may_register=may_register,
    )


class RegisterForm(Form):
    """Its number, its name, its account where known, and the programme's city it works in."""

    programme = forms.ChoiceField()
    number = forms.CharField(max_length=20, widget=forms.TextInput({"inputmode": "numeric", "autocomplete": "off"}))
    name = forms.CharField(max_length=300)
    iban = forms.CharField(max_length=40, required=False, widget=forms.TextInput({"autocomplete": "off"}))


@allowed(Look.REGISTERING, post=Action.REGISTER_PROVIDER)
def register(request: SignedRequest) -> HttpResponse:
    """`/office/providers/register/`: a company by BIN or a sole trader by IIN; a known one takes over name, account."""
    mine = city.programmes_of(request, roles_of(Action.REGISTER_PROVIDER))
    if not mine:
        raise Http404
    form = RegisterForm(typed(request), initial={"programme": str(mine[0].uuid)})
    programme = form.fields["programme"]
    assert isinstance(programme, forms.ChoiceField)
    programme.choices = [(str(one.uuid), getattr(one, f"name_{request.language}") or one.name_kk) for one in mine]

    def act_on() -> int:
        said = form.cleaned_data
        of = next(one for one in mine if str(one.uuid) == said["programme"])
        row = ProviderRow(said["number"].strip(), said["name"], said["iban"])
        return commands.register_provider(
            actor=request.actor, territory_id=of.territory_id, row=row, at=request.at, key=key_of(request)
        )

    if attempt(request, form, act_on, _FIELDS):
        return moved(request, "office-houses", said="houses.registered")
    return page(request, "office/house_register.html", 422 if form.errors else 200, form=form, is_one=len(mine) == 1)


@allowed(Look.HOUSES)
def house(request: SignedRequest, provider_uuid: UUID) -> HttpResponse:
    """`/office/providers/{uuid}/`: the provider, its contracts with what is left of each volume."""
    one = _house(request, provider_uuid)
    contracts = queries.house_contracts(actor=request.actor, provider_id=one.id)
    may_sign = request.actor.holds(ALLOWED[Action.SIGN_CONTRACT], territory_id=one.territory_id)
    words: dict[str, Any] = {"house": one, "contracts": contracts, "may_sign": may_sign}
    return page(request, "office/house.html", **words)


def _house(request: SignedRequest, uuid: UUID) -> House:
    found = queries.houses(actor=request.actor, today=local_day(request.at), uuid=uuid)
    if not found:
        raise Http404
    return found[0]


class ContractForm(Form):
    """Out of which line, for how much, between which days."""

    line = forms.ChoiceField()
    volume = forms.DecimalField(min_value=Decimal(1), max_digits=15, decimal_places=2)
    first = _day()
    last = _day()


@allowed(Action.SIGN_CONTRACT, post=Action.SIGN_CONTRACT)
@step_up
def sign(request: SignedRequest, provider_uuid: UUID) -> HttpResponse:
    """`/office/providers/{uuid}/contract/`: a contract of a budget line's year, with the most that may be claimed."""
    one = _house(request, provider_uuid)
    lines = _lines(request, one)
    today = local_day(request.at)
    form = ContractForm(typed(request), initial={"first": today, "last": date(today.year, 12, 31)})
    choices = form.fields["line"]
    assert isinstance(choices, forms.ChoiceField)
    choices.choices = [(str(line.uuid), _called(request, line)) for line in lines]

    def act_on() -> int:
        said = form.cleaned_data
        line = next(line for line in lines if str(line.uuid) == said["line"])
        draft = ContractDraft(one.id, line.id, int(said["volume"] * TIYN_PER_TENGE), said["first"], said["last"])
        return commands.sign_contract(actor=request.actor, draft=draft, at=request.at, key=key_of(request))

    if attempt(request, form, act_on, _FIELDS):
        return moved(request, "office-house", provider_uuid, said="houses.signed")
    return page(request, "office/house_contract.html", 422 if form.errors else 200, house=one, form=form, lines=lines)


def _lines(request: SignedRequest, one: House) -> list[LineFacts]:
    """The lines of this year and the next in the provider's city that the actor's department owns."""
    year = local_day(request.at).year
    return [
        line
        for programme in city.programmes_of(request, roles_of(Action.SIGN_CONTRACT))
        if programme.territory_id == one.territory_id
        for of_year in (year, year + 1)
        for line in programmes.lines(programme.id, of_year)
        if request.actor.holds(
            ALLOWED[Action.SIGN_CONTRACT], territory_id=line.territory_id, department_id=line.department_id
        )
    ]


def _called(request: SignedRequest, line: LineFacts) -> str:
    return f"{texts.say(request.language, f'kind.{line.kind}')} · {line.fiscal_year} · {line.code}".strip(" ·")


class EndForm(Form):
    """After which day, and why."""

    last = _day()
    reason = forms.CharField(max_length=500, widget=forms.Textarea({"rows": 3}))


@allowed(Action.END_CONTRACT, post=Action.END_CONTRACT)
@step_up
def end(request: SignedRequest, contract_uuid: UUID) -> HttpResponse:
    """`/office/contracts/{uuid}/end/`: ended before its time; its groups then have no lessons and take nobody."""
    found = queries.house_contracts(actor=request.actor, uuid=contract_uuid)
    if not found:
        raise Http404
    contract: HouseContract = found[0]
    form = EndForm(typed(request), initial={"last": contract.last})

    def act_on() -> bool:
        commands.end_contract(
            actor=request.actor,
            contract_id=contract.id,
            last_day=form.cleaned_data["last"],
            reason=form.cleaned_data["reason"],
            at=request.at,
            key=key_of(request),
        )
        return True

    if attempt(request, form, act_on, _FIELDS):
        return moved(request, "office-house", contract.provider, said="houses.ended")
    words: dict[str, Any] = {"contract": contract, "form": form, "is_over": contract.state != ContractState.SIGNED}
    return page(request, "office/contract_end.html", 422 if form.errors else 200, **words)
