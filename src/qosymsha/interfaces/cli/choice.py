"""`qosymsha choice …`: a choice round's life, and places that free up after it."""

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

from qosymsha.domain.allocation import draw as draws
from qosymsha.domain.choice import commands, queries
from qosymsha.domain.choice.rules import ChoicePlan, ChoiceRefusal
from qosymsha.domain.choice.states import ChoiceRoundState as State
from qosymsha.interfaces.cli import beacons, secrets
from qosymsha.interfaces.cli import installation as city
from qosymsha.interfaces.cli.acting import Staff
from qosymsha.interfaces.cli.choice_lists import file
from qosymsha.interfaces.cli.choice_words import told
from qosymsha.interfaces.cli.desk import Desk
from qosymsha.interfaces.cli.explaining import of_list
from qosymsha.interfaces.cli.out import as_option, emit, json_option, remark
from qosymsha.interfaces.cli.session import database, key_of
from qosymsha.interfaces.files import published
from qosymsha.kernel import clock
from qosymsha.kernel.clock import local_day, local_instant
from qosymsha.kernel.errors import BadInput, Refused

WINDOW_DAYS, START_DAYS = 7, 14
_RUNNING = (State.OPEN, State.CLOSED, State.DRAWN)
_OVER = (State.ALLOCATED, State.PUBLISHED)


@contextmanager
def _desk(subjects: Sequence[str]) -> Iterator[Desk]:
    with database():
        at = clock.read()
        yield Desk(city.installation(at), Staff(tuple(subjects), at))


@click.group(name="choice")
def command() -> None:
    """A choice round's life: plan, open, file, close, draw, allocate, publish, show, explain; or cancel. Then freed
    places: offers, or rerun.

    Families whose voucher is accepted rank up to ten groups; nobody is earlier than anybody else. Groups take by tier,
    sibling, own district and lot, as the rule set says; each child gets the best wish it can have. What a round left
    over may be taken directly; a place that frees up later is offered to the next on its group's list.

    \b
    Example, on a trial installation:
      qosymsha choice plan --starts 2026-09-14
      qosymsha choice open
      qosymsha choice file lists.csv
      qosymsha choice close --early "a rehearsal"
      qosymsha choice draw
      qosymsha choice allocate
      qosymsha choice publish --folder published
      qosymsha verify published
      qosymsha choice offers
    """


command.add_command(file)
command.add_command(of_list)
_number = click.option("--round", "number", metavar="W-…", help="The round (default: the one running, or the latest).")
_day = click.DateTime(formats=["%Y-%m-%d", "%d.%m.%Y"])


@command.command("plan")
@click.option("--opens", type=_day, help="The window's first day (default: at once).")
@click.option("--closes", type=_day, help=f"The window's last day (default: {WINDOW_DAYS} days after it opens).")
@click.option("--starts", type=_day, help=f"First day in the groups (default: {START_DAYS} days after it closes).")
@click.option("--beacon", metavar="NAME", help="The beacon's future round, named now: drand:CHAIN:ROUND.")
@click.option("--commitment", "pairs", multiple=True, metavar="PARTY=HEX", help="A party's commitment; two at least.")
@as_option
@json_option
def plan(  # noqa: PLR0913 - the options of a verb
    opens: datetime | None,
    closes: datetime | None,
    starts: datetime | None,
    beacon: str | None,
    pairs: tuple[str, ...],
    subjects: tuple[str, ...],
    as_json: bool,
) -> None:
    """Plan a round: window, first day in the groups, beacon, commitments. Nobody can file yet.

    Without commitments a trial plays both parties and keeps their secrets on this computer until the draw. If a round
    is planned already, this says so and changes nothing; `choice cancel` ends one that was planned wrongly.

    \b
    Examples:
      qosymsha choice plan --closes 2026-09-04 --starts 2026-09-14
      qosymsha choice plan --beacon drand:CHAIN:ROUND --commitment akimat=5f3c… --commitment council=a917…
    """
    with _desk(subjects) as desk:
        waiting = _latest(desk, [State.PLANNED])
        if waiting is not None:
            remark(f"{waiting.number} is planned already; nothing was changed")
            _show(desk, waiting.number, as_json)
            return
        opens_at = local_instant(opens.date(), 9) if opens else desk.staff.at
        last = closes.date() if closes else local_day(opens_at) + timedelta(days=WINDOW_DAYS)
        closes_at = local_instant(last, 18)
        first: date = starts.date() if starts else last + timedelta(days=START_DAYS)
        own = {} if pairs else _own_secrets()
        committed = {party: draws.commitment(secret) for party, secret in own.items()} or secrets.commitments(pairs)
        draft = ChoicePlan(opens_at, closes_at, first, beacons.name(beacon, closes_at), committed)
        programme_id = desk.place.programme_id
        key = key_of("plan_choice_round", programme_id, desk.staff.at)
        planned = commands.plan_choice_round(
            actor=desk.officer, programme_id=programme_id, plan=draft, at=desk.staff.at, key=key
        )
        if own:
            remark(f"the parties' secrets are kept in {secrets.keep(planned.uuid, own)} until the draw")
        _show(desk, planned.number, as_json)


