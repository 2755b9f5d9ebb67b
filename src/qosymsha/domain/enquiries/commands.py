"""Ask for somebody for a stated purpose; open a record by a second act. Neither stores what was typed."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction

from qosymsha.domain.enquiries import queries
from qosymsha.domain.enquiries.access import ALLOWED, Action
from qosymsha.domain.enquiries.models import Enquiry, EnquiryHit, EnquiryOpening
from qosymsha.domain.enquiries.rules import Asked, EnquiryRefusal, refuse_asked, refuse_purpose
from qosymsha.domain.vouchers.steps import Deed, begin, keep
from qosymsha.kernel import audit, cipher, locks
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.errors import Refused


@transaction.atomic(durable=True)
def ask(*, actor: Actor, asked: Asked, at: datetime, key: UUID) -> UUID:
    """Look somebody up; the enquiry's outside id, under which the asker alone sees who was found.

    Somebody unknown, and somebody of another territory, are the same: nobody was found.

    Raises:
        Forbidden: the actor may not look people up.
        Refused: an `EnquiryRefusal`; `enquiries_over` at the day's number.
    """
    require(actor, Action.SEARCH, ALLOWED)
    deed = Deed(actor, Action.SEARCH, at, key)
    locks.exclusive(f"enquiries.{actor.user_id}")
    seen = begin(deed, cipher.lookup("enquiry", repr(asked)).hex())
    if seen is not None:
        return UUID(seen["uuid"])
    reason = refuse_asked(asked)
    if reason is None and queries.asked_today(actor.user_id, at) >= queries.day_limit():
        reason = EnquiryRefusal.ENQUIRIES_OVER
    if reason is not None:
        raise Refused(reason)
    children = queries.found(actor, asked, deed.today)
    made = Enquiry.objects.create(
        user_id=actor.user_id, purpose=asked.purpose, reference=asked.reference.strip().upper(), way=asked.way.value,
        hits=len(children), at=at,
    )  # fmt: skip
    EnquiryHit.objects.bulk_create(EnquiryHit(enquiry=made, child_id=child_id) for child_id in children)
    audit.record(
        actor=actor, at=at, action=Action.SEARCH, subject_kind="enquiry", subject_ids=[made.pk],
        detail={"purpose": made.purpose, "reference": made.reference, "way": made.way, "hits": made.hits},
    )  # fmt: skip
    keep(deed, {"uuid": str(made.uuid)})
    return made.uuid


@transaction.atomic(durable=True)
def open_record(*, actor: Actor, hit: UUID, purpose: str, at: datetime, key: UUID) -> None:
    """Open a record that one's own enquiry found, again for a stated purpose: half an hour from now on.

    Raises:
        Forbidden: the actor may not open records.
        Refused: `unknown_hit` (also another's enquiry, or a child that has left the territory), `purpose_missing`.
    """
    require(actor, Action.OPEN, ALLOWED)
    deed = Deed(actor, Action.OPEN, at, key)
    if begin(deed, [str(hit), purpose]) is not None:
        return
    found = EnquiryHit.objects.select_related("enquiry", "child").filter(uuid=hit).first()
    is_own = found is not None and found.enquiry.user_id == actor.user_id
    if found is None or not is_own or not actor.holds(ALLOWED[Action.OPEN], territory_id=found.child.territory_id):
        raise Refused(EnquiryRefusal.UNKNOWN_HIT)
    reason = refuse_purpose(purpose, found.enquiry.reference)
    if reason is not None:
        raise Refused(reason)
    EnquiryOpening.objects.create(hit=found, purpose=purpose, at=at)
    audit.record(
        actor=actor, at=at, action=Action.OPEN, subject_kind="child", subject_ids=[found.child_id],
        territory_id=found.child.territory_id, detail={"purpose": purpose, "reference": found.enquiry.reference},
    )  # fmt: skip
    keep(deed, {"done": True})
