"""The journal: a line for each request and duty, without a word of a person. ASVS V16; docs/security/logging.md."""

from __future__ import annotations

import io
import json
import logging
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db.backends.utils import CursorWrapper
from django.test import Client

from qosymsha.domain.people.states import Role
from qosymsha.interfaces.ui import journal
from qosymsha.kernel.models import AuditEvent
from tests.interfaces import browsing

pytestmark = pytest.mark.django_db
CANARY = "Канарейка"


class Lines:
    """What was written, line by line."""

    def __init__(self) -> None:
        self.out = io.StringIO()

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter([json.loads(line) for line in self.out.getvalue().splitlines()])

    @property
    def requests(self) -> list[dict[str, Any]]:
        """Lines of requests."""
        return [line for line in self if line["says"] == "request"]


@pytest.fixture
def lines() -> Iterator[Lines]:
    """The root logger as production has it, all levels heard."""
    heard = Lines()
    handler = logging.StreamHandler(heard.out)
    handler.setFormatter(journal.JsonLines())
    root, level = logging.getLogger(), logging.getLogger().level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield heard
    root.removeHandler(handler)
    root.setLevel(level)


def test_a_line_says_when_where_who_and_what(client: Client, lines: Lines) -> None:
    user = browsing.official(Role.PAYER)
    browsing.come_in(client, user)
    assert client.get("/en/office/").status_code == 200
    (line,) = lines.requests
    assert (line["door"], line["action"], line["method"], line["status"]) == ("office", "office-home", "GET", 200)
    assert (line["user"], line["level"]) == (user, "info")
    assert re.fullmatch(r"[0-9a-f]{16}", line["trace"])
    assert line["build"]
    at = datetime.fromisoformat(line["at"])
    assert at.utcoffset() == timedelta(0)
    assert abs(datetime.now(UTC) - at) < timedelta(minutes=1)
    assert line["ms"] > 0


def test_who_is_refused_leaves_a_line(client: Client, lines: Lines) -> None:
    """A missing right, a foreign form, a request that cannot be read: warnings with page and account."""
    payer = browsing.official(Role.PAYER)
    browsing.come_in(client, payer, strong=True)
    assert client.get("/en/family/").status_code == 403
    assert client.post("/en/office/claims/release/", {"key": "x" * 3_000_000}).status_code == 400
    strict = browsing.come_in(Client(enforce_csrf_checks=True), payer)
    assert strict.post("/en/office/claims/release/", {"key": "x"}).status_code == 403
    told = [(line["status"], line["level"], line["door"]) for line in lines.requests]
    assert told == [(403, "warning", "family"), (400, "warning", "office"), (403, "warning", "office")]
    assert lines.requests[0]["user"] == payer  # the others were refused before anybody asked who they are


