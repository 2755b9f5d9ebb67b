"""Approvals by two people, the payment file, and the treasury's replies in any order."""

from __future__ import annotations

import hashlib
import random
from dataclasses import replace
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from qosymsha.domain.ledger import queries as ledger
from qosymsha.domain.ledger.rules import AccountKey, AccountKind
from qosymsha.domain.people.states import Role
from qosymsha.domain.settlement import queries
from qosymsha.domain.settlement.commands import (
    apply_replies,
    approve_claims,
    draw_claims,
    draw_payment_file,
    keep_receipt,
    release_claims,
    return_claims,
    send_payment_file,
)
from qosymsha.domain.settlement.commands.files import FileDrawn
from qosymsha.domain.settlement.commands.signatures import MORE_NEEDED
from qosymsha.domain.settlement.models import Approval, BankReply, Claim, PaymentFile, PaymentLine
from qosymsha.domain.settlement.ports import Reply, ReplyStatus
from qosymsha.domain.settlement.rules.payment_file import fault
from qosymsha.domain.settlement.rules.refusals import SettlementRefusal
from qosymsha.kernel.entropy import uuid4
from qosymsha.kernel.errors import Forbidden, Refused, RowOutcome
from tests.factories.settlement import (
    APPROVER,
    AT,
    JANUARY,
    OTHER_IBAN,
    PAYER,
    PAYER_OFFICIAL,
    SECOND_APPROVER,
    SYSTEM,
    TARIFF,
    UNITS,
    City,
    add_group,
    add_provider,
    city,
    confirmed_month,
    enrol,
    person,
    promise,
    row,
    sheet,
)

pytestmark = pytest.mark.django_db
FULL = TARIFF * UNITS
BOTH = person(Role.APPROVER, 99).grants + person(Role.PAYER, 99).grants


def claim_of(home: City, children: int = 1) -> Claim:
    confirmed_month(home, children)
    (outcome,) = draw_claims(
        actor=SYSTEM, programme_id=home.programme.id, provider_ids=[home.provider.id], month=JANUARY, at=AT, key=uuid4()
    )
    return Claim.objects.get(id=outcome.id)


def sign(home: City, *claims: Claim, verb: Any = approve_claims, actor: Any = APPROVER) -> list[RowOutcome]:
    return verb(actor=actor, programme_id=home.programme.id, claim_ids=[c.id for c in claims], at=AT, key=uuid4())  # type: ignore[no-any-return]


def release(home: City, *claims: Claim, actor: Any = PAYER_OFFICIAL) -> list[RowOutcome]:
    return sign(home, *claims, verb=release_claims, actor=actor)


def draw_file(home: City, **changes: Any) -> FileDrawn:
    given = {"actor": PAYER_OFFICIAL, "payer": PAYER, "pay_on": AT.date(), "at": AT, "key": uuid4()} | changes
    return draw_payment_file(programme_id=home.programme.id, **given)


def send(home: City, file_id: int | None, **changes: Any) -> Any:
    given = {"actor": PAYER_OFFICIAL, "at": AT, "key": uuid4()} | changes
    return send_payment_file(programme_id=home.programme.id, file_id=file_id or 0, **given)


def sent_line(home: City) -> PaymentLine:
    claim = claim_of(home)
    sign(home, claim)
    release(home, claim)
    send(home, draw_file(home).file_id)
    return PaymentLine.objects.get(claim=claim)


def say(line: PaymentLine, status: str = "accepted", **changes: Any) -> Reply:
    reply = Reply(f"{status}-{line.end_to_end_id}", line.end_to_end_id, ReplyStatus(status), line.amount_tiyn, "AC04")
    return replace(reply, **changes)


def hear(*replies: Reply, key: Any = None) -> list[RowOutcome]:
    return apply_replies(actor=SYSTEM, replies=replies, at=AT, key=key or uuid4())


def balance(kind: str, home: City, subject: int) -> int:
    key = AccountKey(AccountKind(kind), home.line.id, subject)
    return ledger.balances([key])[key]


