"""Months of the audit leave by their time; the chain over them still continues, here and for the public verifier."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path

import pytest
from django.db import connection, transaction
from django.test import override_settings

from qosymsha.domain.erasure import commands
from qosymsha.domain.insights.queries import check_invariant
from qosymsha.domain.witness import queries, store
from qosymsha.domain.witness.commands import sign_checkpoint
from qosymsha.kernel import audit, schema
from qosymsha.kernel.actor import Actor
from qosymsha.kernel.models import AuditEvent, AuditLink
from tests.architecture.house import ROOT
from tests.factories import horizon
from tests.factories.insights import past_the_guards, sql

pytestmark = pytest.mark.django_db(transaction=True)
OLD, YOUNG = datetime(2019, 1, 5, tzinfo=UTC), datetime(2019, 3, 5, tzinfo=UTC)
LATER = datetime(2024, 2, 10, tzinfo=UTC)  # January 2019 is over its five years, March is not
ACTOR = Actor.system("test")


class Deed(StrEnum):
    """Something that was done."""

    DONE = "done"


@pytest.fixture
def months() -> None:
    """Two events of January 2019, one of March, each in its month and linked; a checkpoint over them outside."""
    schema.make_months(date(2019, 1, 1), 3)
    for at in (OLD, OLD, YOUNG):
        with transaction.atomic():
            audit.record(actor=ACTOR, at=at, action=Deed.DONE, subject_kind="x", subject_ids=[1])
    horizon.settled()
    assert audit.link() == 3


def parts() -> set[str]:
    return {name for (name,) in sql("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent ="
                                    " 'audit_event'::regclass AND inhrelid::regclass::text ~ '_2019_'")}  # fmt: skip


def checked(folder: Path) -> str:
    """What the public verifier says of the chain as it is written out now."""
    folder.mkdir()
    queries.write_links(folder, is_whole=False, progress=lambda done: None)
    (folder / "unlinked.tsv").write_text("".join(f"{i}\t{at.isoformat()}\n" for i, at in queries.unlinked()))
    (folder / "key.txt").write_text(store.public_key().hex() + "\n")
    (folder / "checkpoints").mkdir()
    for path in queries.checkpoint_files():
        (folder / "checkpoints" / path.name).write_bytes(path.read_bytes())
    done = subprocess.run(
        [sys.executable, str(ROOT / "verify" / "audit.py"), str(folder)], capture_output=True, text=True, check=False
    )
    return done.stdout


def test_a_month_leaves_whole_and_the_chain_still_continues_here_and_outside(months: None, tmp_path: Path) -> None:
    with override_settings(CHECKPOINTS=str(tmp_path / "checkpoints")):
        sign_checkpoint(at=YOUNG)
        gone = commands.forget_audit(actor=ACTOR, at=LATER)
        assert gone == 1
        assert parts() == {"audit_event_2019_02", "audit_event_2019_03"}
        assert AuditLink.objects.count() == 3
        assert list(AuditEvent.objects.filter(at__lt=LATER, action="done").values_list("at", flat=True)) == [YOUNG]
        horizon.settled()
        audit.link()
        assert check_invariant("INV-9", LATER).examples == []
        assert list(queries.chain_faults()) == []
        assert checked(tmp_path / "chain").startswith("OK  4 links")
        (event,) = AuditEvent.objects.filter(action="forget_over")
        assert event.detail == {"months_of_audit": 1, "kept_from": "2019-02-01"}


def test_control_a_younger_month_that_went_is_seen_by_all_three(months: None, tmp_path: Path) -> None:
    with transaction.atomic():
        past_the_guards("UPDATE audit_link SET event_at = now() WHERE seq = 3")
    sql("DROP TABLE audit_event_2019_03")
    assert check_invariant("INV-9", LATER).examples == ["link 3"]
    assert [(fault.first, fault.what.endswith("is gone")) for fault in queries.chain_faults()] == [(3, True)]
    with override_settings(CHECKPOINTS=str(tmp_path / "checkpoints")):
        assert "is gone" in checked(tmp_path / "chain")


def test_a_month_with_an_event_without_its_link_stays(months: None) -> None:
    with transaction.atomic():
        audit.record(actor=ACTOR, at=OLD, action=Deed.DONE, subject_kind="x", subject_ids=[1])
    assert commands.forget_audit(actor=ACTOR, at=LATER) == 0
    assert "audit_event_2019_01" in parts()


def test_the_database_itself_keeps_five_years_whoever_asks() -> None:
    with connection.cursor() as cursor, pytest.raises(Exception, match="is kept for 5 years"), transaction.atomic():
        cursor.execute("SELECT audit_forget((now() - interval '4 years 11 months')::date)")
