"""A worker's lines: who is let in is answered in turn, who is not is told so at once, nobody is sent away for less."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import psycopg
import pytest
from django.db import connection

from qosymsha.interfaces.cli.serve import page_server
from qosymsha.interfaces.ui import texts
from qosymsha.interfaces.ui.shedding import Limits, Line, Shedding, busy_page, limits
from qosymsha.runtime.address import django_database
from qosymsha.runtime.processes import wait_until as until

FILING, SEARCH = "/ru/family/apply/0/", "/ru/clubs/"


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for a state, not for a time."""
    assert until(condition, 30)


class Slow:
    """An application that holds whoever came in until the door is opened."""

    def __init__(self) -> None:
        self.door = threading.Event()
        self.inside = self.most = 0
        self.order: list[str] = []
        self._lock = threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        with self._lock:
            self.inside += 1
            self.most = max(self.most, self.inside)
            self.order.append(environ.get("QUERY_STRING", ""))
        assert self.door.wait(30), "the test opens it"
        with self._lock:
            self.inside -= 1
        start_response("200 OK", [])
        return [b"done"]


class Call(threading.Thread):
    """A request in a thread of its own."""

    def __init__(self, server: Shedding, path: str = FILING, method: str = "POST", name: str = "", **more: str) -> None:
        super().__init__(daemon=True)
        self.server, self.status, self.headers, self.body = server, "", dict[str, str](), b""
        self.environ = {"PATH_INFO": path, "REQUEST_METHOD": method, "QUERY_STRING": name, **more}
        self.start()

    def run(self) -> None:
        def start_response(status: str, headers: list[tuple[str, str]]) -> None:
            self.status, self.headers = status, dict(headers)

        self.body = b"".join(self.server(self.environ, start_response))

    def answered(self) -> str:
        """The status, once it is there."""
        self.join(30)
        return self.status[:3]


def pressed(given: Limits) -> tuple[Slow, Shedding, list[Call]]:
    """A server with one request at work and as many waiting as may wait."""
    slow = Slow()
    server = Shedding(slow, given)
    calls = [Call(server, name="0")]
    wait_until(lambda: slow.inside == 1)
    for n in range(1, given.queue + 1):
        calls.append(Call(server, name=str(n)))
        wait_until(lambda n=n: len(server.doing) == n or slow.inside == n + 1)  # type: ignore[misc]
    return slow, server, calls


def test_past_the_line_a_request_is_sent_away_at_once_and_nobody_in_it_is_lost() -> None:
    slow, server, calls = pressed(Limits(places=1, queue=2, patience=60))
    away = Call(server)
    assert away.answered() == "503"
    assert slow.inside == 1
    assert int(away.headers["Retry-After"]) > 0
    assert away.headers["Cache-Control"] == "no-store"
    assert int(away.headers["Content-Length"]) == len(away.body)
    slow.door.set()
    assert [call.answered() for call in calls] == ["200"] * 3
    assert Call(server).answered() == "200"  # and the next one comes in again


def test_control_without_lines_the_same_request_is_let_in() -> None:
    slow, server, calls = pressed(Limits(places=0, queue=2))
    extra = Call(server)
    wait_until(lambda: slow.inside == 4)  # all at once: nothing protects what is behind
    slow.door.set()
    assert [call.answered() for call in [*calls, extra]] == ["200"] * 4


def test_who_waits_longest_comes_first() -> None:
    slow, _, calls = pressed(Limits(places=1, queue=4, patience=60))
    slow.door.set()
    assert [call.answered() for call in calls] == ["200"] * 5
    assert slow.order == ["0", "1", "2", "3", "4"]


def test_within_its_places_and_line_nobody_is_ever_sent_away() -> None:
    slow = Slow()
    slow.door.set()
    server = Shedding(slow, Limits(places=2, queue=60, patience=60))
    assert {call.answered() for call in [Call(server) for _ in range(60)]} == {"200"}
    assert slow.most <= 2


def test_whose_turn_does_not_come_in_time_is_told_and_leaves_the_line() -> None:
    slow = Slow()
    server = Shedding(slow, Limits(places=1, queue=5, patience=0.01))
    first = Call(server)
    wait_until(lambda: slow.inside == 1)
    assert Call(server).answered() == "503"
    assert len(server.doing) == 0
    slow.door.set()
    assert first.answered() == "200"
    assert Call(server).answered() == "200"


def test_a_slow_server_has_a_shorter_line_but_never_less_than_its_least() -> None:
    slow = Slow()
    server = Shedding(slow, Limits(places=1, queue=9, patience=60, least=2))
    server.doing.pace = 1000.0  # a place every quarter of an hour: nobody but the least may wait for that
    calls = [Call(server)]
    wait_until(lambda: slow.inside == 1)
    for n in (1, 2):
        calls.append(Call(server))
        wait_until(lambda n=n: len(server.doing) == n)  # type: ignore[misc]
    assert Call(server).answered() == "503"
    server.doing.pace = 1.0
    calls.append(Call(server))
    wait_until(lambda: len(server.doing) == 3)
    slow.door.set()
    assert [call.answered() for call in calls] == ["200"] * 4


def test_the_pace_is_measured_only_while_somebody_waits() -> None:
    line = Line(Limits(places=1, queue=9))
    for _ in range(3):
        assert line.enter()
        line.leave()
    assert line.pace == 0.0


