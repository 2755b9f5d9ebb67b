"""One target under atheris, in a process of its own: `-m tests.fuzz.run iin --runs 9000 --corpus DIR --told FILE`.

Ends as libFuzzer does: 0 when nothing was found, 77 at the first finding, whose bytes stand in DIR's neighbour.
`--plant` puts the target's fault into the reader first. The names of the modules to instrument come by `--code`, since
they must be known before anything of the house is imported.
"""

from __future__ import annotations

import argparse
import mmap
import os
import struct
import sys
from contextlib import ExitStack
from pathlib import Path

import atheris

MAZE = "maze"  # a reader of no house: only a fuzzer that follows branches finds its way through
NOT_HERE = 3


def maze(content: bytes) -> bool:  # each letter is a branch of its own: that is what it is for
    """Raises where the bytes spell a word, letter by letter: one chance in 2^32 for who tries blindly."""
    if len(content) < 4 or content[0] != 81:
        return False
    if content[1] != 111:
        return False
    if content[2] != 115:
        return False
    if content[3] != 121:
        return False
    raise LookupError("the way out was found")


class Counts:
    """How many inputs were read, and how many taken: in a mapped file, since libFuzzer ends the process its own way."""

    def __init__(self, path: Path) -> None:
        path.write_bytes(bytes(16))
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), 16)
        self._read = self._taken = 0

    def count(self, is_taken: bool) -> None:
        """One more."""
        self._read += 1
        self._taken += is_taken
        self._map[:] = struct.pack("<QQ", self._read, self._taken)


def main() -> None:
    """Fuzz until the runs are done or something is found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target")
    parser.add_argument("--runs", type=int, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--told", type=Path, required=True)
    parser.add_argument("--code", nargs="*", default=[])
    parser.add_argument("--longest", type=int, default=64)
    parser.add_argument("--plant", action="store_true")
    given = parser.parse_args()
    with ExitStack() as planted:
        read = atheris.instrument_func(maze) if given.target == MAZE else _read(given, planted)
        counts = Counts(given.told)

        def one_input(content: bytes) -> None:
            counts.count(read(content))

        finding = f"-artifact_prefix={given.corpus.parent}/{given.target}-"
        options = [f"-runs={given.runs}", f"-seed={given.seed}", f"-max_len={given.longest}", finding]
        options += ["-use_value_profile=1", "-timeout=60", "-rss_limit_mb=2048", "-print_final_stats=1", "-verbosity=0"]
        atheris.Setup([sys.argv[0], *options, str(given.corpus)], one_input, enable_python_coverage=True)
        atheris.Fuzz()


def _read(given: argparse.Namespace, planted: ExitStack):  # type: ignore[no-untyped-def]  # noqa: ANN202
    """The target's reader, its house imported so that branches are seen."""
    os.environ.setdefault("QOSYMSHA_MODE", "test")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "qosymsha.config.settings")
    with atheris.instrument_imports(include=given.code, enable_loader_override=False):
        import django  # noqa: PLC0415 - only now are imports instrumented

        django.setup()
        from tests.fuzz.every import TARGETS  # noqa: PLC0415 - as above
    target = TARGETS[given.target]
    if given.plant:
        planted.enter_context(target.plant())
    return target.read


if __name__ == "__main__":
    main()
