"""On what terms places in groups are to be had: group, lessons, ages and money of a batch, read once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from qosymsha.domain.ledger import queries as ledger
from qosymsha.domain.ledger.rules import AccountKey, AccountKind, Draft
from qosymsha.domain.people import queries as people
from qosymsha.domain.programmes import queries as programmes
from qosymsha.domain.programmes.rules import Rules
from qosymsha.domain.providers.rules import GroupFacts
from qosymsha.domain.providers.states import GroupState
from qosymsha.domain.vouchers.queries import VoucherFacts
from qosymsha.domain.vouchers.rules import PlaceFacts, month_end, place_tiyn, whole_years
from qosymsha.domain.vouchers.steps.places import lesson_days
from qosymsha.kernel.clock import month_of


@dataclass(frozen=True, slots=True)
class Wish:
    """A row that may be judged: the voucher, the group wished for, the first day in it."""

    row: int
    voucher: VoucherFacts
    group: GroupFacts
    starts_on: date

    @property
    def is_other_line(self) -> bool:
        """True where another budget line would pay than pays now."""
        return self.voucher.line_id != self.group.line_id


@dataclass(frozen=True, slots=True)
class Terms:
    """What the wishes of a batch are judged by: lesson days, birth dates and held money in tiyn, by its id."""

    lessons: Mapping[int, Sequence[date]]
    born: Mapping[int, date]
    held: Mapping[int, int]

    def price(self, wish: Wish) -> int:
        """What the place costs in its first month, in tiyn."""
        group = wish.group
        return place_tiyn(group.unit_tariff_tiyn, self.lessons.get(group.id, ()), wish.starts_on, group.units_per_month)

    def facts(self, wish: Wish, *, month_tiyn: int, held_tiyn: int, is_kind_allowed: bool) -> PlaceFacts:
        """The facts that `rules.refuse_place` judges; money comes from the caller, who knows which line pays."""
        group, born = wish.group, self.born.get(wish.voucher.child_id)
        return PlaceFacts(
            is_group_open=group.state == GroupState.OPEN and group.runs_on(wish.starts_on),
            is_accredited=group.accredited_on(wish.starts_on),
            is_kind_allowed=is_kind_allowed,
            age=None if born is None else whole_years(born, wish.starts_on),
            age_min=group.age_min,
            age_max=group.age_max,
            month_price_tiyn=group.unit_tariff_tiyn * group.units_per_month,
            month_tiyn=month_tiyn,
            held_tiyn=held_tiyn,
            place_tiyn=self.price(wish),
        )


def terms_of(wishes: Sequence[Wish]) -> Terms:
    """Read the terms of all wishes at once; their days lie within their vouchers' months already."""
    if not wishes:
        return Terms({}, {}, {})
    first = month_of(min(w.starts_on for w in wishes))
    pairs = ((w.voucher.territory_id, w.group.id) for w in wishes)
    lessons = lesson_days(pairs, first, month_end(max(w.starts_on for w in wishes)))
    keys = {w.voucher.id: AccountKey(AccountKind.HELD, w.voucher.line_id, w.voucher.id) for w in wishes}
    balances = ledger.balances(list(keys.values()))
    born = people.birth_dates(sorted({w.voucher.child_id for w in wishes}))
    return Terms(lessons, born, {voucher_id: balances[key] for voucher_id, key in keys.items()})


def allowed_kinds(rules: Rules, slot: str) -> tuple[str, ...]:
    """The kinds that a slot may be used for."""
    return next((s.kinds for s in rules.slots if s.code == slot), ())


def rules_by_set(vouchers: Sequence[VoucherFacts]) -> dict[int, Rules]:
    """Rule set id → rules, for the sets the vouchers were issued under."""
    return {i: programmes.rules_of(i).rules for i in sorted({v.rule_set_id for v in vouchers})}


def entering(wish: Wish, enrolment_id: int, price_tiyn: int) -> list[Draft]:
    """held → place for the first month: one wish, one posting; nothing where no lesson is left in it."""
    if not price_tiyn:
        return []
    line = wish.group.line_id
    place = AccountKey(AccountKind.PLACE, line, enrolment_id, month_of(wish.starts_on))
    held = AccountKey(AccountKind.HELD, line, wish.voucher.id)
    return [Draft("enrol", str(enrolment_id), ((held, -price_tiyn), (place, price_tiyn)))]
