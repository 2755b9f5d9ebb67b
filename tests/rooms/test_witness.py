"""The chain on the live database beside its checkpoints outside, against somebody with the superuser's rights."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction

from qosymsha.domain.witness import queries, reading, rules, store
from qosymsha.domain.witness.commands import sign_checkpoint
from qosymsha.domain.witness.states import CheckpointRefusal
from qosymsha.kernel import audit
from qosymsha.kernel.actor import Actor
from qosymsha.kernel.errors import NotConfigured, Refused
from tests.factories.readings import readings

AT = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
ACTOR = Actor(5, "user:5")
PROGRAM = Path(__file__).parents[2] / "verify" / "audit.py"


class Word(StrEnum):
    ACT = "act"


def record(*subjects: int) -> None:
    with transaction.atomic():
        for subject in subjects:
            at = AT + timedelta(minutes=subject)
            audit.record(actor=ACTOR, at=at, action=Word.ACT, subject_kind="thing", subject_ids=[subject])


def link() -> None:
    """Link every event, once other workers' transactions that are older than ours are over: ids are the cluster's."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        audit.link()
        with connection.cursor() as cursor:
            cursor.execute("SELECT (SELECT count(*) FROM audit_event) = (SELECT count(*) FROM audit_link)")
            if cursor.fetchone() == (True,):
                return
        time.sleep(0.02)
    raise AssertionError("events stay without a link")


