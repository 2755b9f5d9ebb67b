"""Compares every pinned part with a database of known weaknesses (OSV's form), which the operator brings: no network.

    make weaknesses OSV=all.zip                      osv.dev offers it by ecosystem: PyPI/all.zip
    python scripts/weaknesses.py all.zip --json      a folder of its JSON files will do as well

Status 0: no pinned part has a known weakness. 1: some has, or the database is old. 2: what was given is no such
database. Weaknesses that were looked at and do not touch us stand in requirements/weaknesses.toml, each until a day.
Times to mend: docs/security/dependencies.md.
"""

import argparse
import json
import re
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from packaging.version import InvalidVersion, Version

ROOT = Path(__file__).resolve().parents[1]
ACCEPTED = ROOT / "requirements" / "weaknesses.toml"
MEND_DAYS = 60  # at the latest, from the day it was published; sooner by what it needs (dependencies.md)
LEAST, AGE_DAYS = 10_000, 7  # records of a whole database; days after which it is old
_PIN = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?==([^\s;\\]+)")


class NoDatabase(Exception):
    """What was given cannot be compared with; the message says why."""


@dataclass(frozen=True)
class Found:
    """A pinned part with a known weakness: where it is pinned, what mends it, until when it must be mended."""

    part: str
    version: str
    locks: list[str]
    id: str
    aliases: list[str]
    summary: str
    severity: str
    mended_in: list[str]
    mend_until: str
    is_late: bool


@dataclass(frozen=True)
class Compared:
    """What came of it: findings, those accepted, acceptances of nothing or past their day, how old the database is."""

    parts: int
    records: int
    newest: str
    is_old: bool
    found: list[Found]
    accepted: list[str]
    idle: list[str]


def normal(name: str) -> str:
    """A name as package indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def pinned(folder: Path) -> dict[tuple[str, str], list[str]]:
    """(part, version) → the lock files that pin it."""
    found: dict[tuple[str, str], list[str]] = {}
    for lock in sorted(folder.glob("*.lock")):
        for line in lock.read_text("utf-8").splitlines():
            if pin := _PIN.match(line):
                found.setdefault((normal(pin[1]), pin[2]), []).append(lock.name)
    return found


def records(given: Path) -> Iterator[dict]:
    """The records of a zip or of a folder.

    Raises:
        NoDatabase: it is neither, or holds something else.
    """
    try:
        if given.is_dir():
            for path in sorted(given.rglob("*.json")):
                yield json.loads(path.read_bytes())
            return
        with zipfile.ZipFile(given) as packed:
            for name in packed.namelist():
                if name.endswith(".json"):
                    yield json.loads(packed.read(name))
    except (OSError, zipfile.BadZipFile, json.JSONDecodeError, UnicodeDecodeError) as fault:
        raise NoDatabase(f"{given}: {fault}") from fault


def touched(affected: dict, version: str) -> bool:
    """Whether OSV's words mean this version: listed, or in a range. What cannot be judged counts as touched."""
    try:
        mine = Version(version)
    except InvalidVersion:
        return True
    if any(_version(one) == mine for one in affected.get("versions", [])):
        return True
    ranges = [one for one in affected.get("ranges", []) if one.get("type") in ("ECOSYSTEM", "SEMVER")]
    if not ranges:
        return not affected.get("versions")
    return any(_lies_in(mine, one.get("events", [])) for one in ranges)


def _lies_in(mine: Version, events: list[dict]) -> bool:
    """OSV's own rule: walk the events by version; introduced switches on, fixed and what follows last_affected off."""
    steps = sorted(((kind, _version(at)) for event in events for kind, at in event.items()), key=lambda step: step[1])
    inside = False
    for kind, at in steps:
        if kind == "introduced" and mine >= at:
            inside = True
        elif (kind == "fixed" and mine >= at) or (kind == "last_affected" and mine > at):
            inside = False
    return inside


def _version(text: str) -> Version:
    try:
        return Version(text)
    except InvalidVersion:
        return Version("0")


def accepted_until(path: Path) -> dict[str, date]:
    """Id of a weakness → the last day on which it is accepted; each entry says why and who.

    Raises:
        NoDatabase: an entry lacks something.
    """
    if not path.exists():
        return {}
    found = {}
    for row in tomllib.loads(path.read_text("utf-8")).get("accepted", []):
        if not all(row.get(name) for name in ("id", "why", "by")) or not isinstance(row.get("until"), date):
            raise NoDatabase(f"{path.name}: an entry needs id, why, by and until (a day): {row}")
        found[row["id"]] = row["until"]
    return found


