"""Contracts, papers, refusals: both sides sign, nobody is refused without a ground, money and seat come back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import Error, transaction

from qosymsha.domain.agreements import commands, queries, texts
from qosymsha.domain.agreements.commands import PaperDraft, Payment
from qosymsha.domain.agreements.models import ChildRefusal, EnrolmentPaper, FamilyContract, FamilyContractSignature
from qosymsha.domain.agreements.rules import AgreementRefusal as No
from qosymsha.domain.insights.queries import CHECKS
from qosymsha.domain.insights.queries.found import Checking
from qosymsha.domain.people.models import PersonSecret
from qosymsha.domain.people.rules import Proof
from qosymsha.domain.people.states import Role
from qosymsha.domain.providers.models import ClubGroup
from qosymsha.domain.vouchers.models import Enrolment, Seat, Voucher
from qosymsha.kernel.actor import Actor, Grant
from qosymsha.kernel.errors import Forbidden, Refused
from tests.factories.vouchers import AT, FIRST, OFFICER, SYSTEM, City, add_group, enrolled, held, key, make_city, money

pytestmark = pytest.mark.django_db
PROOF = Proof(AT, "code")


def manager(city: City, provider_id: int | None = None) -> Actor:
    return Actor(41, "user:41", (Grant(Role.PROVIDER_MANAGER, provider_id=provider_id or city.provider_id),))


def guardian(guardian_id: int) -> Actor:
    return Actor(700 + guardian_id, "user", (Grant(Role.GUARDIAN),), guardian_id=guardian_id)


def ruled(**agreements: dict[str, Any]) -> City:
    """A city whose rule set says something else: fields of a part of `agreements`."""
    return make_city(agreements=agreements)


def place(city: City, **group: Any) -> tuple[int, int, int]:
    """(voucher, guardian, enrolment) of one child in a group of its own."""
    ((voucher, guardian_id, enrolment),) = enrolled(city, add_group(city, **group), 1)
    return voucher, guardian_id, enrolment


def drawn(city: City, at: Any = AT) -> list[FamilyContract]:
    commands.draw_contracts(actor=SYSTEM, programme_id=city.programme_id, at=at, key=key())
    return list(FamilyContract.objects.filter(programme_id=city.programme_id).order_by("id"))


def sign_family(contract: FamilyContract, guardian_id: int, **changes: Any) -> None:
    given: dict[str, Any] = {"content_hash": bytes(contract.hash), "proof": PROOF, "at": AT, "key": key()} | changes
    commands.sign_as_family(actor=guardian(guardian_id), contract_id=contract.pk, **given)


def refused(act: Callable[[], object]) -> str:
    with pytest.raises(Refused) as caught:
        act()
    return caught.value.reason.value


def refuse(city: City, enrolment: int, ground: str = "medical", paper: str = "77", at: Any = AT) -> int:
    return commands.refuse_child(
        actor=manager(city), enrolment_id=enrolment, ground=ground, paper_number=paper, at=at, key=key()
    )


def all_green() -> None:
    """Seats, places and money stand as every invariant asks."""
    found = {name: CHECKS[name](Checking(AT)) for name in ("INV-1", "INV-2", "INV-4")}
    assert {name: one.examples for name, one in found.items() if one.violations} == {}


def test_a_contract_is_drawn_once_for_each_place_and_signed_by_both() -> None:
    city = make_city()
    _, guardian_id, enrolment = place(city)
    (contract,) = drawn(city)
    assert [c.pk for c in drawn(city)] == [contract.pk]
    assert contract.enrolment_id == enrolment
    assert contract.sign_by == date(2026, 9, 8)
    content = queries.own_contract(actor=guardian(guardian_id), uuid=contract.uuid, at=AT)
    assert content is not None
    for language in texts.LANGUAGES:
        said = " ".join(p for a in texts.articles(contract.template, language, content.content) for p in a.paragraphs)
        assert "{" not in said
        assert "120 ₸" in said.replace("\xa0", " ")
        assert "01.09.2026" in said
    sign_family(contract, guardian_id)
    (outcome,) = commands.sign_as_provider(
        actor=manager(city), provider_id=city.provider_id, contract_ids=[contract.pk], proof=PROOF, at=AT, key=key()
    )
    assert outcome.reason is None
    contract.refresh_from_db()
    assert contract.state == "signed"
    assert refused(lambda: sign_family(contract, guardian_id)) == No.SIGNED_BEFORE
    (again,) = commands.sign_as_provider(
        actor=manager(city), provider_id=city.provider_id, contract_ids=[contract.pk], proof=PROOF, at=AT, key=key()
    )
    assert again.reason is No.SIGNED_BEFORE


def test_a_contract_is_signed_by_its_own_sides_alone_and_never_another_text() -> None:
    city, other = make_city(), make_city()
    _, guardian_id, _ = place(city)
    _, stranger, _ = place(other)
    (contract,) = drawn(city)
    with pytest.raises(Forbidden):
        sign_family(contract, stranger)
    assert refused(lambda: sign_family(contract, guardian_id, content_hash=b"x" * 32)) == No.OTHER_CONTENT
    (outcome,) = commands.sign_as_provider(
        actor=manager(other), provider_id=other.provider_id, contract_ids=[contract.pk], proof=PROOF, at=AT, key=key()
    )
    assert outcome.reason is No.UNKNOWN_PLACE
    with pytest.raises(Forbidden):
        commands.sign_as_provider(
            actor=manager(other), provider_id=city.provider_id, contract_ids=[contract.pk], proof=PROOF, at=AT,
            key=key(),
        )  # fmt: skip
    sign_family(contract, guardian_id)
    for forged in ({"content": b"{}"}, {"charge_tiyn": 1}):
        with pytest.raises(Error), transaction.atomic():
            FamilyContract.objects.filter(pk=contract.pk).update(**forged)
    with pytest.raises(Error), transaction.atomic():
        FamilyContractSignature.objects.filter(contract=contract).delete()
    FamilyContract.objects.filter(pk=contract.pk).update(reminded_at=AT)  # the control: other columns may change


def test_unsigned_contracts_are_told_of_once_on_their_last_day_and_block_nothing() -> None:
    city = make_city()
    place(city)
    drawn(city)

    def remind(days: int) -> int:
        at = AT + timedelta(days=days)
        return commands.remind_to_sign(actor=SYSTEM, programme_id=city.programme_id, at=at, key=key())

    assert [remind(6), remind(7), remind(8)] == [0, 1, 0]
    assert Enrolment.objects.get().state == "active"


def test_where_the_rules_ask_for_no_contract_none_is_drawn() -> None:
    city = ruled(contract={"mode": "off"})
    place(city)
    assert drawn(city) == []


def draft(enrolment: int, **changes: Any) -> PaperDraft:
    usual: dict[str, Any] = {"code": "health_027u", "number": "N 5", "issued_on": date(2026, 8, 20)}
    return PaperDraft(enrolment, **(usual | changes))


def test_a_paper_is_told_of_seen_and_expires_by_the_rule_set() -> None:
    city = make_city()
    _, guardian_id, enrolment = place(city)
    mine = guardian(guardian_id)
    assert queries.own_papers(actor=mine, at=AT)[0].standings[0].stands == "missing"
    assert queries.own_papers(actor=mine, at=AT + timedelta(days=20))[0].standings[0].stands == "late"
    given = draft(enrolment, valid_until=date(2026, 10, 31))
    paper = commands.give_paper(actor=mine, paper=given, at=AT, key=key())
    assert queries.own_papers(actor=mine, at=AT)[0].standings[0].stands == "given"
    check: dict[str, Any] = {"actor": manager(city), "paper_id": paper, "at": AT}
    assert refused(lambda: commands.check_paper(**check, is_good=False, reason=" ", key=key())) == No.REASON_MISSING
    commands.check_paper(**check, is_good=True, reason="", key=key())
    assert refused(lambda: commands.check_paper(**check, is_good=True, reason="", key=key())) == No.PAPER_CHECKED
    (shown,) = queries.papers_of_provider(actor=manager(city), provider_id=city.provider_id, at=AT)
    assert (shown.standings[0].stands, shown.standings[0].on) == ("ok", date(2026, 10, 31))
    assert shown.brought[0].number == "N 5"
    stands = [queries.own_papers(actor=mine, at=AT + timedelta(days=days))[0].standings[0].stands for days in (30, 61)]
    assert stands == ["soon", "over"]
    assert not EnrolmentPaper.objects.filter(reason__contains="N 5").exists()
    assert PersonSecret.objects.filter(subject_kind="enrolment_paper").count() == 1


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"number": " "}, No.PAPER_NUMBER_MISSING),
        ({"issued_on": date(2026, 9, 2)}, No.PAPER_DAYS),
        ({"valid_until": date(2026, 8, 1)}, No.PAPER_DAYS),
        ({"issued_on": date(2025, 8, 20)}, No.PAPER_OVER),
        ({"code": "sport_insurance"}, No.PAPER_UNKNOWN),
    ],
)
def test_a_paper_that_cannot_be_is_not_written_down(changes: dict[str, Any], reason: No) -> None:
    city = make_city()
    _, guardian_id, enrolment = place(city)
    paper = draft(enrolment, **changes)
    assert refused(lambda: commands.give_paper(actor=guardian(guardian_id), paper=paper, at=AT, key=key())) == reason
    assert refused(lambda: commands.record_paper(actor=manager(city), paper=paper, at=AT, key=key())) == reason


def test_papers_are_the_familys_and_its_providers_alone() -> None:
    city, other = make_city(), make_city()
    _, guardian_id, enrolment = place(city)
    _, stranger, _ = place(other)
    for act, actor in ((commands.give_paper, guardian(stranger)), (commands.record_paper, manager(other))):
        with pytest.raises(Forbidden):
            act(actor=actor, paper=draft(enrolment), at=AT, key=key())
    with pytest.raises(Forbidden):
        queries.papers_of_provider(actor=OFFICER, provider_id=city.provider_id, at=AT)
    commands.give_paper(actor=guardian(guardian_id), paper=draft(enrolment), at=AT, key=key())  # the control


def test_a_refusal_that_stands_gives_seat_money_and_voucher_back() -> None:
    city = make_city()
    before = money(city)
    voucher, guardian_id, enrolment = place(city)
    refusal = refuse(city, enrolment)
    assert Enrolment.objects.get(pk=enrolment).state == "active"  # nothing is taken before it stands
    commands.decide_refusal(actor=OFFICER, refusal_id=refusal, overturn=False, reason="", at=AT, key=key())
    ended = Enrolment.objects.get(pk=enrolment)
    assert (ended.state, ended.reason) == ("ended", "provider_medical")
    assert Voucher.objects.get(pk=voucher).state == "released"
    assert Seat.objects.get(group_id=ended.group_id).taken == 0
    now = money(city)
    assert sum(now.values()) == sum(before.values())
    assert held(city, voucher) == now["held"]
    assert now.get("place", 0) == 12_000  # the lesson of the day itself stays covered
    (shown,) = queries.own_refusals(actor=guardian(guardian_id), at=AT)
    assert (shown.state, shown.ground, shown.paper) == ("stands", "medical", "77")
    all_green()


def test_an_officer_overturns_with_a_reason_and_the_place_goes_on() -> None:
    city = make_city()
    voucher, _, enrolment = place(city)
    refusal = refuse(city, enrolment)
    given: dict[str, Any] = {"actor": OFFICER, "refusal_id": refusal, "overturn": True, "at": AT}
    assert refused(lambda: commands.decide_refusal(**given, reason=" ", key=key())) == No.REASON_MISSING
    commands.decide_refusal(**given, reason="the paper speaks of another sport", key=key())
    assert refused(lambda: commands.decide_refusal(**given, reason="again", key=key())) == No.REFUSAL_OVER
    assert Enrolment.objects.get(pk=enrolment).state == "active"
    assert Voucher.objects.get(pk=voucher).state == "active"
    refuse(city, enrolment)  # a provider may refuse again; each is looked at


def test_silence_of_the_office_lets_a_refusal_stand_after_its_days_or_wait_by_the_rules() -> None:
    for silence, state in (("stands", "stands"), ("waits", "filed")):
        city = ruled(refusal={"silence": silence})
        _, _, enrolment = place(city)
        refusal = refuse(city, enrolment)
        for days, expected in ((3, "filed"), (4, state)):  # to Friday, three working days later; on Saturday it is over
            at = AT + timedelta(days=days)
            commands.carry_out_refusals(actor=SYSTEM, programme_id=city.programme_id, at=at, key=key())
            assert ChildRefusal.objects.get(pk=refusal).state == expected
    all_green()


def test_a_family_may_agree_at_once_or_object_and_the_officer_reads_why() -> None:
    city = make_city()
    voucher, guardian_id, enrolment = place(city)
    refusal = refuse(city, enrolment)
    answer: dict[str, Any] = {"refusal_id": refusal, "at": AT}
    mine = guardian(guardian_id)
    commands.answer_refusal(actor=mine, agrees=False, words="she is healthy", **answer, key=key())
    (shown,) = queries.office_refusals(actor=OFFICER, at=AT)
    assert (shown.family_word, shown.words, shown.born_on) == ("objects", "she is healthy", date(2016, 5, 5))
    (theirs,) = queries.refusals_of_provider(actor=manager(city), provider_id=city.provider_id, at=AT)
    assert (theirs.family_word, theirs.words, theirs.born_on) == ("objects", "", None)
    commands.answer_refusal(actor=mine, agrees=True, words="", **answer, key=key())
    assert Voucher.objects.get(pk=voucher).state == "released"
    assert queries.refusal_work(actor=OFFICER).waiting == 0


@pytest.mark.parametrize(
    ("ground", "paper", "days", "group", "reason"),
    [
        ("too_slow", "", 0, {}, No.NO_SUCH_GROUND),
        ("medical", " ", 0, {}, No.PAPER_NUMBER_MISSING),
        ("wrong_age", "", 0, {}, No.GROUND_NOT_SO),
        ("wrong_age", "", 8, {}, No.REFUSED_LATE),  # the sixth working day
        ("papers_missing", "", 0, {}, No.GROUND_NOT_SO),
        ("group_closed", "", 0, {}, No.GROUND_NOT_SO),
        ("contract_unsigned", "", 30, {}, No.GROUND_NOT_SO),
    ],
)
def test_a_refusal_without_a_ground_or_late_is_refused(
    ground: str, paper: str, days: int, group: dict[str, Any], reason: No
) -> None:
    city = make_city()
    _, _, enrolment = place(city, **group)
    drawn(city)
    assert refused(lambda: refuse(city, enrolment, ground, paper, AT + timedelta(days=days))) == reason
    assert not ChildRefusal.objects.exists()


def test_each_ground_holds_where_the_house_sees_that_it_is_so() -> None:
    city = make_city()
    _, _, enrolment = place(city)
    drawn(city)
    group = ClubGroup.objects.filter(pk=Enrolment.objects.get(pk=enrolment).group_id)
    group.update(age_min=12)
    withdrawn = refuse(city, enrolment, "wrong_age", "")
    group.update(age_min=4)
    commands.withdraw_refusal(actor=manager(city), refusal_id=withdrawn, at=AT, key=key())
    later = AT + timedelta(days=20)
    late = refuse(city, enrolment, "papers_missing", "", later)
    commands.withdraw_refusal(actor=manager(city), refusal_id=late, at=later, key=key())
    group.update(state="closed")
    closed = refuse(city, enrolment, "group_closed", "", later)
    assert refused(lambda: refuse(city, enrolment, "group_closed", "", later)) == No.REFUSED_ALREADY
    commands.withdraw_refusal(actor=manager(city), refusal_id=closed, at=later, key=key())
    strict = ruled(contract={"mode": "must"})
    _, guardian_id, other = place(strict)
    (contract,) = drawn(strict)
    assert refused(lambda: refuse(strict, other, "contract_unsigned", "")) == No.GROUND_NOT_SO  # its days run still
    sign_family(contract, guardian_id)
    assert refused(lambda: refuse(strict, other, "contract_unsigned", "", later)) == No.GROUND_NOT_SO
    _, _, third = place(strict)
    drawn(strict)
    refuse(strict, third, "contract_unsigned", "", later)


def test_only_the_places_own_provider_refuses_and_only_an_officer_of_the_place_decides() -> None:
    city, other = make_city(), make_city()
    _, guardian_id, enrolment = place(city)
    with pytest.raises(Forbidden):
        refuse(other, enrolment)
    refusal = refuse(city, enrolment)
    elsewhere = Actor(9, "user:9", (Grant(Role.CHECKER, frozenset({other.territory_id})),))
    for actor in (manager(city), guardian(guardian_id), elsewhere):
        with pytest.raises(Forbidden):
            commands.decide_refusal(actor=actor, refusal_id=refusal, overturn=False, reason="", at=AT, key=key())
    assert queries.office_refusals(actor=elsewhere, at=AT) == []
    assert queries.refusal_work(actor=elsewhere).waiting == 0
    with pytest.raises(Forbidden):
        commands.withdraw_refusal(actor=manager(other), refusal_id=refusal, at=AT, key=key())


def test_the_same_key_refuses_and_decides_once() -> None:
    city = make_city()
    _, _, enrolment = place(city)
    one, two = key(), key()
    refusing: dict[str, Any] = {"actor": manager(city), "enrolment_id": enrolment, "ground": "medical"}
    ids = {commands.refuse_child(**refusing, paper_number="7", at=AT, key=one) for _ in range(2)}
    assert ids == set(ChildRefusal.objects.values_list("id", flat=True))
    decided: dict[str, Any] = {"actor": OFFICER, "refusal_id": ids.pop(), "overturn": False, "reason": "", "at": AT}
    for _ in range(2):
        commands.decide_refusal(**decided, key=two)
    assert Enrolment.objects.get(pk=enrolment).state == "ended"


def test_a_charge_stands_in_the_contract_within_the_ceiling_and_receipts_within_the_charge() -> None:
    strict, city = make_city(), ruled(charge={"allowed": True, "ceiling_tiyn": 300_000})
    none: dict[str, Any] = {"actor": manager(strict), "group_id": add_group(strict), "what_for": "kimono", "at": AT}
    assert refused(lambda: commands.set_charge(**none, amount_tiyn=1, key=key())) == No.NO_CHARGE_HERE
    group = add_group(city)
    charge: dict[str, Any] = {"actor": manager(city), "group_id": group, "what_for": "kimono", "at": AT}
    assert refused(lambda: commands.set_charge(**charge, amount_tiyn=300_001, key=key())) == No.CHARGE_TOO_HIGH
    commands.set_charge(**charge, amount_tiyn=250_000, key=key())
    ((_, guardian_id, enrolment),) = enrolled(city, group, 1)
    pay: dict[str, Any] = {"actor": manager(city), "at": AT}
    first = Payment(enrolment, FIRST, 250_000, FIRST)
    assert refused(lambda: commands.record_receipt(**pay, payment=first, key=key())) == No.CHARGE_NOT_PAID_BY_FAMILY
    (contract,) = drawn(city)
    assert contract.charge_tiyn == 250_000
    before = money(city)
    receipt = commands.record_receipt(**pay, payment=first, key=key())
    more = Payment(enrolment, FIRST, 1, FIRST)
    assert refused(lambda: commands.record_receipt(**pay, payment=more, key=key())) == No.AMOUNT_WRONG
    assert money(city) == before  # none of the programme's money moves
    (shown,) = queries.own_receipts(actor=guardian(guardian_id), at=AT)
    assert (shown.amount_tiyn, shown.cancelled_at) == (250_000, None)
    commands.cancel_receipt(**pay, receipt_id=receipt, key=key())
    assert refused(lambda: commands.cancel_receipt(**pay, receipt_id=receipt, key=key())) == No.RECEIPT_CANCELLED
    commands.record_receipt(**pay, payment=more, key=key())
