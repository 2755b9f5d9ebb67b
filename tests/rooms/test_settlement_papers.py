"""The act of services: frozen, signed by the right people of both sides, and asked for before a claim is approved."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from qosymsha.domain.people import queries as people
from qosymsha.domain.people import steps
from qosymsha.domain.people.models import PersonSecret
from qosymsha.domain.people.states import Role
from qosymsha.domain.settlement import queries
from qosymsha.domain.settlement import steps as settlement_steps
from qosymsha.domain.settlement.commands import (
    decide_einvoice,
    draw_acts,
    record_einvoice,
    refuse_act,
    register_signatory,
)
from qosymsha.domain.settlement.commands.invoices import Invoice
from qosymsha.domain.settlement.models import ActSignature, EInvoice, ServiceAct, ServiceActHistory
from qosymsha.domain.settlement.ports import SignatureFault, Verified, Writer
from qosymsha.domain.settlement.rules.acts import PaperRefusal
from qosymsha.domain.settlement.states import Side
from qosymsha.integrations.signing.demo import DemoSigning
from qosymsha.kernel.canonical import canonical_json
from qosymsha.kernel.entropy import uuid4
from qosymsha.kernel.errors import Forbidden, Refused
from tests.factories.papers import (
    ACT_ONLY,
    ALL_PAPERS,
    CUSTOMER,
    act_of,
    iin,
    invoice_number,
    manager_of,
    registered,
    sign_both,
    sign_side,
    word_on,
)
from tests.factories.payments import FULL, claim_of, sign
from tests.factories.readings import readings
from tests.factories.settlement import APPROVER, AT, SYSTEM, City, city, person

pytestmark = pytest.mark.django_db
ON = date(2026, 2, 10)


def test_an_act_is_canonical_frozen_and_the_same_for_the_same_claim() -> None:
    home = city(**ACT_ONLY)
    claim = claim_of(home, 2)
    key = uuid4()
    given = {
        "actor": SYSTEM, "programme_id": home.programme.id, "claim_ids": [claim.id], "customer": CUSTOMER, "at": AT,
    }  # fmt: skip
    first = draw_acts(key=key, **given)
    assert draw_acts(key=key, **given) == first
    act = ServiceAct.objects.get()
    content = json.loads(bytes(act.content))
    assert bytes(act.content) == canonical_json(content)
    assert bytes(act.hash) == hashlib.sha256(bytes(act.content)).digest()
    assert (content["amount_tiyn"], content["claim"]["number"]) == (2 * FULL, claim.number)
    assert content["customer"]["bin"] == CUSTOMER.bin
    assert act.number.startswith("S-")
    assert draw_acts(key=uuid4(), **given)[0].reason is PaperRefusal.ACT_EXISTS
    for change in ({"content": b"{}"}, {"amount_tiyn": 1}, {"customer_bin": "x"}):
        with pytest.raises(DatabaseError, match="insert-only"), transaction.atomic():
            ServiceAct.objects.update(**change)


def test_both_sides_sign_and_the_act_is_done() -> None:
    home = city(**ACT_ONLY)
    act = act_of(home)
    sign_both(home, act)
    assert act.state == "done"
    steps = ServiceActHistory.objects.order_by("seq").values_list("from_state", "to_state")
    assert list(steps) == [("", "signing"), ("signing", "done")]
    assert list(ActSignature.objects.order_by("id").values_list("side", "is_legal")) == [
        ("provider", False),
        ("customer", False),
    ]


def test_a_claim_is_not_approved_before_its_act_is_done_where_the_rules_ask() -> None:
    home = city(**ALL_PAPERS)
    claim = claim_of(home)
    assert sign(home, claim)[0].reason is PaperRefusal.ACT_NOT_SIGNED
    act = act_of(home, claim)
    assert sign(home, claim)[0].reason is PaperRefusal.ACT_NOT_SIGNED
    sign_both(home, act)
    assert sign(home, claim)[0].reason is PaperRefusal.EINVOICE_MISSING
    record(home, act)
    assert sign(home, claim)[0].reason is PaperRefusal.EINVOICE_MISSING
    decide(home, act)
    assert sign(home, claim)[0].detail == "approved"


def test_where_the_rules_ask_for_no_act_a_claim_is_approved_without_one() -> None:
    home = city(papers={"act_required": False, "einvoice_required": False})
    assert sign(home, claim_of(home))[0].detail == "approved"


# --- who may sign ---------------------------------------------------------------------------------------------------


def provider_word(home: City, act: ServiceAct, **changes: Any) -> Verified:
    writer = replace(Writer(iin(41), home.provider.bin or "", "Manager"), **changes)
    return word_on(act, writer)


def wrong_word(home: City, act: ServiceAct, case: str) -> Verified:
    """A signature of the provider's manager that is wrong in one way (or right, where the case is about its day)."""
    if case == "edited document":
        edited = bytes(act.content).replace(b'"units":8', b'"units":9')
        assert edited != bytes(act.content)
        made = DemoSigning().sign(edited, Writer(iin(41), home.provider.bin or "", "M"), AT)
        return DemoSigning().verify(edited, made, AT)
    if case == "other document":
        return provider_word(home, act_of(city(**ACT_ONLY)))
    changes = {
        "other person": {"iin": iin(42)},
        "other organisation": {"bin": CUSTOMER.bin},
        "no organisation": {"bin": ""},
    }
    return provider_word(home, act, **changes.get(case, {}))


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        ("not registered", PaperRefusal.SIGNER_NOT_REGISTERED),
        ("other person", PaperRefusal.SIGNER_OTHER_PERSON),
        ("other organisation", PaperRefusal.SIGNER_OTHER_ORGANISATION),
        ("no organisation", PaperRefusal.SIGNER_OTHER_ORGANISATION),
        ("other document", SignatureFault.OTHER_DOCUMENT),
        ("edited document", SignatureFault.OTHER_DOCUMENT),
        ("expired", SignatureFault.EXPIRED),
        ("not yet valid", SignatureFault.EXPIRED),
    ],
)
def test_a_wrong_signature_is_refused_with_its_reason(case: str, reason: Any) -> None:
    home = city(**ACT_ONLY)
    act, manager = act_of(home), manager_of(home)
    if case != "not registered":
        registered(manager)
    at = AT + {"expired": timedelta(days=400), "not yet valid": -timedelta(days=400)}.get(case, timedelta(0))
    word = wrong_word(home, act, case)
    outcome = sign_side(home, act, Side.PROVIDER, word, manager, at=at)
    assert (outcome.id, outcome.reason) == (None, reason)
    assert not ActSignature.objects.exists()
    assert not PersonSecret.objects.filter(subject_kind="act_signature").exists()


