"""A node whose clock is wrong by hours or days: deadlines are the database's; old zone data starts no server."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any
from zoneinfo import TZPATH, ZoneInfo

import psycopg
import pytest
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client

from qosymsha.domain.admission.models import Application, Round
from qosymsha.domain.people.models import User
from qosymsha.domain.people.states import Role
from qosymsha.interfaces.cli import starting
from qosymsha.kernel import clock
from qosymsha.runtime.errors import EnvironmentFault
from tests.factories import admission
from tests.interfaces import browsing
from tests.interfaces.test_hot_posts import child_uuid

FAKETIME = shutil.which("faketime")
SOURCE = Path(__file__).resolve().parents[2] / "src"
wrong_clocks = pytest.mark.skipif(
    FAKETIME is None, reason="NOT RUN: faketime is not installed (Debian: apt-get install faketime)"
)
# Who may read the machine's own clock, and why.
OWN_CLOCK = {
    "qosymsha/interfaces/cli/backup.py": "how long copies are kept, in days; works without a database",
    "qosymsha/interfaces/jobs/reaper.py": "the queue's own word for `at once`",
    "qosymsha/interfaces/ui/journal.py": "a log's own stamps",
}
_CLOCKS = {("datetime", "now"), ("datetime", "utcnow"), ("datetime", "today"), ("date", "today"), ("time", "time"),
           ("timezone", "now"), ("time", "time_ns")}  # fmt: skip


class Node:
    """A node of pages under its own clock."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        told = self._heard()
        self.own, self.city = datetime.fromisoformat(told["own"]), datetime.fromisoformat(told["city"])

    def ask(self, method: str, path: str, cookies: dict[str, str], **fields: object) -> dict[str, Any]:
        """The node's answer to a browser's request."""
        asked = {"method": method, "path": path, "cookies": cookies, "fields": {k: str(v) for k, v in fields.items()}}
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        return self._heard()

    def _heard(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        told: dict[str, Any] = json.loads(self._process.stdout.readline())
        return told


@contextmanager
def node(off: str, believes: str = "city") -> Iterator[Node]:
    told = connection.settings_dict
    words = {"host": told["HOST"], "port": str(told["PORT"])}
    url = f"postgresql://{told['USER']}@/{told['NAME']}?{'&'.join(f'{k}={v}' for k, v in words.items() if v)}"
    argv = [str(FAKETIME), "-f", off, sys.executable, "-m", "tests.faults.node"]
    env = os.environ | {"DATABASE_URL": url, "PYTHONPATH": os.pathsep.join(sys.path), "QOSYMSHA_MODE": "test"}
    env |= {"DJANGO_SETTINGS_MODULE": "qosymsha.config.settings", "FAULTS_CLOCK": believes}
    process = subprocess.Popen(argv, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield Node(process)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        process.wait(60)


def _signed_in(guardian_id: int) -> dict[str, str]:
    """The cookies of a guardian who signs in now."""
    client = Client()
    browsing.come_in(client, browsing.guardian_user(guardian_id))
    return {name: one.value for name, one in client.cookies.items()}


def opened() -> tuple[Round, tuple[int, int], str]:
    """A round, a (guardian, child) who may file, the page on which they do."""
    city = admission.City()
    the_round = city.opened()
    family = city.families(1)[0]
    clock.shift_to(the_round.opens_at - timedelta(hours=2))
    browsing.guardian_user(family[0])  # a user by then
    return the_round, family, f"/kk/family/apply/{the_round.uuid}/"


@wrong_clocks
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("off", "hours"), [("+2h", 2), ("-49h", -49)])
def test_a_wrong_clock_opens_no_round_early_closes_none_and_ends_no_visit(off: str, hours: int) -> None:
    the_round, family, page = opened()
    clock.shift_to(admission.INSIDE)
    with node(off) as wrong:
        assert abs(wrong.own - datetime.now(UTC) - timedelta(hours=hours)) < timedelta(minutes=10)
        assert abs(wrong.city - clock.read()) < timedelta(minutes=10)
        form = browsing.form_of(wrong.ask("GET", page, _signed_in(family[0]))["text"])
        fields = form | {"child": child_uuid(family[1]), "kind": "sport"}
        for at in (the_round.opens_at - timedelta(hours=1), the_round.closes_at + timedelta(hours=1)):
            clock.shift_to(at)
            refused = wrong.ask("POST", page, _signed_in(family[0]), **fields)
            assert refused["status"] in (404, 409, 422), refused
            assert Application.objects.count() == 0
        clock.shift_to(admission.INSIDE)
        filed = wrong.ask("POST", page, _signed_in(family[0]), **fields)
        assert (filed["status"], filed["location"].startswith("/kk/family/applications/")) == (302, True), filed
    filed_at = Application.objects.get().submitted_at
    assert abs(filed_at - admission.INSIDE) < timedelta(minutes=10)


@wrong_clocks
@pytest.mark.django_db(transaction=True)
def test_who_signs_in_at_a_node_two_days_behind_stays_signed_in() -> None:
    with node("-49h") as wrong:
        assert home_after_sign_in(wrong) == 200
    with psycopg.connect(**_words()) as line:
        row = line.execute("SELECT clock_timestamp()").fetchone()
    assert row is not None
    (kept,) = [one.expire_date for one in Session.objects.all()]
    assert abs(kept - row[0] - settings.VISIT_LENGTH) < timedelta(minutes=10)


def home_after_sign_in(at: Node) -> int:
    """An official signs in at this node and opens the next page: its status."""
    browsing.official(Role.PAYER, name="demo:payer")
    person = User.objects.get(subject="demo:payer").uuid
    come_in = at.ask("POST", "/kk/sign-in/demo/", {}, person=person)
    assert come_in["status"] == 302
    return int(at.ask("GET", "/kk/office/", come_in["cookies"])["status"])


@wrong_clocks
@pytest.mark.skipif(os.environ.get("WALL") != "whole", reason="by night: make night")
@pytest.mark.django_db(transaction=True)
def test_control_a_node_that_believes_its_own_clock_takes_what_is_late_and_ends_every_visit() -> None:
    the_round, family, page = opened()
    clock.shift_to(the_round.closes_at + timedelta(hours=1))
    with node("-49h", believes="own") as wrong:
        form = browsing.form_of(wrong.ask("GET", page, _signed_in(family[0]))["text"])
        late = wrong.ask("POST", page, _signed_in(family[0]), **form, child=child_uuid(family[1]), kind="sport")
        assert (late["status"], Application.objects.count()) == (302, 1)
        assert home_after_sign_in(wrong) == 302, "sent to the sign-in again"


def _words() -> dict[str, Any]:
    told = connection.get_connection_params()
    return {name: told[name] for name in ("dbname", "user", "password", "host", "port") if told.get(name)}


def own_clocks(source: str) -> list[int]:
    """Lines on which a module asks the machine what time it is."""
    calls = [one for one in ast.walk(ast.parse(source)) if isinstance(one, ast.Call)]
    named = [(one.func, one.lineno) for one in calls if isinstance(one.func, ast.Attribute)]
    return [
        line
        for func, line in named
        if (func.value.id if isinstance(func.value, ast.Name) else getattr(func.value, "attr", ""), func.attr)
        in _CLOCKS
    ]


def test_only_these_ask_the_machine_what_time_it_is() -> None:
    found = {
        str(path.relative_to(SOURCE)): lines
        for path in SOURCE.rglob("*.py")
        if (lines := own_clocks(path.read_text("utf-8")))
    }
    assert {path: lines for path, lines in found.items() if path not in OWN_CLOCK} == {}
    assert own_clocks("import datetime\nx = datetime.datetime.now()\ny = time.time()") == [2, 3]


@pytest.fixture
def old_zones(tmp_path: Path) -> Path:
    """Time-zone data of before March 2024, as far as it concerns us: Almaty is six hours ahead for ever."""
    (tmp_path / "Asia").mkdir()
    old = files("tzdata").joinpath("zoneinfo", "Asia", "Bishkek").read_bytes()
    (tmp_path / "Asia" / "Almaty").write_bytes(old)
    return tmp_path


@pytest.mark.django_db
def test_old_zone_data_starts_no_server(old_zones: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    starting.refuse_unsafe()
    with open(old_zones / "Asia" / "Almaty", "rb") as file:
        monkeypatch.setattr(clock, "ZONE", ZoneInfo.from_file(file, "Asia/Almaty"))
    with pytest.raises(EnvironmentFault, match="renew the time-zone data"):
        starting.refuse_unsafe()


def test_the_library_reads_the_zone_that_is_installed(old_zones: Path) -> None:
    """The plant of the test above is what a machine with old data has."""
    program = (
        "from datetime import UTC, datetime; from zoneinfo import ZoneInfo;"
        " print(datetime(2026, 7, 1, tzinfo=UTC).astimezone(ZoneInfo('Asia/Almaty')).utcoffset())"
    )
    told = {}
    for name, path in (("new", ":".join(TZPATH)), ("old", str(old_zones))):
        env = os.environ | {"PYTHONTZPATH": path}
        done = subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, text=True, check=True)
        told[name] = done.stdout.strip()
    assert told == {"new": "5:00:00", "old": "6:00:00"}


@pytest.mark.django_db
def test_a_city_starts_on_no_server_that_does_not_wait_for_its_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests' own server does not wait: a trial may, a city may not."""
    starting.refuse_unsafe()
    monkeypatch.setattr(settings, "PRODUCTION", True)
    with connection.cursor() as cursor:
        cursor.execute("SHOW fsync")
        (fsync,) = cursor.fetchone()
    if fsync == "on":
        pytest.skip("an outside server that waits for its disk")
    with pytest.raises(EnvironmentFault, match="fsync"):
        starting.refuse_unsafe()
