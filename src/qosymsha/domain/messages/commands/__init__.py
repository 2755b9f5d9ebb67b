"""Verbs of notices: make them from news, send them, hear what became of them, choose among them, read, forget."""

from qosymsha.domain.messages.commands.choosing import choose_themes
from qosymsha.domain.messages.commands.forgetting import forget_notices
from qosymsha.domain.messages.commands.making import make_notices, remind_of_ends
from qosymsha.domain.messages.commands.marking import mark_all_read, mark_read
from qosymsha.domain.messages.commands.sending import claim, hear, settle

__all__ = [
    "choose_themes",
    "claim",
    "forget_notices",
    "hear",
    "make_notices",
    "mark_all_read",
    "mark_read",
    "remind_of_ends",
    "settle",
]
