"""What this room's verbs do with its rows inside a transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple

from django.db import connection, transaction

from qosymsha.domain.admission.queries.openings import Opening
from qosymsha.domain.documents import queries as documents
from qosymsha.domain.documents import steps as papers
from qosymsha.domain.documents.queries import DocumentHead
from qosymsha.domain.intake.models import ABOUT, ApplicationDraft, CategoryCase, CategoryCaseStep
from qosymsha.domain.intake.states import CASE_TRANSITIONS, CaseState
from qosymsha.kernel.actor import Actor


class Said(NamedTuple):
    """What an officer says with a decision: the ground, the words to the family, the days of a certificate."""

    ground: str = ""
    words: str = ""
    first_day: date | None = None
    last_day: date | None = None


def save_draft(*, opening: Opening, child_id: int, guardian_id: int, kind: str, at: datetime) -> ApplicationDraft:
    """The child's draft in the programme, made or changed."""
    assert transaction.get_connection().in_atomic_block, "a draft commits with its record"
    draft, _ = ApplicationDraft.objects.update_or_create(
        child_id=child_id,
        programme_id=opening.round.programme_id,
        defaults={"round_id": opening.round.id, "guardian_id": guardian_id, "kind": kind, "saved_at": at},
    )
    return draft


def drop_drafts(draft_ids: list[int]) -> int:
    """Delete drafts; how many there were."""
    deleted, _ = ApplicationDraft.objects.filter(pk__in=draft_ids).delete()
    return deleted


def open_case(*, opening: Opening, child_id: int, category: str, actor: Actor, at: datetime) -> CategoryCase:
    """A new case of a category named by the acting guardian."""
    assert actor.guardian_id is not None, "asked before"
    case = CategoryCase.objects.create(
        territory_id=opening.round.territory_id,
        programme_id=opening.round.programme_id,
        round_id=opening.round.id,
        child_id=child_id,
        guardian_id=actor.guardian_id,
        category=category,
        state=CaseState.OPEN,
        named_at=at,
        handed_at=at,
    )
    _step(case, "", CaseState.OPEN, Said(), actor, at)
    return case


def move_case(case: CategoryCase, to: CaseState, *, said: Said, actor: Actor, at: datetime) -> None:
    """Move a locked case, with its history; an officer's word stands on it until the next."""
    come_from = case.state
    assert (come_from, to.value) in CASE_TRANSITIONS, f"{come_from} → {to}"
    case.state = to
    if to is CaseState.OPEN:
        case.handed_at = at
    elif to is not CaseState.WITHDRAWN:
        case.decided_at, case.decided_by = at, actor.user_id
        case.ground, case.words = said.ground, said.words
        case.first_day, case.last_day = said.first_day, said.last_day
    case.save()
    _step(case, come_from, to, said, actor, at)


def keep_paper(case: CategoryCase, content: bytes, *, keep_until: date, actor: Actor, at: datetime) -> DocumentHead:
    """A paper of a case.

    Raises:
        Refused: carries a DocumentRefusal.
    """
    about = papers.About(ABOUT, case.pk, case.child_id)
    return papers.keep_document(
        actor=actor, purpose="category", about=about, content=content, at=at, keep_until=keep_until
    )


def erase_papers(case_ids: list[int], *, at: datetime) -> list[int]:
    """Erase all papers of these cases; answers the papers erased now."""
    found = documents.documents_about(ABOUT, case_ids)
    return papers.erase_documents([paper.id for kept in found.values() for paper in kept], at=at)


def _step(  # noqa: PLR0913 - the columns of a step
    case: CategoryCase, come_from: str, to: CaseState, said: Said, actor: Actor, at: datetime
) -> None:
    CategoryCaseStep.objects.create(
        case=case,
        seq=CategoryCaseStep.objects.filter(case=case).count() + 1,
        from_state=come_from,
        to_state=to.value,
        ground=said.ground,
        words=said.words,
        at=at,
        actor_id=actor.user_id,
    )


def forget_words(child_ids: Sequence[int]) -> int:
    """Blank what officers wrote on the cases of these erased children; how many rows changed."""
    assert transaction.get_connection().in_atomic_block, "an erasure commits with its record"
    changed = CategoryCase.objects.filter(child_id__in=child_ids).exclude(words="").update(words="")
    with connection.cursor() as cursor:
        cursor.execute("SELECT case_words_forget(%s::bigint[])", [list(child_ids)])
        (more,) = cursor.fetchone()
    return changed + int(more)
