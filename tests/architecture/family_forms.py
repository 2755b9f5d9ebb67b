"""Every form of the family's door, sent as people send them: twice, from two tabs, too late, with a hole in it.

The forms are found on the pages that their owners open (`tests/factories/wall.py`), filled as a browser would fill
them, and sent; what a sending writes is read from the database's own count of rows. The tests stand in `test_wall.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.urls import resolve

from qosymsha.kernel import clock
from tests.architecture import family_scenes
from tests.factories import uploads, wall
from tests.interfaces import browsing
from tests.journeys import every_page

LANGUAGE = "ru"
_FIELDS = ("input", "select", "textarea")
# Rows that say who looked, that a visit goes on, that a key came back: no second effect.
NO_EFFECT = ("audit_event", "django_session", "idempotency_key")
_PENDING = """
SELECT relname, n_tup_ins + n_tup_upd + n_tup_del FROM pg_stat_xact_user_tables
 WHERE n_tup_ins + n_tup_upd + n_tup_del > 0
"""


@dataclass
class Control:
    """A field as a page shows it; `options` of a select, or of the radios of one name."""

    name: str
    type: str
    value: str = ""
    options: list[str] = field(default_factory=list)
    chosen: list[str] = field(default_factory=list)
    is_required: bool = False
    is_invalid: bool = False
    described: str = ""


@dataclass
class FormShown:
    """A form of a page: where it goes, its fields by name, the first of its buttons that has a name."""

    action: str
    controls: dict[str, Control] = field(default_factory=dict)
    button: tuple[str, str] | None = None


@dataclass(frozen=True)
class Standing:
    """A form, the page it stands on, and its owner's browser."""

    name: str
    page: str
    action: str
    form: FormShown
    client: Client


Sending = tuple[Standing, dict[str, Any]]  # a form, and what a browser sends once it is filled


class _Reader(HTMLParser):
    """The forms of a page's own part that send something."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.page, self.forms, self.by_id = page, [], {}
        self.here: FormShown | None = None
        self.select: Control | None = None
        self.area: Control | None = None
        self.ids: dict[str, str] = {}
        self.naming = ""

    forms: list[FormShown]
    by_id: dict[str, FormShown]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {name: value or "" for name, value in attrs}
        if "id" in said and tag not in _FIELDS:
            self.naming = said["id"]
        if tag == "form" and said.get("method", "get").lower() == "post":
            self.here = FormShown(urlsplit(said.get("action") or self.page).path)
            self.forms.append(self.here)
            self.by_id[said.get("id", "")] = self.here
            return
        form = self.by_id.get(said["form"]) if "form" in said else self.here
        if tag == "option" and self.select is not None:
            self.select.options.append(said.get("value", ""))
            if "selected" in said:
                self.select.chosen.append(said.get("value", ""))
        elif form is not None and tag == "button" and "formaction" in said:
            self.forms.append(FormShown(said["formaction"], form.controls))  # the same fields, sent elsewhere
        elif form is not None and said.get("name"):
            self._control(form, tag, said)

    def _control(self, form: FormShown, tag: str, said: Mapping[str, str]) -> None:
        if tag == "button":
            form.button = form.button or (said["name"], said.get("value", ""))
            return
        if tag not in _FIELDS or "disabled" in said:
            return
        kind = said.get("type", "text") if tag == "input" else tag
        one = form.controls.setdefault(said["name"], Control(said["name"], kind))
        one.is_required |= "required" in said
        one.is_invalid |= said.get("aria-invalid") == "true"
        one.described += f" {said.get('aria-describedby', '')}"
        if kind in ("radio", "checkbox"):
            one.options.append(said.get("value", "on"))
            one.chosen += [said.get("value", "on")] if "checked" in said else []
        elif tag == "input":
            one.value = said.get("value", "")
        self.select = one if tag == "select" else self.select
        self.area = one if tag == "textarea" else None

    def handle_endtag(self, tag: str) -> None:
        self.here = None if tag == "form" else self.here
        self.select = None if tag == "select" else self.select
        self.area = None if tag == "textarea" else self.area
        self.naming = ""

    def handle_data(self, data: str) -> None:
        if self.area is not None:
            self.area.value += data.removeprefix("\n")
        if self.naming and data.strip():
            self.ids[self.naming] = data.strip()


def read(page: str, shown: str) -> _Reader:
    """The forms of a page's own part, and the words of what bears an id."""
    reader = _Reader(page)
    reader.feed(shown.partition("<main")[2].partition("</main>")[0])
    return reader


