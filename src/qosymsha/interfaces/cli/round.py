"""`qosymsha round …`: a round's life, each step once, each step's result told."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import click
from django.conf import settings

from qosymsha.domain.admission import commands, queries
from qosymsha.domain.admission.queries import RoundSummary
from qosymsha.domain.admission.rules import AdmissionRefusal, RoundPlan, refuse_plan
from qosymsha.domain.admission.states import RoundState
from qosymsha.domain.allocation import draw as draws
from qosymsha.interfaces.cli import beacons, secrets
from qosymsha.interfaces.cli import installation as city
from qosymsha.interfaces.cli.acting import Staff
from qosymsha.interfaces.cli.desk import Desk
from qosymsha.interfaces.cli.explaining import of_application
from qosymsha.interfaces.cli.out import as_option, emit, json_option, remark, table
from qosymsha.interfaces.cli.receipt import receipt
from qosymsha.interfaces.cli.session import database, key_of
from qosymsha.interfaces.files import published
from qosymsha.kernel import clock
from qosymsha.kernel.clock import local_day, local_instant, next_month
from qosymsha.kernel.errors import BadInput, Refused
from qosymsha.kernel.money import TIYN_PER_TENGE

WINDOW_DAYS = 14
_RUNNING = (RoundState.OPEN, RoundState.CLOSED, RoundState.DRAWN)
_TO_SHOW = (*_RUNNING, RoundState.ALLOCATED, RoundState.PUBLISHED)


@contextmanager
def _desk(subjects: Sequence[str]) -> Iterator[Desk]:
    with database():
        at = clock.read()
        yield Desk(city.installation(at), Staff(tuple(subjects), at))


@click.group(name="round")
def command() -> None:
    """A round's life: open, receipt, close, draw, allocate, publish, show, explain; or cancel.

    Rules, window, beacon and the parties' commitments are fixed when the round opens; the list is fixed when it
    closes; only then does the draw's seed become known. Nobody can draw twice.

    \b
    Example, on a trial installation:
      qosymsha round open --budget-tenge 40000000
      qosymsha import guardians guardians.csv
      qosymsha import applications applications.csv
      qosymsha round close --early "a rehearsal"
      qosymsha round draw
      qosymsha round allocate
      qosymsha round publish --folder published
      qosymsha verify published
    """


command.add_command(receipt)
command.add_command(of_application)
_number = click.option("--round", "number", metavar="R-…", help="The round (default: the one running, or the latest).")
_day = click.DateTime(formats=["%Y-%m-%d", "%d.%m.%Y"])
_month = click.DateTime(formats=["%Y-%m"])


@command.command("open")
@click.option("--closes", type=_day, help=f"The window's last day (default: {WINDOW_DAYS} days from now).")
@click.option("--first-month", type=_month, help="First month of lessons, YYYY-MM (default: the month after closing).")
@click.option("--last-month", type=_month, help="Last month of lessons (default: December of that year).")
@click.option("--beacon", metavar="NAME", help="The beacon's future round, named now: drand:CHAIN:ROUND.")
@click.option("--commitment", "pairs", multiple=True, metavar="PARTY=HEX", help="A party's commitment; two at least.")
@click.option("--budget-tenge", type=click.IntRange(min=1), help="Give the year's lines this much, in equal parts.")
@as_option
@json_option
def open_round(  # noqa: PLR0913 - the options of a verb
    closes: datetime | None,
    first_month: datetime | None,
    last_month: datetime | None,
    beacon: str | None,
    pairs: tuple[str, ...],
    budget_tenge: int | None,
    subjects: tuple[str, ...],
    as_json: bool,
) -> None:
    """Plan a round and open its window; families file from now on.

    Without commitments a trial plays both parties and keeps their secrets on this computer until the draw. If the
    round is open already, this says so and changes nothing.

    --beacon is needed in production. It names a value nobody knows yet: drand:CHAIN:ROUND, the chain's hash in 64
    hexadecimal digits and the number of a future round; or typed:WHAT, whose value two officers type at the draw.

    \b
    Examples:
      qosymsha round open --budget-tenge 40000000
      qosymsha round open --closes 2026-08-20 --first-month 2026-09 \\
          --beacon drand:CHAIN:ROUND --commitment akimat=5f3c… --commitment council=a917…
    """
    with _desk(subjects) as desk:
        opens_at = desk.staff.at
        running = _latest(desk, _RUNNING)
        if running is not None:
            _show(desk, _open_already(running), as_json)
            return
        closes_at = _closing(opens_at, closes)
        first = first_month.date() if first_month else next_month(clock.month_of(local_day(closes_at)))
        last = last_month.date() if last_month else date(first.year, 12, 1)
        own = {} if pairs else _own_secrets()
        committed = {party: draws.commitment(secret) for party, secret in own.items()} or secrets.commitments(pairs)
        plan = RoundPlan(opens_at, closes_at, first, last, beacons.name(beacon, closes_at), committed)
        if reason := refuse_plan(plan):  # before anything is stored
            raise Refused(reason)
        city.lines(desk.place, desk.staff, first.year)
        if budget_tenge is not None:
            _give_money(desk, first.year, budget_tenge)
        _show(desk, _opened(desk, plan, own), as_json)


def _closing(opens_at: datetime, closes: datetime | None) -> datetime:
    day = closes.date() if closes else local_day(opens_at) + timedelta(days=WINDOW_DAYS)
    return local_instant(day, 18)  # the hour at which Astana's queue was closed on 28.11.2023 (DOMAIN.md 0.8)


def _give_money(desk: Desk, year: int, tenge: int) -> None:
    lines = list(city.lines(desk.place, desk.staff, year).values())
    share, rest = divmod(tenge * TIYN_PER_TENGE, len(lines))
    for i, line_id in enumerate(lines):
        decision = f"round open --budget-tenge {tenge}, {local_day(desk.staff.at).isoformat()}"
        city.plan(desk.staff, line_id, year, share + (rest if i == 0 else 0), decision)


def _open_already(running: Any) -> str:
    """The number of the round that is open; one that is past its window must be finished first."""
    if running.state != RoundState.OPEN:
        raise Refused(AdmissionRefusal.ANOTHER_ROUND_RUNS, round=running.number)
    remark(f"{running.number} is open already; nothing was changed")
    return str(running.number)


def _opened(desk: Desk, plan: RoundPlan, own: dict[str, bytes]) -> str:
    """Plan and open; the number of the round. `own` are the secrets of a trial that plays the parties."""
    key = key_of("plan_round", desk.place.programme_id, plan.opens_at)
    planned = commands.plan_round(
        actor=desk.officer, programme_id=desk.place.programme_id, plan=plan, at=desk.staff.at, key=key
    )
    if own:
        remark(f"the parties' secrets are kept in {secrets.keep(planned.uuid, own)} until the draw")
    key = key_of("open_round", planned.number)
    return str(commands.open_round(actor=desk.officer, round_id=planned.id, at=desk.staff.at, key=key).number)


def _own_secrets() -> dict[str, bytes]:
    if settings.PRODUCTION:
        raise BadInput("--commitment", "name each party's commitment as PARTY=HEX, two at least")
    return secrets.make()


@command.command("close")
@_number
@click.option("--early", metavar="REASON", help="End the window before its time; never in production.")
@as_option
@json_option
def close_round(number: str | None, early: str | None, subjects: tuple[str, ...], as_json: bool) -> None:
    """Close the window: look at every application once more, freeze the list, publish its fingerprint (root).

    \b
    Examples:
      qosymsha round close
      qosymsha round close --early "a rehearsal"    trial: the window's end is played
    """
    with _desk(subjects) as desk:
        found = _chosen(desk, number)
        at = desk.staff.at
        if early is not None:
            at = _played_end(found.closes_at, at, early)
        done = commands.close_round(actor=desk.officer, round_id=found.id, at=at, key=key_of("close", found.number))
        _show(desk, found.number, as_json, {"closed": asdict(done)})


def _played_end(closes_at: datetime, at: datetime, reason: str) -> datetime:
    if settings.PRODUCTION:
        raise Refused(AdmissionRefusal.WINDOW_STILL_OPEN)
    if not reason.strip():
        raise BadInput("--early", "say why the window ends before its time")
    if at < closes_at:
        remark(f"trial: closed as at the window's end, {closes_at.isoformat()}; reason: {reason}")
    return max(at, closes_at)


@command.command("draw")
@_number
@click.option("--secret", "pairs", multiple=True, metavar="PARTY=FILE", help="A party's secret, as it committed to.")
@click.option("--beacon-value", "typed", multiple=True, metavar="HEX", help="The value of a beacon named typed:…")
@as_option
@json_option
def draw_round(
    number: str | None, pairs: tuple[str, ...], typed: tuple[str, ...], subjects: tuple[str, ...], as_json: bool
) -> None:
    """Draw, once: the secrets are shown, the beacon asked, and the seed follows from them and the closed list.

    Where the beacon was named typed:…, two officers read its value at the source and are both named; each may type
    it (--beacon-value twice), which finds slips: there is no second draw.

    \b
    Examples:
      qosymsha round draw
      qosymsha round draw --secret akimat=akimat.txt --secret council=council.txt
      qosymsha round draw --beacon-value 07142128 --as officer:one --as officer:two
    """
    with _desk(subjects) as desk:
        found = _chosen(desk, number)
        shown = secrets.shown(pairs) if pairs else secrets.kept(found.uuid)
        commands.draw_round(
            actor=desk.officer,
            second=beacons.second(found.beacon_name, desk.staff),
            round_id=found.id,
            beacon_value=beacons.value(found.beacon_name, typed),
            secrets=shown,
            at=_after(desk, found.closed_at),
            key=key_of("draw", found.number),
        )
        _show(desk, found.number, as_json)


@command.command("cancel")
@_number
@click.option("--reason", required=True, metavar="WHY", help="Published; names no person.")
@as_option
@json_option
def cancel_round(number: str | None, reason: str, subjects: tuple[str, ...], as_json: bool) -> None:
    """End a round that cannot be drawn (a secret is lost, the beacon stays silent), before its draw and for ever.

    Every application goes back to its family, which may file in the next round. Who waits from an earlier round and
    filed here waits there again.

    \b
    Example:
      qosymsha round cancel --reason "the council lost its secret" --as officer:one
    """
    with _desk(subjects) as desk:
        found = _chosen(desk, number)
        done = commands.cancel_round(
            actor=desk.officer,
            round_id=found.id,
            reason=reason,
            at=_after(desk, found.closed_at),
            key=key_of("cancel", found.number, reason),
        )
        _show(desk, found.number, as_json, {"cancelled": asdict(done)})


@command.command("allocate")
@_number
@as_option
@json_option
def allocate_round(number: str | None, subjects: tuple[str, ...], as_json: bool) -> None:
    """Run the allocation on the closed list, have it checked independently, issue the vouchers.

    \b
    Example:
      qosymsha round allocate
    """
    with _desk(subjects) as desk:
        found = _chosen(desk, number)
        done = commands.allocate_round(
            actor=desk.officer,
            round_id=found.id,
            at=_after(desk, found.drawn_at),
            key=key_of("allocate", found.number),
        )
        _show(desk, found.number, as_json, {"allocated": asdict(done)})


@command.command("publish")
@_number
@click.option("--folder", type=click.Path(file_okay=False, path_type=Path), help="A copy of the files, for you.")
@as_option
@json_option
def publish_round(number: str | None, folder: Path | None, subjects: tuple[str, ...], as_json: bool) -> None:
    """Make the run again from the frozen list, and write the files by which anyone can check it.

    The pages serve them from the installation's own store (QOSYMSHA_PUBLISHED, or the state folder).

    \b
    Example:
      qosymsha round publish --folder published && qosymsha verify published
    """
    with _desk(subjects) as desk:
        found = _chosen(desk, number)
        store = published.folder_of(found.uuid)
        try:
            with published.replacing(store) as beside:
                commands.publish_round(
                    actor=desk.officer,
                    round_id=found.id,
                    folder=beside,
                    at=_after(desk, found.drawn_at),
                    key=key_of("publish", found.number, beside.absolute()),
                )
            if folder is not None:
                shutil.copytree(store, folder, dirs_exist_ok=True)
        except (OSError, shutil.Error) as error:
            raise BadInput("--folder", f"cannot be written to: {error}") from error
        _show(desk, found.number, as_json, {"folder": str(folder or store)})


@command.command("show")
@_number
@as_option
@json_option
def show_round(number: str | None, subjects: tuple[str, ...], as_json: bool) -> None:
    """A round in numbers: state, places, applications, who was granted by category, root and seed.

    \b
    Examples:
      qosymsha round show
      qosymsha round show --round R-0000017 --json
    """
    with _desk(subjects) as desk:
        _show(desk, _chosen(desk, number).number, as_json)


def _latest(desk: Desk, states: Sequence[RoundState]) -> Any | None:
    found = (queries.round_numbered(number) for number in queries.round_numbers(desk.place.programme_id))
    return next((one for one in found if one.state in states), None)


def _chosen(desk: Desk, number: str | None) -> Any:
    """The round named, or the one that runs, or the latest that ran; planned or cancelled where there is no other."""
    if number is not None:
        return queries.round_numbered(number)
    found = _latest(desk, _RUNNING) or _latest(desk, _TO_SHOW) or _latest(desk, tuple(RoundState))
    if found is None:
        raise BadInput("--round", "there is no round yet: `qosymsha round open` opens one")
    return found


def _after(desk: Desk, earlier: datetime | None) -> datetime:
    """Now; after a window whose end was played in a trial, no earlier than that end."""
    return max(desk.staff.at, earlier) if earlier is not None else desk.staff.at


def _show(desk: Desk, number: str, as_json: bool, more: dict[str, Any] | None = None) -> None:
    summary = queries.round_summary(number)
    emit({**(more or {}), **asdict(summary)}, as_json=as_json, text=lambda: _text(summary, more or {}))


def _text(summary: RoundSummary, more: dict[str, Any]) -> list[str]:
    window = f"{clock.local_day(summary.opens_at):%d.%m.%Y} to {clock.local_day(summary.closes_at):%d.%m.%Y}"
    lines = [f"Round {summary.number}: {summary.state}, window {window}, beacon: {summary.beacon_name}"]
    if summary.cancel_reason:
        lines.append(f"  cancelled: {summary.cancel_reason}")
    facts = {"root": summary.root, "seed": summary.seed, "answer": summary.output_hash, "rules": summary.rule_set_hash}
    lines += [f"  {name:<6} {value}" for name, value in facts.items() if value]
    rows = [(s.segment, s.places, s.applications, s.granted, s.waiting) for s in summary.segments]
    lines += table("", ("queue", "places", "applications", "granted", "waiting"), rows)
    if summary.granted_by_category:
        lines += table("", ("category", "granted"), list(summary.granted_by_category.items()))
    rejected = more.get("closed", {}).get("rejected", {})
    lines += [f"  rejected at closing, {reason}: {count}" for reason, count in rejected.items()]
    if "cancelled" in more:
        given = more["cancelled"]
        lines.append(f"  given back: {given['returned']} applications; {given['waiting_again']} wait again as before")
    if "folder" in more:
        lines.append(f"  published in {more['folder']}; check it: qosymsha verify {more['folder']}")
    return lines
