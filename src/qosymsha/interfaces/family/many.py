"""Who acts for a guardianship body has dozens of children: lists go by name and are folded, choices drop down."""

from __future__ import annotations

from collections.abc import Sequence

from django import forms

from qosymsha.kernel.text import sort_key

MANY = 6  # so many children stand on a page as they are
_NONE = ("", "—")


def offer(field: forms.Field, choices: Sequence[Sequence[str]]) -> None:
    """Put (value, words) into a field of radio buttons; many of them go by name into a list that drops down."""
    offered = [(one[0], one[1]) for one in choices]
    if len(offered) > MANY:
        field.widget = forms.Select()
        field.widget.is_required = field.required
        offered = [_NONE, *sorted(offered, key=lambda one: sort_key(one[1]))]
    if isinstance(field, forms.ChoiceField):
        field.choices = offered
    else:
        assert isinstance(field.widget, forms.Select | forms.RadioSelect), "as declared"
        field.widget.choices = offered
    if len(choices) == 1:
        field.initial = offered[0][0]
