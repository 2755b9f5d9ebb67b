"""Two phones at once and a storm of replays: one check-in; the controls show what holds it."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections

from qosymsha.domain.attendance import commands, rules, steps
from qosymsha.domain.attendance.commands import checkins
from qosymsha.domain.attendance.models import CheckIn, CheckInRefusal
from qosymsha.domain.attendance.rules import Accepted, Scan
from qosymsha.domain.people.models import Guardianship
from qosymsha.kernel.errors import Refused
from tests.factories.presence import Venue, guardian, venue
from tests.factories.vouchers import YEAR, add_children, key

pytestmark = pytest.mark.django_db(transaction=True)
PHONES = 4


@pytest.fixture
def all_judged_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody stores before everybody was judged: each phone has found no check-in yet."""
    barrier = threading.Barrier(PHONES, timeout=10)
    judge = rules.judge

    def wait(*given: object) -> object:
        verdict = judge(*given)  # type: ignore[arg-type]
        barrier.wait()
        return verdict

    monkeypatch.setattr(checkins, "judge", wait)


def at_once(calls: list[Callable[[], object]]) -> Counter[str]:
    """What so many threads heard: `accepted`, or the reason."""

    def heard(call: Callable[[], object]) -> str:
        try:
            call()
        except Refused as refused:
            return refused.reason.value
        finally:
            connections.close_all()
        return "accepted"

    with ThreadPoolExecutor(len(calls)) as pool:
        return Counter(pool.map(heard, calls))


def phones(here: Venue) -> list[Callable[[], object]]:
    """Mother's and father's phones, and each of them again under another key."""
    mother, child, _ = here.families[0]
    father = here.city.guardian(add_children(here.city, 1)[0])
    Guardianship.objects.create(guardian_id=father, child_id=child, kind="father", evidence="test", valid=YEAR)
    scan = here.scan()

    def send(who: int) -> Callable[[], object]:
        mine = Scan(child, who, scan.code, scan.session)
        once = key()
        return lambda: commands.check_in(actor=guardian(who), scan=mine, at=here.lesson.starts_at, key=once)

    return [send(mother), send(father), send(mother), send(father)]


@pytest.mark.usefixtures("all_judged_first")
def test_of_phones_that_scan_at_once_one_checks_the_child_in() -> None:
    assert at_once(phones(venue())) == {"accepted": 1, "already_checked_in": PHONES - 1}
    assert CheckIn.objects.count() == 1
    assert CheckInRefusal.objects.count() == PHONES - 1


@pytest.mark.usefixtures("all_judged_first")
def test_control_if_what_was_stored_were_not_asked_every_phone_would_hear_yes(monkeypatch: pytest.MonkeyPatch) -> None:
    store = steps.write_check_ins

    def believing(accepted: list[tuple[Scan, Accepted]]) -> set[tuple[int, int]]:
        store(accepted)
        return {(a.lesson.id, a.place.enrolment_id) for _, a in accepted}

    monkeypatch.setattr(steps, "write_check_ins", believing)
    assert at_once(phones(venue())) == {"accepted": PHONES}


def test_a_request_repeated_at_once_under_its_key_is_done_once_and_answered_alike() -> None:
    here = venue()
    mother, _, _ = here.families[0]
    once, scan = key(), here.scan()
    send: Callable[[], object] = lambda: commands.check_in(  # noqa: E731
        actor=guardian(mother), scan=scan, at=here.lesson.starts_at, key=once
    )
    assert at_once([send] * PHONES) == {"accepted": PHONES}
    assert (CheckIn.objects.count(), CheckInRefusal.objects.count()) == (1, 0)


def test_control_with_a_key_each_the_repeats_are_refused() -> None:
    here = venue()
    mother, _, _ = here.families[0]
    scan = here.scan()
    send: Callable[[], object] = lambda: commands.check_in(  # noqa: E731
        actor=guardian(mother), scan=scan, at=here.lesson.starts_at, key=key()
    )
    assert at_once([send] * PHONES) == {"accepted": 1, "already_checked_in": PHONES - 1}
