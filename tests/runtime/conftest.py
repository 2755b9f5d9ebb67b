"""State folders for real servers, and other processes that use them."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from qosymsha.runtime.places import places_of
from qosymsha.runtime.processes import send, working_in

CODE = Path(__file__).resolve().parents[2] / "src"
CHILD_ENV = {**os.environ, "PYTHONPATH": str(CODE)}
USER = """
import sys
from pathlib import Path
from qosymsha.runtime.postgres import postmaster_pid, running
with running(Path(sys.argv[1])):
    print(postmaster_pid(Path(sys.argv[1])), flush=True)
    sys.stdin.readline()
"""


def server_processes(state: Path) -> list[int]:
    """The living PostgreSQL processes of a state folder."""
    return working_in(places_of(state).cluster, "postgres")


class OtherUser:
    """Another process that uses the server of a state folder until told to leave."""

    def __init__(self, state: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", USER, str(state)],
            env=CHILD_ENV,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.postmaster = int(self.process.stdout.readline())

    def leave(self) -> None:
        """Leave in good order, and wait."""
        self.process.communicate("\n", timeout=60)
        assert self.process.returncode == 0

    def kill(self) -> None:
        """Die as by `kill -9`."""
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def make_state() -> Iterator:
    """Make state folders that the server's user can reach (pytest's own tmp_path is closed to it)."""
    made: list[Path] = []

    def make(name: str = "s") -> Path:
        root = Path(tempfile.mkdtemp(prefix="qosymsha-rt-"))
        root.chmod(0o755)
        made.append(root)
        return root / name

    yield make
    for root in made:
        for state in root.iterdir():
            send(server_processes(state), signal.SIGKILL)
            shutil.rmtree(places_of(state).socket_dir, ignore_errors=True)  # it may stand outside
        shutil.rmtree(root, ignore_errors=True)


@pytest.fixture
def state(make_state) -> Path:
    """One state folder, not made yet."""
    return make_state()