def test_a_fault_is_told_by_its_kind_and_place(client: Client, lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not by its words, which may repeat what somebody typed; the answer bears the id, the page says nothing of it."""

    def fail(_: object) -> None:
        raise ValueError(CANARY)

    monkeypatch.setattr("qosymsha.interfaces.public.views.landing", fail)
    client.raise_request_exception = False
    answer = client.get("/ru/")
    (fault,) = [line for line in lines if "fault" in line]
    assert fault["fault"] == "ValueError"
    assert fault["where"][-1].startswith("test_journal.py:")
    assert fault["where"][-1].endswith(" fail")
    (line,) = lines.requests
    assert (line["status"], line["level"], line["trace"]) == (500, "error", fault["trace"])
    assert answer.headers["X-Trace"] == fault["trace"]
    assert CANARY not in lines.out.getvalue() + answer.content.decode()


def test_no_word_of_a_person_reaches_a_line(client: Client, lines: Lines) -> None:
    """Typed into an address, a query, a form, a header; the words of other libraries' messages are left out too."""
    client.raise_request_exception = False
    client.get(f"/ru/clubs/?q={CANARY}", headers={"user-agent": CANARY, "referer": f"http://x/{CANARY}"})
    client.get(f"/ru/{CANARY}/")
    client.post(f"/ru/sign-in/demo/?{CANARY}", {"person": CANARY, CANARY: "1"})
    logging.getLogger("django.request").warning("Not Found: %s", f"/{CANARY}")
    logging.getLogger("psycopg").error("DETAIL: %s", CANARY)
    told = lines.out.getvalue()
    assert CANARY not in told
    assert json.dumps(CANARY)[1:-1] not in told
    assert any(line["says"] == "Not Found: %s" for line in lines)
    assert len(lines.requests) == 3


def test_the_words_of_others_would_be_written_without_the_rule(
    client: Client, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control run: everybody's words counted as ours."""
    monkeypatch.setattr(journal, "_OURS", "")
    logging.getLogger("django.request").warning("Not Found: %s", f"/{CANARY}")
    assert json.dumps(CANARY)[1:-1] in lines.out.getvalue()


def test_nobody_writes_a_line_of_their_own(client: Client, lines: Lines) -> None:
    logging.getLogger("qosymsha.planted").warning('x\n{"level":"info","says":"planted"}\r\n\u2028\x1b[31m')
    client.generic("EVIL\nX", "/ru/clubs/")
    whole = lines.out.getvalue()
    assert [line for line in whole.splitlines() if not line.startswith('{"at":')] == []
    assert 'planted"}' not in [line["says"] for line in lines]
    assert "\x1b" not in whole
    assert lines.requests[-1]["method"] == "OTHER"


def test_one_id_leads_from_the_line_to_the_row_and_to_the_statement(
    client: Client, lines: Lines, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The trace: the journal, the row of who read, a statement as the server sees it."""
    settings.TRACE_SQL = True
    statements: list[str] = []

    def heard(cursor: Any, sql: Any, *rest: Any) -> Any:
        statements.append(str(sql))
        return sends(cursor, sql, *rest)

    sends = CursorWrapper._execute
    browsing.come_in(client, browsing.official(Role.AUDITOR))
    monkeypatch.setattr(CursorWrapper, "_execute", heard)
    client.get("/en/office/")
    monkeypatch.undo()
    (line,) = lines.requests
    marked = [one for one in statements if f"/* trace {line['trace']} */" in one]
    assert len(marked) >= 2
    assert journal.trace_id() == ""
    assert AuditEvent.objects.filter(detail__request__isnull=False).exclude(
        detail__request=line["trace"]
    ).count() == 0  # fmt: skip


def test_a_duty_leaves_a_line_done_or_failed(lines: Lines) -> None:
    with journal.duty("count_figures"):
        assert journal.trace_id()
    with pytest.raises(RuntimeError), journal.duty("count_figures"):
        raise RuntimeError(CANARY)
    told = [(line["door"], line["action"], line["ended"], line["level"]) for line in lines if line["says"] == "duty"]
    assert told == [("jobs", "count_figures", "done", "info"), ("jobs", "count_figures", "failed", "error")]
    assert CANARY not in lines.out.getvalue()


@pytest.mark.parametrize(
    ("path", "door"),
    [
        ("/", "public"), ("/kk/", "public"), ("/kk/family/x/", "family"), ("/en/office/", "office"),
        ("/ru/sign-in/", "signin"), ("/health/", "health"), ("/static/x.css", "static"), ("/x/family/", "public"),
        ("", "public"), ("/V/ABC", "public"),
    ],
)  # fmt: skip
def test_a_door_is_known_by_the_first_words_of_its_address(path: str, door: str) -> None:
    assert journal.door_of(path) == door


def test_files_and_the_proxys_questions_write_no_line(client: Client, lines: Lines) -> None:
    client.get("/static/ui/qosymsha.css")
    assert lines.requests == []
    client.get("/static/none.css")
    assert [line["status"] for line in lines.requests] == [404]
