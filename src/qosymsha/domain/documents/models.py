"""Uploaded papers: what each is, and apart from it its sealed content."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from qosymsha.domain.documents.rules import MediaType
from qosymsha.domain.documents.states import Scan
from qosymsha.domain.people.models import Child
from qosymsha.kernel.entropy import uuid4


class Document(models.Model):
    """An uploaded paper: what it is about (`subject_kind`, `subject_id` in the room that owns it), its kind and size.

    `sha256` is that of the bytes kept. The file's own name is not kept: it may name a person. `erased_at`: the content
    is gone, this row says that there was one. `scan`: what the scanner said; `scan_tries`: how often it gave no word.
    no_pii: ids and a hash. Retention: at least ten years; ids stay, nobody's once the person is erased.
    """

    uuid = models.UUIDField(unique=True, default=uuid4)
    purpose = models.TextField()
    subject_kind = models.TextField()
    subject_id = models.BigIntegerField()
    child = models.ForeignKey(Child, null=True, on_delete=models.PROTECT, db_index=False)
    media_type = models.TextField()
    size = models.IntegerField()
    sha256 = models.BinaryField()
    uploaded_by = models.BigIntegerField()
    uploaded_at = models.DateTimeField()
    keep_until = models.DateField()
    erased_at = models.DateTimeField(null=True)
    scan = models.TextField(default=Scan.WAITING.value, db_default=Scan.WAITING.value)
    scanned_at = models.DateTimeField(null=True)
    scan_tries = models.SmallIntegerField(default=0, db_default=0)

    class Meta:
        db_table = "document"
        indexes = [
            models.Index(fields=["subject_kind", "subject_id"], name="document_subject"),
            models.Index(fields=["keep_until"], condition=Q(erased_at=None), name="document_to_erase"),
            models.Index(
                fields=["scan_tries", "id"],
                condition=Q(scan=Scan.WAITING.value, erased_at=None),
                name="document_to_scan",
            ),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(media_type__in=[m.value for m in MediaType]), name="document_kind"),
            models.CheckConstraint(condition=Q(size__gt=0), name="document_size"),
            models.CheckConstraint(condition=Q(scan__in=[s.value for s in Scan]), name="document_scan"),
        ]


class DocumentContent(models.Model):
    """A paper's bytes, AES-GCM under a key of the installation, bound to the paper's uuid.

    pii: whatever a paper shows. Retention: until the paper's `keep_until`; erasing is deleting this row.
    """

    document = models.OneToOneField(Document, primary_key=True, on_delete=models.PROTECT)
    key_id = models.TextField()
    nonce = models.BinaryField()
    ciphertext = models.BinaryField()

    class Meta:
        db_table = "document_content"
        indexes = [models.Index(fields=["key_id"], name="document_content_key")]
