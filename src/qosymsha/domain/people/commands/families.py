"""Guardians and their children: registered in batches on a registry's proof, parted at once when guardianship ends."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction

from qosymsha.domain.people import queries, steps
from qosymsha.domain.people.access import ALLOWED, Action
from qosymsha.domain.people.linked import link_guardians
from qosymsha.domain.people.ports import ProvedChild
from qosymsha.domain.people.rules import (
    FamilyRow,
    PeopleRefusal,
    PersonDetails,
    proof_of,
    refuse_child,
    refuse_guardian,
    refuse_person,
    tidy,
)
from qosymsha.domain.people.states import Topic
from qosymsha.kernel import audit, cipher, idempotency, locks, outbox
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.errors import BadInput, Refused, RowOutcome
from qosymsha.kernel.text import folded

GUARDIAN, CHILD = "guardian", "child"


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A child's row that stands so far: whose, who, how proved, and where it stood in the batch."""

    row: int
    guardian_lookup: bytes
    child_lookup: bytes
    guardian: PersonDetails
    child: PersonDetails
    proof: ProvedChild
    family: FamilyRow


@transaction.atomic(durable=True)
def register_families(  # noqa: PLR0913 - the envelope of a bulk verb: who, where, what, on whose word, when, once
    *,
    actor: Actor,
    territory_id: int,
    families: Sequence[FamilyRow],
    proofs: Mapping[str, Sequence[ProvedChild]],
    at: datetime,
    key: UUID,
) -> list[RowOutcome]:
    """Register guardians and children; `proofs` are a registry's answers by guardian's IIN, fetched before.

    One outcome per child, in the order of the families and of the children in each: `row` counts children from 0,
    `id` is the child's. Persons known already are found by IIN and told anew, so that a file may be loaded again; a
    person named twice in a batch is one person, the first naming counts. A bad guardian refuses each of its children.
    The number of statements does not depend on the number of rows; about 2,000 families are a good batch.

    Raises:
        Forbidden: the actor may not register here.
        BadInput: a family without children.
        Refused: key_reused.
    """
    require(actor, Action.REGISTER_FAMILIES, ALLOWED, territory_id=territory_id)
    _refuse_childless(families)
    seen = idempotency.repeat(
        actor=actor, verb="register_families", key=key, body=_body(territory_id, families, proofs), at=at
    )
    if seen is not None:
        return idempotency.outcomes_of(seen, PeopleRefusal)
    places = queries.territories_below([territory_id]).get(territory_id, frozenset())
    judged = _judged(families, proofs, places, local_day(at))
    standing = _without_differing(judged)
    children = _store([c for c in standing if isinstance(c, _Candidate)], territory_id, at)
    outcomes = [_outcome(verdict, children.ids) for verdict in standing]
    made = sorted(children.made)
    registered = sorted({o.id for o in outcomes if o.id is not None})
    audit.record(
        actor=actor,
        at=at,
        action=Action.REGISTER_FAMILIES,
        subject_kind=CHILD,
        subject_ids=registered,
        territory_id=territory_id,
        detail={"rows": len(outcomes), "new": len(made)},
    )
    outbox.tell(topic=Topic.CHILD_REGISTERED, subject_kind=CHILD, subject_ids=made, at=at)
    idempotency.keep(actor=actor, verb="register_families", key=key, outcome=idempotency.outcome_rows(outcomes))
    return outcomes


@transaction.atomic(durable=True)
def end_guardianship(  # noqa: PLR0913 - who, between whom, why, when, once
    *, actor: Actor, guardian_id: int, child_id: int, reason: str, at: datetime, key: UUID
) -> None:
    """End what ties a guardian to a child: from this instant the guardian may see and do nothing for the child.

    With the last of them ends the child's own account, if it has one.

    Raises:
        Forbidden: the actor may not.
        Refused: not_the_guardian — there is no such guardianship today.
    """
    require(actor, Action.END_GUARDIANSHIP, ALLOWED)
    body = [guardian_id, child_id, reason]
    locks.exclusive(steps.youth_lock(child_id))
    if idempotency.repeat(actor=actor, verb="end_guardianship", key=key, body=body, at=at) is not None:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE guardianship g SET valid = g.valid * daterange(NULL, %s) FROM child c"
            " WHERE g.guardian_id = %s AND g.child_id = %s AND g.valid @> %s::date AND c.id = g.child_id"
            " AND g.kind <> 'self' RETURNING c.territory_id",
            [local_day(at), guardian_id, child_id, local_day(at)],
        )
        ended = cursor.fetchone()
    if ended is None:
        raise Refused(PeopleRefusal.NOT_THE_GUARDIAN)
    require(actor, Action.END_GUARDIANSHIP, ALLOWED, territory_id=ended[0])
    youth = None if queries.guardians_of([child_id], local_day(at)) else steps.end_youth(child_id, at)
    audit.record(
        actor=actor,
        at=at,
        action=Action.END_GUARDIANSHIP,
        subject_kind=CHILD,
        subject_ids=[child_id],
        territory_id=ended[0],
        detail={"guardian_id": guardian_id, "reason": reason} | ({"youth_user_id": youth} if youth else {}),
    )
    outbox.tell(
        topic=Topic.GUARDIANSHIP_ENDED,
        subject_kind=CHILD,
        subject_ids=[child_id],
        at=at,
        detail={"guardian_id": guardian_id, "by": guardian_id},
    )
    idempotency.keep(actor=actor, verb="end_guardianship", key=key, outcome=True)


