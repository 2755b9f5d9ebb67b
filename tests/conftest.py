"""What all tests share: the database server, the browser, and the rule that journeys left out are not green."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from qosymsha.runtime.postgres import Server, running
from tests.browser import find_browser
from tests.early import STATE
from tests.flush import install as install_flush

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
    with running(Path(os.environ[STATE]), durable=False) as server:
        yield server


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None, database_server: Server | None
) -> None:
    """Have the server running before pytest-django makes its databases; tests without a database never start it."""
    install_flush()


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
    """Say in the closing lines which seeds were drawn, and that journeys were left out."""
    for report in (one for group in ("passed", "failed") for one in terminalreporter.stats.get(group, [])):
        for name, value in getattr(report, "user_properties", ()):
            if name == "seed":
                terminalreporter.write_line(f"{report.nodeid.rpartition('::')[2]}: {value}")
    missing = _count_not_run(config)
    if missing:
        terminalreporter.write_line(
            f"{NOT_RUN}: {missing} journeys. Set QOSYMSHA_BROWSER, or ALLOW_NO_BROWSER=1 to go on without.", yellow=True
        )