def test_a_signature_counts_once_and_for_one_side_only() -> None:
    home = city(**ACT_ONLY)
    act, manager = act_of(home), manager_of(home)
    registered(manager)
    word = provider_word(home, act)
    assert sign_side(home, act, Side.PROVIDER, word, manager).reason is None
    assert sign_side(home, act, Side.PROVIDER, word, manager).reason is PaperRefusal.SIGNATURE_REPLAYED
    fresh = word_on(act, Writer(iin(41), home.provider.bin or "", "M"), AT + timedelta(seconds=1))
    assert sign_side(home, act, Side.PROVIDER, fresh, manager).reason is PaperRefusal.SIDE_SIGNED
    assert ActSignature.objects.count() == 1


def test_sealed_signatures_leave_once_they_are_past_their_time_and_what_was_signed_stays() -> None:
    home = city(**ACT_ONLY)
    act, manager = act_of(home), manager_of(home)
    registered(manager)
    assert sign_side(home, act, Side.PROVIDER, provider_word(home, act), manager).reason is None
    of_acts = PersonSecret.objects.filter(subject_kind__in=["act_signature", "signatory"])
    assert of_acts.count() == 2

    def forget(days: int) -> int:
        with transaction.atomic():
            return settlement_steps.forget_signatures(AT + timedelta(days=days))

    assert (forget(-1), of_acts.count()) == (0, 2)
    assert (forget(1), of_acts.count()) == (2, 0)
    assert ActSignature.objects.count() == 1


def test_one_person_never_signs_for_both_sides() -> None:
    home = city(**ACT_ONLY)
    act = act_of(home)
    both = replace(manager_of(home, 77), grants=manager_of(home, 77).grants + person(Role.APPROVER, 77).grants)
    number = registered(both)
    assert (
        sign_side(home, act, Side.PROVIDER, word_on(act, Writer(number, home.provider.bin or "", "B")), both).reason
        is None
    )
    other = word_on(act, Writer(number, CUSTOMER.bin, "B"))
    assert sign_side(home, act, Side.CUSTOMER, other, both).reason is PaperRefusal.SIGNER_OF_BOTH_SIDES


