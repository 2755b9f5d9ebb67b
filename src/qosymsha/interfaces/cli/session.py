"""What most verbs need first: a database that answers and is up to date. Embedded where DATABASE_URL is not set."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from uuid import UUID, uuid5

from django.conf import settings
from django.db import Error, OperationalError, connection, connections

from qosymsha.interfaces.cli.migrating import bring_up_to_date
from qosymsha.kernel import audit
from qosymsha.runtime import postgres
from qosymsha.runtime.address import django_database
from qosymsha.runtime.errors import EnvironmentFault

DATABASE, DEMO_DATABASE = "qosymsha", "qosymsha_demo"
_KEYS = UUID("4b9c2a52-5a6e-4a57-9d6b-5f2f6a1f3f10")


def key_of(*parts: object) -> UUID:
    """An idempotency key for an operator's verb made from what it is about: running it again does nothing twice."""
    return uuid5(_KEYS, "\0".join(map(str, parts)))


@contextmanager
def database(*, fresh: bool = False, migrate: bool = True) -> Iterator[str]:
    """Connect Django to the database, bring its tables up to date, yield the address; `fresh` drops the demo's first.

    On leaving, the audit events of the verb are linked.

    `migrate=False` leaves tables and chain as they are: for `doctor`, which tells what is not up to date.

    Raises:
        EnvironmentFault: no server can be reached or started; says what to do.
    """
    name = DEMO_DATABASE if settings.MODE == "demo" else DATABASE
    outside = os.environ.get("DATABASE_URL")
    if outside and settings.MODE != "demo":
        yield from _connected(outside, migrate)
        return
    with postgres.running() as server:
        postgres.create_database(server, name, drop_first=fresh)
        yield from _connected(server.url(name), migrate)


@contextmanager
def connected(url: str) -> Iterator[str]:
    """Connect Django to a database as it is: nothing is brought up to date, nothing linked.

    Raises:
        EnvironmentFault: it does not answer.
    """
    yield from _connected(url, False)


def _connected(url: str, migrate: bool) -> Iterator[str]:
    connections.databases["default"].update(django_database(url))
    os.environ["DATABASE_URL"] = url
    try:
        connection.ensure_connection()
    except OperationalError as error:
        raise EnvironmentFault(f"the database does not answer: {str(error).strip()}; check DATABASE_URL") from error
    if migrate:
        bring_up_to_date()
    try:
        yield url
    finally:
        if migrate:
            _link()
        connections.close_all()


def _link() -> None:
    """Chain what the verb has recorded, for a computer on which no worker runs.

    A failure here is no failure of the verb: the next one, or the worker, links it; INV-9 tells if nobody does.
    """
    with suppress(Error):
        while audit.link():
            pass
