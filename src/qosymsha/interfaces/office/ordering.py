"""Who stands before whom: what the coefficients of a rule set mean, and in a draft where they are set.

An author types coefficients, looks at the order they make, and only then keeps them: looking stores nothing.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS
from django.http import QueryDict

from qosymsha.domain.admission import turns
from qosymsha.domain.allocation.round_terms import Policy
from qosymsha.domain.programmes import queries, wording
from qosymsha.domain.programmes import rules as rule_reader
from qosymsha.domain.programmes.document import Document, RuleSetFault
from qosymsha.domain.programmes.queries import DraftSeen
from qosymsha.domain.programmes.rules import Rules
from qosymsha.interfaces.ui.forms import Form
from qosymsha.interfaces.ui.signed import SignedRequest

EACH, MOST_EACH, MOST_SHOWN, COLOURS = 20, 40, 160, 12
MOST_COEFFICIENT = 1000  # the schema's own


@dataclass(frozen=True, slots=True)
class Square:
    """A turn of the picture: the number and the colour of its category, and whose turn it is."""

    number: int
    colour: int
    title: str


@dataclass(frozen=True, slots=True)
class Block:
    """Turns that stand together: an iteration (0: strict tiers have none), from turn `first` to turn `last`."""

    iteration: int
    first: int
    last: int
    squares: tuple[Square, ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """A queue under a policy, block by block, of at most `MOST_SHOWN` turns."""

    policy: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a category's coefficient means: its turns in the first and in the second iteration when queues are full.

    `held`: the coefficient of the rules in force where it is another; 0 of a category they do not have. `drafted`: the
    one that stands in the draft where what was typed is another.
    """

    number: int
    colour: int
    name: str
    coefficient: int
    first: int
    last: int
    next_first: int
    next_last: int
    held: int | None = None
    drafted: int | None = None
    field: forms.BoundField | None = None


@dataclass(frozen=True, slots=True)
class Move:
    """A category whose turns in an iteration change; a side without the category has none."""

    name: str
    was: Meaning | None
    now: Meaning | None


class CoefficientsForm(Form):
    """A number for each category of the draft, and of how many children the picture is."""

    n = forms.IntegerField(min_value=1, max_value=MOST_EACH, required=False)
    document: Document

    def content(self) -> dict[str, Any]:
        """The draft's section of categories with what was typed."""
        found = copy.deepcopy(self.document["categories"])
        for one in found["list"]:
            one["coefficient"] = self.cleaned_data.get(_field(one["code"])) or one["coefficient"]
        return dict(found)

    def written(self) -> Document:
        """The whole draft with what was typed, as it is where a number is missing or wrong."""
        is_whole = self.is_bound and set(self.errors) <= {NON_FIELD_ERRORS}
        return {**self.document, "categories": self.content()} if is_whole else self.document


def coefficients_form(of: Document, data: QueryDict | None) -> CoefficientsForm:
    """The form of a draft's coefficients, bound to what was typed."""
    numbers = {
        _field(one["code"]): forms.IntegerField(min_value=1, max_value=MOST_COEFFICIENT)
        for one in of["categories"]["list"]
    }
    initial = {_field(one["code"]): one["coefficient"] for one in of["categories"]["list"]}
    form: CoefficientsForm = type("Coefficients", (CoefficientsForm,), numbers)(data, initial=initial)
    form.document = of
    return form


def _field(code: str) -> str:
    return f"of-{code}"


def rules_of(of: Document) -> Rules | None:
    """The rules of a document, None while its fields contradict each other."""
    try:
        return rule_reader.parse(of)
    except RuleSetFault:
        return None


def order_words(
    request: SignedRequest, of: Document, draft: tuple[DraftSeen, CoefficientsForm] | None = None
) -> dict[str, Any]:
    """What each coefficient means and the pictures of both policies; in an open draft, with fields to set them."""
    rules, each = rules_of(of), asked_each(request)
    words: dict[str, Any] = {"each": each, "most": MOST_EACH}
    if draft is not None:
        words |= {"draft": draft[0], "form": draft[1], "number": draft[0].edits.get("categories", 0)}
    if rules is not None:
        speaker = wording.Speaker(of, request.language)
        words |= _pictured(rules, speaker, each)
        words["meanings"] = told = list(_meanings(rules, speaker, _beside(draft)))
        words |= {"last": told[-1], "first": told[0]}
    return words


