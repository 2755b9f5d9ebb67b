"""The version before runs on the tables of this one: its own tests of the rooms, on a database that this code made.

    python -m tests.faults.previous                       the commit before the last change of any migration
    python -m tests.faults.previous --rev HEAD tests/rooms/test_vouchers.py

During an upgrade the new tables are there while old pages still serve. Needs git's history; ends with 3 without it.
"""

from __future__ import annotations

import argparse
import io
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from qosymsha.runtime import postgres

ROOT = Path(__file__).resolve().parents[2]
MIGRATIONS = ":(glob)src/**/migrations/*.py"
# Old tests that a migration makes untrue though the old code runs on: (migration, test) with the reason. They are left
# out where the old version does not know the migration.
UNTRUE = {
    (
        "src/qosymsha/domain/admission/migrations/0004_youth.py",
        "tests/rooms/test_admission_hot.py::test_what_is_stored_is_what_a_batch_stores",
    ): "the page's verb names the guardian in its news, the old batch did not; old readers do not look at that key",
}


def git(*words: str) -> bytes:
    """What git says.

    Raises:
        subprocess.CalledProcessError: it does not know.
    """
    return subprocess.run(["git", *words], cwd=ROOT, check=True, capture_output=True).stdout


def revision_before() -> str:
    """The newest commit whose tables are others: HEAD where the tree has new migrations, else before the last ones."""
    if git("status", "--porcelain", "--", MIGRATIONS):
        return "HEAD"
    last = git("log", "-1", "--format=%H", "--", MIGRATIONS).decode().strip()
    return git("rev-parse", f"{last}~1").decode().strip()


def unpack(revision: str, into: Path) -> None:
    """The tree of a commit, beside this one."""
    with tarfile.open(fileobj=io.BytesIO(git("archive", "--format=tar", revision))) as archive:
        archive.extractall(into, filter="data")


def migrations_of(tree: Path) -> set[str]:
    """Every migration of a tree, by its path."""
    found = tree.glob("src/**/migrations/0*.py")
    return {str(path.relative_to(tree)) for path in found}


def left_out(new: set[str]) -> dict[str, str]:
    """The old tests that these migrations make untrue, with the reason."""
    return {test: why for (migration, test), why in UNTRUE.items() if migration in new}


def run(old: Path, server: postgres.Server, words: list[str]) -> int:
    """Make the tables with this code, then run the old code's tests on them."""
    postgres.create_database(server, "test_city")
    env = {name: value for name, value in os.environ.items() if not name.startswith("QOSYMSHA_")}
    url = {"DATABASE_URL": server.url("test_city"), "QOSYMSHA_MODE": "test"}
    subprocess.run([sys.executable, "-m", "qosymsha", "migrate"], cwd=ROOT, env=env | url, check=True)
    outside = {"QOSYMSHA_TEST_DATABASE_URL": server.url("city"), "PYTHONPATH": str(old / "src")}
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--reuse-db", *words]
    return subprocess.run(argv, cwd=old, env=env | outside, check=False).returncode


def main() -> int:
    """Unpack, make tables, test."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rev", help="a commit; default: the one before the last change of any migration")
    parser.add_argument("tests", nargs="*", default=["tests/rooms"], help="of the old version")
    asked = parser.parse_args()
    try:
        revision = asked.rev or revision_before()
        name = git("describe", "--always", revision).decode().strip()
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"NOT RUN: no history of git here: {error}", file=sys.stderr)
        return 3
    with tempfile.TemporaryDirectory(prefix="qosymsha-previous-", ignore_cleanup_errors=True) as folder:
        top = Path(folder)
        top.chmod(0o711)
        unpack(revision, top / "old")
        new = sorted(migrations_of(ROOT) - migrations_of(top / "old"))
        print(f"{name} on tables with {len(new)} migrations more: {', '.join(new)}", flush=True)
        out = left_out(set(new))
        for test, why in out.items():
            print(f"left out: {test}: {why}", flush=True)
        with postgres.running(top / "state", durable=False) as server:
            return run(top / "old", server, [*asked.tests, *(f"--deselect={test}" for test in out)])


if __name__ == "__main__":
    sys.exit(main())
