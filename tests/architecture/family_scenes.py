"""What the wall's families do not show on its day: a page with the form, and the guardian whose page it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from django.test import Client

from qosymsha.domain.agreements.models import GroupWait
from qosymsha.domain.attendance.models import Session
from qosymsha.domain.people import commands as people
from qosymsha.domain.people.states import Purpose
from qosymsha.domain.providers.models import ClubGroup
from qosymsha.domain.trials.models import TrialLesson
from qosymsha.domain.vouchers.models import Enrolment, Voucher
from qosymsha.kernel import clock
from tests.factories import choice, vouchers, wall, wall_stories
from tests.factories.presence import shown_at
from tests.interfaces import browsing

# Forms that no page of the wall's families shows, each with where it is sent twice instead.
NOT_STANDING = {
    "family-stay": "a move that waits for another line's money: tests/rooms/test_vouchers_waits.py",
    "family-keep": "a parting that waits for the child's other guardian: its own tests",
}
# What only one word will do for.
GIVEN: dict[str, dict[str, object]] = {"family-preferences": {"email": "ana@mail.kz"}}
# Forms that this day refuses whatever is typed: they are sent all the same.
NOT_DONE = {"family-children": "the wall's guardians have no number to ask a registry with: test_family_children.py"}
# Forms of which a second tab's sending is another sending, rightly.
AGAIN = {
    "family-here": "the refusal of a second reading is counted",
    "family-renewal": "the last word holds",
    "family-refusal": "the last word holds",
    "family-paper-give": "another paper",
    "family-case-papers": "another paper",
    "family-absences": "told twice, it stands twice; nothing follows from it",
    "family-draft-save": "a draft is written over",
}
# Forms that take an incomplete content, rightly.
TAKES_LESS = {("family-draft-save", "kind"): "a draft may be incomplete"}


@dataclass(frozen=True)
class Scene:
    """A guardian's browser, and the pages below `family/` on which the forms stand."""

    client: Client
    pages: tuple[str, ...]


def scenes(here: wall.Wall) -> Iterator[Scene]:
    """All of them, made by commands where the wall has none."""
    for arranged in (_lists, _vouchers, _places, _wishes, _offers, _consents, _lesson):
        yield from arranged(here)


def _of_guardian(guardian_id: int, *pages: str) -> Scene:
    client = Client(raise_request_exception=False)
    return Scene(browsing.come_in(client, browsing.guardian_user(guardian_id), strong=True), pages)


def _lists(here: wall.Wall) -> Iterator[Scene]:
    """A month to confirm; a lesson on trial; a list one waits on."""
    city = here.of.city
    yield _of_guardian(city.guardian(here.of.rows[-1].child_id), "months/")
    yield _of_guardian(city.guardian(TrialLesson.objects.earliest("id").child_id), "trials/")
    yield _of_guardian(city.guardian(GroupWait.objects.filter(state="waiting").earliest("id").child_id), "waiting/")


def _vouchers(here: wall.Wall) -> Iterator[Scene]:
    """A voucher that waits for its answer."""
    (child,) = vouchers.add_children(here.of.city, 1)
    (voucher,) = vouchers.issue(here.of.city, [child], at=clock.read())
    Voucher.objects.filter(pk=voucher).update(accept_by=clock.local_day(clock.read()) + timedelta(days=2))
    yield _of_guardian(here.of.city.guardian(child), "vouchers/")


def _places(here: wall.Wall) -> Iterator[Scene]:
    """A voucher without a place, a free group and a full one; a place, another group; a child that comes to try."""
    city = here.of.city
    days = (1, 2, 3, 4, 5, 6)
    free, full, other = (vouchers.add_group(city, weekdays=days, capacity=seats) for seats in (5, 1, 5))
    vouchers.enrolled(city, full, 1)
    ((_, _, guardian),) = vouchers.accepted(city, 1)
    yield _of_guardian(guardian, f"groups/{_group(free)}/take/", f"groups/{_group(full)}/wait/")
    ((_, placed, _),) = vouchers.enrolled(city, free, 1)
    yield _of_guardian(placed, f"groups/{_group(other)}/move/")
    (child,) = vouchers.add_children(city, 1)
    tried = TrialLesson.objects.earliest("id").session.group_id
    yield _of_guardian(city.guardian(child), f"groups/{_group(tried)}/trial/")


def _wishes(_: wall.Wall) -> Iterator[Scene]:
    """A list in an open round, and a group that is not on it yet."""
    city, at = choice.town(), clock.read()
    starts = clock.local_day(at) + timedelta(days=9)
    the_round = choice.opened(city, choice.plan(opens_at=at, closes_at=at + timedelta(days=3), starts_on=starts))
    (child,) = choice.holders(city, 1)
    first, second = (vouchers.add_group(city, weekdays=(day,)) for day in (1, 3))
    (outcome,) = choice.file(the_round, [(child, [first])], at=at)
    assert outcome.reason is None
    yield _of_guardian(child.guardian, "wishes/", f"wishes/add/{_group(second)}/")


def _offers(_: wall.Wall) -> Iterator[Scene]:
    """A freed place offered to a child."""
    child = wall_stories.offered()
    offer = choice.open_offers()[child.voucher]
    yield _of_guardian(child.guardian, "offers/", f"offers/{offer.uuid}/take/")


def _consents(here: wall.Wall) -> Iterator[Scene]:
    """A guardian who has said no, about the child and about oneself."""
    (child,) = vouchers.add_children(here.of.city, 1)
    guardian = here.of.city.guardian(child)
    scene = _of_guardian(guardian, "consents/")
    actor = browsing.actor(int(scene.client.session["user"]))
    for about in (child, None):
        people.withdraw_consent(
            actor=actor,
            guardian_id=guardian,
            child_id=about,
            purpose=Purpose.REGISTRIES,
            at=clock.read(),
            key=browsing.new_key(),
        )
    yield scene


def _lesson(here: wall.Wall) -> Iterator[Scene]:
    """A lesson of this hour, its code read by the telephone's camera."""
    at = clock.read()
    now = Session.objects.filter(starts_at__lte=at, ends_at__gt=at).latest("id")
    child = Enrolment.objects.filter(group_id=now.group_id, state="active").earliest("id").child_id
    yield _of_guardian(here.of.city.guardian(child), f"here/?c={shown_at(now, at)}")


def _group(group_id: int) -> str:
    return str(ClubGroup.objects.get(pk=group_id).uuid)
