"""One object of each kind that an address names, and for each the people: its owner, a stranger, who owned it before.

What stands in the place of an address is a line of `wall_objects.OBJECTS`.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.test import Client

from qosymsha.domain.assistance.models import AssistedVisit
from qosymsha.domain.factors import commands as factors
from qosymsha.domain.factors.rules import Site, Where
from qosymsha.domain.people import commands as people
from qosymsha.domain.people.models import Department, Guardianship, Membership, Territory
from qosymsha.domain.people.states import FAMILY, Role
from qosymsha.domain.providers.models import Provider
from qosymsha.domain.settlement import commands as settlement
from qosymsha.interfaces.ui.sessions import SessionStore
from qosymsha.kernel import clock
from tests.factories import choice, errands, notices, youths
from tests.factories import wall_stories as stories
from tests.factories.attendance import guardian_of
from tests.factories.office import Desk, answer, approved_sheet, claimed, desk, paid_out, screened
from tests.factories.papers import CUSTOMER
from tests.factories.passkeys import Device
from tests.factories.vouchers import SYSTEM, YEAR, add_group, key, make_city
from tests.factories.wall_objects import NAMED, OBJECTS, Kind, Owned
from tests.interfaces import browsing

__all__ = ["NAMED", "OBJECTS", "Kind", "Owned"]

DOORS = {"family": frozenset(FAMILY), "provider": frozenset({Role.TEACHER, Role.PROVIDER_MANAGER})}
UNKNOWN = {"uuid": "00000000-0000-4000-8000-000000000007", "int": "700700", "str": "unknown", "slug": "x", "path": "x"}


def owners(address: str) -> frozenset[Role]:
    """The roles that own what an address of this door names; others may ask there too, and own nothing."""
    door = address.partition("/")[0]
    return DOORS.get(door, frozenset(Role) - FAMILY - DOORS["provider"])


@dataclass
class Wall:
    """The objects, and browsers of people by what they are to an object."""

    of: Desk
    other_provider: int
    other_territory: int
    other_guardian: int
    clients: dict[tuple[object, ...], Client] = field(default_factory=dict)
    found: dict[Kind, Owned] = field(default_factory=dict)

    def kind(self, address: str, place: str) -> Kind | None:
        """Which object stands in this place of the address; None where the registry has no line."""
        fitting = [key for key in OBJECTS if key[1] == place and address.startswith(key[0])]
        return OBJECTS[max(fitting, key=lambda key: len(key[0]))] if fitting else None

    def kinds(self, address: str) -> list[Kind]:
        """The objects of an address."""
        found = [self.kind(address, place) for place in re.findall(r"<(?:\w+:)?(\w+)>", address)]
        return [kind for kind in found if kind is not None]

    def owned(self, kind: Kind) -> Owned:
        """The object of that kind, and whose it is; asked of the database once."""
        if kind not in self.found:
            with connection.cursor() as cursor:
                cursor.execute(kind.sql)
                row = cursor.fetchone()
            self.found[kind] = Owned("") if row is None else Owned(str(row[0]), *row[1:])
        return self.found[kind]

    def client(self, role: str, who: str, thing: Owned) -> Client | None:
        """The browser of somebody with this role: `own` to the thing, or one of `STRANGERS`; None: no such person."""
        key = (role, who, thing.child_id, thing.provider_id, thing.territory_id, thing.user_id, thing.department_id)
        if key not in self.clients or not stands(self.clients[key]):
            user = self._user(Role(role), who, thing)
            if user is None:
                return None
            self.clients[key] = browsing.come_in(Client(raise_request_exception=False), user, strong=True)
        return self.clients[key]

    def clerk(self, who: str) -> tuple[Client, str]:
        """The browser of a clerk of the city, by one of `CLERKS`, and the clerk's own visit ("" for none)."""
        user = browsing.official(Role.CLERK, territory_id=self.of.city.territory_id, name=f"wall:clerk:{who}")
        own = ""
        if who != "none":
            row = 0 if who == "another" else -1
            own = str(stories.helped(self.of, user, proved=who != "unproved", row=row))
        if who == "over":
            AssistedVisit.objects.filter(clerk_id=user).update(proved_at=clock.read() - timedelta(hours=12))
        return browsing.come_in(Client(raise_request_exception=False), user, strong=True), own

    def within(self, visit: str, address: str, *filled: str) -> tuple[str, ...]:
        """Addresses with another visit in the place of theirs."""
        kind = self.kind(address, "visit_uuid")
        theirs = self.owned(kind).value if kind is not None else ""
        return tuple(
            one.replace(theirs, visit).replace(f"assist/{UNKNOWN['uuid']}", f"assist/{visit}") for one in filled
        )

    def _user(self, role: Role, who: str, thing: Owned) -> int | None:
        if thing.user_id is not None:
            return thing.user_id if who == "own" else self._user(role, who, Owned(""))
        if role == Role.GUARDIAN:
            return None if who in BY_DEPARTMENT else self._guardian(who, thing)
        if role == Role.YOUTH:
            return None if who in BY_DEPARTMENT else self._youth(who, thing)
        if role in DOORS["provider"]:
            house = thing.provider_id or self.of.city.provider_id
            return None if who in BY_DEPARTMENT else self._bound(role, who, house, provider_id=house)
        place = thing.territory_id or self.of.city.territory_id
        if who in BY_DEPARTMENT:
            return None if thing.department_id is None else self._of_department(role, who, place, thing.department_id)
        return self._bound(role, who, place, territory_id=place, department_id=thing.department_id)

    def _guardian(self, who: str, thing: Owned) -> int:
        child = thing.child_id or self.of.rows[0].child_id
        if who == "own":
            return browsing.guardian_user(Guardianship.objects.filter(child_id=child).earliest("id").guardian_id)
        if who == "former":
            began = clock.local_day(clock.read())
            Guardianship.objects.get_or_create(
                guardian_id=self.other_guardian, child_id=child, kind="parent", evidence="ended",
                valid=(began - timedelta(days=900), began - timedelta(days=1)),
            )  # fmt: skip
        return browsing.guardian_user(self.other_guardian)

    def _youth(self, who: str, thing: Owned) -> int:
        """The child itself, or one of another family, who bore an account of this child's until today."""
        child = thing.child_id or self.of.rows[0].child_id
        if who == "own":
            return youths.admit(child)
        other = Guardianship.objects.filter(guardian_id=self.other_guardian).exclude(child_id=child).earliest("id")
        user = youths.admit(other.child_id)
        if who == "former":
            began = clock.local_day(clock.read())
            Guardianship.objects.get_or_create(
                guardian_id=youths.account(other.child_id), child_id=child, kind="self", evidence="ended",
                valid=(began - timedelta(days=900), began - timedelta(days=1)),
            )  # fmt: skip
        return user

    def _bound(self, role: Role, who: str, own: int, **scope: int | None) -> int:
        """Somebody with the role here, elsewhere, or elsewhere now and here until today."""
        elsewhere = {"provider_id": self.other_provider} if "provider_id" in scope else None
        there: dict[str, int | None] = elsewhere or {"territory_id": self.other_territory}
        user = _appointed(
            f"wall:{role}:{who}:{own}:{scope.get('department_id')}", role, scope if who == "own" else there
        )
        if who == "former":
            _had(user, role, **scope)
        return user

    def _of_department(self, role: Role, who: str, place: int, department_id: int) -> int:
        """Somebody of the same territory in another department; `moved` was in the thing's own one until today."""
        other = Department.objects.exclude(pk=department_id).filter(territory_id=place).earliest("id").pk
        here = {"territory_id": place, "department_id": other}
        user = _appointed(f"wall:{role}:{who}:{place}:{department_id}", role, here)
        if who == "moved":
            _had(user, role, territory_id=place, department_id=department_id)
        return user