def _own_secrets() -> dict[str, bytes]:
    if settings.PRODUCTION:
        raise BadInput("--commitment", "name each party's commitment as PARTY=HEX, two at least")
    return secrets.make()


@command.command("open")
@_number
@as_option
@json_option
def open_round(number: str | None, subjects: tuple[str, ...], as_json: bool) -> None:
    """Open the planned round's window: from now on families file, and nothing of the plan can change.

    \b
    Example:
      qosymsha choice open
    """
    with _desk(subjects) as desk:
        found = _chosen(desk, number, State.PLANNED)
        key = key_of("open_choice_round", found.number)
        commands.open_choice_round(actor=desk.officer, round_id=found.id, at=desk.staff.at, key=key)
        _show(desk, found.number, as_json)


@command.command("close")
@_number
@click.option("--early", metavar="REASON", help="End the window before its time; never in production.")
@as_option
@json_option
def close(number: str | None, early: str | None, subjects: tuple[str, ...], as_json: bool) -> None:
    """Close the window: look at every list once more, fix free places, freeze the list, publish its fingerprint (root).

    \b
    Examples:
      qosymsha choice close
      qosymsha choice close --early "a rehearsal"    trial: the window's end is played
    """
    with _desk(subjects) as desk:
        found = _chosen(desk, number, State.OPEN)
        at = desk.staff.at
        if early is not None:
            at = _played_end(found.closes_at, at, early)
        key = key_of("close_choice", found.number)
        done = commands.close_choice_round(actor=desk.officer, round_id=found.id, at=at, key=key)
        _show(desk, found.number, as_json, {"closed": asdict(done)})


def _played_end(closes_at: datetime, at: datetime, reason: str) -> datetime:
    if settings.PRODUCTION:
        raise Refused(ChoiceRefusal.CHOICE_WINDOW_STILL_OPEN)
    if not reason.strip():
        raise BadInput("--early", "say why the window ends before its time")
    if at < closes_at:
        remark(f"trial: closed as at the window's end, {closes_at.isoformat()}; reason: {reason}")
    return max(at, closes_at)


@command.command("cancel")
@_number
@click.option("--reason", required=True, metavar="WHY", help="Published; names no person.")
@as_option
@json_option
def cancel(number: str | None, reason: str, subjects: tuple[str, ...], as_json: bool) -> None:
    """End a round before its draw, for ever: one planned by mistake, or one that cannot be drawn.

    Every list goes back to its family, which keeps its voucher and may file in the next round.

    \b
    Example:
      qosymsha choice cancel --reason "the council lost its secret" --as officer:one
    """
    with _desk(subjects) as desk:
        found = _chosen(desk, number, *_RUNNING, State.PLANNED)
        done = commands.cancel_choice_round(
            actor=desk.officer,
            round_id=found.id,
            reason=reason,
            at=_after(desk, found.closed_at),
            key=key_of("cancel_choice", found.number, reason),
        )
        _show(desk, found.number, as_json, {"cancelled": asdict(done)})


@command.command("draw")
@_number
@click.option("--secret", "pairs", multiple=True, metavar="PARTY=FILE", help="A party's secret, as it committed to.")
@click.option("--beacon-value", "typed", multiple=True, metavar="HEX", help="The value of a beacon named typed:…")
@as_option
@json_option
def draw(
    number: str | None, pairs: tuple[str, ...], typed: tuple[str, ...], subjects: tuple[str, ...], as_json: bool
) -> None:
    """Draw, once: the secrets are shown, the beacon asked, and the seed follows from them and the closed list.

    \b
    Examples:
      qosymsha choice draw
      qosymsha choice draw --secret akimat=akimat.txt --secret council=council.txt
    """
    with _desk(subjects) as desk:
        found = _chosen(desk, number, State.CLOSED)
        commands.draw_choice_round(
            actor=desk.officer,
            round_id=found.id,
            beacon_value=beacons.value(found.beacon_name, typed),
            secrets=secrets.shown(pairs) if pairs else secrets.kept(found.uuid),
            at=_after(desk, found.closed_at),
            key=key_of("draw_choice", found.number),
            second=beacons.second(found.beacon_name, desk.staff),
        )
        _show(desk, found.number, as_json)


@command.command("allocate")
@_number
@as_option
@json_option
def allocate(number: str | None, subjects: tuple[str, ...], as_json: bool) -> None:
    """Run deferred acceptance on the closed list, have it judged independently, give the places.

    \b
    Example:
      qosymsha choice allocate
    """
    with _desk(subjects) as desk:
        found = _chosen(desk, number, State.DRAWN)
        at, key = _after(desk, found.drawn_at), key_of("allocate_places", found.number)
        done = commands.allocate_places(actor=desk.officer, round_id=found.id, at=at, key=key)
        _show(desk, found.number, as_json, {"allocated": asdict(done)})


