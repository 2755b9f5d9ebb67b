"""The office door's first page: what waits for this official, by role, since when and over how much money."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime

from django.http import HttpResponse

from qosymsha.domain.attendance.access import ALLOWED as SHEET_DEEDS
from qosymsha.domain.attendance.access import Action as SheetAction
from qosymsha.domain.attendance.queries import office as attendance
from qosymsha.domain.attendance.states import SheetState
from qosymsha.domain.flags.access import ALLOWED as FLAG_DEEDS
from qosymsha.domain.flags.access import Action as FlagAction
from qosymsha.domain.flags.queries import office as flags
from qosymsha.domain.intake import queries as intake
from qosymsha.domain.intake.access import ALLOWED as CASE_DEEDS
from qosymsha.domain.intake.access import Action as CaseAction
from qosymsha.domain.settlement.access import ALLOWED as PAY_DEEDS
from qosymsha.domain.settlement.access import Action as PayAction
from qosymsha.domain.settlement.queries import office as payments
from qosymsha.domain.settlement.queries.office import ClaimWork
from qosymsha.domain.settlement.states import ClaimState, FileState, RecoveryState
from qosymsha.interfaces.office.access import Look
from qosymsha.interfaces.office.lists import Task
from qosymsha.interfaces.office.queues import QUEUES
from qosymsha.interfaces.ui.signed import SignedRequest, allowed, page, roles_of
from qosymsha.kernel.clock import local_day


@allowed(Look.HOME)
def home(request: SignedRequest) -> HttpResponse:
    """`/office/`: the tasks this official may do first, then what others have to do that this official may see."""
    tasks = [task for task in _tasks(request) if task.n]
    tasks.sort(key=lambda task: (task.due is None, task.due))  # what has a day comes first, the nearest day first
    mine = [task for task in tasks if task.is_mine]
    others = [task for task in tasks if not task.is_mine]
    return page(request, "office/home.html", mine=mine, others=others, today=local_day(request.at))


def _tasks(request: SignedRequest) -> list[Task]:
    found: list[Task] = []
    for look, tasks in (
        (CaseAction.READ_CASES, _case_tasks),
        (Look.SHEETS, _sheet_tasks),
        (Look.FLAGS, _flag_tasks),
        (Look.CLAIMS, _claim_tasks),
        (Look.FILES, _file_tasks),
        (Look.REPLIES, _reply_tasks),
        (Look.RECOVERIES, _recovery_tasks),
        *QUEUES,
    ):
        if request.actor.holds(roles_of(look)):
            found += tasks(request)
    return found


def _case_tasks(request: SignedRequest) -> list[Task]:
    work = intake.case_work(actor=request.actor, at=request.at)
    is_mine = request.actor.holds(CASE_DEEDS[CaseAction.CERTIFY_CASE])
    return [Task("office.task.cases", work.n, "office-cases", oldest=work.oldest, is_mine=is_mine)]


def _sheet_tasks(request: SignedRequest) -> list[Task]:
    work, today = attendance.sheet_work(actor=request.actor), local_day(request.at)
    with_customer = [one for one in work if one.state == SheetState.WITH_CUSTOMER]
    due = [one for one in work if one.officer_from <= today and one.silent + one.disputed]
    disputed = [one for one in work if one.disputed_days]
    return [
        Task(
            "office.task.sheets",
            sum(one.sheets for one in with_customer),
            "office-sheets",
            "?state=with_customer",
            _oldest(one.sent_on for one in with_customer),
            is_mine=request.actor.holds(SHEET_DEEDS[SheetAction.APPROVE]),
        ),
        Task(
            "office.task.rows",
            sum(one.silent + one.disputed for one in due),
            "office-rows",
            "",
            _oldest(one.officer_from for one in due),
            is_mine=request.actor.holds(SHEET_DEEDS[SheetAction.DECIDE]),
        ),
        Task(
            "office.task.days",
            sum(one.disputed_days for one in disputed),
            "office-sheets",
            "?waits=days",
            _oldest(one.sent_on for one in disputed),
            is_mine=request.actor.holds(SHEET_DEEDS[SheetAction.DECIDE_DAYS]),
        ),
    ]


def _oldest(instants: Iterable[date | datetime]) -> date | None:
    return min((at if type(at) is date else local_day(at) for at in instants), default=None)  # type: ignore[arg-type]


def _flag_tasks(request: SignedRequest) -> list[Task]:
    work = flags.flag_work(actor=request.actor)
    oldest = local_day(work.oldest) if work.oldest else None
    mine = request.actor.holds(FLAG_DEEDS[FlagAction.RESOLVE])
    return [Task("office.task.flags", work.flags, "office-flags", "?state=open", oldest, is_mine=mine)]


def _claim_tasks(request: SignedRequest) -> list[Task]:
    work = payments.claim_work(actor=request.actor)
    may = {action: request.actor.holds(PAY_DEEDS[action]) for action in PayAction}
    drawn = [one for one in work if one.state == ClaimState.DRAWN]
    approved = [one for one in work if one.state == ClaimState.APPROVED]
    tasks = [
        _claims("office.task.approve_one", [one for one in drawn if not one.is_large], "?state=drawn&band=1",
                may[PayAction.APPROVE_CLAIMS]),
        _claims("office.task.approve_more", [one for one in drawn if one.is_large and not one.is_signed],
                "?state=drawn&band=2", may[PayAction.APPROVE_CLAIMS]),
        _claims("office.task.release", [one for one in approved if not one.is_released], "?state=approved",
                may[PayAction.RELEASE_CLAIMS]),
        _claims("office.task.held", [one for one in work if one.state == ClaimState.HELD], "?state=held",
                may[PayAction.RETURN_CLAIMS]),
    ]  # fmt: skip
    if request.actor.holds(roles_of(Look.FILES)):
        released = [one for one in approved if one.is_released]
        to_draw = _claims("office.task.draw", released, "", may[PayAction.DRAW_PAYMENT_FILE])
        tasks.append(Task("office.task.draw", to_draw.n, "office-files", "", to_draw.oldest, to_draw.tiyn,
                          to_draw.is_mine))  # fmt: skip
    return tasks


def _claims(key: str, work: list[ClaimWork], query: str, is_mine: bool) -> Task:
    oldest = _oldest(one.oldest for one in work)
    return Task(key, sum(one.n for one in work), "office-claims", query, oldest, sum(one.tiyn for one in work), is_mine)


def _file_tasks(request: SignedRequest) -> list[Task]:
    drawn = [f for f in payments.office_files(actor=request.actor) if f.state == FileState.DRAWN]
    return [
        Task(
            "office.task.send",
            len(drawn),
            "office-files",
            "",
            _oldest(file.drawn_at for file in drawn),
            sum(file.total_tiyn for file in drawn),
            request.actor.holds(PAY_DEEDS[PayAction.SEND_PAYMENT_FILE]),
        )
    ]


def _reply_tasks(request: SignedRequest) -> list[Task]:
    held = payments.office_held(actor=request.actor)
    mine = request.actor.holds(PAY_DEEDS[PayAction.RESOLVE_REPLY])
    return [Task("office.task.replies", len(held), "office-replies", "", _oldest(r.at for r in held), is_mine=mine)]


def _recovery_tasks(request: SignedRequest) -> list[Task]:
    work = payments.recovery_work(actor=request.actor)
    steps = (
        ("office.task.support", RecoveryState.PROPOSED, PayAction.SUPPORT_RECOVERY),
        ("office.task.decide", RecoveryState.SUPPORTED, PayAction.DECIDE_RECOVERY),
    )
    return [
        Task(
            key,
            one.n,
            "office-recoveries",
            "",
            local_day(one.oldest),
            one.tiyn,
            request.actor.holds(PAY_DEEDS[action]),
        )
        for key, state, action in steps
        for one in work
        if one.state == state
    ]
