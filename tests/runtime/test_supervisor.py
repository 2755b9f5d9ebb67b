"""The supervisor: programs live together and end together, with everything that they started."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from qosymsha.runtime.errors import EnvironmentFault
from qosymsha.runtime.processes import group_members, is_running, wait_until
from qosymsha.runtime.supervisor import Command, run

from .conftest import CODE

# A parent with a worker that outlives it, as a web server's do: row 12 of RELIABILITY.md, section 2.
PARENT = 'sleep 300 & echo $! >"$1"; wait'
STUBBORN = 'trap "" TERM; echo $$ >"$1"; while :; do sleep 1; done'
SUPERVISOR = """
import sys
from qosymsha.runtime.supervisor import Command, run
sys.exit(run([Command("web", ["sh", "-c", sys.argv[1], "sh", sys.argv[2]])], grace_seconds=1))
"""


def parent(pid_file: Path) -> Command:
    return Command("web", ["sh", "-c", PARENT, "sh", str(pid_file)])


def written_pid(pid_file: Path) -> int:
    assert wait_until(lambda: pid_file.exists() and bool(pid_file.read_text(encoding="ascii")), 10)
    return int(pid_file.read_text(encoding="ascii"))


def ended(pid: int) -> bool:
    return wait_until(lambda: not is_running(pid), 5)


@pytest.fixture
def supervisor(tmp_path):
    started = []

    def start(script: str = PARENT):
        process = subprocess.Popen(
            [sys.executable, "-c", SUPERVISOR, script, tmp_path / "pid"], env={**os.environ, "PYTHONPATH": str(CODE)}
        )
        started.append(process)
        return process, written_pid(tmp_path / "pid")

    yield start
    for process in started:
        process.kill()
        process.wait()


def test_the_end_of_one_ends_the_others_with_their_workers(tmp_path):
    waits = 'while [ ! -s "$1" ]; do sleep 0.1; done; exit 7'
    status = run([parent(tmp_path / "pid"), Command("worker", ["sh", "-c", waits, "sh", str(tmp_path / "pid")])])
    assert status == 7
    assert not is_running(written_pid(tmp_path / "pid"))


def test_a_killed_parent_does_not_leave_its_workers_behind(tmp_path):
    kills = 'while [ ! -s "$1" ]; do sleep 0.1; done; kill -9 $(ps -o ppid= -p $(cat "$1")); sleep 300'
    kills = kills.replace('ps -o ppid= -p $(cat "$1")', "cut -d' ' -f4 /proc/$(cat \"$1\")/stat")
    status = run([parent(tmp_path / "pid"), Command("killer", ["sh", "-c", kills, "sh", str(tmp_path / "pid")])])
    assert status == 128 + signal.SIGKILL
    assert not is_running(written_pid(tmp_path / "pid"))


@pytest.mark.fault
def test_control_without_the_group_kill_the_worker_lives_on(tmp_path):
    process = subprocess.Popen(parent(tmp_path / "pid").argv, process_group=0)
    worker = written_pid(tmp_path / "pid")
    process.kill()
    process.wait()
    try:
        assert is_running(worker)
        assert group_members(process.pid) == [worker]
    finally:
        os.kill(worker, signal.SIGKILL)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_asked_to_stop_it_ends_everything_and_returns_0(supervisor, number):
    process, worker = supervisor()
    process.send_signal(number)
    assert process.wait(10) == 0
    assert not is_running(worker)


@pytest.mark.fault
def test_a_program_that_ignores_the_wish_is_forced(supervisor):
    process, stubborn = supervisor(STUBBORN)
    process.terminate()
    assert process.wait(10) == 0
    assert not is_running(stubborn)


@pytest.mark.fault
@pytest.mark.parametrize("script", [PARENT, STUBBORN])
def test_a_killed_supervisor_leaves_nothing_behind(supervisor, script):
    process, worker = supervisor(script)
    process.kill()
    assert ended(worker)


@pytest.mark.fault
def test_control_without_the_watch_a_killed_supervisor_leaves_orphans(supervisor):
    process, worker = supervisor()
    process.send_signal(signal.SIGSTOP)  # so that it cannot notice that its watch has gone
    _kill_watch_of(process.pid)
    process.kill()
    process.wait()
    try:
        assert not ended(worker)
    finally:
        os.killpg(int(_stat_fields(worker)[2]), signal.SIGKILL)


@pytest.mark.fault
def test_a_killed_watch_ends_the_rest(supervisor):
    process, worker = supervisor()
    _kill_watch_of(process.pid)
    assert process.wait(10) == 128 + signal.SIGKILL
    assert not is_running(worker)


def test_a_program_that_is_not_there_is_named_and_the_others_are_ended(tmp_path):
    missing = Command("jobs", ["/nowhere/qosymsha"])
    with pytest.raises(EnvironmentFault, match=r"Cannot start jobs \(/nowhere/qosymsha\)"):
        run([Command("web", ["sleep", "300"]), missing])
    assert not _children(os.getpid(), "sleep")


def test_a_command_gets_its_own_environment_on_top(tmp_path):
    out = tmp_path / "out"
    run([Command("env", ["sh", "-c", 'echo "$CITY" >"$1"', "sh", str(out)], {"CITY": "Атырау"})])
    assert out.read_text(encoding="utf-8") == "Атырау\n"


def _stat_fields(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()


def _children(pid: int, word: str) -> list[int]:
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            is_child = int(_stat_fields(int(entry.name))[1]) == pid and is_running(int(entry.name))
            if is_child and word in (entry / "cmdline").read_text(encoding="utf-8", errors="replace"):
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def _kill_watch_of(pid: int) -> None:
    (watch,) = _children(pid, "deathwatch")
    os.kill(watch, signal.SIGKILL)
