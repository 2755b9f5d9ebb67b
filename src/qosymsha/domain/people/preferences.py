"""Reads: in which language and by which channels a person wants notices, as the person said or as the house assumes."""

from __future__ import annotations

import json

from django.db import connection

from qosymsha.domain.people import queries
from qosymsha.domain.people.rules import Preferences
from qosymsha.domain.people.states import Channel
from qosymsha.kernel.actor import Actor

EMAIL = "notice_email"  # a kind of secret, by user: an address is a person's, erased by itself
ASSUMED = frozenset({Channel.APP.value, Channel.SMS.value})  # until a person says otherwise

_TOLD = """
SELECT u.language, array_agg(p.channel) FILTER (WHERE p.is_wanted), count(p.id) > 0
  FROM app_user u LEFT JOIN notice_preference p ON p.user_id = u.id WHERE u.id = %s GROUP BY u.id"""


def own_preferences(actor: Actor) -> Preferences:
    """The actor's own wishes; the e-mail address is shown to nobody else."""
    with connection.cursor() as cursor:
        cursor.execute(_TOLD, [actor.user_id])
        language, channels, is_told = cursor.fetchone() or ("kk", None, False)
    plain = queries.unseal(EMAIL, [actor.user_id]).get(actor.user_id)
    email = str(json.loads(plain)["email"]) if plain else ""
    return Preferences(language, frozenset(channels or ()) if is_told else ASSUMED, email, is_told)


def chosen_language(user_id: int) -> str:
    """The language that a person has chosen for the pages; "" while none was, so that the browser's stands."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT u.language FROM app_user u WHERE u.id = %s"
            " AND EXISTS (SELECT FROM notice_preference p WHERE p.user_id = u.id)",
            [user_id],
        )
        row = cursor.fetchone()
    return str(row[0]) if row else ""
