"""What is left of somebody: every row of every table as text, and everything sealed as its key opens it."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from django.db import transaction

from qosymsha.domain.documents.models import DocumentContent
from qosymsha.domain.documents.queries import binding as paper_binding
from qosymsha.domain.erasure import commands
from qosymsha.domain.erasure.models import Erasure
from qosymsha.domain.erasure.rules import Kind
from qosymsha.domain.people.models import PersonSecret
from qosymsha.domain.people.queries import binding
from qosymsha.domain.people.rules import person_of
from qosymsha.kernel import cipher, clock
from tests.factories.insights import past_the_guards, sql

Rows = dict[str, list[str]]


def rows() -> Rows:
    """Table → its rows as PostgreSQL writes them, sorted; month tables with their whole."""
    tables = sql(
        "SELECT c.relname FROM pg_class c WHERE c.relnamespace = current_schema()::regnamespace"
        " AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relname <> 'probe' ORDER BY 1"
    )
    return {table: sorted(row for (row,) in sql(f"SELECT t::text FROM {table} t")) for (table,) in tables}


def opened() -> Iterator[tuple[str, str]]:
    """Every secret and every paper's content as (where, text)."""
    for one in PersonSecret.objects.order_by("id"):
        sealed = cipher.Sealed(one.key_id, bytes(one.nonce), bytes(one.ciphertext))
        plain = cipher.unseal(sealed, bound_to=binding(one.subject_kind, one.subject_id))
        yield f"person_secret of {one.subject_kind} {one.subject_id}", plain.decode("utf-8", "replace")
    for paper in DocumentContent.objects.select_related("document"):
        sealed = cipher.Sealed(paper.key_id, bytes(paper.nonce), bytes(paper.ciphertext))
        plain = cipher.unseal(sealed, bound_to=paper_binding(paper.document.uuid))
        yield f"document_content {paper.pk}", plain.decode("utf-8", "replace")


def found(words: Collection[str], among: Rows | None = None) -> dict[str, list[str]]:
    """Word → the tables and secrets in which it stands; words that stand nowhere are left out."""
    places = [(table, row) for table, lines in (among or rows()).items() for row in lines]
    places += list(opened())
    hits = {word: sorted({where for where, text in places if word in text}) for word in words}
    return {word: where for word, where in hits.items() if where}


def names() -> list[str]:
    """The full names, surname first, of all children, guardians and teachers that are sealed now."""
    kinds = ("child", "guardian", "teacher")
    found = set()
    for one in PersonSecret.objects.filter(subject_kind__in=kinds):
        sealed = cipher.Sealed(one.key_id, bytes(one.nonce), bytes(one.ciphertext))
        person = person_of(cipher.unseal(sealed, bound_to=binding(one.subject_kind, one.subject_id)))
        if person.surname and person.given:
            found |= {f"{person.surname} {person.given}", f"{person.given} {person.surname}"}
    return sorted(found)


def erase_everybody() -> None:
    """All children, guardians, teachers and sole traders, whatever their time is; accounts stay, to look."""
    at = clock.read()
    for kind in (Kind.CHILD, Kind.GUARDIAN, Kind.TEACHER, Kind.TRADER):
        ids = list(PersonSecret.objects.filter(subject_kind=kind.value).values_list("subject_id", flat=True))
        with transaction.atomic():
            commands._ERASE[kind](ids, at)
            Erasure.objects.bulk_create(Erasure(subject_kind=kind.value, subject_id=i, at=at) for i in ids)


# Everything that people write about a child, by table.
WORDS = {
    "absence_case": "objection evidence",
    "absence_notice": "reason paper",
    "category_case": "words",
    "category_case_step": "words",
    "child_refusal": "reason",
    "day_hold": "reason evidence",
    "enrolment_paper": "reason",
    "guardianship": "evidence",
    "mark_change": "reason",
    "mark_objection": "resolution",
    "red_flag": "reason evidence child_ref",
    "returned_row": "reason",
    "sheet_row": "reason evidence",
    "voucher_ending": "words answer",
}

# Rows that the wall's stories do not make, of the first place there is.
_ROWS = (
    "INSERT INTO absence_notice (uuid, territory_id, programme_id, enrolment_id, child_id, guardian_id, kind, days,"
    " reason, paper, at) SELECT gen_random_uuid(), e.territory_id, e.programme_id, e.id, e.child_id, g.guardian_id,"
    " 'ill', '[2026-09-01,2026-09-02)', 'x', '', now() FROM enrolment e JOIN guardianship g USING (child_id) LIMIT 1",
    'INSERT INTO mark_objection (provider_id, session_id, "on", enrolment_id, value, device, counter, said_by,'
    " batch_id, received_at, state, reason, resolution, resolved_by, resolved_at) SELECT e.provider_id, 1,"
    " '2026-09-01', e.id, 'present', gen_random_uuid(), 1, 1, 1, now(), 'upheld', 'too_late', 'x', 1, now()"
    " FROM enrolment e LIMIT 1",
    "INSERT INTO mark_change (session_id, enrolment_id, from_value, to_value, reason, at, changed_by)"
    " SELECT 1, id, '', 'present', 'x', now(), 1 FROM enrolment LIMIT 1",
    "INSERT INTO returned_row (sheet_row_id, version, reason, at, returned_by)"
    " SELECT id, 77, 'x', now(), 1 FROM sheet_row LIMIT 1",
)


def written(word: str) -> list[str]:
    """Let every row of these tables hold a word in all its columns of words; the tables that have no row."""
    bare = []
    for row in _ROWS:
        past_the_guards(row)
    for table, columns in WORDS.items():
        sets = ", ".join(f"{column} = %s" for column in columns.split())
        past_the_guards(f"UPDATE {table} SET {sets}", *(word for _ in columns.split()))
        if not sql(f"SELECT EXISTS (SELECT FROM {table})")[0][0]:
            bare.append(table)
    sql("SET LOCAL session_replication_role = origin")
    return bare
