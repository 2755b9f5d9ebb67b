"""`qosymsha choice file FILE`: families' lists of wishes from a roster, filed by a clerk for the guardians named."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from qosymsha.domain.choice import commands, queries
from qosymsha.domain.choice.rules import ChoiceRefusal, ListRow
from qosymsha.domain.choice.states import ChoiceRoundState
from qosymsha.domain.people import queries as people
from qosymsha.domain.people.states import Role
from qosymsha.domain.providers import queries as providers
from qosymsha.interfaces.cli.acting import Staff
from qosymsha.interfaces.cli.installation import installation
from qosymsha.interfaces.cli.out import EXIT_DONE, EXIT_FINDING, as_option, emit, json_option
from qosymsha.interfaces.cli.session import database, key_of
from qosymsha.interfaces.files.rosters import Row, read_roster
from qosymsha.interfaces.ui import texts
from qosymsha.kernel import clock
from qosymsha.kernel.errors import BadInput, Refused

_COLUMNS = ("voucher", "guardian_iin", "wishes")
_BATCH = 2_000
_UNKNOWN = "a voucher, guardian, provider or group that is not known"


@click.command("file")
@click.argument("path", type=click.Path(path_type=Path), metavar="FILE")
@as_option
@json_option
def file(path: Path, subjects: tuple[str, ...], as_json: bool) -> int:
    """File lists of wishes into the open round from FILE (.csv or .xlsx), one list a row; filed again, it is replaced.

    \b
    Columns:
      voucher        the voucher's number
      guardian_iin   who speaks for the child
      wishes         BIN/GROUP, the most wanted first, parted by blanks: 150440000017/judo-1 150440000021/A2
    \b
    Example:
      qosymsha choice file lists.csv

    Exit status: 0 all rows taken, 1 some rows refused, 2 the file cannot be read.
    """
    roster = read_roster(path)
    missing = [name for name in _COLUMNS if name not in roster.columns]
    if missing:
        raise BadInput("FILE", f"has no column {', '.join(missing)}; it needs {', '.join(_COLUMNS)}")
    with database():
        at = clock.read()
        place, clerk = installation(at), Staff(subjects, at).actor(Role.CLERK)
        the_round = _open_round(place.programme_id)
        filed, refused = 0, []
        for batch in _batches(roster.rows):
            rows, numbers, strange = _read(batch)
            refused += [{"row": number, "reason": _UNKNOWN} for number in strange]
            body = [(row.voucher_id, row.guardian_id, row.group_ids) for row in rows]
            key = key_of("file_lists", the_round.number, at.isoformat(), body)
            outcomes = commands.file_lists(actor=clerk, round_id=the_round.id, rows=rows, at=at, key=key)
            for number, outcome in zip(numbers, outcomes, strict=True):
                if outcome.reason is None:
                    filed += 1
                else:
                    refused.append({"row": number, "reason": outcome.reason.value})
    told = {"round": the_round.number, "filed": filed, "refused": refused}
    emit(told, as_json=as_json, text=lambda: _text(the_round.number, filed, refused))
    return EXIT_FINDING if refused else EXIT_DONE


def _open_round(programme_id: int) -> queries.ChoiceRound:
    found = (queries.choice_round_numbered(number) for number in queries.choice_round_numbers(programme_id))
    is_open = next((one for one in found if one.state == ChoiceRoundState.OPEN), None)
    if is_open is None:
        raise Refused(ChoiceRefusal.CHOICE_WINDOW_NOT_OPEN)
    return is_open


def _batches(rows: Iterator[Row]) -> Iterator[list[Row]]:
    batch: list[Row] = []
    for row in rows:
        batch.append(row)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _read(batch: Sequence[Row]) -> tuple[list[ListRow], list[int], list[int]]:
    """Lists that can be filed, the numbers of their rows, and the numbers of rows that name something unknown."""
    vouchers = queries.vouchers_numbered([row.cells.get("voucher", "") for row in batch])
    guardians = people.by_iin("guardian", {row.cells.get("guardian_iin", "") for row in batch})
    groups = _groups({name for row in batch for name in row.cells.get("wishes", "").split()})
    rows, numbers, strange = [], [], []
    for row in batch:
        voucher = vouchers.get(row.cells.get("voucher", "").upper())
        guardian = guardians.get(row.cells.get("guardian_iin", ""))
        wished = [groups.get(name) for name in row.cells.get("wishes", "").split()]
        known = tuple(group for group in wished if group is not None)
        if voucher is None or guardian is None or len(known) < len(wished) or row.faults:
            strange.append(row.number)
        else:
            rows.append(ListRow(voucher, guardian, known))
            numbers.append(row.number)
    return rows, numbers, strange


def _groups(names: set[str]) -> dict[str, int]:
    """`BIN/GROUP` → group id, for those that exist."""
    codes: dict[str, dict[str, str]] = {}
    for name in names:
        provider, _, code = name.partition("/")
        codes.setdefault(provider, {})[name] = code
    ids = providers.providers_by_number(codes)
    found: dict[str, int] = {}
    for provider, by_name in codes.items():
        if provider in ids:
            known = providers.groups_by_code(ids[provider], set(by_name.values()))
            found |= {name: known[code] for name, code in by_name.items() if code in known}
    return found


def _text(number: str, filed: int, refused: Sequence[dict[str, object]]) -> list[str]:
    lines = [f"{number}: {filed:,} lists filed, {len(refused):,} rows refused"]
    for one in refused[:20]:
        sentence = texts.refusals().get(str(one["reason"]), {}).get("en", str(one["reason"]))
        lines.append(f"  row {one['row']}: {sentence}")
    return lines
