"""What every answer of the house bears, and never bears. ASVS V3, V4, V13; docs/security/tls.md."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from html import unescape
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest
from django.http import HttpResponse
from django.test import Client, RequestFactory

from qosymsha.domain.people.models import User
from qosymsha.domain.people.states import Role
from qosymsha.interfaces.ui import headers, sessions, texts, uploads
from qosymsha.interfaces.ui.shedding import Limits, Shedding
from tests.architecture.house import ROOT
from tests.interfaces import browsing

pytestmark = pytest.mark.django_db
KINDS = {
    "page": "/kk/",
    "redirect": "/",
    "status": "/kk/status/",
    "unknown": "/kk/none/",
    "sign-in": "/kk/sign-in/",
    "signed": "/kk/office/",
    "file": "/static/ui/qosymsha.css",
    "no file": "/static/none.css",
    "text": "/audit/checkpoint.txt",
    "fault": "/ru/",
}


@pytest.fixture
def answers(client: Client, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """One answer of each kind, a fault of ours and a shed one among them."""
    browsing.come_in(client, browsing.official(Role.PAYER))
    client.raise_request_exception = False
    found = {name: client.get(address) for name, address in KINDS.items() if name != "fault"}
    monkeypatch.setattr("qosymsha.interfaces.public.views.landing", lambda _: 1 / 0)
    found["fault"] = client.get(KINDS["fault"])
    found["busy"] = sent_away()
    assert (found["fault"].status_code, found["busy"].status_code) == (500, 503)
    return found


def sent_away() -> HttpResponse:
    """The answer of a line without places."""
    told: list[Any] = []
    server = Shedding(lambda *_: [b""], Limits(places=1, queue=0, least=0))
    server.doing._taken = 1
    environ = {"REQUEST_METHOD": "POST", "PATH_INFO": "/kk/family/"}
    body = b"".join(server(environ, lambda status, given: told.extend([status, given])))
    return HttpResponse(body, status=int(told[0][:3]), headers=dict(told[1]))


def lacking(answers: dict[str, Any], name: str, words: str) -> dict[str, str]:
    """The kinds whose header does not hold these words."""
    return {kind: one.headers.get(name, "") for kind, one in answers.items() if words not in one.headers.get(name, "")}


@pytest.mark.parametrize("after", ["5~2026-W36-1", "5~20260901", "5~nonsense", "9" * 17 + "~2026-09-01"])
def test_a_place_in_a_list_is_written_as_the_database_reads_it(client: Client, after: str) -> None:
    """Python reads more days than PostgreSQL does: found by the fuzzer (decision 0060)."""
    assert client.get("/en/clubs/", {"sort": "soon", "after": after}).status_code == 200


@pytest.mark.parametrize("body", ['{"key": "\\u0000"}', "[" * 200_000, '{"key": Infinity}', '"\\ud83d"'])
def test_a_body_that_no_row_can_hold_is_a_bad_request(client: Client, body: str) -> None:
    browsing.come_in(client, browsing.official(Role.TEACHER), strong=True)
    assert client.post("/en/provider/lessons/sync/", body, content_type="application/json").status_code == 400


def test_every_answer_bears_its_headers(answers: dict[str, Any]) -> None:
    assert lacking(answers, "X-Content-Type-Options", "nosniff") == {}
    assert lacking(answers, "Cross-Origin-Resource-Policy", "same-origin") == {}
    assert lacking(answers, "Permissions-Policy", "camera=()") == {}
    made = {kind: one for kind, one in answers.items() if kind != "file"}  # whitenoise's own answer: a stylesheet
    assert lacking(made, "Referrer-Policy", "same-origin") == {}
    for words in ("default-src 'none'", "base-uri 'none'"):
        assert lacking(made, "Content-Security-Policy", words) == {}
    by_django = {kind: one for kind, one in made.items() if kind != "busy"}
    for words in ("object-src 'none'", "frame-ancestors 'none'", "script-src 'self'"):
        assert lacking(by_django, "Content-Security-Policy", words) == {}
    pages = {kind: one for kind, one in by_django.items() if "html" in one.headers.get("Content-Type", "")}
    assert lacking(pages, "Cross-Origin-Opener-Policy", "same-origin") == {}
    assert len(pages) >= 5


def test_without_the_middleware_the_headers_are_missed(answers: dict[str, Any], client: Client, settings: Any) -> None:
    """The control run."""
    settings.MIDDLEWARE = [one for one in settings.MIDDLEWARE if "headers" not in one and "csp" not in one]
    bare = {"bare": Client().get("/kk/status/")}
    assert lacking(bare, "Permissions-Policy", "camera=()")
    assert lacking(bare, "Content-Security-Policy", "default-src")


def test_tls_is_kept_once_the_address_is_https(client: Client, settings: Any) -> None:
    settings.PUBLIC_ADDRESS = "https://vouchers.example"
    said = client.get("/kk/status/").headers["Strict-Transport-Security"]
    assert int(re.findall(r"max-age=([0-9]+)", said)[0]) >= headers.YEAR_SECONDS
    assert "includeSubDomains" in said
    assert sent_away().headers["Strict-Transport-Security"] == said
    settings.PUBLIC_ADDRESS = ""
    assert "Strict-Transport-Security" not in client.get("/kk/status/").headers, "the control: a trial on http"


def readable_elsewhere() -> list[str]:
    """Addresses whose answer tells another site's script that it may read it."""
    told = {address: Client().get(address, headers={"origin": "https://evil.example"}) for address in KINDS.values()}
    return [address for address, answer in told.items() if any("Access-Control-" in name for name in answer.headers)]


