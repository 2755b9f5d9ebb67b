"""Families that send papers while a disk is full, each under one key, until they are answered; what is kept is whole.

Import it once Django knows its database. The pages are asked in this process: a paper's way to the disk is the same.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, connections
from django.test import Client

from bench.rush_city import CSRF, Family, RushCity
from qosymsha.interfaces.ui.sessions import SessionStore
from qosymsha.kernel import clock
from tests.factories import uploads

CATEGORY = "large-family"
_PAUSE, _PACE = 0.2, 0.1
_KEPT = """
SELECT count(*), count(c.document_id), count(*) FILTER (WHERE octet_length(c.ciphertext) < d.size)
  FROM category_case k LEFT JOIN document d ON d.subject_kind = 'category_case' AND d.subject_id = k.id
  LEFT JOIN document_content c ON c.document_id = d.id"""


class Senders(threading.Thread):
    """One family after another names a category with a paper, until it is told to stop; `statuses` of all tries."""

    def __init__(self, city: RushCity, families: Sequence[Family]) -> None:
        super().__init__(name="papers", daemon=True)
        self._city, self._families = city, families
        self._enough = threading.Event()
        self.statuses: Counter[str] = Counter()
        self.acknowledged = 0

    def run(self) -> None:
        """Send; a paper once begun is sent until it is answered."""
        try:
            for number, family in enumerate(self._families):
                if self._enough.is_set():
                    return
                self._send(number, family)
                time.sleep(_PACE)
        finally:
            connections.close_all()

    def finish(self) -> None:
        """Begin no other; wait for the last answer."""
        self._enough.set()
        self.join(120)

    def _send(self, number: int, family: Family) -> None:
        client, key = self._browser(family), str(uuid4())
        address = f"/ru/family/apply/{self._city.round}/{family.child}/categories/"
        for _ in range(600):
            paper = SimpleUploadedFile("p.pdf", uploads.pdf(b"(%d)" % number, uploads.stream(bytes(range(256)) * 100)))
            said = client.post(address, {"key": key, "category": CATEGORY, "paper": paper, "csrfmiddlewaretoken": CSRF})
            leads = said.headers.get("Location", "")
            word = "elsewhere" if said.status_code == 302 and leads != address else str(said.status_code)
            self.statuses[word] += 1
            if word != "503":
                self.acknowledged += word == "302"
                return
            time.sleep(_PAUSE)

    def _browser(self, family: Family) -> Client:
        client = Client(raise_request_exception=False, SERVER_NAME="localhost")
        client.cookies["visit"] = family.session
        while True:
            try:
                now = clock.read().isoformat()
                visit = SessionStore(family.session)
                visit.update({"strong_at": now, "strong_way": "code"})
                visit.save()
            except Exception:  # noqa: BLE001 - the disk is full: a second factor waits, too
                connection.close()
                time.sleep(_PAUSE)
            else:
                return client


def judged(senders: Senders) -> dict[str, Any]:
    """What the families were told, what stands in the tables, and whether the two agree."""
    with connection.cursor() as cursor:
        cursor.execute(_KEPT)
        cases, papers, cut = cursor.fetchone()
    told = dict(sorted(senders.statuses.items()))
    is_whole = cases == papers == senders.acknowledged and not cut and set(told) == {"302", "503"}
    return {"statuses": told, "acknowledged": senders.acknowledged, "kept": papers, "cut": cut, "green": is_whole}
