"""What is done to this room's rows inside a verb: papers, moves of an accreditation, groups with their timetables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from hashlib import sha256

from django.db import connection, transaction
from django.db.backends.postgresql.psycopg_any import DateRange

from qosymsha.domain.documents import steps as documents
from qosymsha.domain.people import queries as people
from qosymsha.domain.people import steps as people_steps
from qosymsha.domain.people.rules import tidy
from qosymsha.domain.providers.models import (
    Accreditation,
    AccreditationAnswer,
    ClubGroup,
    Offering,
    Teacher,
    TimetableSlot,
    Venue,
)
from qosymsha.domain.providers.queries import ContractFacts
from qosymsha.domain.providers.rules import GroupDraft, Paper
from qosymsha.domain.providers.states import AccreditationState, GroupState
from qosymsha.domain.providers.steps.cards import write_cards as write_cards
from qosymsha.domain.providers.steps.cards import write_cards_of as write_cards_of
from qosymsha.domain.providers.steps.forgetting import TRADER as TRADER
from qosymsha.domain.providers.steps.forgetting import erase_teachers as erase_teachers
from qosymsha.domain.providers.steps.forgetting import erase_traders as erase_traders
from qosymsha.domain.providers.steps.running import TEACHER as TEACHER
from qosymsha.domain.providers.steps.running import change_group as change_group
from qosymsha.domain.providers.steps.running import change_venue as change_venue
from qosymsha.domain.providers.steps.running import disengage as disengage
from qosymsha.domain.providers.steps.running import engage as engage
from qosymsha.domain.providers.steps.running import move_week as move_week
from qosymsha.domain.providers.steps.running import replace_week as replace_week
from qosymsha.domain.providers.steps.running import resize_group as resize_group
from qosymsha.domain.providers.steps.running import settle_halls as settle_halls
from qosymsha.domain.providers.steps.running import store_teacher as store_teacher
from qosymsha.domain.providers.steps.running import store_venue as store_venue
from qosymsha.kernel.actor import Actor
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.text import normal

ACCREDITATION = "accreditation"
_KEPT = timedelta(days=3653)  # as the file itself: ten years

_EXPIRE = """
WITH due AS (
    SELECT id, state FROM accreditation
     WHERE state IN ('accredited', 'limited') AND upper(valid) <= %s ORDER BY id FOR UPDATE
), moved AS (
    UPDATE accreditation a SET state = %s, reason = 'papers_expired' FROM due WHERE a.id = due.id
)
INSERT INTO accreditation_history (accreditation_id, from_state, to_state, at, actor_id, reason)
SELECT id, state, %s, %s, %s, 'papers_expired' FROM due RETURNING accreditation_id"""


@dataclass(frozen=True, slots=True)
class Opening:
    """A group decided to be opened: the draft with its contract, the activity's kind, and the last day it will have."""

    draft: GroupDraft
    contract: ContractFacts
    kind: str
    last_day: date | None


def store_papers(accreditation_id: int, papers: Sequence[Paper], *, actor: Actor, at: datetime) -> None:
    """Add papers to a file, their scans to the documents.

    Raises:
        Refused: a DocumentRefusal: a scan can't be kept.
    """
    papers = [_with_scan(accreditation_id, paper, actor, at) if paper.content else paper for paper in papers]
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO accreditation_evidence (accreditation_id, kind, number, valid, file_hash, document_uuid,"
            " filed_at) SELECT %s, kind, number, daterange(first_day, last_day, '[]'), file_hash, document, %s"
            " FROM unnest(%s::text[], %s::text[], %s::date[], %s::date[], %s::bytea[], %s::uuid[])"
            " AS g (kind, number, first_day, last_day, file_hash, document)",
            [
                accreditation_id,
                at,
                [p.kind for p in papers],
                [p.number.strip() for p in papers],
                [p.first_day for p in papers],
                [p.last_day for p in papers],
                [p.file_hash for p in papers],
                [p.document_uuid for p in papers],
            ],
        )


def _with_scan(accreditation_id: int, paper: Paper, actor: Actor, at: datetime) -> Paper:
    about = documents.About(ACCREDITATION, accreditation_id)
    until = local_day(at) + _KEPT
    kept = documents.keep_document(
        actor=actor, purpose=ACCREDITATION, about=about, content=paper.content, at=at, keep_until=until
    )
    return replace(paper, content=b"", document_uuid=kept.uuid, file_hash=sha256(paper.content).digest())


def store_answer(accreditation_id: int, words: str, *, actor: Actor, at: datetime) -> None:
    """The provider's words, beside the file's history."""
    assert transaction.get_connection().in_atomic_block, "an answer commits with its record"
    AccreditationAnswer.objects.create(accreditation_id=accreditation_id, words=words, at=at, actor_id=actor.user_id)


@dataclass(frozen=True, slots=True)
class Move:
    """A step of an accreditation: where to, why, and from which day to which last day it holds (None: days stay)."""

    target: AccreditationState
    reason: str = ""
    days: tuple[date, date | None] | None = None
    grounds: tuple[str, ...] = ()


def move(row: Accreditation, step: Move, *, actor: Actor, at: datetime) -> None:
    """Put a locked accreditation into its next state, with a line of history."""
    with connection.cursor() as cursor:
        first, last = step.days or (None, None)
        cursor.execute(
            "UPDATE accreditation SET state = %s, reason = %s, grounds = %s, decided_by = %s,"
            " valid = CASE WHEN %s THEN daterange(%s, %s::date + 1) ELSE valid END WHERE id = %s",
            [step.target, step.reason, [*step.grounds], actor.user_id, step.days is not None, first, last, row.id],
        )
    remember([row.id], row.state, step, actor=actor, at=at)
    row.state = step.target


