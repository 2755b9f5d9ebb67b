"""Providers from registration to contract: numbers told apart, papers that expire, money only under a contract."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from qosymsha.domain.people import queries as people
from qosymsha.domain.people.states import Role
from qosymsha.domain.providers import commands, queries
from qosymsha.domain.providers.commands import Verdict
from qosymsha.domain.providers.models import Accreditation, AccreditationHistory, Contract, Provider
from qosymsha.domain.providers.rules import Paper, PaperKind, ProviderRefusal, ProviderRow
from qosymsha.kernel.actor import Actor, Grant
from qosymsha.kernel.errors import Forbidden, Refused
from tests.factories.people import TODAY, actor, astana, guardian, number
from tests.factories.providers import AT, CHECKER, MANAGER_OF_ALL, OFFICER, YEAR_END, Market, bin_number, decide, papers

pytestmark = pytest.mark.django_db
IBAN = "KZ699990000000000001"


def _register(place: int, *rows: ProviderRow):
    return commands.register_providers(actor=OFFICER, territory_id=place, rows=rows, at=AT, key=uuid4())


def test_a_company_and_a_sole_trader_are_told_apart_by_the_fifth_digit():
    place = astana()
    trader = ProviderRow(number(7, "800101"), "ИП Ибраев", owner=guardian(1, iin=None, given="Марат"))
    company, sole = _register(place, ProviderRow(bin_number(1), "ТОО Домбыра", IBAN), trader)
    assert queries.provider_facts([company.id])[company.id].legal_form == "company"
    stored = Provider.objects.get(id=sole.id)
    assert (stored.legal_form, stored.bin, stored.name) == ("sole_trader", None, "ИП Ибраев")
    numbers = {bin_number(1): company.id, trader.number: sole.id}
    assert queries.providers_by_number([*numbers, bin_number(2), number(8)]) == numbers
    owner = people.persons(actor=CHECKER, kind="provider", subject_ids=[sole.id], at=AT)[sole.id]
    assert (owner.given, owner.iin) == ("Марат", trader.number)


def test_a_roster_loaded_again_makes_no_second_provider_and_marks_a_changed_account():
    place = astana()
    rows = [ProviderRow(bin_number(n), f"Үйірме {n}", IBAN) for n in range(1, 4)]
    first = _register(place, *rows, rows[0])
    assert first[3].id == first[0].id
    later = [replace(rows[0], iban="kz63 999T EST0 0000 0002"), replace(rows[1], iban=""), rows[2]]
    assert [o.id for o in _register(place, *later)] == [o.id for o in first[:3]]
    facts = queries.provider_facts([o.id for o in first])
    assert [facts[o.id].iban for o in first[:3]] == ["KZ63999TEST000000002", IBAN, IBAN]
    assert Provider.objects.count() == 3
    assert len(set(Provider.objects.values_list("number", flat=True))) == 3


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (ProviderRow("251340000004", "x"), ProviderRefusal.BAD_NUMBER),
        (ProviderRow("２５１３４０００００１２", "x"), ProviderRefusal.BAD_NUMBER),
        (ProviderRow(bin_number(1), "  "), ProviderRefusal.NAME_MISSING),
        (ProviderRow(bin_number(1), "x", "KZ699990000000000002"), ProviderRefusal.BAD_IBAN),
        (ProviderRow(number(7), "x", owner=guardian(1, given="")), ProviderRefusal.OWNER_UNREADABLE),
    ],
)
def test_a_bad_provider_row_does_not_stop_the_good_one(row, reason):
    bad, good = _register(astana(), row, ProviderRow(bin_number(5), "жақсы"))
    assert (bad.reason, bad.id, good.reason) == (reason, None, None)
    assert Provider.objects.count() == 1


def test_registering_takes_the_same_number_of_statements_for_any_number():
    place = astana()
    counts = []
    for span in (range(10), range(10, 210)):
        rows = [ProviderRow(bin_number(n) if n % 3 else number(n), f"Үйірме {n}") for n in span]
        with CaptureQueriesContext(connection) as captured:
            _register(place, *rows)
        counts.append(len(captured))
    assert counts[0] == counts[1]
    assert Provider.objects.count() == 210


def test_an_accreditation_lives_from_its_file_to_its_end_with_each_step_kept():
    market = Market()
    provider = market.provider()
    filed = market.filed(provider)
    commands.take_up_accreditation(actor=CHECKER, accreditation_id=filed, at=AT, key=uuid4())
    decide(filed, Verdict.ACCREDIT)
    decide(filed, Verdict.LIMIT)
    decide(filed, Verdict.ACCREDIT)
    decide(filed, Verdict.REVOKE)
    steps = list(AccreditationHistory.objects.order_by("id").values_list("from_state", "to_state"))
    assert steps == [
        ("", "filed"),
        ("filed", "in_review"),
        ("in_review", "accredited"),
        ("accredited", "limited"),
        ("limited", "accredited"),
        ("accredited", "revoked"),
    ]
    with pytest.raises(Refused) as caught:
        decide(filed, Verdict.ACCREDIT)
    assert caught.value.reason is ProviderRefusal.NO_SUCH_STEP
    assert market.filed(provider) != filed  # it may file anew


def test_a_step_that_the_table_does_not_hold_is_refused_by_the_database_too():
    market = Market()
    filed = market.filed(market.provider())
    with pytest.raises(IntegrityError), transaction.atomic():
        Accreditation.objects.filter(id=filed).update(state="expired")
    with pytest.raises(IntegrityError), transaction.atomic():
        AccreditationHistory.objects.update(reason="rewritten")


def test_the_review_has_a_deadline_in_working_days():
    market = Market()
    facts = queries.accreditations_of([market.provider()], market.programme_id)
    assert facts == {}
    provider = market.provider(2)
    market.filed(provider)
    assert queries.accreditations_of([provider], market.programme_id)[provider].review_by > TODAY


def test_one_live_accreditation_per_provider_and_programme():
    market = Market()
    provider = market.accredited()
    with pytest.raises(Refused) as caught:
        market.filed(provider)
    assert caught.value.reason is ProviderRefusal.ACCREDITATION_LIVE


def test_nobody_is_accredited_without_each_paper_and_every_no_has_a_reason():
    market = Market()
    missing = market.filed(market.provider(1), papers()[1:])
    outlived = market.filed(market.provider(2), (*papers()[1:], replace(papers()[0], last_day=TODAY - timedelta(1))))
    for accreditation in (missing, outlived):
        with pytest.raises(Refused) as caught:
            decide(accreditation, Verdict.ACCREDIT)
        assert caught.value.reason is ProviderRefusal.PAPERS_MISSING
    with pytest.raises(Refused) as caught:
        decide(missing, Verdict.REFUSE, reason=" ")
    assert caught.value.reason is ProviderRefusal.REASON_MISSING
    decide(missing, Verdict.REFUSE)
    assert Accreditation.objects.get(id=missing).state == "refused"


def test_it_ends_with_the_first_required_paper_and_a_renewal_prolongs_it():
    market = Market()
    provider = market.provider()
    fire_ends = date(2026, 3, 31)
    filed = market.filed(provider, (*papers(), Paper(PaperKind.FIRST_AID, "7", TODAY, TODAY)))
    decide(filed, Verdict.ACCREDIT)
    until = queries.accreditations_of([provider], market.programme_id)[provider].last_day
    assert until == YEAR_END  # first aid is not among the required
    other = market.provider(2)
    short = market.filed(other, [replace(p, last_day=fire_ends) if p.kind == PaperKind.FIRE else p for p in papers()])
    decide(short, Verdict.ACCREDIT)
    assert queries.accreditations_of([other], market.programme_id)[other].last_day == fire_ends
    newer = [Paper(PaperKind.FIRE, "fire-2", date(2026, 2, 1), date(2027, 2, 1))]
    commands.add_papers(actor=MANAGER_OF_ALL, accreditation_id=short, papers=newer, at=AT, key=uuid4())
    assert queries.accreditations_of([other], market.programme_id)[other].last_day == fire_ends
    decide(short, Verdict.ACCREDIT, at=AT + timedelta(40))
    assert queries.accreditations_of([other], market.programme_id)[other].last_day == YEAR_END


def test_the_job_expires_what_has_ended_and_only_that():
    market = Market()
    short, long = market.accredited(1, until=date(2026, 3, 31)), market.accredited(2)
    limited = market.accredited(3, until=date(2026, 3, 31))
    found = queries.accreditations_of([short, long, limited], market.programme_id)
    decide(found[limited].id, Verdict.LIMIT)

    def expired(on: date) -> list[int]:
        return commands.expire_accreditations(actor=Actor.system("expire"), on=on, at=AT + (on - TODAY), key=uuid4())

    assert expired(date(2026, 3, 31)) == []
    assert expired(date(2026, 4, 1)) == sorted([found[short].id, found[limited].id])
    assert expired(date(2026, 4, 1)) == []
    states = {p: a.state for p, a in queries.accreditations_of([short, long], market.programme_id).items()}
    assert states == {short: "expired", long: "accredited"}
    assert AccreditationHistory.objects.filter(to_state="expired").count() == 2


def test_papers_without_a_number_or_with_days_reversed_are_refused():
    market = Market()
    for fields in ({"number": " "}, {"kind": "poem"}, {"last_day": date(2020, 1, 1)}):
        with pytest.raises(Refused) as caught:
            market.filed(market.provider(), [replace(papers()[0], **fields)])
        assert caught.value.reason is ProviderRefusal.PAPER_UNREADABLE


def test_a_contract_needs_an_accreditation_a_volume_and_the_lines_year():
    market = Market()
    provider = market.accredited(1, until=date(2026, 3, 31))

    def refusal(**fields: object) -> object:
        draft = commands.ContractDraft(provider, market.lines["creative"], 1_000, TODAY, YEAR_END)
        with pytest.raises(Refused) as caught:
            commands.sign_contract(actor=OFFICER, draft=replace(draft, **fields), at=AT, key=uuid4())
        return caught.value.reason

    assert refusal(line_id=-1) is ProviderRefusal.LINE_UNKNOWN
    assert refusal(volume_tiyn=0) is ProviderRefusal.VOLUME_MISSING
    assert refusal(last_day=TODAY - timedelta(1)) is ProviderRefusal.DAYS_REVERSED
    assert refusal(last_day=date(2027, 1, 1)) is ProviderRefusal.OUTSIDE_FISCAL_YEAR
    assert refusal(provider_id=market.provider(2)) is ProviderRefusal.NOT_ACCREDITED
    assert refusal(first_day=date(2026, 4, 1)) is ProviderRefusal.NOT_ACCREDITED
    market.contract(provider)
    assert refusal(last_day=TODAY) is ProviderRefusal.CONTRACT_OVERLAPS
    assert refusal(first_day=date(2026, 3, 31)) is ProviderRefusal.CONTRACT_OVERLAPS
    assert market.contract(provider, "sport")
    assert Contract.objects.count() == 2


def test_a_contract_ended_early_makes_room_for_another():
    market = Market()
    provider = market.accredited()
    first = market.contract(provider)
    ends = date(2026, 5, 31)
    call = {"actor": OFFICER, "contract_id": first, "last_day": ends, "reason": "bad work", "at": AT}
    commands.end_contract(key=uuid4(), **call)
    facts = queries.contract_facts([first])[first]
    assert (facts.state, facts.last_day, facts.kind) == ("ended", ends, "creative")
    draft = commands.ContractDraft(provider, market.lines["creative"], 5, ends + timedelta(1), YEAR_END)
    assert commands.sign_contract(actor=OFFICER, draft=draft, at=AT, key=uuid4())
    with pytest.raises(Refused) as caught:
        commands.end_contract(key=uuid4(), **call)
    assert caught.value.reason is ProviderRefusal.NO_SUCH_STEP


def test_the_database_refuses_a_contract_whose_line_is_of_another_territory():
    market = Market()
    contract = market.contract(market.accredited())
    elsewhere = people.territory_by_kato("750000000", TODAY)
    with pytest.raises(IntegrityError), transaction.atomic():
        Contract.objects.filter(id=contract).update(territory_id=elsewhere)


def test_each_verb_refuses_who_may_not():
    market = Market()
    provider = market.provider()
    other_manager = Actor(9, "user:9", (Grant(Role.PROVIDER_MANAGER, None, None, provider + 1),))
    filing = commands.Filing(provider, market.programme_id, papers())
    with pytest.raises(Forbidden):
        commands.file_accreditation(actor=other_manager, filing=filing, at=AT, key=uuid4())
    filed = market.filed(provider)
    with pytest.raises(Forbidden):
        commands.decide_accreditation(
            actor=MANAGER_OF_ALL,
            accreditation_id=filed,
            decision=commands.Decision(Verdict.ACCREDIT),
            at=AT,
            key=uuid4(),
        )
    elsewhere = actor(Role.CHECKER, territory_id=market.territory_id + 1)
    with pytest.raises(Forbidden):
        commands.take_up_accreditation(actor=elsewhere, accreditation_id=filed, at=AT, key=uuid4())
    draft = commands.ContractDraft(provider, market.lines["sport"], 5, TODAY, YEAR_END)
    with pytest.raises(Forbidden):
        commands.sign_contract(actor=CHECKER, draft=draft, at=AT, key=uuid4())
