"""Month sheets: sent to the parents, followed, put right when they come back, sent again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from uuid import UUID

from django.http import Http404, HttpResponse

from qosymsha.domain.attendance import commands, queries
from qosymsha.domain.attendance.access import Action
from qosymsha.domain.attendance.queries import MonthDay, MonthRow
from qosymsha.domain.attendance.states import HoldState, SheetState
from qosymsha.domain.providers import queries as providers
from qosymsha.interfaces.provider.access import Look
from qosymsha.interfaces.provider.house import managed, month_of_page
from qosymsha.interfaces.provider.month import address
from qosymsha.interfaces.ui.signed import SignedRequest, allowed, key_of, moved, page
from qosymsha.kernel.clock import local_day, month_of, next_month
from qosymsha.kernel.text import sort_key

_YEAR = timedelta(days=365)


def list_since(at: datetime) -> date:
    """How far back the list of sheets reaches: a year."""
    return month_of(local_day(at) - _YEAR)


@allowed(Look.SHEETS)
def sheets(request: SignedRequest) -> HttpResponse:
    """`/provider/sheets/`: the sheets of the last year by month, and the months that are ready to go."""
    provider_id = managed(request)
    found = queries.provider_sheets(actor=request.actor, provider_id=provider_id, since=list_since(request.at))
    months = [(month, list(rows)) for month, rows in groupby(found, key=lambda sheet: sheet.month)]
    ready = queries.months_to_send(provider_id, request.at)
    return page(request, "provider/sheets.html", months=months, ready=ready)


@allowed(Look.SHEETS, post=Action.SEND)
def send(request: SignedRequest) -> HttpResponse:
    """`/provider/sheets/send/?m=`: which groups' sheets will go and which stay, before it is done; a POST sends."""
    provider_id, month = managed(request), month_of_page(request)
    if request.method == "POST":
        outcomes = commands.send_sheets(
            actor=request.actor, provider_id=provider_id, month=month, at=request.at, key=key_of(request)
        )
        sent = sum(o.reason is None for o in outcomes)
        return moved(request, "provider-sheets", said="send.done" if sent else "send.none", n=sent)
    groups = queries.provider_month(actor=request.actor, provider_id=provider_id, month=month, at=request.at)
    going = [g for g in groups if _goes(g)]
    contested = queries.objections(actor=request.actor, provider_id=provider_id, at=request.at, month=month)
    return page(
        request,
        "provider/send.html",
        month=month,
        before=month - timedelta(days=1),
        after=next_month(month),
        going=going,
        staying=[(group, _why_stays(group)) for group in groups if not _goes(group)],
        missing=sum(group.missing for group in going),
        contested=len(contested),
    )


def _goes(group: queries.GroupOfMonth) -> bool:
    return bool(group.held) and not group.to_come and group.sheet_state in ("", SheetState.OPEN)


def _why_stays(group: queries.GroupOfMonth) -> str:
    if group.sheet_state not in ("", SheetState.OPEN):
        return "send.sent_before"
    return "send.to_come" if group.to_come else "send.no_marks"


@dataclass(frozen=True, slots=True)
class Day:
    """A day of a row that is held back: `key` says how it stands."""

    on: date
    key: str


@dataclass(frozen=True, slots=True)
class Child:
    """A child's row as the provider sees it: the family's word, the days held back, never the family's own sentence."""

    name: str
    place: UUID
    row: MonthRow
    days: list[Day]


@allowed(Look.SHEETS, post=Action.RESEND)
def sheet(request: SignedRequest, sheet_uuid: UUID) -> HttpResponse:
    """`/provider/sheets/{uuid}/`: how it stands, row by row. A POST sends a returned sheet again."""
    provider_id = managed(request)
    sheet_id = queries.own_sheet_id(provider_id, sheet_uuid)
    if sheet_id is None:
        raise Http404
    if request.method == "POST":
        changed = commands.resend_sheet(
            actor=request.actor, provider_id=provider_id, sheet_id=sheet_id, at=request.at, key=key_of(request)
        )
        return moved(request, "provider-sheet", sheet_uuid, said="sheet.resent", n=len(changed))
    found = queries.sheet_page(actor=request.actor, sheet_id=sheet_id, at=request.at)
    if found is None:
        raise Http404
    group = providers.group_facts([found.sheet.group_id])[found.sheet.group_id]
    children = _children(request, provider_id, found.rows)
    return page(
        request,
        "provider/sheet.html",
        sheet=found.sheet,
        sheet_uuid=sheet_uuid,
        group=group,
        hash=(found.sheet.hash or b"").hex(),
        versions=[(number, hashed.hex(), at) for number, hashed, at in found.versions],
        # A return's cause is in its rows' remarks; a pause's or an annulment's is one sentence for the whole sheet.
        cause=found.last_cause if found.sheet.state in (SheetState.PAUSED, SheetState.VOID) else "",
        remarked=[child for child in children if child.row.remark],
        children=children,
        correct=address("provider-group", found.sheet.month, group.uuid),
        is_returned=found.sheet.state == SheetState.RETURNED,
    )


def _children(request: SignedRequest, provider_id: int, found: Sequence[MonthRow]) -> list[Child]:
    places = [row.enrolment_id for row in found]
    names = queries.place_names(actor=request.actor, provider_id=provider_id, enrolment_ids=places, at=request.at)
    uuids = queries.place_uuids(places)
    shown = [
        Child(" ".join(names.get(row.enrolment_id, ())).strip(), uuids[row.enrolment_id], row, _days(row.days))
        for row in found
    ]
    return sorted(shown, key=lambda child: (sort_key(child.name), child.row.row_id))


def _days(days: Sequence[MonthDay]) -> list[Day]:
    """Days held back or lost. Of a flag nothing is said but that the day is being checked."""
    held = [day for day in days if day.hold in (HoldState.OPEN, HoldState.UPHELD)]
    return [Day(day.on, _hold_key(day)) for day in held]


def _hold_key(day: MonthDay) -> str:
    if day.hold == HoldState.UPHELD:
        return "sheet.day.lost"
    return "sheet.day.disputed" if day.hold_id is not None else "sheet.day.checked"