def a_line_with(monkeypatch: pytest.MonkeyPatch, waiting: int, gaps: Sequence[float]) -> Line:
    """So many wait, after places that became free at such distances, in seconds."""
    line, clock = Line(Limits(places=1)), [0.0]
    monkeypatch.setattr("qosymsha.interfaces.ui.shedding.time.monotonic", lambda: clock[0])
    line._waiting.extend(threading.Lock() for _ in range(waiting))
    line._count()
    for gap in gaps:
        clock[0] += gap
        line._count()
    return line


STOOD_STILL = [*[0.005] * 60, 1.4]


def test_a_moment_in_which_the_disk_stood_still_sends_nobody_away(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not a_line_with(monkeypatch, 150, STOOD_STILL)._is_full()


def test_control_where_one_wait_counts_for_a_pace_it_sends_many_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qosymsha.interfaces.ui.shedding._LEAP", 1e9)
    assert a_line_with(monkeypatch, 33, STOOD_STILL)._is_full()


def test_a_server_that_became_slow_has_a_short_line_within_a_few_dozen_requests(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert a_line_with(monkeypatch, 40, [0.1] * 40)._is_full()


def test_those_who_look_and_those_who_file_do_not_wait_for_each_other() -> None:
    slow, server, calls = pressed(Limits(places=1, queue=1, patience=60))
    looking = Call(server, SEARCH, "GET")
    wait_until(lambda: slow.inside == 2)
    assert Call(server, "/ru/family/", "GET").answered() == "503"  # one's own pages are in the line of those who file
    slow.door.set()
    assert [call.answered() for call in [*calls, looking]] == ["200"] * 3


@pytest.mark.parametrize("path", ["/static/ui/qosymsha.css", "/health/", "/health", "/kk/status/"])
def test_files_health_and_status_have_no_line(path: str) -> None:
    slow, server, calls = pressed(Limits(places=1, queue=1, patience=60))
    exempt = Call(server, path, "GET")
    wait_until(lambda: slow.inside == 2)
    slow.door.set()
    assert [call.answered() for call in [*calls, exempt]] == ["200"] * 3


def test_a_fault_of_the_application_gives_the_place_back() -> None:
    def broken(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        raise RuntimeError("a bug")

    server = Shedding(broken, Limits(places=1, queue=0))
    for _ in range(3):
        with pytest.raises(RuntimeError, match="a bug"):
            server({"PATH_INFO": FILING, "REQUEST_METHOD": "POST"}, lambda *_: None)


@pytest.mark.parametrize(
    ("path", "accepts", "language"),
    [("/en/family/", "ru", "en"), ("/", "de, ru;q=0.9", "ru"), ("/", "", "kk"), ("/xx/", "q", "kk")],
)
def test_the_page_speaks_the_visitors_language(path: str, accepts: str, language: str) -> None:
    server = Shedding(Slow(), Limits(places=1, queue=0))
    assert server.doing.enter()
    assert server.looking.enter()
    away = Call(server, path, "GET", HTTP_ACCEPT_LANGUAGE=accepts)
    assert away.answered() == "503"
    assert away.headers["Content-Language"] == language
    assert texts.say(language, "busy.h1") in away.body.decode()


@pytest.mark.parametrize("language", texts.LANGUAGES)
def test_who_pressed_a_button_is_told_that_the_key_is_kept(language: str) -> None:
    pressed_button, looked = busy_page(language, True).decode(), busy_page(language, False).decode()
    assert texts.say(language, "busy.kept") in pressed_button
    assert 'href=""' in looked
    assert 'href=""' not in pressed_button  # a POST again by a link would be a GET
    assert "<script" not in pressed_button


def test_a_head_has_no_body() -> None:
    server = Shedding(Slow(), Limits(places=1, queue=0))
    assert server.looking.enter()
    away = Call(server, SEARCH, "HEAD")
    assert (away.answered(), away.body) == ("503", b"")


def test_the_server_has_threads_for_both_lines_and_for_sending_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QOSYMSHA_PLACES", "3")
    monkeypatch.setenv("QOSYMSHA_QUEUE", "40")
    given = limits()
    command = page_server("127.0.0.1", 8000, 2, "postgresql:///x")
    threads = int(command.argv[command.argv.index("--blocking-threads") + 1])
    assert threads > 2 * given.places + given.queue + given.looking.queue
    assert int(command.env["QOSYMSHA_POOL"]) >= 2 * given.places


@pytest.mark.django_db
@pytest.mark.parametrize("pool", [0, 4])
def test_every_connection_has_its_time_limits(pool: int) -> None:
    entry = django_database("postgresql:///x", pool)
    kept = connection.get_connection_params()
    address = {k: kept[k] for k in ("dbname", "user", "password", "host", "port") if kept.get(k)}
    with psycopg.connect(**address, options=entry["OPTIONS"]["options"]) as mine:
        found = {
            name: mine.execute(f"SHOW {name}").fetchone()[0]  # type: ignore[index]
            for name in ("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout", "TimeZone")
        }
    assert found["lock_timeout"] == "3s"
    assert found["TimeZone"] == "UTC"
    assert "0" not in (found["statement_timeout"], found["idle_in_transaction_session_timeout"])
    assert ("pool" in entry["OPTIONS"]) == bool(pool)
