"""A new key under a campaign that is still to be drawn and an errand in a worker's hands: both go on; who may do it."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from qosymsha.domain.controls import commands as controls
from qosymsha.domain.controls import steps
from qosymsha.domain.controls.models import ControlCampaign
from qosymsha.domain.documents import commands as documents
from qosymsha.domain.errands import commands as errands
from qosymsha.domain.errands.models import Errand
from qosymsha.domain.errands.states import ErrandState
from qosymsha.domain.people import commands as people
from qosymsha.domain.people.states import Role
from qosymsha.kernel import cipher, clock
from qosymsha.kernel.actor import Actor
from qosymsha.kernel.errors import Forbidden, Refused
from tests.factories.controls import VALUE, actor, planned
from tests.factories.errands import waiting
from tests.factories.keys import Keys, keys
from tests.factories.people import AT
from tests.factories.people import actor as person
from tests.factories.vouchers import SYSTEM, City, add_group, enrolled, key, make_city
from tests.interfaces import browsing

__all__ = ["keys"]
pytestmark = pytest.mark.django_db(transaction=True)
VERBS = [people.rotate_secrets, documents.rotate_documents, controls.rotate_campaigns, errands.rotate_errands]


@pytest.fixture
def city() -> City:
    made = make_city()
    for _ in range(2):
        enrolled(made, add_group(made), 1)
    return made


def test_a_campaign_planned_under_an_old_key_is_drawn_and_shown_under_the_new_one(city: City, keys: Keys) -> None:
    uuid, officer = planned(city), actor(city, Role.PROGRAMME_OFFICER)
    keys("k2", "k1")
    assert controls.rotate_campaigns(actor=SYSTEM, at=clock.read()).rows == 1
    assert controls.rotate_campaigns(actor=SYSTEM, at=clock.read()).rows == 0
    keys("k2")
    controls.freeze_campaign(actor=officer, campaign_uuid=uuid, at=clock.read(), key=key())
    assert controls.draw_sample(actor=officer, campaign_uuid=uuid, beacon_value=VALUE, at=clock.read(), key=key())


@pytest.mark.parametrize(
    "change",
    [
        "secret_box = '\\x01'",
        "secret_nonce = '\\x01'",
        "secret_key_id = 'k2', secret_box = '\\x01', commitment = '\\x02'",
    ],
)
def test_a_box_changes_with_its_key_or_not_at_all_and_the_commitment_never(city: City, keys: Keys, change: str) -> None:
    planned(city)
    with pytest.raises(IntegrityError, match="written once"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE control_campaign SET {change}")  # noqa: S608
    keys("k2", "k1")
    assert controls.rotate_campaigns(actor=SYSTEM, at=clock.read()).rows == 1, "the control: this is let through"
    assert ControlCampaign.objects.get().secret_key_id == "k2"


def test_a_secret_put_in_the_place_of_the_one_that_was_promised_draws_nothing(city: City, keys: Keys) -> None:
    """Who has the tables and a key could seal another secret once the beacon is out: the commitment is asked."""
    uuid, officer = planned(city), actor(city, Role.PROGRAMME_OFFICER)
    controls.freeze_campaign(actor=officer, campaign_uuid=uuid, at=clock.read(), key=key())
    campaign = ControlCampaign.objects.get()
    keys("k2", "k1")
    steps.seal_secret(campaign, b"\7" * 32)
    campaign.save()
    with pytest.raises(Refused, match="frame_changed"):
        controls.draw_sample(actor=officer, campaign_uuid=uuid, beacon_value=VALUE, at=clock.read(), key=key())


def test_an_errand_is_begun_and_ended_under_the_new_key(city: City, keys: Keys) -> None:
    officer = browsing.official(Role.PROGRAMME_OFFICER, territory_id=city.territory_id, name="asks")
    worker, asked = Actor.system("errands"), waiting(city.territory_id, officer)
    keys("k2", "k1")
    assert errands.rotate_errands(actor=SYSTEM, at=clock.read()).rows == 1
    keys("k2")
    begun = errands.begin(actor=worker, errand_uuid=asked.uuid, at=clock.read())
    assert begun is not None
    assert begun.body == {}
    keys("k3", "k2")
    assert errands.rotate_errands(actor=SYSTEM, at=clock.read()).rows == 1, "in a worker's hands too"
    errands.end(actor=worker, errand_uuid=asked.uuid, state=ErrandState.DONE, at=clock.read())
    ended = Errand.objects.get()
    assert (ended.state, ended.body, ended.body_key_id) == ("done", None, "")
    keys("k4", "k3")
    assert errands.rotate_errands(actor=SYSTEM, at=clock.read()).rows == 0, "nothing of it is sealed any more"


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.__name__)
def test_only_operators_and_the_house_itself_change_keys(verb: Any) -> None:
    for role in (Role.AUDITOR, Role.PROGRAMME_OFFICER, Role.CHECKER):
        with pytest.raises(Forbidden):
            verb(actor=person(role), at=AT)
    assert verb(actor=person(Role.OPERATOR), at=AT).rows == 0


def test_the_first_key_alone_seals(keys: Keys) -> None:
    keys("k2", "k1")
    assert cipher.seal(b"", bound_to=b"").key_id == "k2"
