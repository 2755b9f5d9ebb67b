"""Approvals by two people, bank details frozen with the first of them."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from qosymsha.domain.people.states import Role
from qosymsha.domain.settlement.commands import (
    approve_claims,
    release_claims,
    return_claims,
)
from qosymsha.domain.settlement.commands.signatures import MORE_NEEDED
from qosymsha.domain.settlement.models import Approval, Claim, PaymentFile, PaymentLine
from qosymsha.domain.settlement.rules.refusals import SettlementRefusal
from qosymsha.kernel.entropy import uuid4
from qosymsha.kernel.errors import Forbidden, Refused
from tests.factories.payments import FULL, claim_of, draw_file, release, sign
from tests.factories.settlement import (
    APPROVER,
    AT,
    OTHER_IBAN,
    SECOND_APPROVER,
    SYSTEM,
    city,
    person,
)

pytestmark = pytest.mark.django_db


def test_a_claim_needs_an_approver_and_another_person_who_releases_it() -> None:
    home = city()
    claim = claim_of(home)
    (early,) = release(home, claim)
    assert early.reason is SettlementRefusal.CLAIM_IN_OTHER_STATE
    (approved,) = sign(home, claim)
    assert approved.detail == "approved"
    claim.refresh_from_db()
    assert (claim.state, claim.iban) == ("approved", home.provider.iban)
    both = replace(person(Role.PAYER, APPROVER.user_id))
    (same,) = release(home, claim, actor=both)
    assert same.reason is SettlementRefusal.SAME_OFFICIAL
    (released,) = release(home, claim)
    assert released.id == claim.id
    (twice,) = release(home, claim, actor=person(Role.PAYER, 22))
    assert twice.reason is SettlementRefusal.ALREADY_RELEASED


def test_the_band_of_the_rule_set_asks_for_more_approvals() -> None:
    home = city(approvals={"bands": [{"up_to_tiyn": FULL - 1, "approvals": 1}, {"up_to_tiyn": None, "approvals": 2}]})
    claim = claim_of(home)
    (first,) = sign(home, claim)
    assert first.detail == MORE_NEEDED
    (same,) = sign(home, claim)
    assert same.reason is SettlementRefusal.SAME_OFFICIAL
    (second,) = sign(home, claim, actor=SECOND_APPROVER)
    assert second.detail == "approved"
    assert list(Approval.objects.order_by("id").values_list("step", flat=True)) == ["approve", "approve_2"]


@pytest.mark.parametrize("verb", [approve_claims, release_claims, return_claims])
def test_the_system_and_the_provider_sign_nothing(verb: Any) -> None:
    home = city()
    extra = {"reason": "x"} if verb is return_claims else {}
    for actor in (SYSTEM, person(Role.PROVIDER_MANAGER, 3, provider_id=home.provider.id)):
        with pytest.raises(Forbidden):
            verb(actor=actor, programme_id=home.programme.id, claim_ids=[1], at=AT, key=uuid4(), **extra)


def test_an_official_of_another_territory_signs_nothing() -> None:
    home = city()
    claim = claim_of(home)
    with pytest.raises(Forbidden):
        sign(home, claim, actor=person(Role.APPROVER, 7, territory_ids=frozenset({home.territory.id + 1})))


def insert_line(claim: Claim) -> None:
    """A payment line written past the commands, as a fault or a fraud would."""
    content = str(uuid4()).encode()
    file = PaymentFile.objects.create(
        number=f"F-{claim.id}", territory_id=claim.territory_id, programme_id=claim.programme_id, state="drawn",
        content=content, content_hash=hashlib.sha256(content).digest(), total_tiyn=1, drawn_at=AT,
    )  # fmt: skip
    PaymentLine.objects.create(
        territory_id=claim.territory_id, programme_id=claim.programme_id, file=file, claim=claim, iban=claim.iban,
        end_to_end_id=f"E-{uuid4()}", amount_tiyn=claim.amount_tiyn, state="drawn",
    )  # fmt: skip


def test_no_payment_line_without_two_officials_even_past_the_commands() -> None:
    home = city()
    claim = claim_of(home)
    with pytest.raises(IntegrityError, match="two officials"), transaction.atomic():
        insert_line(claim)
    Approval.objects.create(claim=claim, turn=1, step="approve", user_id=1, at=AT)
    with pytest.raises(IntegrityError, match="claim_approval_two_people"), transaction.atomic():
        Approval.objects.create(claim=claim, turn=1, step="release", user_id=1, at=AT)
    with pytest.raises(IntegrityError, match="two officials"), transaction.atomic():
        insert_line(claim)
    Approval.objects.create(claim=claim, turn=1, step="release", user_id=2, at=AT)
    insert_line(claim)
    assert PaymentLine.objects.count() == 1


def test_control_without_the_trigger_one_official_would_be_enough() -> None:
    claim = claim_of(city())
    with connection.cursor() as cursor:
        cursor.execute("DROP TRIGGER payment_line_signed ON payment_line")
    insert_line(claim)
    assert PaymentLine.objects.count() == 1
    assert not Approval.objects.exists()


def test_a_changed_account_is_refused_until_it_was_signed_anew() -> None:
    home = city()
    claim = claim_of(home)
    sign(home, claim)
    release(home, claim)
    home.provider.iban = OTHER_IBAN
    home.provider.save()

    drawn = draw_file(home)
    assert (drawn.file_id, [r.reason for r in drawn.rows]) == (None, [SettlementRefusal.ACCOUNT_CHANGED])

    returned = return_claims(
        actor=APPROVER, programme_id=home.programme.id, claim_ids=[claim.id], reason="account", at=AT, key=uuid4()
    )
    assert returned[0].id == claim.id
    with pytest.raises(Refused) as nothing:
        draw_file(home)
    assert nothing.value.reason is SettlementRefusal.NOTHING_TO_PAY
    sign(home, claim)
    release(home, claim)
    assert draw_file(home).file_id
    assert PaymentLine.objects.get().iban == OTHER_IBAN


def test_a_change_between_approval_and_release_is_refused_too() -> None:
    home = city()
    claim = claim_of(home)
    sign(home, claim)
    home.provider.iban = OTHER_IBAN
    home.provider.save()
    assert release(home, claim)[0].reason is SettlementRefusal.ACCOUNT_CHANGED


@pytest.mark.parametrize(
    ("iban", "reason"), [("", SettlementRefusal.NO_ACCOUNT), ("KZ11", SettlementRefusal.ACCOUNT_MALFORMED)]
)
def test_a_claim_without_a_good_account_is_not_approved(iban: str, reason: SettlementRefusal) -> None:
    home = city()
    claim = claim_of(home)
    home.provider.iban = iban
    home.provider.save()
    assert sign(home, claim)[0].reason is reason
    assert not Approval.objects.exists()
