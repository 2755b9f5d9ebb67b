"""The floor under `bench.rush`: pgbench sending the statements that a request sends, for another family each time.

Two requests are seen in the server's log. Where their statements differ, the difference is made a variable: a family's
number, a random token, a serial. So the script writes the same rows into the same tables with the same kinds of values;
what it leaves out is all that is not SQL.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_TOKEN = re.compile(r"[0-9A-Za-z_\-]+")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:\.\d+)?(?:[+-]\d\d(?::?\d\d)?)?")
_FACTS = re.compile(r"\bFROM \w+_facts\(")
_VERSION = re.compile(r"(?<=')[0-9,:]+(?:/[0-9,:\-]+)+(?:/[tf])?(?=')")
CLIENTS = 8


@dataclass(frozen=True, slots=True)
class Seen:
    """A request as the log has it: its statements, and the numbers it spoke of by the name of a pgbench variable."""

    statements: Sequence[str]
    numbers: Mapping[str, int]


def script(one: Seen, other: Seen, sets: Sequence[str]) -> str:
    """A pgbench script of the request `one`; `sets` are the lines that set the variables named in `numbers`.

    Raises:
        ValueError: the two requests did not send the same statements.
    """
    lines = ["\\set count_no :count_no + 1", f"\\set turn_no :count_no * {CLIENTS} + :client_id"]
    lines += ["\\set uniq_no 700000000 + :turn_no", *sets]
    if len(one.statements) != len(other.statements):
        raise ValueError(f"{len(one.statements)} statements and {len(other.statements)}")
    lines += [_sent(_varied(a, b, one, other)) for a, b in zip(one.statements, other.statements, strict=True)]
    return "\n".join(lines) + "\n"


def _sent(statement: str) -> str:
    """A line of the script; the version of the facts that were read goes into the statement that stores."""
    is_facts = _FACTS.search(statement) is not None
    return f"{statement.strip()} \\gset f_" if is_facts else f"{_VERSION.sub(':f_version', statement.strip())};"


def _varied(mine: str, theirs: str, one: Seen, other: Seen) -> str:
    """A statement with variables where the two requests differ; an instant stays what it was."""
    instants = iter(_INSTANT.findall(mine))
    theirs = _INSTANT.sub(lambda at: next(instants, at[0]), theirs)
    a: list[str] = _TOKEN.findall(mine)
    b: list[str] = _TOKEN.findall(theirs)
    if len(a) != len(b) or _TOKEN.sub("", mine) != _TOKEN.sub("", theirs):
        raise ValueError(f"not the same statement: {mine[:200]!r} and {theirs[:200]!r}")
    pairs = iter(zip(a, b, strict=True))

    def vary(_: re.Match[str]) -> str:
        x, y = next(pairs)
        if x == y:
            return x
        for name, number in one.numbers.items():
            if str(number) in x and str(other.numbers[name]) in y:
                return x.replace(str(number), f":{name}")
        return _unique(x)

    return _TOKEN.sub(vary, mine)


def _unique(token: str) -> str:
    """A token of the same shape that never repeats: its last nine digits are the transaction's own."""
    if token.isdecimal():
        return ":uniq_no"
    if len(token) >= 16:
        return f"{token[:-9]}:uniq_no"
    digits = re.search(r"\d{3,}", token)
    return token[: digits.start()] + ":uniq_no" + token[digits.end() :] if digits else token


@dataclass(frozen=True, slots=True)
class Floor:
    """What pgbench did: transactions a second, how many, how many failed."""

    rate: float
    done: int
    failed: int


def run(program: Path, url: str, text: str, transactions: int) -> Floor:
    """Let pgbench play the script with eight clients, `transactions` in all.

    Raises:
        RuntimeError: pgbench stopped; its words are told.
    """
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write(text)
        file.flush()
        each = max(1, transactions // CLIENTS)
        argv = [str(program), "-n", "-M", "simple", "-D", "count_no=-1", "-f", file.name]
        argv += ["-c", str(CLIENTS), "-j", "1", "-t", str(each), url]
        told = subprocess.run(argv, capture_output=True, text=True, check=False)
    rate = re.search(r"^tps = ([\d.]+)", told.stdout, re.MULTILINE)
    done = re.search(r"actually processed: (\d+)/", told.stdout)
    if told.returncode or rate is None or done is None:
        raise RuntimeError(f"pgbench: {told.stderr[-800:]}")
    failed = re.search(r"failed transactions: (\d+)", told.stdout)
    return Floor(float(rate[1]), int(done[1]), int(failed[1]) if failed else 0)
