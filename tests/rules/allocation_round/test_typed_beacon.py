"""Whose word stands for a beacon's value that is typed."""

from __future__ import annotations

import pytest

from qosymsha.domain.allocation.announcement import vouched


@pytest.mark.parametrize(
    ("beacon_name", "officers", "told"),
    [
        ("typed:lottery 7", [8, 7], {"typed_by": [7, 8]}),
        ("typed:lottery 7", [7, 7], None),
        ("typed:lottery 7", [7], None),
        ("typed:", [], None),
        ("drand:chain:7", [7], {}),
        ("drand:chain:7", [7, 8], {}),
        ("a value typed:lottery", [7], {}),
    ],
)
def test_a_typed_value_needs_two_people_and_a_fetched_one_nobody(
    beacon_name: str, officers: list[int], told: dict[str, list[int]] | None
) -> None:
    assert vouched(beacon_name, officers) == told
