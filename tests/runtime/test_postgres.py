"""The embedded server: joined, started, handed over, killed; its settings and its places."""

import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from qosymsha.runtime import places, postgres
from qosymsha.runtime.binaries import find_binaries
from qosymsha.runtime.cluster import server_command
from qosymsha.runtime.errors import EnvironmentFault
from qosymsha.runtime.keeper import QUICK_DEATHS_ALLOWED
from qosymsha.runtime.places import places_of
from qosymsha.runtime.postgres import create_database, postmaster_pid, running
from qosymsha.runtime.processes import is_running, wait_until

from .conftest import CHILD_ENV, OtherUser, server_processes

COMER = """
import random, sys, time
from pathlib import Path
import psycopg
from qosymsha.runtime.postgres import running
random.seed(sys.argv[2])
for _ in range(10):
    with running(Path(sys.argv[1])) as server, psycopg.connect(server.url("postgres")) as connection:
        assert connection.execute("select 1").fetchone() == (1,)
    time.sleep(random.random() * 0.3)
"""
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server as somebody else")


def ask(server, query: str, database: str = "postgres"):
    with psycopg.connect(server.url(database), autocommit=True) as connection:
        cursor = connection.execute(query)
        return cursor.fetchall() if cursor.description else None


def setting(server, name: str) -> str:
    return ask(server, f"show {name}")[0][0]


def answers(server) -> bool:
    try:
        return ask(server, "select 1") == [(1,)]
    except psycopg.OperationalError:
        return False


def test_the_first_user_starts_the_server_and_the_last_leaves_no_process(state):
    with running(state) as server:
        assert ask(server, "select 1") == [(1,)]
        assert server.version >= 15
        assert server_processes(state)
    assert server_processes(state) == []
    assert places.is_free(places_of(state).keeper)


def test_rows_outlive_a_stop(state):
    with running(state) as server:
        ask(server, "create table t as select 7 as n")
    with running(state) as server:
        assert ask(server, "select n from t") == [(7,)]


def test_settings_are_safe_and_cannot_be_weakened(state):
    safe = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on", "data_checksums": "on"}
    private = {"listen_addresses": "", "timezone": "UTC", "server_encoding": "UTF8", "unix_socket_permissions": "0700"}
    with running(state) as server:
        for name in ("fsync", "full_page_writes", "synchronous_commit"):
            ask(server, f"alter system set {name} = off")
    with running(state) as server:
        assert {name: setting(server, name) for name in safe | private} == safe | private


def test_control_a_server_for_tests_is_seen_to_be_unsafe(state):
    with running(state, durable=False) as server:
        assert setting(server, "fsync") == "off"


def test_kazakh_letters_have_upper_and_lower_case(state):
    with running(state) as server:
        assert ask(server, "select lower('ӘҒҚҢӨҰҮҺІ'), upper('әғқңөұүһі')") == [("әғқңөұүһі", "ӘҒҚҢӨҰҮҺІ")]


def test_a_refused_row_leaves_nothing_of_itself_in_the_log(state):
    with running(state) as server:
        ask(server, "create table child (iin text primary key)")
        ask(server, "insert into child values ('050101900017')")
        with pytest.raises(psycopg.errors.UniqueViolation):
            ask(server, "insert into child values ('050101900017')")
    log = places_of(state).log.read_text(encoding="utf-8")
    assert "child_pkey" in log
    assert "050101900017" not in log


def test_a_second_process_joins_and_its_leaving_disturbs_nobody(state):
    with running(state) as server:
        other = OtherUser(state)
        assert other.postmaster == postmaster_pid(state)
        other.leave()
        assert answers(server)


def test_a_nested_use_in_one_process_does_not_stop_the_server(state):
    with running(state) as server:
        with running(state):
            pass
        assert answers(server)


def test_the_starter_hands_over_and_the_last_to_leave_stops_the_server(state):
    starter = OtherUser(state)
    second = OtherUser(state)
    starter.leave()
    assert is_running(second.postmaster)
    second.leave()
    assert server_processes(state) == []


def test_users_that_come_and_go_at_once_always_find_a_server(state):
    comers = [subprocess.Popen([sys.executable, "-c", COMER, state, str(seed)], env=CHILD_ENV) for seed in range(2)]
    assert [comer.wait(120) for comer in comers] == [0, 0]
    assert server_processes(state) == []