def test_a_demo_signature_counts_nowhere_where_real_people_live(settings: Any) -> None:
    home = city(**ACT_ONLY)
    act, manager = act_of(home), manager_of(home)
    registered(manager)
    word = provider_word(home, act)
    settings.SYNTHETIC_PEOPLE_ALLOWED = False
    assert sign_side(home, act, Side.PROVIDER, word, manager).reason is PaperRefusal.NO_LEGAL_FORCE


def test_a_sole_trader_signs_with_the_number_the_provider_is_known_by() -> None:
    home = city(**ACT_ONLY)
    type(home.provider).objects.filter(id=home.provider.id).update(legal_form="sole_trader", bin=None)
    act, manager = act_of(home), manager_of(home)
    number = registered(manager)
    word = word_on(act, Writer(number, "", "Trader"))
    assert sign_side(home, act, Side.PROVIDER, word, manager).reason is PaperRefusal.SIGNER_OTHER_ORGANISATION
    with transaction.atomic():
        row = steps.SecretRow(home.provider.id, b"{}", people.iin_lookup("provider", number))
        steps.seal("provider", [row])
    assert sign_side(home, act, Side.PROVIDER, word, manager).reason is None
    assert number.encode() not in bytes(act.content)


def test_only_the_sides_sign_and_only_their_own_acts() -> None:
    home = city(**ACT_ONLY)
    act = act_of(home)
    word = provider_word(home, act)
    stranger = person(Role.PROVIDER_MANAGER, 43, provider_id=home.provider.id + 1)
    for actor in (stranger, APPROVER, SYSTEM):
        with pytest.raises(Forbidden):
            sign_side(home, act, Side.PROVIDER, word, actor)
    for actor in (manager_of(home), SYSTEM, person(Role.PAYER, 21)):
        with pytest.raises(Forbidden):
            sign_side(home, act, Side.CUSTOMER, word, actor)


def test_a_number_is_one_users_and_only_a_persons() -> None:
    registered(person(Role.APPROVER, 5))
    with pytest.raises(Refused) as taken:
        registered(person(Role.APPROVER, 6), iin(5))
    assert taken.value.reason is PaperRefusal.SIGNER_OTHER_PERSON
    for wrong in (CUSTOMER.bin, "123", iin(5)[:-1] + "x"):
        with pytest.raises(Refused) as refused:
            registered(person(Role.APPROVER, 7), wrong)
        assert refused.value.reason is PaperRefusal.NOT_A_NUMBER_OF_A_PERSON
    with pytest.raises(Forbidden):
        register_signatory(actor=APPROVER, user_id=1, iin=iin(1), basis="x", at=AT, key=uuid4())


def test_an_act_is_not_called_signed_past_the_commands_either() -> None:
    act = act_of(city(**ACT_ONLY))
    with pytest.raises(IntegrityError, match="not signed by both sides"), transaction.atomic():
        ServiceAct.objects.filter(id=act.id).update(state="done")


def test_control_without_the_trigger_an_unsigned_act_would_be_done() -> None:
    act = act_of(city(**ACT_ONLY))
    with connection.cursor() as cursor:
        cursor.execute("DROP TRIGGER service_act_signed ON service_act")
    assert ServiceAct.objects.filter(id=act.id).update(state="done") == 1


def test_a_refused_act_makes_way_for_another_and_says_why() -> None:
    home = city(**ACT_ONLY)
    claim = claim_of(home)
    act = act_of(home, claim)
    refuse_act(
        actor=manager_of(home), programme_id=home.programme.id, act_id=act.id, reason="two lessons", at=AT, key=uuid4()
    )
    act.refresh_from_db()
    assert (act.state, act.reason) == ("refused", "two lessons")
    assert act_of(home, claim).id != act.id
    registered(manager_of(home))
    outcome = sign_side(home, act, Side.PROVIDER, provider_word(home, act), manager_of(home))
    assert outcome.reason is PaperRefusal.ACT_IN_OTHER_STATE


