"""What the verbs decide by: rounds, and facts about many lists in a constant number of queries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from django.db import connection

from qosymsha.domain.choice.models import RUNNING_ROUND, ChoiceRound
from qosymsha.domain.choice.rules import ChoiceRefusal, WishFacts, is_clash, refuse_wish
from qosymsha.domain.people import queries as people
from qosymsha.domain.providers import queries as providers
from qosymsha.domain.providers.rules import GroupFacts, Slot
from qosymsha.domain.providers.states import GroupState
from qosymsha.domain.vouchers.queries import VOUCHER_COLUMNS, VoucherFacts, rows
from qosymsha.domain.vouchers.rules import whole_years
from qosymsha.domain.vouchers.states import VoucherState
from qosymsha.kernel.errors import Refused

HOLDING = frozenset({VoucherState.ACCEPTED.value, VoucherState.RELEASED.value})

MOVED_BY_CHOICE = "moved_by_choice"  # the reason of places left for a better wish
ANSWERING = HOLDING | {VoucherState.ACTIVE.value}

_FILED = """
SELECT id, line_id, voucher_id, child_id, wishes FROM choice_list
 WHERE round_id = %s AND state = 'filed' AND line_id > %s ORDER BY line_id LIMIT %s"""
_FILED_COUNT = "SELECT count(*) FROM choice_list WHERE round_id = %s AND state = 'filed'"
_BUSY = """
SELECT e.child_id, e.voucher_id, ARRAY[e.group_id] FROM unnest(%s::bigint[]) AS t(id), LATERAL (
       SELECT * FROM enrolment WHERE child_id = t.id AND state <> 'ended' OFFSET 0) e
 UNION ALL
