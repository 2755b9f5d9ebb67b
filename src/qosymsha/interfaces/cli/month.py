"""`qosymsha month …`: sheets, claims and the hash of a month, in order; the month drawn again from frozen inputs."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import click

from qosymsha.domain.attendance import commands as attendance
from qosymsha.domain.attendance import queries as attendance_queries
from qosymsha.domain.attendance.states import SheetState
from qosymsha.domain.flags import commands as flags
from qosymsha.domain.people.states import Role
from qosymsha.domain.settlement import commands as settlement
from qosymsha.domain.settlement import queries
from qosymsha.interfaces.cli import listing
from qosymsha.interfaces.cli.acting import Staff
from qosymsha.interfaces.cli.installation import installation
from qosymsha.interfaces.cli.out import EXIT_DONE, EXIT_FINDING, as_option, emit, json_option, refusal, table, tracked
from qosymsha.interfaces.cli.session import database
from qosymsha.kernel import clock, entropy
from qosymsha.kernel.actor import Actor
from qosymsha.kernel.clock import local_day, next_month
from qosymsha.kernel.errors import BadInput, RowOutcome

_HAND = Actor.system("month close")
_PROVIDERS_AT_ONCE = 50  # bounds memory: about twenty-five thousand rows


@click.group(name="month")
def command() -> None:
    """Close a month: lessons planned, sheets sent and approved, claims drawn, the hash; draw it again and compare."""


@dataclass(slots=True)
class Closing:
    """One month's closing: where, who, and what came of it."""

    programme_id: int
    staff: Staff
    month: date
    planned: int = 0
    flags: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    claims: list[str] = field(default_factory=list)

    def note(self, outcomes: list[RowOutcome]) -> list[RowOutcome]:
        """Count what was refused; give back what stands."""
        self.refused.update(refusal(o.reason) for o in outcomes if o.reason is not None)
        return [o for o in outcomes if o.reason is None]


@command.command("close")
@click.argument("month", type=click.DateTime(formats=["%Y-%m"]), metavar="YYYY-MM")
@click.option("--partial", is_flag=True, help="Close although sheets wait: their rows go into a later month's claim.")
@as_option
@json_option
def close(month: datetime, partial: bool, subjects: tuple[str, ...], as_json: bool) -> int:
    """Close a month that has ended: plan what was never planned, send sheets, approve those that may go on, draw the
    claims, and seal the month with a hash over claims and ledger.

    While sheets wait for guardians or an officer the month stays open (exit status 1) and the verb may be run again
    every day; `--partial` closes it anyway. Nobody's silence counts as a yes.

    \b
    Examples:
      qosymsha month close 2026-10
      qosymsha month close 2026-10 --partial --json
    """
    with database():
        at = clock.read()
        first = month.date()
        if local_day(at) < next_month(first):
            raise BadInput("YYYY-MM", "name a month that has ended")
        closing = Closing(installation(at).programme_id, Staff(tuple(subjects), at), first)
        _sheets(closing)
        _screen(closing)
        waiting = _waiting(closing)
        sealed = _seal(closing) if partial or not waiting else None
        result = {
            "month": f"{first:%Y-%m}",
            "lessons_planned": closing.planned,
            "sheets": _by_state(closing),
            "waiting": waiting,
            "flags": closing.flags,
            "claims": closing.claims,
            "refused": dict(closing.refused),
            "hash": sealed,
        }
        emit(result, as_json=as_json, text=lambda: _text(result))
        return EXIT_DONE if sealed else EXIT_FINDING


@command.command("verify")
@click.argument("month", type=click.DateTime(formats=["%Y-%m"]), metavar="YYYY-MM")
@json_option
def verify(month: datetime, as_json: bool) -> int:
    """Draw a month's claims again from their frozen inputs and compare every byte, row and posting; check the seal.

    \b
    Example:
      qosymsha month verify 2026-10
    """
    with database():
        again = queries.redraw(installation(clock.read()).programme_id, month.date())
        result = {
            "month": f"{month:%Y-%m}", "claims": again.claims, "faults": list(again.faults), "sealed": again.is_sealed
        }  # fmt: skip
        emit(result, as_json=as_json, text=lambda: _verified_text(result))
        return EXIT_FINDING if again.faults or again.is_sealed is False else EXIT_DONE


