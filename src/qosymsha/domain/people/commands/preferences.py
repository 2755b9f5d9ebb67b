"""A person's own word on the language and the channels of notices."""

from __future__ import annotations

import json
from datetime import datetime
from uuid import UUID

from django.db import transaction

from qosymsha.domain.people import preferences, queries, steps
from qosymsha.domain.people.access import ALLOWED, Action
from qosymsha.domain.people.models import Guardian, NoticePreference, User
from qosymsha.domain.people.rules import Preferences, refuse_preferences
from qosymsha.domain.people.states import Channel
from qosymsha.domain.people.steps import SecretRow
from qosymsha.kernel import audit, idempotency, locks
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.errors import Refused


@transaction.atomic(durable=True)
def set_preferences(*, actor: Actor, wish: Preferences, at: datetime, key: UUID) -> None:
    """Keep the actor's own language and channels; notices stand in the app whatever is wished.

    An address that is left blank is destroyed. The audit holds the channels, never the address.

    Raises:
        Forbidden: nobody signed in.
        Refused: a `PreferenceRefusal`, or language_unknown; nothing is stored.
    """
    require(actor, Action.SET_PREFERENCES, ALLOWED)
    locks.exclusive(f"preferences:{actor.user_id}")
    wanted = wish.channels | {Channel.APP}
    body = [wish.language, sorted(wanted), wish.email]
    if idempotency.repeat(actor=actor, verb="set_preferences", key=key, body=body, at=at) is not None:
        return
    refusal = refuse_preferences(wish, bool(queries.phone_of(actor)[0]))
    if refusal is not None:
        raise Refused(refusal)
    _store(actor, wish, wanted, at)
    audit.record(
        actor=actor,
        at=at,
        action=Action.SET_PREFERENCES,
        subject_kind="user",
        subject_ids=[actor.user_id],
        detail={"language": wish.language, "channels": sorted(wanted)},
    )
    idempotency.keep(actor=actor, verb="set_preferences", key=key, outcome=True)


def _store(actor: Actor, wish: Preferences, wanted: frozenset[str], at: datetime) -> None:
    User.objects.filter(id=actor.user_id).update(language=wish.language)
    if actor.guardian_id is not None:
        Guardian.objects.filter(id=actor.guardian_id).update(language=wish.language)
    NoticePreference.objects.bulk_create(
        [
            NoticePreference(user_id=actor.user_id, channel=one, is_wanted=one in wanted, at=at)
            for one in (channel.value for channel in Channel)
        ],
        update_conflicts=True,
        unique_fields=["user", "channel"],
        update_fields=["is_wanted", "at"],
    )
    if wish.email:
        plain = json.dumps({"email": wish.email}, ensure_ascii=False).encode()
        steps.seal(preferences.EMAIL, [SecretRow(actor.user_id, plain)])
    else:
        steps.erase(preferences.EMAIL, [actor.user_id])
