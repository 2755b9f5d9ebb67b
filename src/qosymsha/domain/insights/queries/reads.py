"""The witnesses outside the database: checkpoints of the chain (INV-18) and the log of requests (INV-19)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection

from qosymsha.domain.insights.queries.found import Checking, Found, of
from qosymsha.domain.witness import queries as witness
from qosymsha.domain.witness.states import READ

CHUNK = 2_000
SAMPLED_BYTES = 64 * 1024 * 1024  # a full run picks lines of a longer log by their request's number
_DAYS_OPEN = 2  # a request that began before midnight is noted in its own day's file
_NO_FOLDER = "no folder for checkpoints is set, or none is signed yet"
_NO_LOG = "no request log is set, or nothing stands in it yet"

# The row bears the request's number, stands within the hour, and names as many children as the log has counted.
_UNAUDITED = """
WITH line AS MATERIALIZED (
    SELECT * FROM unnest(%(requests)s::text[], %(ats)s::timestamptz[], %(children)s::int[]) l (request, at, children))
SELECT l.request FROM line l WHERE NOT EXISTS (
    SELECT FROM audit_event e WHERE e.action = %(action)s AND e.detail ->> 'request' = l.request
       AND jsonb_array_length(e.subject_ids) >= l.children
       AND e.at >= (SELECT min(at) FROM line) - interval '1 hour'
       AND e.at <= (SELECT max(at) FROM line) + interval '1 hour')"""


def checkpoint(_: Checking) -> Found:
    """INV-18: the newest checkpoint outside is signed by us and a prefix of the chain as it is now."""
    if witness.newest() is None and not witness.checkpoint_files():
        return Found(excuse=_NO_FOLDER)
    return of(witness.prefix_faults())


def reads(checking: Checking) -> Found:
    """INV-19: every request that opened children's names, by the log of requests, has its row in the audit."""
    files = _files()
    if not files:
        return Found(excuse=_NO_LOG)
    known: Mapping[str, int] = checking.reached.get("files", {})
    offsets = {} if checking.touched is None else known
    step = 1 if checking.touched else max(1, sum(path.stat().st_size for path in files) // SAMPLED_BYTES)
    found, reached = Found(), {}
    for path in files:
        if offsets and path.name < min(offsets):
            continue  # read to its end long ago
        wanted, reached[path.name] = _wanted(path, offsets.get(path.name, 0), step)
        found += _unaudited(path, wanted)
        if path.stat().st_size < known.get(path.name, 0):
            found += of([f"request log {path.stem}: cut"])
    return found + Found(reached={"files": dict(sorted(reached.items())[-_DAYS_OPEN:])})


def _files() -> list[Path]:
    folder = Path(settings.REQUEST_LOG) if settings.REQUEST_LOG else None
    return sorted(folder.glob("*.jsonl")) if folder and folder.is_dir() else []


def _wanted(path: Path, offset: int, step: int) -> tuple[list[dict[str, Any]], int]:
    """Lines from an offset on that opened children's records, and where the last whole line ends."""
    wanted = []
    with path.open("rb") as file:
        file.seek(offset)
        for raw in file:
            if not raw.endswith(b"\n"):
                break  # still being written
            line = _line(raw, offset)
            if _opened(line) and ("place" in line or int(line["request"], 16) % step == 0):
                wanted.append(line)
            offset += len(raw)
    return wanted, offset


def _line(raw: bytes, offset: int) -> dict[str, Any]:
    """A line of the log; one that cannot be read stands for a read that nobody can prove."""
    try:
        line = json.loads(raw)
        return {
            "request": f"{int(line['request'], 16):016x}",
            "at": str(line["at"]),
            "children": int(line["children"]),
            "unsealed": int(line["unsealed"]),
            "status": line["status"],
        }
    except (ValueError, KeyError, TypeError):
        return {"children": 1, "unsealed": 1, "status": 200, "place": f"byte {offset}"}


def _opened(line: Mapping[str, Any]) -> bool:
    """A line without a status is of a page that was not shown: what it had read was never recorded, nor seen."""
    return line["status"] is not None and bool(line["children"] or line["unsealed"])


def _unaudited(path: Path, wanted: list[dict[str, Any]]) -> Found:
    total = Found()
    for lines in _chunks(wanted):
        broken = [f"request log {path.stem}: {line['place']} cannot be read" for line in lines if "place" in line]
        whole = [line for line in lines if "place" not in line]
        columns = {
            "requests": [line["request"] for line in whole],
            "ats": [line["at"] for line in whole],
            "children": [line["children"] for line in whole],
        }
        with connection.cursor() as cursor:
            cursor.execute(_UNAUDITED, columns | {"action": READ})
            missing = [f"request {request}" for (request,) in cursor.fetchall()]
        total += of(sorted(missing) + broken)
    return total


def _chunks(lines: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    remaining = iter(lines)
    while chunk := list(islice(remaining, CHUNK)):
        yield chunk
