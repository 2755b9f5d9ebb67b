"""A person says which news shall stand on the page alone."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from django.db import transaction

from qosymsha.domain.messages import themes
from qosymsha.domain.messages.access import ALLOWED, Action
from qosymsha.domain.messages.models import NoticeChoice
from qosymsha.domain.messages.states import Door
from qosymsha.kernel import audit, idempotency, locks
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.errors import BadInput


@transaction.atomic(durable=True)
def choose_themes(*, actor: Actor, door: Door, wanted: Collection[str], at: datetime, key: UUID) -> None:
    """Keep which themes of a door come by the actor's ways out; the others the actor may decline stand on the page.

    Holds for news told from then on. What is delicate is in no theme, so that it cannot be declined.

    Raises:
        Forbidden: nobody signed in.
        BadInput: a theme that this person is not offered at this door; nothing is stored.
    """
    require(actor, Action.CHOOSE_NOTICES, ALLOWED)
    offered = themes.offered(door, {grant.role for grant in actor.grants})
    if not set(wanted) <= set(offered):
        raise BadInput("themes", "choose among what the page offers")
    locks.exclusive(f"notice_choice:{actor.user_id}")
    body = [door.value, sorted(wanted)]
    if idempotency.repeat(actor=actor, verb="choose_themes", key=key, body=body, at=at) is not None:
        return
    NoticeChoice.objects.bulk_create(
        [
            NoticeChoice(user_id=actor.user_id, door=door.value, theme=theme, is_wanted=theme in wanted, at=at)
            for theme in offered
        ],
        update_conflicts=True,
        unique_fields=["user", "door", "theme"],
        update_fields=["is_wanted", "at"],
    )
    off = sorted(set(offered) - set(wanted))
    audit.record(
        actor=actor, at=at, action=Action.CHOOSE_NOTICES, subject_kind="user", subject_ids=[actor.user_id],
        detail={"door": door.value, "off": off},
    )  # fmt: skip
    idempotency.keep(actor=actor, verb="choose_themes", key=key, outcome=True)
