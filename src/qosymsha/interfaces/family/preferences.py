"""Language and notices: in which language the house speaks to a person, and which ways its news takes."""

from __future__ import annotations

from django import forms
from django.conf import settings
from django.http import HttpResponse
from django.urls import reverse
from django.utils import translation

from qosymsha.domain.people import preferences as people
from qosymsha.domain.people import queries
from qosymsha.domain.people.access import Action
from qosymsha.domain.people.commands import set_preferences
from qosymsha.domain.people.rules import Preferences
from qosymsha.domain.people.states import Channel
from qosymsha.interfaces.family.access import Look
from qosymsha.interfaces.ui import texts
from qosymsha.interfaces.ui.forms import Form, attempt, typed
from qosymsha.interfaces.ui.signed import SignedRequest, allowed, key_of, moved, page

_AT_FIELD = {
    "language_unknown": "language",
    "email_missing": "email",
    "email_unreadable": "email",
    "no_phone_for_sms": "channels",
}
_OFFERED = (Channel.SMS, Channel.EMAIL, Channel.PUSH)
_SHOWN_DIGITS = 4


class PreferencesForm(Form):
    """The language, the ways beside the page itself, an address."""

    language = forms.ChoiceField(choices=settings.LANGUAGES, widget=forms.RadioSelect)
    channels = forms.MultipleChoiceField(required=False, widget=forms.CheckboxSelectMultiple)
    email = forms.CharField(
        required=False,
        max_length=254,
        widget=forms.TextInput(attrs={"inputmode": "email", "autocomplete": "email", "spellcheck": "false"}),
    )

    def __init__(self, language: str, phone: str, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        words = {one: texts.say(language, f"prefs.channel.{one}") for one in _OFFERED}
        if phone:
            words[Channel.SMS] += f" (…{phone[-_SHOWN_DIGITS:]})"
        self.fields["channels"].choices = [(one.value, words[one]) for one in _OFFERED]  # type: ignore[attr-defined]


@allowed(Look.PREFERENCES, post=Action.SET_PREFERENCES)
def preferences(request: SignedRequest) -> HttpResponse:
    """`/family/preferences/`: the language of pages, codes and news, and how news comes; told again at any time."""
    told = people.own_preferences(request.actor)
    phone, _ = queries.phone_of(request.actor)
    initial = {
        "language": told.language if told.is_told else request.language,
        "channels": sorted(told.channels if phone else told.channels - {Channel.SMS}),
        "email": told.email,
    }
    form = PreferencesForm(request.language, phone, typed(request), initial=initial)
    if attempt(request, form, lambda: _keep(request, form), _AT_FIELD):
        with translation.override(form.cleaned_data["language"]):
            return moved(request, reverse("family-preferences"), said="prefs.saved")
    words = {"form": form, "phone": phone}
    return page(request, "family/preferences.html", 422 if form.errors else 200, **words)


def _keep(request: SignedRequest, form: PreferencesForm) -> None:
    given = form.cleaned_data
    wish = Preferences(given["language"], frozenset(given["channels"]), given["email"].strip())
    set_preferences(actor=request.actor, wish=wish, at=request.at, key=key_of(request))
