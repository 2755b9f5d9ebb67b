"""The supervisor: a dead program is started again, all end together, with everything that they started."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from qosymsha.runtime import supervisor as watched
from qosymsha.runtime.errors import EnvironmentFault
from qosymsha.runtime.processes import group_members, is_running, send, wait_until
from qosymsha.runtime.supervisor import NEVER, Command, Restarts, run

from .conftest import CODE

# A parent with a worker that outlives it, as a web server's do: row 12 of RELIABILITY.md, section 2.
PARENT = 'sleep 300 & echo $! >"$1"; wait'
STUBBORN = 'trap "" TERM; echo $$ >"$1"; while :; do sleep 1; done'
SUPERVISOR = """
import sys
from qosymsha.runtime.supervisor import Command, run
sys.exit(run([Command("web", ["sh", "-c", sys.argv[1], "sh", sys.argv[2]])], grace_seconds=1))
"""
# Each life adds a line: the pid of the parent, and of its worker. The parent waits for a worker that has its own ideas.
LIVES = 'sleep 300 & echo "$$ $!" >>"$1"; wait'
QUICK = Restarts(most=3, within_seconds=300, first_pause=0.01, settled_seconds=0)


def parent(pid_file: Path) -> Command:
    return Command("web", ["sh", "-c", PARENT, "sh", str(pid_file)])


def written_pid(pid_file: Path) -> int:
    assert wait_until(lambda: pid_file.exists() and bool(pid_file.read_text(encoding="ascii")), 10)
    return int(pid_file.read_text(encoding="ascii"))


def ended(pid: int, seconds: float = 30) -> bool:
    return wait_until(lambda: not is_running(pid), seconds)


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
    killer = Command("killer", ["sh", "-c", kills, "sh", str(tmp_path / "pid")])
    status = run([parent(tmp_path / "pid"), killer], restarts=NEVER)
    assert status == 128 + signal.SIGKILL
    assert not is_running(written_pid(tmp_path / "pid"))


def lives(of: Path) -> list[tuple[int, int]]:
    """(parent, worker) of each life so far."""
    text = of.read_text(encoding="ascii") if of.exists() else ""
    return [(int(line.split()[0]), int(line.split()[1])) for line in text.splitlines() if len(line.split()) == 2]


# Waits for the first life, kills its parent, waits for the second life, and asks the supervisor to stop.
KILLER = """
until [ "$(wc -l <"$1" 2>/dev/null || echo 0)" -ge 1 ]; do sleep 0.05; done
read parent worker <"$1"; kill -9 "$parent"
until [ "$(wc -l <"$1")" -ge 2 ]; do sleep 0.05; done
case "$(cut -d' ' -f3 "/proc/$worker/stat" 2>/dev/null)" in ""|Z|X) echo gone >"$2";; *) echo alive >"$2";; esac
kill -TERM "$PPID"; sleep 300
"""


def killed_once(tmp_path: Path) -> str:
    """What became of the first life's worker by the time the second life began; asserts that all ends in order."""
    out, told = tmp_path / "lives", tmp_path / "told"
    web = Command("web", ["sh", "-c", LIVES, "sh", str(out)])
    killer = Command("killer", ["sh", "-c", KILLER, "sh", str(out), str(told)])
    assert run([web, killer], restarts=QUICK, grace_seconds=2) == 0
    assert len(lives(out)) == 2
    return told.read_text(encoding="ascii").strip()


@pytest.mark.fault
def test_a_killed_program_is_started_again_and_never_beside_its_old_workers(tmp_path):
    assert killed_once(tmp_path) == "gone"
    assert not any(is_running(pid) for life in lives(tmp_path / "lives") for pid in life)


@pytest.mark.fault
def test_control_without_ending_the_group_first_old_and_new_workers_run_together(tmp_path, monkeypatch):
    calls, ends = [], watched.end_groups
    monkeypatch.setattr(watched, "end_groups", lambda *call: calls.append(call) or (len(calls) > 1 and ends(*call)))
    try:
        assert killed_once(tmp_path) == "alive"
    finally:
        send([pid for life in lives(tmp_path / "lives") for pid in life], signal.SIGKILL)


@pytest.mark.fault
def test_a_program_that_dies_too_often_ends_all(tmp_path):
    out = tmp_path / "lives"
    script = 'echo "$$ $$" >>"$1"; kill -9 $$'
    status = run([parent(tmp_path / "pid"), Command("jobs", ["sh", "-c", script, "sh", str(out)])], restarts=QUICK)
    assert status == 128 + signal.SIGKILL
    assert len(lives(out)) == QUICK.most + 1
    assert not is_running(written_pid(tmp_path / "pid"))


def test_a_program_that_cannot_even_start_is_not_tried_again(tmp_path):
    out = tmp_path / "lives"
    rule = Restarts(settled_seconds=300)
    assert run([Command("web", ["sh", "-c", 'echo "1 1" >>"$1"; exit 4', "sh", str(out)])], restarts=rule) == 4
    assert len(lives(out)) == 1


def test_the_pauses_grow_and_stay_bearable():
    assert [Restarts().pause(deaths) for deaths in (1, 2, 3, 20)] == [0.2, 0.4, 0.8, 10.0]


AGAIN = """
import sys
from qosymsha.runtime.supervisor import Command, Restarts, run
rule = Restarts(first_pause=0.01, settled_seconds=0)
sys.exit(run([Command("web", ["sh", "-c", sys.argv[1], "sh", sys.argv[2]])], grace_seconds=1, restarts=rule))
"""


@pytest.mark.fault
def test_the_watch_ends_the_second_life_too_and_forgets_the_first(tmp_path):
    out = tmp_path / "lives"
    process = subprocess.Popen([sys.executable, "-c", AGAIN, LIVES, out], env={**os.environ, "PYTHONPATH": str(CODE)})
    try:
        assert wait_until(lambda: len(lives(out)) == 1, 30)
        os.kill(lives(out)[0][0], signal.SIGKILL)
        assert wait_until(lambda: len(lives(out)) == 2, 30)
    finally:
        process.kill()
        process.wait()
    assert wait_until(lambda: not any(is_running(pid) for life in lives(out) for pid in life), 30)


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


# Its very first step kills the supervisor, which so has no time to say that it began.
FIRST_STEP = 'echo $$ >"$1"; kill -9 $PPID; while :; do sleep 1; done'
TOLD_LATE = """
import sys
from qosymsha.runtime import supervisor
supervisor._tell = lambda *_: None
sys.exit(supervisor.run([supervisor.Command("web", ["sh", "-c", sys.argv[1], "sh", sys.argv[2]])], grace_seconds=1))
"""


@pytest.mark.fault
def test_a_program_whose_first_step_kills_the_supervisor_ends_too(supervisor):
    _, worker = supervisor(FIRST_STEP)
    assert ended(worker)


@pytest.mark.fault
def test_control_a_program_told_only_after_it_began_lives_on(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", TOLD_LATE, FIRST_STEP, tmp_path / "pid"], env={**os.environ, "PYTHONPATH": str(CODE)}
    )
    worker = written_pid(tmp_path / "pid")
    try:
        assert process.wait(10) == -signal.SIGKILL
        assert not ended(worker, 3)
    finally:
        os.killpg(worker, signal.SIGKILL)


@pytest.mark.fault
def test_control_without_the_watch_a_killed_supervisor_leaves_orphans(supervisor):
    process, worker = supervisor()
    process.send_signal(signal.SIGSTOP)  # so that it cannot notice that its watch has gone
    _kill_watch_of(process.pid)
    process.kill()
    process.wait()
    try:
        assert not ended(worker, 3)
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
