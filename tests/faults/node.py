"""A node of pages with a clock of its own: run under `faketime`, it is given browsers' requests and tells its answers.

Reads JSON lines {"method", "path", "cookies", "fields"}; the first line of its answer is its own clock and the city's.
FAULTS_CLOCK=own is the control: it believes its own clock where the product believes the database's.
"""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime
from typing import Any

import django


def main() -> None:
    """Answer what is asked, in order."""
    django.setup()
    from django.test import Client  # noqa: PLC0415 - once Django is set up

    from qosymsha.kernel import clock  # noqa: PLC0415 - see above

    if os.environ.get("FAULTS_CLOCK") == "own":
        _believe_ones_own()
    told = {"own": datetime.now(UTC).isoformat(), "city": clock.read().isoformat()}
    print(json.dumps(told), flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        client = Client(raise_request_exception=False, SERVER_NAME="localhost")
        for name, value in asked["cookies"].items():
            client.cookies[name] = value
        send = client.post if asked["method"] == "POST" else client.get
        answer = send(asked["path"], asked.get("fields") or {})
        body = {} if answer.streaming else {"text": answer.content.decode()}
        cookies = {name: one.value for name, one in answer.cookies.items()}
        head = {"status": answer.status_code, "location": answer.headers.get("Location", ""), "cookies": cookies}
        print(json.dumps(head | body), flush=True)


def _believe_ones_own() -> None:
    from django.conf import settings  # noqa: PLC0415 - once Django is set up
    from django.db import connection  # noqa: PLC0415

    from qosymsha.interfaces.ui.sessions import SessionStore  # noqa: PLC0415

    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        off = datetime.now(UTC) - cursor.fetchone()[0]
    load = SessionStore.load

    def loaded(store: SessionStore) -> dict[str, Any]:
        content = load(store)
        store.read_at = store.read_at and store.read_at + off
        return content

    SessionStore.load = loaded  # type: ignore[method-assign]
    SessionStore.get_expiry_date = lambda *_, **__: datetime.now(UTC) + settings.VISIT_LENGTH  # type: ignore[method-assign]


if __name__ == "__main__":
    main()
