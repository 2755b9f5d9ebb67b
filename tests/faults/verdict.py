"""The verdict after a run: what families were told against what stands in the database, and the house's own checker."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from django.db import connection

from qosymsha.domain.admission.access import Action as Filing
from qosymsha.domain.admission.access import Topic as FilingTopic
from qosymsha.domain.insights.queries import check_invariants
from qosymsha.domain.vouchers.states import Topic as PlaceTopic
from qosymsha.kernel import audit, clock
from tests.faults.families import Ask, Verb, Word

_EXAMPLES = 3
_LIVE = "('offered', 'contracted', 'active')"

# Each finds what must not be; a name of what was found stands in the first column.
_OVERSOLD = f"""
SELECT 'group ' || g.id FROM club_group g LEFT JOIN seat s ON s.group_id = g.id
  LEFT JOIN (SELECT group_id, count(*) AS n FROM enrolment WHERE state IN {_LIVE} GROUP BY 1) e ON e.group_id = g.id
 WHERE coalesce(e.n, 0) > g.capacity"""
_COUNTERS = f"""
SELECT 'group ' || g.id FROM club_group g LEFT JOIN seat s ON s.group_id = g.id
  LEFT JOIN (SELECT group_id, count(*) AS n FROM enrolment WHERE state IN {_LIVE} GROUP BY 1) e ON e.group_id = g.id
 WHERE coalesce(e.n, 0) <> coalesce(s.taken, 0)"""
_TWICE = {
    "applications of a child": "SELECT 'child ' || child_id FROM application GROUP BY child_id HAVING count(*) > 1",
    "places of a voucher": "SELECT 'voucher ' || voucher_id FROM enrolment GROUP BY voucher_id HAVING count(*) > 1",
    "histories": """
        SELECT 'application ' || application_id FROM application_history GROUP BY application_id HAVING count(*) <> 1
        UNION ALL
        SELECT 'place ' || enrolment_id FROM enrolment_history GROUP BY enrolment_id HAVING count(*) <> 1
        UNION ALL
        SELECT 'voucher ' || v.id FROM voucher v LEFT JOIN enrolment e ON e.voucher_id = v.id
         WHERE (SELECT count(*) FROM voucher_history h WHERE h.voucher_id = v.id)
               <> CASE WHEN e.id IS NULL THEN 2 ELSE 3 END
            OR v.state <> CASE WHEN e.id IS NULL THEN 'accepted' ELSE 'active' END""",
    "keys": "SELECT 'key ' || key FROM idempotency_key WHERE outcome IS NULL",
    # Money: what was held for the voucher is there or with its place, to the tiyn, by one posting of two entries.
    "money": """
        SELECT 'voucher ' || v.id FROM voucher v JOIN ledger_account h ON h.kind = 'held' AND h.subject_id = v.id
          LEFT JOIN enrolment e ON e.voucher_id = v.id
          LEFT JOIN ledger_account p ON p.kind = 'place' AND p.subject_id = e.id
         WHERE h.balance_tiyn + coalesce(p.balance_tiyn, 0) <>
               (SELECT n.amount_tiyn FROM ledger_entry n WHERE n.account_id = h.id AND n.posting_id = 1)
            OR (e.id IS NOT NULL) <> (coalesce(p.balance_tiyn, 0) > 0)
            OR (e.id IS NOT NULL AND (SELECT count(*) FROM ledger_entry n WHERE n.account_id = h.id) <> 2)
            OR (e.id IS NOT NULL AND (SELECT count(*) FROM ledger_entry n WHERE n.account_id = p.id) <> 1)""",
}
_ONCE_TOLD = """
SELECT %(kind)s || ' ' || t.id FROM {table} t LEFT JOIN (
    SELECT (subject_ids ->> 0)::bigint AS id, count(*) AS n FROM audit_event
     WHERE subject_kind = %(kind)s AND action = ANY (%(deeds)s) GROUP BY 1) e ON e.id = t.id WHERE coalesce(e.n, 0) <> 1
UNION ALL
SELECT %(kind)s || ' ' || t.id FROM {table} t LEFT JOIN (
    SELECT subject_id AS id, count(*) AS n FROM outbox
     WHERE subject_kind = %(kind)s AND topic = %(topic)s GROUP BY 1) o ON o.id = t.id WHERE coalesce(o.n, 0) <> 1
