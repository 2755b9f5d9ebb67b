"""Why a child of a choice round sits where it sits, in plain words: each wish in turn, who stood before by rank, who
was last taken, and what would have to happen.

It tells nothing of another child but ranks and counts. `trace` makes figures of a finished matching; `sentences` makes
words of the figures, in three languages.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from qosymsha.domain.allocation.explain import Reason
from qosymsha.domain.allocation.freed import Applicants, applicants
from qosymsha.domain.allocation.market import NO_LIST, NOT_LISTED, UNPLACED, Criterion, Market
from qosymsha.domain.allocation.sentences_places import CRITERIA, SENTENCES, YES_NO
from qosymsha.domain.allocation.standing import last_taken, positions


class WishEnd(StrEnum):
    """How a wish ended."""

    CAME_TRUE = "came_true"
    FULL = "full"
    WRONG_AGE = "wrong_age"
    NOT_LISTED = "not_listed"


@dataclass(frozen=True, slots=True)
class Wish:
    """One wish up to the one that came true. Positions count from 1 on the group's list; 0 where there is none.

    own: what the group looks at in this child before the lottery, by criterion; None where it has a list of its own.
    position, line: the child's position and how many stand on the list.   before: how many taken ones stand before.
    behind: how many taken ones stand behind, by places reserved for a category.   last: position of the last one taken.
    waiting: its position among those who would still rather sit here.   ages: the group's bounds.
    """

    end: WishEnd
    rank: int
    group: int
    own: tuple[tuple[Criterion, int], ...] | None = None
    position: int = 0
    line: int = 0
    before: int = 0
    behind: int = 0
    last: int = 0
    waiting: int = 0
    ages: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True)
class PlacesTrace:
    """Why a child sits where it sits: its wishes up to the one that came true, and how many it named."""

    wishes: tuple[Wish, ...]
    named: int


def trace(market: Market, match: NDArray[np.int32], child: int) -> PlacesTrace:
    """Return why `child` sits where it sits in the finished matching, int32 (N) of groups or UNPLACED."""
    line = applicants(market)
    nobody = np.zeros(market.children, np.bool_)
    waiting = positions(line, match, nobody, np.zeros(market.groups.size, np.bool_))
    last = last_taken(line, match)
    told = []
    for entry in range(int(market.offsets[child]), int(market.offsets[child + 1])):
        told.append(_wish(line, match, child, entry, int(waiting[entry]), int(last[market.groups[entry]])))
        if told[-1].end is WishEnd.CAME_TRUE:
            break
    return PlacesTrace(tuple(told), int(market.offsets[child + 1] - market.offsets[child]))


def _wish(  # noqa: PLR0913, PLR0917 - one wish with what the whole round knows of its group
    line: Applicants, match: NDArray[np.int32], child: int, entry: int, waiting: int, last: int
) -> Wish:
    market, group = line.market, int(line.market.groups[entry])
    rank = entry - int(market.offsets[child]) + 1
    if market.listed is not None and market.listed[entry] == NOT_LISTED:
        return Wish(WishEnd.NOT_LISTED, rank, group)
    if entry not in (on_list := line.entries[line.starts[group] : line.starts[group + 1]]):
        assert market.group_ages is not None, "off the list for nothing"
        least, most = market.group_ages[group].tolist()
        return Wish(WishEnd.WRONG_AGE, rank, group, ages=(least, most))
    children = line.children[line.starts[group] : line.starts[group + 1]]
    at, taken = int(np.flatnonzero(on_list == entry)[0]), match[children] == group
    return Wish(
        WishEnd.CAME_TRUE if match[child] == group else WishEnd.FULL,
        rank,
        group,
        own=None
        if market.listed is not None and market.listed[entry] != NO_LIST
        else tuple(_own(market, child, entry)),
        position=at + 1,
        line=len(children),
        before=int(taken[:at].sum()),
        behind=int(taken[at + 1 :].sum()),
        last=0 if last == UNPLACED else int(np.flatnonzero(children == last)[0]) + 1,
        waiting=waiting,
    )


def _own(market: Market, child: int, entry: int) -> Iterator[tuple[Criterion, int]]:
    """The criteria in their order up to the lottery, with the tier itself, or whether the child has what is asked."""
    for criterion in market.criteria:
        if criterion is Criterion.LOTTERY:
            return
        if criterion is Criterion.TIER:
            yield criterion, 0 if market.tiers is None else int(market.tiers[child])
        elif criterion is Criterion.SIBLING:
            yield criterion, int(market.siblings is not None and bool(market.siblings[entry]))
        elif market.child_districts is None or market.group_districts is None:
            yield criterion, 0
        else:
            home = int(market.child_districts[child])
            yield criterion, int(home >= 0 and home == int(market.group_districts[market.groups[entry]]))


# --- words


def reasons(found: PlacesTrace, names: tuple[str, ...], places: tuple[int, ...]) -> list[Reason]:
    """Return the reasons in the order they are told; `names` and `places` of the groups by number."""
    if not found.wishes:
        return [Reason("no_wish", {})]
    got = found.wishes[-1] if found.wishes[-1].end is WishEnd.CAME_TRUE else None
    told = [Reason("placed", {"group": names[got.group], "rank": got.rank}) if got else Reason("unplaced", {})]
    for wish in found.wishes:
        told += _of_wish(wish, {"group": names[wish.group], "rank": wish.rank, "places": places[wish.group]})
    if got and found.named > got.rank:
        told.append(Reason("later_wishes", {"count": found.named - got.rank}))
    return told


def _of_wish(wish: Wish, figures: dict[str, str | int]) -> list[Reason]:
    if wish.end is WishEnd.WRONG_AGE:
        return [Reason("wrong_age", figures | {"least": wish.ages[0], "most": wish.ages[1]})]
    if wish.end is WishEnd.NOT_LISTED:
        return [Reason("not_listed", figures)]
    figures |= {"position": wish.position, "line": wish.line, "before": wish.before}
    told = [Reason("came_true" if wish.end is WishEnd.CAME_TRUE else "full", figures), _order(wish)]
    if wish.end is WishEnd.CAME_TRUE:
        return told
    told.append(Reason("last_taken", figures | {"last": wish.last}) if wish.last else Reason("nobody_taken", figures))
    if wish.behind:
        told.append(Reason("taken_behind", figures | {"behind": wish.behind}))
    return [*told, Reason("needs_free", figures | {"waiting": wish.waiting})]


def _order(wish: Wish) -> Reason:
    if wish.own is None:
        return Reason("by_own_list", {})
    figures: dict[str, str | int] = {criterion.value: value for criterion, value in wish.own}
    return Reason("by_criteria" if figures else "by_lottery", figures)


def sentences(found: PlacesTrace, names: tuple[str, ...], places: tuple[int, ...], language: str) -> list[str]:
    """Return the reasons as sentences in kk, ru or en.

    Raises:
        KeyError: another language.
    """
    return [_sentence(reason, language) for reason in reasons(found, names, places)]


def _sentence(reason: Reason, language: str) -> str:
    if reason.code != "by_criteria":
        return SENTENCES[language][reason.code].format(**reason.figures)
    own = [
        f"{CRITERIA[language][name]}: {value if name == Criterion.TIER else YES_NO[language][int(value)]}"
        for name, value in reason.figures.items()
    ]
    return SENTENCES[language]["by_criteria"].format(own="; ".join(own))