SELECT l.child_id, l.voucher_id, l.wishes FROM unnest(%s::bigint[]) AS t(id), LATERAL (
       SELECT * FROM choice_list WHERE child_id = t.id AND round_id = %s AND state = 'filed' OFFSET 0) l"""
_SIBLINGS = """
SELECT DISTINCT t.child, e.group_id FROM unnest(%s::bigint[]) AS t(child)
  JOIN guardianship a ON a.child_id = t.child AND a.valid @> %s::date
  JOIN guardianship b ON b.guardian_id = a.guardian_id AND b.child_id <> t.child AND b.valid @> %s::date
  JOIN enrolment e ON e.child_id = b.child_id AND e.state <> 'ended'"""


@dataclass(frozen=True, slots=True)
class FiledList:
    """A list as the close looks at it again."""

    id: int
    line_id: bytes
    voucher_id: int
    child_id: int
    group_ids: tuple[int, ...]


def round_of(round_id: int) -> ChoiceRound:
    """The round, unlocked.

    Raises:
        Refused: `choice_round_unknown`.
    """
    found = ChoiceRound.objects.filter(pk=round_id).first()
    if found is None:
        raise Refused(ChoiceRefusal.CHOICE_ROUND_UNKNOWN, round_id=round_id)
    return found


def has_running_round(programme_id: int) -> bool:
    """Whether a choice round of the programme is open, closed or drawn: then freed places wait for it."""
    return ChoiceRound.objects.filter(programme_id=programme_id, state__in=RUNNING_ROUND).exists()


def filed_after(round_id: int, line_id: bytes, limit: int) -> list[FiledList]:
    """The next filed lists of a round in the order of line ids, after `line_id`."""
    return [
        FiledList(i, bytes(line), voucher, child, tuple(wishes))
        for i, line, voucher, child, wishes in rows(_FILED, [round_id, line_id, limit])
    ]


def filed_count(round_id: int) -> int:
    """How many lists of a round its close will look at."""
    ((count,),) = rows(_FILED_COUNT, [round_id])
    return int(count)


def vouchers_of(voucher_ids: Sequence[int]) -> dict[int, VoucherFacts]:
    """Vouchers by id, unlocked."""
    found = rows(f"SELECT {VOUCHER_COLUMNS} FROM voucher v WHERE v.id = ANY (%s)", [list(voucher_ids)])  # noqa: S608
    return {row[0]: VoucherFacts(*row) for row in found}


def vouchers_numbered(numbers: Collection[str]) -> dict[str, int]:
    """Voucher number → id, for those that exist; how the doors name vouchers."""
    wanted = [number.strip().upper() for number in numbers]
    return dict(rows("SELECT number, id FROM voucher WHERE number = ANY (%s)", [wanted]))


def siblings(child_ids: Sequence[int], on: date) -> set[tuple[int, int]]:
    """(child, group) pairs where another child of the same guardian has a place now; guardianships as of the day."""
    return set(rows(_SIBLINGS, [list(child_ids), on, on]))


def katos(territory_ids: Collection[int]) -> dict[int, str]:
    """Territory → its KATO code: how districts are named in files."""
    return dict(rows("SELECT id, kato FROM territory WHERE id = ANY (%s)", [sorted(territory_ids)]))


class Judge:
    """What decides the wishes of many lists on the round's first day, read once."""

    def __init__(self, the_round: ChoiceRound, asked: Sequence[tuple[VoucherFacts, Sequence[int]]]) -> None:
        self._on = the_round.starts_on
        children = sorted({voucher.child_id for voucher, _ in asked})
        wished = {group for _, groups in asked for group in groups}
        self._busy = _busy(the_round.id, children)
        busy = {group for taken in self._busy.values() for _, groups in taken for group in groups}
        self._groups = providers.group_facts(sorted(wished))
        self._slots = _slots(sorted(wished | busy)) if busy or len(children) < len(asked) else None
        self._born = people.birth_dates(children)

    def age(self, voucher: VoucherFacts) -> int | None:
        """The child's whole years on the first day; None without a birth date."""
        born = self._born.get(voucher.child_id)
        return None if born is None else whole_years(born, self._on)

    def refuse(self, voucher: VoucherFacts, group_id: int) -> ChoiceRefusal | None:
        """The first reason against one wish, or None."""
        group = self._groups.get(group_id)
        return refuse_wish(WishFacts(is_known=False) if group is None else self._facts(voucher, group))

    def keep_busy(self, voucher: VoucherFacts, group_ids: Sequence[int]) -> None:
        """Remember a list accepted in this batch: another list of the same child must not clash with it."""
        if self._slots is not None:
            kept = [(v, groups) for v, groups in self._busy[voucher.child_id] if v != voucher.id]
            self._busy[voucher.child_id] = [*kept, (voucher.id, group_ids)]

    def _facts(self, voucher: VoucherFacts, group: GroupFacts) -> WishFacts:
        age = self.age(voucher)
        return WishFacts(
            is_known=group.programme_id == voucher.programme_id,
            is_kind=group.kind == voucher.kind and group.line_id == voucher.line_id,
            is_open=group.state == GroupState.OPEN and group.runs_on(self._on),
            is_accredited=group.accredited_on(self._on),
            is_age=age is not None and group.takes_age(age),
            month_price_tiyn=group.unit_tariff_tiyn * group.units_per_month,
            month_tiyn=voucher.month_tiyn,
            is_clashing=self.is_clashing(voucher, group.id),
        )

    def is_clashing(self, voucher: VoucherFacts, group_id: int) -> bool:
        """Whether the group meets while the child is in another voucher's group, or one wished by another list."""
        others = {g for v, groups in self._busy.get(voucher.child_id, ()) if v != voucher.id for g in groups}
        if not others or self._slots is None:
            return False
        return any(g == group_id or is_clash(self._slots[group_id], self._slots[g]) for g in others)


def _busy(round_id: int, children: Sequence[int]) -> defaultdict[int, list[tuple[int, Sequence[int]]]]:
    """Child → (voucher, groups) of the places it has and of its lists in the round."""
    found: defaultdict[int, list[tuple[int, Sequence[int]]]] = defaultdict(list)
    for child, voucher, groups in rows(_BUSY, [list(children), list(children), round_id]):
        found[child].append((voucher, groups))
    return found


def _slots(group_ids: Sequence[int]) -> Mapping[int, list[Slot]]:
    found: dict[int, list[Slot]] = {group_id: [] for group_id in group_ids}
    for slot in providers.timetable(group_ids):
        found[slot.group_id].append(slot)
    return found