def remember(ids: Sequence[int], before: str, step: Move, *, actor: Actor, at: datetime) -> None:
    """One line of history per accreditation."""
    assert transaction.get_connection().in_atomic_block, "a step commits with its history"
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO accreditation_history (accreditation_id, from_state, to_state, at, actor_id, reason, grounds)"
            " SELECT unnest(%s::bigint[]), %s, %s, %s, %s, %s, %s",
            [list(ids), before, step.target, at, actor.user_id, step.reason, [*step.grounds]],
        )


def expire(day: date, *, actor: Actor, at: datetime) -> list[int]:
    """Expire what ended before `day`, with history, in one statement."""
    state = AccreditationState.EXPIRED
    with connection.cursor() as cursor:
        cursor.execute(_EXPIRE, [day, state, state, at, actor.user_id])
        return sorted(int(i) for (i,) in cursor.fetchall())


def store_groups(provider_id: int, openings: Sequence[Opening]) -> list[int]:
    """Store groups with venues, teachers, offerings, timetables, in a constant number of statements; ids in order."""
    assert transaction.get_connection().in_atomic_block, "a group commits with its timetable"
    venues, teachers, offerings = _venues(provider_id, openings), _teachers(openings), _offerings(openings)
    groups = ClubGroup.objects.bulk_create(
        ClubGroup(
            territory_id=o.contract.territory_id,
            programme_id=o.contract.programme_id,
            provider_id=provider_id,
            offering_id=offerings[o.contract.id, o.draft.activity],
            contract_id=o.contract.id,
            line_id=o.contract.line_id,
            venue_id=venues[venue_key(o.draft)],
            kind=o.kind,
            code=o.draft.code,
            language=o.draft.language,
            age_min=o.draft.age_min,
            age_max=o.draft.age_max,
            capacity=o.draft.capacity,
            unit_tariff_tiyn=o.draft.unit_tariff_tiyn,
            units_per_month=o.draft.units_per_month,
            is_adapted=o.draft.is_adapted,
            mode=o.draft.mode,
            adds_tiyn=o.draft.adds_tiyn,
            valid=_days(o),
            state=GroupState.OPEN,
        )
        for o in openings
    )
    TimetableSlot.objects.bulk_create(
        TimetableSlot(
            group=group,
            teacher_id=opening.draft.teacher_id or teachers[_teacher_lookup(opening)],
            weekday=slot.weekday,
            starts=slot.starts,
            ends=slot.ends,
            valid=_days(opening),
        )
        for group, opening in zip(groups, openings, strict=True)
        for slot in opening.draft.slots
    )
    ids = [group.id for group in groups]
    write_cards(ids)
    return ids


def end_lessons(group_id: int, last_day: date) -> None:
    """Close a group: its own days and its timetable's end with `last_day`."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE club_group SET state = %s, valid = valid * daterange(NULL, %s, '[]') WHERE id = %s",
            [GroupState.CLOSED, last_day, group_id],
        )
        cursor.execute(
            "UPDATE timetable_slot SET valid = valid * daterange(NULL, %s, '[]') WHERE group_id = %s",
            [last_day, group_id],
        )
        cursor.execute("DELETE FROM club_card WHERE group_id = %s", [group_id])


def venue_key(draft: GroupDraft) -> tuple[int, str]:
    """What a provider's venue is known by: district and Russian address."""
    return draft.venue.district_id, normal(draft.venue.address_ru)


def _days(opening: Opening) -> DateRange:
    return DateRange(opening.draft.first_day, opening.last_day, "[]" if opening.last_day else "[)")


def _venues(provider_id: int, openings: Sequence[Opening]) -> dict[tuple[int, str], int]:
    Venue.objects.bulk_create(
        (
            Venue(
                provider_id=provider_id,
                district_id=o.draft.venue.district_id,
                address_kk=normal(o.draft.venue.address_kk),
                address_ru=normal(o.draft.venue.address_ru),
                capacity=o.draft.venue.capacity,
                latitude=o.draft.venue.place and o.draft.venue.place[0],
                longitude=o.draft.venue.place and o.draft.venue.place[1],
            )
            for o in openings
        ),
        ignore_conflicts=True,
    )
    return {(v.district_id, v.address_ru): v.id for v in Venue.objects.filter(provider_id=provider_id)}


def _teachers(openings: Sequence[Opening]) -> dict[bytes, int]:
    told = [o for o in openings if o.draft.teacher_id is None]
    persons = {_teacher_lookup(o): tidy(o.draft.teacher) for o in told}
    stored = people_steps.store_persons(TEACHER, TEACHER, persons)
    Teacher.objects.bulk_create(Teacher(id=teacher_id) for teacher_id in sorted(stored.made))
    return stored.ids


def _teacher_lookup(opening: Opening) -> bytes:
    return people.iin_lookup(TEACHER, tidy(opening.draft.teacher).iin or "")


def _offerings(openings: Sequence[Opening]) -> dict[tuple[int, str], int]:
    wanted = {(o.contract.id, o.draft.activity): o.contract for o in openings}
    Offering.objects.bulk_create(
        (
            Offering(
                territory_id=contract.territory_id,
                programme_id=contract.programme_id,
                provider_id=contract.provider_id,
                contract_id=contract.id,
                activity_id=activity,
            )
            for (_, activity), contract in wanted.items()
        ),
        ignore_conflicts=True,
    )
    found = Offering.objects.filter(contract_id__in={contract_id for contract_id, _ in wanted})
    return {(o.contract_id, o.activity_id): o.id for o in found}
