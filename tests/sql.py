"""A control switched off inside a SQL function: its text replaced for a while, put back whatever happens."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection


@contextmanager
def altered(function: str, right: str, wrong: str) -> Iterator[None]:
    """The function with `right` replaced by `wrong`, committed at once; needs a test with real commits."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_get_functiondef(%s::regproc)", [function])
        (text,) = cursor.fetchone()
        assert right in text, f"{function} does not say: {right}"
        cursor.execute(text.replace(right, wrong))
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(text)