def _refuse_childless(families: Sequence[FamilyRow]) -> None:
    for number, family in enumerate(families):
        if not family.children:
            raise BadInput(f"families[{number}].children", "name at least one child")


def _body(
    territory_id: int, families: Sequence[FamilyRow], proofs: Mapping[str, Sequence[ProvedChild]]
) -> list[object]:
    proved = sorted((number, [str(p) for p in answers]) for number, answers in proofs.items())
    return [territory_id, [str(family) for family in families], [list(pair) for pair in proved]]


def _judged(
    families: Sequence[FamilyRow], proofs: Mapping[str, Sequence[ProvedChild]], places: frozenset[int], today: date
) -> list[_Candidate | RowOutcome]:
    verdicts: list[_Candidate | RowOutcome] = []
    for family in families:
        guardian = tidy(family.guardian)
        refusal = _refuse_family(family, guardian, places, today)
        proved = proofs.get(guardian.iin or "", ())
        for child in map(tidy, family.children):
            row = len(verdicts)
            proof = proof_of(child, proved)
            reason = refusal or _refuse(child, today) or refuse_child(guardian, child, proof)
            if reason is not None or proof is None or guardian.iin is None:
                verdicts.append(RowOutcome(row, reason=reason))
                continue
            lookups = queries.iin_lookup(GUARDIAN, guardian.iin), _child_lookup(guardian.iin, child)
            verdicts.append(_Candidate(row, *lookups, guardian, child, proof, family))
    return verdicts


def _refuse_family(
    family: FamilyRow, guardian: PersonDetails, places: frozenset[int], today: date
) -> PeopleRefusal | None:
    is_away = family.home_id is not None and family.home_id not in places
    return (
        _refuse(guardian, today)
        or refuse_guardian(guardian, family.language)
        or (PeopleRefusal.HOME_UNKNOWN if is_away else None)
    )


def _refuse(person: PersonDetails, today: date) -> PeopleRefusal | None:
    return refuse_person(person, today=today, synthetic_allowed=settings.SYNTHETIC_PEOPLE_ALLOWED)


def _child_lookup(guardian_iin: str, child: PersonDetails) -> bytes:
    """A child without an IIN is known again by its guardian, given name and birth date: no second one appears."""
    if child.iin is not None:
        return queries.iin_lookup(CHILD, child.iin)
    return cipher.lookup("child without iin", f"{guardian_iin}\0{folded(child.given)}\0{child.born_on}")


def _without_differing(verdicts: list[_Candidate | RowOutcome]) -> list[_Candidate | RowOutcome]:
    """Refuse rows whose child is stored under another birth date: the look-up may have hit another child's number.

    The check digit can't see every slip (DOMAIN.md 0, point 5), so this is where one is noticed.
    """
    wanted = {c.child_lookup: c.child for c in verdicts if isinstance(c, _Candidate)}
    differing = steps.differing_births(CHILD, wanted)
    return [
        RowOutcome(v.row, reason=PeopleRefusal.BIRTH_DATE_DIFFERS)
        if isinstance(v, _Candidate)
        and (v.child_lookup in differing or v.child.born_on != wanted[v.child_lookup].born_on)
        else v
        for v in verdicts
    ]


def _store(candidates: Sequence[_Candidate], territory_id: int, at: datetime) -> steps.Stored:
    first_by_guardian = _first(candidates, lambda c: c.guardian_lookup)
    first_by_child = _first(candidates, lambda c: c.child_lookup)
    guardians = steps.store_persons(GUARDIAN, GUARDIAN, {k: c.guardian for k, c in first_by_guardian.items()})
    children = steps.store_persons(CHILD, CHILD, {k: c.child for k, c in first_by_child.items()})
    made = [
        (guardians.ids[k], c.family.language)
        for k, c in first_by_guardian.items()
        if guardians.ids[k] in guardians.made
    ]
    steps.insert_guardians([i for i, _ in made], [language for _, language in made], territory_id, at)
    born = [(children.ids[k], c.family.home_id) for k, c in first_by_child.items() if children.ids[k] in children.made]
    steps.insert_children([i for i, _ in born], [home for _, home in born], territory_id, at)
    link_guardians(
        {
            (guardians.ids[c.guardian_lookup], children.ids[c.child_lookup]): (c.proof.kind, c.proof.evidence)
            for c in candidates
        },
        at,
    )
    return children


def _first(candidates: Sequence[_Candidate], key: Callable[[_Candidate], bytes]) -> dict[bytes, _Candidate]:
    first: dict[bytes, _Candidate] = {}
    for candidate in candidates:
        first.setdefault(key(candidate), candidate)
    return first


def _outcome(verdict: _Candidate | RowOutcome, ids: Mapping[bytes, int]) -> RowOutcome:
    return verdict if isinstance(verdict, RowOutcome) else RowOutcome(verdict.row, id=ids[verdict.child_lookup])