def test_control_without_the_shared_lock_the_server_is_taken_away(state, monkeypatch):
    flock = fcntl.flock
    monkeypatch.setattr(fcntl, "flock", lambda file, how: None if how == fcntl.LOCK_SH else flock(file, how))
    with running(state):
        assert wait_until(lambda: server_processes(state) == [], 10)


@pytest.mark.fault
def test_a_killed_starter_does_not_take_the_server_from_others(state):
    starter = OtherUser(state)
    second = OtherUser(state)
    starter.kill()
    assert not wait_until(lambda: not is_running(second.postmaster), 1.5)
    second.leave()
    assert server_processes(state) == []


@pytest.mark.fault
def test_a_server_whose_only_user_was_killed_is_stopped(state):
    OtherUser(state).kill()
    assert wait_until(lambda: server_processes(state) == [], 10)


@pytest.mark.fault
def test_a_killed_server_comes_back_with_every_row(state):
    with running(state) as server:
        ask(server, "create table t as select generate_series(1, 1000) as n")
        first = postmaster_pid(state)
        os.kill(first, signal.SIGKILL)
        with running(state):
            assert postmaster_pid(state) != first
            assert ask(server, "select count(*) from t") == [(1000,)]
    assert server_processes(state) == []


@pytest.mark.fault
@pytest.mark.skipif(
    os.environ.get("LOOKS") != "whole", reason="a quarter of a minute: LOOKS=whole, as the night sets it"
)
def test_a_server_that_stood_is_started_again_until_what_hinders_it_is_gone(state):
    """As on a full disk; a folder that anybody may write hinders it just as well."""
    where = places_of(state)
    with running(state) as server:
        where.cluster.chmod(0o777)
        os.kill(postmaster_pid(state), signal.SIGKILL)
        hindered = QUICK_DEATHS_ALLOWED + 1
        assert wait_until(lambda: where.log.read_text("utf-8", "replace").count("invalid permissions") >= hindered, 60)
        where.cluster.chmod(0o700)
        assert wait_until(lambda: answers(server), 60)
    assert server_processes(state) == []


@pytest.mark.fault
def test_everything_killed_at_once_the_next_use_recovers(state):
    starter = OtherUser(state)
    with psycopg.connect(postgres.address(state).url("postgres"), autocommit=True) as connection:
        connection.execute("create table t as select generate_series(1, 1000) as n")
    keeper = int(places_of(state).keeper.read_text(encoding="ascii"))
    for pid in (keeper, starter.postmaster, starter.process.pid):
        os.kill(pid, signal.SIGKILL)
    with running(state) as server:
        assert ask(server, "select count(*) from t") == [(1000,)]
    starter.kill()


@pytest.mark.fault
def test_a_killed_keeper_takes_its_server_along_in_good_order(state):
    other = OtherUser(state)
    os.kill(int(places_of(state).keeper.read_text(encoding="ascii")), signal.SIGKILL)
    assert wait_until(lambda: server_processes(state) == [], 10)
    with running(state) as server:
        assert answers(server)
    other.leave()


@pytest.mark.fault
def test_a_pid_file_that_names_a_stranger_is_taken_over(state):
    with running(state):
        pass
    where = places_of(state)
    with _stranger(where) as stranger:
        _write_pid_file(where, stranger.pid)
        with running(state) as server:
            assert answers(server)
            assert stranger.poll() is None
        stranger.kill()