@command.command("publish")
@_number
@click.option("--folder", type=click.Path(file_okay=False, path_type=Path), help="A copy of the public files, for you.")
@click.option(
    "--auditors", type=click.Path(file_okay=False, path_type=Path), help="The restricted files, for auditors."
)
@as_option
@json_option
def publish(
    number: str | None, folder: Path | None, auditors: Path | None, subjects: tuple[str, ...], as_json: bool
) -> None:
    """Make the run again from the frozen list, and write the files by which anyone can check it.

    The public files stand in the installation's own store, from which the pages serve them. Those with tiers and wishes
    are written only into the folder named with --auditors.

    \b
    Examples:
      qosymsha choice publish --folder published && qosymsha verify published
      qosymsha choice publish --auditors sealed && python3 verify/places.py sealed/instance.json sealed/answer.json
    """
    with _desk(subjects) as desk:
        found = _chosen(desk, number, *_OVER)
        store = published.folder_of(found.uuid)
        try:
            with published.replacing(store, published.CHOICE_VERIFIERS) as beside:
                _publish(desk, found, beside, auditors)
            if folder is not None:
                shutil.copytree(store, folder, dirs_exist_ok=True)
        except (OSError, shutil.Error) as error:
            raise BadInput("--folder", f"cannot be written to: {error}") from error
        _show(desk, found.number, as_json, {"folder": str(folder or store)})


def _publish(desk: Desk, found: Any, beside: Path, auditors: Path | None) -> None:
    """The public part into `beside`, the restricted one to the auditors or nowhere."""
    whole = beside / "whole"
    commands.publish_choice_round(
        actor=desk.officer,
        round_id=found.id,
        folder=whole,
        at=_after(desk, found.drawn_at),
        key=key_of("publish_choice", found.number, whole.absolute()),
    )
    if auditors is not None:
        shutil.copytree(whole / "restricted", auditors, dirs_exist_ok=True)
    for path in sorted((whole / "public").iterdir()):
        path.rename(beside / path.name)
    shutil.rmtree(whole)


@command.command("offers")
@_number
@as_option
@json_option
def offers(number: str | None, subjects: tuple[str, ...], as_json: bool) -> None:
    """Look at freed places now, as the clock does: end offers not answered in time, offer free places to the next.

    \b
    Example:
      qosymsha choice offers
    """
    with _desk(subjects) as desk:
        found = _chosen(desk, number, *_OVER)
        at = _after(desk, found.drawn_at)
        key = key_of("offers", found.number, at.isoformat())
        done = commands.offer_freed_places(actor=desk.officer, round_id=found.id, at=at, key=key)
        _show(desk, found.number, as_json, {"offered": asdict(done)})


@command.command("rerun")
@_number
@click.option("--starts", type=_day, help="First day in the new groups (default: tomorrow).")
@as_option
@json_option
def rerun(number: str | None, starts: datetime | None, subjects: tuple[str, ...], as_json: bool) -> None:
    """Give all freed places at once, where the rule set says so: nobody ends with less than it has.

    \b
    Example:
      qosymsha choice rerun --starts 2026-10-01
    """
    with _desk(subjects) as desk:
        found = _chosen(desk, number, *_OVER)
        at = _after(desk, found.drawn_at)
        first = starts.date() if starts else local_day(at) + timedelta(days=1)
        key = key_of("rerun", found.number, first, at.isoformat())
        done = commands.rerun_places(actor=desk.officer, round_id=found.id, starts_on=first, at=at, key=key)
        _show(desk, found.number, as_json, {"rerun": asdict(done)})


@command.command("show")
@_number
@as_option
@json_option
def show(number: str | None, subjects: tuple[str, ...], as_json: bool) -> None:
    """A round in numbers: state, lists, who got which wish, offers, root and seed.

    \b
    Examples:
      qosymsha choice show
      qosymsha choice show --round W-0000017 --json
    """
    with _desk(subjects) as desk:
        _show(desk, _chosen(desk, number, *_RUNNING).number, as_json)


def _latest(desk: Desk, states: Sequence[State]) -> Any | None:
    numbers = queries.choice_round_numbers(desk.place.programme_id)
    found = (queries.choice_round_numbered(number) for number in numbers)
    return next((one for one in found if one.state in states), None)


def _chosen(desk: Desk, number: str | None, *states: State) -> Any:
    """The round named, or the latest in one of the states this verb is for, or that runs, or that there is."""
    if number is not None:
        return queries.choice_round_numbered(number)
    orders: tuple[Sequence[State], ...] = (states, _RUNNING, _OVER, tuple(State))
    found = next((one for order in orders if (one := _latest(desk, order)) is not None), None)
    if found is None:
        raise BadInput("--round", "there is no choice round yet: `qosymsha choice plan` plans one")
    return found


def _after(desk: Desk, earlier: datetime | None) -> datetime:
    """Now; after a window whose end was played in a trial, no earlier than that end."""
    return max(desk.staff.at, earlier) if earlier is not None else desk.staff.at


def _show(desk: Desk, number: str, as_json: bool, more: dict[str, Any] | None = None) -> None:
    life = queries.choice_life(queries.choice_round_numbered(number).uuid)
    emit({**(more or {}), **asdict(life)}, as_json=as_json, text=lambda: told(life, more or {}))
