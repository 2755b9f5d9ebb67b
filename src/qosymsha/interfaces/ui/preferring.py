"""Language and messages, as each signed-in door shows them: which language, which ways, which news by them."""

from __future__ import annotations

from collections.abc import Sequence

from django import forms
from django.conf import settings
from django.http import HttpResponse
from django.urls import reverse
from django.utils import translation

from qosymsha.domain.messages import themes
from qosymsha.domain.messages.commands import choose_themes
from qosymsha.domain.messages.queries import switched_off
from qosymsha.domain.messages.states import Door
from qosymsha.domain.people import preferences as people
from qosymsha.domain.people import queries
from qosymsha.domain.people.commands import set_preferences
from qosymsha.domain.people.rules import Preferences
from qosymsha.domain.people.states import Channel, Role
from qosymsha.interfaces.ui import texts
from qosymsha.interfaces.ui.forms import Form, attempt, typed
from qosymsha.interfaces.ui.signed import SignedRequest, key_of, moved, page

_AT_FIELD = {
    "language_unknown": "language",
    "email_missing": "email",
    "email_unreadable": "email",
    "no_phone_for_sms": "channels",
}
# What can be asked for at a door: clubs and officials have no phone on record, and nothing of theirs is pushed.
OFFERED: dict[Door, tuple[Channel, ...]] = {
    Door.FAMILY: (Channel.SMS, Channel.EMAIL, Channel.PUSH),
    Door.PROVIDER: (Channel.EMAIL,),
    Door.OFFICE: (Channel.EMAIL,),
}
_OF_A_CHILD = tuple(one for one in OFFERED[Door.FAMILY] if one is not Channel.SMS)  # the phone is the guardian's
_SHOWN_DIGITS = 4
_SAYS_THEMES = "says_themes"  # a hidden field: boxes that are not ticked are not sent


class PreferencesForm(Form):
    """The language, the ways beside the page itself, an address, the themes that come by the ways."""

    language = forms.ChoiceField(choices=settings.LANGUAGES, widget=forms.RadioSelect)
    channels = forms.MultipleChoiceField(required=False, widget=forms.CheckboxSelectMultiple)
    email = forms.CharField(
        required=False,
        max_length=254,
        widget=forms.TextInput(attrs={"inputmode": "email", "autocomplete": "email", "spellcheck": "false"}),
    )
    themes = forms.MultipleChoiceField(required=False, widget=forms.CheckboxSelectMultiple)

    def __init__(  # noqa: PLR0913 - a form's own arguments come last
        self, door: Door, ways: Sequence[Channel], offered: Sequence[str], phone: str, *args: object, **kwargs: object
    ) -> None:
        super().__init__(*args, **kwargs)
        language = translation.get_language() or "kk"
        words = {one: texts.say(language, f"prefs.channel.{one}") for one in ways}
        if phone and Channel.SMS in words:
            words[Channel.SMS] += f" (…{phone[-_SHOWN_DIGITS:]})"
        self.fields["channels"].choices = [(one.value, said) for one, said in words.items()]  # type: ignore[attr-defined]
        named = [(theme, texts.say(language, f"prefs.theme.{door}.{theme}")) for theme in offered]
        self.fields["themes"].choices = named  # type: ignore[attr-defined]


def preferences(request: SignedRequest, door: Door) -> HttpResponse:
    """The page of a door; what is said is kept for the person, the themes for the person at this door."""
    told = people.own_preferences(request.actor)
    phone, _ = queries.phone_of(request.actor)
    roles = {grant.role for grant in request.actor.grants}
    offered = themes.offered(door, roles)
    ways, is_youth = _ways(request, door), request.actor.holds({Role.YOUTH})
    form = PreferencesForm(door, ways, offered, phone, typed(request), initial=_initial(request, door, told, phone))
    if attempt(request, form, lambda: _keep(request, door, form, told, phone), _AT_FIELD):
        with translation.override(form.cleaned_data["language"]):
            return moved(request, reverse(f"{door}-preferences"), said="prefs.saved")
    return page(
        request,
        f"{door}/preferences.html",
        422 if form.errors else 200,
        form=form,
        needs_phone=Channel.SMS in ways and not phone,
        offered=offered,
        is_sent_any=themes.leaves_the_page(door, roles),
        always="youth.prefs.always" if is_youth else f"prefs.always.{door}",
    )


def _ways(request: SignedRequest, door: Door) -> tuple[Channel, ...]:
    return _OF_A_CHILD if request.actor.holds({Role.YOUTH}) else OFFERED[door]


def _initial(request: SignedRequest, door: Door, told: Preferences, phone: str) -> dict[str, object]:
    off = switched_off(request.actor, door)
    roles = {grant.role for grant in request.actor.grants}
    return {
        "language": told.language if told.is_told else request.language,
        "channels": sorted(told.channels if phone else told.channels - {Channel.SMS}),
        "email": told.email,
        "themes": [theme for theme in themes.offered(door, roles) if theme not in off],
    }


def _keep(request: SignedRequest, door: Door, form: PreferencesForm, told: Preferences, phone: str) -> None:
    given = form.cleaned_data
    # A way that this door does not offer stays as the person said at another.
    elsewhere = told.channels - set(_ways(request, door)) - (set() if phone else {Channel.SMS})
    wish = Preferences(given["language"], frozenset(given["channels"]) | elsewhere, given["email"].strip())
    set_preferences(actor=request.actor, wish=wish, at=request.at, key=key_of(request))
    if _SAYS_THEMES in request.POST:  # a page of the version before says nothing of them, which is no "none"
        again = key_of(request, "themes")
        choose_themes(actor=request.actor, door=door, wanted=given["themes"], at=request.at, key=again)