@pytest.mark.fault
def test_control_postgres_itself_refuses_to_start_over_that_pid_file(state):
    with running(state):
        pass
    where = places_of(state)
    with _stranger(where) as stranger:
        _write_pid_file(where, stranger.pid)
        refused = subprocess.run(
            server_command(find_binaries(where), where, durable=True),
            user=where.server_id,
            group=where.server_id,
            cwd="/",
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        stranger.kill()
    assert refused.returncode != 0
    assert "already exists" in refused.stderr


def _stranger(where):
    return subprocess.Popen(["sleep", "20"], user=where.server_id, group=where.server_id, cwd="/")


def _write_pid_file(where, pid: int) -> None:
    lines = [pid, where.cluster, 1, 5432, where.socket_dir, "", "  1  1", "ready   "]
    path = where.cluster / "postmaster.pid"
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    if where.server_id is not None:
        os.chown(path, where.server_id, where.server_id)


def test_a_killed_initdb_leaves_nothing_that_looks_like_data(state):
    where = places_of(state)
    places.prepare(where)
    (where.state / "data.half").mkdir()
    (where.state / "data.half" / "PG_VERSION").write_text("18\n", encoding="ascii")
    with running(state) as server:
        assert answers(server)


def test_two_states_side_by_side_do_not_meet(make_state):
    with running(make_state("a")) as one, running(make_state("b")) as two:
        ask(one, "create table only_here ()")
        assert ask(two, "select to_regclass('only_here')") == [(None,)]
        assert one.socket_dir != two.socket_dir


def test_a_deep_folder_gets_a_short_socket_path(make_state):
    deep = make_state("d" * 120)
    with running(deep) as server:
        assert len(os.fsencode(server.socket_dir / ".s.PGSQL.5432.lock")) < places.SOCKET_PATH_LIMIT
        assert server.socket_dir.stat().st_mode & 0o777 == 0o700
        assert answers(server)


def test_a_folder_name_with_spaces_and_quotes_works(make_state):
    with running(make_state("a 'b', \"c\" 100% ә")) as server:
        assert answers(server)


def test_a_database_is_made_once_and_dropped_with_its_sessions(state):
    with running(state) as server:
        create_database(server, "city")
        with psycopg.connect(server.url("city"), autocommit=True) as held:
            held.execute("create table t ()")
            create_database(server, "city")
            assert ask(server, "select to_regclass('t') is not null", "city") == [(True,)]
            create_database(server, "city", drop_first=True)
            assert ask(server, "select to_regclass('t')", "city") == [(None,)]


def test_without_binaries_the_fault_says_what_to_do(state, monkeypatch):
    monkeypatch.setenv("QOSYMSHA_PG_BIN", "/nowhere")
    with pytest.raises(EnvironmentFault, match="QOSYMSHA_PG_BIN names /nowhere"), running(state):
        pass


def test_data_of_another_major_version_is_left_alone(state):
    with running(state):
        pass
    stamp = places_of(state).cluster / "PG_VERSION"
    stamp.write_text("12\n", encoding="ascii")
    with pytest.raises(EnvironmentFault, match="made by PostgreSQL 12"), running(state):
        pass


def test_a_link_in_place_of_the_state_folder_is_refused(state, make_state):
    state.symlink_to(make_state("real").parent)
    with pytest.raises(EnvironmentFault, match="is a link"), running(state):
        pass


def test_a_server_that_does_not_start_says_why(state):
    with running(state):
        pass
    (places_of(state).cluster / "postgresql.conf").write_text("nonsense = 1\n", encoding="utf-8")
    with pytest.raises(EnvironmentFault, match="nonsense"), running(state):
        pass
    assert server_processes(state) == []


def test_default_state_differs_by_clone(monkeypatch):
    monkeypatch.delenv("QOSYMSHA_STATE", raising=False)
    here = places_of().state
    monkeypatch.setattr(places, "__file__", "/elsewhere/src/qosymsha/runtime/places.py")
    assert places_of().state != here


@as_root
def test_as_root_the_server_runs_as_nobody(state):
    with running(state):
        pid = postmaster_pid(state)
        assert Path(f"/proc/{pid}").stat().st_uid == places.UNPRIVILEGED_ID
        assert places_of(state).cluster.stat().st_mode & 0o777 == 0o700


@as_root
def test_programs_that_nobody_can_reach_are_copied(state, make_state, monkeypatch):
    closed = make_state("closed")
    closed.mkdir(mode=0o700)
    original = find_binaries(places_of(state)).folder
    (closed / "pg").symlink_to(original.parent)
    monkeypatch.setenv("QOSYMSHA_PG_BIN", str(closed / "pg" / "bin"))
    with running(state) as server:
        assert answers(server)
        assert str(state) in Path(f"/proc/{postmaster_pid(state)}/exe").readlink().as_posix()


@as_root
def test_a_state_folder_of_another_user_is_refused(state):
    state.mkdir()
    os.chown(state, 12345, 12345)
    with pytest.raises(EnvironmentFault, match="belongs to user id 12345"), running(state):
        pass


@as_root
@pytest.mark.fault
def test_a_full_disk_is_a_plain_sentence_and_space_heals_it(state):
    state.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=20m", "none", state], check=False).returncode:
        pytest.skip("no right to mount here")
    try:
        with pytest.raises(EnvironmentFault, match="disk is full"), running(state):
            pass
        subprocess.run(["mount", "-o", "remount,size=300m", state], check=True)
        with running(state) as server:
            assert answers(server)
    finally:
        subprocess.run(["umount", state], check=True)
