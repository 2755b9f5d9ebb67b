"""Two guardians and an application: one is filed, the other is told; after the window neither takes it back alone."""

from __future__ import annotations

import threading
from datetime import date, timedelta

import pytest
from django.db.backends.postgresql.psycopg_any import DateRange

from qosymsha.domain.admission import commands
from qosymsha.domain.admission.commands import ApplicationRow
from qosymsha.domain.admission.models import Application
from qosymsha.domain.messages.models import Notice
from qosymsha.domain.people.models import Guardianship
from qosymsha.kernel import clock
from qosymsha.kernel.errors import Refused
from tests.factories import admission, lives
from tests.factories.notices import make, over
from tests.factories.vouchers import CHANNEL, key
from tests.races import at_once

__all__ = ["over"]
INSIDE = admission.INSIDE


def withdraw(application: Application, guardian: int, at=INSIDE) -> Application:  # type: ignore[no-untyped-def]
    return commands.withdraw_application(
        actor=CHANNEL, application_id=application.pk, guardian_id=guardian, at=at, key=key()
    )


@pytest.mark.django_db
def test_the_other_is_told_of_an_application_and_may_take_it_back_while_it_can_be_filed_anew(over: None) -> None:
    life = lives.begun()
    father = lives.second_guardian(life)
    (child,) = life.children
    assert life.city.file(life.the_round, [(life.guardian, child)])[0].reason is None
    assert life.city.file(life.the_round, [(father, child)])[0].reason == "already_filed"
    clock.shift_to(INSIDE)
    make(INSIDE)
    told = set(Notice.objects.values_list("guardian_id", "kind"))
    assert {(life.guardian, "application_filed"), (father, "other_applied")} <= told
    assert (father, "application_filed") not in told
    assert withdraw(Application.objects.get(child_id=child), father).state == "withdrawn"
    make(INSIDE)
    assert Notice.objects.filter(guardian_id=life.guardian, kind="other_took_back").count() == 1
    assert life.city.file(life.the_round, [(life.guardian, child)])[0].reason is None


@pytest.mark.django_db
def test_after_the_window_one_of_two_takes_nothing_back_but_who_remains_alone_does() -> None:
    life = lives.begun()
    father = lives.second_guardian(life)
    (child,) = life.children
    life.city.file(life.the_round, [(life.guardian, child)])
    application = Application.objects.get(child_id=child)
    late = life.the_round.closes_at + timedelta(minutes=1)
    for who in (life.guardian, father):
        with pytest.raises(Refused, match="other_guardian_keeps"):
            withdraw(application, who, late)
    Guardianship.objects.filter(guardian_id=father).update(valid=DateRange(date(2020, 1, 1), date(2020, 1, 2)))
    assert withdraw(application, life.guardian, late).state == "withdrawn"


@pytest.mark.django_db(transaction=True)
def test_both_filing_at_once_file_one_application_and_the_other_hears_so() -> None:
    life = lives.begun()
    father = lives.second_guardian(life)
    (child,) = life.children

    def filing(who: int):  # type: ignore[no-untyped-def]
        def press(barrier: threading.Barrier) -> str:
            barrier.wait()
            rows = [ApplicationRow(who, child, "sport")]
            (row,) = commands.submit_applications(
                actor=CHANNEL, round_id=life.the_round.pk, rows=rows, at=INSIDE, key=key()
            )
            return row.reason.value if row.reason else ""

        return press

    assert sorted(map(str, at_once(filing(life.guardian), filing(father)))) == ["", "already_filed"]
    assert Application.objects.filter(child_id=child).count() == 1
