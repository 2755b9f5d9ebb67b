"""What any room's verb does with papers inside its transaction: keep one, erase some."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from datetime import date, datetime
from typing import NamedTuple

from django.db import transaction
from django.db.models import F

from qosymsha.domain.documents.models import Document, DocumentContent
from qosymsha.domain.documents.queries import DocumentHead, binding, limits
from qosymsha.domain.documents.rules import Unfit, cleaned
from qosymsha.domain.documents.states import Scan
from qosymsha.domain.people import resealing
from qosymsha.kernel import cipher
from qosymsha.kernel.actor import Actor
from qosymsha.kernel.entropy import uuid4
from qosymsha.kernel.errors import Refused

_MOST_TRIES = 1000


class About(NamedTuple):
    """What a paper is about: a row of the room that keeps it (`kind`, `id`), and the child it speaks of, if any."""

    kind: str
    id: int
    child_id: int | None = None


def keep_document(  # noqa: PLR0913 - a paper has all of these
    *, actor: Actor, purpose: str, about: About, content: bytes, at: datetime, keep_until: date
) -> DocumentHead:
    """Judge an uploaded file by its bytes, write it anew, seal it, store it. The caller records and tells.

    Raises:
        Refused: carries a DocumentRefusal; nothing is stored.
    """
    assert transaction.get_connection().in_atomic_block, "a paper commits with what it is about"
    try:
        paper = cleaned(content, limits())
    except Unfit as unfit:
        raise Refused(unfit.reason) from None
    uuid = uuid4()
    sealed = cipher.seal(paper.content, bound_to=binding(uuid))
    kept = Document.objects.create(
        uuid=uuid,
        purpose=purpose,
        subject_kind=about.kind,
        subject_id=about.id,
        child_id=about.child_id,
        media_type=paper.media_type,
        size=len(paper.content),
        sha256=hashlib.sha256(paper.content).digest(),
        uploaded_by=actor.user_id,
        uploaded_at=at,
        keep_until=keep_until,
    )
    DocumentContent.objects.create(
        document=kept, key_id=sealed.key_id, nonce=sealed.nonce, ciphertext=sealed.ciphertext
    )
    return DocumentHead._make(getattr(kept, name) for name in DocumentHead._fields)


def move_documents(*, come_from: tuple[str, int], to: tuple[str, int]) -> int:
    """Papers of one row become those of another (a draft's of its application); how many."""
    assert transaction.get_connection().in_atomic_block, "papers move with their cause"
    kind, i = come_from
    moved = Document.objects.filter(subject_kind=kind, subject_id=i)
    return moved.update(subject_kind=to[0], subject_id=to[1])


def erase_documents(document_ids: Collection[int], *, at: datetime) -> list[int]:
    """Delete these papers' contents; their rows stay and say when. Answers the ids erased now."""
    assert transaction.get_connection().in_atomic_block, "an erasure commits with its record"
    ids = list(
        Document.objects.select_for_update()
        .filter(pk__in=list(document_ids), erased_at=None)
        .order_by("id")
        .values_list("id", flat=True)
    )
    DocumentContent.objects.filter(document_id__in=ids).delete()
    Document.objects.filter(pk__in=ids).update(erased_at=at)
    return ids


def prolong_documents(document_ids: Collection[int], *, until: date) -> int:
    """Keep these papers at least until a day; a later day that stands already is left."""
    return Document.objects.filter(pk__in=list(document_ids), keep_until__lt=until).update(keep_until=until)


def keep_scan(document_id: int, found: str, *, at: datetime) -> Scan | None:
    """What the scanner said of a waiting paper (`found`: the name, "" for nothing); None where it waits no more."""
    assert transaction.get_connection().in_atomic_block, "a scanner's word commits with its record"
    word = Scan.SEALED if found else Scan.CLEAN
    waiting = Document.objects.filter(pk=document_id, scan=Scan.WAITING, erased_at=None)
    return word if waiting.update(scan=word, scanned_at=at) else None


def count_try(document_id: int) -> None:
    """The scanner gave no word on this paper: others come first from now on."""
    counted = Document.objects.filter(pk=document_id, scan_tries__lt=_MOST_TRIES)
    counted.update(scan_tries=F("scan_tries") + 1)


def over_documents(on: date, most: int) -> list[int]:
    """Papers whose last day has passed and whose content is still there, the longest overdue first."""
    over = Document.objects.filter(keep_until__lt=on, erased_at=None).order_by("keep_until", "id")
    return list(over.values_list("id", flat=True)[:most])


def rotate_documents(after: int, most: int) -> resealing.Batch:
    """Encrypt up to `most` contents of older keys under the first key; rows somebody holds wait for another round."""
    stale = DocumentContent.objects.filter(key_id__in=resealing.older_keys(), document_id__gt=after)
    locked = stale.select_for_update(skip_locked=True, of=("self",)).select_related("document").order_by("document_id")
    rows = (
        resealing.Stale(
            row.document_id,
            cipher.Sealed(row.key_id, bytes(row.nonce), bytes(row.ciphertext)),
            binding(row.document.uuid),
        )
        for row in locked[:most]
    )
    fresh, batch = resealing.resealed(rows, most)
    for i, sealed in fresh.items():
        DocumentContent.objects.filter(document_id=i).update(
            key_id=sealed.key_id, nonce=sealed.nonce, ciphertext=sealed.ciphertext
        )
    return batch