def past_the_guards(*statements: str) -> None:
    """As a superuser who has switched the triggers off."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        for statement in statements:
            cursor.execute(statement)


@pytest.fixture
def outside(tmp_path: Path, settings: Any) -> Path:
    """The folder of checkpoints, of one chain as in production."""
    settings.CHECKPOINTS, settings.CHECKPOINTS_OF_ONE_CHAIN = str(tmp_path / "checkpoints"), True
    return tmp_path / "checkpoints"


@pytest.fixture
def signed(transactional_db: None, outside: Path) -> Path:
    """120 linked events; checkpoints at 40, 80 and 120."""
    for upto in (40, 80, 120):
        record(*range(upto - 39, upto + 1))
        link()
        assert sign_checkpoint(at=AT + timedelta(minutes=upto)) is not None
    return outside


def faults() -> list[queries.Fault]:
    return list(queries.chain_faults())


EVENT = "(SELECT event_id FROM audit_link WHERE seq = {})"
# Every hash from a link on made anew, as somebody who knows the recipe would.
REHASH = """
DO $$ DECLARE l audit_link; last bytea := coalesce((SELECT hash FROM audit_link WHERE seq = {first} - 1), ''); BEGIN
    FOR l IN SELECT * FROM audit_link WHERE seq >= {first} ORDER BY seq LOOP
        UPDATE audit_link SET prev_hash = last, hash = sha256(last || (SELECT audit_event_hash(e) FROM audit_event e
            WHERE e.id = l.event_id)) WHERE seq = l.seq RETURNING hash INTO last;
    END LOOP; END $$"""
INSERTED = (
    "INSERT INTO audit_event (at, actor_id, actor_label, action, subject_kind, subject_ids, detail)"
    " VALUES ('{at}', 6, 'user:6', 'act', 'thing', '[7]', '{{}}')"
)
MOVED_ON = (
    "UPDATE audit_link SET seq = -seq - 1 WHERE seq >= {first}",
    "UPDATE audit_link SET seq = -seq WHERE seq < 0",
)
PLANTED = (
    "INSERT INTO audit_link SELECT {first}, e.id, e.at, p.hash, sha256(p.hash || audit_event_hash(e))"
    " FROM audit_event e, audit_link p WHERE e.actor_id = 6 AND p.seq = {first} - 1"
)

# What is done as superuser, and the links that the fault must name.
DEEDS: dict[str, tuple[Callable[[], None], tuple[int, int], str]] = {
    "one row edited": (
        lambda: past_the_guards(f"UPDATE audit_event SET actor_id = 6 WHERE id = {EVENT.format(57)}"),
        (57, 57), "was edited",
    ),
    "one row deleted": (
        lambda: past_the_guards(f"DELETE FROM audit_event WHERE id = {EVENT.format(57)}"), (57, 57), "is gone",
    ),
    "the last 50 deleted": (
        lambda: past_the_guards(
            "DELETE FROM audit_event WHERE id IN (SELECT event_id FROM audit_link WHERE seq > 70)",
            "DELETE FROM audit_link WHERE seq > 70",
        ),
        (71, 120), "cut off",
    ),
    "links deleted in the middle": (
        lambda: past_the_guards("DELETE FROM audit_link WHERE seq BETWEEN 50 AND 54"), (50, 54), "are gone",
    ),
    "one inserted in the middle": (
        lambda: past_the_guards(
            INSERTED.format(at=AT), *(part.format(first=57) for part in MOVED_ON), PLANTED.format(first=57)
        ),
        (58, 58), "does not continue",
    ),
    "one inserted and all hashes made anew": (
        lambda: past_the_guards(
            INSERTED.format(at=AT), *(part.format(first=57) for part in MOVED_ON), PLANTED.format(first=57),
            REHASH.format(first=57),
        ),
        (41, 80), "written anew",
    ),
    "one edited and all hashes made anew": (
        lambda: past_the_guards(
            f"UPDATE audit_event SET actor_id = 6 WHERE id = {EVENT.format(57)}", REHASH.format(first=57)
        ),
        (41, 80), "written anew",
    ),
}  # fmt: skip


def test_what_a_superuser_changes_is_seen_and_its_place_named(signed: Path) -> None:
    missed = {}
    for name, (does, place, said) in DEEDS.items():
        assert faults() == []
        assert queries.prefix_faults() == []
        with transaction.atomic():
            does()
            found = faults()
            transaction.set_rollback(True)
        if not any((f.first, f.last) == place and said in f.what for f in found):
            missed[name] = found
    assert missed == {}


def test_an_event_put_in_under_todays_date_is_linked_and_one_before_the_last_checkpoint_is_named(signed: Path) -> None:
    past_the_guards(INSERTED.format(at=AT - timedelta(days=30)))
    link()
    (found,) = faults()
    assert (found.first, found.last) == (121, 121)
    assert "before a checkpoint of" in found.what
    old = INSERTED.format(at=AT).replace("detail)", "detail, txid)").replace("'{}')", "'{}', '3')")
    past_the_guards(old)  # under a transaction that the sequencer has passed by
    audit.link()
    assert any("has no link" in f.what for f in faults())


TABLES = ("audit_event", "audit_link", "audit_low")


COLUMNS = "id, at, actor_id, actor_label, action, subject_kind, subject_ids, territory_id, detail, txid"


def kept_apart() -> None:
    """Yesterday's backup: the audit's tables as they stand now."""
    for table in TABLES:
        past_the_guards(f"CREATE TABLE kept_{table} AS SELECT * FROM {table}")


def restored() -> None:
    """The backup put back, as pg_restore would leave it."""
    past_the_guards(
        *(f"DELETE FROM {table}" for table in TABLES),
        f"INSERT INTO audit_event ({COLUMNS}) OVERRIDING SYSTEM VALUE SELECT {COLUMNS} FROM kept_audit_event",
        "INSERT INTO audit_link SELECT * FROM kept_audit_link",
        "INSERT INTO audit_low SELECT * FROM kept_audit_low",
    )


@pytest.fixture
def backup(outside: Path, transactional_db: None) -> Iterator[Path]:
    """A backup taken at link 40; the chain went on to 120, signed at 40 and 120."""
    record(*range(1, 41))
    link()
    sign_checkpoint(at=AT + timedelta(minutes=40))
    kept_apart()
    try:
        record(*range(41, 121))
        link()
        sign_checkpoint(at=AT + timedelta(minutes=120))
        restored()
        yield outside
    finally:
        past_the_guards(*(f"DROP TABLE kept_{table}" for table in TABLES))


def test_a_restored_backup_is_seen_though_its_own_chain_is_whole(backup: Path, settings: Any) -> None:
    (found,) = faults()
    assert (found.first, found.last) == (41, 120)
    assert "a backup was restored" in found.what
    assert len(queries.prefix_faults()) == 1
    with pytest.raises(Refused) as refused:
        sign_checkpoint(at=AT + timedelta(days=1))
    assert refused.value.reason is CheckpointRefusal.CUT
    settings.CHECKPOINTS = ""  # the control: without the folder outside nothing shows it
    assert faults() == []
    assert queries.prefix_faults() == []


def test_a_restored_backup_that_went_on_is_not_signed_over(backup: Path) -> None:
    record(*range(200, 320))
    link()
    (found,) = faults()
    assert (found.first, found.last) == (41, 120)
    assert len(queries.prefix_faults()) == 1
    with pytest.raises(Refused) as refused:
        sign_checkpoint(at=AT + timedelta(days=1))
    assert refused.value.reason is CheckpointRefusal.CHANGED
    assert [path.name for path in store.files(backup)] == ["000000000040.txt", "000000000120.txt"]


def test_a_forged_checkpoint_is_named_and_nothing_is_signed_after_it(signed: Path) -> None:
    size, digest = queries.last_link() or (0, b"")
    forged = rules.signed(rules.Checkpoint("qosymsha/audit", size + 5, digest, AT), bytes(32))
    (signed / f"{size + 5:012d}.txt").write_text(forged, "utf-8")
    assert [(f.first, f.last) for f in faults() if "forged" in f.what] == [(125, 125)]
    assert "forged" in queries.prefix_faults()[0]
    record(500)
    link()
    with pytest.raises(Refused) as refused:
        sign_checkpoint(at=AT)
    assert refused.value.reason is CheckpointRefusal.FORGED


def test_a_checkpoint_is_signed_once_for_a_size_whoever_asks_and_never_overwritten(signed: Path) -> None:
    assert sign_checkpoint(at=AT) is None  # nothing was added
    record(130)
    link()
    outcomes: list[object] = []

    def sign() -> None:
        try:
            outcomes.append(sign_checkpoint(at=AT + timedelta(minutes=130)))
        finally:
            connection.close()

    threads = [threading.Thread(target=sign) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(outcomes) == 4
    assert sum(outcome is not None for outcome in outcomes) == 1
    assert [int(path.stem) for path in store.files(signed)] == [40, 80, 120, 121]
    with pytest.raises(FileExistsError):
        store.add(signed, rules.Checkpoint("x", 121, b"", AT))


def test_a_fresh_chain_of_a_trial_has_a_folder_of_its_own(signed: Path, settings: Any) -> None:
    settings.CHECKPOINTS_OF_ONE_CHAIN = False
    first = store.folder()
    past_the_guards(*(f"DELETE FROM {table}" for table in TABLES))
    record(1)
    link()
    assert store.folder() != first
    assert sign_checkpoint(at=AT) is not None


def test_without_a_key_nothing_is_signed_and_it_says_what_to_set(signed: Path, settings: Any) -> None:
    settings.CHECKPOINT_KEY = b""
    with pytest.raises(NotConfigured, match="QOSYMSHA_CHECKPOINT_KEY"):
        sign_checkpoint(at=AT)


def export(folder: Path, *, is_whole: bool) -> subprocess.CompletedProcess[str]:
    """Written out and checked by the stranger's program."""
    (folder / "checkpoints").mkdir(parents=True)
    queries.write_links(folder, is_whole=is_whole, progress=lambda _: None)
    (folder / "unlinked.tsv").write_text("".join(f"{i}\t{at.isoformat()}\n" for i, at in queries.unlinked()), "ascii")
    (folder / "key.txt").write_text(store.public_key().hex(), "ascii")
    for path in queries.checkpoint_files():
        (folder / "checkpoints" / path.name).write_bytes(path.read_bytes())
    command = [sys.executable, "-I", str(PROGRAM), str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_database_and_the_strangers_program_agree(signed: Path, tmp_path: Path) -> None:
    with transaction.atomic():
        detail = {"said": 'Қазақша \\ \t "words"\n'}
        audit.record(actor=ACTOR, at=AT, action=Word.ACT, subject_kind="thing", subject_ids=[1], detail=detail)
    link()
    for name, is_whole in (("hashes", False), ("whole", True)):
        said = export(tmp_path / name, is_whole=is_whole)
        assert (said.returncode, said.stdout[:10]) == (0, "OK  121 li"), said.stdout
    past_the_guards(f"UPDATE audit_event SET detail = '{{\"a\": 1}}' WHERE id = {EVENT.format(121)}")
    for name, is_whole in (("hashes2", False), ("whole2", True)):
        said = export(tmp_path / name, is_whole=is_whole)
        assert said.returncode == 1
        assert "of link 121 was edited" in said.stdout


# --- The scope of a request


def saw(children: list[int], kind: str = "voucher") -> None:
    reading.saw(actor=ACTOR, at=AT, action=Word.ACT, kind=kind, ids=[i * 10 for i in children], children=children)


def gathered() -> reading.Reading:
    return reading.Reading(request="r1", door="page", roles=("checker",))


@pytest.mark.django_db(transaction=True)
def test_a_request_leaves_one_row_with_every_child_whatever_its_queries() -> None:
    with reading.request(gathered(), whole=True):
        saw([3, 1])
        saw([2], "mark")
        reading.saw(actor=ACTOR, at=AT, action=Word.ACT, kind="child", ids=[7])
        assert readings() == []
    (row,) = readings()
    assert (row.subject_kind, row.subject_ids, row.actor_id) == ("child", [1, 2, 3, 7], 5)
    assert row.detail == {
        "read": {"act": {"child": [], "mark": [20], "voucher": [10, 30]}},
        "request": "r1", "door": "page", "roles": ["checker"],
    }  # fmt: skip


@pytest.mark.django_db(transaction=True)
def test_a_request_that_reads_nobody_writes_nothing() -> None:
    with reading.request(gathered(), whole=True):
        pass
    assert readings() == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("whole", [True, False])
def test_a_page_whose_row_cannot_be_written_is_not_shown(whole: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(**_: Any) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(audit, "record", full)
    with pytest.raises(OSError, match="disk full"), reading.request(gathered(), whole=whole):
        saw([1])
    assert readings() == []


@pytest.mark.django_db(transaction=True)
def test_what_was_not_shown_is_not_said_to_have_been_read() -> None:
    def breaks() -> None:
        with reading.request(gathered(), whole=True):
            saw([1])
            raise KeyError

    with pytest.raises(KeyError):
        breaks()
    assert readings() == []


@pytest.mark.django_db(transaction=True)
def test_a_verb_of_the_command_line_writes_each_read_before_it_is_handed_over_under_one_id() -> None:
    with reading.verb(request_id="v1", door="qosymsha export"):
        saw([1])
        assert [row.subject_ids for row in readings()] == [[1]]
        saw([2])
    assert [row.detail["request"] for row in readings()] == ["v1", "v1"]
    saw([3])  # a job: no scope at all
    assert [row.subject_ids for row in readings()] == [[1], [2], [3]]
