"""Providers come in by BIN or by a sole trader's IIN."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction

from qosymsha.domain.people import queries as people
from qosymsha.domain.people import steps as people_steps
from qosymsha.domain.people.rules import PersonDetails, refuse_person, tidy
from qosymsha.domain.providers import queries, steps
from qosymsha.domain.providers.access import ALLOWED, Action
from qosymsha.domain.providers.rules import ProviderRefusal, ProviderRow, iban_is_right
from qosymsha.kernel import audit, entropy, idempotency, iin, locks
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.errors import Refused, RowOutcome
from qosymsha.kernel.numbers import human_number
from qosymsha.kernel.text import folded, normal

KIND = "provider"

_INSERT = """
INSERT INTO provider (id, uuid, number, territory_id, legal_form, bin, name, folded, iban, iban_changed_at, created_at)
SELECT id, uuid, number, %(territory)s, CASE WHEN bin IS NULL THEN 'sole_trader' ELSE 'company' END, bin, name, folded,
       iban, CASE WHEN iban <> '' THEN %(at)s::timestamptz END, %(at)s
  FROM unnest(%(ids)s::bigint[], %(uuids)s::uuid[], %(numbers)s::text[], %(bins)s::text[], %(names)s::text[],
              %(folded)s::text[], %(ibans)s::text[]) AS g (id, uuid, number, bin, name, folded, iban)"""

_UPDATE = """
UPDATE provider p SET name = g.name, folded = g.folded, iban = CASE WHEN g.iban <> '' THEN g.iban ELSE p.iban END,
       iban_changed_at = CASE WHEN g.iban NOT IN ('', p.iban) THEN %s ELSE p.iban_changed_at END
  FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[]) AS g (id, name, folded, iban)
 WHERE p.id = g.id AND (p.name <> g.name OR g.iban NOT IN ('', p.iban)) RETURNING p.id"""


@dataclass(frozen=True, slots=True)
class _Standing:
    """A row that stands so far, with its canonical number."""

    row: int
    number: str
    draft: ProviderRow


@transaction.atomic(durable=True)
def register_providers(
    *, actor: Actor, territory_id: int, rows: Sequence[ProviderRow], at: datetime, key: UUID
) -> list[RowOutcome]:
    """Register providers, or take over a changed name or account of those known; each outcome's id is the provider's.

    A number named twice counts once, the first naming. The number of statements does not depend on the number of rows.

    Raises:
        Forbidden: the actor may not register here.
        Refused: key_reused.
    """
    require(actor, Action.REGISTER_PROVIDER, ALLOWED, territory_id=territory_id)
    locks.exclusive("providers.register")
    body = [territory_id, [str(row) for row in rows]]
    seen = idempotency.repeat(actor=actor, verb="register_providers", key=key, body=body, at=at)
    if seen is not None:
        return idempotency.outcomes_of(seen, ProviderRefusal)
    outcomes = _register(actor, territory_id, rows, at)
    idempotency.keep(actor=actor, verb="register_providers", key=key, outcome=idempotency.outcome_rows(outcomes))
    return outcomes


@transaction.atomic(durable=True)
def register_provider(*, actor: Actor, territory_id: int, row: ProviderRow, at: datetime, key: UUID) -> int:
    """Register one provider, or take over a changed name or account of a known one. Returns its id.

    Raises:
        Forbidden: the actor may not register here.
        Refused: carries a ProviderRefusal; nothing is stored.
    """
    require(actor, Action.REGISTER_PROVIDER, ALLOWED, territory_id=territory_id)
    locks.exclusive("providers.register")
    seen = idempotency.repeat(actor=actor, verb="register_provider", key=key, body=[territory_id, str(row)], at=at)
    if seen is not None:
        return int(seen)
    (outcome,) = _register(actor, territory_id, [row], at)
    if outcome.reason is not None:
        raise Refused(outcome.reason)
    idempotency.keep(actor=actor, verb="register_provider", key=key, outcome=outcome.id)
    assert outcome.id is not None, "a row is stored or has a reason"
    return outcome.id


def _register(actor: Actor, territory_id: int, rows: Sequence[ProviderRow], at: datetime) -> list[RowOutcome]:
    judged = [_judged(number, row, at) for number, row in enumerate(rows)]
    first: dict[str, _Standing] = {}
    for standing in (j for j in judged if isinstance(j, _Standing)):
        first.setdefault(standing.number, standing)
    known = queries.providers_by_number(set(first))
    territories = {p.id: p.territory_id for p in queries.provider_facts(set(known.values())).values()}
    elsewhere = {number for number, i in known.items() if territories[i] != territory_id}
    _update([(i, first[number].draft) for number, i in known.items() if number not in elsewhere], at)
    made = _insert([s for s in first.values() if s.number not in known], territory_id, at)
    ids = {n: i for n, i in known.items() if n not in elsewhere} | made
    audit.record(
        actor=actor,
        at=at,
        action=Action.REGISTER_PROVIDER,
        subject_kind=KIND,
        subject_ids=sorted(ids.values()),
        territory_id=territory_id,
        detail={"new": len(made)},
    )
    return [_outcome(j, ids) if isinstance(j, _Standing) else j for j in judged]


def _judged(number: int, row: ProviderRow, at: datetime) -> _Standing | RowOutcome:
    try:
        canonical = iin.canonical(row.number)
    except iin.NumberError as error:
        return RowOutcome(number, reason=ProviderRefusal.BAD_NUMBER, detail=error.fault.value)
    draft = replace(row, name=normal(row.name), iban="".join(row.iban.split()).upper())
    if not draft.name:
        return RowOutcome(number, reason=ProviderRefusal.NAME_MISSING)
    if draft.iban and not iban_is_right(draft.iban):
        return RowOutcome(number, reason=ProviderRefusal.BAD_IBAN)
    if iin.is_organisation(canonical):
        return _Standing(number, canonical, draft)
    return _judged_trader(number, canonical, draft, at)


def _judged_trader(number: int, canonical: str, draft: ProviderRow, at: datetime) -> _Standing | RowOutcome:
    if iin.is_synthetic(canonical) and not settings.SYNTHETIC_PEOPLE_ALLOWED:
        return RowOutcome(number, reason=ProviderRefusal.BAD_NUMBER, detail=iin.NumberFault.SYNTHETIC.value)
    if draft.owner is None:
        return _Standing(number, canonical, draft)
    owner = tidy(replace(draft.owner, iin=canonical))
    fault = refuse_person(owner, today=local_day(at), synthetic_allowed=settings.SYNTHETIC_PEOPLE_ALLOWED)
    if fault is not None:
        return RowOutcome(number, reason=ProviderRefusal.OWNER_UNREADABLE, detail=fault.value)
    return _Standing(number, canonical, replace(draft, owner=owner))


def _outcome(standing: _Standing, ids: Mapping[str, int]) -> RowOutcome:
    found = ids.get(standing.number)
    return RowOutcome(standing.row, found, None if found is not None else ProviderRefusal.PROVIDER_ELSEWHERE)


def _insert(rows: Sequence[_Standing], territory_id: int, at: datetime) -> dict[str, int]:
    companies = [row for row in rows if iin.is_organisation(row.number)]
    traders = [row for row in rows if not iin.is_organisation(row.number)]
    persons = {people.iin_lookup(KIND, t.number): t.draft.owner or PersonDetails(t.number, "", "") for t in traders}
    stored = people_steps.store_persons(KIND, KIND, persons) if persons else people_steps.Stored({}, frozenset())
    ids = dict(zip((c.number for c in companies), _next("id", len(companies)), strict=True))
    ids |= {t.number: stored.ids[people.iin_lookup(KIND, t.number)] for t in traders}
    if rows:
        _insert_rows(rows, ids, territory_id, at)
    return ids


def _insert_rows(rows: Sequence[_Standing], ids: Mapping[str, int], territory_id: int, at: datetime) -> None:
    serials = _next("serial", len(rows))
    with connection.cursor() as cursor:
        cursor.execute(
            _INSERT,
            {
                "territory": territory_id,
                "at": at,
                "ids": [ids[r.number] for r in rows],
                "uuids": [entropy.uuid4() for _ in rows],
                "numbers": [human_number("P", serial) for serial in serials],
                "bins": [r.number if iin.is_organisation(r.number) else None for r in rows],
                "names": [r.draft.name for r in rows],
                "folded": [folded(r.draft.name) for r in rows],
                "ibans": [r.draft.iban for r in rows],
            },
        )


def _update(rows: Sequence[tuple[int, ProviderRow]], at: datetime) -> None:
    if not rows:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            _UPDATE,
            [
                at,
                [i for i, _ in rows],
                [draft.name for _, draft in rows],
                [folded(draft.name) for _, draft in rows],
                [draft.iban for _, draft in rows],
            ],
        )
        changed = [i for (i,) in cursor.fetchall()]
    steps.write_cards_of(changed)


def _next(column: str, count: int) -> list[int]:
    sequence = "pg_get_serial_sequence('provider', 'id')" if column == "id" else "'provider_serial'"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT nextval({sequence}) FROM generate_series(1, %s)", [count])  # noqa: S608 - two fixed texts
        return [int(value) for (value,) in cursor.fetchall()]
