"""What the benches of the rush measure with: processor time of trees of processes, statements from the log."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

_TICKS = os.sysconf("SC_CLK_TCK")
_ENTRY = re.compile(r"^\d+\|(LOG|DETAIL):  ", re.MULTILINE)
_STATEMENT = re.compile(r"\A(?:statement|execute [^:]*): ", re.DOTALL)
_PARAMETER = re.compile(r"\$(\d+) = ('(?:[^']|'')*'|NULL)")


def cpu_of_tree(root: int) -> float:
    """Seconds of processor time of a process and all its descendants, those that ended included."""
    parents: dict[int, int] = {}
    spent: dict[int, float] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal():
            continue
        try:
            fields = (entry / "stat").read_text("ascii", "replace").rpartition(")")[2].split()
        except OSError:
            continue
        parents[int(entry.name)] = int(fields[1])
        spent[int(entry.name)] = sum(map(int, fields[11:15])) / _TICKS  # own, and of the children waited for
    return sum(seconds for pid, seconds in spent.items() if _descends(pid, root, parents))


def _descends(pid: int, root: int, parents: dict[int, int]) -> bool:
    while pid and pid != root:
        pid = parents.get(pid, 0)
    return pid == root


@dataclass(frozen=True, slots=True)
class Spent:
    """Processor seconds of the application, the database and the client itself, and seconds by the clock."""

    app: float
    database: float
    client: float
    wall: float


class Meter:
    """Reads the clocks of the three parties."""

    def __init__(self, app: int, database: int) -> None:
        """`app` and `database`: the pids of their roots."""
        self._app, self._database = app, database

    def read(self) -> Spent:
        """The clocks now."""
        app = cpu_of_tree(self._app) if self._app else 0.0
        return Spent(app, cpu_of_tree(self._database), time.process_time(), time.perf_counter())

    def since(self, then: Spent) -> Spent:
        """What was spent since."""
        now = self.read()
        return Spent(now.app - then.app, now.database - then.database, now.client - then.client, now.wall - then.wall)


class Log:
    """The server's log as a source of the statements it was sent."""

    def __init__(self, url: str, log: Path) -> None:
        """`log`: the file the server writes."""
        self._url, self._log = url, log

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Have every statement logged with its values, for a while."""
        self._set({"log_statement": "all", "log_line_prefix": "%p|", "log_parameter_max_length": "-1"})
        try:
            yield
        finally:
            self._set({"log_statement": None, "log_line_prefix": None})

    def _set(self, settings: dict[str, str | None]) -> None:
        with psycopg.connect(self._url, autocommit=True) as connection:
            for name, value in settings.items():
                connection.execute(f"ALTER SYSTEM SET {name} = '{value}'" if value else f"ALTER SYSTEM RESET {name}")
            connection.execute("SELECT pg_reload_conf()")
        time.sleep(0.5)

    def mark(self) -> int:
        """Where the log ends now."""
        return self._log.stat().st_size

    def statements(self, mark: int) -> list[str]:
        """The statements logged since `mark`, whole, their values written in."""
        with self._log.open("rb") as file:
            file.seek(mark)
            text = file.read().decode()
        found: list[str] = []
        starts = list(_ENTRY.finditer(text))
        for entry, following in zip(starts, [*starts[1:], None], strict=True):
            body = text[entry.end() : following.start() if following else len(text)].strip().replace("\n\t", "\n")
            if entry[1] == "LOG" and (told := _STATEMENT.match(body)):
                found.append(body[told.end() :])
            elif entry[1] == "DETAIL" and found:
                found[-1] = _filled(found[-1], dict(_PARAMETER.findall(body)))
        return found


def _filled(statement: str, values: dict[str, str]) -> str:
    return re.sub(r"\$(\d+)", lambda at: values.get(at[1], at[0]), statement)
