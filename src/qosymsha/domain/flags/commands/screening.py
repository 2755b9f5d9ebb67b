"""A month is judged by the rules in force, and what looks wrong is flagged and held."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import numpy as np
from django.db import transaction

from qosymsha.domain.flags import queries, steps
from qosymsha.domain.flags.access import ALLOWED, Action
from qosymsha.domain.flags.models import FlagRun
from qosymsha.domain.flags.queries import Chunk, FlagFacts, Subject, Whole
from qosymsha.domain.flags.queries.flags import facts
from qosymsha.domain.flags.rules import Scored
from qosymsha.domain.flags.rules.raising import FlagDraft, ReasonDraft, Said, drafts, unjudged
from qosymsha.domain.flags.states import FlagState, Topic
from qosymsha.domain.programmes import queries as programmes
from qosymsha.domain.vouchers.steps import Deed, begin, keep, record
from qosymsha.kernel import locks
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.clock import local_instant, month_of, next_month

_Place = tuple[str, str, bytes]


@dataclass(slots=True)
class Screening:
    """What a screening came to: providers and children's months judged, flags raised and grown, days held."""

    providers: int = 0
    places: int = 0
    raised: int = 0
    grown: int = 0
    held: int = 0


def screen(  # noqa: PLR0913 (where, which month, whose; and the envelope of every verb)
    *,
    actor: Actor,
    programme_id: int,
    month: date,
    at: datetime,
    key: UUID,
    provider_ids: Sequence[int] | None = None,
) -> Screening:
    """Judge a programme's month, all providers or some, those of months kept elsewhere too (where none is named).

    A transaction a chunk of providers, so that memory and locks stay small; broken off, it is run again. Run again
    after more has come in, it raises what is new and adds to open flags; it takes nothing back, and what a person has
    judged is not raised again by the same evidence.

    Raises:
        Forbidden: the actor is neither the clock nor a checker of the territory.
    """
    territory_id = programmes.programme(programme_id).territory_id
    require(actor, Action.SCREEN, ALLOWED, territory_id=territory_id)
    month, total = month_of(month), Screening()
    found = queries.chunks(programme_id, month, provider_ids=provider_ids)
    if not found:
        return total
    flags = programmes.rules_in_force(programme_id, month).rules.flags
    around = queries.whole(programme_id, territory_id, month, found, flags, is_all=provider_ids is None)
    for chunk in found:
        deed = Deed(actor, Action.SCREEN, at, _own(key, chunk))
        part = _screen(deed, (territory_id, programme_id), month, chunk, around)
        for name, value in asdict(part).items():
            setattr(total, name, getattr(total, name) + value)
    return total


def _own(key: UUID, chunk: Chunk) -> UUID:
    """A key of the chunk's providers, not of its number: broken off and run again, the chunks may be others."""
    whose = f"{chunk.is_outside} {sorted(map(str, chunk.providers))}".encode()
    return UUID(bytes=hashlib.sha256(key.bytes + whose).digest()[:16], version=4)


@transaction.atomic(durable=True)
def _screen(deed: Deed, place: tuple[int, int], month: date, chunk: Chunk, around: Whole) -> Screening:
    locks.exclusive(*(f"flags.screen.{place[1]}.{chunk.is_outside}.{one}" for one in chunk.providers))
    seen = begin(deed, [place[1], month.isoformat(), chunk.is_outside, list(chunk.providers)])
    if seen is not None:
        return Screening(**seen)
    in_force = programmes.rules_in_force(place[1], month)
    flags = in_force.rules.flags
    result = queries.judged(place[1], place[0], month, chunk, flags, around)
    subjects = queries.subjects(place[1], month, chunk)
    found = [(subjects[d.group, d.child], d) for d in drafts(result, flags.rules)]
    part = _store(deed, place, month, found, flags.flag_permille)
    part.providers, part.places = len(chunk.providers), len(result.place)
    steps.write_runs(_runs(deed, place, month, result, subjects, in_force.hash))
    if not chunk.is_outside:
        part.held = steps.hold_flagged(deed, _given(place, month, chunk))
    keep(deed, asdict(part))
    return part


def _given(place: tuple[int, int], month: date, chunk: Chunk) -> dict[str, Any]:
    return {
        "programme": place[1],
        "month": month,
        "providers": [int(one) for one in chunk.providers],
        "from": local_instant(month),
        "to": local_instant(next_month(month)),
    }


def _store(
    deed: Deed, place: tuple[int, int], month: date, found: Sequence[tuple[Subject, FlagDraft]], flag_permille: int
) -> Screening:
    standing = _standing(place[1], month, {who.provider for who, _ in found})
    fresh: list[tuple[Subject, FlagDraft]] = []
    said: list[tuple[int, ReasonDraft]] = []
    grown: dict[int, tuple[int, set[date]]] = {}
    for who, draft in found:
        before = standing.get((who.provider, who.group_code, who.key), [])
        judged = _said(f for f in before if f.state != FlagState.OPEN)
        kept = unjudged(draft, judged, flag_permille)
        is_open = next((f for f in before if f.state == FlagState.OPEN), None)
        if kept is None:
            continue
        if is_open is None:
            fresh.append((who, kept))
            continue
        more = [reason for reason in kept.reasons if reason.said - _said([is_open])]
        if more or set(kept.days) - set(is_open.days):
            said += [(is_open.id, reason) for reason in more]
            grown[is_open.id] = (max(is_open.score_permille, kept.score_permille), {*is_open.days, *kept.days})
    raised = steps.raise_flags(deed, place, month, fresh)
    steps.add_reasons(deed, said)
    steps.widen_flags(grown)
    record(deed, Topic.SCREENED, "red_flag", [f.pk for f in raised], place[0], month=month.isoformat())
    return Screening(raised=len(raised), grown=len(grown))


def _standing(programme_id: int, month: date, providers: set[str]) -> dict[_Place, list[FlagFacts]]:
    found: dict[_Place, list[FlagFacts]] = {}
    which = "f.programme_id = %s AND f.month = %s AND f.provider = ANY (%s)"
    for flag in facts(which, [programme_id, month, sorted(providers)]):
        found.setdefault((flag.provider, flag.group_code, flag.child_key), []).append(flag)
    return found


def _said(flags: Iterable[FlagFacts]) -> set[Said]:
    found: set[Said] = set()
    for flag in flags:
        for reason in flag.reasons:
            found.update([(reason.code, day) for day in reason.days] or [(reason.code, None)])
    return found


def _runs(  # noqa: PLR0913 (what stands in a run's row)
    deed: Deed,
    place: tuple[int, int],
    month: date,
    result: Scored,
    judged: Mapping[tuple[int, int], Subject],
    by: bytes,
) -> list[FlagRun]:
    """A row a provider: how many children's months and marks were judged, how many months flagged."""
    places = result.month.places
    _, first, index = np.unique(places["provider"], return_index=True, return_inverse=True)
    months, marks, flagged = (np.bincount(index, v) for v in (None, result.month.lessons, result.is_flagged))
    runs = []
    for number, at in enumerate(first.tolist()):
        who = judged[int(places["group"][at]), int(places["child"][at])]
        runs.append(
            FlagRun(
                territory_id=place[0],
                programme_id=place[1],
                provider=who.provider,
                provider_id=who.provider_id,
                month=month,
                rules_hash=by,
                at=deed.at,
                places=int(months[number]),
                marks=int(marks[number]),
                flagged=int(flagged[number]),
            )
        )
    return runs
