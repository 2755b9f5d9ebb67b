"""What a treasury's word means: money moves only along the legal lives, in whatever order words come."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from qosymsha.domain.settlement.ports import CURRENCY, Reply, ReplyStatus
from qosymsha.domain.settlement.rules.replies import Move, Ordered, OrderedFile, judge, judge_file, word_on
from qosymsha.domain.settlement.states import LINE_TRANSITIONS, FileState, LineState, ReplyOutcome

words = st.builds(
    Reply,
    reference=st.text("AB", min_size=1, max_size=4),
    end_to_end_id=st.just("e"),
    status=st.sampled_from(list(ReplyStatus)),
    amount_tiyn=st.sampled_from([100, 101, 0, -1]),
    file_number=st.sampled_from(["", "F-1", "F-2"]),
    currency=st.sampled_from([CURRENCY, "USD", ""]),
)
_EFFECT = {Move.TRANSIT_TO_PAID: (-1, 1), Move.TRANSIT_TO_PAYABLE: (-1, 0), Move.PAID_TO_PAYABLE: (0, -1)}


@given(st.lists(words, max_size=12))
def test_whatever_the_treasury_says_money_moves_only_along_the_legal_lives(said: list[Reply]) -> None:
    state, transit, paid = LineState.SENT, 1, 0
    for word in said:
        verdict = judge(word, Ordered(state, 100, "F-1"))
        assert (verdict.state is None) == (verdict.move is None)
        if verdict.state is not None and verdict.move is not None:
            assert (state, verdict.state) in LINE_TRANSITIONS
            fits = word.amount_tiyn == 100 or (word.amount_tiyn == 0 and word.file_number == "F-1")
            assert fits
            assert word.currency == CURRENCY
            assert word.file_number in ("", "F-1")
            state = verdict.state
            transit, paid = transit + _EFFECT[verdict.move][0], paid + _EFFECT[verdict.move][1]
        assert transit >= 0
        assert 0 <= paid <= 1


def test_the_return_may_overtake_the_acceptance() -> None:
    accepted, returned = Reply("a", "e", ReplyStatus.ACCEPTED, 1), Reply("r", "e", ReplyStatus.RETURNED, 1)
    assert judge(returned, Ordered(LineState.SENT, 1, "F")).state is LineState.RETURNED
    assert judge(accepted, Ordered(LineState.RETURNED, 1, "F")).outcome is ReplyOutcome.NOTED
    assert judge(returned, Ordered(LineState.ACCEPTED, 1, "F")).state is LineState.RETURNED


def test_a_word_about_a_whole_file_is_a_word_about_its_lines_only_where_it_is_final_and_fits() -> None:
    sent = OrderedFile(FileState.SENT, 500)
    final = Reply("r", "", ReplyStatus.REJECTED, 500, "AM05", "F-1")
    assert judge_file(final, sent) is None
    assert judge_file(Reply("r", "", ReplyStatus.REJECTED, 501, "", "F-1"), sent) is ReplyOutcome.HELD_OTHER_AMOUNT
    assert judge_file(final, None) is ReplyOutcome.HELD_UNKNOWN_FILE
    line = Ordered(LineState.SENT, 100, "F-1")
    word = word_on("C-1", line, final)
    assert (word.reference, word.end_to_end_id, word.amount_tiyn) == ("r/C-1", "C-1", 100)
    assert judge(word, line).state is LineState.REJECTED
