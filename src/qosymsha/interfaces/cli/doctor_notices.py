"""`qosymsha doctor` on notices: their rules, news that waits, and each way out."""

from __future__ import annotations

from collections.abc import Iterator

from django.conf import settings

from qosymsha.domain.messages import standing
from qosymsha.domain.messages.standing import Standing, Trouble, WayStands
from qosymsha.domain.messages.terms import terms
from qosymsha.interfaces.cli.acting import HAND
from qosymsha.interfaces.ui.templatetags.words import moment
from qosymsha.kernel import clock
from qosymsha.kernel.adapters import adapter
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.errors import NotConfigured

OPTIONAL_WAYS = ("sms", "email")  # without them notices stand in the app alone
_RUNBOOK = "docs/runbooks/messages.md"
Line = tuple[str, bool, str, str]  # name, is it right, what was found, what to do


def notice_lines() -> Iterator[Line]:
    """Each thing looked at."""
    at = clock.read()
    try:
        rules = terms(local_day(at))
    except NotConfigured as fault:
        yield "notice rules", False, str(fault), f"put the file right; {_RUNBOOK}"
        return
    stands = standing.standing(actor=HAND, at=at)
    found = {
        channel: {one for one, of in standing.troubles(stands, rules, at) if of == channel} for channel in _all(stands)
    }
    told = f"{stands.news} wait, the oldest since {moment(stands.oldest_news)}" if stands.news else "all told"
    yield "news told", not found[""], told, f"let `qosymsha serve` or `qosymsha work` run; {_RUNBOOK}"
    ways = {one.channel: one for one in stands.ways}
    for channel in OPTIONAL_WAYS:
        yield _way(channel, ways.get(channel), found.get(channel, set()))


def _all(stands: Standing) -> set[str]:
    return {"", *OPTIONAL_WAYS, *(one.channel for one in stands.ways)}


def _way(channel: str, way: WayStands | None, found: set[Trouble]) -> Line:
    name = f"notices by {channel}"
    if not settings.ADAPTERS[channel]:
        said = "no way is set: notices stand in the app alone"
        return name, way is None or not way.waiting, said, f"set QOSYMSHA_{channel.upper()}; {_RUNBOOK}"
    try:
        adapter(channel)
    except NotConfigured as fault:
        return name, False, str(fault), f"put the settings right; {_RUNBOOK}"
    if way is None:
        return name, True, "nothing to send", ""
    said = f"{way.waiting} wait" + (f", the oldest since {moment(way.oldest)}" if way.oldest else "")
    said += f", {way.failures} failures in a row ({way.hitch})" if way.failures else ""
    said += "".join(f", {hitch} \u00d7{n} within a day" for hitch, n in sorted(way.failed.items()))
    return name, not found, said, f"{_RUNBOOK} says what each word means and what to do"