def compare(  # noqa: PLR0913 - what, with what, and what counts as a database of today
    given: Path, *, locks: Path, accepted: Path, least: int, age_days: int, today: date
) -> Compared:
    """Compare every pinned part with every record.

    Raises:
        NoDatabase: fewer records than a whole database has, no part is pinned, or a file cannot be read.
    """
    parts, allowed = pinned(locks), accepted_until(accepted)
    by_name: dict[str, list[str]] = {}
    for name, version in parts:
        by_name.setdefault(name, []).append(version)
    count, newest, found = 0, "", list[Found]()
    for record in records(given):
        ours = [one for one in record.get("affected", []) if one.get("package", {}).get("ecosystem") == "PyPI"]
        count += bool(ours)
        newest = max(newest, str(record.get("modified", "")) if ours else "")
        if record.get("withdrawn"):
            continue
        for affected in ours:
            name = normal(affected["package"].get("name", ""))
            for version in by_name.get(name, []):
                if touched(affected, version):
                    found.append(_found(record, affected, name, version, parts[name, version], today))
    if count < least or not parts:
        raise NoDatabase(f"nothing was compared: {given} has {count} records of PyPI, {len(parts)} parts are pinned")
    is_in_force = {one for one, until in allowed.items() if until >= today}
    left = [one for one in _once(found) if not {one.id, *one.aliases} & is_in_force]
    seen = {name for one in found for name in (one.id, *one.aliases)}
    return Compared(
        parts=len(parts),
        records=count,
        newest=newest,
        is_old=newest[:10] < (today - timedelta(days=age_days)).isoformat(),
        found=left,
        accepted=sorted(is_in_force & seen),
        idle=sorted(one for one in allowed if one not in seen or one not in is_in_force),
    )


def _once(found: list[Found]) -> list[Found]:
    """The same weakness under several ids is one."""
    kept: list[Found] = []
    for one in sorted(found, key=lambda it: (it.part, it.id)):
        beside = (other for other in kept if (other.part, other.version) == (one.part, one.version))
        if not any({one.id, *one.aliases} & {other.id, *other.aliases} for other in beside):
            kept.append(one)
    return kept


def _found(  # noqa: PLR0913 - a record, what it touches, since when
    record: dict, affected: dict, name: str, version: str, locks: list[str], today: date
) -> Found:
    mended = sorted({e["fixed"] for r in affected.get("ranges", []) for e in r.get("events", []) if "fixed" in e})
    published = str(record.get("published") or record.get("modified") or "")[:10]
    until = (date.fromisoformat(published) if published else today) + timedelta(days=MEND_DAYS)
    severity = next((str(one.get("score", "")) for one in record.get("severity", [])), "")
    summary = str(record.get("summary") or record.get("details", "")).strip().splitlines()
    return Found(
        name, version, locks, record["id"], sorted(record.get("aliases", [])), (summary or [""])[0][:200], severity,
        mended, until.isoformat(), until < today,
    )  # fmt: skip


def told(one: Compared) -> list[str]:
    """For a person."""
    lines = [f"{one.parts} pinned parts compared with {one.records} records, the newest of {one.newest}"]
    for it in one.found:
        mend = f"mended in {', '.join(it.mended_in)}" if it.mended_in else "not mended anywhere yet"
        late = "PAST ITS TIME since" if it.is_late else "to be mended until"
        lines.append(f"WEAK {it.part} {it.version} ({', '.join(it.locks)}): {it.id} {it.summary}")
        lines.append(f"     {mend}; {late} {it.mend_until}, sooner by what it needs: dependencies.md {it.severity}")
    lines += [f"accepted: {name} (requirements/weaknesses.toml)" for name in one.accepted]
    lines += [f"accepted for nothing, or past its day: {name}: take it out or look again" for name in one.idle]
    if one.is_old:
        lines.append("OLD: the database is older than a week: fetch it anew")
    return [*lines, "nothing known" if not one.found else f"{len(one.found)} known weaknesses"]


def main(argv: list[str] | None = None) -> int:
    """Compare, print, judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("database", type=Path, help="OSV's all.zip of PyPI, or a folder of its JSON files")
    parser.add_argument("--locks", type=Path, default=ROOT / "requirements")
    parser.add_argument("--accepted", type=Path, default=ACCEPTED)
    parser.add_argument("--least", type=int, default=LEAST, help="fewer records than this are no database")
    parser.add_argument("--age-days", type=int, default=AGE_DAYS)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args(argv)
    try:
        found = compare(
            asked.database, locks=asked.locks, accepted=asked.accepted, least=asked.least, age_days=asked.age_days,
            today=datetime.now(UTC).date(),
        )  # fmt: skip
    except NoDatabase as fault:
        print(f"weaknesses: {fault}", file=sys.stderr)
        return 2
    print(json.dumps(asdict(found), indent=1) if asked.json else "\n".join(told(found)))
    return int(bool(found.found) or found.is_old)


if __name__ == "__main__":
    sys.exit(main())