def standing(here: wall.Wall) -> dict[str, Standing]:
    """Name of an address that takes a POST → the form that sends there, on a page as its owner sees it."""
    found: dict[str, Standing] = {}
    for client, page in (*_staged(here), *_walled(here)):
        for form in shown(client, page):
            name = resolve(form.action).url_name or ""
            if name.startswith("family-") and name not in found:
                found[name] = Standing(name, page, form.action, form, client)
    return found


def _staged(here: wall.Wall) -> Iterator[tuple[Client, str]]:
    return ((one.client, f"/{LANGUAGE}/family/{page}") for one in family_scenes.scenes(here) for page in one.pages)


def _walled(here: wall.Wall) -> Iterator[tuple[Client, str]]:
    for address, view in every_page.addresses():
        if every_page.door_of(address) == "family":
            known, whose = every_page.filled(here, address)
            for client in every_page.askers(here, address, view, whose):
                yield client, f"/{LANGUAGE}/{known}"


def shown(client: Client, page: str) -> list[FormShown]:
    """The forms of a page, nothing left behind; none where there is no such page."""
    with wall.undone(client):
        answer: Any = client.get(page)
        is_page = answer.status_code == 200 and "text/html" in answer.headers["Content-Type"]
        return read(page, answer.content.decode()).forms if is_page else []


def filled(one: Standing, given: Mapping[str, object]) -> dict[str, Any]:
    """What a browser would send once somebody has filled the form; `given` where only one word will do."""
    sent: dict[str, Any] = {}
    for control in one.form.controls.values():
        value = _typed(control)
        if value is not None:
            sent[control.name] = value
    sent |= dict([one.form.button]) if one.form.button else {}
    return sent | dict(given)


def _typed(control: Control) -> object:
    kinds = {"date": control.value or str(clock.local_day(clock.read())), "number": control.value or "1"}
    if control.type == "file":
        return SimpleUploadedFile("paper.pdf", uploads.pdf(), "application/pdf")
    if control.type in ("radio", "select"):
        return next((option for option in control.chosen + control.options if option), None)
    if control.type == "checkbox":
        return control.chosen or (control.options[:1] if control.is_required else None)
    return kinds.get(control.type) or control.value or ("" if control.type == "hidden" else "Сөз")


def written() -> dict[str, int]:
    """Table → rows written so far in this transaction, without those that are no effect."""
    with connection.cursor() as cursor:
        cursor.execute(_PENDING)
        return {table: n for table, n in cursor.fetchall() if not table.startswith(NO_EFFECT)}


def since(before: Mapping[str, int]) -> list[str]:
    """The tables written since then."""
    return sorted(table for table, n in written().items() if n != before.get(table, 0))


def posted(one: Standing, sent: Mapping[str, Any]) -> Any:
    """One sending, from the page the form stands on; a file is sent from its beginning."""
    for value in sent.values():
        if isinstance(value, SimpleUploadedFile):
            value.seek(0)
    return one.client.post(one.action, dict(sent), headers={"referer": f"http://testserver{one.page}"})


def done(sending: Sending) -> str:
    """How a first sending ends: "" where it did its work, else its status and what the page says is the matter."""
    one, sent = sending
    with wall.undone(one.client):
        answer = posted(one, sent)
        if answer.status_code == 302 and "/step-up/" not in answer["Location"]:
            return ""
        said = re.findall(r'class="(?:error|verdict red)"[^>]*>(.*?)</(?:p|div)>', answer.content.decode(), re.DOTALL)
        return f"{answer.status_code} {answer.headers.get('Location', '')} {said}"


