"""Uploaded papers in the database: sealed apart, bound to their row, erased on their day, their key changed."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from cryptography.exceptions import InvalidTag
from django.conf import settings
from django.db import connection, transaction
from django.test import override_settings

from qosymsha.domain.documents import commands, queries, steps
from qosymsha.domain.documents.access import Action
from qosymsha.domain.documents.models import Document, DocumentContent
from qosymsha.domain.documents.queries import DocumentHead
from qosymsha.domain.people.states import Role
from qosymsha.domain.witness import reading
from qosymsha.kernel.actor import Actor, Grant
from qosymsha.kernel.errors import Forbidden, Refused
from tests.factories import uploads
from tests.factories.admission import City

pytestmark = pytest.mark.django_db

AT = datetime(2026, 2, 3, 6, tzinfo=UTC)
UNTIL = date(2026, 5, 3)
ABOUT = steps.About("draft", 1)
SYSTEM = Actor.system("test")
GUARDIAN = Actor(7, "user:7", (Grant(Role.GUARDIAN),))


def keep(content: bytes = b"", *, about: steps.About = ABOUT, until: date = UNTIL) -> DocumentHead:
    """A paper kept now."""
    with transaction.atomic():
        return steps.keep_document(
            actor=GUARDIAN, purpose="category", about=about, content=content or uploads.pdf(), at=AT, keep_until=until
        )


def read(paper: DocumentHead) -> bytes:
    return queries.content_of(actor=GUARDIAN, document=paper, action=Action.READ_DOCUMENT, at=AT)


def test_a_paper_comes_back_as_it_was_and_stands_sealed() -> None:
    paper = keep(uploads.jpeg(extra=uploads.exif()))
    assert read(paper).startswith(b"\xff\xd8")
    row = DocumentContent.objects.get(document_id=paper.id)
    assert b"\xff\xd8" not in bytes(row.ciphertext)[:4]
    assert queries.document_of(paper.uuid) == paper
    assert queries.documents_about("draft", [1, 2]) == {1: [paper]}


def test_a_hostile_file_leaves_nothing() -> None:
    with pytest.raises(Refused, match="paper_kind_unknown"):
        keep(uploads.SCRIPT)
    assert not Document.objects.exists()


def test_contents_that_were_swapped_are_not_shown() -> None:
    one, other = keep(uploads.png()), keep(uploads.pdf())
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE document_content c SET ciphertext = o.ciphertext, nonce = o.nonce FROM document_content o"
            " WHERE c.document_id = %s AND o.document_id = %s",
            [one.id, other.id],
        )
    with pytest.raises(InvalidTag):
        read(one)


def test_a_childs_paper_read_is_a_read_of_the_child() -> None:
    city = City()
    _, child_id = city.families(1)[0]
    paper = keep(about=steps.About("draft", 1, child_id))
    gathered = reading.Reading()
    with reading.request(gathered, whole=True):
        read(paper)
    assert gathered.children == {child_id}
    assert gathered.records == {"read_document": {"document": {paper.id}}}


def test_a_paper_is_erased_after_its_last_day_and_the_row_says_when() -> None:
    over, stays = keep(until=date(2026, 5, 2)), keep(until=UNTIL)
    on_the_day = datetime(2026, 5, 3, 6, tzinfo=UTC)
    assert commands.forget_documents(actor=SYSTEM, at=on_the_day) == 1
    assert commands.forget_documents(actor=SYSTEM, at=on_the_day) == 0
    assert not DocumentContent.objects.filter(document_id=over.id).exists()
    assert Document.objects.get(pk=over.id).erased_at == on_the_day
    assert read(stays)
    with pytest.raises(Refused, match="paper_erased"):
        read(over)
    with pytest.raises(Forbidden):
        commands.forget_documents(actor=GUARDIAN, at=on_the_day)


def test_prolonging_never_shortens() -> None:
    paper = keep()
    assert steps.prolong_documents([paper.id], until=UNTIL - timedelta(days=9)) == 0
    assert steps.prolong_documents([paper.id], until=UNTIL + timedelta(days=9)) == 1


def test_papers_take_a_new_key() -> None:
    paper = keep()
    before = read(paper)
    with override_settings(SECRET_KEYS={"next": b"n" * 32} | settings.SECRET_KEYS):
        assert commands.rotate_documents(actor=SYSTEM, at=AT).rows == 1
        assert commands.rotate_documents(actor=SYSTEM, at=AT).rows == 0
        assert DocumentContent.objects.get(document_id=paper.id).key_id == "next"
        assert read(paper) == before
