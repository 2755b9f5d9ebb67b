"""The register of retention: every table stands in it, its note says the same, the job it names is on the schedule."""

from __future__ import annotations

import json
import re

import pytest
from django.apps import apps
from django.test import override_settings

from qosymsha.domain.keeping.rules import FLOORS, Way, read
from qosymsha.domain.keeping.tables import TABLES, Kept
from qosymsha.domain.keeping.terms import OURS, terms
from qosymsha.interfaces.cli.rights import OWNERS_FUNCTIONS
from qosymsha.interfaces.jobs.schedule import SCHEDULE
from qosymsha.kernel.errors import NotConfigured
from tests.architecture.house import SOURCE

MODELS = {model._meta.db_table: model for model in apps.get_models() if model.__module__.startswith("qosymsha.")}
JOBS = {duty.__name__ for _, duty in SCHEDULE}
# What a table's own note must say for each way, whatever else it says.
SAID = {
    Way.ROWS: r"days|month|year|round's end|with (the|its)|until|erasing a person|three days|`keep_until`",
    Way.MONTHS: r"months dropped|three months",
    Way.SECRETS: r"destroyed|with the last child|names nobody",
    Way.WORDS: r"the words go when the child is erased|blank",
    Way.IDS: r"ids|for ever",
    Way.EVER: r"for ever|while it is laid out|with the group|demo's database",
    Way.ANEW: r"replaced|until the group closes",
}


def words(table: str) -> str:
    """What the table's note says of its retention."""
    return " ".join((MODELS[table].__doc__ or "").split()).partition("Retention: ")[2]


def faults(table: str, kept: Kept) -> list[str]:
    """Where the register, the note, the periods and the schedule do not agree about a table."""
    said, found = words(table), []
    if not re.search(SAID[kept.way], said):
        found.append(f"{table}: {kept.way.value}, and its note says {said!r}")
    if kept.term and not (
        terms()[kept.term].words in said or re.search(r"\bwith\b|child is erased|deleting this row", said)
    ):
        found.append(f"{table}: {terms()[kept.term].words}, and its note says {said!r}")
    if bool(kept.job) != (kept.way in {Way.ROWS, Way.MONTHS, Way.SECRETS, Way.WORDS}):
        found.append(f"{table}: {kept.way.value}, by {kept.job or 'no job'}")
    if kept.job and kept.job not in JOBS:
        found.append(f"{table}: {kept.job} is on no schedule")
    return found


def test_every_table_of_every_room_stands_in_the_register_and_nothing_else() -> None:
    assert set(MODELS) == set(TABLES)


def test_register_note_period_and_schedule_agree() -> None:
    assert [fault for table, kept in TABLES.items() for fault in faults(table, kept)] == []


@pytest.mark.parametrize(
    ("table", "kept"),
    [
        ("person_secret", Kept(Way.ROWS, "person", "a_job_of_nobody")),
        ("person_secret", Kept(Way.ROWS, "person")),
        ("teacher", Kept(Way.SECRETS, "person", "erase_persons")),
        ("voucher", Kept(Way.EVER, "", "erase_persons")),
        ("territory", Kept(Way.SECRETS, "person", "erase_persons")),
    ],
)
def test_control_a_false_word_in_the_register_is_seen(table: str, kept: Kept) -> None:
    assert faults(table, kept)


def test_what_holds_personal_data_is_let_go_by_a_job_or_is_ids_alone() -> None:
    personal = [t for t, m in MODELS.items() if re.search(r"(?<!no_)\bpii:", m.__doc__ or "")]
    assert len(personal) > 20
    assert [table for table in personal if not TABLES[table].job and TABLES[table].way is not Way.IDS] == []


def test_every_period_has_its_floor_and_its_source_and_none_lies_below() -> None:
    told = json.loads(OURS.read_text("utf-8"))["terms"]
    assert set(told) == set(FLOORS)
    assert [name for name, one in told.items() if not (one["status"] and one["source"] and one["since"])] == []
    assert set(read(OURS.read_text("utf-8"))) == set(FLOORS)


@pytest.mark.parametrize(
    ("own", "told"),
    [
        ({"terms": {"person": {"years": 4}}}, "less than the five years it must be: accounting papers"),
        ({"terms": {"audit": {"days": 1825}}}, "less than the five years"),
        ({"terms": {"person": {"years": 5, "days": 1}}}, "say `years` or `days`"),
        ({"terms": {"person": {"years": 0}}}, "above zero"),
        ({"terms": {"person": {"years": True}}}, "above zero"),
        ({"terms": {"persons": {"years": 9}}}, "no such period"),
        ({"terms": []}, "not a document of retention-1"),
    ],
)
def test_an_installation_may_lengthen_a_period_and_never_go_below_the_floor(own: dict[str, object], told: str) -> None:
    product = OURS.read_text("utf-8")
    with pytest.raises(ValueError, match=re.escape(told)):
        read(product, json.dumps({"schema": "retention-1", **own}))
    longer = json.dumps({"schema": "retention-1", "terms": {"person": {"years": 7}}})
    assert read(product, longer)["person"].words == "7 years"


def test_an_unreadable_file_of_periods_names_itself(tmp_path: object) -> None:
    with (
        override_settings(RETENTION=f"{tmp_path}/none.json"),
        pytest.raises(NotConfigured, match="QOSYMSHA_RETENTION: none"),
    ):
        terms()


def test_every_function_that_forgets_for_pages_and_jobs_is_the_owners_and_granted_by_name() -> None:
    found = set()
    for path in SOURCE.glob("**/migrations/*.py"):
        found |= set(re.findall(r"CREATE FUNCTION (\w+_forget)\([^)]*\)[^$]*SECURITY DEFINER", path.read_text("utf-8")))
    assert len(found) >= 5
    assert found <= {function.partition("(")[0] for function in OWNERS_FUNCTIONS}
