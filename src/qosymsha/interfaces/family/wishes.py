"""Wishes in a choice round: groups are added, put higher or lower, taken off; each press files the list."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from django import forms
from django.http import Http404, HttpResponse

from qosymsha.domain.attendance import queries as attendance
from qosymsha.domain.attendance.queries import OwnChild
from qosymsha.domain.choice import commands
from qosymsha.domain.choice.access import Action
from qosymsha.domain.choice.queries import wishing
from qosymsha.domain.choice.queries.wishing import OpenChoice, Wished, Wisher
from qosymsha.domain.choice.rules import ListRow
from qosymsha.domain.vouchers.rules import EnrolRefusal
from qosymsha.interfaces.family import shown
from qosymsha.interfaces.family.access import Look
from qosymsha.interfaces.ui import reasons, weeks
from qosymsha.interfaces.ui.forms import Form, attempt, typed
from qosymsha.interfaces.ui.signed import SignedRequest, allowed, allowed_post, key_of, moved, page
from qosymsha.kernel.errors import BadInput, Refused


@dataclass(frozen=True, slots=True)
class WishShown:
    """A wish in words."""

    one: Wished
    title: str
    address: str
    hours: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WisherShown:
    """A voucher with its wishes in words, and how many more it may have."""

    one: Wisher
    name: str
    kind: str
    wishes: tuple[WishShown, ...]
    left: int


class AddForm(Form):
    """Whose list the group is put on, at its end."""

    voucher = forms.ChoiceField(widget=forms.RadioSelect)

    def __init__(self, wishers: Sequence[WisherShown], *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["voucher"]
        field.choices = [(str(w.one.voucher_uuid), f"{w.name} · {w.kind}") for w in wishers]  # type: ignore[attr-defined]
        if len(wishers) == 1:
            field.initial = str(wishers[0].one.voucher_uuid)


@allowed(Look.WISHES)
def wishes(request: SignedRequest) -> HttpResponse:
    """`/family/wishes/`: the open choice rounds, each own voucher's list in its order."""
    rounds = _rounds(request)
    return page(request, "family/wishes.html", rounds=rounds)


def _rounds(request: SignedRequest) -> list[tuple[OpenChoice, list[WisherShown]]]:
    children = attendance.own_children(actor=request.actor, at=request.at)
    return [(choice, _wishers(request, choice, children)) for choice in wishing.open_choices(request.at)]


def _wishers(request: SignedRequest, choice: OpenChoice, children: Mapping[int, OwnChild]) -> list[WisherShown]:
    found = wishing.own_wishers(actor=request.actor, choice=choice, at=request.at)
    return [
        WisherShown(
            one,
            children[one.child_id].name,
            reasons.kind_name(one.kind, request.language),
            tuple(wish_shown(request.language, wish) for wish in one.wishes),
            choice.most - len(one.wishes),
        )
        for one in found
    ]


def wish_shown(language: str, wish: Wished) -> WishShown:
    """A wish in words of the page's language."""
    hours = tuple(dict.fromkeys(weeks.hour(language, slot) for slot in wish.slots))
    return WishShown(wish, shown.in_words(language, wish, "activity"), shown.in_words(language, wish, "address"), hours)


@allowed(Look.WISHES, post=Action.FILE)
def add(request: SignedRequest, group_uuid: UUID) -> HttpResponse:
    """`/family/wishes/add/{group}/`: put a group at the end of a voucher's list; higher is a press on the next page."""
    group = wishing.group_of(group_uuid)
    if group is None:
        raise Http404
    rounds = _rounds(request)
    wishers = [one for _, found in rounds for one in found]
    form = AddForm(wishers, typed(request))

    def file() -> None:
        chosen = form.cleaned_data["voucher"]
        choice, wisher = next((c, w.one) for c, found in rounds for w in found if str(w.one.voucher_uuid) == chosen)
        if group_uuid not in wisher.order:  # pressed twice: it stands there already
            _file(request, choice, wisher, [*(one.id for one in wisher.wishes), group.id])

    if attempt(request, form, file):
        return moved(request, "family-wishes-now", said="wishes.added")
    words = {"group": wish_shown(request.language, group), "wishers": wishers, "rounds": rounds}
    return page(request, "family/wish_add.html", 422 if form.errors else 200, form=form, **words)


@allowed_post(Action.FILE)
def change(request: SignedRequest, round_uuid: UUID, voucher_uuid: UUID) -> HttpResponse:
    """`/family/wishes/{round}/{voucher}/`: one wish up, down or off, from the order that the page showed."""
    choice = next((one for one in wishing.open_choices(request.at) if one.uuid == round_uuid), None)
    found = wishing.own_wishers(actor=request.actor, choice=choice, at=request.at) if choice else []
    wisher = next((one for one in found if one.voucher_uuid == voucher_uuid), None)
    if choice is None or wisher is None:
        raise Http404
    seen, wanted = _asked(request)
    if tuple(wanted) != wisher.order:  # else it was pressed twice, and is done
        if tuple(seen) != wisher.order:
            raise Refused(EnrolRefusal.CHANGED_MEANWHILE)
        ids = {one.uuid: one.id for one in wisher.wishes}
        _file(request, choice, wisher, [ids[uuid] for uuid in wanted])
    return moved(request, "family-wishes-now", said="wishes.kept" if wanted else "wishes.taken_back")


def _asked(request: SignedRequest) -> tuple[list[UUID], list[UUID]]:
    """The order that the page showed, and the one asked for.

    Raises:
        BadInput: the form was not ours.
    """
    try:
        seen = [UUID(one) for one in request.POST.getlist("wish")]
        deed, _, number = request.POST.get("do", "").partition(":")
        return seen, _DEEDS[deed](seen, int(number))
    except (KeyError, ValueError, IndexError):
        raise BadInput("do", "send the page's own form") from None


def _up(order: list[UUID], at: int) -> list[UUID]:
    return [*order[: at - 1], order[at], order[at - 1], *order[at + 1 :]] if at > 0 else list(order)


def _off(order: list[UUID], at: int) -> list[UUID]:
    if not 0 <= at < len(order):
        raise IndexError(at)
    return [*order[:at], *order[at + 1 :]]


_DEEDS: dict[str, Callable[[list[UUID], int], list[UUID]]] = {
    "up": _up,
    "down": lambda order, at: _up(order, at + 1),
    "off": _off,
}


def _file(request: SignedRequest, choice: OpenChoice, wisher: Wisher, group_ids: Sequence[int]) -> None:
    """File the list, or take it back where nothing is left on it."""
    guardian_id, key = request.actor.guardian_id or 0, key_of(request)
    if group_ids:
        row = ListRow(wisher.voucher_id, guardian_id, tuple(group_ids))
        commands.file_list(actor=request.actor, round_id=choice.id, row=row, at=request.at, key=key)
    elif wisher.list_id is not None:
        commands.withdraw_list(
            actor=request.actor, list_id=wisher.list_id, guardian_id=guardian_id, at=request.at, key=key
        )
