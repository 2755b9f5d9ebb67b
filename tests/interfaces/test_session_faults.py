"""A database that fails while a visit is stored is our fault (500, to be sent again), never the visitor's (400).

Django takes any fault of the database for a session deleted elsewhere and answers 400, after the verb was done. Found
by the battery of kills: families were told "bad request" by a page that had filed their application.
"""

from __future__ import annotations

from unittest.mock import patch

import pytest
from django.contrib.sessions.backends import db
from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.models import Session
from django.db import OperationalError

from qosymsha.interfaces.ui.sessions import SessionStore

pytestmark = pytest.mark.django_db


def begun(store: db.SessionStore) -> db.SessionStore:
    store["user"] = 1
    store.save()
    store["seen"] = "now"
    return store


def cut(*_: object, **__: object) -> None:
    raise OperationalError("server closed the connection unexpectedly")


def test_a_lost_connection_is_told_as_what_it_is() -> None:
    store = begun(SessionStore())
    with patch.object(Session, "save", cut), pytest.raises(OperationalError):
        store.save()


def test_control_djangos_own_store_blames_the_visitor() -> None:
    store = begun(db.SessionStore())
    with patch.object(Session, "save", cut), pytest.raises(UpdateError):
        store.save()


def test_a_visit_that_was_ended_elsewhere_is_still_told_so() -> None:
    store = begun(SessionStore())
    Session.objects.all().delete()
    with pytest.raises(UpdateError):
        store.save()
