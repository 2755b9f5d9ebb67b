"""What all tests share: the database server, the browser, and the rule that journeys left out are not green."""

import gc
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from _pytest.runner import runtestprotocol
from django.db import connection
from hypothesis import settings
from xdist import is_xdist_controller

from qosymsha.runtime.postgres import Server, running
from tests import flush, ready
from tests.browser import STUCK, find_browser
from tests.early import STATE

NOT_RUN = "NOT RUN: no browser"
EXIT_NOT_RUN = 3

settings.register_profile("day", deadline=None)  # a busy machine is no finding
settings.register_profile("night", deadline=None, max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "day"))


@pytest.fixture(scope="session")
def database_server() -> Iterator[Server | None]:
    """The tests' own server, without fsync: nothing in it outlives the run. None when an outside one is used."""
    if STATE not in os.environ:
        yield None
        return
    ready.lay(Path(os.environ[STATE]))
    with running(Path(os.environ[STATE]), durable=False) as server:
        with psycopg.connect(server.url("postgres"), autocommit=True) as line:
            line.execute("ALTER SYSTEM SET autovacuum = off")  # plans are what they are, whenever a test is played
            line.execute("SELECT pg_reload_conf()")
        yield server


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None, database_server: Server | None
) -> None:
    """Have the server running before pytest-django makes its databases; tests without a database never start it."""
    flush.install()
    if database_server is not None:
        connection.settings_dict["TEST"]["MIGRATE"] = False  # a new database of this server has all tables


@pytest.fixture(scope="session")
def browser_path() -> Path:
    """The browser's program for Playwright's `executable_path`; mark tests that use it `journey`."""
    found = find_browser()
    if found is None:
        pytest.skip(NOT_RUN)
    return found


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the journeys, by name, where there is no browser."""
    if find_browser() is None:
        for item in items:
            if item.get_closest_marker("journey"):
                item.add_marker(pytest.mark.skip(reason=NOT_RUN))


def pytest_sessionstart(session: pytest.Session) -> None:
    """Have the tables made while the workers of xdist look for their tests."""
    if is_xdist_controller(session) and STATE in os.environ:
        making = subprocess.Popen([sys.executable, "-m", "tests.ready"], cwd=Path(__file__).resolve().parents[1])
        session.config.add_cleanup(making.wait)


def pytest_collection_finish() -> None:
    """What is loaded by now stays to the end: nobody need look through it for garbage again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """Play a journey once more where its browser never answered, with a fresh one; no other fault is played again."""
    if item.get_closest_marker("journey") is None:
        return None
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    reports = runtestprotocol(item, nextitem=nextitem, log=False)
    if any(STUCK in _fault(report) for report in reports if report.failed):
        item.user_properties.append(("again", f"played again, {STUCK}"))
        item._initrequest()  # type: ignore[attr-defined]
        reports = runtestprotocol(item, nextitem=nextitem, log=False)
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


def _fault(report: pytest.TestReport) -> str:
    """What was raised, in its own words alone."""
    return str(getattr(getattr(report.longrepr, "reprcrash", None), "message", "")).partition("\n")[0]


def _count_not_run(config: pytest.Config) -> int:
    terminal = config.pluginmanager.get_plugin("terminalreporter")
    skipped = terminal.stats.get("skipped", []) if terminal else []
    return sum(NOT_RUN in str(report.longrepr) for report in skipped)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Journeys that did not run are no success, unless ALLOW_NO_BROWSER=1 says so."""
    is_green = exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)
    if is_green and _count_not_run(session.config) and os.environ.get("ALLOW_NO_BROWSER") != "1":
        session.exitstatus = EXIT_NOT_RUN


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say in the closing lines which seeds were drawn, what was played again, and that journeys were left out."""
    for report in (one for group in ("passed", "failed") for one in terminalreporter.stats.get(group, [])):
        for name, value in getattr(report, "user_properties", ()):
            if name in ("seed", "again"):
                terminalreporter.write_line(f"{report.nodeid.rpartition('::')[2]}: {value}")
    missing = _count_not_run(config)
    if missing:
        terminalreporter.write_line(
            f"{NOT_RUN}: {missing} journeys. Set QOSYMSHA_BROWSER, or ALLOW_NO_BROWSER=1 to go on without.", yellow=True
        )