def test_no_other_site_may_read_an_answer(settings: Any) -> None:
    assert readable_elsewhere() == []
    settings.WHITENOISE_ALLOW_ALL_ORIGINS = True  # the control
    assert readable_elsewhere() == [KINDS["file"]]


def test_a_text_names_its_letters(answers: dict[str, Any]) -> None:
    kinds = {kind: one.headers.get("Content-Type", "") for kind, one in answers.items() if one.status_code != 302}
    assert {kind: said for kind, said in kinds.items() if not said} == {}
    assert {kind: said for kind, said in kinds.items() if said.startswith("text/") and "charset" not in said} == {}


def test_nothing_is_redirected_to_tls_by_the_house(client: Client, settings: Any) -> None:
    settings.PUBLIC_ADDRESS = "https://vouchers.example"
    assert client.get("/kk/status/").status_code == 200
    assert client.post("/kk/sign-in/demo/").status_code != 301
    assert not settings.SECURE_SSL_REDIRECT


def test_headers_of_a_proxy_are_not_believed(settings: Any) -> None:
    """No decision rests on what a visitor can write."""
    assert settings.SECURE_PROXY_SSL_HEADER is None
    assert not settings.USE_X_FORWARDED_HOST
    assert not settings.USE_X_FORWARDED_PORT
    forged = {
        f"HTTP_X_{name}": "10.0.0.1" for name in ("FORWARDED_FOR", "REAL_IP", "FORWARDED_HOST", "FORWARDED_PROTO")
    }
    request = RequestFactory().get("/kk/", REMOTE_ADDR="192.0.2.7", **forged)
    assert request.META["REMOTE_ADDR"] == "192.0.2.7"
    assert not request.is_secure()
    assert request.get_host() == "testserver"
    texts = [path.read_text("utf-8") for path in (ROOT / "src" / "qosymsha" / "interfaces").rglob("*.py")]
    assert [text[:80] for text in texts if re.search(r"X[-_]FORWARDED|X[-_]REAL", text, re.IGNORECASE)] == []


def test_no_folder_is_listed_and_no_source_is_served(client: Client) -> None:
    for address in (
        *("/static/", "/static/ui/", "/.git/config", "/.env", "/static/../.git/config", "/metrics", "/admin/"),
        *(
            "/pyproject.toml",
            "/static/%2e%2e/config/settings.py",
            "/debug/",
            "/docs/",
            "/openapi.json",
            "/server-status",
        ),
        *("/static/ui/base.html", "/static/settings.py", "/static/ui/qosymsha.css.bak", "/static/ui/texts/en.json"),
    ):
        assert client.get(address).status_code == 404, address
    assert client.get("/static/ui/qosymsha.css").status_code == 200, "the control: the house's own files are served"


def test_no_answer_tells_what_runs_below(answers: dict[str, Any]) -> None:
    names = re.compile(r"(?i)django|python|granian|postgres|whitenoise|x-powered-by|\"server\"")
    assert names.findall(json.dumps([dict(one.headers) for one in answers.values()])) == []
    assert names.findall(json.dumps(dict(HttpResponse(headers={"Server": "x"}).headers))), "the control"


# What a production's process says of itself; in a process of its own, since settings are read once.
_ASK = """
import json, django
django.setup()
from django.conf import settings as s
from qosymsha.interfaces.ui import carried
from qosymsha.interfaces.signin import asked
from qosymsha.interfaces.family import installation
print(json.dumps({
    "debug": s.DEBUG, "mode": s.MODE, "keys": [len(s.SECRET_KEYS), len(s.LOOKUP_KEY), len(s.CHECKPOINT_KEY)],
    "strength": [s.TWO_FACTORS, s.APP_CODE_BEFORE, s.RSA_BITS, len(s.PAYMENT_KEY)],
    "secure": [s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE, s.SESSION_COOKIE_HTTPONLY, s.CSRF_COOKIE_HTTPONLY],
    "site": [s.SESSION_COOKIE_SAMESITE, s.CSRF_COOKIE_SAMESITE],
    "names": [s.SESSION_COOKIE_NAME, s.CSRF_COOKIE_NAME, carried._COOKIE, asked._name(), installation._name()],
    "synthetic": s.SYNTHETIC_PEOPLE_ALLOWED, "adapters": s.ADAPTERS, "journal": s.JOURNAL,
    "apps": [a for a in s.INSTALLED_APPS if "debug" in a or "admin" in a],
}))
"""


