"""Figures for the operator: they count, name nobody, stand on this machine alone. docs/security/logging.md."""

from __future__ import annotations

import os
import re
import struct
import threading
from contextlib import nullcontext
from dataclasses import replace
from html import unescape
from http.client import HTTPConnection
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from django.test import Client

from qosymsha.domain.insights.queries import machine as machines
from qosymsha.domain.insights.queries.machine import Machine, Trouble
from qosymsha.domain.people.states import Role
from qosymsha.interfaces.cli import metrics
from qosymsha.interfaces.ui import meters, texts
from qosymsha.kernel import clock
from tests.interfaces import browsing

pytestmark = pytest.mark.django_db


@pytest.fixture
def folder(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Meters of this test alone."""
    settings.METERS = str(tmp_path / "meters")
    monkeypatch.setattr(meters, "_mapped", None)
    return tmp_path / "meters"


def value(text: str, line: str) -> float:
    """The figure behind a name with its labels."""
    found = re.search(rf"^{re.escape(line)} (\S+)$", text, re.MULTILINE)
    assert found, f"{line} is missing"
    return float(found[1])


def test_requests_are_counted_by_door_and_kind(folder: Path, client: Client) -> None:
    client.get("/en/status/")
    client.get("/en/none/")
    client.get("/en/family/")
    meters.count_shed()
    text = metrics.metrics()
    assert value(text, 'qosymsha_requests_total{door="public",status="2xx"}') == 1
    assert value(text, 'qosymsha_requests_total{door="public",status="4xx"}') == 1
    assert value(text, 'qosymsha_requests_total{door="family",status="3xx"}') == 1
    assert value(text, "qosymsha_shed_total") == 1
    assert value(text, "qosymsha_request_seconds_count") == 3
    assert value(text, 'qosymsha_request_seconds_bucket{le="+Inf"}') == 3
    assert value(text, "qosymsha_database_up") == 1
    assert value(text, "qosymsha_jobs_stuck") == 0


def test_every_line_is_prometheus_text(folder: Path) -> None:
    line = re.compile(r"# (HELP|TYPE) qosymsha_\w+ .+|qosymsha_\w+(\{(\w+=\"[^\"\\]*\",?)+\})? -?[0-9.e+]+")
    told = metrics.metrics().splitlines()
    assert [one for one in told if not line.fullmatch(one)] == []
    names = [one.split()[2] for one in told if one.startswith("# TYPE")]
    assert len(names) == len(set(names))


def test_many_threads_count_every_request(folder: Path) -> None:
    def count() -> None:
        for _ in range(500):
            meters.count_request("office", 200, 0.001)

    threads = [threading.Thread(target=count) for _ in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert meters.totals()["requests/office/2xx"] == 4_000


def test_processes_are_added_up_and_the_dead_are_forgotten(folder: Path) -> None:
    meters.count_request("office", 200, 0.001)
    numbers = [0] * len(meters.NAMES)
    numbers[meters.NAMES.index("requests/office/2xx")] = 41
    (folder / f"{os.getppid()}.meter").write_bytes(struct.pack(f"<{len(numbers)}Q", *numbers))
    (folder / "999999999.meter").write_bytes(struct.pack(f"<{len(numbers)}Q", *numbers))
    (folder / f"{os.getpid()}0000000.meter").write_bytes(b"of another version")
    assert meters.totals()["requests/office/2xx"] == 42
    assert not (folder / "999999999.meter").exists()


def test_a_full_disk_stops_no_page(folder: Path, client: Client) -> None:
    folder.parent.mkdir(exist_ok=True)
    folder.write_text("a file stands where the folder should be", "utf-8")
    assert client.get("/en/status/").status_code == 200


def test_metrics_stand_on_this_machine_alone(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The port is bound to 127.0.0.1, answers /metrics by GET, and nothing else."""
    monkeypatch.setattr(metrics, "metrics", lambda: "qosymsha_database_up 1\n")
    with ThreadingHTTPServer((metrics.LOCAL, 0), metrics.Metrics) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        assert server.server_address[0] == "127.0.0.1"
        answers = {}
        for method, path in (("GET", "/metrics"), ("GET", "/"), ("POST", "/metrics"), ("GET", "/metrics?")):
            asking = HTTPConnection("127.0.0.1", server.server_address[1], timeout=10)
            asking.request(method, path)
            answer = asking.getresponse()
            answers[method, path] = answer.status
            told = str(answer.headers) + answer.read().decode()
            assert "Python" not in told
            asking.close()
        server.shutdown()
        thread.join()
    assert answers == {
        ("GET", "/metrics"): 200,
        ("GET", "/"): 404,
        ("POST", "/metrics"): 501,
        ("GET", "/metrics?"): 404,
    }


def test_the_verb_prints_them_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "database", lambda **_: nullcontext())
    said = CliRunner().invoke(metrics.command, ["--once"], standalone_mode=False)
    assert said.return_value == 0
    assert "qosymsha_database_up 1" in said.output


def fine() -> Machine:
    """A machine that nobody needs to look at."""
    at = clock.read()
    return Machine(0, 0, 0, at, 0, 0, clock.local_day(at), 0, 1, 3, 100, False, 0, 1, at)


ILLS: dict[Trouble, dict[str, Any]] = {
    Trouble.JOBS_SILENT: {"jobs_at": None},
    Trouble.JOBS_LATE: {"jobs_waiting": 1_000},
    Trouble.JOBS_STUCK: {"jobs_stuck": 1},
    Trouble.JOBS_FAILED: {"jobs_failed": 1},
    Trouble.NEWS_LATE: {"news_unread": 1_000_000},
    Trouble.AUDIT_LATE: {"events_unlinked": 1_000_000},
    Trouble.MONEY_DIFFERS: {"money_differences": 1},
    Trouble.MONEY_UNSEALED: {"money_day": None},
    Trouble.CONNECTIONS_FEW: {"connections": 99},
}


def test_each_trouble_is_named_and_nothing_else() -> None:
    whole = fine()
    assert machines.troubles(whole, whole.at) == []
    assert machines.troubles(whole, None) == [Trouble.CHECKS_SILENT]
    for trouble, ill in ILLS.items():
        assert machines.troubles(replace(whole, **ill), whole.at) == [trouble]
    assert set(ILLS) | {Trouble.CHECKS_SILENT} == set(Trouble)


def test_the_machine_is_read_in_one_statement(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        stands = machines.machine()
    assert stands.connections >= 1
    assert stands.money_day is None


@pytest.mark.parametrize("language", texts.LANGUAGES)
def test_the_office_reads_in_words_what_is_wrong_and_what_to_do(
    language: str, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    browsing.come_in(client, browsing.official(Role.OPERATOR))
    page = unescape(client.get(f"/{language}/office/checks/").content.decode())
    for trouble in (Trouble.JOBS_SILENT, Trouble.CHECKS_SILENT):
        assert texts.say(language, f"office.machine.{trouble}") in page
        assert texts.say(language, f"office.machine.{trouble}.do") in page
    assert texts.say(language, f"office.machine.{Trouble.MONEY_DIFFERS}") not in page
    monkeypatch.setattr(machines, "machine", fine)
    page = unescape(client.get(f"/{language}/office/checks/").content.decode())
    assert texts.say(language, f"office.machine.{Trouble.JOBS_SILENT}") not in page, "the control: jobs run"
