"""Rule sets: a document drafted, approved by another person, or withdrawn."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.backends.postgresql.psycopg_any import DateRange
from django.db.models import Max

from qosymsha.domain.programmes import document as documents
from qosymsha.domain.programmes import queries, steps
from qosymsha.domain.programmes.access import ALLOWED, Action
from qosymsha.domain.programmes.models import RuleSet
from qosymsha.domain.programmes.rules import ProgrammeRefusal
from qosymsha.domain.programmes.states import RuleSetState, Topic
from qosymsha.kernel import idempotency, locks, outbox
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.canonical import digest
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.errors import BadInput, Refused
from qosymsha.kernel.text import normal

LONGEST_REASON = 500


@dataclass(frozen=True, slots=True)
class RuleSetDraft:
    """Rules to hold from `valid_from` on, until others are approved: the document of schema `rule-set-1`."""

    programme_id: int
    document: dict[str, Any]
    valid_from: date


@transaction.atomic(durable=True)
def draft_rule_set(*, actor: Actor, draft: RuleSetDraft, at: datetime, key: UUID) -> int:
    """Store a document as the programme's next version, a draft; return its id. To change a draft is to draft again.

    Raises:
        Forbidden: the actor may not, here.
        BadInput: names the document's field and what to do about it.
        Refused: the key was used with another document.
    """
    programme = queries.programme(draft.programme_id)
    require(actor, Action.DRAFT_RULES, ALLOWED, territory_id=programme.territory_id)
    locks.exclusive(f"programmes.rules.{programme.id}")
    document = _read(draft.document)
    body = {"programme": programme.id, "document": document, "from": draft.valid_from.isoformat()}
    seen = idempotency.repeat(actor=actor, verb="draft_rule_set", key=key, body=body, at=at)
    if seen is not None:
        return int(seen)
    last = RuleSet.objects.filter(programme_id=programme.id).aggregate(last=Max("version"))["last"] or 0
    made = RuleSet.objects.create(
        territory_id=programme.territory_id,
        programme_id=programme.id,
        version=last + 1,
        schema=documents.SCHEMA,
        document=document,
        hash=digest(document),
        state=RuleSetState.DRAFT,
        valid=DateRange(draft.valid_from, None),
        drafted_by=actor.user_id,
        authors=[actor.user_id],
    )
    steps.record(actor, at, Action.DRAFT_RULES, "rule_set", [made.pk], programme.territory_id)
    idempotency.keep(actor=actor, verb="draft_rule_set", key=key, outcome=made.pk)
    return made.pk


@transaction.atomic(durable=True)
def approve_rule_set(*, actor: Actor, rule_set_id: int, at: datetime, key: UUID) -> int:
    """Put a draft in force from its first day, as another person than its drafter; return its id.

    The set in force until then ends the day before; one that would have begun later is superseded.

    Raises:
        Forbidden: the actor may not, here.
        Refused: `not_a_draft`, `same_person`, `rewrites_the_past` (rules held on days already gone).
    """
    rule_set = RuleSet.objects.get(pk=rule_set_id)
    require(actor, Action.APPROVE_RULES, ALLOWED, territory_id=rule_set.territory_id)
    locks.exclusive(f"programmes.rules.{rule_set.programme_id}")
    seen = idempotency.repeat(actor=actor, verb="approve_rule_set", key=key, body=rule_set_id, at=at)
    if seen is not None:
        return int(seen)
    rule_set.refresh_from_db()
    if rule_set.state != RuleSetState.DRAFT:
        raise Refused(ProgrammeRefusal.NOT_A_DRAFT, rule_set_id=rule_set_id)
    if actor.user_id in _authors(rule_set):
        raise Refused(ProgrammeRefusal.SAME_PERSON, rule_set_id=rule_set_id)
    _make_way(rule_set, local_day(at))
    RuleSet.objects.filter(pk=rule_set_id).update(
        state=RuleSetState.APPROVED, approved_by=actor.user_id, approved_at=at
    )
    steps.record(actor, at, Action.APPROVE_RULES, "rule_set", [rule_set_id], rule_set.territory_id)
    outbox.tell(topic=Topic.RULES_APPROVED, subject_kind="rule_set", subject_ids=[rule_set_id], at=at)
    idempotency.keep(actor=actor, verb="approve_rule_set", key=key, outcome=rule_set_id)
    return rule_set_id


@transaction.atomic(durable=True)
def withdraw_rule_set(*, actor: Actor, rule_set_id: int, reason: str, at: datetime, key: UUID) -> int:
    """End a draft that nobody will approve; `reason` is for its authors, who may begin anew from it. Return its id.

    Raises:
        Forbidden: the actor may not, here.
        Refused: `not_a_draft`, `withdraw_reason_missing` (1 to 500 characters).
    """
    rule_set = RuleSet.objects.get(pk=rule_set_id)
    require(actor, Action.WITHDRAW_RULES, ALLOWED, territory_id=rule_set.territory_id)
    locks.exclusive(f"programmes.rules.{rule_set.programme_id}")
    said = normal(reason)
    seen = idempotency.repeat(actor=actor, verb="withdraw_rule_set", key=key, body=[rule_set_id, said], at=at)
    if seen is not None:
        return int(seen)
    rule_set.refresh_from_db()
    if rule_set.state != RuleSetState.DRAFT:
        raise Refused(ProgrammeRefusal.NOT_A_DRAFT, rule_set_id=rule_set_id)
    if not 0 < len(said) <= LONGEST_REASON:
        raise Refused(ProgrammeRefusal.WITHDRAW_REASON_MISSING)
    RuleSet.objects.filter(pk=rule_set_id).update(state=RuleSetState.WITHDRAWN, withdrawn_reason=said)
    detail: dict[str, object] = {"reason": said}
    steps.record(actor, at, Action.WITHDRAW_RULES, "rule_set", [rule_set_id], rule_set.territory_id, detail)
    idempotency.keep(actor=actor, verb="withdraw_rule_set", key=key, outcome=rule_set_id)
    return rule_set_id


def _authors(rule_set: RuleSet) -> set[int]:
    """Everybody who wrote in it."""
    return {rule_set.drafted_by, *rule_set.authors}


def _read(document: Any) -> documents.Document:
    try:
        return documents.read(document)
    except documents.RuleSetFault as fault:
        raise BadInput(fault.path, fault.message) from fault


def _make_way(rule_set: RuleSet, today: date) -> None:
    """End or supersede what was approved for the days from the rule set's first on."""
    first = rule_set.valid.lower
    others = RuleSet.objects.filter(programme_id=rule_set.programme_id, state=RuleSetState.APPROVED)
    if first < today and others.filter(valid__overlap=DateRange(first, today)).exists():
        raise Refused(ProgrammeRefusal.REWRITES_THE_PAST, first=first.isoformat())
    others.filter(valid__startswith__gte=first).update(state=RuleSetState.SUPERSEDED)
    for earlier in others.filter(valid__contains=first):
        RuleSet.objects.filter(pk=earlier.pk).update(valid=DateRange(earlier.valid.lower, first))