# What a clerk may be to a family: without a visit; with one it did not prove; with a proved one of another family; with
# one that is over; at another point, where the family was too.
CLERKS = ("none", "unproved", "another", "over", "elsewhere")
# What somebody may be to a thing. Own, another's, once one's own; of the same territory but of another department, now
# or since today. The last two are people of things that a department's line pays for.
BY_DEPARTMENT = ("department", "moved")
STRANGERS = ("foreign", "former", *BY_DEPARTMENT)


def _appointed(name: str, role: Role, scope: Mapping[str, int | None]) -> int:
    appointment = people.Appointment(name, role, **scope)
    return people.appoint(actor=SYSTEM, appointment=appointment, at=clock.read(), key=key())


def _had(user_id: int, role: Role, **scope: int | None) -> None:
    """The right they had until today."""
    today = clock.local_day(clock.read())
    Membership.objects.get_or_create(user_id=user_id, role=role, valid=(today - timedelta(days=900), today), **scope)


def build() -> Wall:
    """A city on one day with everything an address names, made by commands, and strangers to all of it."""
    of = desk(
        families=6, silent=1, device="", of=make_city(agreements=stories.CHARGED)
    )  # first: its rows are the first
    answer(paid_out(of))
    for story in stories.STORIES:
        story(of)
    notices.planted(of)
    errands.waiting(of.city.territory_id, of.official(Role.PROGRAMME_OFFICER))
    other = desk(families=1, silent=0, device="")
    stranger = guardian_of(other.rows[0])
    _act(other)
    wished = choice.town()
    (child,) = choice.holders(wished, 1)
    choice.run(wished, [(child, [add_group(wished, capacity=1)])])
    stories.wished()
    stories.offered()
    _staff(of)
    _passkey(of.official(Role.PAYER))
    bare = Provider.objects.create(
        number="P-bare", territory_id=other.city.territory_id, legal_form="company", bin="990440000999", name="Bare",
        created_at=clock.read(),
    )  # fmt: skip
    elsewhere = Territory.objects.create(kato="999000000", kind="city", name_kk="Бөтен", name_ru="Чужой", valid=YEAR)
    return Wall(of, bare.pk, elsewhere.pk, stranger)