def twice(sending: Sending, again: Mapping[str, Any] | None = None) -> str:
    """What a second sending does: "" where nothing is written and the answer is the first one's, else what differs.

    `again`: what is sent otherwise the second time; the answer may then be another one.
    """
    one, sent = sending
    with wall.undone(one.client):
        first = _told(posted(one, sent))
        before = written()
        second = _told(posted(one, sent | dict(again or {})))
        more = since(before)
    if second[0] >= 500:
        return f"{second[0]}"
    if more:
        return f"writes {', '.join(more)}"
    return "" if again or first == second else f"{first} then {second}"


def _told(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.headers.get("Location", "")


def other_key() -> dict[str, str]:
    """The second tab's."""
    return {"key": str(uuid4())}


def changed(sending: Sending) -> dict[str, Any]:
    """What is sent otherwise from a page that the back button shows again: another choice or word."""
    one, sent = sending
    other: dict[str, Any] = {}
    for control in visible(one):
        rest = [option for option in control.options if option and option != sent.get(control.name)]
        if control.type in ("radio", "select") and rest:
            other[control.name] = rest[0]
        elif control.type in ("text", "textarea"):
            other[control.name] = f"{sent.get(control.name, '')} 2".strip()
    return other


def late(sending: Sending) -> str:
    """What a visit that ran out loses: "" where nothing was done, and the form comes back as it was typed."""
    one, sent = sending
    client = one.client
    with wall.undone(client):
        session = client.session
        user = int(session["user"])
        session["seen"] = (clock.read() - timedelta(days=1)).isoformat()
        session.save()
        before = written()
        answer = posted(one, sent)
        place = urlsplit(answer.headers.get("Location", ""))
        if answer.status_code != 302 or not place.path.endswith("/sign-in/") or since(before):
            return f"{answer.status_code} {place.path}, writes {since(before)}"
        page = parse_qs(place.query).get("next", [""])[0]
        browsing.come_in(client, user, strong=True)
        back = client.get(page) if page else None
        if back is None or back.status_code not in (200, 422):  # 422: a file is to be chosen again
            return f"leads to {page!r}, not to a page: {back and back.status_code}"
        forms = [form for form in read(page, back.content.decode()).forms if form.action == one.action]
        return _lost(one, sent, forms[0]) if forms else f"{page} has the form no more"


def _lost(one: Standing, sent: Mapping[str, Any], back: FormShown) -> str:
    lost = [
        control.name
        for control in visible(one)
        if control.name in sent and _as_list(sent[control.name]) != _as_list(_value(back.controls.get(control.name)))
    ]
    return f"lost {', '.join(lost)}" if lost else ""


def _value(control: Control | None) -> object:
    if control is None:
        return None
    return control.chosen if control.type in ("radio", "checkbox", "select") else control.value


def _as_list(value: object) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else [] if value is None else [str(value)]


def visible(one: Standing) -> list[Control]:
    """The fields a person fills, files aside: no browser may fill those again."""
    return [control for control in one.form.controls.values() if control.type not in ("hidden", "file")]


def spoiled(sending: Sending) -> Iterator[tuple[str, Sending]]:
    """(field, sending) with each field wrong in its turn: a required one empty, a choice that is none, no day."""
    one, sent = sending
    for control in visible(one):
        if control.is_required:
            yield control.name, (one, {**sent, control.name: ""})
        if control.type in ("radio", "select", "date", "number"):
            yield control.name, (one, {**sent, control.name: "☃"})


def ill_received(sending: Sending, name: str) -> str:
    """How bad input is answered: "" where the form is there again as typed, the field marked, a sentence tied to it."""
    one, sent = sending
    with wall.undone(one.client):
        before = written()
        answer = posted(one, sent)
        if answer.status_code != 422 or since(before):
            return f"{answer.status_code}, writes {since(before)}"
        reader = read(one.action, answer.content.decode())  # a form without an address comes back to this one
    form = next((form for form in reader.forms if form.action == one.action), None)
    if form is None or name not in form.controls:
        return "the form does not come back"
    told = [reader.ids[mark] for mark in form.controls[name].described.split() if mark.endswith("-error")]
    if not form.controls[name].is_invalid or not any(told):
        return "the field is not marked"
    kept = replace(one, form=FormShown(one.action, {k: c for k, c in one.form.controls.items() if k != name}))
    return _lost(kept, sent, form)