def asked_each(request: SignedRequest) -> int:
    """How many children of each category the picture shows, as asked or `EACH`."""
    asked = request.POST.get("n", "") or request.GET.get("n", "")
    return min(max(int(asked), 1), MOST_EACH) if asked.isdecimal() and len(asked) < 4 else EACH


@dataclass(frozen=True, slots=True)
class _Beside:
    """What stands beside a draft's coefficients: those in force, those the draft has by now, the fields."""

    in_force: Mapping[str, int] | None = None
    drafted: Mapping[str, int] | None = None
    form: CoefficientsForm | None = None


def _beside(draft: tuple[DraftSeen, CoefficientsForm] | None) -> _Beside:
    if draft is None:
        return _Beside()
    standing = queries.standing_on(draft[0].programme_id, draft[0].valid_from)
    in_force = _coefficients(standing.document) if standing is not None else None
    return _Beside(in_force, _coefficients(draft[0].document), draft[1])


def _coefficients(of: Document) -> dict[str, int]:
    return {one["code"]: one["coefficient"] for one in of["categories"]["list"]}


def _meanings(rules: Rules, speaker: wording.Speaker, beside: _Beside) -> Iterator[Meaning]:
    for place, one in enumerate(turns.standings(rules)):
        code, coefficient = one.category.code, one.category.coefficient
        yield Meaning(
            place + 1,
            place % COLOURS,
            speaker.category(code),
            coefficient,
            one.first_turn,
            one.first_turn + coefficient - 1,
            one.turn_of_next,
            one.turn_of_next + coefficient - 1,
            _other(beside.in_force, code, coefficient),
            _other(beside.drafted, code, coefficient),
            beside.form[_field(code)] if beside.form is not None else None,
        )


def _other(known: Mapping[str, int] | None, code: str, coefficient: int) -> int | None:
    """The coefficient known elsewhere, where it is another; 0 where the category is not there."""
    held = known.get(code, 0) if known is not None else coefficient
    return held if held != coefficient else None


def _pictured(rules: Rules, speaker: wording.Speaker, each: int) -> dict[str, Any]:
    chosen = Policy(rules.allocation.policy)
    other = Policy.TIERS if chosen is Policy.ITERATIONS else Policy.ITERATIONS
    names = {one.code: speaker.category(one.code) for one in rules.categories}
    pictures = [_picture(rules, policy, each, names) for policy in (chosen, other)]
    return {"policy": chosen.value, "pictures": pictures}


def _picture(rules: Rules, policy: Policy, each: int, names: Mapping[str, str]) -> Picture:
    places = {one.code: place for place, one in enumerate(rules.categories)}
    shown = list(enumerate(turns.turns(rules, policy, each)[:MOST_SHOWN], start=1))
    blocks = []
    for iteration, some in groupby(shown, key=lambda one: one[1].iteration):
        squares = tuple((turn, _square(turn, one, places, names)) for turn, one in some)
        blocks.append(Block(iteration, squares[0][0], squares[-1][0], tuple(square for _, square in squares)))
    return Picture(policy.value, tuple(blocks))


def _square(turn: int, one: turns.Turn, places: Mapping[str, int], names: Mapping[str, str]) -> Square:
    place = places[one.category]
    return Square(place + 1, place % COLOURS, f"{turn}. {names[one.category]}, {one.k}")


def moves(before: Document | None, after: Document, language: str) -> list[Move]:
    """The categories whose turns in an iteration one rule set changes against another.

    None where either contradicts itself or holds strict tiers, under which coefficients say nothing.
    """
    was, now = rules_of(before) if before is not None else None, rules_of(after)
    if before is None or was is None or now is None:
        return []
    if not was.allocation.policy == now.allocation.policy == Policy.ITERATIONS.value:
        return []
    old, new = _by_code(was, before, language), _by_code(now, after, language)
    pairs = [(old.get(code), new.get(code)) for code in dict.fromkeys([*new, *old])]
    return [_move(*pair) for pair in pairs if _turns_of(pair[0]) != _turns_of(pair[1])]


def _by_code(rules: Rules, of: Document, language: str) -> dict[str, Meaning]:
    told = _meanings(rules, wording.Speaker(of, language), _Beside())
    return {one.code: meaning for one, meaning in zip(rules.categories, told, strict=True)}


def _turns_of(one: Meaning | None) -> tuple[int, int] | None:
    return (one.first, one.last) if one is not None else None


def _move(was: Meaning | None, now: Meaning | None) -> Move:
    known = now or was
    return Move(known.name if known is not None else "", was, now)