# --- two people -----------------------------------------------------------------------------------------------------


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
    file = PaymentFile.objects.create(
        number=f"F-{claim.id}", territory_id=claim.territory_id, programme_id=claim.programme_id, state="drawn",
        content=b"x", content_hash=hashlib.sha256(str(uuid4()).encode()).digest(), total_tiyn=1, drawn_at=AT,
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


# --- bank details ---------------------------------------------------------------------------------------------------


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


# --- the file -------------------------------------------------------------------------------------------------------


def test_the_file_is_valid_holds_every_released_claim_and_is_known_by_its_hash() -> None:
    home = city()
    claim = claim_of(home, 2)
    sign(home, claim)
    release(home, claim)
    key = uuid4()
    drawn = draw_file(home, key=key)
    file = PaymentFile.objects.get(id=drawn.file_id)
    assert fault(bytes(file.content)) is None
    assert bytes(file.content_hash) == hashlib.sha256(bytes(file.content)).digest()
    assert file.total_tiyn == claim.amount_tiyn
    assert draw_file(home, key=key) == drawn
    claim.refresh_from_db()
    assert claim.state == "in_file"
    assert balance("payable", home, claim.id) == claim.amount_tiyn


def test_a_file_against_the_schema_stores_nothing() -> None:
    home = city()
    claim = claim_of(home)
    sign(home, claim)
    release(home, claim)
    with pytest.raises(Refused) as malformed:
        draw_file(home, payer=replace(PAYER, bic="no bank"))
    assert malformed.value.reason is SettlementRefusal.FILE_MALFORMED
    assert not PaymentFile.objects.exists()
    claim.refresh_from_db()
    assert claim.state == "approved"


def test_a_file_leaves_once_and_waits_for_its_receipt() -> None:
    home = city()
    claim = claim_of(home)
    sign(home, claim)
    release(home, claim)
    file_id, key = draw_file(home).file_id, uuid4()
    first = send(home, file_id, key=key)
    assert send(home, file_id, key=key) == first
    line = PaymentLine.objects.get()
    assert (balance("payable", home, claim.id), balance("transit", home, line.id)) == (0, claim.amount_tiyn)
    with pytest.raises(Refused) as twice:
        send(home, file_id)
    assert twice.value.reason is SettlementRefusal.FILE_ALREADY_SENT
    assert [f.id for f in queries.files_to_deliver(home.programme.id)] == [file_id]
    for _ in range(2):
        keep_receipt(
            actor=SYSTEM, programme_id=home.programme.id, file_id=first.file_id, receipt="R-1", at=AT, key=uuid4()
        )
    assert queries.files_to_deliver(home.programme.id) == []
    with pytest.raises(Refused) as unknown:
        send(home, 0)
    assert unknown.value.reason is SettlementRefusal.UNKNOWN_FILE


def test_a_files_content_never_changes() -> None:
    home = city()
    sent_line(home)
    for change in ({"content": b"other"}, {"total_tiyn": 5}):
        with pytest.raises(DatabaseError, match="insert-only"), transaction.atomic():
            PaymentFile.objects.update(**change)
    with pytest.raises(DatabaseError, match="insert-only"), transaction.atomic():
        PaymentLine.objects.update(iban=OTHER_IBAN)


# --- replies --------------------------------------------------------------------------------------------------------


def test_an_accepted_line_pays_the_claim_once_however_often_it_is_said() -> None:
    home = city()
    line = sent_line(home)
    first = hear(say(line))
    assert first[0].detail == "paid"
    again = hear(say(line), say(line), say(line, reference="said by another name"))
    assert [r.detail for r in again] == ["paid", "paid", "repeated"]
    assert ledger.totals([home.line.id])[home.line.id]["paid"] == FULL
    assert Claim.objects.get().state == "paid"
    assert PaymentFile.objects.get().state == "answered"
    (seen,) = queries.provider_statement(home.provider.id)
    assert seen.paid_at == AT


def test_a_rejected_line_is_owed_again_and_paid_by_a_new_line_after_new_signatures() -> None:
    home = city()
    line = sent_line(home)
    claim = Claim.objects.get()
    hear(say(line, "rejected"))
    claim.refresh_from_db()
    assert (claim.state, claim.reason) == ("held", "AC04")
    assert (balance("transit", home, line.id), balance("payable", home, claim.id)) == (0, FULL)

    sign(home, claim, verb=lambda **k: return_claims(reason="corrected", **k))
    sign(home, claim)
    release(home, claim)
    send(home, draw_file(home).file_id)
    second = PaymentLine.objects.exclude(id=line.id).get()
    assert second.end_to_end_id != line.end_to_end_id
    hear(say(second))
    claim.refresh_from_db()
    assert claim.state == "paid"
    assert ledger.totals([home.line.id])[home.line.id]["paid"] == FULL


def test_money_returned_after_paying_is_owed_again() -> None:
    home = city()
    line = sent_line(home)
    hear(say(line))
    hear(say(line, "returned"))
    claim = Claim.objects.get()
    assert claim.state == "held"
    assert balance("payable", home, claim.id) == FULL
    assert ledger.totals([home.line.id])[home.line.id].get("paid", 0) == 0


@pytest.mark.parametrize(
    ("change", "outcome"),
    [
        ({"end_to_end_id": "nobody's"}, "held_unknown_line"),
        ({"amount_tiyn": FULL - 1}, "held_other_amount"),
        ({"status": ReplyStatus.PENDING}, "noted"),
    ],
)
def test_what_is_not_understood_moves_nothing_and_is_named(change: dict[str, Any], outcome: str) -> None:
    home = city()
    line = sent_line(home)
    assert hear(say(line, **change))[0].detail == outcome
    assert balance("transit", home, line.id) == FULL
    assert [r.outcome for r in queries.held_replies()] == ([outcome] if outcome.startswith("held") else [])


def test_a_word_against_what_is_known_is_held() -> None:
    home = city()
    line = sent_line(home)
    hear(say(line))
    assert hear(say(line, "rejected"))[0].detail == "held_contradiction"
    assert Claim.objects.get().state == "paid"


def test_a_word_about_a_file_that_never_left_is_held() -> None:
    home = city()
    claim = claim_of(home)
    sign(home, claim)
    release(home, claim)
    draw_file(home)
    assert hear(say(PaymentLine.objects.get()))[0].detail == "held_not_sent"


def test_a_reference_used_for_something_else_is_refused() -> None:
    home = city()
    line = sent_line(home)
    hear(say(line))
    (refused,) = hear(say(line, amount_tiyn=1))
    assert refused.reason is SettlementRefusal.REFERENCE_REUSED
    assert BankReply.objects.count() == 1


def test_only_a_payer_of_the_lines_territory_applies_replies() -> None:
    home = city()
    line = sent_line(home)
    foreign = person(Role.PAYER, 8, territory_ids=frozenset({home.territory.id + 1}))
    for actor in (foreign, APPROVER):
        with pytest.raises(Forbidden):
            apply_replies(actor=actor, replies=[say(line)], at=AT, key=uuid4())


@pytest.mark.parametrize("seed", range(6))
def test_many_lines_answered_in_any_order_twice_and_in_parts_end_the_same(seed: int) -> None:
    rng = random.Random(seed)
    home = city()
    claims = []
    for _ in range(6):
        provider = add_provider(home.territory)
        _, group = add_group(home, provider)
        (child,) = enrol(home, group=group)
        promise(home, [child])
        row(sheet(home, group=group), child)
        outcomes = draw_claims(
            actor=SYSTEM, programme_id=home.programme.id, provider_ids=[provider.id], month=JANUARY, at=AT, key=uuid4()
        )
        claims.append(Claim.objects.get(id=outcomes[0].id))
    sign(home, *claims)
    release(home, *claims)
    send(home, draw_file(home).file_id)
    lines = list(PaymentLine.objects.order_by("id"))
    said = [say(line) for line in lines[:3]] + [say(line, "rejected") for line in lines[3:5]]
    said += [say(lines[0], "returned")]
    said = [r for r in said for _ in range(rng.randint(1, 3))]
    rng.shuffle(said)
    while said:
        part, said = said[:3], said[3:]
        hear(*part)
    states = list(Claim.objects.order_by("id").values_list("state", flat=True))
    assert states == ["held", "paid", "paid", "held", "held", "in_file"]
    totals = ledger.totals([home.line.id])[home.line.id]
    assert (totals.get("paid", 0), totals["payable"], totals["transit"]) == (2 * FULL, 3 * FULL, FULL)
    assert PaymentFile.objects.get().state == "sent"
    assert ledger.unbalanced_lines() == []
