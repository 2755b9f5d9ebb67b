"""The two verbs of `bench.rush` without our care: no key, no audit, no news, no history, no sealed ticket, no rules.

What a hurried programmer would write: the visit, whose child it is, one look, the rows. Served by the same server
behind the same middleware, so that the difference is what our care costs.
"""

from __future__ import annotations

import os
from typing import Any
from uuid import UUID, uuid4

os.environ["DJANGO_SETTINGS_MODULE"] = "bench.rush_control_settings"

from django.core.wsgi import get_wsgi_application

_django = get_wsgi_application()

from django.db import connection, transaction  # noqa: E402 - the app registry first
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect  # noqa: E402
from django.urls import path  # noqa: E402

from qosymsha.interfaces.ui.shedding import Shedding, limits  # noqa: E402

application = Shedding(_django, limits())

_WARD = """
SELECT g.id, c.id FROM guardian g JOIN guardianship s ON s.guardian_id = g.id JOIN child c ON c.id = s.child_id
 WHERE g.user_id = %s AND c.uuid = %s"""
_FILE = """
INSERT INTO application (uuid, number, territory_id, programme_id, round_id, child_id, guardian_id, slot, kind, segment,
                         age, claims, category, line_id, state, reason, submitted_at)
VALUES (%s, %s, 1, 1, 1, %s, %s, 'main', %s, '', 11, '[]', '', %s, 'submitted', '', now())"""
_VOUCHER = """
SELECT v.id, v.child_id, v.month_tiyn FROM voucher v JOIN guardianship s ON s.child_id = v.child_id
  JOIN guardian g ON g.id = s.guardian_id WHERE v.uuid = %s AND v.state = 'accepted' AND g.user_id = %s"""
_SEAT = """
UPDATE seat s SET taken = taken + 1 FROM club_group g
 WHERE g.uuid = %s AND s.group_id = g.id AND taken < s.capacity RETURNING g.id, g.provider_id, g.unit_tariff_tiyn"""
_ENROL = """
INSERT INTO enrolment (uuid, territory_id, programme_id, voucher_id, child_id, group_id, provider_id, line_id, state,
                       reason, starts_on, unit_tariff_tiyn, promised_month, created_at)
VALUES (%s, 1, 1, %s, %s, %s, %s, 1, 'active', '', %s, %s, date_trunc('month', %s::date), now()) RETURNING id"""


def file(request: HttpRequest, round_uuid: UUID) -> HttpResponse:
    """An application, written down."""
    uuid = uuid4()
    with transaction.atomic(), connection.cursor() as cursor:
        guardian, child = _one(cursor, _WARD, [request.session["user"], request.POST["child"]])
        _one(cursor, "SELECT state FROM admission_round WHERE uuid = %s AND closes_at > now()", [round_uuid])
        cursor.execute("SELECT 1 FROM application WHERE child_id = %s AND is_live", [child])
        assert cursor.fetchone() is None, "filed before"
        cursor.execute(_FILE, [uuid, f"A-{uuid}", child, guardian, request.POST["kind"], uuid.bytes])
    return HttpResponseRedirect(f"/ru/family/applications/{uuid}/")


def take(request: HttpRequest, group_uuid: UUID) -> HttpResponse:
    """A place, written down, its money moved by two updates."""
    uuid, starts_on = uuid4(), request.POST["starts_on"]
    with transaction.atomic(), connection.cursor() as cursor:
        voucher, child, _ = _one(cursor, _VOUCHER, [request.POST["voucher"], request.session["user"]])
        group, provider, tariff = _one(cursor, _SEAT, [group_uuid])
        (place,) = _one(cursor, _ENROL, [uuid, voucher, child, group, provider, starts_on, tariff, starts_on])
        cursor.execute("UPDATE voucher SET state = 'active' WHERE id = %s", [voucher])
        held = "UPDATE ledger_account SET balance_tiyn = balance_tiyn - %s WHERE kind = 'held' AND subject_id = %s"
        cursor.execute(f"{held} AND line_id = 1", [12 * tariff, voucher])
        cursor.execute(
            "INSERT INTO ledger_account (kind, line_id, subject_id, month, balance_tiyn)"
            " VALUES ('place', 1, %s, %s, %s)",
            [place, starts_on, 12 * tariff],
        )
    return HttpResponseRedirect("/ru/family/vouchers/")


def _one(cursor: Any, statement: str, values: list[Any]) -> tuple[Any, ...]:
    cursor.execute(statement, values)
    row = cursor.fetchone()
    assert row is not None, "not there, or full"
    return tuple(row)


urlpatterns = [
    path("ru/family/apply/<uuid:round_uuid>/", file),
    path("ru/family/groups/<uuid:group_uuid>/take/", take),
]
