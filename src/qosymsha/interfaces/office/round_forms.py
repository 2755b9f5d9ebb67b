"""Forms of both kinds of rounds: their plan with its beacon and parties, the draw's secrets, words of consent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from django import forms
from django.conf import settings

from qosymsha.domain.admission.ports import BeaconSilent
from qosymsha.domain.allocation import draw as draws
from qosymsha.domain.allocation.announcement import TYPED
from qosymsha.domain.people import queries as people
from qosymsha.domain.programmes import queries as programmes
from qosymsha.domain.programmes.commands import say_draw_value
from qosymsha.interfaces.files import draw_secrets
from qosymsha.interfaces.ui.forms import Form
from qosymsha.interfaces.ui.signed import SignedRequest, key_of
from qosymsha.interfaces.ui.templatetags.words import say
from qosymsha.kernel import clock
from qosymsha.kernel.actor import Actor
from qosymsha.kernel.adapters import adapter

PARTIES = 3
_HEX = r"^\s*[0-9a-fA-F]{64}\s*$"
_DAY = {"type": "date"}


class PlanForm(Form):
    """The window, the beacon and the parties; a trial may leave both secrets to the program."""

    opens_on = forms.DateField(widget=forms.DateInput(_DAY, format="%Y-%m-%d"))
    opens_hour = forms.IntegerField(min_value=0, max_value=23, initial=9)
    closes_on = forms.DateField(widget=forms.DateInput(_DAY, format="%Y-%m-%d"))
    closes_hour = forms.IntegerField(min_value=0, max_value=23, initial=18)
    beacon = forms.CharField(max_length=200, required=False)
    plays_parties = forms.BooleanField(required=False)
    party_0 = forms.CharField(max_length=100, required=False)
    party_1 = forms.CharField(max_length=100, required=False)
    party_2 = forms.CharField(max_length=100, required=False)
    commitment_0 = forms.RegexField(_HEX, required=False)
    commitment_1 = forms.RegexField(_HEX, required=False)
    commitment_2 = forms.RegexField(_HEX, required=False)
    secrets: Mapping[str, bytes] = {}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if settings.PRODUCTION:
            del self.fields["plays_parties"]

    def clean(self) -> dict[str, Any]:
        """The beacon's name could be drawn by one day; what the parties bind themselves to is whole."""
        said = super().clean() or {}
        wrong = _wrong_name(said.get("beacon", "").strip())
        if wrong:
            self.add_error("beacon", say("stage.beacon_wrong"))
        self.secrets = draw_secrets.played(str(self.data.get("key", ""))) if said.get("plays_parties") else {}
        return said

    @property
    def beacon_name(self) -> str:
        """The beacon as it will stand in the round; a trial's own where none was named."""
        given = str(self.cleaned_data["beacon"]).strip()
        return given or f"trial beacon of {self.closes_at.isoformat()}"

    @property
    def opens_at(self) -> datetime:
        """The window's first instant, in Astana's time."""
        return clock.local_instant(self.cleaned_data["opens_on"], self.cleaned_data["opens_hour"])

    @property
    def closes_at(self) -> datetime:
        """The window's last instant."""
        return clock.local_instant(self.cleaned_data["closes_on"], self.cleaned_data["closes_hour"])

    @property
    def commitments(self) -> dict[str, bytes]:
        """Party → what it bound itself to; a trial's own where the program plays them."""
        if self.secrets:
            return {party: draws.commitment(secret) for party, secret in self.secrets.items()}
        said = self.cleaned_data
        pairs = [(said[f"party_{i}"].strip(), said[f"commitment_{i}"].strip()) for i in range(PARTIES)]
        return {party: bytes.fromhex(digits) for party, digits in pairs if party or digits}


def _wrong_name(given: str) -> str:
    """Why this beacon could never be drawn by; blank where it could."""
    if not given:
        return "name it" if settings.PRODUCTION else ""
    if given.startswith(TYPED):
        return "" if given.removeprefix(TYPED).strip() else "a typed value is named typed:WHAT"
    check = getattr(adapter("beacon"), "check_name", None)
    return str(check(given)) if check is not None else ""