def last_round_id(programme_id: int) -> int | None:
    """The programme's choice round that was allocated last: the one whose lists are still in force."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM choice_round WHERE programme_id = %s AND state IN ('allocated', 'published')"
            " ORDER BY drawn_at DESC, id DESC LIMIT 1",
            [programme_id],
        )
        row = cursor.fetchone()
    return int(row[0]) if row else None


def groups_of(round_id: int) -> list[int]:
    """The groups of an allocated round."""
    found = rows("SELECT group_id FROM choice_cutoff WHERE round_id = %s ORDER BY group_id", [round_id])
    return [group_id for (group_id,) in found]


def groups_with_reserves(round_id: int) -> set[int]:
    """The groups of an allocated round that keep places for categories."""
    found = rows("SELECT group_id FROM choice_cutoff WHERE round_id = %s AND reserved > 0", [round_id])
    return {group_id for (group_id,) in found}


def lists_with_open_offers(round_id: int) -> list[int]:
    """Lists of a round whose child has been offered a place and has not answered."""
    found = rows(
        "SELECT DISTINCT choice_list_id FROM choice_offer WHERE round_id = %s AND state = 'offered'", [round_id]
    )
    return [list_id for (list_id,) in found]


def given_up(round_id: int) -> list[tuple[int, int]]:
    """(list, group) pairs that a child waits for no more: an offer declined or passed, or a place there that it left.

    Who moved on to a better wish by this room's own offer or rerun gave nothing up.
    """
    found = rows(
        "SELECT choice_list_id, group_id FROM choice_offer WHERE round_id = %s AND state IN ('declined', 'expired')"
        " UNION SELECT l.id, e.group_id FROM choice_list l JOIN choice_round r ON r.id = l.round_id"
        " JOIN enrolment e ON e.voucher_id = l.voucher_id WHERE r.id = %s AND e.state = 'ended'"
        " AND e.reason <> %s AND e.created_at >= r.closed_at",
        [round_id, round_id, MOVED_BY_CHOICE],
    )
    return [(list_id, group_id) for list_id, group_id in found]


@dataclass(frozen=True, slots=True)
class Offer:
    """An open offer: the last day to answer it."""

    id: int
    list_id: int
    group_id: int
    answer_by: date


@dataclass(frozen=True, slots=True)
class WaitingOffer:
    """An open offer, its list and that list's guardian; ids only."""

    id: int
    list_id: int
    guardian_id: int
    group_id: int
    answer_by: date


def offers_waiting(round_id: int) -> list[WaitingOffer]:
    """The open offers of a round in the order they were made: whom a channel asks, and reminds."""
    found = rows(
        "SELECT o.id, l.id, l.guardian_id, o.group_id, o.answer_by FROM choice_offer o"
        " JOIN choice_list l ON l.id = o.choice_list_id WHERE o.round_id = %s AND o.state = 'offered' ORDER BY o.id",
        [round_id],
    )
    return [WaitingOffer(*row) for row in found]


def open_offers(round_id: int) -> list[tuple[Offer, str]]:
    """The open offers of a round, each with the state of its child's voucher."""
    found = rows(
        "SELECT o.id, o.choice_list_id, o.group_id, o.answer_by, v.state FROM choice_offer o"
        " JOIN choice_list l ON l.id = o.choice_list_id JOIN voucher v ON v.id = l.voucher_id"
        " WHERE o.round_id = %s AND o.state = 'offered' ORDER BY o.id",
        [round_id],
    )
    return [(Offer(*row[:4]), row[4]) for row in found]


def offers_named(offer_ids: Sequence[int]) -> dict[int, tuple[int, int]]:
    """Offer → (round, voucher), for those that exist."""
    found = rows(
        "SELECT o.id, o.round_id, l.voucher_id FROM choice_offer o JOIN choice_list l ON l.id = o.choice_list_id"
        " WHERE o.id = ANY (%s)",
        [list(offer_ids)],
    )
    return {i: (round_id, voucher_id) for i, round_id, voucher_id in found}


def offers_wished_less(offer_ids: Sequence[int]) -> dict[int, int]:
    """Open offer → its group, where its child just accepted one of `offer_ids` that it wishes more."""
    found = rows(
        "SELECT other.id, other.group_id FROM choice_offer o JOIN choice_list l ON l.id = o.choice_list_id"
        " JOIN choice_offer other ON other.choice_list_id = l.id AND other.state = 'offered'"
        " WHERE o.id = ANY (%s)"
        " AND array_position(l.wishes, other.group_id) > array_position(l.wishes, o.group_id) ORDER BY other.id",
        [list(offer_ids)],
    )
    return dict(found)
