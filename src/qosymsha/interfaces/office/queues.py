"""The queues of rooms that came later to the desk: how many wait, since when, due when; one figure query each."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from enum import StrEnum

from qosymsha.domain.agreements.access import Action as AgreementAction
from qosymsha.domain.agreements.queries import refusals as agreements
from qosymsha.domain.attendance.access import Action as SheetAction
from qosymsha.domain.attendance.queries import hearings
from qosymsha.domain.casework.access import Action as CaseworkAction
from qosymsha.domain.casework.queries import endings
from qosymsha.domain.casework.queries.unguarded import unguarded_work
from qosymsha.domain.controls import queries as controls
from qosymsha.domain.controls.access import Action as ControlAction
from qosymsha.domain.providers.access import Action as ProviderAction
from qosymsha.domain.providers.queries import files
from qosymsha.domain.settlement.access import Action as PayAction
from qosymsha.domain.settlement.queries import act_work, closing
from qosymsha.domain.settlement.states import ActState
from qosymsha.domain.vouchers import desk
from qosymsha.domain.vouchers.access import Action as VoucherAction
from qosymsha.interfaces.office import holding, planning_tasks
from qosymsha.interfaces.office.access import Look
from qosymsha.interfaces.office.lists import Task
from qosymsha.interfaces.ui.signed import SignedRequest, roles_of
from qosymsha.kernel.clock import local_day

Queue = tuple[StrEnum, Callable[[SignedRequest], list[Task]]]


def _mine(request: SignedRequest, action: StrEnum) -> bool:
    return request.actor.holds(roles_of(action))


def _accreditation(request: SignedRequest) -> list[Task]:
    n, due = files.files_waiting(actor=request.actor)
    mine = _mine(request, ProviderAction.DECIDE_ACCREDITATION)
    return [Task("office.task.accreditation", n, "office-accreditation", due=due, is_mine=mine)]


def _refusals(request: SignedRequest) -> list[Task]:
    work = agreements.refusal_work(actor=request.actor)
    mine = _mine(request, AgreementAction.DECIDE_REFUSAL)
    return [Task("office.task.refusals", work.waiting, "office-refusals", due=work.first, is_mine=mine)]


def _acts(request: SignedRequest) -> list[Task]:
    work = act_work(actor=request.actor)
    steps = (
        ("office.task.acts", ActState.SIGNING, PayAction.SIGN_AS_CUSTOMER),
        ("office.task.invoices", ActState.CHECKING, PayAction.DECIDE_EINVOICE),
    )
    return [
        Task(
            key,
            one.n,
            "office-acts",
            f"?state={state.value}",
            local_day(one.oldest),
            one.tiyn,
            _mine(request, action),
        )
        for key, state, action in steps
        for one in work
        if one.state == state
    ]


def _hearings(request: SignedRequest) -> list[Task]:
    work = hearings.hearing_work(actor=request.actor)
    return [
        Task(
            "office.task.hearings",
            work.to_decide,
            "office-absences",
            due=work.decide_by,
            is_mine=_mine(request, SheetAction.DECIDE_ABSENCE),
        ),
        Task(
            "office.task.words",
            work.words,
            "office-objections",
            oldest=_day(work.oldest_word),
            is_mine=request.actor.holds(hearings.HEARERS & roles_of(SheetAction.RESOLVE)),
        ),
    ]


def _unguarded(request: SignedRequest) -> list[Task]:
    work = unguarded_work(actor=request.actor, at=request.at)
    return [Task("office.task.unguarded", work.n, "office-guardians", oldest=work.oldest, is_mine=True)]


def _transfers(request: SignedRequest) -> list[Task]:
    queues = desk.line_queues(actor=request.actor)
    return [
        Task(
            "office.task.transfers",
            sum(one.waiting for one in queues),
            "office-transfers",
            oldest=min((local_day(one.first_asked_at) for one in queues), default=None),
            tiyn=sum(one.needed_tiyn for one in queues),
            due=min((one.next_until for one in queues), default=None),
            is_mine=_mine(request, VoucherAction.TAKE_TRANSFERS),
        )
    ]


def _refunds(request: SignedRequest) -> list[Task]:
    found = [one for one in closing.refunds(actor=request.actor) if one.state == "recorded"]
    others = [one for one in found if one.recorded_by != request.actor.user_id]
    return [
        Task(
            "office.task.refunds",
            len(found),
            "office-refunds",
            oldest=min((local_day(one.recorded_at) for one in found), default=None),
            tiyn=sum(one.amount_tiyn for one in found),
            is_mine=bool(others) and _mine(request, PayAction.CONFIRM_REFUND),
        )
    ]


def _controls(request: SignedRequest) -> list[Task]:
    work = controls.control_work(actor=request.actor)
    at = "office-controls"
    return [
        Task("office.task.control_steps", work.campaigns, at, is_mine=_mine(request, ControlAction.FREEZE)),
        Task("office.task.control_visits", work.due, at, is_mine=_mine(request, ControlAction.VISIT)),
        Task(
            "office.task.control_decide",
            work.to_decide,
            at,
            due=work.oldest,
            is_mine=_mine(request, ControlAction.DECIDE),
        ),
    ]


def _endings(request: SignedRequest) -> list[Task]:
    work = endings.ending_work(actor=request.actor, at=request.at)
    mine = _mine(request, CaseworkAction.DECIDE_ENDING)
    return [
        Task("office.task.endings", work.due, "office-endings", due=work.first, is_mine=mine),
        Task("office.task.endings_later", work.later, "office-endings"),
    ]


def _day(at: datetime | None) -> date | None:
    return local_day(at) if at else None


QUEUES: tuple[Queue, ...] = (
    (Look.PROGRAMMES, planning_tasks.rule_tasks),
    (Look.ROUNDS, planning_tasks.round_tasks),
    (Look.ACCREDITATION, _accreditation),
    (AgreementAction.READ_REFUSALS, _refusals),
    (Look.ACTS, _acts),
    (Look.ABSENCES, _hearings),
    (Look.GUARDIANS, _unguarded),
    (Look.TRANSFERS, _transfers),
    (Look.REFUNDS, _refunds),
    (ControlAction.READ, _controls),
    (CaseworkAction.READ_ENDINGS, _endings),
    (CaseworkAction.TAKE_ROW, holding.held_tasks),
)