UNION ALL
SELECT 'news of no ' || %(kind)s || ' ' || subject_id FROM outbox
 WHERE subject_kind = %(kind)s AND topic = %(topic)s AND subject_id NOT IN (SELECT id FROM {table})
UNION ALL
SELECT 'event of no ' || %(kind)s || ' ' || id FROM (
    SELECT jsonb_array_elements_text(subject_ids)::bigint AS id FROM audit_event
     WHERE subject_kind = %(kind)s AND action = ANY (%(deeds)s)) e WHERE id NOT IN (SELECT id FROM {table})"""

Findings = dict[str, list[str]]


def judge(asks: Sequence[Ask]) -> Findings:
    """By the name of a promise: who or what broke it. Empty lists are what is wanted."""
    words = _by_family(asks)
    found: Findings = {
        "unanswered": [_name(a) for a in asks if not a.words],
        "answered strangely": [f"{_name(a)}: {a.words}" for a in asks if any(w is Word.STRANGE for w, _, _ in a.words)],
        "answered differently": [f"{_name(a)}: {a.words}" for a in asks if len(set(a.words)) > 1],
        "acknowledged, lost": list(_lost(asks)),
        "refused, but stored": list(_refused_but_stored(words)),
        "oversold": _rows(_OVERSOLD),
        "counters wrong": _rows(_COUNTERS),
        "twice": [example for statement in _TWICE.values() for example in _rows(statement)],
        "told or audited other than once": _told(),
    }
    return found | {"invariants": _red()}


def _by_family(asks: Iterable[Ask]) -> dict[tuple[Verb, int], list[Ask]]:
    found: defaultdict[tuple[Verb, int], list[Ask]] = defaultdict(list)
    for ask in asks:
        found[ask.verb, ask.family.id].append(ask)
    return found


def _applications() -> dict[int, UUID]:
    return dict(_all("SELECT child_id, uuid FROM application"))


def _places() -> dict[UUID, UUID]:
    return dict(
        _all(
            "SELECT v.uuid, g.uuid FROM enrolment e JOIN club_group g ON g.id = e.group_id"
            " JOIN voucher v ON v.id = e.voucher_id"
            f" WHERE e.state IN {_LIVE}"
        )
    )


def _lost(asks: Iterable[Ask]) -> Iterable[str]:
    """A yes without its row, or with another's: an application by the address answered, a place by its group."""
    applications, places = _applications(), _places()
    for ask in asks:
        for word, _, location in ask.words:
            if word is not Word.YES:
                continue
            if ask.verb is Verb.APPLY:
                stored = applications.get(ask.family.id)
                if stored is None or str(stored) not in location:
                    yield f"{_name(ask)}: {location}"
            elif _place(places, ask) != ask.group:
                yield f"{_name(ask)}: {ask.group}"


def _refused_but_stored(words: dict[tuple[Verb, int], list[Ask]]) -> Iterable[str]:
    """A family that was only ever told no, or nothing, and has what it asked for."""
    applications, places = _applications(), _places()
    for (verb, _), asks in words.items():
        family = asks[0].family
        is_stored = family.id in applications if verb is Verb.APPLY else _place(places, asks[0]) is not None
        if is_stored and not any(word is Word.YES for ask in asks for word, _, _ in ask.words):
            yield _name(asks[-1])


def _place(places: dict[UUID, UUID], ask: Ask) -> UUID | None:
    assert ask.family.voucher is not None, "who takes a place holds a voucher"
    return places.get(ask.family.voucher)


def _told() -> list[str]:
    deeds = {
        "application": ("application", [Filing.SUBMIT.value], FilingTopic.APPLICATION_SUBMITTED.value),
        "enrolment": ("enrolment", ["enrol", "take_place"], PlaceTopic.ENROLLED.value),
    }
    found = []
    for kind, (table, actions, topic) in deeds.items():
        found += _rows(_ONCE_TOLD.format(table=table), {"kind": kind, "deeds": actions, "topic": topic})
    return found


def _red() -> list[str]:
    while audit.link():
        pass
    results = check_invariants(clock.read())
    return [f"{r.id}: {r.violations} {r.examples[:_EXAMPLES]}" for r in results if not r.ok]


def _name(ask: Ask) -> str:
    return f"{ask.verb} of family {ask.family.id} under {ask.key}"


def _rows(statement: str, values: dict[str, Any] | None = None) -> list[str]:
    return [str(row[0]) for row in _all(statement, values)]


def _all(statement: str, values: dict[str, Any] | None = None) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall())
