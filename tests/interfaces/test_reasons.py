"""Explanations in words: in three languages, of every state and cause; and the command line that says them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from qosymsha.domain.admission.queries import ClassBefore, Evidence, Explanation, Move
from qosymsha.domain.admission.states import ApplicationState
from qosymsha.domain.choice import queries as choices
from qosymsha.domain.choice.states import ListState, OfferState
from qosymsha.interfaces.ui import reasons
from qosymsha.interfaces.ui.texts import LANGUAGES
from tests.factories import choice
from tests.factories.choice import LATER, OFFICER, closed_for_good, queue, town
from tests.factories.vouchers import add_group

AT = datetime(2026, 9, 1, 6, tzinfo=UTC)
WAITING = Explanation(
    number="A-1", round_number="R-1", state="waiting", reason="", segment="sport", category="", evidence=None,
    coefficient=None, iteration=None, turn=None, lottery_number="ab" * 32, places=20, rank=31, how="",
    granted_before=20, waiting_before=10, before=(ClassBefore(("orphan",), (), 12, 12), ClassBefore((), (), 18, 8)),
    last_rank=20, last_number="cd" * 32, position=7, refilled=4,
    moves=(Move(AT, "", "submitted", ""), Move(AT, "ranked", "waiting", "")),
)  # fmt: skip


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_waiting_application_hears_its_place_who_was_before_and_what_must_happen(language: str) -> None:
    said = reasons.of_application(WAITING, language)
    whole = "\n".join(said)
    for fact in ("31", "20", "30", "12", "18", "ab" * 32, "cd" * 32, "7", "4", "01.09.2026"):
        assert fact in whole
    assert "{" not in whole
    assert "orphan" not in whole, "a category goes by its name"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("state", [state.value for state in ApplicationState])
def test_every_state_and_cause_has_its_words(language: str, state: str) -> None:
    causes = ("", "refill", "filed_again:R-2", "later_round:R-2", "round_cancelled:R-2", "holds_voucher", "guardian:7")
    told = replace(WAITING, state=state, reason="wrong_age", moves=tuple(Move(AT, "", state, c) for c in causes))
    whole = "\n".join(reasons.of_application(told, language))
    assert "{" not in whole
    assert "R-2" in whole
    assert "guardian:7" not in whole, "nobody's number is told"


def test_a_category_is_said_with_its_evidence_only_where_it_was_told() -> None:
    evidence = Evidence("registry", "doc-17", date(2026, 1, 1), None)
    told = replace(WAITING, category="orphan", coefficient=3, iteration=2, turn=5, evidence=evidence)
    assert "doc-17" in "\n".join(reasons.of_application(told, "en"))
    assert "doc-17" not in "\n".join(reasons.of_application(WAITING, "en"))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("state", [state.value for state in ListState])
def test_every_state_of_a_list_and_an_offer_has_its_words(language: str, state: str) -> None:
    names = ("Дзюдо", "Дзюдо", "Judo")
    wishes = tuple(
        choices.WishStanding(n, 3, offer.value, n, 9, 4, 4, 5, "Тұлпар", names, f"G{n}")
        for n, offer in enumerate(OfferState, 1)
    )
    causes = ("filed", "replaced", "guardian:7", "closed", "allocated", "offer:7", "rerun", "taken_directly",
              "place_lost:provider", "voucher:moved", "later_round:W-2", "choice_round_cancelled")  # fmt: skip
    moves = tuple(choices.Move(AT, "", state, cause, None) for cause in causes)
    setback = choices.Setback(AT, 1, 2, 3, "somebody_before_lost_a_place")
    criteria = ("tier", "sibling", "district", "lottery")
    told = choices.Explanation("W-1", criteria, state, "no_wishes", 1, None, "ab" * 32, wishes, moves, (setback,))
    whole = "\n".join(reasons.of_list(told, language))
    assert "{" not in whole
    assert "guardian:7" not in whole
    assert names[LANGUAGES.index(language)] in whole


@pytest.mark.django_db
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_family_hears_why_this_group_and_why_not_the_one_it_wanted_more(language: str) -> None:
    city = town()
    top, low = add_group(city, capacity=1), add_group(city, capacity=5, weekdays=(1, 3))
    children = choice.holders(city, 4)
    choice.run(city, [(c, [top, low]) for c in children])
    second = next(c for c in children if choice.place_of(c) == low)
    told = choices.explain(actor=OFFICER, list_id=choice.list_of(second).id, at=LATER)
    missed, given = told.wishes
    assert (missed.places, missed.last_place, given.places) == (1, 1, 5)
    assert missed.place is not None
    assert missed.place > 1
    whole = "\n".join(reasons.of_list(told, language))
    assert "{" not in whole
    assert str(missed.place) in whole


@pytest.mark.django_db
def test_who_was_offered_a_freed_place_reads_it() -> None:
    city = town()
    group = add_group(city, capacity=1)
    the_round, (first, second, _) = queue(city, group, 3)
    closed_for_good(first)
    choice.offer(the_round, LATER)
    told = choices.explain(actor=OFFICER, list_id=choice.list_of(second).id, at=LATER)
    assert any("offered" in line for line in reasons.of_list(told, "en"))
