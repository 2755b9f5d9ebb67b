"""Cells of a dashboard's tables."""

from __future__ import annotations

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from qosymsha.interfaces.files.exports import Value
from qosymsha.interfaces.office.boards.parts import is_number
from qosymsha.interfaces.ui import texts
from qosymsha.kernel.money import Money

register = template.Library()


@register.simple_tag
def shown(cell: Value | Money) -> SafeString:
    """A cell of a table: numbers grouped by thousands and to the right, a dash for nothing."""
    text = "—" if cell is None else texts.grouped(cell) if isinstance(cell, int) else str(cell)
    return format_html('<td class="n">{}</td>' if is_number(cell) else "<td>{}</td>", text)