def _verified_text(result: dict[str, Any]) -> list[str]:
    seal = {True: "the seal holds", False: "THE SEAL IS BROKEN", None: "the month is not closed"}[result["sealed"]]
    same = f"{result['claims']:,} claims drawn again: {len(result['faults'])} faults; {seal}"
    return [*(f"  {fault}" for fault in result["faults"]), same]


def _sheets(closing: Closing) -> None:
    providers = listing.providers(closing.programme_id)
    for provider_id in tracked(providers, "lessons and sheets"):
        _send(closing, provider_id)
    found = attendance_queries.sheets(closing.programme_id, closing.month)
    due = [s.id for s in found if s.state in (SheetState.WITH_PARENTS, SheetState.WITH_CUSTOMER)]
    if due:
        checker = closing.staff.actor(Role.CHECKER)
        closing.note(attendance.approve_sheets(actor=checker, sheet_ids=due, at=closing.staff.at, key=entropy.uuid4()))


def _screen(closing: Closing) -> None:
    """Judge the month before money moves: a flagged day waits for a checker, the others are paid."""
    found = flags.screen(
        actor=_HAND,
        programme_id=closing.programme_id,
        month=closing.month,
        at=closing.staff.at,
        key=entropy.uuid4(),
    )
    closing.flags = found.raised


def _send(closing: Closing, provider_id: int) -> None:
    at, month = closing.staff.at, closing.month
    if not attendance_queries.sessions_of(provider_id, month):
        closing.planned += attendance.plan_sessions(
            actor=_HAND, provider_id=provider_id, month=month, at=at, key=entropy.uuid4()
        )
    sent = {s.group_id for s in attendance_queries.sheets(closing.programme_id, month, provider_id=provider_id)}
    if {s.group_id for s in attendance_queries.sessions_of(provider_id, month)} - sent:
        manager = closing.staff.manager(provider_id)
        closing.note(
            attendance.send_sheets(actor=manager, provider_id=provider_id, month=month, at=at, key=entropy.uuid4())
        )


def _waiting(closing: Closing) -> int:
    done = {SheetState.FOR_PAYMENT, SheetState.VOID, SheetState.CLOSED}
    return sum(s.state not in done for s in attendance_queries.sheets(closing.programme_id, closing.month))


def _by_state(closing: Closing) -> dict[str, int]:
    found = attendance_queries.sheets(closing.programme_id, closing.month)
    return dict(sorted(Counter(str(s.state) for s in found).items()))


def _seal(closing: Closing) -> str:
    payer = closing.staff.actor(Role.PAYER)
    providers = listing.providers(closing.programme_id)
    for start in range(0, len(providers), _PROVIDERS_AT_ONCE):
        drawn = settlement.draw_claims(
            actor=payer,
            programme_id=closing.programme_id,
            provider_ids=providers[start : start + _PROVIDERS_AT_ONCE],
            month=closing.month,
            at=closing.staff.at,
            key=entropy.uuid4(),
        )
        closing.claims += [o.detail for o in closing.note(drawn)]
    closed = settlement.close_month(
        actor=payer,
        programme_id=closing.programme_id,
        month=closing.month,
        at=closing.staff.at,
        key=entropy.uuid4(),
    )
    return closed.hash.hex()


def _text(result: dict[str, Any]) -> list[str]:
    lines = [f"Month {result['month']}: {'closed' if result['hash'] else 'still open'}"]
    if result["lessons_planned"]:
        lines.append(f"  lessons planned now, though never before: {result['lessons_planned']:,}")
    lines += [f"  sheets {state}: {count:,}" for state, count in result["sheets"].items()]
    if result["flags"]:
        lines.append(f"  red flags raised: {result['flags']:,}; their days wait for a checker: `qosymsha flags`")
    lines.append(f"  claims drawn: {len(result['claims']):,}")
    if result["refused"]:
        lines += table("Not taken", ("why", "how many"), list(result["refused"].items()))
    if result["hash"]:
        return [*lines, f"  hash {result['hash']}"]
    return [*lines, f"  {result['waiting']:,} sheets wait; run again when they have spoken, or with --partial"]
