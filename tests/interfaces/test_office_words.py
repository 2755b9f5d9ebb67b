"""What the office's pages say instead of codes: sources of chance, parties of a draw, the bank's word, months."""

from __future__ import annotations

import pytest
from django.utils import translation

from qosymsha.domain.programmes import classifiers, wording
from qosymsha.domain.settlement.commands.corrections import UPHELD
from qosymsha.interfaces.office.templatetags import desk
from qosymsha.interfaces.ui import texts


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("typed:National lottery, draw 1234", "a value that two officers type: National lottery, draw 1234"),
        (f"drand:{'ab' * 32}:77", "the public network drand, round 77 (chain abababab…)"),
        ("trial beacon of 2026-03-01", "a trial's own source (the program gives the value)"),
        ("something else", "something else"),
    ],
)
def test_a_source_of_chance_is_named_in_words(name: str, said: str) -> None:
    with translation.override("en"):
        assert desk.beacon(name) == said


def test_codes_become_words_and_what_a_person_wrote_stays() -> None:
    with translation.override("ru"):
        assert desk.parties(["akimat", "parents", "Совет отцов"]) == "акимат, родительский совет, Совет отцов"
        assert (desk.bank_said("accepted"), desk.bank_said("ACSP")) == ("оплачено", "ACSP")
        assert (desk.posted_for("payment_sent"), desk.posted_for("else")) == ("платёж отправлен", "else")
        assert (desk.iso_month("2026-09"), desk.iso_month("long ago")) == ("сентябрь 2026 г.", "long ago")
        assert desk.said_reason(UPHELD) == texts.say("ru", "office.recovery.upheld")
        assert desk.said_reason("переплата") == "переплата"


def test_a_section_is_shown_in_the_schemas_order_whatever_order_the_database_keeps() -> None:
    kept = classifiers.default_rule_set()
    shuffled = {name: dict(sorted(kept["ages"].items(), reverse=True)) if name == "ages" else one
                for name, one in kept.items()}  # fmt: skip
    assert wording.Speaker(shuffled, "ru").shown("ages") == wording.Speaker(kept, "ru").shown("ages")
    assert wording.Speaker(kept, "ru").shown("ages").facts[0][0] == "Не младше, лет"
