"""Papers as their owners show them. The room that owns what a paper is about decides who may, before it asks here."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from django.conf import settings
from django.db.models import Count, Min, Q

from qosymsha.domain.documents.access import ALLOWED, Action
from qosymsha.domain.documents.models import Document, DocumentContent
from qosymsha.domain.documents.rules import DocumentRefusal, Limits
from qosymsha.domain.documents.states import Scan
from qosymsha.domain.people import resealing
from qosymsha.domain.witness import reading
from qosymsha.kernel import cipher
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.errors import Refused

SEALED = resealing.Place("document_content", "document_id", "key_id")


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
    scan: str = Scan.WAITING

    @property
    def is_waiting(self) -> bool:
        """True for one that a scanner has still to look at: only its sender opens it."""
        return self.scan == Scan.WAITING and self.erased_at is None and is_scanning()

    @property
    def is_sealed(self) -> bool:
        """True for one in which something harmful was found: nobody opens it."""
        return self.scan == Scan.SEALED and self.erased_at is None

    @property
    def can_be_judged(self) -> bool:
        """True for one that whoever decides by it can open."""
        return self.erased_at is None and not self.is_waiting and not self.is_sealed


def limits() -> Limits:
    """How large a file may be here."""
    return Limits(**getattr(settings, "DOCUMENT_LIMITS", {}))


def is_scanning() -> bool:
    """Whether this installation has a scanner; without one papers open as they came."""
    return bool(settings.ADAPTERS.get("scanner"))


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
        Refused: `paper_erased`, `paper_sealed`; `paper_not_scanned` for everybody but its sender.
        cryptography.exceptions.InvalidTag: the row was edited or moved.
    """
    row = DocumentContent.objects.filter(document_id=document.id).first()
    if row is None:
        raise Refused(DocumentRefusal.PAPER_ERASED)
    if document.is_sealed:
        raise Refused(DocumentRefusal.PAPER_SEALED)
    if document.is_waiting and document.uploaded_by != actor.user_id:
        raise Refused(DocumentRefusal.PAPER_NOT_SCANNED)
    if document.child_id is not None:
        reading.saw(actor=actor, at=at, action=action, kind="document", ids=[document.id], children=[document.child_id])
    return _opened(row, document.uuid)


class ToScan(NamedTuple):
    """How many papers wait for the scanner, since when, and how many of them it could not judge three times."""

    n: int
    oldest: datetime | None
    stubborn: int


def to_scan() -> ToScan:
    """How the scanner's queue stands; numbers alone."""
    waiting = Document.objects.filter(scan=Scan.WAITING, erased_at=None)
    found = waiting.aggregate(
        n=Count("id"), oldest=Min("uploaded_at"), stubborn=Count("id", filter=Q(scan_tries__gte=3))
    )
    return ToScan(found["n"], found["oldest"], found["stubborn"])


def waiting_documents(most: int) -> list[int]:
    """Papers that wait for the scanner: those it gave no word on come last, else the earliest first."""
    waiting = Document.objects.filter(scan=Scan.WAITING, erased_at=None).order_by("scan_tries", "id")
    return list(waiting.values_list("id", flat=True)[:most])


def content_to_scan(*, actor: Actor, document_id: int) -> bytes | None:
    """A waiting paper's bytes for the scanner, which no person sees; None where it is gone or was scanned meanwhile.

    Raises:
        Forbidden: the actor is not the clock.
        cryptography.exceptions.InvalidTag: the row was edited or moved.
    """
    require(actor, Action.SCAN_DOCUMENTS, ALLOWED)
    rows = DocumentContent.objects.filter(document_id=document_id, document__scan=Scan.WAITING)
    row = rows.select_related("document").first()
    return None if row is None else _opened(row, row.document.uuid)


def _opened(row: DocumentContent, uuid: UUID) -> bytes:
    sealed = cipher.Sealed(row.key_id, bytes(row.nonce), bytes(row.ciphertext))
    return cipher.unseal(sealed, bound_to=binding(uuid))


def binding(uuid: UUID) -> bytes:
    """What a paper's content is tied to, so that contents can't be swapped."""
    return f"document:{uuid}".encode()


def _heads(**conditions: object) -> list[DocumentHead]:
    rows = Document.objects.filter(**conditions).order_by("id")
    return [DocumentHead._make(row) for row in rows.values_list(*DocumentHead._fields)]
