"""docs/runbooks/after-restore.sql: a dump in a new cluster, whose transactions count from the beginning."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.db import connection, transaction

from qosymsha.kernel import audit, outbox
from tests.rooms.test_witness import AT, Word, faults, link, past_the_guards, record

SCRIPT = Path(__file__).parents[2] / "docs" / "runbooks" / "after-restore.sql"
_AS_OF_ANOTHER = """
UPDATE audit_event SET txid = (txid::text::bigint + 1000000000000)::text::xid8;
UPDATE audit_low SET txid = (txid::text::bigint + 1000000000000)::text::xid8;
UPDATE outbox SET txid = (txid::text::bigint + 1000000000000)::text::xid8;
UPDATE outbox_cursor SET from_txid = (from_txid::text::bigint + 1000000000000)::text::xid8,
                         upto_txid = (upto_txid::text::bigint + 1000000000000)::text::xid8"""


def tell(subject: int) -> None:
    with transaction.atomic():
        outbox.tell(topic=Word.ACT, subject_kind="thing", subject_ids=[subject], at=AT)


def read() -> list[int]:
    """The subjects of all news that wait for the reader, who remembers them."""
    found: list[int] = []
    while news := outbox.unread("reader"):
        found += [one.subject_id for one in news]
        outbox.read_up_to("reader", news[-1].id, AT)
    return found


def play() -> None:
    """The script as psql plays it: its own transaction."""
    script = re.sub(r"^(BEGIN|COMMIT);", "", SCRIPT.read_text("utf-8"), flags=re.M)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(script)


@pytest.mark.django_db(transaction=True)
def test_the_step_after_a_restore_lets_every_event_have_its_link_and_every_news_its_reader() -> None:
    record(1, 2, 3)
    tell(1)
    link()
    assert read() == [1]
    record(4)
    tell(2)
    past_the_guards(_AS_OF_ANOTHER)
    record(5)
    tell(3)
    assert (audit.link(), read()) == (0, []), "the control: without the step nothing is linked, nothing is told"
    play()
    link()  # each event once, or the database refuses
    assert faults() == []
    assert read() == [2, 3]
    record(6)
    link()
    assert faults() == []
