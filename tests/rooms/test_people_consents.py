"""Consents: given, withdrawn, given again; and no registry is asked about whom a guardian says no for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import override_settings
from django.test.utils import CaptureQueriesContext

from qosymsha.domain.people import asking, commands, consenting, erasing, queries
from qosymsha.domain.people.models import Child, Consent, Guardianship
from qosymsha.domain.people.ports import ProvedChild, RegistryFault, RegistryUnavailable, StatusAnswer
from qosymsha.domain.people.rules import FamilyRow, GuardRefusal
from qosymsha.domain.people.states import Purpose, Role
from qosymsha.integrations.registries import fake
from qosymsha.interfaces.cli.loading import families as loading
from qosymsha.interfaces.files.reading import Taken, Verdict
from qosymsha.kernel.actor import Actor
from qosymsha.kernel.errors import BadInput, Forbidden, Refused
from qosymsha.kernel.models import AuditEvent
from tests.factories import people
from tests.factories.people import AT, TODAY, actor, astana, child, family, guardian, guardian_id, proofs_for, register
from tests.interfaces import browsing

pytestmark = pytest.mark.django_db
LATER = AT + timedelta(days=1)
CHANNEL = actor(Role.CHANNEL)


class Town:
    """A child of two guardians, and another child of the first alone."""

    def __init__(self) -> None:
        both, alone = family(1).children[0], family(1, 2).children[1]
        self.rows = [FamilyRow(guardian(1), (both, alone)), FamilyRow(guardian(2), (both,))]
        self.place = astana()
        outcomes = register(self.place, self.rows)
        self.first, self.second = (guardian_id(row) for row in self.rows)
        self.shared, self.alone = (outcome.id or 0 for outcome in outcomes[:2])
        self.iins = [both.iin or "", alone.iin or ""]
        statuses = [StatusAnswer(iin, "sen", "register", "evidence", TODAY, None) for iin in self.iins]
        self.registry = Heard(proofs_for(self.rows), statuses)

    def stopped(self) -> frozenset[int]:
        return consenting.stopped_children([self.shared, self.alone], TODAY)


class Heard(fake.FakeRegistry):
    """A registry that keeps what it was asked."""

    def __init__(self, children: Any, statuses: Any) -> None:
        super().__init__(children, statuses)
        self.asked: list[str] = []

    def children_of(self, guardian_iin: str) -> list[ProvedChild]:
        self.asked.append(guardian_iin)
        return super().children_of(guardian_iin)

    def statuses_of(self, child_iins: Sequence[str]) -> list[StatusAnswer]:
        self.asked.extend(child_iins)
        return super().statuses_of(child_iins)


@pytest.fixture
def town() -> Town:
    return Town()


def give(who: int, child_id: int | None, at: Any = AT, by: Actor = CHANNEL) -> int:
    return commands.give_consent(
        actor=by, guardian_id=who, child_id=child_id, purpose=Purpose.REGISTRIES, at=at, key=uuid4()
    )


def withdraw(who: int, child_id: int | None, at: Any = AT, by: Actor = CHANNEL) -> None:
    commands.withdraw_consent(
        actor=by, guardian_id=who, child_id=child_id, purpose=Purpose.REGISTRIES, at=at, key=uuid4()
    )


def herself(who: int) -> Actor:
    return replace(actor(Role.GUARDIAN), guardian_id=who)


# The words themselves


def test_a_consent_is_given_by_the_guardian_of_the_child_and_can_be_withdrawn(town: Town) -> None:
    given = give(town.first, town.shared)
    assert give(town.first, town.shared) == given
    assert give(town.first, None) != given
    withdraw(town.first, town.shared, LATER)
    withdraw(town.first, town.shared, LATER + timedelta(days=1))
    assert Consent.objects.get(id=given).withdrawn_at == LATER, "the first instant counts"
    again = give(town.first, town.shared, LATER, herself(town.first))
    assert again != given
    assert list(Consent.objects.order_by("id").values_list("way", flat=True)) == ["carried", "carried", "page"]
    told = AuditEvent.objects.filter(action__in=["give_consent", "withdraw_consent"], subject_ids=[town.first])
    assert told.count() == 4


def test_only_the_guardian_speaks_and_only_for_the_own_child(town: Town) -> None:
    with pytest.raises(Refused):
        give(town.second, town.alone)
    with pytest.raises(Refused):
        withdraw(town.second, town.alone)
    for verb in (give, withdraw):
        with pytest.raises(Forbidden):
            verb(town.first, town.shared, AT, herself(town.second))
        with pytest.raises(Forbidden):
            verb(town.first, town.shared, AT, actor(Role.CHECKER))
    assert not Consent.objects.exists()


def test_purposes_are_a_closed_set_and_one_consent_stands_once(town: Town) -> None:
    with pytest.raises(BadInput):
        commands.give_consent(
            actor=CHANNEL, guardian_id=town.first, child_id=None, purpose="photos", at=AT, key=uuid4()
        )
    row = {"guardian_id": town.first, "given_at": AT, "way": "page"}
    for spoilt in ({"purpose": "photos"}, {"way": "mail"}, {"way": "none"}, {"withdrawn_at": AT - timedelta(days=1)}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Consent.objects.create(**{**row, "purpose": "registries", **spoilt})
    Consent.objects.create(**row, purpose="registries")
    with pytest.raises(IntegrityError), transaction.atomic():
        Consent.objects.create(**row, purpose="registries")


def test_a_no_without_a_yes_before_is_kept_and_can_be_turned(town: Town) -> None:
    withdraw(town.first, town.alone)
    withdraw(town.first, town.alone, LATER)
    word = Consent.objects.get()
    assert (word.way, word.given_at, word.withdrawn_at) == ("none", AT, AT)
    assert town.stopped() == {town.alone}
    give(town.first, town.alone, LATER)
    assert town.stopped() == frozenset()


# Linking carries the consent


def link(by: Actor, kid: Any, proved: Sequence[ProvedChild]) -> object:
    return commands.link_child(actor=by, child=kid, proved=proved, at=AT, key=uuid4())


def test_linking_a_child_is_a_consent_for_oneself_and_for_the_child(town: Town) -> None:
    by = queries.actor_for(browsing.guardian_user(town.first), AT)
    kid = child(40)
    assert link(by, kid, []) is GuardRefusal.CHILD_NOT_PROVED
    assert [(c.child_id, c.way) for c in Consent.objects.all()] == [(None, "linking")], "the registry was asked"
    for _ in range(2):
        assert link(by, kid, [ProvedChild(kid.iin, "parent", "birth:9", kid.born_on, kid.given)]) is None
    made = Child.objects.latest("id").pk
    assert sorted((c.child_id or 0, c.way) for c in Consent.objects.all()) == [(0, "linking"), (made, "linking")]
    assert AuditEvent.objects.filter(action="give_consent").count() == 2


def test_linking_again_does_not_turn_a_no(town: Town) -> None:
    by = queries.actor_for(browsing.guardian_user(town.first), AT)
    withdraw(town.first, town.shared)
    proved = town.registry.children_of(guardian(1).iin or "")
    assert link(by, family(1).children[0], proved) is None
    assert town.stopped() == {town.shared}


# What a no does


def test_one_guardians_no_stops_questions_about_the_child_and_not_the_others(town: Town) -> None:
    assert town.stopped() == frozenset(), "no word on record stops nothing"
    give(town.first, town.shared)
    withdraw(town.second, town.shared)
    assert town.stopped() == {town.shared}
    give(town.second, town.shared, LATER)
    assert town.stopped() == frozenset()


def test_who_speaks_for_the_child_no_longer_stops_nothing(town: Town) -> None:
    withdraw(town.second, town.shared)
    assert town.stopped() == {town.shared}
    commands.end_guardianship(
        actor=actor(Role.CHECKER), guardian_id=town.second, child_id=town.shared, reason="court", at=AT, key=uuid4()
    )
    assert town.stopped() == frozenset()


def test_a_no_for_a_child_is_none_for_oneself_nor_the_other_way_round(town: Town) -> None:
    withdraw(town.first, town.shared)
    assert consenting.stopped_guardians([town.first, town.second]) == frozenset()
    withdraw(town.second, None)
    assert consenting.stopped_guardians([town.first, town.second]) == {town.second}
    assert town.stopped() == {town.shared}


def test_categories_are_asked_of_the_others_only(town: Town) -> None:
    found = asking.statuses_of(town.registry, town.iins, TODAY)
    assert ([a.child_iin for a in found.answers], found.not_asked) == (town.iins, frozenset())  # the control
    town.registry.asked.clear()
    withdraw(town.second, town.shared)
    found = asking.statuses_of(town.registry, [*town.iins, people.number(250)], TODAY)
    assert ([a.child_iin for a in found.answers], found.not_asked) == ([town.iins[1]], frozenset(town.iins[:1]))
    assert town.registry.asked == [town.iins[1], people.number(250)]
    town.registry.asked.clear()
    assert asking.statuses_of(town.registry, town.iins[:1], TODAY).answers == []
    assert town.registry.asked == []


def test_a_withdrawn_guardian_is_not_asked_about_as_if_the_registry_were_down(town: Town) -> None:
    iins = [row.guardian.iin or "" for row in town.rows]
    assert len(asking.children_of(town.registry, town.first, iins[0])) == 2  # the control
    withdraw(town.first, None)
    town.registry.asked.clear()
    with pytest.raises(RegistryUnavailable) as silence:
        asking.children_of(town.registry, town.first, iins[0])
    assert silence.value.fault is RegistryFault.CONSENT_WITHDRAWN
    found = asking.families_of(town.registry, [*iins, iins[1]])
    assert (list(found.proved), found.unanswered) == ([iins[1]], {iins[0]: RegistryFault.CONSENT_WITHDRAWN})
    assert town.registry.asked == [iins[1]]


def test_many_are_asked_about_with_the_same_number_of_statements(town: Town) -> None:
    rows = [family(n) for n in range(10, 40)]
    register(town.place, rows)
    counts = []
    for part in (rows[:3], rows):
        with CaptureQueriesContext(connection) as seen:
            asking.families_of(town.registry, [row.guardian.iin or "" for row in part])
            asking.statuses_of(town.registry, [row.children[0].iin or "" for row in part], TODAY)
        counts.append(len(seen))
    assert counts[0] == counts[1] == 4


def test_nothing_decided_is_undone(town: Town) -> None:
    answers = asking.statuses_of(town.registry, town.iins, TODAY).answers
    commands.record_statuses(actor=actor(Role.CHECKER), answers=answers, at=AT, key=uuid4())
    withdraw(town.first, town.shared)
    withdraw(town.first, None)
    assert queries.statuses([town.shared], TODAY) == {town.shared: frozenset({"sen"})}
    assert Guardianship.objects.filter(guardian_id=town.first).count() == 2


# The roster's door, in production


def load(town: Town, monkeypatch: pytest.MonkeyPatch) -> list[tuple[Verdict, list[tuple[str, str]]]]:
    """Each row's verdict and faults: the first guardian's two children, then the second's one."""
    monkeypatch.setattr(loading, "adapter", lambda _: town.registry)
    staff = SimpleNamespace(actor=lambda role: actor(role), at=AT)
    city = SimpleNamespace(place=SimpleNamespace(territory_id=town.place), staff=staff, today=TODAY)
    batch = [
        Taken(
            cast(Any, Row()),
            loading.FamilyDraft(row.guardian, kid, "kk", None, ProvedChild(kid.iin, "parent", ""), frozenset()),
        )
        for row in town.rows
        for kid in row.children
    ]
    with override_settings(PRODUCTION=True):
        loading.FamilyLoader(cast(Any, city)).store(cast(Any, batch))
    return [(taken.verdict, cast(Row, taken.reading).told) for taken in batch]


