"""Papers as their owners show them. The room that owns what a paper is about decides who may, before it asks here."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from django.conf import settings

from qosymsha.domain.documents.models import Document, DocumentContent
from qosymsha.domain.documents.rules import DocumentRefusal, Limits
from qosymsha.domain.witness import reading
from qosymsha.kernel import cipher
from qosymsha.kernel.actor import Actor
from qosymsha.kernel.errors import Refused


class DocumentHead(NamedTuple):
    """What a list says of a paper; `erased_at` is set once its content is gone."""

    id: int
    uuid: UUID
    purpose: str
    subject_kind: str
    subject_id: int
    child_id: int | None
    media_type: str
    size: int
    uploaded_by: int
    uploaded_at: datetime
    keep_until: date
    erased_at: datetime | None


def limits() -> Limits:
    """How large a file may be here."""
    return Limits(**getattr(settings, "DOCUMENT_LIMITS", {}))


def document_of(uuid: UUID) -> DocumentHead | None:
    """The paper of this uuid, its content not touched; for the owner's query, which knows who may see it."""
    return next(iter(_heads(uuid=uuid)), None)


def documents_about(kind: str, subject_ids: Collection[int]) -> dict[int, list[DocumentHead]]:
    """Subject → its papers, the earliest first; for the owner's query. One question for any number of subjects."""
    found: dict[int, list[DocumentHead]] = {}
    for one in _heads(subject_kind=kind, subject_id__in=list(subject_ids)):
        found.setdefault(one.subject_id, []).append(one)
    return found


def content_of(*, actor: Actor, document: DocumentHead, action: StrEnum, at: datetime) -> bytes:
    """The paper's bytes, for whom the owner's `action` lets see them; a child's paper is an audited read of the child.

    Raises:
        Refused: `paper_erased`.
        cryptography.exceptions.InvalidTag: the row was edited or moved.
    """
    row = DocumentContent.objects.filter(document_id=document.id).first()
    if row is None:
        raise Refused(DocumentRefusal.PAPER_ERASED)
    if document.child_id is not None:
        reading.saw(actor=actor, at=at, action=action, kind="document", ids=[document.id], children=[document.child_id])
    sealed = cipher.Sealed(row.key_id, bytes(row.nonce), bytes(row.ciphertext))
    return cipher.unseal(sealed, bound_to=binding(document.uuid))


def binding(uuid: UUID) -> bytes:
    """What a paper's content is tied to, so that contents can't be swapped."""
    return f"document:{uuid}".encode()


def _heads(**conditions: object) -> list[DocumentHead]:
    rows = Document.objects.filter(**conditions).order_by("id")
    return [DocumentHead._make(row) for row in rows.values_list(*DocumentHead._fields)]
