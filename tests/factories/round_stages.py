"""A round of vouchers at a stage of its life, and what tests of its steps ask of it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from uuid import uuid4

from django.db import connection

from qosymsha.domain.admission import commands
from qosymsha.domain.admission.models import Application, Round
from tests.factories.admission import AFTER, City, money_for


def closed(families: int = 6, places: int = 3) -> tuple[City, Round]:
    """A city and its closed round."""
    city = City(money={"sport": money_for(places)})
    the_round = city.opened()
    city.file(the_round, city.families(families))
    city.close(the_round)
    return city, the_round


def tamper(statement: str) -> None:
    """Change a row with the database's own safeguards asleep, as only its superuser can."""
    with connection.cursor() as cursor:
        cursor.execute(f"SET session_replication_role = replica; {statement}; SET session_replication_role = origin")


def expected_order(city: City, the_round: Round) -> list[int]:
    """The order of ALLOCATION.md, slowly and by itself: (ceil(k / coefficient), category's order, number)."""
    weights = {c["code"]: (c["order"], c["coefficient"]) for c in city.rules["categories"]["list"]}
    seed = bytes(Round.objects.get(pk=the_round.id).seed or b"")
    by_category: dict[str, list[tuple[bytes, int]]] = {}
    for row in Application.objects.filter(round=the_round):
        number = hashlib.sha256(seed + bytes(row.line_id)).digest()
        by_category.setdefault(row.category, []).append((number, row.id))
    queue = []
    for category, rows in by_category.items():
        order, weight = weights[category]
        queue += [(-(-k // weight), order, number, i) for k, (number, i) in enumerate(sorted(rows), 1)]
    return [i for *_, i in sorted(queue)]


def publish(city: City, the_round: Round, folder: Path) -> Round:
    """Publish into a folder."""
    return commands.publish_round(actor=city.officer, round_id=the_round.id, folder=folder, at=AFTER, key=uuid4())
