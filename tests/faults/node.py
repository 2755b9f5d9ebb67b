"""A node of pages with a clock of its own: run under `faketime`, it is given browsers' requests and tells its answers.

Reads JSON lines {"method", "path", "cookies", "fields"}; the first line of its answer is its own clock and the city's.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime

import django


def main() -> None:
    """Answer what is asked, in order."""
    django.setup()
    from django.test import Client  # noqa: PLC0415 - once Django is set up

    from qosymsha.kernel import clock  # noqa: PLC0415 - see above

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


if __name__ == "__main__":
    main()
