"""A named checker says of a flag that it is founded, or that it is not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from django.db import transaction

from qosymsha.domain.flags import steps
from qosymsha.domain.flags.access import ALLOWED, Action
from qosymsha.domain.flags.queries.office import flags_of_others
from qosymsha.domain.flags.rules.recording import FlagRefusal, Resolution
from qosymsha.domain.flags.states import FlagState, Topic
from qosymsha.domain.people import queries as people
from qosymsha.domain.people.states import Role
from qosymsha.domain.vouchers.rules import outcomes_of, repeated, unpacked
from qosymsha.domain.vouchers.steps import Deed, begin, conclude
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.errors import RowOutcome

_REASONS: dict[str, StrEnum] = {reason.value: reason for reason in FlagRefusal}
_OUTCOMES = {FlagState.DISMISSED.value: FlagState.DISMISSED, FlagState.UPHELD.value: FlagState.UPHELD}
_OF_PROVIDER = frozenset({Role.PROVIDER_MANAGER, Role.TEACHER})
_Locked = tuple[str, int | None, int, int | None]


@transaction.atomic(durable=True)
def resolve_flags(*, actor: Actor, resolutions: Sequence[Resolution], at: datetime, key: UUID) -> list[RowOutcome]:
    """Resolve open flags: `dismissed` frees their days, `upheld` takes them away for good. Ids are flags.

    Each needs a reason and evidence. Nobody resolves a flag of a provider they work for, or of a child of their own.

    Raises:
        Forbidden: the actor is no checker, or is not a person.
    """
    require(actor, Action.RESOLVE, ALLOWED)
    deed = Deed(actor, Action.RESOLVE, at, key)
    seen = begin(deed, [[r.flag_id, r.outcome, r.reason, r.evidence] for r in resolutions])
    if seen is not None:
        return unpacked(seen, _REASONS)
    asked = [r.flag_id for r in resolutions]
    others = flags_of_others(actor, ALLOWED[Action.RESOLVE], asked)
    found = {flag_id: flag for flag_id, flag in steps.lock_flags(asked).items() if flag_id not in others}
    refused: dict[int, StrEnum] = dict.fromkeys(repeated(r.flag_id for r in resolutions), FlagRefusal.FLAG_NAMED_TWICE)
    for number, resolution in enumerate(resolutions):
        reason = None if number in refused else _refuse(deed, resolution, found)
        if reason is not None:
            refused[number] = reason
    done = {number: r for number, r in enumerate(resolutions) if number not in refused}
    for name, outcome in _OUTCOMES.items():
        steps.resolve(deed, outcome, [r for r in done.values() if r.outcome == name])
    ids = {number: r.flag_id for number, r in done.items()}
    return conclude(deed, Topic.RESOLVED, "red_flag", outcomes_of(len(resolutions), ids, refused))


def _refuse(deed: Deed, resolution: Resolution, found: Mapping[int, _Locked]) -> FlagRefusal | None:
    locked = found.get(resolution.flag_id)
    if locked is None or not deed.actor.holds(ALLOWED[Action.RESOLVE], territory_id=locked[2]):
        return FlagRefusal.UNKNOWN_FLAG
    state, provider_id, _, child_id = locked
    if state != FlagState.OPEN:
        return FlagRefusal.FLAG_RESOLVED
    if resolution.outcome not in _OUTCOMES:
        return FlagRefusal.UNKNOWN_OUTCOME
    if _is_party(deed, provider_id, child_id):
        return FlagRefusal.FLAG_OWN_PROVIDER
    if not resolution.reason.strip():
        return FlagRefusal.FLAG_REASON_MISSING
    return None if resolution.evidence.strip() else FlagRefusal.FLAG_EVIDENCE_MISSING


def _is_party(deed: Deed, provider_id: int | None, child_id: int | None) -> bool:
    works_there = any(
        grant.role in _OF_PROVIDER and provider_id is not None and grant.provider_id == provider_id
        for grant in deed.actor.grants
    )
    guardian = deed.actor.guardian_id
    if works_there or guardian is None or child_id is None:
        return works_there
    return bool(people.wards([(guardian, child_id)], deed.today))
