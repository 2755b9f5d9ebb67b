"""A long chain of single displacements must not crawl."""

import time

import numpy as np
import pytest

from bench.market import chain_market
from qosymsha.domain.allocation.places import solve

LENGTH = 50_000


def test_a_chain_of_fifty_thousand_displacements_is_followed_to_its_end() -> None:
    market = chain_market(LENGTH)
    started = time.process_time()
    matching = solve(market)
    assert time.process_time() - started < 3
    assert matching.groups[:-1].tolist() == list(range(1, LENGTH + 1))
    assert matching.groups[-1] == 0
    assert matching.proposals == 2 * LENGTH + 1


def test_control_rounds_alone_need_one_round_per_displacement() -> None:
    assert solve(chain_market(300), tail_below=0).rounds >= 300


@pytest.mark.parametrize("tail_below", [0, 5, 10_000])
def test_a_short_chain_ends_alike_by_rounds_and_one_by_one(tail_below: int) -> None:
    matching = solve(chain_market(50), tail_below=tail_below)
    assert np.array_equal(matching.groups, [*range(1, 51), 0])
