"""A provider's venues and what a running group is: told by its manager, changed at any time."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from uuid import UUID

from django.db import transaction

from qosymsha.domain.people import queries as people
from qosymsha.domain.programmes import queries as programmes
from qosymsha.domain.providers import steps
from qosymsha.domain.providers.access import ALLOWED, Action
from qosymsha.domain.providers.models import ClubGroup, Provider, Venue
from qosymsha.domain.providers.queries import running
from qosymsha.domain.providers.rules import ProviderRefusal, refuse_charge
from qosymsha.domain.providers.rules.running import GroupTerms, VenueTerms, refuse_terms, refuse_venue
from qosymsha.domain.providers.states import GroupState, Topic
from qosymsha.kernel import audit, idempotency, locks, outbox
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.errors import Refused
from qosymsha.kernel.text import normal

_LOCK = "providers.timetable"  # as open_groups: what a hall may hold and what is put into it never change at once


@transaction.atomic(durable=True)
def add_venue(*, actor: Actor, provider_id: int, terms: VenueTerms, at: datetime, key: UUID) -> int:
    """A new venue of a provider; its id.

    Raises:
        Forbidden: the actor is not this provider's manager.
        Refused: provider_unknown; address_missing, bad_capacity, adaptation_unknown, place_unreadable;
            district_unknown — outside the provider's territory; venue_taken — there is one at this address.
    """
    require(actor, Action.CHANGE_VENUE, ALLOWED, provider_id=provider_id)
    body = [provider_id, str(terms)]
    seen = idempotency.repeat(actor=actor, verb="add_venue", key=key, body=body, at=at)
    if seen is not None:
        return int(seen)
    _refuse_venue(provider_id, terms)
    venue_id = steps.store_venue(provider_id, terms)
    if venue_id is None:
        raise Refused(ProviderRefusal.VENUE_TAKEN)
    audit.record(
        actor=actor, at=at, action=Action.CHANGE_VENUE, subject_kind="venue", subject_ids=[venue_id],
        detail={"provider_id": provider_id, "added": True},
    )  # fmt: skip
    idempotency.keep(actor=actor, verb="add_venue", key=key, outcome=venue_id)
    return venue_id


@transaction.atomic(durable=True)
def change_venue(*, actor: Actor, venue_id: int, terms: VenueTerms, at: datetime, key: UUID) -> None:
    """Another address, capacity or adaptations of a venue; it may hold no fewer than the timetable puts into it.

    Raises:
        Forbidden: the actor is not the manager of the venue's provider.
        Refused: venue_unknown; as add_venue; venue_full — groups that meet there need more.
    """
    require(actor, Action.CHANGE_VENUE, ALLOWED)
    locks.exclusive(_LOCK)
    venue = Venue.objects.select_for_update().filter(id=venue_id).first()
    if venue is None:
        raise Refused(ProviderRefusal.VENUE_UNKNOWN)
    require(actor, Action.CHANGE_VENUE, ALLOWED, provider_id=venue.provider_id)
    if idempotency.repeat(actor=actor, verb="change_venue", key=key, body=[venue_id, str(terms)], at=at) is not None:
        return
    _refuse_venue(venue.provider_id, terms)
    here = Venue.objects.filter(
        provider=venue.provider_id, district=terms.district_id, address_ru=normal(terms.address_ru)
    )
    if here.exclude(id=venue_id).exists():
        raise Refused(ProviderRefusal.VENUE_TAKEN)
    if terms.capacity < running.fullest(venue_id, local_day(at)):
        raise Refused(ProviderRefusal.VENUE_FULL)
    steps.change_venue(venue, terms)
    audit.record(
        actor=actor, at=at, action=Action.CHANGE_VENUE, subject_kind="venue", subject_ids=[venue_id],
        detail={"provider_id": venue.provider_id, "from_capacity": venue.capacity, "capacity": terms.capacity},
    )  # fmt: skip
    idempotency.keep(actor=actor, verb="change_venue", key=key, outcome=True)


def _refuse_venue(provider_id: int, terms: VenueTerms) -> None:
    fault = refuse_venue(terms)
    if fault is not None:
        raise Refused(fault)
    provider = Provider.objects.filter(id=provider_id).first()
    if provider is None:
        raise Refused(ProviderRefusal.PROVIDER_UNKNOWN)
    if terms.district_id not in people.territories_below([provider.territory_id])[provider.territory_id]:
        raise Refused(ProviderRefusal.DISTRICT_UNKNOWN)


@transaction.atomic(durable=True)
def change_group(*, actor: Actor, group_id: int, terms: GroupTerms, at: datetime, key: UUID) -> None:
    """Another language, ages, way of teaching, or what a family adds. Children who have a place keep it.

    Timetable, places and end are verbs of their own (`running`), for they touch lessons and seats.

    Raises:
        Forbidden: the actor is not the manager of the group's provider.
        Refused: group_unknown; no_such_step — it is closed; language_unknown, bad_ages, mode_unknown;
            charge_above_rule; no_rules_in_force; nothing_changed.
    """
    require(actor, Action.CHANGE_GROUP, ALLOWED)
    group = ClubGroup.objects.select_for_update().filter(id=group_id).first()
    if group is None:
        raise Refused(ProviderRefusal.GROUP_UNKNOWN)
    require(actor, Action.CHANGE_GROUP, ALLOWED, provider_id=group.provider_id)
    if idempotency.repeat(actor=actor, verb="change_group", key=key, body=[group_id, str(terms)], at=at) is not None:
        return
    if group.state != GroupState.OPEN:
        raise Refused(ProviderRefusal.NO_SUCH_STEP, state=group.state)
    fault = refuse_terms(terms)
    if fault is None and terms.adds_tiyn != group.adds_tiyn:
        fault = refuse_charge(terms.adds_tiyn, programmes.rules_in_force(group.programme_id, local_day(at)).rules)
    if fault is not None:
        raise Refused(fault)
    wished = asdict(terms)
    changed = {name: [getattr(group, name), value] for name, value in wished.items() if getattr(group, name) != value}
    if not changed:
        raise Refused(ProviderRefusal.NOTHING_CHANGED)
    steps.change_group(group_id, terms)
    audit.record(
        actor=actor, at=at, action=Action.CHANGE_GROUP, subject_kind="group", subject_ids=[group_id],
        territory_id=group.territory_id, detail=changed,
    )  # fmt: skip
    outbox.tell(topic=Topic.GROUP_CHANGED, subject_kind="group", subject_ids=[group_id], at=at, detail={})
    idempotency.keep(actor=actor, verb="change_group", key=key, outcome=True)
