"""Every operation of every door, asked with what no form would send: which of them breaks.

An operation is an address of the URL table with a method. Its parameters are the places of the address, the words of
the query that the pages' own links use, and the fields of the forms that pages show for it. A case begins with what a
person would send and changes some of it. docs/decisions/0057-fuzzing-pages.md; 0061 adds an OpenAPI tool
beside it.
"""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from html import unescape
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from tests.architecture.test_wall import PLACE, thing_of
from tests.factories import wall

NASTY = (
    "", " ", "\x00", "x\x00y", "a" * 6_000, "²", "٣", "１２", "-1", "0", "1e309", "NaN", "-0", "9" * 40, "0x10", "1_0",
    "2026-02-30", "0000-00-00", "9999-12-31", "10000-01-01", "0001-01-01", "25:61", "2026-13", "2026-11-22T10:00",
    "'; DROP TABLE child; --", "%s%n{0}{x}", "{{7*7}}", "<script>x</script>", "../../../etc/passwd", "\u202eabc",
    "😀" * 300, "İ", "ß", "true", "null", "[]", "{}", "00000000-0000-4000-8000-000000000007", "850612700013", "\ufeff",
    "\r\nX-Planted: 1", "http://169.254.169.254/", "//evil.example/", "None", "on", "1,1", "1;2", "KZ00", "2026",
)  # fmt: skip
QUERY = ("q", "page", "p", "y", "year", "month", "day", "state", "sort", "next", "kind", "after", "from", "c", "x")
# 503: the identity provider or a register is not there in tests.
GOOD = frozenset({200, 206, 301, 302, 303, 304, 400, 403, 404, 405, 409, 410, 411, 413, 415, 416, 422, 429, 503})


@dataclass(frozen=True, slots=True)
class Case:
    """One request; `fields` in the order in which they are sent, a name may come twice."""

    method: str
    path: str
    fields: tuple[tuple[str, str], ...] = ()
    file: str = ""

    def __str__(self) -> str:
        short = [(name, value if len(value) < 60 else f"{value[:20]}…×{len(value)}") for name, value in self.fields]
        return f"{self.method} {self.path[:200]} {short} {self.file}"


@dataclass(frozen=True, slots=True)
class Broken:
    """A case whose answer is no answer of ours."""

    operation: str
    role: str
    case: Case
    status: int
    fault: str


class Forms(HTMLParser):
    """The forms of a page: (action, method) → its fields with the values a person would send, and which take files."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, str, dict[str, list[str]], set[str]]] = []
        self.links: list[str] = []
        self._select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Remember forms, fields, links."""
        given = {name: value or "" for name, value in attrs}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if tag == "form":
            self.found.append((given.get("action", ""), given.get("method", "get").upper(), defaultdict(list), set()))
        if not self.found:
            return
        fields, files = self.found[-1][2], self.found[-1][3]
        name = given.get("name", "")
        if tag == "select":
            self._select = name
            fields.setdefault(name, [])
        elif tag == "option" and self._select:
            fields[self._select].append(given.get("value", ""))
        elif tag in ("input", "textarea", "button") and name:
            fields[name].append(given.get("value", ""))
            if given.get("type") == "file":
                files.add(name)

    def handle_endtag(self, tag: str) -> None:
        """A list of choices ends."""
        if tag == "select":
            self._select = ""


@dataclass
class Known:
    """What the pages told: forms by address, words of queries by address."""

    forms: dict[str, list[tuple[dict[str, list[str]], set[str]]]] = field(default_factory=lambda: defaultdict(list))
    words: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def hear(self, path: str, body: str) -> None:
        """Take a page in."""
        page = Forms()
        page.feed(body)
        for action, method, fields, files in page.found:
            where = urlsplit(unescape(action)).path or path
            if method == "POST":
                self.forms[where].append((fields, files))
            else:
                self.words[where] |= set(fields)
        for link in page.links:
            parts = urlsplit(unescape(link))
            self.words[parts.path or path] |= {name for name, _ in parse_qsl(parts.query, keep_blank_values=True)}


