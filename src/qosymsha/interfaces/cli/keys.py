"""`qosymsha keys …`: the keys that seal people's data, what stands under each, and a new one for all of it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

import click
from django.db import ProgrammingError

from qosymsha.domain.people.resealing import Batch
from qosymsha.interfaces.cli import sealed
from qosymsha.interfaces.cli.acting import HAND
from qosymsha.interfaces.cli.out import EXIT_DONE, EXIT_FINDING, emit, json_option, progress, table
from qosymsha.interfaces.cli.sealed import TABLES, Sealed, Stands
from qosymsha.interfaces.cli.session import database
from qosymsha.interfaces.ui import texts
from qosymsha.kernel import clock
from qosymsha.kernel.errors import BadInput
from qosymsha.runtime.errors import EnvironmentFault

_SETTING = "QOSYMSHA_SECRET_KEYS"
_NAMED = 5  # rows named one by one
_BEFORE = "Before you drop a key read docs/runbooks/keys.md: printed vouchers and backups may still need it."


@dataclass
class Done:
    """What a rotation did: table → rows sealed anew, table → rows that do not open."""

    rows: dict[str, int] = field(default_factory=dict)
    unopened: dict[str, list[int]] = field(default_factory=dict)


@click.group(name="keys")
def command() -> None:
    """The keys of QOSYMSHA_SECRET_KEYS: what stands under which, and how one is changed. docs/runbooks/keys.md.

    \b
    Examples:
      qosymsha keys show
      qosymsha keys rotate
    """


@command.command()
@json_option
def show(as_json: bool) -> int:
    """Each key's id, what it is good for, how many rows stand under it, which may be dropped. Never a key's value.

    Changes nothing. Exit status 1 where rows stand under a key that no setting has, or a key cannot be used.

    \b
    Examples:
      qosymsha keys show
      qosymsha keys show --json
    """
    with database(migrate=False):
        try:
            found = sealed.stands()
        except ProgrammingError as error:
            raise EnvironmentFault("the tables are not there yet: `qosymsha migrate` makes them") from error
    unfit = sealed.unfit_keys()
    told = _told(found) | {"ok": not (found.missing or unfit), "unfit": unfit}
    emit(told, as_json=as_json, text=lambda: [*_shown(found), *unfit, *_next(found)])
    return EXIT_DONE if told["ok"] else EXIT_FINDING


def _told(found: Stands) -> dict[str, Any]:
    rows = {key: {name: _rows(found, name, key) for name in found.counts} for key in (*found.known, *found.missing)}
    keys = [{"key": key, "state": _state(found, key), "rows": counts} for key, counts in rows.items()]
    return {"ok": not found.missing, "keys": keys, "may_be_dropped": found.free, "missing": found.missing}


def _state(found: Stands, key: str) -> str:
    if key in found.missing:
        return "missing"
    return "first" if key == found.known[0] else "opens"


def _rows(found: Stands, name: str, key: str) -> int:
    under = found.counts[name].get(key)
    return under.rows if under else 0


_WORDS = {
    "first": "first: seals and opens",
    "opens": "opens only",
    "missing": "MISSING: rows stand under it and no setting has it",
}


def _shown(found: Stands) -> list[str]:
    rows = [
        (key, _WORDS[_state(found, key)], *(_rows(found, one.place.table, key) for one in TABLES))
        for key in (*found.known, *found.missing)
    ]
    return table("Keys", ("key", "what it does", *(one.what for one in TABLES)), rows)


def _next(found: Stands, emptied: Collection[str] = ()) -> list[str]:
    """What an operator does now, sentence by sentence; `emptied`: keys whose rows have just got another."""
    told = _missing(found)
    if found.stale:
        first, older = found.known[0], ", ".join(found.stale)
        told.append(f"Rows still stand under {older}. Once every node runs with {first} first: `qosymsha keys rotate`.")
    old = [key for key in found.free if key in emptied]
    told += [f"No row stands under {key} any more: it may be dropped. {_BEFORE}" for key in old]
    for key in sorted({*found.free} - {*old}):
        told.append(
            f"No row stands under {key}: it may be dropped if it is the old key. If it is a new one that waits behind"
            f" the first: put it first once every node was restarted with it. {_BEFORE}"
        )
    return told or [f"Every row stands under {found.known[0]}, the only key." if found.known else "No key is set."]


def _counted(n: int) -> str:
    return "1 row stands" if n == 1 else f"{texts.grouped(n)} rows stand"


def _missing(found: Stands) -> list[str]:
    told = []
    for key in found.missing:
        for name, counts in found.counts.items():
            if key in counts:
                told.append(
                    f"{name}: {_counted(counts[key].rows)} under {key}, which no setting has, so nobody can read them;"
                    f" the first has id {counts[key].first_id}."
                )
        told.append(f"Put {key} back behind the first key of {_SETTING}, from where dropped keys are kept; restart.")
    return told


@command.command()
@click.option(
    "--batch",
    type=click.IntRange(1, 10_000),
    default=1_000,
    show_default=True,
    help="Rows of one transaction; of papers at most 10. Who changes one of them meanwhile waits for its end.",
)
@json_option
def rotate(batch: int, as_json: bool) -> int:
    """Seal everything anew that stands under an older key, under the first one, while everybody works.

    First restart every node with the new key in its settings: one that does not know it opens nothing sealed by it.
    May be stopped and run again at any time: what is done stays done. Exit status 1 where something is left.

    \b
    Examples:
      qosymsha keys rotate
      qosymsha keys rotate --batch 100
    """
    if unfit := sealed.unfit_keys():
        raise BadInput(_SETTING, "; ".join(unfit))
    done = Done()
    with database():
        before = sealed.stands()
        with progress() as bar:
            task = bar.add_task("sealed anew", total=sum(before.stale.values()))
            for one in TABLES if before.stale else ():
                for batch_done in _batches(one, batch):
                    done.rows[one.place.table] = done.rows.get(one.place.table, 0) + batch_done.rows
                    if batch_done.unopened:
                        done.unopened.setdefault(one.place.table, []).extend(batch_done.unopened)
                    bar.update(task, advance=batch_done.rows)
        found = sealed.stands()
    left = max(sum(found.stale.values()) - sum(map(len, done.unopened.values())), 0)
    told = _told(found) | {"sealed_anew": done.rows, "unopened": done.unopened, "left": left}
    told["ok"] = is_whole = not (found.stale or found.missing)
    emit(told, as_json=as_json, text=lambda: _said(found, done, before, left))
    return EXIT_DONE if is_whole else EXIT_FINDING


def _batches(one: Sealed, most: int) -> Iterator[Batch]:
    """The batches of a table, each a transaction of its own, in the order of the rows' ids."""
    after: int | None = 0
    while after is not None:
        batch = one.rotate(actor=HAND, at=clock.read(), after=after, most=min(most, one.most))
        yield batch
        after = batch.last


def _said(found: Stands, done: Done, before: Stands, left: int) -> list[str]:
    first = found.known[0]
    sums = ", ".join(f"{one.what} {texts.grouped(done.rows.get(one.place.table, 0))}" for one in TABLES)
    told = [f"Sealed anew under {first}: {sums}."]
    for name, ids in done.unopened.items():
        more = f" and {len(ids) - _NAMED} more" if len(ids) > _NAMED else ""
        told.append(
            f"{name}, id {', '.join(map(str, ids[:_NAMED]))}{more}: does not open. Somebody edited the row past the"
            " program, or the setting has another value under its key's id. Keep the older key; docs/runbooks/keys.md."
        )
    if left:
        told.append(
            f"{_counted(left)} still under an older key, in somebody's hands or stored meanwhile: run it again. If"
            f" there are always new ones, some node does not have {first} first yet: restart it."
        )
    return told + (_missing(found) if found.stale else _next(found, before.stale))
