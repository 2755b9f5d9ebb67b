"""Who holds a row of a queue."""

from __future__ import annotations

from collections.abc import Mapping

from django import template

from qosymsha.domain.casework.queries.holds import Hold

register = template.Library()


@register.filter
def of_row(holds: Mapping[int, Hold], row_id: int) -> Hold | None:
    """The row's holder, or None."""
    return holds.get(row_id)
