"""Forms of the signed-in doors: words in three languages, refusals beside what was typed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import get_language

from qosymsha.interfaces.ui import drafts, keys, texts
from qosymsha.interfaces.ui.signed import SignedRequest
from qosymsha.kernel.errors import BadInput, Refused

# Django's codes of what is wrong with a field → our sentence. `max_length` and the like name no number on purpose: the
# browser's own attributes hold the person back before.
_SENTENCES = {
    "required": "form.required",
    "invalid": "form.invalid",
    "invalid_choice": "form.invalid_choice",
    "max_length": "form.too_long",
    "min_length": "form.too_short",
    "max_value": "form.too_big",
    "min_value": "form.too_small",
}


class Form(forms.Form):
    """A form whose messages are ours; labels stand in the template: `{% field form.name "key" %}`.

    `outcome` is what the command answered, once `attempt` ran it.
    """

    use_required_attribute = True
    outcome: Any = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"auto_id": "f-%s", **kwargs})
        self.name_faults()

    def name_faults(self) -> None:
        """Give every field our sentences; again where fields were added after the form was made."""
        language = get_language() or "kk"
        for one in self.fields.values():
            mine = {code: texts.say(language, key) for code, key in _SENTENCES.items()}
            one.error_messages = {code: mine.get(code, mine["invalid"]) for code in [*one.error_messages, *mine]}


def typed(request: SignedRequest) -> QueryDict | None:
    """What a form is bound to: the POST; or what was typed before an interruption; or None (a fresh page)."""
    if request.method == "POST":
        return request.POST
    return drafts.take(request, request.visit.user_id, request.at)


def attempt(
    request: SignedRequest, form: Form, act: Callable[[], object], fields: Mapping[str, str] | None = None
) -> bool:
    """Run the command of a POST whose form is valid; True where it was done, its answer in `form.outcome`.

    False: the form says what is the matter, at the field that `fields` names for the reason, or above the form.
    """
    if request.method != "POST" or not form.is_valid():
        return False
    try:
        form.outcome = act()
    except Refused as refusal:
        keys.noted(request, refusal.reason)
        sentence = texts.refusal(request.language, refusal.reason.value)
        form.add_error((fields or {}).get(refusal.reason.value), sentence)
        return False
    except BadInput as fault:
        field = fault.field if fault.field in form.fields else None
        form.add_error(field, texts.say(request.language, "form.invalid"))
        return False
    return True
