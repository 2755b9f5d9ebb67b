"""When each duty runs. Hours are UTC (Astana is five ahead). Daily duties are tried every hour: their key says once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from django.db import connections

from qosymsha.interfaces.jobs import duties, erasing, errands, figures, notices, scanning, treasury, upkeep
from qosymsha.interfaces.jobs.app import app
from qosymsha.interfaces.jobs.hands import held
from qosymsha.interfaces.ui import journal
from qosymsha.kernel import clock

Duty = Callable[[datetime], None]
SCHEDULE: tuple[tuple[str, Duty], ...] = (
    ("* * * * * */10", duties.link_audit),
    ("5-59/10 * * * *", duties.sign_checkpoint),
    ("* * * * *", duties.check_invariants),
    ("*/2 22-23 * * *", duties.check_invariants_by_night),  # 03:00 to 05:00 in Astana, until all are checked
    ("* * * * *", errands.mind_errands),
    ("1 * * * *", duties.make_months),
    ("2 * * * *", duties.expire_vouchers),
    ("3 * * * *", duties.expire_accreditations),
    ("3 * * * *", duties.end_places),
    ("3 * * * *", duties.settle_halls),
    ("4 * * * *", duties.promise_month),
    ("6 * * * *", duties.refill),
    ("40 * * * *", duties.screen_months),
    ("7 * * * *", duties.remind_guardians),
    ("8 * * * *", duties.watch_absences),
    ("10 * * * *", duties.escalate_controls),
    ("9 22 * * *", duties.forget_traces),  # 03:09 in Astana
    ("8 * * * *", duties.forget_visits),
    ("8-59/10 * * * *", duties.offer_places),
    ("9-59/10 * * * *", duties.offer_seats),  # after choice rounds: their lists have the first word
    ("11 * * * *", duties.agree_with_families),
    ("35 21 * * *", duties.propose_recoveries),  # 02:35 in Astana
    ("50 21 * * *", duties.explain_money),
    ("*/5 * * * *", treasury.exchange),
    ("*/5 * * * *", figures.count_waiting_lines),
    ("3-59/5 * * * *", figures.count_figures),  # from 03:00 in Astana, until all of the night are counted
    ("* * * * *", scanning.scan_papers),
    ("* * * * *", notices.make_notices),
    ("* * * * *", notices.send_notices),
    ("30 4-12 * * *", notices.remind_of_ends),  # from 09:30 in Astana; each notice once
    ("20-59/5 21-23 * * *", erasing.erase_persons),  # from 02:20 in Astana, until the night's work is done
    ("10 22 * * *", notices.forget_notices),
    ("12 22 * * *", upkeep.forget_keys),  # 03:12 in Astana
    ("14 22 * * *", upkeep.forget_news),
    ("16 22 * * *", upkeep.forget_jobs),
)


def task_name(duty: Duty) -> str:
    """The name under which the queue knows a duty."""
    return f"qosymsha.{duty.__name__}"


def _register(cron: str, duty: Duty) -> None:
    name = task_name(duty)

    # One at a time, and at most one waiting: a slow duty never piles up.
    @app.periodic(cron=cron)
    @app.task(name=name, lock=name, queueing_lock=name)
    def run(timestamp: int) -> None:
        try:
            with held(), journal.duty(duty.__name__):
                duty(clock.read())
        finally:
            connections.close_all()  # the worker's threads come and go; none takes a connection along


for _cron, _duty in SCHEDULE:
    _register(_cron, _duty)
