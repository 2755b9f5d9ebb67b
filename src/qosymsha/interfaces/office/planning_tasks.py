"""What waits on rules and rounds, for the office's first page: versions to approve, rounds whose next step is due."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from qosymsha.domain.admission import queries as admission
from qosymsha.domain.admission.access import ALLOWED as ROUND_DEEDS
from qosymsha.domain.admission.access import Action as RoundAction
from qosymsha.domain.choice import queries as choice
from qosymsha.domain.programmes import queries
from qosymsha.domain.programmes.access import ALLOWED, Action
from qosymsha.interfaces.office import city
from qosymsha.interfaces.office.lists import Task
from qosymsha.interfaces.ui.signed import SignedRequest
from qosymsha.kernel.clock import local_day


class _Life(Protocol):
    """A round of either kind, as far as its next step goes."""

    @property
    def state(self) -> str:
        """Where it stands."""

    @property
    def opens_at(self) -> datetime:
        """When its window opens."""

    @property
    def closes_at(self) -> datetime:
        """When its window closes."""


def rule_tasks(request: SignedRequest) -> list[Task]:
    """Versions that wait for the second person; they are this official's where the right is, and not the words."""
    waiting = [
        one
        for programme in city.programmes_of(request)
        for one in queries.rule_sets(programme.id)
        if one.state == "draft"
    ]
    may = request.actor.holds(ALLOWED[Action.APPROVE_RULES])
    mine = [one for one in waiting if may and request.actor.user_id not in one.authors]
    others = [one for one in waiting if one not in mine]
    return [
        Task("office.task.rules", len(mine), "office-programmes", is_mine=True),
        Task("office.task.rules", len(others), "office-programmes"),
    ]


def round_tasks(request: SignedRequest) -> list[Task]:
    """Rounds of both kinds whose next step can be made now."""
    programmes = [one.id for one in city.programmes_of(request)]
    rounds: list[_Life] = [*admission.programme_rounds(programmes), *choice.programme_choice_rounds(programmes)]
    due = [
        one
        for one in rounds
        if one.state in ("closed", "drawn", "allocated")
        or (one.state == "open" and one.closes_at <= request.at)
        or (one.state == "planned" and one.opens_at <= request.at < one.closes_at)
    ]
    since = min((local_day(one.closes_at) for one in due if one.closes_at <= request.at), default=None)
    may = request.actor.holds(ROUND_DEEDS[RoundAction.CLOSE_ROUND])
    return [Task("office.task.rounds", len(due), "office-rounds", oldest=since, is_mine=may)]
