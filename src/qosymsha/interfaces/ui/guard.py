"""The day's number of children at the gate: what a page read is counted before it leaves; past it, it stays here.

The count is a transaction of its own after the read's audit row: a page that was stopped stands in the audit as read,
which errs on the safe side. Verbs of the command line are not counted: who holds the shell holds the database.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from qosymsha.domain.people import commands, watched
from qosymsha.domain.people.rules import GuardRefusal
from qosymsha.interfaces.ui import texts
from qosymsha.interfaces.ui.doors import context
from qosymsha.kernel.actor import Actor
from qosymsha.kernel.errors import Refused


def count(actor: Actor, child_ids: Collection[int], at: datetime) -> None:
    """Count what a page has read.

    Raises:
        Refused: reading_over — the page must not be shown.
    """
    if child_ids and actor.user_id:
        commands.spend_reading(actor=actor, child_ids=child_ids, at=at)


def is_over(refusal: Refused) -> bool:
    """True where the refusal is that of `count`."""
    return refusal.reason is GuardRefusal.READING_OVER


def stopped(request: HttpRequest, actor: Actor, at: datetime, language: str) -> HttpResponse:
    """The page of an account at its day's number: what that is, and who may let it on."""
    commands.stop_reading(actor=actor, at=at)
    words = {"day": watched.own_day(actor=actor, at=at), "sentence": texts.refusal(language, GuardRefusal.READING_OVER)}
    return render(request, "ui/stopped.html", context(request) | words, status=HTTPStatus.TOO_MANY_REQUESTS)
