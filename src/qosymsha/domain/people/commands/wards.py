"""Who acts for a guardianship body links all its children at once: the registry names them, nothing is typed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import transaction

from qosymsha.domain.people import queries, steps
from qosymsha.domain.people.access import ALLOWED, Action
from qosymsha.domain.people.linked import link_guardians
from qosymsha.domain.people.models import Guardian
from qosymsha.domain.people.ports import ProvedChild
from qosymsha.domain.people.rules import PersonDetails, refuse_person, tidy
from qosymsha.domain.people.states import GuardianKind, Topic
from qosymsha.kernel import audit, cipher, idempotency, locks, outbox
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.errors import Forbidden

CHILD = "child"


@dataclass(frozen=True, slots=True)
class Linked:
    """How many children a body's person speaks for now by the registry's word, and how many it left without a name."""

    linked: int
    unnamed: int


@transaction.atomic(durable=True)
def link_wards(*, actor: Actor, proved: Sequence[ProvedChild], at: datetime, key: UUID) -> Linked:
    """Link the children whom the registry's answer (`proved`, fetched before) puts in the care of the actor's body.

    Children of the actor's own (parent, guardian, foster) are linked one by one, as before. One not known here is made
    where the registry gives its number, name and birth date; else it is counted, to be typed from its papers.

    Raises:
        Forbidden: the actor is no guardian.
    """
    require(actor, Action.LINK_CHILD, ALLOWED)
    if actor.guardian_id is None:
        raise Forbidden(Action.LINK_CHILD)
    locks.exclusive(f"numbers:{actor.user_id}")
    body = [cipher.lookup("link_wards", str(one)).hex() for one in proved]
    seen = idempotency.repeat(actor=actor, verb="link_wards", key=key, body=body, at=at)
    if seen is not None:
        return Linked(**seen)
    given = {queries.iin_lookup(CHILD, one.child_iin): one for one in proved if _is_bodys(one) and one.child_iin}
    known = queries.by_lookup(CHILD, list(given))
    fresh = {lookup: _person(one) for lookup, one in given.items() if lookup not in known}
    named = {lookup: person for lookup, person in fresh.items() if _is_named(person, at)}
    home = Guardian.objects.get(pk=actor.guardian_id)
    stored = steps.store_persons(CHILD, CHILD, named)
    made = sorted(stored.made)
    steps.insert_children(made, [None] * len(made), home.territory_id, at)
    ids = known | stored.ids
    pairs = {(home.pk, i): (given[lookup].kind, given[lookup].evidence) for lookup, i in ids.items()}
    link_guardians(pairs, at)
    _told(actor, sorted(ids.values()), made, home.territory_id, at)
    done = Linked(len(ids), sum(_is_bodys(one) for one in proved) - len(ids))
    idempotency.keep(actor=actor, verb="link_wards", key=key, outcome=asdict(done))
    return done


def _is_bodys(one: ProvedChild) -> bool:
    return one.kind == GuardianKind.BODY


def _person(one: ProvedChild) -> PersonDetails:
    return tidy(PersonDetails(one.child_iin, "", one.given, born_on=one.born_on))


def _is_named(person: PersonDetails, at: datetime) -> bool:
    fault = refuse_person(person, today=local_day(at), synthetic_allowed=settings.SYNTHETIC_PEOPLE_ALLOWED)
    return fault is None and person.born_on is not None


def _told(actor: Actor, ids: list[int], made: list[int], territory_id: int, at: datetime) -> None:
    audit.record(
        actor=actor, at=at, action=Action.LINK_CHILD, subject_kind=CHILD, subject_ids=ids,
        territory_id=territory_id, detail={"new": len(made), "by": GuardianKind.BODY.value},
    )  # fmt: skip
    outbox.tell(topic=Topic.CHILD_REGISTERED, subject_kind=CHILD, subject_ids=made, at=at)
