"""`{% bell %}`: the way to one's own notices, with how many are new; `{% ways %}`: how notices go out."""

from __future__ import annotations

from typing import Any

from django import template
from django.urls import reverse
from django.utils.translation import get_language

from qosymsha.domain.messages import queries, standing
from qosymsha.domain.messages.states import Door
from qosymsha.domain.messages.terms import terms
from qosymsha.interfaces.ui import texts
from qosymsha.interfaces.ui.signed import DOOR_ROLES, door_of
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.errors import NotConfigured

register = template.Library()


@register.inclusion_tag("ui/bell.html", takes_context=True)
def bell(context: dict[str, Any]) -> dict[str, object]:
    """Nothing outside the doors, or in a door that is not open to who asks; not counted on a form that comes back.

    When a round opens, a refused form has no statement to spare (0035).
    """
    request: Any = context.get("request")
    actor = context.get("actor")
    door = door_of(request) if request is not None and hasattr(request, "at") else ""
    if not door or actor is None or not actor.holds(DOOR_ROLES[door]):
        return {"address": ""}
    count = queries.unread_count(actor=actor, door=Door(door), at=request.at) if request.method == "GET" else 0
    address = reverse(f"{door}-notices")
    return {"address": address, "count": count, "is_here": request.path.startswith(address)}


@register.inclusion_tag("ui/ways.html", takes_context=True)
def ways(context: dict[str, Any]) -> dict[str, object]:
    """How notices go out: what is wrong and what to do, then each way's figures. For operator and auditor.

    A page that asked already (`ways_of`) hands it over as `sending`.
    """
    found: dict[str, object] = context.get("sending") or ways_of(context["request"])
    return found


def ways_of(request: Any) -> dict[str, object]:
    """What `{% ways %}` shows; `is_red` where something of it is wrong."""
    language = get_language() or "kk"
    try:
        rules = terms(local_day(request.at))
    except NotConfigured:
        return {"rules_broken": True, "is_red": True}
    stands = standing.standing(actor=request.actor, at=request.at)
    found = [
        (
            texts.say(language, f"ways.{trouble}", way=_name(language, channel)),
            texts.say(language, f"ways.{trouble}.do"),
        )
        for trouble, channel in standing.troubles(stands, rules, request.at)
    ]
    rows = [(_name(language, one.channel), one, sum(one.failed.values())) for one in stands.ways]
    return {"troubles": found, "rows": rows, "stands": stands, "is_red": bool(found)}


def _name(language: str, channel: str) -> str:
    return texts.say(language, f"prefs.channel.{channel}") if channel else ""