@dataclass
class Fuzzer:
    """Asks, and keeps what broke."""

    here: wall.Wall
    seed: int
    known: Known = field(default_factory=Known)
    broken: list[Broken] = field(default_factory=list)
    asked: int = 0
    statuses: dict[int, int] = field(default_factory=lambda: defaultdict(int))

    def learn(self, views: Mapping[str, Any]) -> None:
        """Look at every page as its owner, so that forms and queries are known."""
        for address, view in views.items():
            for role in sorted(set(view.roles.get("GET", ()))):
                path, client = self._place(address, role)
                if client is not None:
                    self.ask(f"GET {address}", role, client, Case("GET", path))
                    break

    def fuzz(self, address: str, view: Any, roles: Iterable[str], cases: int) -> None:
        """`cases` of each method of an address, shared over these roles."""
        for method in sorted(set(view.roles) - {"HEAD"}):
            people = [role for role in sorted(set(view.roles[method])) if role in set(roles)]
            for n in range(cases):
                if not people:
                    break
                role = people[n % len(people)]
                path, client = self._place(address, role)
                if client is None:
                    continue
                chance = random.Random(f"{self.seed} {method} {address} {role} {n}")  # noqa: S311 - played again
                self.ask(f"{method} {address}", role, client, self.case(chance, method, address, path))

    def case(self, chance: random.Random, method: str, address: str, path: str) -> Case:
        """A case of this operation."""
        if chance.random() < 0.2:
            path = bent(chance, address, path)
        if method == "GET":
            words = sorted({*self.known.words.get(path, ()), chance.choice(QUERY)})
            picked = chance.sample(words, min(len(words), chance.randint(1, 3)))
            query = [(word, chance.choice(NASTY)) for word in picked]
            return Case("GET", f"{path}?{urlencode(query)}")
        forms = self.known.forms.get(path) or [({"key": [""]}, set())]
        fields, files = chance.choice(forms)
        sent = [(name, chance.choice(values) if values else "") for name, values in fields.items() if name not in files]
        return Case("POST", path, tuple(spoiled(chance, sent)), chance.choice(sorted(files)) if files else "")

    def ask(self, operation: str, role: str, client: Client, case: Case) -> None:
        """One request that leaves nothing behind; what is no answer of ours is kept."""
        self.asked += 1
        with wall.undone(client):
            answer = send(client, case)
            body = b"".join(answer.streaming_content) if answer.streaming else answer.content
        self.statuses[answer.status_code] += 1
        fault = getattr(answer, "exc_info", None)
        if answer.status_code not in GOOD:
            self.broken.append(Broken(operation, role, case, answer.status_code, told(fault)))
        elif answer.headers.get("Content-Type", "").startswith("text/html"):
            self.known.hear(case.path.partition("?")[0], body.decode("utf-8", "replace"))

    def _place(self, address: str, role: str) -> tuple[str, Client | None]:
        known, _, whose, _, missing = thing_of(self.here, address)
        if missing:
            return "", None
        own = "own" if role in wall.owners(address) else "foreign"
        return f"/en/{known}", self.here.client(role, own, whose) or self.here.client(role, "foreign", whose)


def send(client: Client, case: Case) -> Any:
    """The request of a case."""
    if case.method == "GET":
        return client.get(case.path)
    if case.file:
        content = SimpleUploadedFile("x.pdf", b"%PDF-1.4\n" + case.path.encode()[:50], "application/pdf")
        return client.post(case.path, {**dict(case.fields), case.file: content})
    body = urlencode(case.fields)
    return client.generic(case.method, case.path, body, content_type="application/x-www-form-urlencoded")


def spoiled(chance: random.Random, sent: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """What a person would send, with some of it bent, left out, twice or invented; the page's key mostly stands."""
    key = "00000000-0000-4000-8000-0000000000aa"
    fields = [(name, key if name == "key" and chance.random() < 0.95 else value) for name, value in sent]
    free = [n for n, (name, _) in enumerate(fields) if name not in ("key", "csrfmiddlewaretoken")]
    for n in chance.sample(free, min(len(free), chance.randint(1, 3))):
        name, value = fields[n]
        fields[n] = (name, chance.choice((*NASTY, value, f"{value}x", value * 3)))
    if free and chance.random() < 0.2:
        fields.pop(chance.choice(free))
    if chance.random() < 0.2:
        fields.append((chance.choice([name for name, _ in fields] or ["x"]), chance.choice(NASTY)))
    return fields


def bent(chance: random.Random, address: str, path: str) -> str:
    """The path with something else in one of its places, of the kind that the place takes."""
    places = PLACE.findall(address)
    if not places:
        return path
    converter, name = chance.choice(places)
    odd = {
        "uuid": ["00000000-0000-4000-8000-000000000007", "ffffffff-ffff-ffff-ffff-ffffffffffff"],
        "int": ["0", "7", "9" * 18, "9" * 30],
    }.get(converter, ["x", "²", "0", "9999", "2026-02-30", "%00", "a" * 300, "..", "%F0%9F%98%80"])
    pattern = re.sub(r"<(?:\w+:)?(\w+)>", r"(?P<\1>[^/]+?)", f"/en/{address}")
    fits = re.fullmatch(pattern, path)
    if fits is None:
        return path
    begin, end = fits.span(name)
    value = chance.choice(odd)
    return path[:begin] + (value if "%" in value else quote(value)) + path[end:]


def told(fault: Any) -> str:
    """Kind, words and place of a fault."""
    if not fault:
        return ""
    frames, at = [], fault[2]
    while at is not None:
        frames.append(f"{at.tb_frame.f_code.co_filename.rpartition('qosymsha/')[2]}:{at.tb_lineno}")
        at = at.tb_next
    ours = [one for one in frames if "site-packages" not in one]
    return f"{fault[0].__name__}: {str(fault[1])[:160]} at {ours[-1] if ours else ''}"


def operations(views: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """(address, method) of all."""
    for address, view in views.items():
        for method in sorted(set(view.roles) - {"HEAD"}):
            yield address, method
