"""The room's verbs for the doors; repeating a `key` does nothing twice."""

from qosymsha.domain.controls.commands.campaigns import (
    cancel_campaign,
    draw_sample,
    end_campaign,
    freeze_campaign,
    plan_campaign,
)
from qosymsha.domain.controls.commands.findings import answer_finding, decide_finding, escalate_unanswered
from qosymsha.domain.controls.commands.secrets import rotate_campaigns
from qosymsha.domain.controls.commands.visiting import record_visit

__all__ = [
    "answer_finding",
    "cancel_campaign",
    "decide_finding",
    "draw_sample",
    "end_campaign",
    "escalate_unanswered",
    "freeze_campaign",
    "plan_campaign",
    "record_visit",
    "rotate_campaigns",
]