def _act(of: Desk) -> None:
    assert screened(of) == []
    approved_sheet(of)
    where = {"actor": SYSTEM, "programme_id": of.city.programme_id, "at": clock.read(), "key": key()}
    (outcome,) = settlement.draw_acts(claim_ids=[claimed(of).pk], customer=CUSTOMER, **where)
    assert outcome.reason is None


def _staff(of: Desk) -> None:
    """A clerk of the city, and a powerful role that waits for a second operator."""
    territory = of.city.territory_id
    of.official(Role.CLERK)
    proposer = browsing.actor(browsing.official(Role.OPERATOR, territory_id=territory, name="wall:proposer"))
    draft = people.Appointment("wall:payer", Role.PAYER, territory)
    people.propose_role(actor=proposer, appointment=draft, at=clock.read(), key=key())


def _passkey(user_id: int) -> None:
    actor, where = browsing.actor(user_id), Where("wall", Site("http://testserver", "testserver"))
    options = factors.ask_to_add(actor=actor, where=where, at=clock.read())
    told = Device().add(options)
    assert factors.add_passkey(actor=actor, where=where, answer=told, name="key", at=clock.read()) is None


@contextmanager
def undone(*clients: Client) -> Iterator[None]:
    """What happens inside is as if it never was, also to browsers' cookies; commands may open transactions in it."""
    cookies = [(one, copy.deepcopy(one.cookies)) for one in clients]
    atom: Any = transaction.atomic()
    atom._from_testcase = True
    with atom:
        yield
        transaction.set_rollback(True)
    for client, kept in cookies:
        client.cookies = kept


def stands(client: Client) -> bool:
    """Whether its visit is there: what signed in within a test is gone with it."""
    name = client.cookies[settings.SESSION_COOKIE_NAME].value
    return SessionStore().exists(name)
