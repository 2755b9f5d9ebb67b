"""News becomes notices: the outbox's rows in their order, each once for each person, whoever is killed on the way."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from django.db import transaction

from qosymsha.domain.messages import steps, whom
from qosymsha.domain.messages.access import ALLOWED, Action
from qosymsha.domain.messages.rules import days_before
from qosymsha.domain.messages.states import Door
from qosymsha.domain.messages.steps import Drafted, Envelope
from qosymsha.domain.messages.terms import terms
from qosymsha.domain.messages.topics import REMINDERS, Heard, heard, own
from qosymsha.domain.messages.whom import Told
from qosymsha.kernel import audit, outbox
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.clock import local_day, local_instant
from qosymsha.kernel.outbox import News

CONSUMER = "notices"
PORTION = 500
# What asks for an act and has a last day: once somebody has acted there is no such day, and nothing to be told.
ASKING = frozenset(
    {"voucher_issued", "place_offered", "seat_offered", "contract_to_sign", "contract_reminder", "club_refuses",
     "absence_hearing", "control_found"}
)  # fmt: skip
CONFIRMED = frozenset({"month_to_confirm", "month_again", "month_reminder"})  # until an officer may decide


@transaction.atomic(durable=True)
def make_notices(*, actor: Actor, at: datetime, ways: frozenset[str], limit: int = PORTION) -> int:
    """Tell the next news to whom it concerns; how many pieces were read (fewer than `limit`: there are no more now).

    `ways` are the channels this installation can send by. News older than the rules' days is passed over. Needs no
    key: the place in the outbox moves in the same transaction, behind a lock that makes a second one wait; and a
    notice is unique by person and occasion.

    Raises:
        Forbidden: the actor is not the clock.
        NotConfigured: the rules of notices cannot be read.
    """
    require(actor, Action.MAKE_NOTICES, ALLOWED)
    today = local_day(at)
    envelope = Envelope(at, terms(today), ways, today)
    news = outbox.unread(CONSUMER, limit)  # holds the cursor's row to the end
    if not news:
        return 0
    since = at - timedelta(days=envelope.rules.inbox_days)
    made = steps.store(drafted([one for one in news if one.at >= since], today), envelope)
    outbox.read_up_to(CONSUMER, news[-1].id, at)
    if made:
        audit.record(
            actor=actor, at=at, action=Action.MAKE_NOTICES, subject_kind="outbox",
            subject_ids=[news[0].id, news[-1].id], detail={"notices": made},
        )  # fmt: skip
    return len(news)


@transaction.atomic(durable=True)
def remind_of_ends(*, actor: Actor, at: datetime, ways: frozenset[str]) -> int:
    """Tell of vouchers and accreditations whose last day comes near, on the rules' days before; how many notices.

    Needs no key: a notice is unique by person, matter and last day.

    Raises:
        Forbidden: the actor is not the clock.
        NotConfigured: the rules of notices cannot be read.
    """
    require(actor, Action.MAKE_NOTICES, ALLOWED)
    today = local_day(at)
    rules = terms(today)
    vouchers, files = REMINDERS
    drafts = [
        *_reminders(vouchers, whom.vouchers_ending(days_before(today, rules.voucher_days_before)), at, today),
        *_reminders(files, whom.accreditations_ending(days_before(today, rules.accreditation_days_before)), at, today),
    ]
    made = steps.store(drafts, Envelope(at, rules, ways, today))
    if made:
        audit.record(
            actor=actor, at=at, action=Action.MAKE_NOTICES, subject_kind="notice", subject_ids=[],
            detail={"reminders": made},
        )  # fmt: skip
    return made


def drafted(news: Sequence[News], today: date) -> list[Drafted]:
    """The notices of some news: one for a person, a kind and a row; or a kind and a deed, where rows are merged."""
    asked: defaultdict[Heard, list[News]] = defaultdict(list)
    drafts: dict[tuple[object, str], Drafted] = {}
    for one in news:
        for how in heard(one.topic, one.detail):
            if how.kind == "guardianship_ended":
                _add(drafts, how, one, _whose_right_ended(one))
            elif how.subject == one.subject_kind:
                asked[how].append(one)
    parted = {one.id for how, pieces in asked.items() if how.others for one in pieces}
    doers = whom.doers([one for one in news if one.id in parted])
    for how, pieces in asked.items():
        rows = [piece.subject_id for piece in pieces]
        ends = whom.confirm_until(how.subject, rows, pieces[0].at) if how.kind in CONFIRMED else {}
        for told in whom.concerned(how, rows, today):
            piece = pieces[told.news]
            doer = doers.get(piece.id) if how.door is Door.FAMILY else None
            share = _share(how, told, doer)
            if share is not None:
                due_at = None if told.is_youth and how.kind in ASKING else ends.get(piece.subject_id, told.due_at)
                _add(drafts, share, piece, replace(told, due_at=due_at))
    return list(drafts.values())


def _is_for(how: Heard, told: Told, doer: int | None) -> bool:
    """Of a guardian's deed the others hear one notice, and whoever did it the other; of nobody's all hear the same."""
    return not how.others if doer is None else (told.guardian_id != doer) is how.others


def _share(how: Heard, told: Told, doer: int | None) -> Heard | None:
    """What this person hears of it: a child with an own account its own words; None: nothing."""
    if how.kind in ASKING and told.due_at is None:
        return None
    if told.is_youth:
        return own(how)
    return how if _is_for(how, told, doer) else None


def _whose_right_ended(one: News) -> Told:
    """Not the child: it is no longer this guardian's to be told about."""
    return Told(0, int(one.detail["guardian_id"]), None, None, None, None)


def _add(drafts: dict[tuple[object, str], Drafted], how: Heard, one: News, told: Told) -> None:
    matter = f"of {told.provider_id or 0}" if how.merges else str(one.subject_id)
    occasion = f"{how.kind}/{matter}/{one.at.astimezone(UTC).isoformat()}"
    _gather(drafts, how, one.subject_id, told, (occasion, one.at))


def _gather(
    drafts: dict[tuple[object, str], Drafted], how: Heard, row_id: int, told: Told, when: tuple[str, datetime]
) -> None:
    occasion, told_at = when
    person = (told.guardian_id, told.user_id)
    draft = drafts.setdefault(
        (person, occasion),
        Drafted(how, occasion, told_at, told.guardian_id, told.user_id, told.provider_id, told.due_at),
    )
    draft.matters.add(row_id)
    if told.child_id is not None:
        draft.child_ids.add(told.child_id)
    days = [day for day in (draft.due_at, told.due_at) if day is not None]
    draft.due_at = min(days, default=None)


def _reminders(how: Heard, ending: Sequence[tuple[int, date]], at: datetime, today: date) -> Iterable[Drafted]:
    drafts: dict[tuple[object, str], Drafted] = {}
    for told in whom.concerned(how, [row_id for row_id, _ in ending], today):
        if told.is_youth:
            continue
        row_id, day = ending[told.news]
        occasion = f"{how.kind}/{row_id}/{day.isoformat()}/{(day - today).days}"
        _gather(drafts, how, row_id, replace(told, due_at=local_instant(day + timedelta(days=1))), (occasion, at))
    return drafts.values()
