"""What a family must do now: each thing with its last day, where it is done, in the order in which days run out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta

from django.urls import reverse

from qosymsha.domain.admission import queries as admission
from qosymsha.domain.choice.queries import wishing
from qosymsha.domain.vouchers.states import PartingKind
from qosymsha.interfaces.family import offered
from qosymsha.interfaces.family.absences import own_cases
from qosymsha.interfaces.family.months import MonthShown
from qosymsha.interfaces.family.todo_papers import DAY, Todo, of_papers
from qosymsha.interfaces.family.vouchers import CHOOSES, VoucherShown, own_vouchers
from qosymsha.interfaces.ui import texts
from qosymsha.interfaces.ui.signed import SignedRequest
from qosymsha.interfaces.ui.templatetags.words import moment
from qosymsha.kernel.clock import local_day

_ASKED: dict[str, str] = {
    PartingKind.LEAVE: "parting.other_leaves",
    PartingKind.MOVE: "parting.other_moves",
    PartingKind.REFUSE: "parting.other_refuses",
}


def todos(request: SignedRequest, names: Mapping[int, str], months: Sequence[MonthShown]) -> list[Todo]:
    """Everything that waits for the guardian, the nearest last day first; what has none stands at the end."""
    vouchers = own_vouchers(request, names)
    found = [
        *_answers(request, vouchers),
        *_partings(request, vouchers),
        *_hearings(request, vouchers),
        *_cases(request, names),
        *_months(request, months),
        *_choices(request, vouchers),
        *offered.todos(request, names),
        *of_papers(request, names),
        *_openings(request),
    ]
    return sorted(found, key=lambda one: (one.by is None, one.by or date.max))


def _answers(request: SignedRequest, vouchers: Sequence[VoucherShown]) -> Iterator[Todo]:
    for one in vouchers:
        if one.may_answer and not (one.parting and one.parting.is_own):
            text = f"{texts.say(request.language, 'parting.other_refuses')} " if one.parting else ""
            text += texts.say(request.language, "voucher.until", day=f"{one.one.accept_by:{DAY}}")
            label = _said(request, "home.look_voucher")
            yield Todo(one.one.accept_by, f"{one.name} · {one.kind}", text[:1].upper() + text[1:], _at(one), label)


def _partings(request: SignedRequest, vouchers: Sequence[VoucherShown]) -> Iterator[Todo]:
    """What the child's other guardian asked and one may still stop; a voucher to be answered is told above."""
    for one in vouchers:
        asked = one.parting
        if asked is None or asked.is_own or one.may_answer:
            continue
        words = {"day": f"{asked.one.on:{DAY}}" if asked.one.on else "", "group": asked.group}
        text = texts.say(request.language, _ASKED[asked.one.kind], **words)
        if asked.last_on:
            text += " " + texts.say(request.language, "parting.until", day=f"{asked.last_on:{DAY}}")
        address, label = _at(one), _said(request, "parting.look")
        yield Todo(asked.last_on, f"{one.name} · {one.kind}", text, address, label)


def _at(one: VoucherShown) -> str:
    """The page of vouchers, at this one."""
    return f"{reverse('family-vouchers')}#v-{one.one.uuid}"


def _hearings(request: SignedRequest, vouchers: Sequence[VoucherShown]) -> Iterator[Todo]:
    """An official proposes to end something: until when the family is heard, and where it reads why."""
    for one in vouchers:
        if one.office and one.office.ending:
            day = one.office.hear_until
            text = texts.say(request.language, f"voucher.{one.office.ending}_proposed")
            if day:
                text += " " + texts.say(request.language, "voucher.be_heard", day=f"{day:{DAY}}")
            yield _todo(
                request, day or local_day(request.at), f"{one.name} · {one.kind}", text, "vouchers", "notices.open"
            )


def _choices(request: SignedRequest, vouchers: Sequence[VoucherShown]) -> Iterator[Todo]:
    """Vouchers without a place: a list of wishes where a choice round is open, else a group to be chosen."""
    rounds = {
        wisher.voucher_uuid: (choice, wisher)
        for choice in wishing.open_choices(request.at)
        for wisher in wishing.own_wishers(actor=request.actor, choice=choice, at=request.at)
    }
    for one in vouchers:
        in_round = rounds.get(one.one.uuid)
        heading, clubs = f"{one.name} · {one.kind}", f"{reverse('clubs')}?what=kind:{one.one.kind}"
        if in_round and not in_round[1].wishes:
            closes_at = in_round[0].closes_at
            text = texts.say(request.language, "wishes.until", when=moment(closes_at))
            yield Todo(local_day(closes_at), heading, text, clubs, _said(request, "voucher.choose"))
        elif not in_round and one.one.state in CHOOSES and local_day(request.at) < _end(one.one.last_month):
            yield Todo(None, heading, _said(request, "home.choose"), clubs, _said(request, "voucher.choose"))


def _end(month: date) -> date:
    """The first day after a month."""
    return (month.replace(day=28) + timedelta(days=4)).replace(day=1)


def _cases(request: SignedRequest, names: Mapping[int, str]) -> Iterator[Todo]:
    for case in own_cases(request, names):
        heading, address = f"{case.name} · {case.title}", reverse("family-case", args=[case.one.uuid])
        if case.is_suspended:
            day = case.one.hear_until
            text = texts.say(request.language, "absence.suspended", day=f"{day:{DAY}}" if day else "")
        else:
            day, text = local_day(request.at), texts.say(request.language, "absence.warned", n=case.one.missed)
        yield Todo(day, heading, text, address, _said(request, "absence.open"))


def _months(request: SignedRequest, months: Sequence[MonthShown]) -> Iterator[Todo]:
    """One thing for all open months; none of them in hurry once an officer may decide them."""
    if not months:
        return
    day = min((month.one.officer_from for month in months if not month.is_late), default=None)
    text = texts.say(request.language, "month.until", day=f"{day:{DAY}}") if day else _said(request, "month.late")
    heading = texts.say(request.language, "home.months", n=len(months))
    yield _todo(request, day or local_day(request.at), heading, text, "months", "home.look_months")


def _openings(request: SignedRequest) -> Iterator[Todo]:
    """An open round is something to do only while a child of one's own may still be filed in it."""
    found = admission.openings_left(actor=request.actor, at=request.at)
    if found:
        closes = min(one.round.closes_at for one in found)
        text = texts.say(request.language, "apply.until", day=moment(closes))
        yield _todo(request, local_day(closes), _said(request, "home.apply"), text, "apply-rounds", "home.look_apply")


def _todo(request: SignedRequest, by: date, heading: str, text: str, name: str, label: str) -> Todo:  # noqa: PLR0913
    return Todo(by, heading, text[:1].upper() + text[1:], reverse(f"family-{name}"), _said(request, label))


def _said(request: SignedRequest, key: str) -> str:
    return texts.say(request.language, key)