@pytest.fixture(scope="module")
def production() -> dict[str, Any]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("QOSYMSHA_")}
    ran = subprocess.run(
        [sys.executable, "-c", _ASK],
        env=env
        | {
            "QOSYMSHA_MODE": "production",
            "DJANGO_SETTINGS_MODULE": "qosymsha.config.settings",
            "PYTHONPATH": str(ROOT / "src"),
        },
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


def test_cookies_of_a_production_are_this_hosts_own(production: dict[str, Any]) -> None:
    assert [name for name in production["names"] if not name.startswith("__Host-")] == []
    assert production["secure"] == [True] * 4
    assert set(production["site"]) == {"Lax"}


def test_every_cookie_is_known(client: Client, settings: Any) -> None:
    """A new cookie must be asked about above; each is for the whole host and for no other."""
    found = subprocess.run(
        ["grep", "-rlE", r"\.set_cookie\(|\.set_signed_cookie\(", str(ROOT / "src" / "qosymsha"), "--include=*.py"],
        capture_output=True, text=True, check=False,
    ).stdout.splitlines()  # fmt: skip
    assert {name.rpartition("/")[2] for name in found} == {"carried.py", "keys.py", "asked.py", "installation.py"}
    settings.SESSION_COOKIE_SECURE = True
    browsing.come_in(client, browsing.official(Role.PAYER))
    key = str(uuid4())
    said = client.post("/en/office/preferences/", {"key": key, "kept": "1"})
    jar: SimpleCookie = said.cookies
    assert {one["path"] for one in jar.values()} <= {"/"}
    assert {one["domain"] for one in jar.values()} <= {""}


def test_a_production_brings_its_own_keys(production: dict[str, Any]) -> None:
    """Nothing of the trial's: no fixed key, no fake, no invented people, no debugging."""
    assert (production["mode"], production["debug"], production["synthetic"]) == ("production", False, False)
    assert production["keys"] == [0, 0, 0]
    assert set(production["adapters"].values()) <= {""}
    assert production["apps"] == []
    assert production["journal"] == "json"


def test_a_production_makes_no_exception_by_itself(production: dict[str, Any]) -> None:
    """Two factors of everybody, an app's code for its half minute, RSA from 3072 bits, no key of the trial's."""
    assert production["strength"] == ["everybody", False, 3072, 0]


def test_a_visits_name_cannot_be_guessed() -> None:
    store = sessions.SessionStore()
    names = {store._get_new_session_key() for _ in range(200)}
    letters = len(sessions._LETTERS)
    assert len(names) == 200
    assert all(len(name) >= sessions._RANDOM for name in names)
    assert letters**sessions._RANDOM >= 2**128


def test_a_download_bears_a_name_of_ours() -> None:
    paper = type("Paper", (), {"uuid": uuid4(), "media_type": "application/pdf"})()
    answer = uploads.download(paper, b"%PDF-1.4")  # type: ignore[arg-type]
    assert re.fullmatch(r'attachment; filename="paper-[0-9a-f]{8}\.pdf"', answer.headers["Content-Disposition"])
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_every_signed_page_offers_the_way_out() -> None:
    for role, address in (
        (Role.PAYER, "/en/office/"),
        (Role.OPERATOR, "/en/office/staff/"),
        (Role.PAYER, "/en/security/"),
    ):
        client = browsing.come_in(Client(), browsing.official(role, name=f"out:{address}"), strong=True)
        assert 'action="/en/sign-out/"' in client.get(address).content.decode(), address


def test_leaving_empties_the_browsers_cache() -> None:
    client = browsing.come_in(Client(), browsing.official(Role.PAYER))
    answer = client.post("/en/sign-out/")
    assert answer.headers["Clear-Site-Data"] == '"cache"'
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_parameter_counts_from_its_own_place() -> None:
    """A word in the address is none of the form: a key of a query sends nothing."""
    browsing.official(Role.PAYER, name="demo:payer")
    person = {"person": str(User.objects.get(subject="demo:payer").uuid)}
    assert "visit" not in Client().post(f"/en/sign-in/demo/?{urlencode(person)}").cookies
    assert "visit" in Client().post("/en/sign-in/demo/", person).cookies, "the control: in the form it counts"
    merged = re.compile(r"request\.(REQUEST|GET\s*\|\s*request\.POST)")
    assert [p.name for p in (ROOT / "src").rglob("*.py") if merged.search(p.read_text("utf-8"))] == []


@pytest.mark.parametrize("language", texts.LANGUAGES)
def test_who_is_offered_a_code_by_phone_is_told_its_risk(language: str) -> None:
    client = browsing.come_in(Client(), browsing.official(Role.PAYER))
    page = unescape(client.get(f"/{language}/step-up/").content.decode())
    assert texts.say(language, "step.send") in page
    assert texts.say(language, "step.code_risk") in page