class DrawForm(Form):
    """The parties' secrets, and the value of a beacon that officers type."""

    value = forms.RegexField(r"^\s*([0-9a-fA-F]{2}){1,1024}\s*$", required=False)

    def secrets(self, parties: Sequence[str]) -> dict[str, bytes]:
        """Party → the secret it showed; one left empty is missing."""
        said = {party: self.cleaned_data.get(f"secret_{i}", "").strip() for i, party in enumerate(parties)}
        return {party: bytes.fromhex(text) for party, text in said.items() if text}


def draw_form(data: Any, parties: Sequence[str], kept: Mapping[str, bytes] | None, *, is_typed: bool) -> DrawForm:
    """The draw's form: a field for each party's secret unless this computer keeps them, the value where it is typed."""
    named = {} if kept else {f"secret_{i}": _secret(party) for i, party in enumerate(parties)}
    form: DrawForm = type("OneDraw", (DrawForm,), named)(data)
    if is_typed:
        form.fields["value"].required = True
    else:
        del form.fields["value"]
    return form


def _secret(party: str) -> forms.Field:
    return forms.RegexField(_HEX, label=party, widget=forms.TextInput({"autocomplete": "off", "spellcheck": "false"}))


class LookedForm(Form):
    """The officer has read what the step will do; a trial may play the window's end."""

    looked = forms.BooleanField()
    early = forms.BooleanField(required=False)


class ReasonForm(Form):
    """Why a round ends before its draw; published."""

    reason = forms.CharField(max_length=500, widget=forms.Textarea({"rows": 3}))


@dataclass(frozen=True, slots=True)
class Read:
    """A beacon's value as the draw needs it: the value, and for a typed one the other officer who read the same.

    `key` says what stands in the way: nothing there yet, only one officer has typed, or the two differ.
    """

    value: bytes = b""
    second: Actor | None = None
    key: str = ""


class Drawable(Protocol):
    """What both kinds of rounds have."""

    @property
    def programme_id(self) -> int:
        """Its programme."""

    @property
    def number(self) -> str:
        """Its human number."""

    @property
    def is_typed(self) -> bool:
        """Whether officers type the beacon's value."""

    @property
    def beacon_name(self) -> str:
        """The beacon named beforehand."""


def read_value(request: SignedRequest, of: Drawable, form: DrawForm) -> Read:
    """The beacon's value for the draw; what stands in its way is said in the form, and nothing is drawn."""
    read = _typed_value(request, of, form) if of.is_typed else _fetched_value(of.beacon_name)
    if read.key:
        form.add_error(None, say(read.key))
    return read


def _typed_value(request: SignedRequest, of: Drawable, form: DrawForm) -> Read:
    """Keep what this officer typed; the value where another has typed the same, each from a visit of their own."""
    value = bytes.fromhex(form.cleaned_data["value"].strip())
    others = {who: said for who, said in programmes.draw_words(of.number).items() if who != request.actor.user_id}
    say_draw_value(
        actor=request.actor, programme_id=of.programme_id, round_number=of.number, value=value, at=request.at,
        key=key_of(request, f"word {value.hex()}"),
    )  # fmt: skip
    agreeing = next((who for who, said in others.items() if said == value), None)
    if agreeing is not None:
        return Read(value, people.actor_for(agreeing, request.at))
    return Read(key="stage.value_differs" if others else "stage.value_kept")


def _fetched_value(name: str) -> Read:
    """The value of a beacon that is asked by its name, before any transaction begins."""
    value = beacon_value(name)
    return Read(key="stage.beacon_silent") if value is None else Read(value)


def beacon_value(name: str) -> bytes | None:
    """The value fetched under a beacon's name; None where it is silent. Asked before any transaction begins."""
    try:
        return bytes(adapter("beacon").value(name))
    except BeaconSilent:
        return None
