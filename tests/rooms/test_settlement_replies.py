"""The treasury's words, in any order and shape: applied once, or held by name."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from qosymsha.domain.ledger import queries as ledger
from qosymsha.domain.people.states import Role
from qosymsha.domain.settlement import queries
from qosymsha.domain.settlement.commands import (
    apply_replies,
    draw_claims,
    resolve_reply,
    return_claims,
)
from qosymsha.domain.settlement.commands.decisions import Resolution
from qosymsha.domain.settlement.models import BankReply, Claim, PaymentFile, PaymentLine, ReplyDecision
from qosymsha.domain.settlement.ports import Reply, ReplyStatus
from qosymsha.domain.settlement.rules.acts import PaperRefusal
from qosymsha.domain.settlement.states import ReplyChoice
from qosymsha.kernel.entropy import uuid4
from qosymsha.kernel.errors import Forbidden, Refused
from tests.factories.payments import FULL, balance, claim_of, draw_file, hear, release, say, send, sent_line, sign
from tests.factories.settlement import (
    APPROVER,
    AT,
    JANUARY,
    PAYER_OFFICIAL,
    SYSTEM,
    add_group,
    add_provider,
    city,
    enrol,
    person,
    promise,
    row,
    sheet,
)

pytestmark = pytest.mark.django_db


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
        ({"amount_tiyn": -1}, "held_other_amount"),
        ({"amount_tiyn": 0}, "held_other_amount"),
        ({"currency": "USD"}, "held_other_currency"),
        ({"currency": ""}, "held_other_currency"),
        ({"file_number": "F-999999-Z"}, "held_other_file"),
        ({"status": ReplyStatus.UNKNOWN}, "held_unknown_status"),
        ({"status": ReplyStatus.UNREADABLE}, "held_unreadable"),
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


def test_a_reference_used_for_something_else_is_held_under_a_name_of_its_own() -> None:
    home = city()
    line = sent_line(home)
    hear(say(line))
    other = say(line, amount_tiyn=1)
    first, again = hear(other), hear(other, other)
    assert [r.detail for r in first + again] == ["held_reference_reused"] * 3
    assert BankReply.objects.count() == 2
    (held,) = queries.held_replies()
    assert held.reference.startswith(f"{other.reference}~")
    assert Claim.objects.get().state == "paid"


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


def test_a_word_without_an_amount_counts_where_it_names_the_file() -> None:
    home = city()
    line = sent_line(home)
    assert hear(say(line, amount_tiyn=0, file_number=line.file.number))[0].detail == "paid"


def about_the_file(line: PaymentLine, status: str, **changes: Any) -> Reply:
    return say(line, status, reference=f"file-{status}", end_to_end_id="", file_number=line.file.number, **changes)


def test_a_word_about_the_whole_file_is_a_word_about_each_line() -> None:
    home = city()
    line = sent_line(home)
    outcome, again = hear(about_the_file(line, "rejected")), hear(about_the_file(line, "rejected"))
    assert [r.detail for r in outcome + again] == ["noted", "noted"]
    assert Claim.objects.get().state == "held"
    assert balance("payable", home, Claim.objects.get().id) == FULL
    assert sorted(BankReply.objects.values_list("outcome", flat=True)) == ["noted", "rejected"]


def test_a_final_word_about_the_file_against_a_line_that_is_paid_is_held_by_name() -> None:
    home = city()
    line = sent_line(home)
    hear(say(line), about_the_file(line, "rejected"))
    assert Claim.objects.get().state == "paid"
    (held,) = queries.held_replies()
    assert (held.outcome, held.end_to_end_id) == ("held_contradiction", line.end_to_end_id)


@pytest.mark.parametrize(
    ("status", "change", "outcome"),
    [
        ("pending", {}, "noted"),
        ("rejected", {"amount_tiyn": FULL + 1}, "held_other_amount"),
        ("rejected", {"currency": "USD"}, "held_other_currency"),
        ("unknown", {}, "held_unknown_status"),
        ("rejected", {"file_number": "F-999999-Z"}, "held_unknown_file"),
    ],
)
def test_a_word_about_a_file_that_does_not_fit_moves_nothing(status: str, change: dict[str, Any], outcome: str) -> None:
    home = city()
    line = sent_line(home)
    assert hear(replace(about_the_file(line, status), **change))[0].detail == outcome
    assert balance("transit", home, line.id) == FULL


def test_a_file_that_never_left_can_not_be_answered() -> None:
    home = city()
    claim = claim_of(home)
    sign(home, claim)
    release(home, claim)
    draw_file(home)
    assert hear(about_the_file(PaymentLine.objects.get(), "rejected"))[0].detail == "held_not_sent"


# --- an official's decision -----------------------------------------------------------------------------------------


def decide(reference: str, choice: str = "apply", **changes: Any) -> Any:
    given = {"actor": PAYER_OFFICIAL, "at": AT, "key": uuid4()}
    given |= {name: changes.pop(name) for name in ("actor", "key") if name in changes}
    resolution = Resolution(ReplyChoice(choice), "letter 12-3/4", **changes)
    return resolve_reply(reference=reference, resolution=resolution, **given)


def test_a_held_reply_ends_by_an_officials_decision_and_moves_the_amount_ordered() -> None:
    home = city()
    line = sent_line(home)
    hear(say(line, amount_tiyn=FULL + 1, reference="odd"))
    key = uuid4()
    for _ in range(2):
        assert decide("odd", end_to_end_id=line.end_to_end_id, key=key) == "paid"
    assert queries.held_replies() == []
    assert Claim.objects.get().state == "paid"
    assert ledger.totals([home.line.id])[home.line.id]["paid"] == FULL
    assert BankReply.objects.get(reference="odd").outcome == "held_other_amount", "what was said stays as it was said"
    with pytest.raises(Refused) as twice:
        decide("odd", end_to_end_id=line.end_to_end_id)
    assert twice.value.reason is PaperRefusal.REPLY_DECIDED
    assert ledger.unbalanced_lines() == []


def test_a_reply_that_concerns_nobody_is_dismissed_and_moves_nothing() -> None:
    home = city()
    line = sent_line(home)
    hear(say(line, end_to_end_id="nobody's", reference="odd"))
    assert decide("odd", "dismiss") is None
    assert queries.held_replies() == []
    assert balance("transit", home, line.id) == FULL


@pytest.mark.parametrize(
    ("setup", "reference", "line", "reason"),
    [
        ([], "nothing said", "", PaperRefusal.UNKNOWN_REPLY),
        (["paid"], "paid", "", PaperRefusal.REPLY_NOT_HELD),
        (["odd"], "odd", "no such line", PaperRefusal.REPLY_FITS_NO_LINE),
        (["paid", "odd"], "odd", "", PaperRefusal.REPLY_FITS_NO_LINE),
    ],
)
def test_a_decision_that_does_not_fit_is_refused(
    setup: list[str], reference: str, line: str, reason: PaperRefusal
) -> None:
    home = city()
    sent = sent_line(home)
    said = {"paid": say(sent, reference="paid"), "odd": say(sent, reference="odd", amount_tiyn=5)}
    for name in setup:
        hear(said[name])
    with pytest.raises(Refused) as refused:
        decide(reference, end_to_end_id=line or sent.end_to_end_id)
    assert refused.value.reason is reason
    assert not ReplyDecision.objects.exists()


def test_only_a_payer_of_the_lines_territory_decides() -> None:
    home = city()
    line = sent_line(home)
    hear(say(line, amount_tiyn=5, reference="odd"))
    foreign = person(Role.PAYER, 8, territory_ids=frozenset({home.territory.id + 1}))
    for actor in (foreign, APPROVER, SYSTEM):
        with pytest.raises(Forbidden):
            decide("odd", end_to_end_id=line.end_to_end_id, actor=actor)


def test_an_unreadable_message_is_held_by_its_hash_and_dismissed_when_it_was_looked_at() -> None:
    home = city()
    sent_line(home)
    word = Reply("unreadable:ab12", "", ReplyStatus.UNREADABLE, 0, "not XML")
    assert hear(word)[0].detail == "held_unreadable"
    decide(word.reference, "dismiss")
    assert queries.held_replies() == []