def test_reading_an_act_whole_is_recorded_and_strangers_read_none() -> None:
    home = city(**ACT_ONLY)
    act = act_of(home)
    sign_both(home, act)
    paper = queries.act_paper(actor=manager_of(home), act_id=act.id, at=AT)
    assert [s.side for s in paper.signatures] == ["provider", "customer"]
    for signature in paper.signatures:
        DemoSigning().verify(paper.document, signature.cms, signature.at)
    assert [e.detail["read"]["settlement.read_papers"] for e in readings()] == [{"service_act": [act.id]}]
    with pytest.raises(Forbidden):
        queries.act_paper(actor=person(Role.PROVIDER_MANAGER, 9, provider_id=0), act_id=act.id, at=AT)


# --- the e-invoice --------------------------------------------------------------------------------------------------


def record(home: City, act: ServiceAct, **changes: Any) -> int:
    given = {"number": invoice_number(home), "issued_on": ON, "amount_tiyn": act.amount_tiyn} | changes
    actor = given.pop("actor", manager_of(home))
    return record_einvoice(
        actor=actor, programme_id=home.programme.id, act_id=act.id, invoice=Invoice(**given), at=AT, key=uuid4()
    )


def decide(home: City, act: ServiceAct, accept: bool = True, reason: str = "") -> None:
    decide_einvoice(
        actor=APPROVER, programme_id=home.programme.id, act_id=act.id, accept=accept, reason=reason, at=AT, key=uuid4()
    )
    act.refresh_from_db()


def signed_act(home: City) -> ServiceAct:
    act = act_of(home)
    sign_both(home, act)
    return act


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"number": "ESF-1"}, PaperRefusal.EINVOICE_MALFORMED),
        ({"number": "ESF-٠١٠١٤٠٠٠٠٠٠٨-20260210-00000001"}, PaperRefusal.EINVOICE_MALFORMED),
        ({"amount_tiyn": FULL - 1}, PaperRefusal.EINVOICE_OTHER_AMOUNT),
        ({"issued_on": date(2026, 2, 9)}, PaperRefusal.EINVOICE_DATE),
        ({"issued_on": date(2026, 2, 11)}, PaperRefusal.EINVOICE_DATE),
    ],
)
def test_an_einvoice_that_does_not_fit_the_act_is_refused(change: dict[str, Any], reason: PaperRefusal) -> None:
    home = city(**ALL_PAPERS)
    act = signed_act(home)
    with pytest.raises(Refused) as refused:
        record(home, act, **change)
    assert refused.value.reason is reason
    assert not EInvoice.objects.exists()


def test_an_einvoice_before_the_signatures_is_refused_and_after_them_is_checked_by_a_person() -> None:
    home = city(**ALL_PAPERS)
    act = act_of(home)
    with pytest.raises(Refused) as early:
        record(home, act)
    assert early.value.reason is PaperRefusal.ACT_IN_OTHER_STATE
    sign_both(home, act)
    record(home, act, number=f" {invoice_number(home).lower()} ")
    act.refresh_from_db()
    assert act.state == "checking"
    decide(home, act)
    assert act.state == "done"


def test_a_number_counts_once_per_provider_even_after_a_rejection() -> None:
    home = city(**ALL_PAPERS)
    act = signed_act(home)
    record(home, act)
    decide(home, act, accept=False, reason="not in the tax system")
    assert (act.state, act.reason) == ("awaiting_invoice", "not in the tax system")
    with pytest.raises(Refused) as again:
        record(home, act)
    assert again.value.reason is PaperRefusal.EINVOICE_REPEATED
    record(home, act, number=invoice_number(home, 2))
    assert list(EInvoice.objects.order_by("id").values_list("state", flat=True)) == ["rejected", "recorded"]


def test_a_sole_traders_number_stands_masked_and_is_found_again_whole() -> None:
    home = city(**ALL_PAPERS)
    act = signed_act(home)
    number = f"ESF-{iin(41)}-20260210-00000001"
    record(home, act, number=number)
    stored = EInvoice.objects.get()
    assert stored.number == "ESF-••••••••••••-20260210-00000001"
    paper = queries.act_paper(actor=APPROVER, act_id=act.id, at=AT)
    assert paper.invoice is not None
    assert paper.invoice.number == number


def test_only_the_provider_records_and_only_an_official_decides() -> None:
    home = city(**ALL_PAPERS)
    act = signed_act(home)
    with pytest.raises(Forbidden):
        record(home, act, actor=APPROVER)
    record(home, act)
    with pytest.raises(Forbidden):
        decide_einvoice(
            actor=manager_of(home), programme_id=home.programme.id, act_id=act.id, accept=True, reason="", at=AT,
            key=uuid4(),
        )  # fmt: skip
