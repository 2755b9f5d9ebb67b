"""Working drafts of rules: opened, written section by section by several people, submitted or dropped."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.backends.postgresql.psycopg_any import DateRange
from django.db.models import Max

from qosymsha.domain.programmes import classifiers, queries, steps
from qosymsha.domain.programmes import document as documents
from qosymsha.domain.programmes.access import ALLOWED, Action
from qosymsha.domain.programmes.models import RuleDraft, RuleSet
from qosymsha.domain.programmes.rules import ProgrammeRefusal
from qosymsha.domain.programmes.states import RuleDraftState, RuleSetState
from qosymsha.kernel import idempotency, locks
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.canonical import digest
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.errors import BadInput, Refused


@dataclass(frozen=True, slots=True)
class Edit:
    """A section as somebody wrote it, upon the section as it stood at its edit `number` (0: never edited).

    `chooses`: this edit says which policy of allocation holds.
    """

    section: str
    number: int
    content: dict[str, Any]
    chooses: bool = False


@transaction.atomic(durable=True)
def open_rule_draft(  # noqa: PLR0913 - of what, from what, from when, by whom, when, once
    *, actor: Actor, programme_id: int, based_on: int | None, valid_from: date, at: datetime, key: UUID
) -> UUID:
    """Begin a draft from a rule set of the programme, or from the product's own rules; return its uuid.

    Raises:
        Forbidden: the actor may not, here.
        BadInput: `based_on` is another programme's.
        Refused: `rule_draft_is_open`: go on with that one.
    """
    programme = queries.programme(programme_id)
    require(actor, Action.DRAFT_RULES, ALLOWED, territory_id=programme.territory_id)
    locks.exclusive(f"programmes.rules.{programme_id}")
    body = [programme_id, based_on, valid_from.isoformat()]
    seen = idempotency.repeat(actor=actor, verb="open_rule_draft", key=key, body=body, at=at)
    if seen is not None:
        return UUID(seen)
    if RuleDraft.objects.filter(programme_id=programme_id, state=RuleDraftState.OPEN).exists():
        raise Refused(ProgrammeRefusal.DRAFT_IS_OPEN)
    made = RuleDraft.objects.create(
        territory_id=programme.territory_id,
        programme_id=programme_id,
        based_on_id=based_on,
        document=_first_text(programme_id, based_on),
        valid_from=valid_from,
        state=RuleDraftState.OPEN,
        authors=[actor.user_id],
        opened_at=at,
        edited_at=at,
        edited_by=actor.user_id,
    )
    steps.record(actor, at, Action.DRAFT_RULES, "rule_draft", [made.pk], programme.territory_id, {"opened": True})
    idempotency.keep(actor=actor, verb="open_rule_draft", key=key, outcome=str(made.uuid))
    return made.uuid


def _first_text(programme_id: int, based_on: int | None) -> dict[str, Any]:
    if based_on is None:
        return classifiers.default_rule_set()
    found = RuleSet.objects.filter(pk=based_on, programme_id=programme_id).first()
    if found is None:
        raise BadInput("based_on", "name a rule set of this programme")
    older: dict[str, Any] = found.document
    return classifiers.default_rule_set() | older  # sections that an older rule set did not know yet


def _plain(document: Any) -> documents.Document:
    try:
        return documents.plain(document)
    except documents.RuleSetFault as fault:
        raise BadInput(fault.path, fault.message) from fault


@transaction.atomic(durable=True)
def edit_rule_draft(*, actor: Actor, draft_uuid: UUID, edit: Edit, at: datetime, key: UUID) -> int:
    """Write a section; resolved tenge follow. Return the section's edit number. Other sections may still wait.

    Raises:
        Forbidden: the actor may not, here.
        BadInput: names the first field of the section that is at fault, and what to do.
        Refused: `rule_draft_not_open`; `rule_draft_changed`: somebody else saved this section since it was shown.
    """
    draft = _locked(actor, draft_uuid)
    body = [str(draft_uuid), edit.section, edit.number, edit.content, edit.chooses]
    seen = idempotency.repeat(actor=actor, verb="edit_rule_draft", key=key, body=body, at=at)
    if seen is not None:
        return int(seen)
    _require_open(draft)
    if draft.edits.get(edit.section, 0) != edit.number:
        raise Refused(ProgrammeRefusal.DRAFT_CHANGED, section=edit.section)
    document = documents.resolved(_plain({**draft.document, edit.section: edit.content}))
    for path, message in documents.faults(document):
        if path.split("/")[1] == edit.section:
            raise BadInput(path, message)
    draft.document, draft.edits[edit.section] = document, edit.number + 1
    draft.policy_chosen = draft.policy_chosen or edit.chooses
    detail: dict[str, object] = {"section": edit.section, "edit": edit.number + 1, "hash": digest(edit.content).hex()}
    _save(draft, actor, at, detail)
    idempotency.keep(actor=actor, verb="edit_rule_draft", key=key, outcome=edit.number + 1)
    return edit.number + 1


@transaction.atomic(durable=True)
def load_rule_draft(  # noqa: PLR0913 - into what, what, upon what, by whom, when, once
    *, actor: Actor, draft_uuid: UUID, document: Any, edits: dict[str, int], at: datetime, key: UUID
) -> int:
    """Replace the whole draft by a document of the schema; return how many sections changed.

    `edits` are the edit numbers of the draft that the author saw. A document says its own policy: it is chosen by it.

    Raises:
        Forbidden: the actor may not, here.
        BadInput: names the first field that breaks the schema.
        Refused: `rule_draft_not_open`; `rule_draft_changed`.
    """
    draft = _locked(actor, draft_uuid)
    plain = _plain(document)
    body = [str(draft_uuid), plain, edits]
    seen = idempotency.repeat(actor=actor, verb="load_rule_draft", key=key, body=body, at=at)
    if seen is not None:
        return int(seen)
    _require_open(draft)
    if draft.edits != edits:
        raise Refused(ProgrammeRefusal.DRAFT_CHANGED)
    changed = [name for name in plain if plain[name] != draft.document.get(name)]
    draft.document, draft.policy_chosen = plain, True
    draft.edits |= {name: draft.edits.get(name, 0) + 1 for name in changed}
    _save(draft, actor, at, {"sections": changed, "loaded": True, "hash": digest(plain).hex()})
    idempotency.keep(actor=actor, verb="load_rule_draft", key=key, outcome=len(changed))
    return len(changed)


@transaction.atomic(durable=True)
def date_rule_draft(*, actor: Actor, draft_uuid: UUID, valid_from: date, at: datetime, key: UUID) -> date:
    """Say from which day the drafted rules shall hold; return it.

    Raises:
        Forbidden: the actor may not, here.
        Refused: `rule_draft_not_open`, `rules_start_in_the_past`.
    """
    draft = _locked(actor, draft_uuid)
    body = [str(draft_uuid), valid_from.isoformat()]
    seen = idempotency.repeat(actor=actor, verb="date_rule_draft", key=key, body=body, at=at)
    if seen is not None:
        return date.fromisoformat(seen)
    _require_open(draft)
    _require_future(draft.programme_id, valid_from, at)
    draft.valid_from = valid_from
    _save(draft, actor, at, {"valid_from": valid_from.isoformat()})
    idempotency.keep(actor=actor, verb="date_rule_draft", key=key, outcome=valid_from.isoformat())
    return valid_from


@transaction.atomic(durable=True)
def drop_rule_draft(*, actor: Actor, draft_uuid: UUID, at: datetime, key: UUID) -> bool:
    """End a draft without a rule set; what was written stays readable in it.

    Raises:
        Forbidden: the actor may not, here.
        Refused: `rule_draft_not_open`.
    """
    draft = _locked(actor, draft_uuid)
    if idempotency.repeat(actor=actor, verb="drop_rule_draft", key=key, body=str(draft_uuid), at=at) is not None:
        return True
    _require_open(draft)
    draft.state = RuleDraftState.DROPPED
    _save(draft, actor, at, {"dropped": True})
    idempotency.keep(actor=actor, verb="drop_rule_draft", key=key, outcome=True)
    return True


@transaction.atomic(durable=True)
def submit_rule_draft(*, actor: Actor, draft_uuid: UUID, at: datetime, key: UUID) -> UUID:
    """Make the draft the programme's next version, to be approved by somebody who wrote nothing in it; its uuid.

    Raises:
        Forbidden: the actor may not, here.
        Refused: `rule_draft_not_open`, `rule_draft_has_faults`, `policy_not_chosen`, `rule_draft_changes_nothing`,
            `rules_start_in_the_past`.
    """
    draft = _locked(actor, draft_uuid)
    locks.exclusive(f"programmes.rules.{draft.programme_id}")
    seen = idempotency.repeat(actor=actor, verb="submit_rule_draft", key=key, body=str(draft_uuid), at=at)
    if seen is not None:
        return UUID(seen)
    _require_open(draft)
    _require_ready(draft, at)
    last = RuleSet.objects.filter(programme_id=draft.programme_id).aggregate(last=Max("version"))["last"] or 0
    authors = sorted({*draft.authors, actor.user_id})
    made = RuleSet.objects.create(
        territory_id=draft.territory_id,
        programme_id=draft.programme_id,
        version=last + 1,
        schema=documents.SCHEMA,
        document=draft.document,
        hash=digest(draft.document),
        state=RuleSetState.DRAFT,
        valid=DateRange(draft.valid_from, None),
        drafted_by=actor.user_id,
        authors=authors,
    )
    draft.state, draft.rule_set_id = RuleDraftState.SUBMITTED, made.pk
    _save(draft, actor, at, {"submitted": True})
    detail: dict[str, object] = {"authors": authors}
    steps.record(actor, at, Action.DRAFT_RULES, "rule_set", [made.pk], draft.territory_id, detail)
    idempotency.keep(actor=actor, verb="submit_rule_draft", key=key, outcome=str(made.uuid))
    return made.uuid


def _locked(actor: Actor, draft_uuid: UUID) -> RuleDraft:
    """The draft, its row locked: two editors come one after the other.

    Raises:
        BadInput: there is no such draft.
    """
    found = RuleDraft.objects.filter(uuid=draft_uuid).first()
    if found is None:
        raise BadInput("draft", "name a draft that exists")
    require(actor, Action.DRAFT_RULES, ALLOWED, territory_id=found.territory_id)
    return RuleDraft.objects.select_for_update().get(pk=found.pk)


def _require_open(draft: RuleDraft) -> None:
    if draft.state != RuleDraftState.OPEN:
        raise Refused(ProgrammeRefusal.DRAFT_NOT_OPEN)


def _require_ready(draft: RuleDraft, at: datetime) -> None:
    if documents.faults(draft.document):
        raise Refused(ProgrammeRefusal.DRAFT_HAS_FAULTS)
    if not draft.policy_chosen:
        raise Refused(ProgrammeRefusal.POLICY_NOT_CHOSEN)
    _require_future(draft.programme_id, draft.valid_from, at)
    standing = queries.standing_on(draft.programme_id, draft.valid_from)
    if standing is not None and standing.document == draft.document:
        raise Refused(ProgrammeRefusal.DRAFT_CHANGES_NOTHING)


def _require_future(programme_id: int, valid_from: date, at: datetime) -> None:
    """Rules may begin in the past only where none held there yet."""
    today = local_day(at)
    if valid_from >= today:
        return
    gone = RuleSet.objects.filter(programme_id=programme_id, state=RuleSetState.APPROVED)
    if gone.filter(valid__overlap=DateRange(valid_from, today)).exists():
        raise Refused(ProgrammeRefusal.STARTS_IN_THE_PAST)


def _save(draft: RuleDraft, actor: Actor, at: datetime, detail: dict[str, object]) -> None:
    draft.authors = sorted({*draft.authors, actor.user_id})
    draft.edited_at, draft.edited_by = at, actor.user_id
    draft.save()
    steps.record(actor, at, Action.DRAFT_RULES, "rule_draft", [draft.pk], draft.territory_id, detail)