class Row:
    """What a row is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []

    def fault(self, column: str, code: str, advice: str) -> None:
        assert "consent" in advice
        self.told.append((column, code))


def test_a_roster_row_of_a_withdrawn_guardian_is_refused_unasked(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    assert load(town, monkeypatch) == [(Verdict.ADDED, [])] * 3  # the control
    assert queries.statuses([town.alone], TODAY)
    withdraw(town.first, None)
    town.registry.asked.clear()
    no = (Verdict.REFUSED, [("iin", "consent_withdrawn")])
    assert load(town, monkeypatch) == [no, no, (Verdict.ADDED, [])]
    assert guardian(1).iin not in town.registry.asked


def test_a_roster_row_of_a_withdrawn_child_gets_no_categories(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    withdraw(town.second, town.shared)
    no = (Verdict.REFUSED, [("categories", "consent_withdrawn")])
    assert load(town, monkeypatch) == [no, (Verdict.ADDED, []), no]
    assert town.iins[0] not in town.registry.asked
    assert list(queries.statuses([town.shared, town.alone], TODAY)) == [town.alone]


def test_old_withdrawn_words_leave_and_a_last_no_stays_a_no() -> None:
    town = Town()

    def says(verb: Any, child_id: int, days: int) -> None:
        verb(
            actor=CHANNEL, guardian_id=town.first, child_id=child_id, purpose=Purpose.REGISTRIES,
            at=AT + timedelta(days=days), key=uuid4(),
        )  # fmt: skip

    for child_id in (town.shared, town.alone):
        says(commands.give_consent, child_id, 1)
        says(commands.withdraw_consent, child_id, 2)
    says(commands.give_consent, town.shared, 3)
    assert (town.stopped(), Consent.objects.count()) == ({town.alone}, 3)
    assert erasing.forget_consents(AT + timedelta(days=2)) == 0, "not before its time"
    assert erasing.forget_consents(AT + timedelta(days=900)) == 1, "the withdrawn word that a later one followed"
    assert town.stopped() == {town.alone}
    Consent.objects.filter(child_id=town.alone).delete()  # the control: forgotten, the no would be none
    assert town.stopped() == frozenset()
